"""Blocks of an image that is read window by window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from boxel import _core
from boxel._registry import CODES, result_dtype
from boxel.streaming.windows import Axis, row_axes

__all__ = ["block_axes", "is_exact", "statistic_dtype"]

_SUMMED = ("sum", "mean", "var", "std")


def is_exact(statistic: str, dtype: np.dtype[Any]) -> bool:
    """Tell whether a statistic of such samples does not depend on the order of additions."""
    return dtype.kind != "f" or statistic not in _SUMMED


def statistic_dtype(statistic: str, image: np.dtype[Any], dtype: Any = None) -> np.dtype[Any]:
    """Return the dtype of a result."""
    if dtype is not None:
        wanted: np.dtype[Any] = np.dtype(dtype)
        return wanted
    native = image.newbyteorder("=")
    found: np.dtype[Any] = result_dtype(CODES[statistic], native, False)
    return found


def block_axes(
    lengths: Sequence[int],
    sizes: Sequence[int],
    steps: Sequence[int],
    counts: Sequence[int],
    order: Sequence[int],
    *,
    statistic: str,
    dtype: np.dtype[Any],
    skipna: bool = False,
) -> list[Axis]:
    """Return what blocks need along each axis, and where the image may be cut between them.

    Sums of floats depend on the order of their additions. It stays as it is in memory if the cuts
    leave whole what the kernels take together: their rows, and chunks of them.
    """
    axes = [
        Axis(outputs, length, min(size, max(length, 1)), step)
        for length, size, step, outputs in zip(lengths, sizes, steps, counts, strict=True)
    ]
    if is_exact(statistic, dtype) or not axes:
        return axes
    rows = row_axes(lengths, order)
    for place, number in enumerate(order):
        inner = order[place + 1 :]
        # A single block along all the axes behind would be taken as one long row.
        if all(counts[axis] == 1 for axis in inner):
            axes[number] = replace(axes[number], least=min(2, counts[number]))
    for number in rows[1:]:
        axes[number] = axes[number].whole()
    first = axes[rows[0]]
    inner_lanes = math.prod(lengths[axis] for axis in rows[1:])
    itemsize = 8 if skipna else dtype.itemsize
    positions = max(1, _core.chunk_bytes() // itemsize // max(1, inner_lanes))
    if min(first.size, first.length) <= positions:
        unit = max(1, (positions - first.size) // first.step + 1)
        least = -(-_core.shortest_row() // max(1, first.step * inner_lanes))
        axes[rows[0]] = replace(first, unit=unit, least=max(first.least, least))
    return axes
