"""Weights of samples: what callers pass, checked without a temporary of its size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from boxel import _core
from boxel import _validate as check
from boxel._calls import Array
from boxel._config import check_workers, get_workers
from boxel._registry import CODES, MERGEABLE


def checked_weights(
    weights: Any,
    shape: tuple[int, ...],
    names: Sequence[str],
    workers: int | None,
    image: str = "image",
) -> Array:
    """Return weights of the image's shape; refuse negative, NaN and infinite ones."""
    unweighted = [name for name in names if name not in MERGEABLE]
    if unweighted:
        raise ValueError(f"weights have no meaning for the statistic {unweighted[0]!r}")
    threads = get_workers() if workers is None else check_workers(workers)
    array = check.weights_array(weights, shape, image)
    _check_values(array, threads)
    return array


def _check_values(weights: Array, workers: int) -> None:
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
