"""The factorisations of a mixing matrix B (unknowns x channels), for solving X B = M.

Rows are solved for: M has one row of mixed channels for each row of unknowns.
"""

from __future__ import annotations

import importlib
import math
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["LU", "SVD", "lu_of", "pseudoinverse_by_qr", "scipy_lapack"]

Array = NDArray[Any]

_PROBES = 8


class LU(Protocol):
    """Solves X B = M for a square B."""

    @property
    def condition(self) -> float:
        """An estimate of the condition number; infinity if B is singular to working precision."""

    def solve(self, rows: Array) -> Array:
        """Return M B^-1."""

    @property
    def inverse(self) -> Array:
        """Return B^-1."""


def scipy_lapack() -> Any:
    """Return SciPy's LAPACK, which keeps the factors; None without SciPy."""
    try:
        return importlib.import_module("scipy.linalg.lapack")
    except ImportError:
        return None


def lu_of(matrix: Array, awaited: Array | None = None) -> LU:
    """Factor a square matrix with SciPy's LAPACK, or NumPy's where that is all there is.

    `awaited` are rows that are going to be solved for next, if that is known.
    """
    lapack = scipy_lapack()
    return NumpyLU(matrix, awaited) if lapack is None else ScipyLU(matrix)


class ScipyLU:
    """LU by LAPACK's getrf, solved by getrs, its condition estimated by gecon."""

    def __init__(self, matrix: Array) -> None:
        lapack = scipy_lapack()
        # The rows of a C-ordered B are the columns that LAPACK wants of B^T: nothing is moved.
        self._factors, self._pivots, info = lapack.dgetrf(matrix.T)
        norm = float(np.abs(matrix).sum(axis=1).max())
        reciprocal = 0.0 if info > 0 else float(lapack.dgecon(self._factors, norm, norm="1")[0])
        self.condition = 1 / reciprocal if reciprocal > 0 else math.inf

    def solve(self, rows: Array) -> Array:
        """Return M B^-1."""
        transposed, _ = scipy_lapack().dgetrs(self._factors, self._pivots, rows.T)
        result: Array = transposed.T
        return result

    @cached_property
    def inverse(self) -> Array:
        """Return B^-1."""
        lapack = scipy_lapack()
        work = int(lapack.dgetri_lwork(len(self._pivots))[0])
        transposed, _ = lapack.dgetri(self._factors, self._pivots, lwork=work)
        result: Array = transposed.T
        return result


class NumpyLU:
    """LU by NumPy, which hides the factors: each solve factors again."""

    def __init__(self, matrix: Array, awaited: Array | None) -> None:
        self._matrix = matrix
        self._awaited = awaited
        self._solution: Array | None = None

    @cached_property
    def condition(self) -> float:
        """Estimate the condition number in the Frobenius norm.

        For a row z of random signs, z B^-1 has the expected square norm ||B^-1||^2. The rows
        that are awaited are solved for along with such rows.
        """
        signs = np.random.default_rng(0).integers(0, 2, (_PROBES, len(self._matrix))) * 2.0 - 1.0
        rows = signs if self._awaited is None else np.concatenate([signs, self._awaited])
        try:
            solution = self._solved(rows)
        except np.linalg.LinAlgError:
            return math.inf
        self._solution = solution[_PROBES:]
        norm = float(np.linalg.norm(solution[:_PROBES])) / math.sqrt(_PROBES)
        found = norm * float(np.linalg.norm(self._matrix))
        return found if math.isfinite(found) else math.inf

    def solve(self, rows: Array) -> Array:
        """Return M B^-1."""
        if rows is self._awaited and self._solution is not None:
            return self._solution
        return self._solved(rows)

    def _solved(self, rows: Array) -> Array:
        result: Array = np.linalg.solve(self._matrix.T, rows.T).T
        return result

    @cached_property
    def inverse(self) -> Array:
        """Return B^-1."""
        result: Array = np.linalg.inv(self._matrix)
        return result


class SVD:
    """The thin singular value decomposition B = U S V^T."""

    def __init__(self, matrix: Array) -> None:
        self.left, self.values, self.right = np.linalg.svd(matrix, full_matrices=False)

    def inverse(self, gains: Array) -> Array:
        """Return V diag(gains) U^T."""
        result: Array = (self.right.T * gains) @ self.left.T
        return result


def pseudoinverse_by_qr(matrix: Array) -> Array:
    """Return the pseudo-inverse P of a matrix of full rank, of either shape.

    Of ``B P = I`` and ``P B = I`` the one that can hold is the one that is fulfilled closely.
    """
    if matrix.shape[0] <= matrix.shape[1]:
        q, r = np.linalg.qr(matrix.T)
        result: Array = q @ np.linalg.inv(r.T)
    else:
        q, r = np.linalg.qr(matrix)
        result = np.linalg.inv(r.T).T @ q.T
    return result
