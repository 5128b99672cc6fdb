"""Whether two results agree; checked before anything is timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class DisagreementError(Exception):
    """A peer's result differs from boxel's by more than the stated tolerance."""


class Agreement(Protocol):
    """A way to compare results, and how to say it."""

    def check(
        self, ours: Sequence[NDArray[np.generic]], theirs: Sequence[NDArray[np.generic]]
    ) -> None:
        """Raise DisagreementError unless the results agree."""

    def describe(self) -> str:
        """Say what is tolerated."""


def check_shapes(
    ours: Sequence[NDArray[np.generic]], theirs: Sequence[NDArray[np.generic]]
) -> None:
    our_shapes = [array.shape for array in ours]
    their_shapes = [array.shape for array in theirs]
    if our_shapes != their_shapes:
        raise DisagreementError(f"result of shape {their_shapes}, boxel's has {our_shapes}")


@dataclass(frozen=True)
class Tolerance:
    """|ours - theirs| <= atol + rtol |theirs| in every sample, NaN equal to NaN."""

    rtol: float = 0.0
    atol: float = 0.0

    def check(
        self, ours: Sequence[NDArray[np.generic]], theirs: Sequence[NDArray[np.generic]]
    ) -> None:
        check_shapes(ours, theirs)
        for our_array, their_array in zip(ours, theirs, strict=True):
            mine, other = our_array.astype(np.float64), their_array.astype(np.float64)
            if not np.allclose(mine, other, rtol=self.rtol, atol=self.atol, equal_nan=True):
                raise DisagreementError(self._worst(mine, other))

    def _worst(self, ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> str:
        with np.errstate(invalid="ignore"):
            excess = np.abs(ours - theirs) - self.rtol * np.abs(theirs)
        # A NaN on one side only is the worst difference there is; on both sides it is none.
        excess[np.isnan(ours) != np.isnan(theirs)] = np.inf
        worst = np.unravel_index(int(np.nanargmax(excess)), excess.shape)
        place = tuple(int(index) for index in worst)
        return (
            f"{theirs[worst]:.9g} at {place} where boxel has {ours[worst]:.9g}; "
            f"tolerated: {self.describe()}"
        )

    def describe(self) -> str:
        parts = []
        if self.rtol:
            parts.append(f"relative {self.rtol:.1g}")
        if self.atol:
            parts.append(f"absolute {self.atol:.2g}")
        return " + ".join(parts) or "equal"
