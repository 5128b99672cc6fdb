"""What becomes of the windows of a result: they are written, summed up, and kept if wanted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from boxel.blocks import block_reduce
from boxel.formats.sink import Sink
from boxel.formats.source import Array, Window, lengths_of

__all__ = ["SMALL", "Collector", "Summary", "collected"]

SMALL = 144
"""Samples of a result that still reads well as numbers."""


class Summary:
    """The range and the mean of the finite values, and how many are not finite."""

    def __init__(self) -> None:
        self.least: int | float | None = None
        self.greatest: int | float | None = None
        self.not_finite = 0
        self._finite = 0
        self._means: list[tuple[float, int]] = []

    @property
    def mean(self) -> float | None:
        """The mean of the finite values, None if there is none."""
        if not self._finite:
            return None
        return math.fsum(mean * (count / self._finite) for mean, count in self._means)

    def take(self, values: Array) -> None:
        """Take values in."""
        if values.size == 0:
            return
        found = block_reduce(values, values.shape, ("min", "max", "mean"), dtype={"mean": "f8"})
        least, greatest, mean = (found[name].item() for name in ("min", "max", "mean"))
        if values.dtype.kind == "f" and not (math.isfinite(least) and math.isfinite(greatest)):
            finite = values[np.isfinite(values)]
            self.not_finite += values.size - finite.size
            self.take(finite)
            return
        self.least = least if self.least is None else min(self.least, least)
        self.greatest = greatest if self.greatest is None else max(self.greatest, greatest)
        self._finite += values.size
        self._means.append((mean, values.size))


class Collector:
    """A result that comes window by window.

    Parameters
    ----------
    shape, dtype
        Of the result.
    sink : Sink, optional
        Where to write it.
    axes : sequence of int, optional
        The order in which the sink has the axes.
    convert : callable, optional
        What the sink holds instead of the values.
    keep : bool, default False
        Keep the result in memory; a small one is kept anyway.
    summarize : bool, default True
        Find its range and mean.
    """

    def __init__(
        self,
        shape: Sequence[int],
        dtype: np.dtype[Any],
        *,
        sink: Sink | None = None,
        axes: Sequence[int] | None = None,
        convert: Callable[[Array], Array] | None = None,
        keep: bool = False,
        summarize: bool = True,
    ) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype
        self.summary = Summary()
        kept = keep or math.prod(self.shape) <= SMALL
        self.values: Array | None = np.empty(self.shape, dtype) if kept else None
        self._sink = sink
        self._axes = axes
        self._convert = convert
        self._summarize = summarize

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """How many values along each axis are best written together."""
        if self._sink is None or self._axes is not None:
            return None
        return self._sink.chunks

    @property
    def held_bytes(self) -> int:
        """What stays in memory."""
        kept = 0 if self.values is None else self.values.nbytes
        return kept + (0 if self._sink is None else self._sink.held_bytes)

    def write(self, window: Window, values: Array) -> None:
        """Take a window."""
        if lengths_of(window) != values.shape:
            raise AssertionError(f"a window {window} was given values of shape {values.shape}")
        if self._summarize:
            self.summary.take(values)
        if self.values is not None:
            self.values[window] = values
        if self._sink is None:
            return
        if self._convert is not None:
            values = self._convert(values)
        if self._axes is not None:
            values = values.transpose(self._axes)
            window = tuple(window[axis] for axis in self._axes)
        self._sink.write(window, values)


def collected(values: Array) -> Collector:
    """Return a result that is there already."""
    result = Collector(values.shape, values.dtype, keep=True)
    result.write(tuple(slice(0, length) for length in values.shape), values)
    return result
