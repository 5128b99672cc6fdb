"""Where an image is cut so that its parts fit into memory, and leave no trace in the results."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from boxel import _core
from boxel.formats.source import Window

__all__ = ["Axis", "Cut", "bytes_text", "cut_windows", "row_axes"]

_PREFERRED = 1 << 28
"""Windows of more bytes gain no speed, unless what lies around them is much."""


@dataclass(frozen=True)
class Axis:
    """What is needed along one axis for some of its outputs.

    Output ``i`` needs the samples from ``i * step - before`` on, ``size`` of them; and a window of
    the input may have to begin at a multiple of ``grid``.
    """

    outputs: int
    length: int
    size: int = 1
    step: int = 1
    before: int = 0
    grid: int = 1
    unit: int = 1
    """Outputs of a cut are a multiple of this."""
    least: int = 1
    """Outputs that a cut has at least."""
    wraps: bool = False
    """The axis goes on at its other end: samples of a cut may lie before 0 and behind the last."""

    def inputs(self, first: int, last: int) -> slice:
        """Return the samples that outputs from `first` to before `last` need."""
        if first == 0 and last == self.outputs:
            return slice(0, self.length)
        if self.wraps:
            start = first * self.step // self.grid * self.grid - self.before
            return slice(start, (last - 1) * self.step - self.before + self.size)
        start = max(first * self.step - self.before, 0) // self.grid * self.grid
        stop = min((last - 1) * self.step - self.before + self.size, self.length)
        return slice(min(start, self.length), max(stop, min(start, self.length)))

    def extent(self, outputs: int) -> int:
        """Return how many samples so many outputs need at most."""
        if outputs >= self.outputs:
            return self.length
        needed = (outputs - 1) * self.step + self.size + self.grid - 1
        return needed if self.wraps else min(needed, self.length)

    def whole(self) -> Axis:
        """Return the same axis, never to be cut."""
        return replace(self, least=self.outputs)


@dataclass(frozen=True)
class Cut:
    """A part of the outputs, and the samples that it needs."""

    outputs: Window
    inputs: Window


def bytes_text(size: float) -> str:
    """Return a number of bytes as people write it."""
    unit = "bytes"
    for larger in ("KiB", "MiB", "GiB"):
        if size < 1024:
            break
        unit, size = larger, size / 1024
    return f"{math.ceil(size * 10) / 10:g} {unit}"


def row_axes(lengths: Sequence[int], order: Sequence[int]) -> list[int]:
    """Return the axes that make up the kernels' rows, the slowest first."""
    shortest = _core.shortest_row()
    rows: list[int] = []
    lanes = 1
    for axis in reversed(order):
        if lanes >= shortest:
            break
        rows.insert(0, axis)
        lanes *= max(1, lengths[axis])
    return rows


def cut_windows(
    axes: Sequence[Axis],
    order: Sequence[int],
    cost: Callable[[Sequence[int], Sequence[int]], int],
    memory: int,
    *,
    held: int = 0,
    grains: Sequence[int] | None = None,
    preferred: int = _PREFERRED,
) -> list[Cut]:
    """Cut the outputs along the slowest axes first, until `cost` is within `memory`.

    `cost` is called with the numbers of samples and of outputs along each axis; `held` is what is
    in memory all the time; `grains` are numbers of outputs that are best written together.
    """
    grains = [1] * len(axes) if grains is None else grains

    def bytes_of(counts: Sequence[int]) -> int:
        return held + cost([axis.extent(n) for axis, n in zip(axes, counts, strict=True)], counts)

    most = min(memory, held + preferred)
    counts = _counts(axes, order, bytes_of, most, grains)
    while most < memory and _wastes(axes, order, counts):
        # New memory has its price, too: no more of it than is worth it.
        most = min(memory, 2 * most)
        counts = _counts(axes, order, bytes_of, most, grains)
    needed = bytes_of(counts)
    if needed > memory:
        raise ValueError(
            f"expected --memory of at least {bytes_text(needed)} for this, found"
            f" {bytes_text(memory)}"
        )
    return list(_cuts(axes, order, counts))


def _wastes(axes: Sequence[Axis], order: Sequence[int], counts: Sequence[int]) -> bool:
    """Tell whether much is read twice, or in short runs."""
    around = any(
        count < axis.outputs and count * axis.step < axis.size - axis.step + axis.grid
        for axis, count in zip(axes, counts, strict=True)
    )
    return around or any(counts[axis] < axes[axis].outputs for axis in order[1:])


def _counts(
    axes: Sequence[Axis],
    order: Sequence[int],
    bytes_of: Callable[[Sequence[int]], int],
    most: int,
    grains: Sequence[int],
) -> list[int]:
    """Return how many outputs a cut has along each axis."""
    counts = [axis.outputs for axis in axes]
    for number in order:
        if bytes_of(counts) <= most:
            break
        axis = axes[number]
        low, high = 0, axis.outputs // axis.unit
        while low < high:
            middle = (low + high + 1) // 2
            counts[number] = middle * axis.unit
            low, high = (middle, high) if bytes_of(counts) <= most else (low, middle - 1)
        count = low * axis.unit
        grain = math.lcm(axis.unit, max(1, grains[number]))
        if count >= grain:
            count -= count % grain
        least = -(-axis.least // axis.unit) * axis.unit
        counts[number] = min(max(count, least), axis.outputs)
    return counts


def _cuts(axes: Sequence[Axis], order: Sequence[int], counts: Sequence[int]) -> Iterator[Cut]:
    parts = [_parts(axes[axis], counts[axis]) for axis in order]
    if not all(parts):
        return
    lengths = [len(each) for each in parts]
    for number in range(math.prod(lengths)):
        window: dict[int, tuple[int, int]] = {}
        for axis, part, length in zip(
            reversed(order), reversed(parts), reversed(lengths), strict=True
        ):
            window[axis] = part[number % length]
            number //= length
        ranges = [window[axis] for axis in range(len(axes))]
        yield Cut(
            tuple(slice(*each) for each in ranges),
            tuple(axis.inputs(*each) for axis, each in zip(axes, ranges, strict=True)),
        )


def _parts(axis: Axis, count: int) -> list[tuple[int, int]]:
    """Return the cuts along one axis; the last one is not too short either."""
    if axis.outputs == 0:
        return []
    starts = list(range(0, axis.outputs, max(1, count)))
    if len(starts) > 1 and axis.outputs - starts[-1] < axis.least:
        # What is left goes to the cut before, or some of that one's to it.
        shifted = starts[-1] - -(-(axis.least) // axis.unit) * axis.unit
        if shifted - starts[-2] >= axis.least:
            starts[-1] = shifted
        else:
            starts.pop()
    return list(zip(starts, [*starts[1:], axis.outputs], strict=True))
