"""Statistics over the blocks of an array: `block_reduce` and `density_map`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypedDict, Unpack, overload

import numpy as np
import numpy.typing as npt

from boxel import _core
from boxel import _validate as check
from boxel._config import check_workers, get_workers
from boxel._registry import CODES, FILLABLE, MERGEABLE, result_dtype, statistic_name

Array: TypeAlias = npt.NDArray[Any]
Statistic: TypeAlias = str | Callable[..., Any]
Statistics: TypeAlias = tuple[Statistic, ...] | list[Statistic]

_NO_CVAL = (0.0, 0)
_NAN = math.nan
# No block holds more samples; counts beyond are cut to it.
_MOST = 2**63 - 1
_DENSITY = ("density",)
_nan_bytes: dict[int, bytes | None] = {}


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
        if boundary == "exact" and (length < size or (length - size) % step):
            raise ValueError(
                f"boundary='exact', but axis {axis} of length {length} is not covered by blocks of "
                f"size {size} at stride {step}; 'partial', 'trim' and 'pad' allow it"
            )
        covering = -(-max(length - size, 0) // step) + 1
        counts.append(min(covering, -(-length // step)))
    return tuple(counts)


def empty_like(image: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an uninitialised array whose axes lie in memory in the order of the image's."""
    if image.flags.c_contiguous or image.ndim < 2:
        return np.empty(shape, dtype)
    # Broadcast axes (stride 0) say nothing about the order and go first, as the slowest.
    strides = [abs(stride) or math.inf for stride in image.strides]
    order = sorted(range(image.ndim), key=lambda axis: -strides[axis])
    allocated = np.empty([shape[axis] for axis in order], dtype)
    return allocated.transpose(np.argsort(order))


def _nan_fill(dtype: np.dtype[Any]) -> bytes | None:
    """Return NaN as bytes of `dtype`, None where it has none."""
    if dtype.num not in _nan_bytes:
        _nan_bytes[dtype.num] = dtype.type(_NAN).tobytes() if dtype.kind == "f" else None
    return _nan_bytes[dtype.num]


def _fill_bytes(fill_value: Any, dtype: np.dtype[Any]) -> bytes | None:
    if fill_value is _NAN or check.is_nan(fill_value):
        return _nan_fill(dtype)
    scalar = check.scalar_of(fill_value, dtype, "fill_value")
    return bytes(scalar.tobytes())


def _cval_pair(cval: Any, dtype: np.dtype[Any]) -> tuple[float, int]:
    """Return cval as a double and as 64 bits of two's complement."""
    scalar = check.scalar_of(cval, dtype, "cval")
    if dtype.kind == "f":
        return float(scalar), 0
    number = int(scalar)
    return float(number), number & 0xFFFFFFFFFFFFFFFF


def _wanted_dtypes(dtype: Any, names: Sequence[str]) -> list[np.dtype[Any] | None]:
    if dtype is None:
        return [None] * len(names)
    if isinstance(dtype, Mapping):
        unknown = set(dtype) - set(names)
        if unknown:
            raise ValueError(
                f"dtype names {sorted(map(str, unknown))}, which are not among the statistics "
                f"{list(names)}"
            )
        return [
            check.output_dtype(dtype[name]) if dtype.get(name) is not None else None
            for name in names
        ]
    return [check.output_dtype(dtype)] * len(names)


def _given_outputs(out: Any, names: Sequence[str], single: bool) -> list[Any]:
    if out is None:
        return [None] * len(names)
    if single:
        return [out]
    if isinstance(out, Mapping):
        unknown = set(out) - set(names)
        if unknown:
            raise ValueError(
                f"out names {sorted(map(str, unknown))}, which are not among the statistics "
                f"{list(names)}"
            )
        return [out.get(name) for name in names]
    if isinstance(out, (tuple, list)):
        if len(out) != len(names):
            raise ValueError(
                f"out must hold one array for each of {len(names)} statistics, found {len(out)}"
            )
        return list(out)
    raise TypeError(
        "out must be a dict or a sequence of arrays where several statistics are asked for, "
        f"found {type(out).__name__}"
    )


def _check_weights(weights: Array, workers: int) -> None:
    """Refuse weights that are negative, NaN or infinite, without a temporary of their size."""
    if weights.size == 0 or weights.dtype.kind in "bu":
        return
    # A broadcast axis repeats what it holds: one index of it is enough.
    slices = [slice(None) if stride else slice(1) for stride in weights.strides]
    distinct = weights[(..., *slices)]
    lowest = np.empty((1,) * weights.ndim, np.float64)
    highest = np.empty_like(lowest)
    _core.reduce_blocks(
        distinct, (CODES["min"], CODES["max"]), (lowest, highest), distinct.shape, distinct.shape,
        (None, None), False, _NO_CVAL, None, None, None, False, 0, 0.0, workers,
    )  # fmt: skip
    if not (lowest.item() >= 0 and highest.item() < math.inf):
        found = lowest.item() if not lowest.item() >= 0 else highest.item()
        raise ValueError(f"weights must be finite and not negative, found {found}")


