"""Boxes that slide over an image that is read window by window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from boxel import _core
from boxel.formats.source import Array, Source, Window, laid_out, lengths_of
from boxel.streaming.blocks import is_exact
from boxel.streaming.windows import Axis, Cut, row_axes

__all__ = ["box_axes", "filtered_shape", "kept_outputs", "modes_of", "read_wrapped"]

WRAPPING = ("wrap", "grid-wrap")


def box_axes(
    lengths: Sequence[int],
    sizes: Sequence[int],
    steps: Sequence[int],
    origins: Sequence[int],
    modes: Sequence[str],
    order: Sequence[int],
    *,
    statistic: str,
    dtype: np.dtype[Any],
) -> list[Axis]:
    """Return what sliding boxes need along each axis, and where the image may be cut.

    A window is filtered with the modes of the whole image: they mend what is near its true
    borders, and what they do near the others is left out. The kernels merge boxes from parts that
    lie at multiples of the box's size, and so do windows of sums of floats.
    """
    axes = []
    exact = is_exact(statistic, dtype)
    for length, size, step, origin, mode in zip(lengths, sizes, steps, origins, modes, strict=True):
        before = 0 if mode == "valid" else size // 2 + origin
        span = max(length - size + 1, 0) if mode == "valid" else length
        grid = step if exact else math.lcm(step, size)
        axis = Axis(-(-span // step), length, size, step, before, grid)
        # Near a border a mode reaches as far inwards as the box does beyond it; and what shrinks
        # does so otherwise where an axis is shorter than the box.
        if mode != "valid" and size > 1:
            axis = replace(axis, least=min(-(-size // step) + 1, axis.outputs))
        if mode in WRAPPING and size > 1:
            axis = replace(axis, wraps=True)
        if size > length:
            axis = axis.whole()
        axes.append(axis)
    if axes and not exact:
        # What a stride skips along an axis that is not filtered is never read.
        read = [axis.outputs if axis.size == 1 else axis.length for axis in axes]
        rows = row_axes(read, order)
        for number in rows[1:]:
            axes[number] = axes[number].whole()
        first = axes[rows[0]]
        least = -(-_core.shortest_row() // max(1, math.prod(read[axis] for axis in rows[1:])))
        axes[rows[0]] = replace(first, least=max(first.least, min(least, first.outputs)))
    return axes


def kept_outputs(axes: Sequence[Axis], cut: Cut) -> Window:
    """Return which outputs of a filtered window are those of the cut."""
    kept = []
    for axis, outputs, inputs in zip(axes, cut.outputs, cut.inputs, strict=True):
        start = inputs.start
        if axis.wraps and outputs.stop - outputs.start < axis.outputs:
            start += axis.before
        first = outputs.start - start // axis.step
        kept.append(slice(first, first + outputs.stop - outputs.start))
    return tuple(kept)


def modes_of(axes: Sequence[Axis], cut: Cut, modes: Sequence[str]) -> tuple[str, ...]:
    """Return the modes to filter a window with; one that wraps brings its border along."""
    return tuple(
        "valid" if axis.wraps and outputs.stop - outputs.start < axis.outputs else mode
        for axis, outputs, mode in zip(axes, cut.outputs, modes, strict=True)
    )


def read_wrapped(source: Source, window: Window, out: Array | None) -> Array:
    """Read a window that goes on at the other end of an axis that it leaves."""
    for axis, (each, length) in enumerate(zip(window, source.shape, strict=True)):
        if each.start >= 0 and each.stop <= length:
            continue
        parts = []
        first = each.start
        while first < each.stop:
            place = first % length
            last = min(each.stop, first + length - place)
            part = slice(place, place + last - first)
            parts.append(read_wrapped(source, (*window[:axis], part, *window[axis + 1 :]), None))
            first = last
        target = laid_out(lengths_of(window), source.dtype, source.order) if out is None else out
        np.concatenate(parts, axis=axis, out=target)
        return target
    return source.read(window, out)


def filtered_shape(
    axes: Sequence[Axis], cut: Cut, sizes: Sequence[int], modes: Sequence[str]
) -> tuple[int, ...]:
    """Return the shape of a window that was filtered with these modes."""
    shape = []
    for axis, each, size, mode in zip(axes, cut.inputs, sizes, modes, strict=True):
        length = each.stop - each.start
        span = max(length - size + 1, 0) if mode == "valid" else length
        shape.append(-(-span // axis.step))
    return tuple(shape)
