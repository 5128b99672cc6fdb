"""Statistics of regions from pixels that come one after another, as from all of them at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from boxel import _core
from boxel import _region_calls as calls
from boxel._calls import NAN
from boxel.formats.source import Array

__all__ = ["PixelPieces"]


class PixelPieces:
    """The regions of an image, whose pixels are taken in order.

    `label_stats` cuts an image into pieces with a table of states each, and those into chunks. Sums
    of floats follow both, so that they are cut alike here.
    """

    def __init__(
        self,
        names: Sequence[str],
        pixels: int,
        channels: tuple[int, ...],
        *,
        background: int | None,
        skipna: bool,
        is_mask: bool,
        workers: int,
    ) -> None:
        """Prepare for so many pixels, with channels of that shape."""
        self._names = names
        self._pixels = pixels
        self._channels = channels
        self._background = background
        self._skipna = skipna
        self._is_mask = is_mask
        self._workers = workers
        self._chunk, ends = _core.region_pieces(pixels, math.prod(channels), is_mask)
        self._ends = list(ends)
        self._taken = 0
        self._total: _core._RegionTable | None = None
        self._piece: _core._RegionTable | None = None
        self._dtype = np.dtype(bool)
        # Pixels that do not fill a chunk yet.
        self._rest: tuple[Array, Array] | None = None

    def take(self, labels: Array, samples: Array) -> None:
        """Take the next pixels: labels (pixels,), samples (pixels, *channels)."""
        if self._rest is not None:
            missing = self._chunk - len(self._rest[0])
            first = tuple(
                np.concatenate([rest, new[:missing]])
                for rest, new in zip(self._rest, (labels, samples), strict=True)
            )
            self._rest = None
            labels, samples = labels[missing:], samples[missing:]
            self._take_chunks(*first)
        if len(labels):
            self._take_chunks(labels, samples)

    def _take_chunks(self, labels: Array, samples: Array) -> None:
        last = self._taken + len(labels) == self._pixels
        whole = len(labels) if last else len(labels) // self._chunk * self._chunk
        start = 0
        while start < whole:
            stop = min(whole, start + self._ends[0] - self._taken)
            self._take_part(labels[start:stop], samples[start:stop])
            start = stop
        if whole < len(labels):
            self._rest = labels[whole:].copy(), samples[whole:].copy()

    def _take_part(self, labels: Array, samples: Array) -> None:
        channels = len(self._channels)
        pixels = calls.pixels_of(
            labels, samples, what="mask" if self._is_mask else "labels",
            channel_axis=tuple(range(1, 1 + channels)) or None, names=self._names,
            workers=self._workers,
        )  # fmt: skip
        if self._piece is None:
            self._dtype = pixels.dtype
            self._piece = self._new_table(pixels)
        self._taken += len(labels)
        ends_piece = self._taken == self._ends[0]
        calls.take(
            self._piece, pixels, skipna=self._skipna, workers=self._workers,
            is_mask=self._is_mask, ends_piece=ends_piece,
        )  # fmt: skip
        if ends_piece:
            self._total = self._total or self._new_table(pixels)
            self._total.merge(self._piece)
            self._piece = None
            del self._ends[0]

    def _new_table(self, pixels: calls.Pixels) -> _core._RegionTable:
        return calls.new_table(
            pixels, self._names, self._background, geometry=False,
            dense_span=calls.dense_span_of(self._pixels),
        )  # fmt: skip

    def columns(self, index: Array | None, *, ddof: float) -> dict[str, Array]:
        """Return the labels and their statistics, after the last pixel."""
        assert self._total is not None
        labels = self._total.labels() if index is None else index
        known = (self._dtype, self._channels, False)
        found = calls.columns(self._total, labels, self._names, known, ddof=ddof, fill_value=NAN)
        return {"label": labels, **found}
