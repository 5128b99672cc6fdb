"""What drawings have in common."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from boxel.blocks import block_reduce

__all__ = ["shrunk"]

_DRAWN_PIXELS = 2048  # per axis; more than a figure shows, and Matplotlib slows down


def shrunk(array: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, int]]:
    """Return the array as it is drawn: block means where it has more pixels than a figure shows."""
    rows, columns = (math.ceil(length / _DRAWN_PIXELS) for length in array.shape[:2])
    if rows == columns == 1:
        return array, (1, 1)
    return block_reduce(array, (rows, columns), "mean", axes=(0, 1)), (rows, columns)
