"""Matrix products in more than double precision, made of double precision products.

Both factors are cut into a high part of few bits and a low part, on a grid that the largest entry
of a row (left factor) or of a column (right factor) sets. The bits are so few that the product of
the high parts is exact, whatever order BLAS adds in; the other products are smaller by 2^-20 or so,
and so are their rounding errors (Ozaki, Ogita, Oishi, Rump, Numerical Algorithms 59, 2012).

Long doubles would do too, but NumPy multiplies matrices of them without BLAS, some fifty times
slower, and on some machines they are doubles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROUNDOFF", "RightFactor"]

Array = NDArray[Any]

ROUNDOFF = 2.0**-53
"""The unit roundoff of float64."""

_MANTISSA = 53
# What a left factor keeps where the right one is short: enough to win four digits at each step.
_FEWEST_BITS = 16
# Entries of a left factor that are worked on at a time.
_PART = 2**16
# Rows shorter than this are worked on column by column.
_NARROW = 32


def high_part(array: Array, bits: int, axis: int) -> Array:
    """Round to multiples of 2^-bits of the power of two above the largest entry along `axis`."""
    return _rounded(array, bits, _exponents(array, axis))


def _exponents(array: Array, axis: int) -> Array:
    largest = np.maximum(array.max(axis, keepdims=True), -array.min(axis, keepdims=True))
    exponents: Array = np.frexp(largest)[1]
    return exponents


def _rounded(array: Array, bits: int, exponents: Array) -> Array:
    # Adding and subtracting this rounds: it has its last bit where the result shall have its.
    shifter = np.ldexp(1.5, exponents + (_MANTISSA - 1 - bits))
    rounded: Array = array + shifter
    rounded -= shifter
    return rounded


def _is_short(array: Array, bits: int, exponents: Array) -> bool:
    """Tell whether rounding changes nothing; a few rows mostly tell already that it does."""
    return all(np.array_equal(_rounded(rows, bits, exponents), rows) for rows in (array[:4], array))


def _parts(rows: int, columns: int) -> Iterator[slice]:
    """Cut rows into parts that stay in cache from one pass to the next."""
    step = max(_PART // columns, 1)
    for start in range(0, rows, step):
        yield slice(start, start + step)


def _laid_out(part: Array) -> Array:
    """Return rows in the order in which passes over them have long inner loops."""
    return np.asfortranarray(part) if part.shape[1] < _NARROW else part


@dataclass(frozen=True)
class RightFactor:
    """A matrix that is going to be multiplied from the left, cut once."""

    matrix: Array
    high: Array
    low: Array | None
    """What `high` leaves, None if that is nothing."""
    left_bits: int
    """Bits that a left factor's high part may have."""

    @classmethod
    def of(cls, matrix: Array, tail: Array | None = None) -> RightFactor:
        """Cut a matrix, or the sum of one and its much smaller tail.

        A short matrix (of float32, or small integers) is left whole.
        """
        budget = _MANTISSA - (matrix.shape[0] - 1).bit_length()
        exponents = _exponents(matrix, axis=0)
        for bits in (budget // 2, budget - _FEWEST_BITS):
            if tail is None and _is_short(matrix, bits, exponents):
                return cls(matrix, matrix, None, budget - bits)
        bits = budget // 2
        high = _rounded(matrix, bits, exponents)
        low = matrix - high if tail is None else (matrix - high) + tail
        return cls(matrix, high, low, budget - bits)

    def subtract(self, target: Array, left: Array) -> Array:
        """Return ``target - left @ matrix``."""
        result: Array = np.array(target, order="C")
        for part in _parts(*left.shape):
            whole = _laid_out(left[part])
            high = high_part(whole, self.left_bits, axis=1)
            self._subtract_high(result[part], high)
            whole = whole - high
            if whole.any():
                result[part] -= whole @ self.matrix
        return result

    def round_and_subtract(self, target: Array, left: Array) -> Array:
        """Round `left` to its high part, in place, and return ``target - left @ matrix``."""
        result: Array = np.array(target, order="C")
        for part in _parts(*left.shape):
            left[part] = high_part(_laid_out(left[part]), self.left_bits, axis=1)
            self._subtract_high(result[part], left[part])
        return result

    def _subtract_high(self, target: Array, high: Array) -> None:
        target -= high @ self.high
        if self.low is not None:
            target -= high @ self.low

    def product(self, left: Array) -> Array:
        """Return ``left @ matrix``, rounded once or nearly so."""
        result: Array = np.empty((len(left), self.matrix.shape[1]))
        for part in _parts(*left.shape):
            whole = _laid_out(left[part])
            high = high_part(whole, self.left_bits, axis=1)
            rest = 0.0 if self.low is None else high @ self.low
            whole = whole - high
            if whole.any():
                rest = rest + whole @ self.matrix
            np.add(high @ self.high, rest, out=result[part])
        return result

    def rounding(self, left: Array) -> Array:
        """Return a bound of the rounding error of each entry of `subtract`, but for its last."""
        inner = self.matrix.shape[0]
        bits = min(self.left_bits, _MANTISSA - (inner - 1).bit_length() - self.left_bits)
        left, right = np.abs(left), np.abs(self.matrix)
        # Of the two products that round, each has one low part, and that is below 2^-bits of the
        # largest entry of its row or column.
        bound: Array = np.outer(left.sum(axis=1), right.max(axis=0))
        bound += np.outer(left.max(axis=1), right.sum(axis=0))
        bound *= (inner + 4) * ROUNDOFF * 2.0**-bits
        return bound
