"""Blocks that hold many chunks: states of chunks are merged in a tree, as those of regions are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from boxel import blocks
from boxel._calls import Array
from boxel._registry import FILLABLE, MERGEABLE
from boxel.dask._graph import Along, Graph
from boxel.dask._sources import Part, wholes_of
from boxel.dask._trees import CHUNKS_TOGETHER, add_tree
from boxel.region_tiles import RegionStats

__all__ = ["LargeBlocks", "add_trees", "are_large"]


def are_large(names: Sequence[str], chunks: Any, sizes: Sequence[int], boundary: str) -> bool:
    """Tell whether blocks are better merged from chunks than computed from all of them at once."""
    if boundary == "pad" or not all(name in MERGEABLE for name in names):
        return False
    lengths = [sum(each) / max(len(each), 1) for each in chunks]
    together = [
        max(size / length, 1) if length else 1 for size, length in zip(sizes, lengths, strict=True)
    ]
    return math.prod(together) > CHUNKS_TOGETHER


@dataclass(frozen=True)
class LargeBlocks:
    """What every task of a result has in common."""

    names: tuple[str, ...]
    dtypes: tuple[Any, ...]
    sizes: tuple[int, ...]
    counts: tuple[int, ...]
    options: dict[str, Any]

    @property
    def reduced(self) -> list[int]:
        """The axes along which blocks extend; along the others lie channels."""
        return [axis for axis, size in enumerate(self.sizes) if size > 1]

    @property
    def channels(self) -> list[int]:
        """The axes along which a block is one sample long."""
        return [axis for axis, size in enumerate(self.sizes) if size == 1]

    def numbers(self, starts: Sequence[int], shape: Sequence[int]) -> Array:
        """Return the number of the block of every place along the reduced axes."""
        found = np.zeros((), np.int64)
        for axis in self.reduced:
            along = (starts[axis] + np.arange(shape[axis])) // self.sizes[axis]
            one = along[:1] if len(along) and along[0] == along[-1] else along
            found = found[..., np.newaxis] * self.counts[axis] + one
        return np.broadcast_to(found, [shape[axis] for axis in self.reduced])

    def take(
        self, starts: Sequence[int], parts: Sequence[Part | None], arrays: Sequence[Any]
    ) -> RegionStats:
        """Return the statistics of the parts of blocks that lie in a chunk."""
        image, where, weights = wholes_of(parts, arrays)
        assert image is not None
        stats = RegionStats(
            ("count", *self.names), background=None, channel_axis=self.channels or None,
            skipna=self.options["skipna"],
        )  # fmt: skip
        spread = [
            None if each is None else np.broadcast_to(each, image.shape)
            for each in (where, weights)
        ]
        return stats.update(
            self.numbers(starts, image.shape), image, where=spread[0], weights=spread[1],
            workers=self.options["workers"],
        )  # fmt: skip

    def finish(self, stats: RegionStats) -> Any:
        """Return the statistics of blocks of which all chunks have come."""
        index = np.arange(math.prod([self.counts[axis] for axis in self.reduced]))
        # Blocks without a sample are told apart by their counts.
        found = stats.result(index, ddof=self.options["ddof"], fill_value=0)
        results = []
        for name, dtype in zip(self.names, self.dtypes, strict=True):
            values, least = found[name], self.options["min_count"]
            where = None
            if name in FILLABLE:
                where = found["count"] >= (least if name == "sum" else max(least, 1))
            cast = blocks.block_reduce(
                values, 1, "max", where=where, fill_value=self.options["fill_value"], dtype=dtype
            )
            shape = [self.counts[axis] for axis in self.reduced]
            apart = cast.reshape(*shape, *cast.shape[1:])
            results.append(np.moveaxis(apart, range(apart.ndim), [*self.reduced, *self.channels]))
        return results[0] if len(results) == 1 else tuple(results)


def add_trees(graph: Graph, job: LargeBlocks, chunks: Any) -> list[Any]:
    """Add a tree of merges for each chunk of channels; return the chunks of the result."""
    axes = []
    for each, size, count in zip(chunks, job.sizes, job.counts, strict=True):
        ends = [min(end, size * count) for end in itertools.accumulate(each, initial=0)]
        axes.append(
            [Along(b - a, ((a, b),), a) for a, b in itertools.pairwise(ends) if b > a or size == 1]
        )
    places = [
        range(len(each) if size == 1 else 1) for each, size in zip(axes, job.sizes, strict=True)
    ]
    for place in itertools.product(*places):
        own = [
            [each[number]] if size == 1 else each
            for each, size, number in zip(axes, job.sizes, place, strict=True)
        ]
        add_tree(graph, place, graph.key(*place), own, job)
    return [
        each if size == 1 else (count,)
        for each, size, count in zip(chunks, job.sizes, job.counts, strict=True)
    ]
