"""Statistics over the blocks of an array: `block_reduce` and `density_map`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, TypedDict, Unpack, overload

import numpy.typing as npt

from boxel import _core
from boxel import _validate as check
from boxel._calls import NAN, NO_VALUE, Array, Kernel, Statistic, Statistics, run, statistic_names
from boxel._registry import MODE_CODES
from boxel._weights import checked_weights

_DENSITY = ("density",)
# Blocks that share so many samples are boxes that slide: the states of their rows are kept.
_SLIDING_OVERLAP = 8
_BORDERS = {"partial": "shrink", "trim": "valid", "exact": "valid", "pad": "constant"}
"""How sliding boxes call what blocks do at the edge."""


def tile_counts(shape: tuple[int, ...], sizes: tuple[int, ...], boundary: str) -> tuple[int, ...]:
    """Return the number of blocks along each axis."""
    if boundary == "trim":
        return tuple([length // size for length, size in zip(shape, sizes, strict=True)])
    if boundary == "exact":
        for axis, (length, size) in enumerate(zip(shape, sizes, strict=True)):
            if length % size:
                raise ValueError(
                    f"boundary='exact', but axis {axis} has length {length}, which is not a "
                    f"multiple of the block size {size}; 'partial', 'trim' and 'pad' allow it"
                )
    return tuple([-(-length // size) for length, size in zip(shape, sizes, strict=True)])


@functools.lru_cache(maxsize=256)
def _uniform_tiles(
    shape: tuple[int, ...], block_size: int, boundary: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the sizes and counts of equal blocks on all axes: calls alike follow one another."""
    ndim = len(shape)
    sizes = check.per_axis(block_size, tuple(range(ndim)), ndim, "block_size")
    return sizes, tile_counts(shape, sizes, check.choice(boundary, check.BOUNDARIES, "boundary"))


