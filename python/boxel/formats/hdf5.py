"""Datasets of HDF5 files, named as ``file.h5:/path``."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from boxel._extras import require
from boxel.formats.sink import Sink
from boxel.formats.source import Array, Source, UnsupportedFileError, Window, decoding

__all__ = ["HDF5_SUFFIXES", "Hdf5Sink", "Hdf5Source", "split_dataset"]

HDF5_SUFFIXES = (".h5", ".hdf5")
_NAMED = re.compile(r"(?P<file>.+\.(?:h5|hdf5|hdf|he5|nc|mat)):(?P<dataset>.*)", re.IGNORECASE)
_DEFAULT = "data"


def split_dataset(path: Path) -> tuple[Path, str | None]:
    """Return the file of ``file.h5:/path`` and the dataset in it, None if it names none."""
    found = _NAMED.fullmatch(str(path))
    if found is None:
        return path, None
    return Path(found["file"]), found["dataset"].strip("/") or None


class Hdf5Source(Source):
    """A dataset of an HDF5 file; chunks that are missing hold its fill value."""

    def __init__(self, path: Path) -> None:
        h5py = require("h5py", extra="hdf5")
        file, name = split_dataset(path)
        with decoding(path, "HDF5 file"):
            self._file: Any = h5py.File(file, "r")
        try:
            with decoding(path, "HDF5 file"):
                dataset = self._dataset(h5py, file, name)
                shape, dtype, chunks = dataset.shape, dataset.dtype, dataset.chunks
            if shape is None or dtype.kind not in "buif":
                raise TypeError(f"expected an array of numbers, but {path} holds {dtype}")
        except BaseException:
            self._file.close()
            raise
        self._array = dataset
        super().__init__(path, shape, dtype, chunks=chunks)

    def _dataset(self, h5py: Any, file: Path, name: str | None) -> Any:
        names: list[str] = []

        def collect(each: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                names.append(each)

        if name is not None:
            link = self._file.get(name)
            if isinstance(link, h5py.Dataset):
                return link
        self._file.visititems(collect)
        if name is None and len(names) == 1:
            return self._file[names[0]]
        held = f"it holds {', '.join(f'{file}:/{each}' for each in names[:5])}"
        raise UnsupportedFileError(
            f"expected a dataset, as in {file}:/path, found "
            f"{'none named' if name is None else f'none at /{name}'}: "
            f"{held if names else 'the file holds none'}"
        )

    def read(self, window: Window, out: Array | None = None) -> Array:
        """Read a window."""
        with decoding(self.path, "HDF5 file"):
            if out is None or not out.flags.c_contiguous or out.dtype != self.dtype:
                return np.asarray(self._array[window])
            if out.size:
                self._array.read_direct(out, window)
            return out

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Hdf5Sink(Sink):
    """A dataset that is being written as the only one of a new HDF5 file."""

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], name: str | None
    ) -> None:
        h5py = require("h5py", extra="hdf5")
        super().__init__(shape, dtype)
        self._file: Any = h5py.File(path, "x")
        try:
            self._array = self._file.create_dataset(name or _DEFAULT, shape=shape, dtype=dtype)
        except BaseException:
            self._file.close()
            raise

    def write(self, window: Window, array: Array) -> None:
        """Write a window."""
        if array.size:
            self._array[window] = array

    def close(self) -> None:
        """Complete the file."""
        try:
            self._file.flush()
            self._file.close()
        except RuntimeError as error:
            raise OSError(str(error)) from error

    def abandon(self) -> None:
        """Close the file, whose disk may be full."""
        if self._file:
            with suppress(RuntimeError, OSError):
                self._file.close()
