"""Read images from files, and write arrays to files.

Reading goes by what a file holds, not by its name: PNG and JPEG through Pillow, TIFF through
tifffile, NIfTI through nibabel (which wants its name to end as NIfTI's do), Zarr through zarr, HDF5
through h5py, ``.npy`` through NumPy. Writing goes by the suffix. An output appears complete or not
at all: it is written under a temporary name in the same folder and then renamed. Nothing from a
file is ever unpickled or executed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxel.formats import table
from boxel.formats.pictures import picture_dtypes
from boxel.formats.staging import replacing
from boxel.formats.table import check_holds

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

ARRAY_SUFFIXES = table.OUTPUT_SUFFIXES
"""Suffixes that `write_array` knows."""


class LoadedImage(NamedTuple):
    """An image as read from a file."""

    array: Array
    """The samples."""

    channel_axis: int | None
    """The axis that holds the colours, or None if the file is not a colour image."""


def read_image(path: PathLike) -> LoadedImage:
    """Read a PNG, JPEG, TIFF, NIfTI, HDF5 or ``.npy`` file, or a Zarr folder.

    Parameters
    ----------
    path : path-like
        The file. Its first bytes decide how it is read; its suffix does not matter. A dataset of an
        HDF5 file is named as ``file.h5:/path``, an array of a Zarr group as ``group.zarr/path``; of
        an OME-Zarr image the finest level is read.

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
    of several series the first is read. Missing chunks of Zarr and HDF5 hold the fill value.

    A ``.npy`` file is memory-mapped, so only the parts in use occupy memory. Every axis of it is
    an axis of the image: the file does not say which one holds colours. Files that hold Python
    objects are refused, and nothing in them is executed.
    """
    with table.open_source(Path(path)) as source:
        return LoadedImage(source.whole(), source.channel_axis)


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
    table.check_output(Path(path), suffixes, overwrite=overwrite)


def write_array(
    path: PathLike, array: Array, *, channel_axis: int | None = None, overwrite: bool = False
) -> None:
    """Write an array to a ``.npy``, PNG, JPEG, TIFF, NIfTI, Zarr or HDF5 file.

    Parameters
    ----------
    path : path-like
        The file; its suffix says the format: ``.npy``, ``.png``, ``.jpg``, ``.tif``, ``.nii``,
        ``.nii.gz``, ``.zarr`` or ``.h5`` (``file.h5:/path`` names the dataset). The folder must
        exist.
    array : ndarray
        What to write. ``.npy``, ``.zarr`` and ``.h5`` take any array of numbers and keep its dtype.
        ``.png`` takes a 2-D array of uint8 or uint16 (see `to_gray`), or colours of uint8; ``.jpg``
        uint8. ``.tif`` takes two or more axes, and stores float16 as float32, which more programs
        can read. ``.nii`` takes no bool and no float16.
    channel_axis : int, optional
        The axis that holds red, green and blue: a ``.png``, ``.jpg`` or ``.tif`` file then says
        that it holds colours, and has them last.
    overwrite : bool, default: False
        Replace a file that exists.

    Raises
    ------
    ValueError
        If the suffix is unknown, or the format cannot hold the array.
    OSError
        If the file exists, or cannot be written. Nothing is left behind.
    """
    path = Path(path)
    table.check_output(path, overwrite=overwrite)
    suffix = table.suffix_of(path)
    if channel_axis is not None:
        channel_axis %= array.ndim
    array, channel_axis = colours_last(suffix, array, channel_axis)
    order = tuple(range(array.ndim))
    if array.flags.f_contiguous and not array.flags.c_contiguous:
        order = order[::-1]
    with table.create(
        path, array.shape, array.dtype, channel_axis=channel_axis, order=order, overwrite=overwrite
    ) as sink:
        sink.write(tuple(slice(0, length) for length in array.shape), array)


def colours_last(suffix: str, array: Array, channel_axis: int | None) -> tuple[Array, int | None]:
    """Return an array as the format of a suffix has it: with colours last where it knows them."""
    knows = table.knows_colours(suffix)
    if channel_axis is None or not knows or not table.is_rgb(array.shape, channel_axis):
        return array, None
    return np.moveaxis(array, channel_axis, -1), array.ndim - 1


def png_dtypes(coloured: bool) -> tuple[np.dtype[Any], ...]:
    """Return the dtypes that a PNG file can hold."""
    return tuple(np.dtype(name) for name in picture_dtypes(".png", coloured))


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
