"""What every format can do for a reader: say what a file holds, and read windows of it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Source", "WholeSource", "Window", "check_memory", "laid_out", "lengths_of"]

Array = NDArray[Any]
Window = tuple[slice, ...]
"""One slice with start and stop, within the shape, for each axis."""


class UnsupportedFileError(ValueError):
    """A sound file that cannot be read without loss or danger."""


class Source:
    """An array in a file, of which windows are read.

    Attributes
    ----------
    path : Path
        What the user called it.
    shape : tuple of int
        Its shape.
    dtype : dtype
        Its dtype, in the byte order of the file.
    channel_axis : int or None
        The axis that holds the colours.
    order : tuple of int
        The axes from the slowest in the file to the fastest.
    chunks : tuple of int
        How many samples along each axis are decoded together at least.
    held_bytes : int
        What stays in memory while the source is open.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        channel_axis: int | None = None,
        order: tuple[int, ...] | None = None,
        chunks: tuple[int, ...] | None = None,
        held_bytes: int = 0,
    ) -> None:
        self.path = path
        self.shape = tuple(int(length) for length in shape)
        self.dtype = dtype
        self.channel_axis = channel_axis
        self.order = tuple(range(len(shape))) if order is None else order
        self.chunks = (1,) * len(shape) if chunks is None else chunks
        self.held_bytes = held_bytes

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of the whole array."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self, window: Window, out: Array | None = None) -> Array:
        """Return the samples of a window; they may be in `out`, if it has shape and dtype."""
        raise NotImplementedError

    def whole(self) -> Array:
        """Return all samples; they may be mapped into memory."""
        return self.read(tuple(slice(0, length) for length in self.shape))

    def close(self) -> None:
        """Let the file go."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class WholeSource(Source):
    """An array that its format can only decode as a whole."""

    def __init__(self, path: Path, array: Array, channel_axis: int | None) -> None:
        super().__init__(
            path, array.shape, array.dtype, channel_axis=channel_axis, held_bytes=array.nbytes
        )
        self._array = array

    def read(self, window: Window, out: Array | None = None) -> Array:
        """Return a view of the window."""
        return self._array[window]


def lengths_of(window: Window) -> tuple[int, ...]:
    """Return the shape of a window."""
    return tuple(each.stop - each.start for each in window)


def laid_out(shape: tuple[int, ...], dtype: np.dtype[Any], order: tuple[int, ...]) -> Array:
    """Return a new array whose axes lie in memory in that order, the slowest first."""
    array: Array = np.empty([shape[axis] for axis in order], dtype)
    return array.transpose(np.argsort(order)) if order else array


def check_memory(size: int) -> None:
    """Refuse what the machine cannot hold: a small compressed file may claim any size."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return
    if size > total:
        raise MemoryError(f"it decodes to {size} bytes, the machine has {total}")


@contextmanager
def decoding(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a decoder raises into an error that names the file."""
    try:
        yield
    except MemoryError as error:
        raise MemoryError(f"cannot hold {path} in memory ({error})") from error
    except (ImportError, UnsupportedFileError):
        raise
    except Exception as error:  # damaged data makes decoders raise nearly anything
        if "imagecodecs" in str(error):
            raise ValueError(f"cannot decode {path}: {error}: pip install imagecodecs") from error
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} is a damaged {kind} ({reason})") from error
