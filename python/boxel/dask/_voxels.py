"""Statistics of each voxel of a chunked stack: from all chunks at once, or by merging states."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from boxel import _core, blocks, stacks
from boxel import _validate as check
from boxel._calls import NAN, Array
from boxel.dask._graph import (
    Along,
    Graph,
    checked_image,
    chunks_of,
    threads_of,
    weights_source,
    where_source,
)
from boxel.dask._sources import Part, Pieces, Source, da, part_of, pieces_of, wholes_of
from boxel.dask._trees import CHUNKS_TOGETHER, add_tree
from boxel.running.folding import finished, open_span
from boxel.running.statistics import RunningStats
from boxel.streaming.windows import Axis, Cut, cut_windows

__all__ = ["voxel_mean", "voxel_mean_var", "voxel_std", "voxel_var"]

_TAKEN_AT_ONCE = 256 << 20
"""Bytes that one task takes from several chunks: two of the size that dask aims at."""

_CHEAP_SPAN = 256
"""Bytes of one voxel's samples in a chunk, from which on its state, three numbers that are written,
read and merged, is cheap beside them."""

_TILE_BYTES = 1 << 21
"""Samples that are put together from several chunks at a time: they stay in the cache."""


@dataclass(frozen=True)
class _Job:
    """What every task of a result has in common."""

    names: tuple[str, ...]
    dtypes: tuple[Any, ...]
    axes: tuple[int, ...]
    keepdims: bool
    skipna: bool
    min_count: int
    fill_value: Any
    ddof: float
    workers: int

    def reduce(self, _plans: Any, parts: Sequence[Part | None], arrays: Sequence[Any]) -> Any:
        """Return the statistics of voxels of which all samples are there."""
        stack, where, weights = pieces_of(parts, arrays)
        assert stack is not None
        spans = [length if axis in self.axes else 1 for axis, length in enumerate(stack.shape)]
        shape = tuple([length // span for length, span in zip(stack.shape, spans, strict=True)])
        found = [_core.empty(shape, dtype) for dtype in self.dtypes]
        for cut in _cuts(stack, self.axes):
            region = [(each.start, each.stop) for each in cut.inputs]
            blocks.block_reduce(
                stack.part(region), spans, self.names, where=part_of(where, region),
                weights=part_of(weights, region), skipna=self.skipna, min_count=self.min_count,
                fill_value=self.fill_value, ddof=self.ddof,
                out=[each[cut.outputs] for each in found], workers=self.workers,
            )  # fmt: skip
        return self._shaped(tuple(found))

    def take(
        self, _plans: Any, parts: Sequence[Part | None], arrays: Sequence[Any]
    ) -> RunningStats:
        """Return the open statistics of a chunk, with the reduced axes at length 1."""
        stack, where, weights = wholes_of(parts, arrays)
        assert stack is not None
        moments = 1 if self.names == ("mean",) else 2
        return open_span(
            stack, self.axes, where=where, weights=weights, skipna=self.skipna, moments=moments
        )

    def finish(self, stats: RunningStats) -> Any:
        """Return the statistics of the voxels of which all samples have come."""
        # Of nothing there is no mean, even if nothing is asked for.
        enough = stats.count >= max(1, self.min_count)
        found = []
        for name, dtype in zip(self.names, self.dtypes, strict=True):
            whole = dtype.kind != "f"
            value = finished(stats, name, np.dtype(np.float64) if whole else dtype, self.ddof)
            if whole:
                value = blocks.block_reduce(
                    value, 1, "mean", where=np.broadcast_to(enough, value.shape),
                    fill_value=self.fill_value, dtype=dtype,
                )  # fmt: skip
            elif not np.all(enough):
                value = np.where(enough, value, dtype.type(self.fill_value))
            found.append(value)
        return self._shaped(tuple(found))

    def _shaped(self, found: tuple[Array, ...]) -> Any:
        if not self.keepdims:
            found = tuple([each.squeeze(self.axes) for each in found])
        return found[0] if len(found) == 1 else found


def _cuts(stack: Pieces, axes: tuple[int, ...]) -> list[Cut]:
    """Return parts that hold all samples of their voxels; what is copied together stays small."""
    # A reduced axis has one output, which needs all samples along it.
    lines = [
        Axis(1, length, size=length, step=length) if axis in axes else Axis(length, length)
        for axis, length in enumerate(stack.shape)
    ]
    item = stack.nbytes // max(1, math.prod(stack.shape))
    voxel = item * math.prod([stack.shape[axis] for axis in axes])
    memory = stack.nbytes if stack.are_one else max(_TILE_BYTES, voxel)
    return cut_windows(
        lines, range(len(lines)), lambda samples, _: math.prod(samples) * item, memory,
        preferred=memory,
    )  # fmt: skip


def _reduced(stack: Any, where: Any, weights: Any, job: _Job) -> list[Any]:
    sources = [
        Source(stack, stack.shape, "stack", "stack"),
        where_source(where, stack.shape, stack.chunks, "stack"),
        weights_source(weights, stack.shape, stack.chunks, "stack"),
    ]
    kept = [axis for axis in range(stack.ndim) if job.keepdims or axis not in job.axes]
    graph = Graph("voxels", sources, job)
    axes = [_along(chunks) for chunks in stack.chunks]
    spans = [
        [Along(1, ((0, length),), None)] if axis in job.axes else axes[axis]
        for axis, length in enumerate(stack.shape)
    ]
    item = sum(each.array.dtype.itemsize for each in sources if each is not None)
    for place, along in chunks_of(spans):
        chunks = [axes[axis] if axis in job.axes else [along[axis]] for axis in range(stack.ndim)]
        key = graph.key(*[place[axis] for axis in kept])
        if _are_taken_at_once(item, along, chunks, job):
            parts, keys = graph.read([each.ranges for each in along])
            graph.tasks[key] = (functools.partial(job.reduce, None, parts), keys)
        else:
            add_tree(graph, place, key, chunks, job)
    lengths = [(1,) if axis in job.axes else stack.chunks[axis] for axis in kept]
    return graph.arrays(job.names, lengths, job.dtypes)


def _along(chunks: Sequence[int]) -> list[Along]:
    ends = list(itertools.accumulate(chunks, initial=0))
    return [Along(b - a, ((a, b),), None) for a, b in itertools.pairwise(ends)]


def _are_taken_at_once(
    item: int, along: Sequence[Along], chunks: Sequence[Sequence[Along]], job: _Job
) -> bool:
    """Tell whether one task shall hold all samples of its voxels."""
    lengths = [stop - start for each in along for start, stop in each.ranges]
    number = math.prod([len(each) for each in chunks])
    span = math.prod([lengths[axis] for axis in job.axes])
    if span == 0 or number == 1:
        return span > 0
    return (
        number <= CHUNKS_TOGETHER
        and span * item <= number * _CHEAP_SPAN
        and math.prod(lengths) * item <= _TAKEN_AT_ONCE
    )


def _planned(
    stack: Any, axis: stacks.Axis, names: tuple[str, ...], function: str, **options: Any
) -> tuple[Any, _Job]:
    stack = checked_image(stack, function, "stack")
    axes = stacks.normal_axes(axis, stack.ndim)
    least = check.at_least(options["min_count"], 0, "min_count")
    one = np.zeros((1,) * stack.ndim, stack.dtype)
    weights = None if options["weights"] is None else one == 0
    tried = blocks.block_reduce(
        one, 1, names, weights=weights, skipna=options["skipna"], min_count=0,
        fill_value=options["fill_value"], ddof=options["ddof"], dtype=options["dtype"],
    )  # fmt: skip
    job = _Job(
        names, tuple([tried[name].dtype for name in names]), axes,
        check.truth(options["keepdims"], "keepdims"), bool(options["skipna"]), least,
        options["fill_value"], options["ddof"], threads_of(options["workers"]),
    )  # fmt: skip
    return stack, job


def voxel_mean(
    stack: da.Array,
    axis: stacks.Axis = -1,
    *,
    where: npt.ArrayLike | da.Array | None = None,
    weights: npt.ArrayLike | da.Array | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    dtype: npt.DTypeLike | None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> Any:
    """Compute the mean of each voxel over the volumes of a dask stack.

    Parameters
    ----------
    stack : dask.array.Array
        As for `boxel.voxel_mean`; chunks may be masked arrays.
    axis
        As for `boxel.voxel_mean`. The states of many or large chunks along it are merged in a tree;
        one task takes up to 16 of few samples, and at most 256 MiB.
    where, weights : array_like or dask.array.Array, optional
        As for `boxel.voxel_mean`, in whatever chunks. The values of weights are checked when they
        are there.
    skipna, min_count, fill_value, dtype, keepdims
        As for `boxel.voxel_mean`.
    workers : int, optional
        Threads of each task; default 1, as dask has several tasks at work.

    Returns
    -------
    dask.array.Array
        Lazy, in the chunks of the axes that are left.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import dask.array as da
    >>> import boxel.dask
    >>> stack = da.from_array([[[0, 10], [2, 30]]], chunks=1)
    >>> boxel.dask.voxel_mean(stack).compute()
    array([[ 5., 16.]])
    """
    stack, job = _planned(
        stack, axis, ("mean",), "voxel_mean", weights=weights, skipna=skipna, min_count=min_count,
        fill_value=fill_value, ddof=0, dtype=dtype, keepdims=keepdims, workers=workers,
    )  # fmt: skip
    return _reduced(stack, where, weights, job)[0]


def voxel_var(
    stack: da.Array,
    axis: stacks.Axis = -1,
    *,
    ddof: float = 0,
    where: npt.ArrayLike | da.Array | None = None,
    weights: npt.ArrayLike | da.Array | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    dtype: npt.DTypeLike | None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> Any:
    """Compute the variance of each voxel over the volumes of a dask stack.

    Parameters
    ----------
    stack, axis, where, weights, skipna, min_count, fill_value, dtype, keepdims, workers
        As for `boxel.dask.voxel_mean`.
    ddof
        As for `boxel.voxel_var`.

    Returns
    -------
    dask.array.Array
        Lazy; never negative, and exactly 0 where all samples of a voxel are equal.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import dask.array as da
    >>> import boxel.dask
    >>> stack = da.from_array([[1e9, 1e9 + 1, 1e9 + 2], [7, 7, 7]], chunks=(1, 2))
    >>> boxel.dask.voxel_var(stack, ddof=1).compute()
    array([1., 0.])
    """
    stack, job = _planned(
        stack, axis, ("var",), "voxel_var", weights=weights, skipna=skipna, min_count=min_count,
        fill_value=fill_value, ddof=ddof, dtype=dtype, keepdims=keepdims, workers=workers,
    )  # fmt: skip
    return _reduced(stack, where, weights, job)[0]


def voxel_std(
    stack: da.Array,
    axis: stacks.Axis = -1,
    *,
    ddof: float = 0,
    where: npt.ArrayLike | da.Array | None = None,
    weights: npt.ArrayLike | da.Array | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    dtype: npt.DTypeLike | None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> Any:
    """Compute the standard deviation of each voxel over the volumes of a dask stack.

    Parameters
    ----------
    stack, axis, ddof, where, weights, skipna, min_count, fill_value, dtype, keepdims, workers
        As for `boxel.dask.voxel_var`.

    Returns
    -------
    dask.array.Array
        The square root of the variance that `boxel.dask.voxel_var` describes.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import dask.array as da
    >>> import boxel.dask
    >>> boxel.dask.voxel_std(da.from_array([[1, 3], [0, 8]], chunks=1)).compute()
    array([1., 4.])
    """
    stack, job = _planned(
        stack, axis, ("std",), "voxel_std", weights=weights, skipna=skipna, min_count=min_count,
        fill_value=fill_value, ddof=ddof, dtype=dtype, keepdims=keepdims, workers=workers,
    )  # fmt: skip
    return _reduced(stack, where, weights, job)[0]


def voxel_mean_var(
    stack: da.Array,
    axis: stacks.Axis = -1,
    *,
    ddof: float = 0,
    where: npt.ArrayLike | da.Array | None = None,
    weights: npt.ArrayLike | da.Array | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    dtype: Any = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> tuple[Any, Any]:
    """Compute the mean and the variance of each voxel from one pass over a dask stack.

    Parameters
    ----------
    stack, axis, ddof, where, weights, skipna, min_count, fill_value, keepdims, workers
        As for `boxel.dask.voxel_var`.
    dtype
        As for `boxel.voxel_mean_var`.

    Returns
    -------
    mean, var : dask.array.Array
        Lazy; ``dask.compute(mean, var)`` computes both from the same tasks.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import dask
    >>> import dask.array as da
    >>> import boxel.dask
    >>> stack = da.from_array([[1.0, 2.0], [5.0, 8.0]], chunks=1)
    >>> dask.compute(*boxel.dask.voxel_mean_var(stack, axis=0, ddof=1))
    (array([3., 5.]), array([ 8., 18.]))
    """
    stack, job = _planned(
        stack, axis, ("mean", "var"), "voxel_mean_var", weights=weights, skipna=skipna,
        min_count=min_count, fill_value=fill_value, ddof=ddof, dtype=dtype, keepdims=keepdims,
        workers=workers,
    )  # fmt: skip
    mean, var = _reduced(stack, where, weights, job)
    return mean, var
