"""Statistics of boxes that slide over an array: `box_filter` and `uniform_filter`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, TypedDict, Unpack, overload

import numpy as np
import numpy.typing as npt

from boxel import _core
from boxel import _validate as check
from boxel._calls import NAN, NO_VALUE, Array, Statistic, Statistics, run, statistic_names
from boxel._registry import MERGEABLE, MODE_CODES, MODES, mode_code

Boxes: TypeAlias = tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]
"""Sizes, first positions, strides and modes of boxes along each axis; the shape of the result."""

_CONSTANT = MODE_CODES["constant"]
_SHRINK = MODE_CODES["shrink"]
_VALID = MODE_CODES["valid"]


def _codes_per_axis(mode: Any, axes: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """Return the code of the mode along each axis, that of "valid" where nothing is filtered."""
    if isinstance(mode, Iterable) and not isinstance(mode, str):
        given = tuple(mode)
        if len(given) != len(axes):
            raise ValueError(
                f"mode must be one name or one for each of {len(axes)} axes, found {len(given)}: "
                f"{given}"
            )
    else:
        given = (mode,) * len(axes)
        if not axes:
            mode_code(mode)
    codes = [_VALID] * ndim
    for axis, each in zip(axes, given, strict=True):
        codes[axis] = mode_code(each)
    if _CONSTANT in codes and _SHRINK in codes:
        raise ValueError(
            "mode 'constant' along one axis and 'shrink' along another contradict each other at "
            "the corners; choose one of them"
        )
    return tuple(codes)


def boxes(
    shape: tuple[int, ...], size: Any, axes: tuple[int, ...], mode: Any, origin: Any, stride: Any
) -> Boxes:
    """Return sizes, first positions, strides and modes of boxes, and the shape of the result."""
    ndim = len(shape)
    sizes = check.per_axis(size, axes, ndim, "size")
    origins = check.origins(origin, sizes, axes)
    strides = check.per_axis(stride, axes, ndim, "stride")
    modes = _codes_per_axis(mode, axes, ndim)
    lows, counts = [], []
    for length, extent, shift, step, code in zip(
        shape, sizes, origins, strides, modes, strict=True
    ):
        inside = code == _VALID
        lows.append(0 if inside else -(extent // 2) - shift)
        counts.append(-(-(max(length - extent + 1, 0) if inside else length) // step))
    reaching = tuple(
        [size for size, code in zip(sizes, modes, strict=True) if code not in (_VALID, _SHRINK)]
    )
    check.padded_volume(reaching, "size")
    return (sizes, tuple(lows), strides, modes), tuple(counts)


class BoxOptions(TypedDict, total=False):
    """What `box_filter` takes by keyword."""

    axes: int | Sequence[int] | None
    mode: str | Sequence[str]
    cval: Any
    origin: int | Sequence[int]
    stride: int | Sequence[int]
    where: npt.ArrayLike | None
    skipna: bool
    min_count: int
    fill_value: Any
    ddof: float
    dtype: Any
    out: Any
    workers: int | None


@overload
def box_filter(
    image: npt.ArrayLike, size: Any, statistic: Statistic = ..., **options: Unpack[BoxOptions]
) -> Array: ...
@overload
def box_filter(
    image: npt.ArrayLike, size: Any, statistic: Statistics, **options: Unpack[BoxOptions]
) -> dict[str, Array]: ...
def box_filter(
    image: npt.ArrayLike,
    size: Any,
    statistic: Statistic | Statistics = "mean",
    *,
    axes: int | Sequence[int] | None = None,
    mode: str | Sequence[str] = "reflect",
    cval: Any = 0.0,
    origin: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
    where: npt.ArrayLike | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    ddof: float = 0,
    dtype: Any = None,
    out: Any = None,
    workers: int | None = None,
) -> Array | dict[str, Array]:
    """Compute a statistic of the box around every sample of an array.

    Only what is in a box counts for its result: a NaN or an infinity changes the results of the
    boxes that hold it and no others, and rounding errors do not pile up along a line. The time
    depends little on the size of the box.

    Parameters
    ----------
    image : array_like
        N-dimensional; bool, integers of 8 to 64 bits, float16, float32 or float64, in any memory
        layout and byte order. It is not copied. Masked samples of a `numpy.ma.MaskedArray` are
        left out.
    size : int or sequence of int
        Samples per box along every axis of `axes`, at least 1; it may exceed the axis. The box of
        sample i covers ``i - size // 2 - origin`` to ``i + (size - 1) // 2 - origin``, as in SciPy.
    statistic : str, NumPy function, or tuple of these, default "mean"
        One of ``sum mean min max count count_nonzero density any all var std``, or the NumPy
        function of that name. ``count`` is the number of samples that count, ``density`` the
        fraction of them that is not zero. A tuple gives a dict of arrays from one pass over the
        image.
    axes : int or sequence of int, optional
        The axes along which boxes extend. Default all.
    mode : str or sequence of str, default "reflect"
        What lies beyond the border, one name for all axes or one for each (`boxel.MODES`):
        ``reflect`` (d c b a | a b c d | d c b a), ``mirror`` (d c b | a b c d | c b a),
        ``nearest`` (a a a | a b c d | d d d), ``wrap`` (b c d | a b c d | a b c), ``constant``
        (samples of the value `cval`), ``shrink`` (nothing: boxes at the border hold fewer samples)
        and ``valid`` (only boxes wholly inside, so that the result is smaller by ``size - 1``, and
        empty where the box is larger than the image). ``reflect`` is NumPy's ``symmetric``, and
        ``mirror`` NumPy's ``reflect``. SciPy's aliases ``grid-mirror``, ``grid-wrap`` and
        ``grid-constant`` are known.
    cval : scalar, default 0.0
        The value beyond the border for ``mode="constant"``; it must fit the image's dtype. Such
        samples count.
    origin : int or sequence of int, default 0
        Shift of the box, positive to the left; a box must hold the sample it belongs to. It
        changes nothing for ``mode="valid"``.
    stride : int or sequence of int, default 1
        Compute only every so many outputs: the result is that without it, sliced ``[::stride]``.
    where : array_like of bool, optional
        True where a sample counts; broadcast to the image. What a mode repeats beyond the border
        counts where its source does.
    skipna : bool, default False
        Leave out NaN.
    min_count : int, default 1
        Boxes with fewer samples that count take `fill_value`. Not for counts, any and all.
    fill_value : scalar, default NaN
        What boxes take that have no value.
    ddof : float, default 0
        Variances divide by the number of samples minus this; NaN where nothing is left.
    dtype : dtype or dict of dtypes, optional
        Of the result; into integers it is rounded half to even and saturated. Default as for
        `block_reduce`: means, variances and densities are float64, or float32 for float16 and
        float32 images; sums of integers int64 or uint64; min and max as the image.
    out : ndarray, or dict or sequence of ndarray, optional
        Where to put the result. It may be the image.
    workers : int, optional
        Threads to use at most; default `get_workers`. The result has the same bits for any number.

    Returns
    -------
    ndarray or dict of ndarray
        Of the image's shape, but for `stride` and ``mode="valid"``.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    See Also
    --------
    uniform_filter : the same mean with SciPy's signature and dtypes.
    block_reduce : boxes side by side instead of one around every sample.

    Notes
    -----
    Sums and counts of integers are exact, and their means are rounded once. Floats are summed in
    float64. Along an outer axis, a sum exchanges one slice for another where integers, or a look at
    all samples of a tile, prove that this is exact; all else is merged from the two parts of van
    Herk [1]_ and Gil and Werman [2]_, without subtraction.

    References
    ----------
    .. [1] M. van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and
       octagonal kernels", Pattern Recognition Letters 13 (1992).
    .. [2] J. Gil and M. Werman, "Computing 2-D min, median, and max filters", IEEE Transactions on
       Pattern Analysis and Machine Intelligence 15 (1993).

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> image = np.arange(12).reshape(3, 4)
    >>> bx.box_filter(image, 3, "sum", mode="valid")
    array([[45, 54]])
    >>> bx.box_filter(image, (1, 3), mode="shrink")
    array([[ 0.5,  1. ,  2. ,  2.5],
           [ 4.5,  5. ,  6. ,  6.5],
           [ 8.5,  9. , 10. , 10.5]])
    """
    array, mask = check.image_array(image)
    names, single = statistic_names(statistic)
    for name in names:
        if name not in MERGEABLE:
            raise ValueError(
                f"the statistic {name!r} is for blocks, pyramids and labels only, not for boxes "
                "that slide"
            )
    geometry, counts = boxes(
        array.shape, size, check.axis_tuple(axes, array.ndim), mode, origin, stride
    )
    results = run(
        array, mask, names, counts, _core.filter_boxes, (*geometry, False),
        single=single, cval=cval if _CONSTANT in geometry[-1] else NO_VALUE, where=where,
        skipna=skipna, min_count=min_count, fill_value=fill_value, ddof=ddof, dtype=dtype, out=out,
        workers=workers,
    )  # fmt: skip
    return results[0] if single else dict(zip(names, results, strict=True))


def _filtered_output(output: Any, image: Array) -> tuple[Any, Array | None]:
    """Return the dtype and the array that SciPy's `output` stands for."""
    if output is None:
        return image.dtype.newbyteorder("="), None
    if isinstance(output, np.ndarray):
        return None, output
    return check.output_dtype(output, "output"), None


