"""Reading one window ahead and writing one behind, while the one between is computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from boxel.formats.source import Array

__all__ = ["Buffers", "Show", "run"]

Part = TypeVar("Part")
Data = TypeVar("Data")
Result = TypeVar("Result")

Show = Callable[[float], Any]
"""Called with the share of the work that was done since the last call."""

PARTS_AT_ONCE = 2
"""A window is in memory while the next one is read, and its result while the next is computed."""


class Buffers:
    """Memory that is used again for every few arrays: new memory costs as much as reading it."""

    def __init__(self, turns: int = PARTS_AT_ONCE) -> None:
        self._memory: list[Array] = [np.empty(0, np.uint8)] * turns
        self._turn = 0

    def array(self, shape: Sequence[int], dtype: np.dtype[Any], order: Sequence[int]) -> Array:
        """Return an array, whose axes lie in memory in that order, over the oldest one."""
        self._turn = (self._turn + 1) % len(self._memory)
        size = math.prod(shape) * dtype.itemsize
        if self._memory[self._turn].size < size:
            self._memory[self._turn] = np.empty(0, np.uint8)
            self._memory[self._turn] = np.empty(size, np.uint8)
        flat = self._memory[self._turn][:size].view(dtype)
        array: Array = flat.reshape([shape[axis] for axis in order])
        return array.transpose(np.argsort(order)) if len(shape) else array


def run(
    parts: Sequence[Part],
    read: Callable[[Part], Data],
    compute: Callable[[Part, Data], Result],
    write: Callable[[Part, Result], None],
    show: Show,
) -> None:
    """Read, compute and write every part, in their order; what one of them raises stops all."""
    if len(parts) == 1:
        write(parts[0], compute(parts[0], read(parts[0])))
        show(1)
    if len(parts) < 2:
        return
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        ahead = reader.submit(read, parts[0])
        behind: Future[None] | None = None
        try:
            for number, part in enumerate(parts):
                data = ahead.result()
                if number + 1 < len(parts):
                    ahead = reader.submit(read, parts[number + 1])
                result = compute(part, data)
                if behind is not None:
                    behind.result()
                behind = writer.submit(write, part, result)
                show(1 / len(parts))
            if behind is not None:
                behind.result()
        finally:
            ahead.cancel()
