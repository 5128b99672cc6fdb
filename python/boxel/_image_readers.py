"""One reader per image format; `boxel.files.read_image` chooses among them."""

from __future__ import annotations

import logging
import math
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxel._extras import require

__all__ = ["READERS", "LoadedImage"]

Array = NDArray[Any]


class LoadedImage(NamedTuple):
    """An image as read from a file."""

    array: Array
    """The samples."""

    channel_axis: int | None
    """The axis that holds the colours, or None if the file is not a colour image."""


def read_npy(path: Path) -> LoadedImage:
    """Map a ``.npy`` file into memory."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:
        raise ValueError(
            f"{path} is a damaged .npy file or holds Python objects, which are never loaded"
            f" ({error})"
        ) from error
    # A plain array: `numpy.memmap` would hand its subclass on to everything computed from it.
    return LoadedImage(np.asarray(array), None)


def read_with_pillow(path: Path) -> LoadedImage:
    """Read a PNG or JPEG file."""
    image_module = require("PIL.Image", extra="cli")
    _refuse_deep_colour_png(path)
    try:
        with warnings.catch_warnings():
            # Pillow warns of a bomb at half the size at which it refuses; the refusal counts.
            warnings.simplefilter("ignore", image_module.DecompressionBombWarning)
            with image_module.open(path, formats=("PNG", "JPEG", "MPO")) as image:
                return _pillow_samples(image, path)
    except image_module.DecompressionBombError as error:
        raise ValueError(
            f"{path} has too many pixels for its format and may be a decompression bomb:"
            f" Pillow reads at most {2 * image_module.MAX_IMAGE_PIXELS} pixels;"
            " save a real image of this size as TIFF or .npy"
        ) from error
    except (_UnsupportedImageError, MemoryError):
        raise
    except Exception as error:  # damaged data makes decoders raise nearly anything
        raise ValueError(f"{path} is a damaged image file ({error})") from error


class _UnsupportedImageError(ValueError):
    """A sound file that cannot be read without loss."""


_GRAY_MODES = {"1", "L", "I;16", "I;16B"}


def _pillow_samples(image: Any, path: Path) -> LoadedImage:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format == "PNG":
        raise _UnsupportedImageError(f"expected one image, but {path} is an animation of {frames}")
    if image.mode == "I":  # what older Pillow makes of 16-bit PNG files
        return LoadedImage(np.array(image).astype(np.uint16), None)
    if image.mode in _GRAY_MODES:
        return LoadedImage(np.array(image), None)
    if image.mode in {"LA", "La"}:
        return LoadedImage(np.array(image)[..., 0], None)
    return LoadedImage(np.array(image.convert("RGB")), -1)


def _refuse_deep_colour_png(path: Path) -> None:
    """Refuse 16-bit colour PNG files: Pillow would cut them to 8 bits, and small values to 0."""
    with path.open("rb") as stream:
        header = stream.read(26)
    bit_depth, colour_type = header[24:25], header[25:26]
    if header[:4] == b"\x89PNG" and bit_depth == b"\x10" and colour_type != b"\x00":
        raise _UnsupportedImageError(
            f"{path} is a 16-bit PNG with colour or alpha, which Pillow would cut to 8 bits;"
            " save it as TIFF or .npy"
        )


def read_tiff(path: Path) -> LoadedImage:
    """Read the first series of a TIFF file."""
    tifffile = require("tifffile", extra="cli")
    try:
        with _logged_errors("tifffile") as errors, tifffile.TiffFile(path) as file:
            series = file.series[0]
            _check_memory(series.nbytes)
            loaded = _tiff_samples(series, series.asarray())
    except MemoryError as error:
        raise MemoryError(f"cannot hold {path} in memory ({error})") from error
    except Exception as error:  # damaged data makes decoders raise nearly anything
        if "imagecodecs" in str(error):
            raise ValueError(f"cannot decode {path}: {error}: pip install imagecodecs") from error
        raise ValueError(f"{path} is a damaged TIFF file ({error})") from error
    if errors:
        raise ValueError(f"{path} is a damaged TIFF file ({errors[0]})")
    return loaded


def _tiff_samples(series: Any, array: Array) -> LoadedImage:
    alpha_kinds = {1, 2}  # associated and unassociated alpha; other extra samples are data
    page = series.keyframe
    alphas = sum(int(kind) in alpha_kinds for kind in page.extrasamples)
    if "S" not in series.axes:
        return LoadedImage(array, None)
    axis = series.axes.index("S") - array.ndim
    kept = array.shape[axis] - alphas
    if kept == 1:
        return LoadedImage(np.take(array, 0, axis=axis), None)
    colours = np.moveaxis(np.moveaxis(array, axis, 0)[:kept], 0, axis)
    return LoadedImage(colours, axis)


@contextmanager
def _logged_errors(name: str) -> Iterator[list[str]]:
    """Collect the errors that a package logs instead of raising, such as pages cut off."""
    messages: list[str] = []
    thread = threading.get_ident()

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            # Older tifffile only warns of pages that are cut off.
            fatal = record.levelno >= logging.ERROR or "invalid page offset" in message
            if fatal and record.thread == thread:
                messages.append(message)

    logger, collector = logging.getLogger(name), Collector()
    logger.addHandler(collector)
    try:
        yield messages
    finally:
        logger.removeHandler(collector)


def _check_memory(size: int) -> None:
    """Refuse what the machine cannot hold: a small compressed file may claim any size."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return
    if size > total:
        raise MemoryError(f"it decodes to {size} bytes, the machine has {total}")


def read_nifti(path: Path) -> LoadedImage:
    """Read a NIfTI volume; one that is not compressed is mapped into memory."""
    nibabel = require("nibabel", extra="cli")
    try:
        image = nibabel.load(path)
        _check_memory(math.prod(image.shape) * image.get_data_dtype().itemsize)
        # Scaled only where the header asks for it.
        return LoadedImage(np.asarray(image.dataobj), None)
    except MemoryError as error:
        raise MemoryError(f"cannot hold {path} in memory ({error})") from error
    except Exception as error:  # damaged data makes decoders raise nearly anything
        raise ValueError(
            f"{path} is a damaged NIfTI file, or not named .nii or .nii.gz ({error})"
        ) from error


READERS: tuple[tuple[bytes, Callable[[Path], LoadedImage]], ...] = (
    (b"\x93NUMPY", read_npy),
    (b"\x89PNG\r\n\x1a\n", read_with_pillow),
    (b"\xff\xd8\xff", read_with_pillow),
    (b"II*\0", read_tiff),
    (b"MM\0*", read_tiff),
    (b"II+\0", read_tiff),
    (b"MM\0+", read_tiff),
    # The length of the header, of NIfTI 1 and 2 in both byte orders; or gzip.
    (b"\x5c\x01\0\0", read_nifti),
    (b"\0\0\x01\x5c", read_nifti),
    (b"\x1c\x02\0\0", read_nifti),
    (b"\0\0\x02\x1c", read_nifti),
    (b"\x1f\x8b", read_nifti),
)
"""The bytes that a file begins with, and what reads it."""
