"""Statistics of each voxel over the volumes of a stack: `voxel_mean`, `voxel_var` and others."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from boxel import _core
from boxel import _validate as check
from boxel._calls import NAN, Array, run
from boxel._weights import checked_weights

Axis = int | Sequence[int] | None


class _Span(NamedTuple):
    """One window over the whole of some axes."""

    axes: tuple[int, ...]
    sizes: tuple[int, ...]
    counts: tuple[int, ...]
    """The shape of the results with the reduced axes at length 1 ..."""
    left: tuple[int, ...]
    """... and without them."""
    empty: bool
    """Whether the window holds no sample."""


@functools.lru_cache(maxsize=256)
def _span(shape: tuple[int, ...], axes: tuple[int, ...]) -> _Span:
    sizes = tuple([max(n, 1) if axis in axes else 1 for axis, n in enumerate(shape)])
    counts = tuple([1 if axis in axes else n for axis, n in enumerate(shape)])
    left = tuple([n for axis, n in enumerate(shape) if axis not in axes])
    return _Span(axes, sizes, counts, left, any(shape[axis] == 0 for axis in axes))


def normal_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes along which samples lie, in ascending order."""
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    return tuple(sorted(check.axis_tuple(axis, ndim, "axis")))


def _expanded(out: Any, span: _Span, keepdims: bool, name: str) -> Any:
    """Return a view of a given result that has an axis of length 1 for each one reduced."""
    if keepdims or out is None:
        return out
    check.check_output(out, span.left, None, name)
    return np.expand_dims(out, span.axes)


def _reduce(
    stack: Any,
    axis: Any,
    names: tuple[str, ...],
    *,
    where: Any,
    weights: Any,
    skipna: bool,
    min_count: int,
    fill_value: Any,
    dtype: Any,
    keepdims: bool,
    out: Sequence[Any],
    workers: int | None,
    ddof: Any = 0,
) -> list[Array]:
    """Return a statistic each, of all samples along the axes."""
    array, mask = check.image_array(stack, "stack")
    span = _span(array.shape, normal_axes(axis, array.ndim))
    if where is not None:
        where = check.where_array(where, array.shape, "stack")
    if weights is not None:
        weights = checked_weights(weights, array.shape, names, workers, "stack")
    keepdims = check.truth(keepdims, "keepdims")
    given: list[Any] | None = None
    if any(each is not None for each in out):
        given = [_expanded(each, span, keepdims, "out") for each in out]
    if span.empty:
        # A voxel without samples is one whose only sample does not count.
        array = np.broadcast_to(np.zeros((), array.dtype), span.counts)
        where = np.broadcast_to(np.False_, span.counts)
        mask = weights = None
    results = run(
        array, mask, names, span.counts, _core.reduce_blocks,
        (span.sizes, span.sizes, False, weights),
        single=False, where=where, weights=weights, skipna=skipna, min_count=min_count,
        fill_value=fill_value, ddof=ddof, dtype=dtype, out=given, workers=workers,
    )  # fmt: skip
    if not keepdims:
        results = [result.squeeze(span.axes) for result in results]
    return [result if each is None else each for result, each in zip(results, out, strict=True)]


def voxel_mean(
    stack: npt.ArrayLike,
    axis: Axis = -1,
    *,
    where: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    dtype: npt.DTypeLike | None = None,
    keepdims: bool = False,
    out: Array | None = None,
    workers: int | None = None,
) -> Array:
    """Compute the mean of each voxel over the volumes of a stack.

    Parameters
    ----------
    stack : array_like
        N-dimensional; bool, integers of 8 to 64 bits, float16, float32 or float64, in any memory
        layout and byte order. It is not copied. Masked samples of a `numpy.ma.MaskedArray` are
        left out.
    axis : int, sequence of int or None, default -1
        The axes along which the samples of a voxel lie; None is all of them.
    where : array_like of bool, optional
        True where a sample counts; broadcast to the stack.
    weights : array_like, optional
        Non-negative finite weights, broadcast to the stack: one for each volume is
        ``weights`` along the last axis and ``weights[:, None, None, None]`` along the first of
        four. Samples of weight 0 are left out.
    skipna : bool, default False
        Leave NaN out. Otherwise a NaN makes its voxel's result NaN, and no other's.
    min_count : int, default 1
        Voxels with fewer samples that count have the value `fill_value`.
    fill_value : scalar, default NaN
        The value of voxels without one. Where the result's dtype cannot hold NaN and no other value
        is given, such a voxel is an error.
    dtype : dtype, optional
        Of the result; default float64, or float32 for float16 and float32. Into integers, means
        are rounded half to even.
    keepdims : bool, default False
        Keep the reduced axes, at length 1.
    out : ndarray, optional
        Where to put the result; its dtype is that of the result. It may overlap the stack.
    workers : int, optional
        Threads to use at most; default `get_workers`. The result has the same bits for any number.

    Returns
    -------
    ndarray
        The axes that are left, of no dimension if none is.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    See Also
    --------
    voxel_mean_var : mean and variance from one pass.
    block_reduce : the same for shorter blocks, and more statistics.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> stack = np.array([[[0, 10], [2, 30]]], np.uint8)
    >>> bx.voxel_mean(stack)
    array([[ 5., 16.]])
    >>> bx.voxel_mean(stack, axis=(0, 1))
    array([ 1., 20.])
    """
    return _reduce(
        stack, axis, ("mean",), where=where, weights=weights, skipna=skipna,
        min_count=min_count, fill_value=fill_value, dtype=dtype, keepdims=keepdims, out=(out,),
        workers=workers,
    )[0]  # fmt: skip


