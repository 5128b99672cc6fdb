"""``.npy`` files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from boxel.formats.raw import RawArray
from boxel.formats.sink import Sink
from boxel.formats.source import Array, Source, Window

__all__ = ["NpySink", "NpySource"]


class NpySource(Source):
    """A ``.npy`` file."""

    def __init__(self, path: Path) -> None:
        try:
            mapped: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        except OSError:
            raise
        except Exception as error:
            raise ValueError(
                f"{path} is a damaged .npy file or holds Python objects, which are never loaded"
                f" ({error})"
            ) from error
        self._mapped = mapped
        order = tuple(range(mapped.ndim))
        if mapped.flags.f_contiguous and not mapped.flags.c_contiguous:
            order = order[::-1]
        super().__init__(path, mapped.shape, mapped.dtype, order=order)
        self._descriptor = os.open(path, os.O_RDONLY)
        self._raw = RawArray(self._descriptor, mapped.offset, self.shape, self.dtype, order)

    def read(self, window: Window, out: Array | None = None) -> Array:
        """Read a window."""
        try:
            return self._raw.read(window, out)
        except EOFError as error:
            raise ValueError(f"{self.path} is a damaged .npy file ({error})") from error

    def whole(self) -> Array:
        """Return the file as mapped into memory."""
        # A plain array: `numpy.memmap` would hand its subclass on to everything computed from it.
        return np.asarray(self._mapped)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class RawSink(Sink):
    """An array that is written as it lies in memory."""

    def __init__(
        self,
        path: Path,
        offset: int,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        order: tuple[int, ...],
    ) -> None:
        super().__init__(shape, dtype)
        self._descriptor = os.open(path, os.O_RDWR)
        self._raw = RawArray(self._descriptor, offset, self.shape, dtype, order)

    def write(self, window: Window, array: Array) -> None:
        """Write a window."""
        self._raw.write(window, array)

    def abandon(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def close(self) -> None:
        """Close the file."""
        self.abandon()


class NpySink(RawSink):
    """A ``.npy`` file that is being written."""

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], order: tuple[int, ...]
    ) -> None:
        in_fortran_order = len(shape) > 1 and order == tuple(range(len(shape)))[::-1]
        if not in_fortran_order:
            order = tuple(range(len(shape)))
        header = {
            "shape": tuple(shape),
            "fortran_order": in_fortran_order,
            "descr": np.lib.format.dtype_to_descr(dtype),
        }
        with path.open("xb") as stream:
            np.lib.format.write_array_header_1_0(stream, header)
            offset = stream.tell()
        super().__init__(path, offset, shape, dtype, order)
