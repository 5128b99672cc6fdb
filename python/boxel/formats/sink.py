"""What every format can do for a writer: take windows of an array."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from boxel.formats.source import Array, Window, laid_out

__all__ = ["Sink", "WholeSink", "near_chunks"]

_CHUNK_BYTES = 1 << 20


class Sink:
    """An array that is being written to a temporary path, window by window.

    Attributes
    ----------
    shape, dtype
        Of the array.
    chunks : tuple of int
        How many samples along each axis are best written together.
    held_bytes : int
        What stays in memory until the sink is closed.
    """

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], *, chunks: tuple[int, ...] | None = None
    ) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype
        self.chunks = (1,) * len(shape) if chunks is None else chunks
        self.held_bytes = 0

    def write(self, window: Window, array: Array) -> None:
        """Take a window."""
        raise NotImplementedError

    def close(self) -> None:
        """Complete the file; called only if all windows were written."""

    def abandon(self) -> None:
        """Let the file go as it is."""


class WholeSink(Sink):
    """An array that its format can only encode as a whole."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        super().__init__(shape, dtype)
        self._path = path
        self._array = laid_out(self.shape, dtype, tuple(range(len(shape))))
        self.held_bytes = self._array.nbytes

    def write(self, window: Window, array: Array) -> None:
        """Keep a window."""
        self._array[window] = array


def near_chunks(
    shape: tuple[int, ...], itemsize: int, most: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """Return the shape of chunks of about a mebibyte, as near to cubes as the shape allows.

    `most` is what will be written together along each axis: a chunk that is written in parts is
    read and encoded anew for each of them.
    """
    chunks = [max(1, length) for length in shape]
    for axis, together in enumerate(most or ()):
        if together < chunks[axis]:
            chunks[axis] = 1 << max(1, together).bit_length() - 1
    while math.prod(chunks) * itemsize > _CHUNK_BYTES:
        longest = chunks.index(max(chunks))
        # Powers of two meet the borders of the blocks of pyramids.
        half = 1 << (chunks[longest] - 1).bit_length() - 1
        chunks[longest] = half
    return tuple(chunks)
