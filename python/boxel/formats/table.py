"""Which format a path has, and what each can hold: the only list of formats."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from boxel._registry import ACCEPTED_DTYPES
from boxel.formats.hdf5 import HDF5_SUFFIXES, Hdf5Sink, Hdf5Source, split_dataset
from boxel.formats.nifti import NIFTI_DTYPES, NiftiSink, NiftiSource
from boxel.formats.npy import NpySink, NpySource
from boxel.formats.pictures import PictureSink, picture_dtypes, read_picture
from boxel.formats.sink import Sink
from boxel.formats.source import Array, Source
from boxel.formats.staging import check_place, check_room, listed, staged
from boxel.formats.tiff import TiffSource, tiff_sink
from boxel.formats.zarr_arrays import ZarrSink, ZarrSource, is_zarr

__all__ = [
    "FORMATS",
    "INPUTS",
    "OUTPUT_SUFFIXES",
    "check_dtype",
    "check_holds",
    "check_output",
    "create",
    "is_rgb",
    "knows_colours",
    "open_source",
    "suffix_of",
]

_READERS: tuple[tuple[bytes, Callable[[Path], Source]], ...] = (
    (b"\x93NUMPY", NpySource),
    (b"\x89PNG\r\n\x1a\n", read_picture),
    (b"\xff\xd8\xff", read_picture),
    (b"II*\0", TiffSource),
    (b"MM\0*", TiffSource),
    (b"II+\0", TiffSource),
    (b"MM\0+", TiffSource),
    (b"\x89HDF\r\n\x1a\n", Hdf5Source),
    # The length of the header, of NIfTI 1 and 2 in both byte orders; or gzip.
    (b"\x5c\x01\0\0", NiftiSource),
    (b"\0\0\x01\x5c", NiftiSource),
    (b"\x1c\x02\0\0", NiftiSource),
    (b"\0\0\x02\x1c", NiftiSource),
    (b"\x1f\x8b", NiftiSource),
)
"""The bytes that a file begins with, and what reads it."""

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""What a disk without room says, whatever file it was that needed it."""

INPUTS = "PNG, JPEG, TIFF, NIfTI, HDF5 or .npy file or a Zarr folder"


@dataclass(frozen=True)
class Format:
    """What files of some suffixes can hold."""

    suffixes: tuple[str, ...]
    dtypes: tuple[str, ...]
    least_axes: int = 0
    most_axes: int = 64
    gray_or_rgb: bool = False
    holds_nothing: bool = True


FORMATS = (
    Format((".npy",), ACCEPTED_DTYPES),
    Format((".png",), picture_dtypes(".png", False), 2, 2, True, False),
    Format((".jpg", ".jpeg"), picture_dtypes(".jpg", False), 2, 2, True, False),
    Format((".tif", ".tiff"), ACCEPTED_DTYPES, 2, holds_nothing=False),
    Format((".nii", ".nii.gz"), NIFTI_DTYPES, 1, 7, holds_nothing=False),
    Format((".zarr",), ACCEPTED_DTYPES, 1),
    Format(HDF5_SUFFIXES, ACCEPTED_DTYPES),
)

OUTPUT_SUFFIXES = tuple(suffix for each in FORMATS for suffix in each.suffixes)
"""Suffixes of the files that can be written."""


def suffix_of(path: Path) -> str:
    """Return the suffix that says the format of an output."""
    name = split_dataset(path)[0].name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix


def _format_of(suffix: str) -> Format:
    return next(each for each in FORMATS if suffix in each.suffixes)


def open_source(path: Path) -> Source:
    """Open a file or a Zarr folder for reading; what it holds decides how, not its name."""
    file = split_dataset(path)[0]
    mode = file.stat().st_mode
    if stat.S_ISDIR(mode):
        if not is_zarr(file):
            raise IsADirectoryError(f"expected an image file, but {path} is a folder")
        return ZarrSource(path)
    # Opening a pipe would wait for a writer, and no reader here can do without seeking.
    if not stat.S_ISREG(mode):
        raise ValueError(f"expected a regular file, but {path} is a device or a pipe")
    with file.open("rb") as stream:
        signature = stream.read(8)
    for prefix, reader in _READERS:
        if signature.startswith(prefix):
            if file != path and reader is not Hdf5Source:
                raise ValueError(f"expected an HDF5 file before the colon, but {file} is none")
            return reader(path)
    found = "is empty" if not signature else "is none of these"
    raise ValueError(f"expected a {INPUTS}, but {path} {found}")


