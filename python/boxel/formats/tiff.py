"""TIFF files: read where they lie if they are not compressed, else segment by segment."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from boxel._extras import require
from boxel.formats.npy import RawSink
from boxel.formats.raw import RawArray
from boxel.formats.sink import Sink, WholeSink
from boxel.formats.source import (
    Array,
    Source,
    Window,
    check_memory,
    decoding,
    laid_out,
    lengths_of,
)

__all__ = ["TiffSource", "tiff_sink"]

_ALPHA_KINDS = {1, 2}  # associated and unassociated alpha; other extra samples are data
# Of a classic TIFF file, whose offsets have 32 bits, with room for the tags.
_CLASSIC_BYTES = (1 << 32) - (1 << 25)


class TiffSource(Source):
    """The first series of a TIFF file, without its alpha channels."""

    def __init__(self, path: Path) -> None:
        tifffile = require("tifffile", extra="cli")
        self._lock = threading.Lock()
        self._raw: RawArray | None = None
        self._page_cache: tuple[int, Array] | None = None
        self._file: Any = None
        try:
            with self._reading(path):
                self._file = tifffile.TiffFile(path)
                self._open(path)
        except BaseException:
            self.close()
            raise

    def _open(self, path: Path) -> None:
        series = self._file.series[0]
        self._series, page = series, series.keyframe
        self._stored = tuple(int(length) for length in series.shape)
        self._kept, axis = self._colours(series, page)
        shape = list(self._stored)
        channel_axis = axis
        if axis is not None:
            shape[axis] = self._kept
            if self._kept == 1:
                del shape[axis]
                channel_axis = None
        self._colour_axis = axis
        self._paged = len(self._stored) - len(page.shape)
        offset = series.dataoffset
        if offset is not None and page.dtype is not None and page.bitspersample != 1:
            size = self._file.filehandle.size
            if offset + math.prod(self._stored) * series.dtype.itemsize > size:
                raise EOFError("the file ends too early")
            dtype = series.dtype.newbyteorder(self._file.byteorder)
            order = tuple(range(len(self._stored)))
            descriptor = self._file.filehandle.fileno()
            self._raw = RawArray(descriptor, offset, self._stored, dtype, order)
            chunks: tuple[int, ...] | None = None
        else:
            dtype = series.dtype
            chunks = self._chunks(page)
            if axis is not None:
                chunks = tuple(
                    min(size, self._kept) if at == axis else size for at, size in enumerate(chunks)
                )
                if channel_axis is None:
                    chunks = tuple(size for at, size in enumerate(chunks) if at != axis)
        if channel_axis is not None:
            channel_axis -= len(shape)
        super().__init__(path, tuple(shape), dtype, channel_axis=channel_axis, chunks=chunks)

    @staticmethod
    def _colours(series: Any, page: Any) -> tuple[int, int | None]:
        """Return how many samples of a pixel are kept, and their axis."""
        if "S" not in series.axes:
            return 1, None
        axis = series.axes.index("S")
        alphas = sum(int(kind) in _ALPHA_KINDS for kind in page.extrasamples)
        return int(series.shape[axis]) - alphas, axis

    def _chunks(self, page: Any) -> tuple[int, ...]:
        """Return what is decoded together, in the axes of the file."""
        lengths = {"S": page.shaped[0] * page.shaped[4], "Z": 1}
        if page.is_tiled:
            lengths |= {"Z": page.tiledepth, "Y": page.tilelength, "X": page.tilewidth}
        else:
            lengths |= {"Y": page.rowsperstrip, "X": page.imagewidth}
        inner = [
            min(int(lengths.get(name, length)), length)
            for name, length in zip(page.axes, page.shape, strict=True)
        ]
        return (1,) * self._paged + tuple(inner)

    @contextmanager
    def _reading(self, path: Path) -> Iterator[None]:
        with decoding(path, "TIFF file"), logged_errors("tifffile") as errors:
            yield
            if errors:
                raise ValueError(errors[0])

    def read(self, window: Window, out: Array | None = None) -> Array:
        """Read a window."""
        stored = self._stored_window(window)
        with self._reading(self.path):
            if self._raw is not None:
                direct = out if stored == window else None
                found = self._raw.read(stored, direct)
            else:
                with self._lock:
                    found = self._decode(stored, out if stored == window else None)
        if self._colour_axis is not None and self._kept == 1:
            plane: Array = np.take(found, 0, axis=self._colour_axis)
            return plane
        return found

    def _stored_window(self, window: Window) -> Window:
        if self._colour_axis is None or self._kept > 1:
            return window
        return (*window[: self._colour_axis], slice(0, 1), *window[self._colour_axis :])

    def _decode(self, window: Window, out: Array | None) -> Array:
        shape = lengths_of(window)
        if out is None or not out.flags.c_contiguous:
            out = laid_out(shape, self.dtype, tuple(range(len(shape))))
        outer, inner = window[: self._paged], window[self._paged :]
        outer_shape = self._stored[: self._paged]
        flat = out.reshape(-1, *lengths_of(inner))
        for target, index in zip(flat, np.ndindex(*lengths_of(outer)), strict=True):
            place = tuple(each.start + step for each, step in zip(outer, index, strict=True))
            number = int(np.ravel_multi_index(place, outer_shape)) if place else 0
            self._decode_page(number, inner, target)
        return out

    def _decode_page(self, number: int, window: Window, target: Array) -> None:
        page = self._series.pages[number]
        if page is None:
            target[...] = 0
            return
        keyframe = page.keyframe
        places = _places_of(keyframe)
        if places is None or not keyframe.is_final:
            if self._page_cache is None or self._page_cache[0] != number:
                self._page_cache = number, page.asarray()
            target[...] = self._page_cache[1][window]
            return
        if len(page.dataoffsets) < math.prod(keyframe.chunked):
            raise EOFError("segments are missing")
        # As the file numbers its axes: separate samples, depth, length, width, samples.
        wide = [slice(0, 1)] * 5
        for place, each in zip(places, window, strict=True):
            wide[place] = each
        moved = target.reshape(lengths_of(tuple(wide)))
        handle = self._file.filehandle
        for index, (offset, size) in enumerate(
            zip(page.dataoffsets, page.databytecounts, strict=True)
        ):
            segment = _segment_window(keyframe, index)
            if not all(
                a.start < b.stop and b.start < a.stop for a, b in zip(segment, wide, strict=True)
            ):
                continue
            data = None
            if size:
                handle.seek(offset)
                data = handle.read(size)
                if len(data) < size:
                    raise EOFError("the file ends too early")
            tables = page.jpegtables if keyframe.jpegtables is not None else None
            decoded, _, shape = keyframe.decode(data, index, jpegtables=tables)
            _paste(moved, wide, segment, decoded, shape, keyframe.nodata)

    def whole(self) -> Array:
        """Read all samples; those that are not compressed are mapped into memory."""
        if self._raw is None or self._stored != self.shape:
            with self._reading(self.path):
                check_memory(self._series.nbytes)
            return super().whole()
        with self._reading(self.path):
            array: Array = self._series.asarray()
        return array

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _places_of(page: Any) -> list[int] | None:
    """Return where the axes of a page stand among the five that its segments have."""
    letters = {"Z": 1, "Y": 2, "X": 3}
    places = []
    for number, name in enumerate(page.axes):
        if name == "S":
            places.append(0 if number == 0 and page.shaped[0] > 1 else 4)
        elif name in letters:
            places.append(letters[name])
        else:
            return None
    rebuilt = [1] * 5
    for place, length in zip(places, page.shape, strict=True):
        rebuilt[place] = length
    return places if tuple(rebuilt) == tuple(page.shaped) else None


def _segment_window(page: Any, index: int) -> list[slice]:
    """Return what a segment of a page covers, in five axes."""
    width, samples = page.shaped[3:]
    if page.is_tiled:
        sizes = (1, page.tiledepth, page.tilelength, page.tilewidth, samples)
    else:
        sizes = (1, 1, page.rowsperstrip, width, samples)
    counts = [-(-total // size) for total, size in zip(page.shaped, sizes, strict=True)]
    place = np.unravel_index(index, counts)
    return [
        slice(int(at) * size, min((int(at) + 1) * size, total))
        for at, size, total in zip(place, sizes, page.shaped, strict=True)
    ]


def _paste(
    target: Array,
    wide: list[slice],
    segment: list[slice],
    decoded: Array | None,
    shape: tuple[int, ...],
    empty: Any,
) -> None:
    """Copy what a segment and the window share."""
    common = [
        slice(max(a.start, b.start), min(a.stop, b.stop))
        for a, b in zip(segment, wide, strict=True)
    ]
    into = tuple(
        slice(each.start - origin.start, each.stop - origin.start)
        for each, origin in zip(common, wide, strict=True)
    )
    if decoded is None:
        target[into] = empty
        return
    source = tuple(
        slice(each.start - origin.start, each.stop - origin.start)
        for each, origin in zip(common, segment, strict=True)
    )
    # Segments have no axis of separate samples.
    target[into] = decoded[source[1:]][np.newaxis]


@contextmanager
def logged_errors(name: str) -> Iterator[list[str]]:
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


class _EncodedTiffSink(WholeSink):
    """A TIFF file whose samples do not lie in it as in memory: one bit each."""

    def close(self) -> None:
        tifffile = require("tifffile", extra="cli")
        tifffile.imwrite(self._path, self._array, photometric="minisblack")


def tiff_sink(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], coloured: bool) -> Sink:
    """Return a TIFF file that is being written; BigTIFF where it must be."""
    tifffile = require("tifffile", extra="cli")
    if dtype == np.bool_:
        return _EncodedTiffSink(path, shape, dtype)
    size = math.prod(shape) * dtype.itemsize
    offset, _ = tifffile.imwrite(
        path,
        shape=shape,
        dtype=dtype,
        photometric="rgb" if coloured else "minisblack",
        bigtiff=size > _CLASSIC_BYTES,
        returnoffset=True,
    )
    return RawSink(path, offset, shape, dtype.newbyteorder("="), tuple(range(len(shape))))
