"""Weights: what every function that takes them demands of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from boxel import _core
from boxel import _validate as check
from boxel._registry import CODES

Array = npt.NDArray[Any]


def checked_weights(
    weights: Any, shape: tuple[int, ...], workers: int, target: str = "the image"
) -> Array:
    """Return weights broadcast to `shape`; refuse negative, NaN and infinite ones.

    That takes no temporary of their size.
    """
    array = check.weights_array(weights, shape, target)
    _check_range(array, workers)
    return array


def _check_range(weights: Array, workers: int) -> None:
    if weights.size == 0 or weights.dtype.kind in "bu":
        return
    # A broadcast axis repeats what it holds: one index of it is enough.
    slices = [slice(None) if stride else slice(1) for stride in weights.strides]
    distinct = weights[(..., *slices)]
    lowest = np.empty((1,) * weights.ndim, np.float64)
    highest = np.empty_like(lowest)
    _core.reduce_blocks(
        distinct, (CODES["min"], CODES["max"]), (lowest, highest), (None, None), (0.0, 0), None,
        None, False, 0, 0.0, workers, distinct.shape, distinct.shape, False, None,
    )  # fmt: skip
    if not (lowest.item() >= 0 and highest.item() < math.inf):
        found = lowest.item() if not lowest.item() >= 0 else highest.item()
        raise ValueError(f"weights must be finite and not negative, found {found}")