def reduce(
    image: Array,
    mask: Array | None,
    names: tuple[str, ...],
    sizes: tuple[int, ...],
    steps: tuple[int, ...],
    counts: tuple[int, ...],
    *,
    single: bool = True,
    padded: bool = False,
    cval: Any = 0,
    where: Any = None,
    weights: Any = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = _NAN,
    ddof: Any = 0,
    dtype: Any = None,
    out: Any = None,
    workers: int | None = None,
) -> list[Array]:
    """Check what all block functions share, and run the kernels into new or given arrays."""
    threads = get_workers() if workers is None else check_workers(workers)
    if where is not None:
        where = check.where_array(where, image.shape)
    if mask is not None:
        mask = check.broadcast(mask, image.shape, "the mask")
    if weights is not None:
        weights = check.weights_array(weights, image.shape)
        unweighted = [name for name in names if name not in MERGEABLE]
        if unweighted:
            raise ValueError(f"weights have no meaning for the statistic {unweighted[0]!r}")
        _check_weights(weights, threads)
    if type(min_count) is not int or min_count != 1:
        min_count = min(check.at_least(min_count, 0, "min_count"), _MOST)
    degrees = 0.0 if type(ddof) is int and ddof == 0 else check.degrees_of_freedom(ddof)
    if skipna is not False:
        skipna = check.truth(skipna, "skipna")
    pad_value = _NO_CVAL
    if padded:
        check.padded_volume(sizes)
        pad_value = _cval_pair(cval, image.dtype)

    codes = _codes(names)
    if dtype is None and out is None and fill_value is _NAN:
        dtypes, fills = _defaults(codes, image.dtype, weights is not None)
        results = [empty_like(image, counts, each) for each in dtypes]
        targets = tuple(results)
    else:
        results, fills = _prepared(
            image, codes, names, counts, weights is not None, single, dtype, out, fill_value
        )
        inputs = (image, mask, where, weights)
        targets = tuple([_apart(result, inputs) for result in results])
    _core.reduce_blocks(
        image, codes, targets, sizes, steps, fills, padded, pad_value, where, mask, weights,
        skipna, min_count, degrees, threads,
    )  # fmt: skip
    if out is not None:
        for result, target in zip(results, targets, strict=True):
            if target is not result:
                result[...] = target
    return results


@functools.cache
def _codes(names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple([CODES[name] for name in names])


@functools.lru_cache(maxsize=1024)
def _defaults(
    codes: tuple[int, ...], image: np.dtype[Any], weighted: bool
) -> tuple[list[np.dtype[Any]], tuple[bytes | None, ...]]:
    """Return dtypes and fills of results of which nothing special is asked; small calls need it."""
    dtypes = [result_dtype(code, image, weighted) for code in codes]
    return dtypes, tuple([_nan_fill(each) for each in dtypes])


def _prepared(
    image: Array,
    codes: tuple[int, ...],
    names: Sequence[str],
    counts: tuple[int, ...],
    weighted: bool,
    single: bool,
    dtype: Any,
    out: Any,
    fill_value: Any,
) -> tuple[list[Array], tuple[bytes | None, ...]]:
    """Return new or given arrays for the results, and what fills blocks without a value."""
    results: list[Array] = []
    fills: list[bytes | None] = []
    given = _given_outputs(out, names, single)
    for code, name, wanted, target in zip(
        codes, names, _wanted_dtypes(dtype, names), given, strict=True
    ):
        if target is None:
            result = wanted or result_dtype(code, image.dtype, weighted)
            results.append(empty_like(image, counts, result))
        else:
            results.append(check.check_output(target, counts, wanted, "out"))
        native = results[-1].dtype.newbyteorder("=")
        fills.append(_fill_bytes(fill_value, native) if name in FILLABLE else None)
    if len({id(result) for result in results}) != len(results):
        raise ValueError("out must hold a different array for each statistic")
    return results, tuple(fills)


def _apart(result: Array, inputs: Sequence[Array | None]) -> Array:
    """Return `result`, or a new array like it if it overlaps an input."""
    if any(array is not None and np.may_share_memory(result, array) for array in inputs):
        return np.empty(result.shape, result.dtype)
    return result


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
    fill_value: Any = _NAN,
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
    variances are merged from differences (Chan, Golub and LeVeque, 1979), never negative, and exact
    for integers of up to 16 bits. ``median``, ``mode`` and the variance of 64-bit integers hold the
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
    single = not isinstance(statistic, (tuple, list))
    if isinstance(statistic, (tuple, list)):
        names = tuple(dict.fromkeys([statistic_name(each) for each in statistic]))
        if not names:
            raise ValueError("statistic must hold at least one name, found an empty tuple")
    else:
        names = (statistic_name(statistic),)
    results = reduce(
        array, mask, names, sizes, sizes, counts,
        single=single, padded=boundary == "pad", cval=cval, where=where, weights=weights,
        skipna=skipna, min_count=min_count, fill_value=fill_value, ddof=ddof, dtype=dtype, out=out,
        workers=workers,
    )  # fmt: skip
    return results[0] if single else dict(zip(names, results, strict=True))


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
        axes = tuple(range(array.ndim))
        sizes = check.per_axis(block_size, axes, array.ndim, "block_size")
        steps = check.per_axis(stride, axes, array.ndim, "stride")
        boundary = check.choice(boundary, check.BOUNDARIES, "boundary")
        counts = window_counts(array.shape, sizes, steps, boundary)
    return reduce(
        array, mask, _DENSITY, sizes, steps, counts,
        padded=boundary == "pad", where=where, dtype=dtype, out=out, workers=workers,
    )[0]  # fmt: skip
