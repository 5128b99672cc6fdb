"""`collect`: draw samples until their statistics are good enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from boxel import _validate as check
from boxel.running.bar import progress_bar
from boxel.running.conditions import StandardError
from boxel.running.statistics import RunningStats

__all__ = ["Collected", "CollectionError", "Progress", "collect"]

Source: TypeAlias = Callable[[], Any] | Iterable[Any]
Until: TypeAlias = Callable[[RunningStats], Any] | float


class Collected(NamedTuple):
    """What `collect` returns."""

    stats: RunningStats
    """The statistics of all samples."""

    reason: str
    """``"until"``: they are good enough. ``"max_count"``: that many samples were drawn.
    ``"exhausted"``: the source has no more."""


@dataclass(frozen=True)
class Progress:
    """What `collect` tells after every batch."""

    count: int
    """The samples that were drawn."""

    max_count: int | None
    """The most that will be."""

    error: float | None
    """The standard error so far, where `until` is a bound on it."""

    threshold: float | None
    """That bound."""


class CollectionError(RuntimeError):
    """A source failed; `stats` holds the statistics of the samples before."""

    def __init__(self, message: str, stats: RunningStats) -> None:
        super().__init__(message)
        self.stats = stats


def collect(
    source: Source,
    *,
    until: Until | None = None,
    batch: int = 5,
    max_count: int | None = None,
    progress: Callable[[Progress], Any] | bool | None = None,
    stats: RunningStats | None = None,
) -> Collected:
    """Draw samples until their statistics are good enough.

    Each sample is taken into running statistics and forgotten: neither memory nor the time for a
    sample grows with their number.

    Parameters
    ----------
    source : callable or iterable
        A function without arguments that returns a new sample, or an iterable of samples, each an
        array of the same shape.
    until : float, StandardError or callable, optional
        A number: the largest standard error of the mean over all voxels that is good enough. A
        `StandardError`: the same relative to the mean, or for a share of the voxels. A function of
        the `RunningStats`: true when they are good enough.
    batch : int, default 5
        Samples between two looks at `until`.
    max_count : int, optional
        The most samples to draw.
    progress : callable or bool, optional
        A function that is called with a `Progress` after every batch; or True for a bar in the
        terminal (which needs ``boxel[cli]``).
    stats : RunningStats, optional
        Statistics to go on with: those of an earlier call, or empty ones with other moments or
        dtype. They hold all samples also when the call is interrupted.

    Returns
    -------
    Collected
        ``stats`` and the ``reason`` for the end.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or nothing would ever end the drawing.
    CollectionError
        If the source raises, or returns what does not fit. Its ``stats`` are those of the samples
        before, its ``__cause__`` is what was raised.

    Notes
    -----
    Looking at the error again and again until it happens to be small favours small errors: the
    fewer samples there are, the more. Ask for a few batches at least, or for less error than
    needed.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> rng = np.random.default_rng(1)
    >>> stats, reason = bx.collect(lambda: rng.normal(size=(4, 4, 4)), until=0.1)
    >>> reason, stats.count, bool(stats.sem().max() <= 0.1)
    ('until', 130, True)
    """
    each = check.at_least(batch, 1, "batch")
    most = None if max_count is None else check.at_least(max_count, 0, "max_count")
    condition = _condition(until)
    if stats is None:
        stats = RunningStats()
    if isinstance(condition, StandardError) and stats.moments < 2:
        raise ValueError(f"a standard error needs moments=2, stats keep moments={stats.moments}")
    samples = _samples(source, endless=condition is None and most is None)
    with progress_bar(progress) as report:
        return _collect(samples, condition, each, most, report, stats)


def _condition(until: Until | None) -> Callable[[RunningStats], Any] | None:
    if until is None or callable(until):
        return until
    return StandardError(check.real(until, "until"))


def _samples(source: Source, *, endless: bool) -> Iterator[Any]:
    """Return an iterator over the samples."""
    if callable(source):
        if endless:
            raise ValueError("a function as source never ends: pass until=, max_count= or both")
        return _drawn(source)
    if isinstance(source, Iterable) and not isinstance(source, (str, bytes)):
        return iter(source)
    raise TypeError(
        "source must be a function that returns a sample, or an iterable of samples, found "
        f"{type(source).__name__}"
    )


def _drawn(source: Callable[[], Any]) -> Iterator[Any]:
    while True:
        try:
            sample = source()
        except StopIteration:
            return
        yield sample


def _collect(
    samples: Iterator[Any],
    condition: Callable[[RunningStats], Any] | None,
    batch: int,
    most: int | None,
    report: Callable[[Progress], Any] | None,
    stats: RunningStats,
) -> Collected:
    drawn = 0
    while True:
        end = drawn + batch if most is None else min(drawn + batch, most)
        exhausted = False
        while drawn < end and not exhausted:
            exhausted = not _take_next(samples, drawn, stats)
            drawn += not exhausted
        error = condition.measure(stats) if isinstance(condition, StandardError) else None
        if report is not None:
            report(Progress(drawn, most, error, getattr(condition, "threshold", None)))
        if condition is not None and _holds(condition, error, stats):
            return Collected(stats, "until")
        if exhausted:
            return Collected(stats, "exhausted")
        if drawn == most:
            return Collected(stats, "max_count")


def _holds(
    condition: Callable[[RunningStats], Any], error: float | None, stats: RunningStats
) -> bool:
    if error is not None and isinstance(condition, StandardError):
        return error <= condition.threshold
    return stats.shape is not None and bool(condition(stats))


def _take_next(samples: Iterator[Any], drawn: int, stats: RunningStats) -> bool:
    """Take the next sample in; False if there is none."""
    try:
        sample = next(samples)
    except StopIteration:
        return False
    except Exception as error:
        raise CollectionError(
            f"the source failed after {drawn} samples: {type(error).__name__}: {error}", stats
        ) from error
    try:
        stats.update(sample)
    except Exception as error:
        raise CollectionError(f"sample {drawn} does not fit: {error}", stats) from error
    return True
