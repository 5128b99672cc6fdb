"""The options of `unmix` and `Unmixer`, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from boxel import _validate as check
from boxel.mixing.alphas import CHOICES
from boxel.mixing.diagnosis import ACTIONS, METHODS
from boxel.mixing.operands import SIDES

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """How to undo a mixing."""

    side: str
    method: str
    rtol: float | None
    alpha: float | str | None
    noise_std: float | None
    refine: int
    on_ill_conditioned: str

    @classmethod
    def checked(
        cls,
        *,
        side: Any,
        method: Any,
        rtol: Any,
        alpha: Any,
        noise_std: Any,
        refine: Any,
        on_ill_conditioned: Any,
    ) -> Options:
        """Return the options, or raise what tells which one is wrong."""
        action = check.choice(on_ill_conditioned, ACTIONS, "on_ill_conditioned")
        method = check.choice(method, METHODS, "method")
        alpha = _checked_alpha(alpha)
        if noise_std is not None:
            noise_std = _positive(noise_std, "noise_std")
        if alpha == "discrepancy" and noise_std is None:
            raise ValueError("alpha='discrepancy' needs noise_std, found None")
        if alpha is not None and action != "regularize":
            if method not in ("auto", "ridge"):
                raise ValueError(
                    f"alpha is for method='ridge' or on_ill_conditioned='regularize', found"
                    f" alpha={alpha!r} with method={method!r}"
                )
            method = "ridge"
        return cls(
            check.choice(side, SIDES, "side"),
            method,
            _checked_rtol(rtol),
            alpha,
            noise_std,
            check.at_least(refine, 0, "refine"),
            action,
        )

    def check_shape(self, unknowns: int, channels: int) -> None:
        """Refuse a method that cannot do a mixing of this shape."""
        if self.method == "lu" and unknowns != channels:
            raise ValueError(
                f"method='lu' needs a square mixing, found {unknowns} unknown and {channels} mixed"
                " channels; 'auto', 'qr', 'svd' and 'ridge' take any"
            )


def _checked_alpha(alpha: Any) -> float | str | None:
    if isinstance(alpha, str):
        return check.choice(alpha, CHOICES, "alpha")
    return None if alpha is None else _positive(alpha, "alpha")


def _positive(value: Any, name: str) -> float:
    number = check.real(value, name)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be finite and above 0, found {value!r}")
    return number


def _checked_rtol(rtol: Any) -> float | None:
    if rtol is None:
        return None
    number = check.real(rtol, "rtol")
    if not 0 <= number < 1:
        raise ValueError(f"rtol must be at least 0 and below 1, found {rtol!r}")
    return number
