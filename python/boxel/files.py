"""Read images from files, and write arrays to files.

Reading goes by what a file holds, not by its name: PNG and JPEG through Pillow, TIFF through
tifffile, NIfTI through nibabel (which wants its name to end as NIfTI's do), ``.npy`` through NumPy.
Writing goes by the suffix. An output appears complete or not at all: it is written under a
temporary name in the same folder and then renamed.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from boxel._extras import require
from boxel._image_readers import READERS, LoadedImage

__all__ = [
    "ARRAY_SUFFIXES",
    "LoadedImage",
    "check_holds",
    "check_output",
    "png_dtypes",
    "read_image",
    "replacing",
    "to_gray",
    "write_array",
]

Array = NDArray[Any]
PathLike = str | os.PathLike[str]

ARRAY_SUFFIXES = (".npy", ".png", ".tif", ".tiff")
"""Suffixes that `write_array` knows."""


def read_image(path: PathLike) -> LoadedImage:
    """Read a PNG, JPEG, TIFF, NIfTI or ``.npy`` file.

    Parameters
    ----------
    path : path-like
        The file. Its first bytes decide how it is read; its suffix does not matter.

    Returns
    -------
    LoadedImage
        The samples, and the axis that holds the colours (None if there is none).

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is not such a file, is damaged, or holds what cannot be read without loss.

    Notes
    -----
    Samples are taken as they are stored: no EXIF rotation, no gamma, no scaling. Alpha channels
    are left out. In PNG and JPEG, palettes and other colour spaces become RGB. In TIFF, a
    palette is a display hint and the stored values are kept; several pages become the first axis;
    of several series the first is read.

    A ``.npy`` file is memory-mapped, so only the parts in use occupy memory. Every axis of it is
    an axis of the image: the file does not say which one holds colours. Files that hold Python
    objects are refused, and nothing in them is executed.
    """
    path = Path(path)
    signature = _read_signature(path)
    for prefix, reader in READERS:
        if signature.startswith(prefix):
            return reader(path)
    found = "is empty" if not signature else "is none of these"
    raise ValueError(f"expected a PNG, JPEG, TIFF, NIfTI or .npy file, but {path} {found}")


def _read_signature(path: Path) -> bytes:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"expected an image file, but {path} is a folder")
    # Opening a pipe would wait for a writer, and no reader here can do without seeking.
    if not stat.S_ISREG(mode):
        raise ValueError(f"expected a regular file, but {path} is a device or a pipe")
    with path.open("rb") as stream:
        return stream.read(8)


def check_output(
    path: PathLike, suffixes: Sequence[str] = ARRAY_SUFFIXES, *, overwrite: bool = False
) -> None:
    """Refuse an output that could not be written, before any work is done for it.

    Parameters
    ----------
    path : path-like
        The file to be written.
    suffixes : sequence of str
        The suffixes that are accepted.
    overwrite : bool, default: False
        Accept a file that exists.

    Raises
    ------
    ValueError
        If the suffix is not one of `suffixes`.
    OSError
        If the folder is missing or not writable, or the file exists.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        found = f"suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise ValueError(f"expected an output named {_listed(suffixes)}, but {path} has {found}")
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"cannot write {path}: {folder} is not an existing folder")
    if path.exists() and not path.is_file():
        raise IsADirectoryError(f"cannot write {path}: it is not a regular file")
    if path.exists() and not overwrite:
        raise FileExistsError(f"cannot write {path}: it exists already")
    if not os.access(Path(os.path.realpath(path)).parent, os.W_OK | os.X_OK):
        raise PermissionError(f"cannot write {path}: {folder} is not writable")


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


