"""Decide which pixels of an image count."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["foreground", "otsu_threshold", "otsu_threshold_of"]

Array = NDArray[Any]

_LEVELS = 65536


def foreground(
    image: Array, *, threshold: float | str | None = None, channel_axis: int | None = None
) -> tuple[Array, float | None]:
    """Return an image whose nonzero pixels are those that count, and the threshold used.

    Parameters
    ----------
    image : ndarray
        The image; returned as it is if there is neither a threshold nor a channel axis.
    threshold : float or "otsu", optional
        Samples above it count. Default: samples that are not zero count.
    channel_axis : int, optional
        The axis of the colours. A pixel counts if any of its channels does.
    """
    if image.dtype.kind not in "buif":
        raise TypeError(f"expected an image of bool, integers or floats, found {image.dtype}")
    if isinstance(threshold, str):
        threshold = otsu_threshold(image)
    if channel_axis is None:
        return (image if threshold is None else image > threshold), threshold
    return _any_channel(np.moveaxis(image, channel_axis, 0), threshold), threshold


def _any_channel(channels: Array, threshold: float | None) -> Array:
    counted = np.zeros(channels.shape[1:], dtype=bool)
    for channel in channels:
        counted |= channel != 0 if threshold is None else channel > threshold
    return counted


def otsu_threshold(image: Array) -> float:
    """Return the threshold that best parts the samples into dark and bright (Otsu's method).

    Integers of up to 65536 levels are judged level by level, other samples in 256 steps. NaN and
    infinite samples are left out.
    """
    return otsu_threshold_of(lambda: [image])


def otsu_threshold_of(parts: Callable[[], Iterable[Array]]) -> float:
    """Return Otsu's threshold of an image that is handed out part by part, twice."""
    extremes = [(part.min(), part.max()) for part in map(_judged, parts()) if part.size]
    low = min((pair[0] for pair in extremes), default=0)
    high = max((pair[1] for pair in extremes), default=0)
    if low == high:
        raise ValueError("expected an image of at least two different values for 'otsu'")
    whole = isinstance(low, np.integer) and int(high) - int(low) < _LEVELS
    bins = int(high) - int(low) + 1 if whole else 256
    limits: Any = (int(low), int(high) + 1) if whole else (low, high)
    counts = np.zeros(bins, np.int64)
    edges = np.zeros(bins + 1)
    for part in parts():
        found, edges = np.histogram(_judged(part), bins=bins, range=limits)
        counts += found
    best = _best_split(counts)
    return float(int(low) + best) if whole else float(edges[best + 1])


def _judged(image: Array) -> Array:
    samples: Array = image.view(np.uint8) if image.dtype == bool else image
    return samples[np.isfinite(samples)] if samples.dtype.kind == "f" else samples


def _best_split(counts: Array) -> int:
    """Return the last bin of the dark class that makes the variance between classes largest."""
    weights = counts.astype(np.float64)
    dark = np.cumsum(weights)[:-1]
    bright = weights.sum() - dark
    moments = weights * np.arange(weights.size)
    dark_sum = np.cumsum(moments)[:-1]
    distance = dark_sum / dark - (moments.sum() - dark_sum) / bright
    return int(np.argmax(dark * bright * distance**2))
