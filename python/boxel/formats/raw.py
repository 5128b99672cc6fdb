"""Arrays that lie in a file as they lie in memory: windows of them by plain reads and writes.

Not mapped into memory: what was read of a mapped file counts as the process's own until it is given
back, and a disk that fills up kills a process that writes to one.
"""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from boxel.formats.source import Array, Window, laid_out, lengths_of

__all__ = ["RawArray"]

# Shorter runs are read together with what lies between them.
_SHORT_RUN = 1 << 14
_SPAN = 1 << 24


class RawArray:
    """An array at an offset of an open file."""

    def __init__(
        self,
        descriptor: int,
        offset: int,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        order: tuple[int, ...],
    ) -> None:
        self._descriptor = descriptor
        self._offset = offset
        self._dtype = dtype
        self._order = order
        self._lengths = [shape[axis] for axis in order]
        strides = [dtype.itemsize]
        for length in reversed(self._lengths[1:]):
            strides.append(strides[-1] * length)
        self._strides = strides[::-1][-len(self._lengths) :] if self._lengths else []

    def read(self, window: Window, out: Array | None = None) -> Array:
        """Read a window, into `out` where its axes lie in memory as those of the file do."""
        shape = lengths_of(window)
        if out is None or not out.transpose(self._order).flags.c_contiguous:
            out = laid_out(shape, self._dtype, self._order)
        if out.size == 0:
            return out
        target = out.transpose(self._order)
        starts, lengths = self._ordered(window)
        split = self._split(lengths)
        run = self._dtype.itemsize * math.prod(lengths[split:])
        if split and run < _SHORT_RUN and self._strides[split - 1] <= _SPAN:
            self._read_spans(target, starts, lengths, split)
            return out
        raw = target.reshape(-1).view(np.uint8)
        for number, place in enumerate(self._places(starts, lengths, split)):
            self._read_into(raw[number * run : (number + 1) * run], place)
        return out

    def write(self, window: Window, array: Array) -> None:
        """Write a window."""
        if array.size == 0:
            return
        source = np.ascontiguousarray(array.transpose(self._order), self._dtype)
        starts, lengths = self._ordered(window)
        split = self._split(lengths)
        run = self._dtype.itemsize * math.prod(lengths[split:])
        raw = source.reshape(-1).view(np.uint8)
        for number, place in enumerate(self._places(starts, lengths, split)):
            self._write_from(raw[number * run : (number + 1) * run], place)

    def _ordered(self, window: Window) -> tuple[list[int], list[int]]:
        starts = [window[axis].start for axis in self._order]
        lengths = [window[axis].stop - window[axis].start for axis in self._order]
        return starts, lengths

    def _split(self, lengths: list[int]) -> int:
        """Return the first of the last axes along which the window lies in one run."""
        split = len(lengths)
        while split > 0:
            split -= 1
            if lengths[split] != self._lengths[split]:
                break
        return split

    def _places(self, starts: list[int], lengths: list[int], split: int) -> Iterator[int]:
        first = self._offset + sum(
            start * stride for start, stride in zip(starts, self._strides, strict=True)
        )
        for index in np.ndindex(*lengths[:split]):
            yield first + sum(
                step * stride for step, stride in zip(index, self._strides, strict=False)
            )

    def _read_spans(self, target: Array, starts: list[int], lengths: list[int], split: int) -> None:
        """Read short runs by reading all that lies between the first and the last of some."""
        along = split - 1
        stride = self._strides[along]
        together = max(1, _SPAN // stride)
        run = self._dtype.itemsize * math.prod(lengths[split:])
        buffer = np.empty(min(together, lengths[along]) * stride, np.uint8)
        flat = target.reshape(-1, lengths[along], run // self._dtype.itemsize)
        for row, place in zip(flat, self._places(starts, lengths, along), strict=True):
            for first in range(0, lengths[along], together):
                count = min(together, lengths[along] - first)
                # Nothing behind the last run is there for sure.
                self._read_into(buffer[: (count - 1) * stride + run], place + first * stride)
                runs = buffer[: count * stride].reshape(count, stride)[:, :run]
                row[first : first + count] = runs.copy().view(self._dtype)

    def _read_into(self, raw: Array, place: int) -> None:
        view = raw.data
        while view:
            count = os.preadv(self._descriptor, [view[: 1 << 30]], place)
            if count == 0:
                raise EOFError("the file ends too early")
            view = view[count:]
            place += count

    def _write_from(self, raw: Array, place: int) -> None:
        view = raw.data
        while view:
            count = os.pwrite(self._descriptor, view[: 1 << 30], place)
            if count == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            view = view[count:]
            place += count