def voxel_var(
    stack: npt.ArrayLike,
    axis: Axis = -1,
    *,
    ddof: float = 0,
    where: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    dtype: npt.DTypeLike | None = None,
    keepdims: bool = False,
    out: Array | None = None,
    workers: int | None = None,
) -> Array:
    """Compute the variance of each voxel over the volumes of a stack.

    In one pass over memory, and without a temporary of the stack's size.

    Parameters
    ----------
    stack, axis
        As for `voxel_mean`.
    ddof : float, default 0
        Delta degrees of freedom: the divisor is ``count - ddof``, with the number of samples that
        count. Where that is not positive, the result is NaN.
    where
        As for `voxel_mean`.
    weights : array_like, optional
        As for `voxel_mean`. They are taken as reliabilities: the divisor is
        ``W - ddof * W2 / W`` with W the sum of the weights and W2 of their squares.
    skipna, min_count, fill_value, dtype, keepdims, out, workers
        As for `voxel_mean`.

    Returns
    -------
    ndarray
        The axes that are left, of no dimension if none is. Never negative; exactly 0 where all
        samples of a voxel are equal. A voxel that holds an infinity is NaN.

    Raises
    ------
    ValueError, TypeError
        As for `voxel_mean`.

    See Also
    --------
    voxel_mean_var : mean and variance from one pass.

    Notes
    -----
    Variances of integers of up to 32 bits come from exact sums and are rounded once. Those of
    floats are merged from differences in float64 (Chan, Golub and LeVeque, 1979), so that a large
    offset costs no digits. Along an axis, the result has the bits of `block_reduce` with blocks
    that span it.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> stack = np.array([[1e9, 1e9 + 1, 1e9 + 2], [7, 7, 7]])
    >>> bx.voxel_var(stack)
    array([0.66666667, 0.        ])
    >>> bx.voxel_var(stack, ddof=1)
    array([1., 0.])
    >>> bx.voxel_var(stack, axis=0, ddof=2)
    array([nan, nan, nan])
    """
    return _reduce(
        stack, axis, ("var",), ddof=ddof, where=where, weights=weights, skipna=skipna,
        min_count=min_count, fill_value=fill_value, dtype=dtype, keepdims=keepdims, out=(out,),
        workers=workers,
    )[0]  # fmt: skip


def voxel_std(
    stack: npt.ArrayLike,
    axis: Axis = -1,
    *,
    ddof: float = 0,
    where: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    dtype: npt.DTypeLike | None = None,
    keepdims: bool = False,
    out: Array | None = None,
    workers: int | None = None,
) -> Array:
    """Compute the standard deviation of each voxel over the volumes of a stack.

    Parameters
    ----------
    stack, axis, ddof, where, weights, skipna, min_count, fill_value, dtype, keepdims
        As for `voxel_var`.
    out, workers
        As for `voxel_var`.

    Returns
    -------
    ndarray
        The square root of the variance that `voxel_var` describes.

    Raises
    ------
    ValueError, TypeError
        As for `voxel_mean`.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> bx.voxel_std(np.array([[1, 3], [0, 8]]))
    array([1., 4.])
    """
    return _reduce(
        stack, axis, ("std",), ddof=ddof, where=where, weights=weights, skipna=skipna,
        min_count=min_count, fill_value=fill_value, dtype=dtype, keepdims=keepdims, out=(out,),
        workers=workers,
    )[0]  # fmt: skip


def _pair(value: Any, name: str) -> tuple[Any, Any]:
    if value is None:
        return None, None
    if isinstance(value, (tuple, list)) and len(value) == 2:
        mean, var = value
        if mean is var and mean is not None:
            raise ValueError(f"{name} must hold a different array for each statistic")
        return mean, var
    found = f"{type(value).__name__} of {len(value)}" if isinstance(value, (tuple, list)) else None
    raise TypeError(
        f"{name} must be a pair (mean, var), either of which may be None, "
        f"found {found or type(value).__name__}"
    )


def voxel_mean_var(
    stack: npt.ArrayLike,
    axis: Axis = -1,
    *,
    ddof: float = 0,
    where: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    dtype: npt.DTypeLike | Mapping[str, npt.DTypeLike] | None = None,
    keepdims: bool = False,
    out: tuple[Array | None, Array | None] | None = None,
    workers: int | None = None,
) -> tuple[Array, Array]:
    """Compute the mean and the variance of each voxel from one pass over a stack.

    Parameters
    ----------
    stack, axis, ddof, where, weights, skipna, min_count, fill_value
        As for `voxel_var`.
    dtype : dtype, or dict of dtypes for ``"mean"`` and ``"var"``, optional
        Of the results, as for `voxel_mean`.
    keepdims
        As for `voxel_var`.
    out : pair of ndarray or None, optional
        Where to put the mean and the variance.
    workers
        As for `voxel_var`.

    Returns
    -------
    mean, var : ndarray
        With the bits that `voxel_mean` and `voxel_var` give.

    Raises
    ------
    ValueError, TypeError
        As for `voxel_mean`.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> mean, var = bx.voxel_mean_var(np.array([[1.0, 2.0], [5.0, 8.0]]), axis=0, ddof=1)
    >>> mean
    array([3., 5.])
    >>> var
    array([ 8., 18.])
    """
    mean, var = _reduce(
        stack, axis, ("mean", "var"), ddof=ddof, where=where, weights=weights, skipna=skipna,
        min_count=min_count, fill_value=fill_value, dtype=dtype, keepdims=keepdims,
        out=_pair(out, "out"), workers=workers,
    )  # fmt: skip
    return mean, var
