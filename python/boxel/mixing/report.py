"""What an unmixing returns beside the image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["UnmixResult"]

Array = NDArray[Any]

# What data may be kept in, and the relative error of doing so.
_STORAGE = {"8-bit": 2.0**-9, "16-bit": 2.0**-17, "float32": 2.0**-24}
_ALL = 0.999  # of a channel: what is missing would not be seen


@dataclass(frozen=True, eq=False, repr=False)
class UnmixResult:
    """An unmixed image, and how far to trust it.

    `repr` is a short report. Errors are relative, in the Frobenius norm over all frames.
    """

    x: Array
    """The image."""
    method: str
    """The method that solved: ``"lu"``, ``"qr"``, ``"svd"`` or ``"ridge"``."""
    refinements: int
    """Steps of iterative refinement."""
    unknowns: int
    """Channels of the image, along the axis that was mixed."""
    rank: int
    """Combinations of these channels that the mixture has kept."""
    condition_number: float
    """The factor by which relative errors of the mixture may grow."""
    condition_is_exact: bool
    """True if it is the ratio of the extreme singular values; False if it is an estimate."""
    singular_values: Array | None
    """Those of the mixing, largest first; None if they were not needed."""
    alpha: float | Array | None
    """Ridge's alpha, one for each frame of a stack if chosen from the data; None without ridge."""
    degrees_of_freedom: float | Array
    """Combinations of channels that are used: the rank, or for ridge the sum of its filters."""
    noise_std: float | Array | None
    """The noise of the mixture: as given, else as ridge estimated it, else None."""
    backward_error: float
    """How much mixed and mixing would have to change for `x` to be the exact answer, relative to
    them; with ridge and with more channels than unknowns it holds the misfit too."""
    forward_error_bound: float
    """The error of `x` against the image that was mixed, if the mixture is right to rounding in
    its dtype (8- and 16-bit integers: to half a level). Infinite if there is no bound."""
    solver_error_bound: float
    """The part of it that solving adds: the error against the exact (least-squares) solution for
    the mixture as given."""
    noise_gain: Array
    """For each channel of `x`, the standard deviation of its noise over that of the mixture."""
    recoverability: Array
    """For each channel of `x`, how much of it the mixture has kept: 1 all, 0 nothing."""
    precision: float
    """The relative error that the samples of the mixture are taken to have."""
    precision_source: str
    """Where that comes from."""

    @property
    def digits(self) -> float:
        """Decimal digits of `x` that survive, by the condition number."""
        return max(self.digits_of_mixture - math.log10(self.condition_number), 0.0)

    @property
    def digits_of_mixture(self) -> float:
        """Decimal digits of the mixture."""
        return -math.log10(self.precision)

    def rows(self) -> dict[str, str]:
        """Return the report as names and texts."""
        rows = {
            "image": self._image_text(),
            "condition": self._condition_text(),
            "rank": f"{self.rank} of {self.unknowns}",
            "trust": self._trust_text(),
            "forward error": self._forward_text(),
            "backward error": f"{self.backward_error:.1e}",
            "noise gain": f"{_range_text(self.noise_gain)} per channel{self._noise_text()}",
            "recoverable": self._recoverable_text(),
        }
        if self.alpha is not None:
            rows["alpha"] = (
                f"{_range_text(self.alpha)}, {_range_text(self.degrees_of_freedom)} effective"
                " degrees of freedom"
            )
        return rows

    def __repr__(self) -> str:
        rows = self.rows()
        width = max(map(len, rows)) + 2
        return "\n".join(
            ["UnmixResult", *(f"  {name:<{width}}{text}" for name, text in rows.items())]
        )

    def _image_text(self) -> str:
        shape = " x ".join(map(str, self.x.shape))
        steps = {0: "", 1: ", refined once"}.get(
            self.refinements, f", refined {self.refinements} times"
        )
        return f"{shape} {self.x.dtype} by {self.method}{steps}"

    def _condition_text(self) -> str:
        kind = "exact" if self.condition_is_exact else "estimated"
        return f"{self.condition_number:.2g} ({kind})"

    def _trust_text(self) -> str:
        if self.alpha is not None:
            return "regularised: noise is damped, and with it fine detail; no bound holds"
        if self.rank < self.unknowns:
            lost = self.unknowns - self.rank
            return f"{lost} of {self.unknowns} combinations of channels are lost, x lacks them"
        digits = f"about {self.digits:.0f} of {self.digits_of_mixture:.0f} digits survive"
        if self.digits < 1:
            return f"not one digit is sure: {self.precision_source} grows to the size of x"
        coarser = [
            name
            for name, error in _STORAGE.items()
            if error > self.precision and error * self.condition_number > 0.1
        ]
        return f"{digits}; {' or '.join(coarser)} data would not" if coarser else digits

    def _forward_text(self) -> str:
        if math.isinf(self.forward_error_bound):
            return "no bound"
        return f"at most {self.forward_error_bound:.1e} (solving: {self.solver_error_bound:.1e})"

    def _noise_text(self) -> str:
        if self.noise_std is None:
            return ""
        return f"; noise of the mixture {_range_text(self.noise_std)}"

    def _recoverable_text(self) -> str:
        kept = np.atleast_2d(self.recoverability).min(axis=0)
        short = np.flatnonzero(kept < _ALL)
        if not short.size:
            return "all channels"
        named = ", ".join(f"{index} ({kept[index]:.0%})" for index in short[:6])
        more = f" and {short.size - 6} more" if short.size > 6 else ""
        whole = self.unknowns - short.size
        return f"{whole} of {self.unknowns} channels; only in part: {named}{more}"


def _range_text(values: float | Array) -> str:
    low, high = f"{np.min(values):.3g}", f"{np.max(values):.3g}"
    return low if low == high else f"{low} to {high}"