def check_output(
    path: Path, suffixes: Sequence[str] = OUTPUT_SUFFIXES, *, overwrite: bool = False
) -> None:
    """Refuse an output that could not be written, before any work is done for it."""
    suffix = suffix_of(path)
    if suffix not in suffixes:
        found = f"suffix {suffix!r}" if suffix else "no suffix"
        raise ValueError(f"expected an output named {listed(suffixes)}, but {path} has {found}")
    check_place(split_dataset(path)[0], overwrite=overwrite, is_folder=suffix == ".zarr")


def is_rgb(shape: Sequence[int], channel_axis: int | None) -> bool:
    """Tell whether an axis holds red, green and blue."""
    return channel_axis is not None and shape[channel_axis] == 3


def knows_colours(suffix: str) -> bool:
    """Tell whether files of a suffix say which axis holds the colours, and have it last."""
    return suffix in (".png", ".jpg", ".jpeg", ".tif", ".tiff")


def check_holds(suffix: str, shape: Sequence[int], *, channel_axis: int | None = None) -> None:
    """Refuse a shape that the format of `suffix` cannot hold."""
    held = _format_of(suffix)
    axes = len(shape) - (held.gray_or_rgb and is_rgb(shape, channel_axis))
    if held.gray_or_rgb and axes != 2:
        raise ValueError(
            f"expected a 2-D array for a {suffix} file, found the shape {tuple(shape)}"
        )
    if len(shape) > held.most_axes + held.gray_or_rgb:
        raise ValueError(
            f"expected at most {held.most_axes} axes for a {suffix} file, found the shape "
            f"{tuple(shape)}"
        )
    if len(shape) < held.least_axes or (0 in shape and not held.holds_nothing):
        words = {0: "", 1: "one or more axes", 2: "two or more axes"}
        raise ValueError(
            f"expected a non-empty array of {words[held.least_axes]} for a {suffix} file,"
            f" found the shape {tuple(shape)}"
        )


def check_dtype(suffix: str, dtype: np.dtype[Any], *, coloured: bool = False) -> None:
    """Refuse a dtype that the format of `suffix` cannot hold, and say which formats can."""
    held = _format_of(suffix).dtypes
    if _format_of(suffix).gray_or_rgb:
        held = picture_dtypes(suffix, coloured)
    name = dtype.newbyteorder("=").name
    if name in held:
        return
    others = [each.suffixes[0] for each in FORMATS if name in each.dtypes and not each.gray_or_rgb]
    instead = f"; {listed(others)} would hold it" if others else ""
    of_colours = " of colours" if coloured else ""
    raise ValueError(
        f"expected {listed(held)} for a {suffix} file{of_colours}, found {dtype}{instead}"
    )


@contextmanager
def create(
    path: Path,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    *,
    channel_axis: int | None = None,
    order: tuple[int, ...] | None = None,
    together: tuple[int, ...] | None = None,
    affine: Array | None = None,
    overwrite: bool = False,
) -> Iterator[Sink]:
    """Open an output that appears under its name once all its windows were written.

    Colours must be last where the format says which axis holds them. `together` is how much will be
    written at a time along each axis.
    """
    check_output(path, overwrite=overwrite)
    suffix = suffix_of(path)
    check_holds(suffix, shape, channel_axis=channel_axis)
    coloured = is_rgb(shape, channel_axis)
    check_dtype(suffix, dtype, coloured=coloured)
    if suffix != ".npy":
        dtype = dtype.newbyteorder("=")
    file, dataset = split_dataset(path)
    if suffix != ".zarr":
        check_room(file, int(np.prod(shape, dtype=object)) * dtype.itemsize)
    with staged(file, ending=f".tmp{suffix}") as temporary:
        sink: Sink
        if suffix == ".npy":
            sink = NpySink(temporary, shape, dtype, order or tuple(range(len(shape))))
        elif suffix in (".tif", ".tiff"):
            sink = tiff_sink(temporary, shape, _for_tiff(dtype), coloured)
        elif suffix in (".nii", ".nii.gz"):
            sink = NiftiSink(temporary, shape, dtype, affine)
        elif suffix == ".zarr":
            sink = ZarrSink(temporary, shape, dtype, most_chunks=together)
        elif suffix in HDF5_SUFFIXES:
            sink = Hdf5Sink(temporary, shape, dtype, dataset)
        else:
            sink = PictureSink(temporary, shape, dtype, suffix)
        try:
            yield sink
            sink.close()
        except OSError as error:
            if error.errno not in _FULL or error.filename is not None:
                raise
            raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error
        finally:
            sink.abandon()


def _for_tiff(dtype: np.dtype[Any]) -> np.dtype[Any]:
    # More programs can read it.
    return np.dtype(np.float32) if dtype == np.float16 else dtype
