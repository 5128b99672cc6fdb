"""Solving X B = M by the method that was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxel.mixing.alphas import Spectrum, filter_factors
from boxel.mixing.matrix import KnownMixing
from boxel.mixing.operands import Frames

__all__ = ["Solution", "solve"]

Array = NDArray[Any]

# Rows for each unknown, up to which refining the rows costs less than refining the inverse.
_FEW_ROWS = 4


@dataclass(frozen=True)
class Solution:
    """The rows that were solved for, and how."""

    rows: Array
    """``(frames * rows, unknowns)``, in the scales of frames and matrix."""
    method: str
    steps: int
    """Refinement steps."""
    alphas: Array | None = None
    """Ridge's alpha of each frame, in the scale of the matrix."""
    noise_std: Array | None = None
    """The noise of each frame that the residual shows, in the frames' scale, where estimated."""


def solve(
    matrix: KnownMixing,
    frames: Frames,
    method: str,
    *,
    rank: int,
    alpha: float | str | None,
    noise_std: float | None,
    steps: int,
    once: bool,
) -> Solution:
    """Solve for all frames; `once` says that no other call will use the matrix."""
    if method == "ridge":
        return _ridge(matrix, frames, alpha, noise_std)
    rows = frames.flat
    if method == "svd" and rank < min(matrix.unknowns, matrix.channels):
        return Solution(matrix.truncated(rank).apply(rows), method, 0)
    if method == "lu" and once and not steps and len(rows) <= matrix.unknowns:
        return Solution(matrix.lu.solve(rows), method, 0)
    if method == "lu" and once and steps and len(rows) <= _FEW_ROWS * matrix.unknowns:
        return Solution(_refined_rows(matrix, rows, steps), method, steps)
    return Solution(matrix.operator(method, steps).apply(rows), method, steps)


def _refined_rows(matrix: KnownMixing, rows: Array, steps: int) -> Array:
    """Solve with a square matrix, and refine with the residual in wider precision.

    Each step keeps the leading bits of X, so that their product with B is exact but for a small
    part, and solves for all the rest.
    """
    inverse = matrix.operator("lu", 0).matrix
    solution: Array = rows @ inverse
    for _ in range(steps):
        rest = matrix.factor.round_and_subtract(rows, solution)
        solution += rest @ inverse
    return solution


def _ridge(
    matrix: KnownMixing, frames: Frames, alpha: float | str | None, noise_std: float | None
) -> Solution:
    """Filter the coefficients of the singular vectors, each frame with its own alpha."""
    svd = matrix.svd
    coefficients = frames.rows @ svd.right.T
    estimated = None
    if alpha is None:
        alpha = "gcv" if noise_std is None else "discrepancy"
    if isinstance(alpha, str):
        spectrum, scales = _spectrum(matrix, frames, coefficients)
        noise = None if noise_std is None else frames.scaled(noise_std) / scales
        alphas = spectrum.choose(alpha, noise)
        estimated = spectrum.noise_std(alphas) * scales
    else:
        alphas = np.full(len(frames.rows), np.ldexp(alpha, -matrix.exponent))
    gains = ridge_gains(svd.values, alphas)
    solution = (coefficients * gains[:, None, :]) @ svd.left.T
    return Solution(solution.reshape(-1, matrix.unknowns), "ridge", 0, alphas, estimated)


def ridge_gains(values: Array, alphas: Array) -> Array:
    """Return s / (s^2 + alpha^2), one row for each alpha, 0 where a singular value is 0."""
    factors = filter_factors(values, alphas)
    result: Array = np.divide(factors, values, out=np.zeros_like(factors), where=values > 0)
    return result


def _spectrum(matrix: KnownMixing, frames: Frames, coefficients: Array) -> tuple[Spectrum, Array]:
    """Return the energies of the frames and the scale of each that was taken out of them."""
    scales = np.abs(frames.rows).max(axis=(1, 2))
    scales[scales == 0] = 1.0
    parts = coefficients / scales[:, None, None]
    if matrix.channels > matrix.svd.values.size:
        rest = frames.rows / scales[:, None, None] - parts @ matrix.svd.right
        outside = np.einsum("fij,fij->f", rest, rest)
    else:
        outside = np.zeros(len(scales))
    energies = np.einsum("fij,fij->fj", parts, parts)
    _, rows, channels = frames.rows.shape
    return Spectrum(matrix.svd.values, energies, outside, rows, channels), scales
