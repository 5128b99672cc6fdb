"""A known mixing matrix: what is to be found out about it, found out once and only when needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxel.mixing.factorisations import LU, SVD, lu_of, pseudoinverse_by_qr
from boxel.mixing.operands import safe_exponents
from boxel.mixing.wide import ROUNDOFF, RightFactor

__all__ = ["Condition", "KnownMixing", "Operator"]

Array = NDArray[Any]

# An estimate, and another norm, may be off by this much before it misleads.
_DOUBT = 10.0


@dataclass(frozen=True)
class Condition:
    """A condition number, and whether it is the exact one of the 2-norm or an estimate."""

    number: float
    exact: bool


@dataclass(frozen=True)
class Operator:
    """A matrix that takes mixed rows to unknown ones, in one or two pieces."""

    matrix: Array
    tail: Array | None = None
    """What rounding left out of `matrix`."""

    @cached_property
    def _factor(self) -> RightFactor:
        return RightFactor.of(self.matrix, self.tail)

    def apply(self, rows: Array) -> Array:
        """Return the rows times the operator."""
        if self.tail is None:
            result: Array = rows @ self.matrix
            return result
        return self._factor.product(rows)


class KnownMixing:
    """A mixing matrix of ``(unknowns, channels)`` that rows are multiplied with on their right."""

    def __init__(self, matrix: Array, rtol: float | None) -> None:
        # A copy: what is found out later must be of the matrix as it was given.
        self.values: Array = np.array(matrix, dtype=np.float64, order="C")
        exponents = safe_exponents(self.values)
        self.exponent = 0 if exponents is None else int(exponents.item())
        """The power of two taken out of `values`."""
        if self.exponent:
            self.values = np.ldexp(self.values, -self.exponent)
        self.dtype = matrix.dtype
        self.awaited: Array | None = None
        """Rows that are going to be solved for, if that is known before the LU factorisation."""
        self.rtol: float = self._default_rtol() if rtol is None else rtol

    def _default_rtol(self) -> float:
        """Return the rounding of the SVD, or of the entries where that is coarser."""
        rounding: float = max(self.values.shape) * 2 * ROUNDOFF
        if self.dtype in (np.float16, np.float32):
            rounding = max(rounding, float(np.finfo(np.float32).eps))
        return rounding

    @property
    def unknowns(self) -> int:
        """Channels of the image that was mixed."""
        return int(self.values.shape[0])

    @property
    def channels(self) -> int:
        """Channels of the mixture."""
        return int(self.values.shape[1])

    @property
    def is_square(self) -> bool:
        """Whether there are as many channels as unknowns."""
        return self.unknowns == self.channels

    @cached_property
    def norm(self) -> float:
        """The Frobenius norm."""
        return float(np.linalg.norm(self.values))

    @cached_property
    def lu(self) -> LU:
        """The LU factorisation of a square matrix."""
        return lu_of(self.values, self.awaited)

    @cached_property
    def svd(self) -> SVD:
        """The singular value decomposition."""
        return SVD(self.values)

    @cached_property
    def singular_values(self) -> Array:
        """The singular values alone, largest first."""
        if "svd" in self.__dict__:
            return self.svd.values
        values: Array = np.linalg.svd(self.values, compute_uv=False)
        return values

    @property
    def known_singular_values(self) -> Array | None:
        """The singular values if they have been computed, in the caller's scale."""
        found = self.__dict__.get("singular_values")
        if found is None and "svd" in self.__dict__:
            found = self.svd.values
        return None if found is None else np.ldexp(found, self.exponent)

    @cached_property
    def exact_condition(self) -> Condition:
        """The ratio of the extreme singular values."""
        values = self.singular_values
        return Condition(float(values[0] / values[-1]) if values[-1] > 0 else math.inf, True)

    @cached_property
    def exact_rank(self) -> int:
        """The singular values above `rtol` of the largest."""
        values = self.singular_values
        return int(np.count_nonzero(values > self.rtol * values[0]))

    def condition(self, doubtful: float) -> Condition:
        """Return the condition number; an estimate will do where it is far below `doubtful`."""
        cheap = self.is_square and not {"svd", "singular_values"} & self.__dict__.keys()
        if cheap and self.lu.condition * _DOUBT < min(doubtful, 1 / max(self.rtol, ROUNDOFF)):
            return Condition(self.lu.condition, False)
        return self.exact_condition

    def rank(self, condition: Condition) -> int:
        """Return the numerical rank; an estimated condition number is one without doubt."""
        return self.exact_rank if condition.exact else self.unknowns

    @cached_property
    def factor(self) -> RightFactor:
        """The matrix cut for products in wider precision."""
        return RightFactor.of(self.values)

    @cached_property
    def operators(self) -> dict[tuple[str, int], Operator]:
        """The operators made so far, by method and refinement steps."""
        return {}

    def operator(self, method: str, refine: int) -> Operator:
        """Return the operator of a method that needs full rank, refined this many times."""
        if (method, refine) not in self.operators:
            if method == "svd":
                start = self.svd.inverse(1 / self.svd.values)
            else:
                start = self.lu.inverse if method == "lu" else pseudoinverse_by_qr(self.values)
            self.operators[method, refine] = self._refined(start, refine)
        return self.operators[method, refine]

    def truncated(self, rank: int) -> Operator:
        """Return the operator of the minimum-norm solution that uses `rank` singular values."""
        gains = np.zeros_like(self.svd.values)
        gains[:rank] = 1 / self.svd.values[:rank]
        return Operator(self.svd.inverse(gains))

    def _refined(self, start: Array, steps: int) -> Operator:
        """Refine an inverse P by P + P (I - B P), with the residual in wider precision."""
        if not steps:
            return Operator(start)
        matrix, tail = start, np.zeros_like(start)
        wide = self.unknowns > self.channels
        identity = np.eye(min(self.unknowns, self.channels))
        for _ in range(steps):
            if wide:
                residual = self.factor.subtract(identity, matrix) - tail @ self.values
                correction = tail + residual @ matrix
            else:
                residual = RightFactor.of(matrix).subtract(identity, self.values)
                residual -= self.values @ tail
                correction = tail + matrix @ residual
            # The tail is what rounding the sum leaves, exactly.
            matrix, head = matrix + correction, matrix
            tail = correction - (matrix - head)
        return Operator(matrix, tail)
