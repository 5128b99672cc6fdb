"""How other libraries undo a known mixing: X B = M for X."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from job import Call, Peer
from libraries import load
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class UnmixTask:
    """Mixed frames (..., rows, channels), and the matrix that mixed them."""

    mixed: Array
    mixing: Array


def numpy_solve(task: UnmixTask, workers: int) -> Call:
    mixing, mixed = task.mixing.T, task.mixed
    if mixed.ndim == 2:
        return lambda: np.linalg.solve(mixing, mixed.T).T
    return lambda: np.stack([np.linalg.solve(mixing, frame.T).T for frame in mixed])


def numpy_inverse(task: UnmixTask, workers: int) -> Call:
    return lambda: task.mixed @ np.linalg.inv(task.mixing)


def numpy_least_squares(task: UnmixTask, workers: int) -> Call:
    return lambda: np.linalg.lstsq(task.mixing.T, task.mixed.T, rcond=None)[0].T


def numpy_product(task: UnmixTask, workers: int) -> Call:
    inverse = np.linalg.inv(task.mixing)
    return lambda: task.mixed @ inverse


def scipy_solve(task: UnmixTask, workers: int) -> Call:
    linalg = load("scipy.linalg")
    return lambda: np.asarray(linalg.solve(task.mixing.T, task.mixed.T).T)


def scipy_factors(task: UnmixTask, workers: int) -> Call:
    linalg = load("scipy.linalg")

    def call() -> Array:
        factors = linalg.lu_factor(task.mixing.T)
        rows = task.mixed.reshape(-1, task.mixed.shape[-1])
        return np.asarray(linalg.lu_solve(factors, rows.T).T.reshape(task.mixed.shape))

    return call


def unmix_peers(task: UnmixTask) -> tuple[Peer, ...]:
    """Return the peers of one image, or of a stack of frames."""
    product = Peer(
        "NumPy product",
        "numpy product",
        partial(numpy_product, task),
        included="nothing else: the inverse was made beforehand",
    )
    if task.mixed.ndim > 2:
        return (
            Peer("NumPy solve, frame by frame", "numpy", partial(numpy_solve, task)),
            Peer("SciPy lu_factor, lu_solve", "scipy", partial(scipy_factors, task)),
            product,
        )
    return (
        Peer("NumPy solve", "numpy", partial(numpy_solve, task)),
        Peer("NumPy inv", "numpy inverse", partial(numpy_inverse, task)),
        Peer("NumPy lstsq", "numpy lstsq", partial(numpy_least_squares, task)),
        Peer("SciPy solve", "scipy", partial(scipy_solve, task)),
        product,
    )
