"""Zarr arrays, versions 2 and 3, in folders."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from boxel._extras import require
from boxel.formats.sink import Sink, near_chunks
from boxel.formats.source import Array, Source, UnsupportedFileError, Window, decoding

__all__ = ["ZarrSink", "ZarrSource", "is_zarr", "multiscales_of", "quietly"]

_AT_ONCE = 4
_MARKS = (".zarray", ".zgroup", "zarr.json")


def is_zarr(path: Path) -> bool:
    """Tell whether a folder is a Zarr array or group."""
    return any((path / mark).is_file() for mark in _MARKS)


@contextmanager
def quietly() -> Iterator[Any]:
    """Hand out the zarr package, whose warnings are for those who write new stores."""
    zarr = require("zarr", extra="zarr")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield zarr


def _metadata(path: Path) -> dict[str, Any]:
    """Return what a folder says of itself, and its attributes under "attributes"."""
    found: dict[str, Any] = {}
    for mark in _MARKS:
        if (path / mark).is_file():
            found = json.loads((path / mark).read_text(encoding="utf-8"))
            break
    if not isinstance(found, dict):
        raise ValueError("its metadata are no JSON object")
    if (path / ".zattrs").is_file():
        found["attributes"] = json.loads((path / ".zattrs").read_text(encoding="utf-8"))
    return found


def multiscales_of(attributes: Any) -> dict[str, Any] | None:
    """Return the first multiscale image that the attributes of a group describe."""
    if not isinstance(attributes, dict):
        return None
    images = attributes.get("ome", attributes).get("multiscales")
    return images[0] if isinstance(images, list) and images else None


def _array_in(path: Path) -> tuple[Path, int | None]:
    """Return the folder of the array that a path means, and the axis of its channels."""
    metadata = _metadata(path)
    if "shape" in metadata:
        return path, None
    image = multiscales_of(metadata.get("attributes"))
    if image is not None:
        names = [axis.get("type") if isinstance(axis, dict) else axis for axis in image["axes"]]
        channel = next((at for at, name in enumerate(names) if name in ("channel", "c")), None)
        return path / str(image["datasets"][0]["path"]), channel
    inside = sorted(each for each in path.iterdir() if is_zarr(each) and "shape" in _metadata(each))
    if len(inside) == 1:
        return inside[0], None
    found = [str(path / each.name) for each in inside[:5]]
    held = f"such as {', '.join(found)}" if found else "but it holds none directly"
    raise UnsupportedFileError(f"{path} is a Zarr group; name an array in it, {held}")


def _image_of(path: Path) -> dict[str, Any] | None:
    """Return the multiscale image that a path means, or whose finest level it is."""
    own = multiscales_of(_metadata(path).get("attributes"))
    if own is not None or not is_zarr(path.parent):
        return own
    image = multiscales_of(_metadata(path.parent).get("attributes"))
    is_finest = image is not None and str(image["datasets"][0]["path"]) == path.name
    return image if is_finest else None


def _refuse_pickles(path: Path, metadata: Any) -> None:
    """Refuse what decoding would unpickle: a codec of that name, or objects."""

    def names(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from (str(value[key]) for key in ("id", "name") if key in value)
        for each in value if isinstance(value, list) else []:
            yield from names(each)
        if isinstance(value, dict):
            for each in value.values():
                yield from names(each)

    codecs = [metadata.get(key) for key in ("filters", "compressor", "codecs")]
    if any("pickle" in name.lower() for name in names(codecs)):
        raise UnsupportedFileError(f"{path} holds pickled Python objects, which are never loaded")
    dtype = metadata.get("dtype")
    if isinstance(dtype, str) and "O" in dtype:
        raise UnsupportedFileError(f"{path} holds Python objects, which are never loaded")


class ZarrSource(Source):
    """A Zarr array; chunks that are missing hold its fill value."""

    def __init__(self, path: Path) -> None:
        require("zarr", extra="zarr")
        with decoding(path, "Zarr array"):
            folder, channel_axis = _array_in(path)
            if not is_zarr(folder):
                raise ValueError(f"{folder} is missing")
            metadata = _metadata(folder)
            _refuse_pickles(path, metadata)
            with quietly() as zarr:
                self._array: Any = zarr.open_array(str(folder), mode="r")
            chunks = getattr(self._array, "shards", None) or self._array.chunks
            self.image = _image_of(path)
        super().__init__(
            path,
            self._array.shape,
            np.dtype(self._array.dtype),
            channel_axis=channel_axis,
            chunks=tuple(min(a, max(b, 1)) for a, b in zip(chunks, self._array.shape, strict=True)),
            # What is decoded at a time beside the window.
            held_bytes=_AT_ONCE * math.prod(chunks) * np.dtype(self._array.dtype).itemsize,
        )

    def read(self, window: Window, out: Array | None = None) -> Array:
        """Read a window."""
        with decoding(self.path, "Zarr array"), quietly():
            return np.asarray(self._array[window])


class ZarrSink(Sink):
    """A Zarr array that is being written."""

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        version: int = 2,
        most_chunks: tuple[int, ...] | None = None,
        attributes: dict[str, Any] | None = None,
        dimensions: Sequence[str] | None = None,
    ) -> None:
        chunks = near_chunks(shape, dtype.itemsize, most_chunks)
        super().__init__(shape, dtype, chunks=chunks)
        with quietly() as zarr:
            self._array: Any = zarr.create_array(
                store=str(path),
                shape=shape,
                dtype=dtype,
                chunks=chunks,
                zarr_format=version,
                fill_value=0,
                attributes=attributes,
                dimension_names=dimensions if version == 3 else None,
                chunk_key_encoding={"name": "v2" if version == 2 else "default", "separator": "/"},
            )

    def write(self, window: Window, array: Array) -> None:
        """Write a window."""
        if array.size:
            with quietly():
                self._array[window] = array
