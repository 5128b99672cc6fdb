"""Statistics of regions of any shape: `masked_mean`, `masked_stats` and `label_stats`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from boxel import _region_calls as calls
from boxel import _validate as check
from boxel._calls import NAN, Array, Statistic, statistic_names
from boxel._config import check_workers, get_workers
from boxel._registry import MERGEABLE

_MASK_LABEL = np.ones(1, np.int64)
_MASKED = "the mask"


def masked_mean(
    image: npt.ArrayLike,
    mask: npt.ArrayLike,
    *,
    channel_axis: int | Sequence[int] | None = None,
    weights: npt.ArrayLike | None = None,
    skipna: bool = False,
    workers: int | None = None,
) -> Any:
    """Compute the mean of an image under a mask, channel by channel.

    The same as ``image[mask].mean(axis=0)``, without a copy of the pixels and exact for integers.

    Parameters
    ----------
    image : array_like
        N-dimensional; bool, integers of 8 to 64 bits, float16, float32 or float64, in any memory
        layout and byte order. It is not copied. Masked samples of a `numpy.ma.MaskedArray` are left
        out.
    mask : array_like of bool
        True where a pixel counts. It covers the leading axes of the image; the axes behind them are
        channels. Integers are taken for a mask if they are 0 and 1, or 0 and 255.
    channel_axis : int or sequence of int, optional
        The axes of the channels, where they are not the last ones: 0 for channels first.
    weights : array_like, optional
        Non-negative finite weights, of the mask's shape or broadcast to the image.
    skipna : bool, default False
        Leave NaN out. Otherwise a NaN under the mask makes its channel's mean NaN.
    workers : int, optional
        Threads to use at most; default `get_workers`. The result has the same bits for any number.

    Returns
    -------
    float, or ndarray of the shape of the channels
        float64, or float32 for float16 and float32 images; NaN where nothing counts.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    See Also
    --------
    masked_stats : other statistics, and several at once.
    label_stats : many regions at once.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> image = np.zeros((4, 5, 3), np.uint8)
    >>> image[1, 2] = 200, 100, 50
    >>> mask = np.zeros((4, 5), bool)
    >>> mask[1, 1:3] = True
    >>> bx.masked_mean(image, mask)
    array([100.,  50.,  25.])
    """
    return masked_stats(
        image, mask, ("mean",), channel_axis=channel_axis, weights=weights, skipna=skipna,
        workers=workers,
    )["mean"]  # fmt: skip


def masked_stats(
    image: npt.ArrayLike,
    mask: npt.ArrayLike,
    statistics: Statistic | Sequence[Statistic] = ("count", "mean"),
    *,
    channel_axis: int | Sequence[int] | None = None,
    weights: npt.ArrayLike | None = None,
    skipna: bool = False,
    ddof: float = 0,
    fill_value: Any = NAN,
    workers: int | None = None,
) -> dict[str, Any]:
    """Compute statistics of an image under a mask, channel by channel, in one pass.

    Parameters
    ----------
    image : array_like
        As for `masked_mean`.
    mask : array_like of bool
        True where a pixel counts. It covers the leading axes of the image; the axes behind them are
        channels. Integers are taken for a mask if they are 0 and 1, or 0 and 255.
    statistics : str, NumPy function, or sequence of these, default ('count', 'mean')
        Any of ``sum mean min max count count_nonzero density any all var std median mode``
        (`boxel.STATISTICS`).
    channel_axis : int or sequence of int, optional
        The axes of the channels, where they are not the last ones: 0 for channels first.
    weights : array_like, optional
        Non-negative finite weights, of the mask's shape or broadcast to the image. They apply to
        ``sum mean density var std``, as in `block_reduce`; samples of weight 0 are left out.
    skipna : bool, default False
        Leave NaN out. Otherwise a NaN under the mask makes its channel's statistics NaN.
    ddof : float, default 0
        Delta degrees of freedom of ``var`` and ``std``.
    fill_value : scalar, default NaN
        The value of what has none because nothing counts. Where the dtype cannot hold NaN (``min
        max median mode`` of integers) and no other value is given, that is an error. ``count`` and
        ``sum`` are then 0.
    workers : int, optional
        Threads to use at most; default `get_workers`. The result has the same bits for any number.

    Returns
    -------
    dict of scalars, or of ndarrays of the shape of the channels, by statistic
        With the dtypes of `block_reduce`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    See Also
    --------
    label_stats : many regions at once.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> depth = np.arange(6, dtype=np.float32).reshape(2, 3)
    >>> bx.masked_stats(depth, depth > 2)["mean"]
    np.float32(4.0)
    >>> bx.masked_stats(depth, depth > 9)["count"]
    np.int64(0)
    """
    threads = get_workers() if workers is None else check_workers(workers)
    covered = calls.mask_array(mask)
    names, _ = statistic_names(_listed(statistics))
    pixels = calls.pixels_of(
        covered, image, what="mask",
        channel_axis=channel_axis, weights=weights, names=names, workers=workers,
    )  # fmt: skip
    found = _statistics_of(
        pixels, names, _MASK_LABEL, 0, skipna=check.truth(skipna, "skipna"),
        ddof=check.degrees_of_freedom(ddof), fill_value=fill_value, workers=threads,
        describe=_MASKED,
    )  # fmt: skip
    return {name: found[name][0] for name in names}


def label_stats(
    labels: npt.ArrayLike,
    image: npt.ArrayLike | None = None,
    statistics: Statistic | Sequence[Statistic] | None = None,
    *,
    index: npt.ArrayLike | None = None,
    background: int | None = 0,
    channel_axis: int | Sequence[int] | None = None,
    where: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    skipna: bool = False,
    ddof: float = 0,
    fill_value: Any = NAN,
    spacing: float | Sequence[float] | None = None,
    workers: int | None = None,
) -> dict[str, Array]:
    r"""Compute statistics of every labelled region of an image, in one pass.

    Parameters
    ----------
    labels : array_like of int
        The region of every pixel: any integers, negative ones and those beyond 2**53 too, near each
        other or not. They cover the leading axes of the image; the axes behind them are channels.
        Pixels that a `numpy.ma.MaskedArray` masks belong to no region.
    image : array_like, optional
        N-dimensional; bool, integers of 8 to 64 bits, float16, float32 or float64, in any memory
        layout and byte order. It is not copied. Masked samples of a `numpy.ma.MaskedArray` are left
        out.
    statistics : str, NumPy function, or sequence of these, optional
        Any of ``sum mean min max count count_nonzero density any all var std median mode``
        (`boxel.STATISTICS`), and ``bounding_box`` and ``centroid``. Default ``count`` and ``mean``;
        without an image ``count``, ``bounding_box`` and ``centroid``, which need none.
    index : int or sequence of int, optional
        The labels to report, in this order; they may repeat. Labels that do not occur have no
        samples. Default: all labels that occur, in ascending order, but for `background`.
    background : int or None, default 0
        The label that is no region. It counts all the same where `index` names it.
    channel_axis : int or sequence of int, optional
        The axes of the channels, where they are not the last ones: 0 for channels first.
    where : array_like of bool, optional
        True where a sample counts; of the labels' shape, or broadcast to the image.
    weights : array_like, optional
        Non-negative finite weights, of the labels' shape or broadcast to the image. They apply to
        ``sum mean density var std``, as in `block_reduce`; samples of weight 0 are left out.
    skipna : bool, default False
        Leave NaN out. Otherwise a NaN makes the statistics of its region and channel NaN.
    ddof : float, default 0
        Delta degrees of freedom of ``var`` and ``std``.
    fill_value : scalar, default NaN
        The value of what has none because nothing counts. Where the dtype cannot hold NaN (``min
        max median mode`` of integers) and no other value is given, that is an error. Counts and
        ``sum`` are then 0.
    spacing : float or sequence of float, optional
        The distance of pixels along each axis: the unit of ``centroid``. Default 1.
    workers : int, optional
        Threads to use at most; default `get_workers`. The result has the same bits for any number.

    Returns
    -------
    dict of ndarrays
        ``label``, an int64 (or uint64) array with one entry per region, then the statistics in the
        order asked for. Of an image without channels, and without an image, they are
        one-dimensional too, so that ``pandas.DataFrame`` takes the dict; with channels they have
        the shape (regions, \*channels). ``bounding_box`` has the shape (regions, 2 * axes): the
        first pixel along each axis, then the one behind the last; ``centroid`` (regions, axes).
        Dtypes are those of `block_reduce`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    See Also
    --------
    RegionStats : tiles of an image one after another.
    masked_stats : a single region, given by a mask.

    Notes
    -----
    ``count`` is the number of samples that count, so that it may differ from channel to channel;
    ``bounding_box`` and ``centroid`` are those of the pixels of a region, whatever the image holds;
    `where` and masked labels leave pixels out of them only if they have the labels' shape.

    Sums of integers are exact, floats are summed in float64, variances merged from differences
    (Chan, Golub and LeVeque, 1979). ``median`` and ``mode`` hold the samples of all regions in
    memory, the other statistics a few numbers per region.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> labels = np.array([[1, 1, 0], [0, 7, 7]])
    >>> image = np.array([[10, 20, 99], [99, 5, 6]], np.uint8)
    >>> found = bx.label_stats(labels, image, ("count", "mean"))
    >>> found
    {'label': array([1, 7]), 'count': array([2, 2]), 'mean': array([15. ,  5.5])}
    >>> bx.label_stats(labels)["centroid"]
    array([[0. , 0.5],
           [1. , 1.5]])
    >>> bx.label_stats(labels, image, index=[7, 3])["mean"]
    array([5.5, nan])
    """
    threads = get_workers() if workers is None else check_workers(workers)
    array, label_mask = calls.label_array(labels)
    names = region_names(statistics, with_image=image is not None)
    wanted = None if index is None else calls.index_array(index)
    skipped = calls.background_label(background)
    distances = calls.spacing_of(spacing, array.ndim)
    pixels = calls.pixels_of(
        array, image, what="labels", label_mask=label_mask, channel_axis=channel_axis, where=where,
        weights=weights, names=[name for name in names if name not in calls.GEOMETRY],
        workers=workers,
    )  # fmt: skip
    if wanted is not None and skipped is not None and bool(np.any(wanted == skipped)):
        skipped = None
    return _statistics_of(
        pixels, names, wanted, skipped, skipna=check.truth(skipna, "skipna"),
        ddof=check.degrees_of_freedom(ddof), fill_value=fill_value, spacing=distances,
        workers=threads,
    )  # fmt: skip


def _listed(statistics: Statistic | Sequence[Statistic]) -> Sequence[Statistic]:
    if isinstance(statistics, str) or callable(statistics):
        return (statistics,)
    return tuple(statistics)


def region_names(
    statistics: Statistic | Sequence[Statistic] | None, *, with_image: bool
) -> tuple[str, ...]:
    """Return the names of statistics and of what is known without an image."""
    if statistics is None:
        return ("count", "mean") if with_image else ("count", *calls.GEOMETRY)
    names: list[str] = []
    for each in _listed(statistics):
        if isinstance(each, str) and each in calls.GEOMETRY:
            names.append(each)
        else:
            names.extend(statistic_names((each,))[0])
    if not names:
        raise ValueError("statistics must hold at least one name, found an empty sequence")
    without = ("count", *calls.GEOMETRY)
    if not with_image:
        for name in names:
            if name not in without:
                raise ValueError(
                    f"statistic {name!r} needs an image; without one: {', '.join(without)}"
                )
    return tuple(dict.fromkeys(names))


def _statistics_of(
    pixels: calls.Pixels,
    names: tuple[str, ...],
    index: Array | None,
    background: int | None,
    *,
    skipna: bool,
    ddof: float,
    fill_value: Any,
    workers: int,
    spacing: tuple[float, ...] | None = None,
    describe: str = "region",
) -> dict[str, Array]:
    shaped = any(name in calls.GEOMETRY for name in names)
    statistics = [name for name in names if name not in calls.GEOMETRY]
    merged = [name for name in statistics if name in MERGEABLE]
    table = calls.new_table(pixels, merged, background, geometry=shaped)
    calls.take(table, pixels, skipna=skipna, workers=workers, is_mask=describe == _MASKED)
    labels = table.labels() if index is None else index
    known = (pixels.dtype, pixels.trailing, pixels.weights is not None)
    found = calls.columns(
        table, labels, merged, known, ddof=ddof, fill_value=fill_value, describe=describe
    )
    gathered = [name for name in statistics if name not in MERGEABLE]
    if gathered:
        found |= calls.selected(
            pixels, labels, gathered, found["count"], skipna=skipna, fill_value=fill_value,
            workers=workers, describe=describe,
        )  # fmt: skip
    if shaped:
        found |= calls.geometry_columns(table, labels, pixels.labels.ndim, spacing)[1]
    return {"label": labels, **{name: found[name] for name in names}}
