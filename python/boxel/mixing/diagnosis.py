"""Whether an unmixing can be trusted, and what is said if not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxel.mixing.matrix import Condition, KnownMixing
from boxel.mixing.operands import Frames
from boxel.mixing.wide import ROUNDOFF

__all__ = [
    "ACTIONS",
    "METHODS",
    "Diagnosis",
    "IllConditionedError",
    "IllConditionedWarning",
    "Precision",
    "choose_method",
    "diagnose",
]

Array = NDArray[Any]

METHODS = ("auto", "lu", "qr", "svd", "ridge")
"""The ways to solve; "auto" chooses."""

ACTIONS = ("warn", "raise", "regularize", "ignore")
"""What may be done about a mixing that cannot be undone."""

# Of the image, what the noise may grow to before a warning: less than one digit is then left.
_BEARABLE = 0.1
# The standard deviation of the error of rounding to whole levels.
_ROUNDING_STD = 1 / math.sqrt(12)


class IllConditionedWarning(UserWarning):
    """An unmixing whose result is not to be trusted, or not all of it."""


class IllConditionedError(np.linalg.LinAlgError):
    """The same, with ``on_ill_conditioned="raise"``."""


@dataclass(frozen=True)
class Precision:
    """How well the samples of a mixture are known."""

    relative: float
    """The standard deviation of their error over their root mean square."""
    source: str
    """What the error is, for messages."""

    @classmethod
    def of_dtype(cls, dtype: np.dtype[Any]) -> Precision:
        """Return what floats of a dtype hold; integers are taken as exact."""
        rounding = float(np.finfo(dtype).eps) / 2 if dtype.kind == "f" else ROUNDOFF
        return cls(rounding, f"the rounding of {dtype if dtype.kind == 'f' else 'float64'}")

    @classmethod
    def of_frames(cls, frames: Frames, dtype: np.dtype[Any], noise_std: float | None) -> Precision:
        """Return the precision of a mixture: its noise, its whole levels, or its dtype's."""
        exact = cls.of_dtype(dtype)
        if noise_std is None and not is_stored_in_levels(dtype):
            return exact
        size = float(np.linalg.norm(frames.rows)) / math.sqrt(frames.rows.size)
        noise = frames.scaled(_ROUNDING_STD if noise_std is None else noise_std)
        relative = float(np.sqrt(np.mean(noise**2))) / size if size else 0.0
        source = f"rounding to {dtype} levels" if noise_std is None else f"noise_std={noise_std:g}"
        return cls(max(relative, exact.relative), source)


def is_stored_in_levels(dtype: np.dtype[Any]) -> bool:
    """Tell whether samples are likely to have been rounded: images come in 8 or 16 bits.

    Wider integers are what exact arithmetic with integers yields.
    """
    return dtype.kind in "biu" and dtype.itemsize <= 2


@dataclass(frozen=True)
class Diagnosis:
    """What is known of a mixing before it is undone."""

    condition: Condition
    rank: int
    problem: str | None
    """Why the result could not be trusted, None if it can."""


def diagnose(matrix: KnownMixing, precision: Precision, method: str) -> Diagnosis:
    """Find the rank and the condition number, as far as they matter for this precision."""
    doubtful = _BEARABLE / max(precision.relative, ROUNDOFF)
    if method in ("svd", "ridge"):
        # They need the singular vectors anyway.
        _ = matrix.svd
    condition = matrix.condition(doubtful)
    rank = matrix.rank(condition)
    problem = None
    if method == "ridge":
        pass
    elif rank < matrix.unknowns:
        problem = _deficiency(matrix, condition, rank)
    elif condition.number > doubtful:
        problem = _amplification(condition, precision)
    return Diagnosis(condition, rank, problem)


def _deficiency(matrix: KnownMixing, condition: Condition, rank: int) -> str:
    if rank == matrix.channels:
        cause = f"the mixing has {matrix.unknowns} unknown channels but {rank} mixed ones"
    else:
        cause = (
            f"the mixing has rank {rank}, short of {matrix.unknowns} unknown channels"
            f" (condition number {condition.number:.2g}, rtol {matrix.rtol:.2g})"
        )
    return (
        f"{cause}: {matrix.unknowns - rank} of their combinations are lost, and the least image"
        " that explains the mixture is given instead. full_output=True tells the recoverability"
        " of each channel; on_ill_conditioned='ignore' accepts this, 'regularize' fits by ridge,"
        " 'raise' makes it an error"
    )


def _amplification(condition: Condition, precision: Precision) -> str:
    return (
        f"the mixing has the condition number {condition.number:.2g}: {precision.source},"
        f" a relative error of {precision.relative:.2g} in mixed, can grow to"
        f" {condition.number * precision.relative:.2g} times the image. Keep the mixture in more"
        " digits, or use method='ridge' or on_ill_conditioned='regularize'; 'ignore' accepts this,"
        " 'raise' makes it an error"
    )


def choose_method(matrix: KnownMixing, diagnosis: Diagnosis, method: str, action: str) -> str:
    """Return the method that solves, one of those in METHODS but "auto"."""
    if diagnosis.problem is not None and action == "regularize":
        return "ridge"
    if method in ("ridge", "svd"):
        return method
    if diagnosis.rank < min(matrix.unknowns, matrix.channels):
        # The others need full rank.
        return "svd"
    if method == "auto":
        return "lu" if matrix.is_square else "qr"
    return method
