"""Statistics over the blocks of chunked arrays."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from boxel import _core, blocks, pyramids
from boxel import _validate as check
from boxel._calls import NAN, Array, Statistic, Statistics, statistic_names
from boxel.dask._graph import (
    Along,
    Graph,
    checked_image,
    threads_of,
    weights_source,
    where_source,
)
from boxel.dask._large_blocks import LargeBlocks, add_trees, are_large
from boxel.dask._sources import Part, Range, Source, da, part_of, pieces_of

__all__ = ["block_reduce", "density_map", "pyramid"]

# Chunks below this are put together at once: calls for parts of them would cost more.
_SMALL_BYTES = 1 << 18


class _Windows(NamedTuple):
    """Windows along one axis, and the samples that they cover, counted from the first."""

    number: int
    size: int
    step: int


class _Run(NamedTuple):
    """Windows that follow each other, and what they cover."""

    first: int
    end: int
    covered: Range


@dataclass(frozen=True)
class _Job:
    """What every task of a result has in common."""

    names: tuple[str, ...]
    dtypes: tuple[Any, ...]
    strided: bool
    options: dict[str, Any]

    def compute(
        self,
        plans: Sequence[_Windows],
        image: Array,
        where: Array | None,
        weights: Array | None,
        out: Sequence[Array],
    ) -> None:
        """Write all statistics of the windows of an image."""
        sizes = tuple([each.size for each in plans])
        if self.strided:
            steps = tuple([each.step for each in plans])
            blocks.density_map(image, sizes, stride=steps, where=where, out=out[0], **self.options)
        else:
            blocks.block_reduce(
                image, sizes, self.names, where=where, weights=weights, out=out, **self.options
            )


def _runs(windows: _Windows, lengths: Sequence[int]) -> Iterator[_Run]:
    """Yield windows within a single piece, and those that reach over the border of two, in turn."""
    count, size, step = windows
    ends = list(itertools.accumulate(lengths))
    total = ends[-1]

    def piece_of(window: int) -> int | None:
        place = next((k for k, end in enumerate(ends) if window * step < end), len(ends) - 1)
        return place if min(window * step + size, total) <= ends[place] else None

    first = 0
    while first < count:
        piece = piece_of(first)
        if piece is None:
            last = first
            while last + 1 < count and piece_of(last + 1) is None:
                last += 1
        elif ends[piece] == total:
            last = count - 1
        else:
            last = (ends[piece] - size) // step
        yield _Run(first, last + 1, (first * step, min(last * step + size, total)))
        first = last + 1


def _reduce_chunk(
    job: _Job, plans: Sequence[_Windows], parts: Sequence[Part | None], arrays: Sequence[Any]
) -> Any:
    """Compute a chunk: windows within one piece from where it lies, only the others are copied."""
    image, where, weights = pieces_of(parts, arrays)
    assert image is not None
    counts = tuple([each.number for each in plans])
    results = [_core.empty(counts, dtype) for dtype in job.dtypes]
    if image.nbytes <= _SMALL_BYTES:
        runs = [
            [_Run(0, plan.number, (0, sum(lengths)))]
            for plan, lengths in zip(plans, image.lengths, strict=True)
        ]
    else:
        runs = [
            list(_runs(plan, lengths)) for plan, lengths in zip(plans, image.lengths, strict=True)
        ]
    for run in itertools.product(*runs):
        region = [each.covered for each in run]
        place: Any = (..., *[slice(each.first, each.end) for each in run])
        job.compute(
            plans, image.part(region), part_of(where, region), part_of(weights, region),
            [result[place] for result in results],
        )  # fmt: skip
    return results[0] if len(results) == 1 else tuple(results)


def _along(chunks: Sequence[int], size: int, step: int, count: int) -> list[Along]:
    """Return the chunks of a result along an axis: windows belong to the chunk they begin in."""
    length = sum(chunks)
    found = []
    start = 0
    for each in chunks:
        first, end = -(-start // step), min(-(-(start + each) // step), count)
        start += each
        if first < end:
            covered = (first * step, min((end - 1) * step + size, length))
            found.append(Along(end - first, (covered,), _Windows(end - first, size, step)))
    return found or [Along(0, ((0, 0),), _Windows(0, size, step))]


def _sources(image: Any, where: Any, weights: Any) -> list[Source | None]:
    return [
        Source(image, image.shape, "image"),
        where_source(where, image.shape, image.chunks),
        weights_source(weights, image.shape, image.chunks),
    ]


def _reduced(
    image: Any, where: Any, weights: Any, job: _Job, sizes: Sequence[int], steps: Sequence[int],
    counts: Sequence[int],
) -> list[Any]:  # fmt: skip
    axes = [
        _along(chunks, size, step, count)
        for chunks, size, step, count in zip(image.chunks, sizes, steps, counts, strict=True)
    ]
    what = "density_map" if job.strided else "block_reduce"
    graph = Graph(what, _sources(image, where, weights), job, sizes, steps, counts)
    graph.add_chunks(axes, functools.partial(_reduce_chunk, job))
    return graph.arrays(job.names, [[each.length for each in along] for along in axes], job.dtypes)


def block_reduce(
    image: da.Array,
    block_size: Any,
    statistic: Statistic | Statistics = "mean",
    *,
    axes: int | Sequence[int] | None = None,
    boundary: str = "partial",
    cval: Any = 0,
    where: npt.ArrayLike | da.Array | None = None,
    weights: npt.ArrayLike | da.Array | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    ddof: float = 0,
    dtype: Any = None,
    workers: int | None = None,
) -> Any:
    """Compute a statistic of every block of a dask array: `boxel.block_reduce`, chunk by chunk.

    Blocks lie where they do in memory, whatever the chunks: a block that reaches over the border of
    two is computed whole, from its chunk and a strip of the next one. Blocks that hold more than 16
    chunks are merged from them in a tree (but for ``median``, ``mode`` and ``boundary="pad"``).

    Parameters
    ----------
    image : dask.array.Array
        As for `boxel.block_reduce`; chunks may be masked arrays.
    block_size, statistic, axes, boundary, cval
        As for `boxel.block_reduce`.
    where, weights : array_like or dask.array.Array, optional
        As for `boxel.block_reduce`, in whatever chunks. The values of weights are checked when they
        are there.
    skipna, min_count, fill_value, ddof, dtype
        As for `boxel.block_reduce`.
    workers : int, optional
        Threads of each task; default 1, as dask has several tasks at work.

    Returns
    -------
    dask.array.Array, or dict of these by statistic
        Lazy. A chunk holds the blocks that begin in a chunk of the image.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import dask.array as da
    >>> import boxel.dask
    >>> image = da.arange(20, chunks=7).reshape(4, 5)
    >>> boxel.dask.block_reduce(image, 2).compute()
    array([[ 3. ,  5. ,  6.5],
           [13. , 15. , 16.5]])
    """
    image = checked_image(image, "block_reduce")
    sizes, counts = blocks.tiles(image.shape, block_size, axes, boundary)
    names, single = statistic_names(statistic)
    if boundary == "pad":
        check.padded_volume(sizes, "boundary='pad' with block_size")
    least = check.at_least(min_count, 0, "min_count")
    options: dict[str, Any] = {
        "boundary": boundary, "cval": cval, "skipna": skipna, "min_count": least,
        "fill_value": fill_value, "ddof": ddof, "workers": threads_of(workers),
    }  # fmt: skip
    one = np.zeros((1,) * image.ndim, image.dtype)
    tried = blocks.block_reduce(
        one, 1, names, weights=None if weights is None else one == 0, dtype=dtype,
        **{**options, "min_count": 0},
    )  # fmt: skip
    dtypes = tuple([each.dtype for each in tried.values()])
    if 0 not in counts and are_large(names, image.chunks, sizes, boundary):
        large = LargeBlocks(names, dtypes, sizes, counts, options)
        graph = Graph("block_reduce", _sources(image, where, weights), large)
        found = graph.arrays(names, add_trees(graph, large, image.chunks), dtypes)
    else:
        job = _Job(names, dtypes, False, options)
        found = _reduced(image, where, weights, job, sizes, sizes, counts)
    return found[0] if single else dict(zip(names, found, strict=True))


def density_map(
    image: da.Array,
    block_size: Any,
    *,
    stride: Any = None,
    boundary: str = "partial",
    where: npt.ArrayLike | da.Array | None = None,
    dtype: Any = None,
    workers: int | None = None,
) -> Any:
    """Compute the fraction of nonzero samples in every block of a dask array.

    Parameters
    ----------
    image : dask.array.Array
        As for `boxel.density_map`.
    block_size, stride, boundary, dtype
        As for `boxel.density_map`.
    where, workers
        As for `boxel.dask.block_reduce`.

    Returns
    -------
    dask.array.Array
        Lazy. A chunk holds the blocks that begin in a chunk of the image.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import dask.array as da
    >>> import boxel.dask
    >>> image = da.eye(6, chunks=4)
    >>> boxel.dask.density_map(image, 3, stride=2, boundary="trim").compute().round(2)
    array([[0.33, 0.11],
           [0.11, 0.33]])
    """
    image = checked_image(image, "density_map")
    if stride is None:
        sizes, counts = blocks.tiles(image.shape, block_size, None, boundary)
        steps = sizes
    else:
        sizes, steps, counts = blocks.strided_windows(image.shape, block_size, stride, boundary)
    if boundary == "pad":
        check.padded_volume(sizes, "boundary='pad' with block_size")
    options: dict[str, Any] = {"boundary": boundary, "workers": threads_of(workers)}
    one = np.zeros((1,) * image.ndim, image.dtype)
    tried = blocks.density_map(one, 1, dtype=dtype, **options)
    job = _Job(("density",), (tried.dtype,), True, options)
    return _reduced(image, where, None, job, sizes, steps, counts)[0]


def pyramid(
    image: da.Array,
    factor: Any = 2,
    statistic: Statistic | Statistics = "mean",
    *,
    levels: int | None = None,
    min_size: int = 1,
    axes: int | Sequence[int] | None = None,
    boundary: str = "partial",
    **options: Any,
) -> list[Any]:
    """Compute a dask array at ever coarser levels.

    Parameters
    ----------
    image : dask.array.Array
        As for `boxel.dask.block_reduce`.
    factor, statistic, levels, min_size, axes, boundary
        As for `boxel.pyramid`.
    **options
        As for `boxel.dask.block_reduce`: cval, where, weights, skipna, min_count, fill_value, ddof,
        dtype, workers.

    Returns
    -------
    list of dask.array.Array, or of dicts of these by statistic
        Lazy, from fine to coarse. Computed together, as ``dask.compute(*levels)`` does, they read
        each chunk of the image once.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import dask.array as da
    >>> import boxel.dask
    >>> image = da.arange(30, chunks=8).reshape(5, 6)
    >>> [level.shape for level in boxel.dask.pyramid(image)]
    [(3, 3), (2, 2), (1, 1)]
    """
    image = checked_image(image, "pyramid")
    own = check.axis_tuple(axes, image.ndim)
    totals = pyramids.level_sizes(
        [image.shape[axis] for axis in own], own, factor, levels, min_size, boundary
    )
    return [
        block_reduce(image, total, statistic, axes=own, boundary=boundary, **options)
        for total in totals
    ]
