"""Choosing how strongly ridge regularises: generalized cross-validation and discrepancy.

Ridge finds the X that makes ||X B - M||^2 + alpha^2 ||X||^2 least. In the basis of the singular
vectors it multiplies what the inverse would give by s^2 / (s^2 + alpha^2), so alpha has the units
of the singular values s: what lies well below alpha is damped away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHOICES", "Spectrum", "filter_factors", "residual_factors"]

Array = NDArray[Any]

CHOICES = ("gcv", "discrepancy")
"""The ways to choose alpha from the data."""

_GRID = 400
_GOLDEN = (5**0.5 - 1) / 2
_STEPS = 40


def filter_factors(values: Array, alpha: Array) -> Array:
    """Return s^2 / (s^2 + alpha^2), one row for each alpha."""
    squares = values**2
    result: Array = squares / (squares + np.asarray(alpha)[..., None] ** 2)
    return result


def residual_factors(values: Array, alpha: Array) -> Array:
    """Return alpha^2 / (s^2 + alpha^2) without cancellation, one row for each alpha."""
    square = np.asarray(alpha)[..., None] ** 2
    result: Array = square / (values**2 + square)
    return result


@dataclass(frozen=True)
class Spectrum:
    """How the energy of mixed frames is spread over the singular vectors of the mixing."""

    values: Array
    """The singular values, largest first."""
    energies: Array
    """Sum over the rows of a frame of the squared coefficients, ``(frames, values)``."""
    outside: Array
    """The energy that no image explains, ``(frames,)``."""
    rows: int
    """Rows of a frame."""
    channels: int

    def choose(self, choice: str, noise_std: Array | None) -> Array:
        """Return an alpha for each frame."""
        if choice == "gcv":
            return self.by_gcv()
        assert noise_std is not None
        return self.by_discrepancy(noise_std)

    def by_gcv(self) -> Array:
        """Minimise the generalized cross-validation (Golub, Heath, Wahba, 1979)."""

        def score(alpha: Array) -> Array:
            misfit, free = self._misfit(alpha)
            result: Array = misfit / free**2
            return result

        grid = self._grid()
        scores = self._on_grid(grid, lambda misfit, free: misfit / free**2)
        best = np.clip(scores.argmin(axis=1), 1, grid.size - 2)
        return _golden_section(score, np.log(grid[best - 1]), np.log(grid[best + 1]))

    def by_discrepancy(self, noise_std: Array) -> Array:
        """Leave as much residual as noise has: the mean square over the degrees left is its square.

        This is Morozov's principle with the degrees of freedom that the fit has used taken off,
        without which it smooths too much.
        """

        def variance(alpha: Array) -> Array:
            misfit, free = self._misfit(alpha)
            result: Array = misfit / (self.rows * free)
            return result

        grid = self._grid()
        variances = self._on_grid(grid, lambda misfit, free: misfit / (self.rows * free))
        below = variances <= noise_std[:, None] ** 2
        # The largest alpha that does not leave too much; the least there is if all do.
        last = np.where(below.any(axis=1), grid.size - 1 - below[:, ::-1].argmax(axis=1), 0)
        low, high = np.log(grid[last]), np.log(grid[np.minimum(last + 1, grid.size - 1)])
        for _ in range(_STEPS):
            middle = (low + high) / 2
            fits = variance(np.exp(middle)) <= noise_std**2
            low, high = np.where(fits, middle, low), np.where(fits, high, middle)
        return np.where(below.any(axis=1), np.exp(low), grid[0])

    def noise_std(self, alpha: Array) -> Array:
        """Return the noise that the residual shows, for each frame."""
        misfit, free = self._misfit(alpha)
        result: Array = np.sqrt(misfit / (self.rows * free))
        return result

    def _grid(self) -> Array:
        largest = self.values[0] or 1.0
        return np.geomspace(largest * 1e-17, largest * 1e3, _GRID)

    def _misfit(self, alpha: Array) -> tuple[Array, Array]:
        """Return the energy of the residual and its degrees of freedom per row, for each frame."""
        factors = residual_factors(self.values, alpha)
        free = factors.sum(axis=1) + (self.channels - self.values.size)
        return (self.energies * factors**2).sum(axis=1) + self.outside, free

    def _on_grid(self, grid: Array, score: Callable[[Array, Array], Array]) -> Array:
        """Return the score of each frame (rows) for each alpha of the grid (columns)."""
        factors = residual_factors(self.values, grid)
        free = factors.sum(axis=1) + (self.channels - self.values.size)
        return score(self.energies @ (factors**2).T + self.outside[:, None], free)


def _golden_section(score: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Minimise a function of exp(t) between `low` and `high`, for every frame at once."""
    for _ in range(_STEPS):
        left = high - _GOLDEN * (high - low)
        right = low + _GOLDEN * (high - low)
        falls = score(np.exp(left)) <= score(np.exp(right))
        low, high = np.where(falls, low, left), np.where(falls, right, high)
    result: Array = np.exp((low + high) / 2)
    return result
