"""NIfTI volumes: read where they lie, or through gzip from their beginning on."""

from __future__ import annotations

import gzip
import math
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np

from boxel._extras import require
from boxel.formats.npy import RawSink
from boxel.formats.raw import RawArray
from boxel.formats.source import Array, Source, Window, check_memory, decoding

__all__ = ["NIFTI_DTYPES", "NiftiSink", "NiftiSource"]

NIFTI_DTYPES = tuple(
    [f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")] + ["float32", "float64"]
)
_MOST_SHORT = 2**15 - 1  # what NIfTI 1 can say of an axis

_KIND = "NIfTI file, or not named .nii or .nii.gz"


class NiftiSource(Source):
    """A NIfTI volume; scaled only where the header asks for it."""

    def __init__(self, path: Path) -> None:
        nibabel = require("nibabel", extra="cli")
        self._lock = threading.Lock()
        self._descriptor = -1
        self._raw: RawArray | None = None
        with decoding(path, _KIND):
            # Files stay open, so that reading on through gzip does not begin anew each time.
            self._image = nibabel.load(path, keep_file_open=True)
            proxy = self._image.dataobj
            shape = tuple(int(length) for length in self._image.shape)
            order = tuple(range(len(shape)))[::-1]
            stored = self._image.get_data_dtype()
            dtype = np.asarray(proxy[tuple(slice(0, 0) for _ in shape)]).dtype
            plain = proxy.slope == 1 and proxy.inter == 0
            size = math.prod(shape) * stored.itemsize
            if path.suffix.lower() == ".gz":
                check_memory(size)
            elif path.stat().st_size < proxy.offset + size:
                raise EOFError("the file ends too early")
            elif plain:
                self._descriptor = os.open(path, os.O_RDONLY)
                self._raw = RawArray(self._descriptor, proxy.offset, shape, stored, order)
                dtype = stored
        super().__init__(path, shape, dtype, order=order)
        self.affine = self._image.affine

    def read(self, window: Window, out: Array | None = None) -> Array:
        """Read a window."""
        with decoding(self.path, _KIND):
            if self._raw is not None:
                return self._raw.read(window, out)
            with self._lock:
                return np.asarray(self._image.dataobj[window])

    def whole(self) -> Array:
        """Read all samples; those that are not compressed are mapped into memory."""
        with decoding(self.path, _KIND), self._lock:
            return np.asarray(self._image.dataobj)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._image = None


class NiftiSink(RawSink):
    """A NIfTI volume that is being written; what is compressed is so at the end."""

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], affine: Array | None
    ) -> None:
        nibabel = require("nibabel", extra="cli")
        kind = nibabel.Nifti2Header if max(shape, default=0) > _MOST_SHORT else nibabel.Nifti1Header
        header = kind()
        header.set_data_dtype(dtype)
        header.set_data_shape(shape)
        if affine is not None:
            header.set_sform(affine, code="aligned")
            spacing = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))[: len(shape)]
            zooms = list(header.get_zooms())
            zooms[: len(spacing)] = spacing.tolist()
            header.set_zooms(zooms)
        offset = int(header["sizeof_hdr"]) + 4
        header["magic"] = header.single_magic
        header["vox_offset"] = offset = -(-offset // 16) * 16
        self._path = path
        with path.open("xb") as stream:
            header.write_to(stream)
            stream.write(b"\0" * (offset - stream.tell()))
        order = tuple(range(len(shape)))[::-1]
        super().__init__(path, offset, shape, dtype, order)

    def close(self) -> None:
        """Complete the file."""
        super().close()
        if self._path.name.endswith(".gz"):
            plain = self._path.with_name(self._path.name.removesuffix(".gz"))
            os.replace(self._path, plain)
            try:
                with plain.open("rb") as source, gzip.open(self._path, "xb", 4) as stream:
                    shutil.copyfileobj(source, stream, 1 << 20)
            finally:
                plain.unlink()
