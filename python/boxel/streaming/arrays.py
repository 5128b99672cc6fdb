"""From the windows of one file to the windows of another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from boxel.formats.source import Array, Source, Window, lengths_of
from boxel.streaming.collecting import Collector
from boxel.streaming.pipeline import PARTS_AT_ONCE, Buffers, Show, run
from boxel.streaming.windows import Axis, Cut, cut_windows

__all__ = ["array_cuts", "axis_order", "no_show", "outputs_of", "stream_array"]


def no_show(share: float) -> None:
    """Show nothing."""


def read_window(source: Source, window: Window, out: Array | None) -> Array:
    """Read a window."""
    return source.read(window, out)


def outputs_of(cut: Cut) -> Window:
    """Return where the results of a cut lie."""
    return cut.outputs


def axis_order(order: Sequence[int], axes: int) -> tuple[int, ...]:
    """Return the order of the axes of a result, which may have lost one."""
    forwards = tuple(range(axes))
    is_reversed = len(order) > 1 and tuple(order) == tuple(range(len(order)))[::-1]
    return forwards[::-1] if is_reversed else forwards


def array_cuts(
    source: Source,
    axes: Sequence[Axis],
    result: np.dtype[Any],
    memory: int,
    *,
    chunks: Sequence[int] | None = None,
    held: int = 0,
    extra: float = 0,
) -> list[Cut]:
    """Cut an image so that its windows and their results fit into memory.

    `extra` are bytes that the work needs for each sample besides.
    """

    def cost(samples: Sequence[int], outputs: Sequence[int]) -> int:
        inputs = math.prod(samples) * (PARTS_AT_ONCE * source.dtype.itemsize + extra)
        return math.ceil(inputs) + PARTS_AT_ONCE * math.prod(outputs) * result.itemsize

    read = [-(-size // axis.step) for size, axis in zip(source.chunks, axes, strict=True)]
    written = [1] * len(axes) if chunks is None else chunks
    grains = [max(pair) for pair in zip(read, written, strict=True)]
    return cut_windows(
        axes, source.order, cost, memory, held=source.held_bytes + held, grains=grains
    )


def stream_array(
    source: Source,
    cuts: Sequence[Cut],
    compute: Callable[[Cut, Array, Array], Array | None],
    collector: Collector,
    *,
    place: Callable[[Cut], Window] = outputs_of,
    computed: Callable[[Cut], Sequence[int]] | None = None,
    read: Callable[[Source, Window, Array | None], Array] = read_window,
    show: Show = no_show,
) -> None:
    """Run windows from a source into a collector.

    `compute` gets a cut, its samples and an array for its result, which is `computed` in shape; it
    returns the part of it that is the cut's, or None for all of it. `place` says where in the
    collector that goes.
    """
    order = axis_order(source.order, len(collector.shape))
    inputs, outputs = Buffers(), Buffers()

    def take(cut: Cut) -> Array:
        shape = lengths_of(cut.inputs)
        return read(source, cut.inputs, inputs.array(shape, source.dtype, source.order))

    def work(cut: Cut, samples: Array) -> Array:
        shape = lengths_of(place(cut)) if computed is None else computed(cut)
        out = outputs.array(shape, collector.dtype, order)
        found = compute(cut, samples, out)
        return out if found is None else found

    run(cuts, take, work, lambda cut, values: collector.write(place(cut), values), show)