def tiles(
    shape: tuple[int, ...], block_size: Any, axes: Any, boundary: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the size of blocks and their number along each axis."""
    if axes is None and type(block_size) is int and type(boundary) is str:
        return _uniform_tiles(shape, block_size, boundary)
    ndim = len(shape)
    sizes = check.per_axis(block_size, check.axis_tuple(axes, ndim), ndim, "block_size")
    return sizes, tile_counts(shape, sizes, check.choice(boundary, check.BOUNDARIES, "boundary"))


def window_counts(
    shape: tuple[int, ...], sizes: tuple[int, ...], steps: tuple[int, ...], boundary: str
) -> tuple[int, ...]:
    """Return the number of overlapping (or spaced) blocks along each axis."""
    counts = []
    for axis, (length, size, step) in enumerate(zip(shape, sizes, steps, strict=True)):
        whole = (length - size) // step + 1 if length >= size else 0
        if boundary == "trim":
            counts.append(whole)
            continue
        if boundary == "exact" and length and (length < size or (length - size) % step):
            raise ValueError(
                f"boundary='exact', but axis {axis} of length {length} is not covered by blocks of "
                f"size {size} at stride {step}; 'partial', 'trim' and 'pad' allow it"
            )
        covering = -(-max(length - size, 0) // step) + 1
        counts.append(min(covering, -(-length // step)))
    return tuple(counts)


def strided_windows(
    shape: tuple[int, ...], block_size: Any, stride: Any, boundary: str
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return the size of windows, their distance and their number along each axis."""
    axes = tuple(range(len(shape)))
    sizes = check.per_axis(block_size, axes, len(shape), "block_size")
    steps = check.per_axis(stride, axes, len(shape), "stride")
    boundary = check.choice(boundary, check.BOUNDARIES, "boundary")
    return sizes, steps, window_counts(shape, sizes, steps, boundary)


class BlockOptions(TypedDict, total=False):
    """What `block_reduce` takes by keyword."""

    axes: int | Sequence[int] | None
    boundary: str
    cval: Any
    where: npt.ArrayLike | None
    weights: npt.ArrayLike | None
    skipna: bool
    min_count: int
    fill_value: Any
    ddof: float
    dtype: Any
    out: Any
    workers: int | None


@overload
def block_reduce(
    image: npt.ArrayLike,
    block_size: Any,
    statistic: Statistic = ...,
    **options: Unpack[BlockOptions],
) -> Array: ...
@overload
def block_reduce(
    image: npt.ArrayLike, block_size: Any, statistic: Statistics, **options: Unpack[BlockOptions]
) -> dict[str, Array]: ...
def block_reduce(
    image: npt.ArrayLike,
    block_size: Any,
    statistic: Statistic | Statistics = "mean",
    *,
    axes: int | Sequence[int] | None = None,
    boundary: str = "partial",
    cval: Any = 0,
    where: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    ddof: float = 0,
    dtype: Any = None,
    out: Any = None,
    workers: int | None = None,
) -> Array | dict[str, Array]:
    """Compute a statistic of every block of an array.

    The array is tiled with blocks from its first sample on, and each block becomes one element of
    a smaller array. Blocks at the end of an axis may be cut by the edge: `boundary` says what
    happens to them.

    Parameters
    ----------
    image : array_like
        N-dimensional; bool, integers of 8 to 64 bits, float16, float32 or float64, in any memory
        layout and byte order. It is not copied. Masked samples of a `numpy.ma.MaskedArray` are
        left out.
    block_size : int or sequence of int
        Samples per block along every axis of `axes`, at least 1.
    statistic : str, NumPy function, or tuple of these, default "mean"
        One of ``sum mean min max count count_nonzero density any all var std median mode``
        (`boxel.STATISTICS`), or the NumPy function of that name. ``count`` is the number of samples
        that count, ``density`` the fraction of them that is not zero, ``mode`` the most frequent
        value (the smallest such). A tuple gives a dict of arrays from one pass over the image.
    axes : int or sequence of int, optional
        The axes that `block_size` refers to; the others are not reduced. Default all.
    boundary : {"partial", "trim", "exact", "pad"}, default "partial"
        ``partial``: blocks at the edge hold the samples that are there, and divide by their number.
        ``trim``: cut blocks are left out. ``exact``: cut blocks are an error. ``pad``: missing
        samples have the value `cval`, and count.
    cval : scalar, default 0
        The value beyond the edge for ``boundary="pad"``; it must fit the image's dtype.
    where : array_like of bool, optional
        True where a sample counts; broadcast to the image.
    weights : array_like, optional
        Non-negative finite weights, broadcast to the image. Samples of weight 0 are left out. They
        apply to ``sum mean density var std``; variances take them as reliabilities,
        ``M2 / (W - ddof * W2 / W)`` with W the sum of the weights and W2 of their squares.
    skipna : bool, default False
        Leave NaN out. Otherwise a NaN makes its block's result NaN, and no other's; it counts as
        nonzero.
    min_count : int, default 1
        Blocks with fewer samples that count have the value `fill_value`. Counts, ``any`` and
        ``all`` always have a value of their own; with ``min_count=0``, an empty ``sum`` is 0.
    fill_value : scalar, default NaN
        The value of blocks without one. Where the result's dtype cannot hold NaN and no other value
        is given, such a block is an error.
    ddof : float, default 0
        Delta degrees of freedom of ``var`` and ``std``: the divisor is ``count - ddof``, the result
        NaN where that is not positive.
    dtype : dtype, or dict of dtypes by statistic, optional
        Of the result. Into integers values are rounded half to even and saturate. Default: sums of
        integers are int64 or uint64 (and wrap past 64 bits), other sums, means, densities and
        variances float64, or float32 for float16 and float32 images; ``min max median mode`` have
        the image's dtype, counts int64, ``any all`` bool.
    out : ndarray, or dict or sequence of ndarrays, optional
        Where to put the result; its dtype is that of the result unless `dtype` says otherwise. It
        may overlap the image.
    workers : int, optional
        Threads to use at most; default `get_workers`. The result has the same bits for any number.

    Returns
    -------
    ndarray, or dict of ndarrays by statistic
        As many axes as the image. Its memory layout follows the image's.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Notes
    -----
    Integers are summed exactly, floats in float64. Means lie within the range of their samples;
    variances are merged from differences (Chan, Golub and LeVeque, 1979), never negative, and for
    integers of up to 32 bits exact before they are rounded. ``median`` and ``mode`` hold the
    samples of a block in memory, the others a few rows.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> image = np.arange(20, dtype=np.uint8).reshape(4, 5)
    >>> bx.block_reduce(image, 2)
    array([[ 3. ,  5. ,  6.5],
           [13. , 15. , 16.5]])
    >>> bx.block_reduce(image, (2, 5), ("min", "max"))
    {'min': array([[ 0],
           [10]], dtype=uint8), 'max': array([[ 9],
           [19]], dtype=uint8)}
    """
    array, mask = check.image_array(image)
    sizes, counts = tiles(array.shape, block_size, axes, boundary)
    names, single = statistic_names(statistic)
    if weights is not None:
        weights = checked_weights(weights, array.shape, names, workers)
    padded = boundary == "pad"
    if padded:
        check.padded_volume(sizes, "boundary='pad' with block_size")
    results = run(
        array, mask, names, counts, _core.reduce_blocks, (sizes, sizes, padded, weights),
        single=single, cval=cval if padded else NO_VALUE, where=where, weights=weights,
        skipna=skipna, min_count=min_count, fill_value=fill_value, ddof=ddof, dtype=dtype, out=out,
        workers=workers,
    )  # fmt: skip
    return results[0] if single else dict(zip(names, results, strict=True))


def _overlaps(size: int, step: int) -> bool:
    return size >= _SLIDING_OVERLAP * step


def density_map(
    image: npt.ArrayLike,
    block_size: Any,
    *,
    stride: Any = None,
    boundary: str = "partial",
    where: npt.ArrayLike | None = None,
    dtype: Any = None,
    out: Array | None = None,
    workers: int | None = None,
) -> Array:
    """Compute the fraction of nonzero samples in every block of an image.

    Parameters
    ----------
    image : array_like
        N-dimensional, as for `block_reduce`. NaN is not zero.
    block_size : int or sequence of int
        Samples per block along every axis, at least 1.
    stride : int or sequence of int, optional
        Distance between the first samples of neighbouring blocks. Default `block_size`: blocks tile
        the image. A smaller one makes them overlap; ``stride=1, boundary="trim"`` is the 'valid'
        convolution of the nonzero mask with ones, divided by the block's volume.
    boundary : {"partial", "trim", "exact", "pad"}, default "partial"
        ``partial``: as few blocks as cover the image; those cut by the edge divide by the samples
        that are there. ``trim``: cut blocks are left out. ``exact``: cut blocks are an error.
        ``pad``: as partial, but dividing by the whole block: beyond the edge all is zero.
    where : array_like of bool, optional
        True where a sample counts; broadcast to the image. A block without any is NaN.
    dtype : dtype, optional
        Of the result; default float64, or float32 for float16 and float32 images.
    out : ndarray, optional
        Where to put the result.
    workers : int, optional
        Threads to use at most; default `get_workers`.

    Returns
    -------
    ndarray
        Densities from 0 to 1, one per block.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    See Also
    --------
    block_reduce : with ``statistic="density"``, the same and more options.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> image = np.zeros((4, 6), np.uint8)
    >>> image[:2, :3] = 255
    >>> bx.density_map(image, 2)
    array([[1. , 0.5, 0. ],
           [0. , 0. , 0. ]])
    >>> bx.density_map(image, 2, stride=1, boundary="trim")
    array([[1.  , 1.  , 0.5 , 0.  , 0.  ],
           [0.5 , 0.5 , 0.25, 0.  , 0.  ],
           [0.  , 0.  , 0.  , 0.  , 0.  ]])
    """
    array, mask = check.image_array(image)
    if stride is None:
        sizes, counts = tiles(array.shape, block_size, None, boundary)
        steps = sizes
    else:
        sizes, steps, counts = strided_windows(array.shape, block_size, stride, boundary)
    padded = boundary == "pad"
    if padded:
        check.padded_volume(sizes, "boundary='pad' with block_size")
    kernel: Kernel = _core.reduce_blocks
    geometry: tuple[Any, ...] = (sizes, steps, padded, None)
    # Small calls do not pay for the question whether blocks that tile overlap.
    if stride is not None and any(map(_overlaps, sizes, steps)):
        modes = (MODE_CODES[_BORDERS[boundary]],) * array.ndim
        kernel = _core.filter_boxes
        geometry = (sizes, (0,) * array.ndim, steps, modes, False)
    return run(
        array, mask, _DENSITY, counts, kernel, geometry,
        cval=0 if padded else NO_VALUE, where=where, dtype=dtype, out=out, workers=workers,
    )[0]  # fmt: skip