def uniform_filter(
    input: npt.ArrayLike,
    size: int | Sequence[int] = 3,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: Any = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
    workers: int | None = None,
) -> Array:
    """Compute the mean of the box around every sample: `scipy.ndimage.uniform_filter`, faster.

    Parameters
    ----------
    input : array_like
        N-dimensional; real, as for `box_filter`. Complex arrays are refused.
    size : int or sequence of int, default 3
        Samples per box along every axis of `axes`, at least 1.
    output : dtype or ndarray, optional
        The dtype of the result, or the array to write it to. Default the input's dtype.
    mode : str or sequence of str, default "reflect"
        ``reflect``, ``mirror``, ``nearest``, ``wrap`` or ``constant`` (or SciPy's aliases
        ``grid-mirror``, ``grid-wrap``, ``grid-constant``), one for all axes or one for each.
    cval : scalar, default 0.0
        The value beyond the border for ``mode="constant"``; it must fit the input's dtype.
    origin : int or sequence of int, default 0
        Shift of the box, positive to the left.
    axes : int or sequence of int, optional
        The axes to filter along. Default all.
    workers : int, optional
        Threads to use at most; default `get_workers`.

    Returns
    -------
    ndarray
        Of the input's shape.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    See Also
    --------
    box_filter : more statistics, modes, masks and rounding to nearest.

    Notes
    -----
    There is one difference from SciPy: into integers, the exact mean is truncated once, where SciPy
    truncates after every axis. Floats are computed in float64 and rounded once, where SciPy rounds
    after every axis, and a NaN stays in the boxes that hold it.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> bx.uniform_filter(np.array([2, 8, 0, 4, 1, 9, 9, 0]), size=3)
    array([4, 3, 4, 1, 4, 6, 6, 3])
    """
    if isinstance(input, np.ma.MaskedArray):
        raise TypeError(
            "uniform_filter takes no masked arrays (SciPy ignores their masks); "
            "box_filter leaves masked samples out, as it does those where `where` is False"
        )
    array, _ = check.image_array(input, "input")
    filtered = check.axis_tuple(axes, array.ndim)
    planned = boxes(array.shape, size, filtered, mode, origin, 1)
    for axis in filtered:
        code = planned[0][-1][axis]
        if code in (_VALID, _SHRINK):
            raise ValueError(
                f"mode {MODES[code]!r} is not one of SciPy's; box_filter takes it: "
                f"box_filter(image, size, mode={MODES[code]!r})"
            )
    return whole_means(array, planned, output=output, cval=cval, workers=workers)


def whole_means(
    array: Array, planned: Boxes, *, output: Any, cval: Any, workers: int | None
) -> Array:
    """Return the means of boxes with SciPy's dtypes, for every mode of `box_filter`."""
    dtype, out = _filtered_output(output, array)
    geometry, counts = planned
    return run(
        array, None, ("mean",), counts, _core.filter_boxes, (*geometry, True),
        cval=cval if _CONSTANT in geometry[-1] else NO_VALUE, dtype=dtype, out=out,
        out_name="output", workers=workers,
    )[0]  # fmt: skip
