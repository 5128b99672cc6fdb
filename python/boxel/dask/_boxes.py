"""Boxes that slide over chunked arrays."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from boxel import _validate as check
from boxel import filters
from boxel._calls import NAN, Array, Statistic, Statistics, statistic_names
from boxel._registry import MODES
from boxel.dask._graph import Along, Graph, checked_image, threads_of, where_source
from boxel.dask._sources import Part, Source, da, wholes_of

__all__ = ["box_filter", "uniform_filter"]

_VALID = "valid"


class _Axis(NamedTuple):
    """Boxes along one axis of the whole image."""

    length: int
    size: int
    low: int
    """Where the box of the first sample begins."""
    stride: int
    mode: str


class _Local(NamedTuple):
    """Boxes along one axis of what a task reads."""

    mode: str
    kept: slice
    """The results that are wanted; the others lack samples."""


@dataclass(frozen=True)
class _Job:
    """What every task of a result has in common."""

    names: tuple[str, ...]
    uniform: bool
    geometry: dict[str, Any]
    options: dict[str, Any]

    def compute(self, image: Array, where: Array | None, mode: tuple[str, ...]) -> dict[str, Array]:
        """Return the statistics of all boxes of an image."""
        if self.uniform:
            planned = filters.boxes(image.shape, mode=mode, **self.geometry)
            return {"mean": filters.whole_means(image, planned, **self.options)}
        return filters.box_filter(
            image, statistic=self.names, where=where, mode=mode, **self.geometry, **self.options
        )


def _filter_chunk(
    job: _Job, plans: Sequence[_Local], parts: Sequence[Part | None], arrays: Sequence[Any]
) -> Any:
    image, where = wholes_of(parts, arrays)
    assert image is not None
    mode = tuple([plans[axis].mode for axis in job.geometry["axes"]])
    found = job.compute(image, where, mode)
    kept: Any = (..., *[each.kept for each in plans])
    results = tuple([_own(found[name][kept]) for name in job.names])
    return results[0] if len(results) == 1 else results


def _own(result: Array) -> Array:
    """Return a result that does not keep a much larger array alive."""
    whole = result.base
    return result.copy() if whole is not None and whole.nbytes > 2 * result.nbytes else result


def _chunk(axis: _Axis, first: int, end: int) -> Along:
    """Return what a task reads for the results from `first` to `end` along an axis."""
    length, size, low, stride, mode = axis
    if first == end:
        return Along(0, ((0, 0),), _Local(_VALID, slice(0, 0)))
    start, stop = first * stride + low, (end - 1) * stride + low + size
    if start >= 0 and stop <= length:
        return Along(end - first, ((start, stop),), _Local(_VALID, slice(0, end - first)))
    everything = Along(end - first, ((0, length),), _Local(mode, slice(first, end)))
    if mode == "wrap":
        if stop - start >= length:
            return everything
        around = ((length + start, length), (0, stop)) if start < 0 else (
            (start, length), (0, stop - length),
        )  # fmt: skip
        return Along(end - first, around, _Local(_VALID, slice(0, end - first)))
    left, right = _mirrored(mode, -start), _mirrored(mode, stop - length)
    if max(left, right) > length:
        return everything
    begin = min(max(start, 0), length - right)
    finish = max(min(stop, length), left)
    begin -= begin % stride
    place = first - begin // stride
    return Along(end - first, ((begin, finish),), _Local(mode, slice(place, place + end - first)))


def _mirrored(mode: str, beyond: int) -> int:
    """Return how many samples at the border stand for those that a box reaches beyond it."""
    if beyond <= 0:
        return 0
    return {"reflect": beyond, "mirror": beyond + 1, "nearest": 1}.get(mode, 0)


def _along(chunks: Sequence[int], axis: _Axis) -> list[Along]:
    """Return the chunks of a result along an axis: results belong to the chunk of their sample."""
    shrink = axis.size - 1 if axis.mode == _VALID else 0
    count = -(-max(axis.length - shrink, 0) // axis.stride)
    found = []
    start = 0
    for each in chunks:
        first, end = -(-start // axis.stride), min(-(-(start + each) // axis.stride), count)
        start += each
        if first < end:
            found.append(_chunk(axis, first, end))
    return found or [_chunk(axis, 0, 0)]


def _filtered(image: Any, where: Any, job: _Job, axes: Sequence[_Axis], dtypes: Any) -> list[Any]:
    along = [_along(chunks, axis) for chunks, axis in zip(image.chunks, axes, strict=True)]
    sources = [
        Source(image, image.shape, "image"),
        where_source(where, image.shape, image.chunks),
    ]
    graph = Graph("uniform_filter" if job.uniform else "box_filter", sources, job, axes)
    graph.add_chunks(along, functools.partial(_filter_chunk, job))
    return graph.arrays(job.names, [[each.length for each in axis] for axis in along], dtypes)


def _axes_of(
    shape: tuple[int, ...], size: Any, axes: tuple[int, ...], mode: Any, origin: Any, stride: Any
) -> list[_Axis]:
    (sizes, lows, strides, codes), _ = filters.boxes(shape, size, axes, mode, origin, stride)
    return [
        _Axis(length, extent, low, step, MODES[code])
        for length, extent, low, step, code in zip(shape, sizes, lows, strides, codes, strict=True)
    ]


def box_filter(
    image: da.Array,
    size: Any,
    statistic: Statistic | Statistics = "mean",
    *,
    axes: int | Sequence[int] | None = None,
    mode: str | Sequence[str] = "reflect",
    cval: Any = 0.0,
    origin: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
    where: npt.ArrayLike | da.Array | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    ddof: float = 0,
    dtype: Any = None,
    workers: int | None = None,
) -> Any:
    """Compute a statistic of the box around every sample of a dask array.

    A task reads its own chunk and as much of the adjoining ones as boxes reach into them.

    Parameters
    ----------
    image : dask.array.Array
        As for `boxel.box_filter`; chunks may be masked arrays.
    size, statistic, axes, mode, cval, origin, stride
        As for `boxel.box_filter`.
    where : array_like or dask.array.Array, optional
        As for `boxel.box_filter`, in whatever chunks.
    skipna, min_count, fill_value, ddof, dtype
        As for `boxel.box_filter`.
    workers : int, optional
        Threads of each task; default 1, as dask has several tasks at work.

    Returns
    -------
    dask.array.Array, or dict of these by statistic
        Lazy, in the image's chunks as far as results lie there.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import dask.array as da
    >>> import boxel.dask
    >>> image = da.arange(12, chunks=5).reshape(3, 4)
    >>> boxel.dask.box_filter(image, (1, 3), mode="shrink").compute()
    array([[ 0.5,  1. ,  2. ,  2.5],
           [ 4.5,  5. ,  6. ,  6.5],
           [ 8.5,  9. , 10. , 10.5]])
    """
    image = checked_image(image, "box_filter")
    names, single = statistic_names(statistic)
    own = check.axis_tuple(axes, image.ndim)
    planned = _axes_of(image.shape, size, own, mode, origin, stride)
    options: dict[str, Any] = {
        "skipna": skipna, "min_count": check.at_least(min_count, 0, "min_count"),
        "fill_value": fill_value, "ddof": ddof, "dtype": dtype, "workers": threads_of(workers),
    }  # fmt: skip
    if any(axis.mode == "constant" for axis in planned):
        options["cval"] = cval
    one = np.zeros((1,) * image.ndim, image.dtype)
    tried = filters.box_filter(one, 1, names, axes=own, mode=mode, **{**options, "min_count": 0})
    job = _Job(names, False, _geometry(planned, own), options)
    found = _filtered(image, where, job, planned, [tried[name].dtype for name in names])
    return found[0] if single else dict(zip(names, found, strict=True))


def _geometry(axes: Sequence[_Axis], own: tuple[int, ...]) -> dict[str, Any]:
    return {
        "axes": own,
        "size": tuple([axes[axis].size for axis in own]),
        # A box of mode "valid" begins with its sample; the origin does not matter then.
        "origin": tuple(
            [
                0 if axes[axis].mode == _VALID else -axes[axis].low - axes[axis].size // 2
                for axis in own
            ]
        ),
        "stride": tuple([axes[axis].stride for axis in own]),
    }


def uniform_filter(
    input: da.Array,
    size: int | Sequence[int] = 3,
    output: Any = None,
    mode: str | Sequence[str] = "reflect",
    cval: Any = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
    workers: int | None = None,
) -> Any:
    """Compute the mean of the box around every sample of a dask array, with SciPy's arguments.

    Parameters
    ----------
    input : dask.array.Array
        As for `boxel.uniform_filter`.
    size, mode, cval, origin, axes
        As for `boxel.uniform_filter`.
    output : dtype, optional
        The dtype of the result. Default the input's dtype.
    workers : int, optional
        Threads of each task; default 1, as dask has several tasks at work.

    Returns
    -------
    dask.array.Array
        Lazy, of the input's shape and chunks.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import dask.array as da
    >>> import boxel.dask
    >>> x = da.from_array([2, 8, 0, 4, 1, 9, 9, 0], chunks=3)
    >>> boxel.dask.uniform_filter(x, size=3).compute()
    array([4, 3, 4, 1, 4, 6, 6, 3])
    """
    image = checked_image(input, "uniform_filter", "input")
    if isinstance(output, np.ndarray):
        raise TypeError("output must be a dtype where the result is lazy, found an array")
    own = check.axis_tuple(axes, image.ndim)
    planned = _axes_of(image.shape, size, own, mode, origin, 1)
    options: dict[str, Any] = {"output": output, "cval": cval, "workers": threads_of(workers)}
    one = np.zeros((1,) * image.ndim, image.dtype)
    if isinstance(image._meta, np.ma.MaskedArray):
        one = np.ma.MaskedArray(one)
    tried = filters.uniform_filter(one, 1, mode=mode, axes=own, **options)
    job = _Job(("mean",), True, _geometry(planned, own), options)
    return _filtered(image, None, job, planned, [tried.dtype])[0]
