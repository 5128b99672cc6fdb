"""PNG and JPEG files, which are decoded and encoded whole."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from boxel._extras import require
from boxel.formats.sink import WholeSink
from boxel.formats.source import Array, UnsupportedFileError, WholeSource, decoding

__all__ = ["PictureSink", "picture_dtypes", "read_picture"]

_GRAY_MODES = {"1", "L", "I;16", "I;16B"}


def read_picture(path: Path) -> WholeSource:
    """Read a PNG or JPEG file."""
    image_module = require("PIL.Image", extra="cli")
    _refuse_deep_colour_png(path)
    try:
        with decoding(path, "image file"), warnings.catch_warnings():
            # Pillow warns of a bomb at half the size at which it refuses; the refusal counts.
            warnings.simplefilter("ignore", image_module.DecompressionBombWarning)
            with image_module.open(path, formats=("PNG", "JPEG", "MPO")) as image:
                return WholeSource(path, *_samples(image, path))
    except ValueError as error:
        if not isinstance(error.__cause__, image_module.DecompressionBombError):
            raise
        raise ValueError(
            f"{path} has too many pixels for its format and may be a decompression bomb:"
            f" Pillow reads at most {2 * image_module.MAX_IMAGE_PIXELS} pixels;"
            " save a real image of this size as TIFF or .npy"
        ) from error.__cause__


def _samples(image: Any, path: Path) -> tuple[Array, int | None]:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format == "PNG":
        raise UnsupportedFileError(f"expected one image, but {path} is an animation of {frames}")
    if image.mode == "I":  # what older Pillow makes of 16-bit PNG files
        return np.array(image).astype(np.uint16), None
    if image.mode in _GRAY_MODES:
        return np.array(image), None
    if image.mode in {"LA", "La"}:
        return np.array(image)[..., 0], None
    return np.array(image.convert("RGB")), -1


def _refuse_deep_colour_png(path: Path) -> None:
    """Refuse 16-bit colour PNG files: Pillow would cut them to 8 bits, and small values to 0."""
    with path.open("rb") as stream:
        header = stream.read(26)
    bit_depth, colour_type = header[24:25], header[25:26]
    if header[:4] == b"\x89PNG" and bit_depth == b"\x10" and colour_type != b"\x00":
        raise UnsupportedFileError(
            f"{path} is a 16-bit PNG with colour or alpha, which Pillow would cut to 8 bits;"
            " save it as TIFF or .npy"
        )


def picture_dtypes(suffix: str, coloured: bool) -> tuple[str, ...]:
    """Return the dtypes that a file of gray levels or colours can hold."""
    # Pillow writes no 16-bit colours.
    return ("uint8",) if coloured or suffix != ".png" else ("uint8", "uint16")


class PictureSink(WholeSink):
    """A PNG or JPEG file that is being written."""

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], suffix: str
    ) -> None:
        self._image_module = require("PIL.Image", extra="cli")
        self._suffix = suffix
        super().__init__(path, shape, dtype)

    def close(self) -> None:
        """Encode the file."""
        with self._path.open("xb") as stream:
            self._save(stream)

    def _save(self, stream: BinaryIO) -> None:
        image = self._image_module.fromarray(self._array)
        if self._suffix == ".png":
            image.save(stream, format="PNG")
        else:
            # Colours at full resolution: these files hold measurements, not holidays.
            image.save(stream, format="JPEG", quality=95, subsampling=0)
