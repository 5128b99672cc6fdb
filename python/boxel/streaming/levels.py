"""The levels of a pyramid, all from one reading of the image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from boxel.formats.source import Array, Source, Window, lengths_of
from boxel.streaming.blocks import block_axes
from boxel.streaming.collecting import Collector
from boxel.streaming.pipeline import PARTS_AT_ONCE, Buffers, Show, run
from boxel.streaming.windows import Axis, Cut, cut_windows

__all__ = ["Level", "level_cuts", "stream_levels"]


@dataclass(frozen=True)
class Level:
    """A level: the size of its blocks, and their number, along each axis."""

    sizes: tuple[int, ...]
    shape: tuple[int, ...]

    def outputs(self, coarsest: Sequence[int], window: Window) -> Window:
        """Return which blocks lie in a window of blocks of the coarsest level."""
        return tuple(
            slice(
                min(each.start * (large // size), count),
                min(each.stop * (large // size), count),
            )
            for each, size, count, large in zip(
                window, self.sizes, self.shape, coarsest, strict=True
            )
        )


def level_cuts(
    source: Source,
    levels: Sequence[Level],
    result: np.dtype[Any],
    memory: int,
    *,
    statistic: str,
    skipna: bool,
    keeps_image: bool,
) -> list[Cut]:
    """Cut the image between blocks of the coarsest level, which holds those of all others."""
    coarsest = levels[-1].sizes
    counts = [-(-length // size) for length, size in zip(source.shape, coarsest, strict=True)]
    axes = [
        Axis(count, length, min(size, max(1, length)), size)
        for count, length, size in zip(counts, source.shape, coarsest, strict=True)
    ]
    for level in levels:
        finer = block_axes(
            source.shape, level.sizes, level.sizes, level.shape, source.order,
            statistic=statistic, dtype=source.dtype, skipna=skipna,
        )  # fmt: skip
        for number, (axis, large, size) in enumerate(
            zip(finer, coarsest, level.sizes, strict=True)
        ):
            times = large // size
            unit = axis.unit // math.gcd(axis.unit, times)
            axes[number] = replace(
                axes[number],
                unit=math.lcm(axes[number].unit, unit),
                least=min(max(axes[number].least, -(-axis.least // times)), counts[number]),
            )
    share = sum(1 / math.prod(level.sizes) for level in levels)

    def cost(samples: Sequence[int], outputs: Sequence[int]) -> int:
        pixels = math.prod(samples)
        # The image itself, where it is written too, waits as it was read.
        held = source.dtype.itemsize * (PARTS_AT_ONCE + keeps_image)
        return math.ceil(pixels * (held + PARTS_AT_ONCE * share * result.itemsize))

    grains = [-(-chunk // size) for chunk, size in zip(source.chunks, coarsest, strict=True)]
    return cut_windows(axes, source.order, cost, memory, held=source.held_bytes, grains=grains)


def stream_levels(
    source: Source,
    cuts: Sequence[Cut],
    levels: Sequence[Level],
    compute: Callable[[Array, Level, Array], None],
    collectors: Sequence[Collector],
    image: Collector | None,
    show: Show,
) -> None:
    """Run an image into the collectors of its levels, and itself into one of its own."""
    inputs = Buffers(PARTS_AT_ONCE + (image is not None))
    outputs = [Buffers() for _ in levels]
    coarsest = levels[-1].sizes

    def take(cut: Cut) -> Array:
        shape = lengths_of(cut.inputs)
        return source.read(cut.inputs, inputs.array(shape, source.dtype, source.order))

    def work(cut: Cut, samples: Array) -> tuple[Array, list[Array]]:
        found = []
        for level, buffers, collector in zip(levels, outputs, collectors, strict=True):
            window = level.outputs(coarsest, cut.outputs)
            out = buffers.array(lengths_of(window), collector.dtype, source.order)
            if out.size:
                compute(samples, level, out)
            found.append(out)
        return samples, found

    def write(cut: Cut, result: tuple[Array, list[Array]]) -> None:
        samples, found = result
        if image is not None:
            image.write(cut.inputs, samples)
        for level, collector, values in zip(levels, collectors, found, strict=True):
            collector.write(level.outputs(coarsest, cut.outputs), values)

    run(cuts, take, work, write, show)