@contextmanager
def replacing(path: PathLike) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name only once it is complete.

    Parameters
    ----------
    path : path-like
        The file to create or replace. If it is a link, the file it points to is replaced.

    Yields
    ------
    binary file
        Write the contents to it. If the block raises, `path` stays as it was.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".boxel-{os.urandom(8).hex()}.tmp")
    try:
        with temporary.open("xb") as stream:
            yield stream
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_array(
    path: PathLike, array: Array, *, channel_axis: int | None = None, overwrite: bool = False
) -> None:
    """Write an array to a ``.npy``, ``.png``, ``.tif`` or ``.tiff`` file.

    Parameters
    ----------
    path : path-like
        The file; its suffix says the format. The folder must exist.
    array : ndarray
        What to write. ``.npy`` takes any array of numbers and keeps its dtype. ``.png`` takes a
        2-D array of uint8 or uint16 (see `to_gray`), or colours of uint8. ``.tif`` takes two or
        more axes, and stores float16 as float32, which more programs can read.
    channel_axis : int, optional
        The axis that holds red, green and blue: a ``.png`` or ``.tif`` file then says that it
        holds colours, and has them last.
    overwrite : bool, default: False
        Replace a file that exists.

    Raises
    ------
    ValueError
        If the suffix is unknown, or the format cannot hold the array.
    OSError
        If the file exists, or cannot be written. Nothing is left behind.
    """
    check_output(path, overwrite=overwrite)
    suffix = Path(path).suffix.lower()
    check_holds(suffix, array.shape, channel_axis=channel_axis)
    coloured = suffix != ".npy" and _is_rgb(array.shape, channel_axis)
    if coloured and channel_axis is not None:
        array = np.moveaxis(array, channel_axis, -1)
    with replacing(path) as stream:
        _WRITERS[suffix](stream, array, coloured)


def _is_rgb(shape: Sequence[int], channel_axis: int | None) -> bool:
    return channel_axis is not None and shape[channel_axis] == 3


def check_holds(suffix: str, shape: Sequence[int], *, channel_axis: int | None = None) -> None:
    """Refuse a shape that the format of `suffix` cannot hold."""
    if suffix == ".npy":
        return
    if suffix == ".png" and len(shape) - _is_rgb(shape, channel_axis) != 2:
        raise ValueError(f"expected a 2-D array for a .png file, found the shape {tuple(shape)}")
    if len(shape) < 2 or 0 in shape:
        raise ValueError(
            f"expected a non-empty array of two or more axes for a {suffix} file,"
            f" found the shape {tuple(shape)}"
        )


def to_gray(fractions: Array, *, bits: int = 8) -> Array:
    """Turn fractions from 0 to 1 into gray levels.

    Parameters
    ----------
    fractions : ndarray
        Values from 0 to 1.
    bits : {8, 16}, default: 8
        Bits per gray level.

    Returns
    -------
    ndarray
        uint8 or uint16: 0 for 0, 255 (or 65535) for 1, rounded to the nearest level.
    """
    levels = {8: np.uint8, 16: np.uint16}
    if bits not in levels:
        raise ValueError(f"expected 8 or 16 bits, found {bits}")
    # Written so that a NaN fails too.
    if not np.all((fractions >= 0) & (fractions <= 1)):
        raise ValueError("expected values from 0 to 1 for gray levels, found others")
    top = 2**bits - 1
    gray: Array = np.rint(fractions.astype(np.float64) * top).astype(levels[bits])
    return gray


def png_dtypes(coloured: bool) -> tuple[np.dtype[Any], ...]:
    """Return the dtypes that a PNG file can hold."""
    # Pillow writes no 16-bit colours.
    return (np.dtype(np.uint8),) if coloured else (np.dtype(np.uint8), np.dtype(np.uint16))


def _write_npy(stream: BinaryIO, array: Array, coloured: bool) -> None:
    np.save(stream, array, allow_pickle=False)


def _write_png(stream: BinaryIO, array: Array, coloured: bool) -> None:
    image_module = require("PIL.Image", extra="cli")
    native = array.dtype.newbyteorder("=")
    held = png_dtypes(coloured)
    if native not in held:
        names = " or ".join(dtype.name for dtype in held)
        of_colours = " of colours" if coloured else ""
        raise ValueError(f"expected {names} for a .png file{of_colours}, found {array.dtype}")
    contiguous = np.ascontiguousarray(array, dtype=native)
    image_module.fromarray(contiguous).save(stream, format="PNG")


def _write_tiff(stream: BinaryIO, array: Array, coloured: bool) -> None:
    tifffile = require("tifffile", extra="cli")
    dtype = np.dtype(np.float32) if array.dtype == np.float16 else array.dtype.newbyteorder("=")
    photometric = "rgb" if coloured else "minisblack"
    tifffile.imwrite(stream, np.ascontiguousarray(array, dtype=dtype), photometric=photometric)


_WRITERS: dict[str, Callable[[BinaryIO, Array, bool], None]] = {
    ".npy": _write_npy,
    ".png": _write_png,
    ".tif": _write_tiff,
    ".tiff": _write_tiff,
}
