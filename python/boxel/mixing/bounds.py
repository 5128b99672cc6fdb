"""How far the result of an unmixing may be from the truth, and what noise does to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxel.mixing.alphas import filter_factors
from boxel.mixing.matrix import KnownMixing
from boxel.mixing.solve import Solution, ridge_gains
from boxel.mixing.wide import ROUNDOFF, RightFactor

__all__ = ["Errors", "Response", "errors_of", "response_of"]

Array = NDArray[Any]

# The mixture itself was rounded, and so was each product and sum that made it: these errors
# have random signs, so two of them with the worst signs are more than all are in practice.
_ROUNDINGS_OF_DATA = 2.0


@dataclass(frozen=True)
class Errors:
    """Relative errors in the Frobenius norm, over all frames; infinite where nothing is known."""

    backward: float
    forward: float
    solver: float


@dataclass(frozen=True)
class Response:
    """What the unmixing does to noise and to each channel of the image."""

    noise_gain: Array
    recoverability: Array
    degrees_of_freedom: Array


def response_of(matrix: KnownMixing, solution: Solution, rank: int) -> Response:
    """Return the response per channel; with a leading axis of frames if each has its own alpha."""
    if solution.alphas is not None:
        weights = matrix.svd.left.T**2
        gains = ridge_gains(matrix.svd.values, solution.alphas)
        factors = filter_factors(matrix.svd.values, solution.alphas)
        noise_gain = np.ldexp(np.sqrt(gains**2 @ weights), -matrix.exponent)
        return Response(noise_gain, factors @ weights, factors.sum(axis=1))
    operator = inverse_of(matrix, solution, rank)
    noise_gain = np.ldexp(np.linalg.norm(operator, axis=0), -matrix.exponent)
    if rank == matrix.unknowns:
        kept = np.ones(matrix.unknowns)
    else:
        kept = np.einsum("ij,ji->i", matrix.values, operator).clip(0.0, 1.0)
    return Response(noise_gain, kept, np.array(float(rank)))


def inverse_of(matrix: KnownMixing, solution: Solution, rank: int) -> Array:
    """Return the matrix that, multiplied from the right, does what the solution did."""
    if solution.method == "svd" and rank < min(matrix.unknowns, matrix.channels):
        return matrix.truncated(rank).matrix
    return matrix.operator(solution.method, solution.steps).matrix


def errors_of(
    matrix: KnownMixing,
    rows: Array,
    returned: Array,
    solution: Solution,
    rank: int,
    *,
    rounding: float,
    level_error: Array,
) -> Errors:
    """Bound the errors of the rows as returned.

    `rounding` is the unit roundoff of the mixture, `level_error` the error of rounding each of
    its rows to whole levels (0 for floats).
    """
    residual = matrix.factor.subtract(rows, returned)
    size = float(np.linalg.norm(returned))
    backward = _ratio(
        float(np.linalg.norm(residual)), size * matrix.norm + float(np.linalg.norm(rows))
    )
    if solution.alphas is not None or rank < matrix.unknowns:
        # What was damped or lost is not in the mixture, so nothing bounds it.
        return Errors(backward, math.inf, math.inf)
    inverse = inverse_of(matrix, solution, rank)
    magnitudes = np.abs(inverse)
    left_over = RightFactor.of(inverse).subtract(np.eye(matrix.unknowns), matrix.values)
    mismatch = float(np.linalg.norm(left_over))
    if not mismatch < 1:
        return Errors(backward, math.inf, math.inf)
    solver = _solver_error(matrix, residual, returned, inverse, magnitudes) / (1 - mismatch)
    uncertain = _ROUNDINGS_OF_DATA * rounding * (np.abs(returned) @ np.abs(matrix.values))
    uncertain += level_error[:, None]
    data = float(np.linalg.norm(uncertain @ magnitudes)) / (1 - mismatch)
    return Errors(
        backward, _relative_to_truth(solver + data, size), _relative_to_truth(solver, size)
    )


def _solver_error(
    matrix: KnownMixing, residual: Array, returned: Array, inverse: Array, magnitudes: Array
) -> float:
    """Bound the distance to the exact solution, but for the factor 1 / (1 - ||I - B P||).

    The exact solution differs from X by R B^+, with the residual R = M - X B. For a square B,
    B^-1 = P (B P)^-1. For more channels than unknowns P must also lie in the rows of B; what
    does not is at most what P differs from B^T P^T P by.
    """
    terms = matrix.channels + 4
    correction = np.linalg.norm(residual @ inverse)
    rounding = terms * ROUNDOFF * np.linalg.norm(np.abs(residual) @ magnitudes)
    unseen = np.linalg.norm(matrix.factor.rounding(returned) @ magnitudes)
    error = correction + rounding + unseen
    if matrix.channels > matrix.unknowns:
        gram = inverse.T @ inverse
        astray = np.linalg.norm(inverse - matrix.values.T @ gram)
        astray += (
            (terms + matrix.unknowns)
            * ROUNDOFF
            * np.linalg.norm(np.abs(matrix.values).T @ (magnitudes.T @ magnitudes))
        )
        error += np.linalg.norm(residual) * astray
    return float(error)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _relative_to_truth(error: float, size: float) -> float:
    """Return an error relative to the true norm, of which only the computed one is known."""
    if error == 0:
        return 0.0
    return error / (size - error) if error < size else math.inf
