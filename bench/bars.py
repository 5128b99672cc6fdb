"""The bars: the least that is acceptable, as text and as a predicate on a measurement."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contest import Measurement

LONG_JOB_SECONDS = 0.05
AT_ROOFLINE = 0.9


@dataclass(frozen=True)
class Bar:
    """A measured number that must reach a bound, or stay below one."""

    text: str
    measure: Callable[[Measurement], float | None]
    """Return the number, or None where it could not be measured."""
    at_least: float = -math.inf
    at_most: float = math.inf
    applies_to: Callable[[Measurement], bool] = lambda measured: measured.workers == 1


def read_roof(fraction: float) -> Bar:
    return Bar(
        f"at least {fraction:g} of the read roof",
        lambda measured: measured.of_read_roof(measured.ours),
        fraction,
    )


def full_roof(fraction: float) -> Bar:
    return Bar(
        f"at least {fraction:g} of the roof incl. output",
        lambda measured: measured.of_full_roof(measured.ours),
        fraction,
    )


def best_peer(times: float, library: str | None = None) -> Bar:
    whom = "the best peer" if library is None else f"the best {library} idiom"
    return Bar(
        f"at least {times:g}x as fast as {whom}",
        lambda measured: measured.speedup_over_best(library),
        times,
    )


def peer_time(times: float, library: str) -> Bar:
    def measure(measured: Measurement) -> float | None:
        speedup = measured.speedup_over_best(library)
        return None if speedup is None else 1 / speedup

    return Bar(f"at most {times:g}x the time of the best {library} idiom", measure, at_most=times)


def copies(times: float) -> Bar:
    return Bar(
        f"at most the time of {times:g} copies of the input",
        lambda measured: measured.copies_of_input(measured.ours),
        at_most=times,
    )


def reference_time(times: float, name: str) -> Bar:
    """Compare with another of boxel's own calls, per unit of work."""
    return Bar(
        f"at most {times:g}x the time of {name}",
        lambda measured: measured.time_of_reference(name),
        at_most=times,
    )


def _is_long(measured: Measurement) -> bool:
    single = measured.single
    return single is not None and (single.median or 0.0) >= LONG_JOB_SECONDS


def worker_gain(times: float) -> Bar:
    return Bar(
        f"at least {times:g}x one worker in jobs over {LONG_JOB_SECONDS * 1e3:g} ms",
        lambda measured: measured.worker_speedup(),
        times,
        applies_to=_is_long,
    )


def at_roof_or(bar: Bar) -> Bar:
    """Let the roofline excuse whoever reaches it."""

    def measure(measured: Measurement) -> float | None:
        roof = measured.of_full_roof(measured.ours)
        return math.inf if roof is not None and roof >= AT_ROOFLINE else bar.measure(measured)

    return replace(
        bar, text=f"{bar.text} (or {AT_ROOFLINE:g} of the roof incl. output)", measure=measure
    )
