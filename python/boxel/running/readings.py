"""What is read from a state besides the statistics of the core."""

from __future__ import annotations

import numpy as np

from boxel.running.state import Array, Counting, State

__all__ = ["standard_error", "standardised_moment"]


def standard_error(state: State, ddof: float, workers: int) -> Array:
    """Return the standard error of each voxel's mean."""
    with np.errstate(invalid="ignore", divide="ignore"):
        error = state.finish("std", np.dtype(np.float64), workers, ddof=ddof)
        if state.counting is Counting.WEIGHTED and state.taken:
            equal = state.row("n") ** 2 / state.row("weight_squares")
            error /= np.sqrt(state.layout.shaped(equal))
        else:
            error /= np.sqrt(state.counts(workers))
    return error.astype(state.spec.floating, copy=False)


def standardised_moment(state: State, power: int) -> Array:
    """Return the third or fourth moment in units of the standard deviation."""
    if state.taken == 0:
        return np.full(state.layout.shape, np.nan, state.spec.floating)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        n = state.taken if state.counting is Counting.UNIFORM else state.row("n")
        spread = np.sqrt(state.row("m2") / n)
        # The scale goes first: powers of a small one would vanish.
        lanes = state.row(f"m{power}") / n / spread
        for _ in range(power - 1):
            lanes /= spread
    return state.layout.shaped(lanes).astype(state.spec.floating, copy=False)
