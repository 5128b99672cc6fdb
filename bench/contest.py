"""Run one job: check that results agree, then time all contestants in interleaved rounds."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from statistics import median, quantiles
from time import perf_counter

import numpy as np
from job import Arrays, Call, Job, Peer, Trial
from libraries import MissingLibraryError
from numpy.typing import NDArray
from roofline import Rooflines

from agreement import DisagreementError

WARM_SAMPLE_SECONDS = 0.01


@dataclass
class Contestant:
    """Someone who does the job: the samples taken, or why there are none."""

    name: str
    library: str
    included: str = ""
    tolerance: str = ""
    call: Call | None = None
    work: float = 1.0
    """How much is done in a call, where boxel does 1 in its own."""
    seconds: list[float] = field(default_factory=list)
    missing: str | None = None
    error: str | None = None

    @property
    def median(self) -> float | None:
        return median(self.seconds) if self.seconds else None

    @property
    def spread(self) -> float | None:
        """Half the distance between the quartiles, relative to the median."""
        if len(self.seconds) < 2:
            return None
        low, middle, high = quantiles(self.seconds, n=4, method="inclusive")
        return (high - low) / 2 / middle


@dataclass
class Measurement:
    """All that was measured for one job."""

    job: Job
    inputs: str
    workers: int
    bytes_in: int
    bytes_out: int = 0
    ours: Contestant = field(default_factory=lambda: Contestant("boxel", "boxel"))
    single: Contestant | None = None
    """boxel with one worker, where the others run with several."""
    references: list[Contestant] = field(default_factory=list)
    """Other calls of boxel, to judge the time of its own by."""
    peers: list[Contestant] = field(default_factory=list)
    roof_bytes: int = 0
    read_seconds: list[float] = field(default_factory=list)
    copy_seconds: list[float] = field(default_factory=list)

    @property
    def contestants(self) -> list[Contestant]:
        single = [] if self.single is None else [self.single]
        return [self.ours, *single, *self.references, *self.peers]

    @property
    def errors(self) -> list[str]:
        return [f"{self.job.name}: {c.name}: {c.error}" for c in self.contestants if c.error]

    def forget_calls(self) -> None:
        """Let go of the inputs, which the calls hold, so that the next job has the memory."""
        for contestant in self.contestants:
            contestant.call = None

    def best(self, library: str | None = None) -> Contestant | None:
        """Return the fastest peer, of one library if that is given."""
        timed = [p for p in self.peers if p.seconds and library in (None, p.library)]
        return min(timed, key=lambda peer: median(peer.seconds), default=None)

    def speedup_over_best(self, library: str | None = None) -> float | None:
        best = self.best(library)
        return None if best is None else self.speedup_over(best)

    def speedup_over(self, other: Contestant) -> float | None:
        if self.ours.median is None or other.median is None:
            return None
        return other.median / other.work / self.ours.median

    def worker_speedup(self) -> float | None:
        return None if self.single is None else self.speedup_over(self.single)

    def time_of_reference(self, name: str) -> float | None:
        """Return boxel's time over that of a reference, for equal work."""
        (reference,) = (each for each in self.references if each.name == name)
        speedup = self.speedup_over(reference)
        return None if speedup is None else 1 / speedup

    def copies_of_input(self, contestant: Contestant) -> float | None:
        """Return how often the input could have been copied in that time."""
        if contestant.median is None or not self.copy_seconds:
            return None
        return contestant.median / (self.bytes_in * self._copy_pace())

    def of_read_roof(self, contestant: Contestant) -> float | None:
        """Return the share of its time that reading the input would take at the read roofline."""
        if contestant.median is None or not self.read_seconds:
            return None
        return self.bytes_in * self._read_pace() / contestant.median

    def of_full_roof(self, contestant: Contestant) -> float | None:
        """Return the same for reading the input and writing boxel's output."""
        if contestant.median is None or not self.read_seconds:
            return None
        # A copy reads and writes each byte once, so what it costs beyond a read is the write.
        write_pace = max(self._copy_pace() - self._read_pace(), 0.0)
        roof = self.bytes_in * self._read_pace() + self.bytes_out * write_pace
        return roof / contestant.median

    def _read_pace(self) -> float:
        return median(self.read_seconds) / self.roof_bytes

    def _copy_pace(self) -> float:
        return median(self.copy_seconds) / self.roof_bytes


def run_job(job: Job, workers: int, rounds: int, quick: bool, roofs: Rooflines) -> Measurement:
    """Set a job up, check it, time it."""
    trial = job.setup(quick)
    measured = Measurement(job, trial.inputs, workers, trial.bytes_in, roof_bytes=roofs.nbytes)
    try:
        measured.ours.call = trial.call(workers)
        expected = as_list(measured.ours.call())
    except Exception as error:
        measured.ours.error = f"{type(error).__name__}: {error}"
        return measured
    measured.bytes_out = sum(array.nbytes for array in expected)
    if workers > 1:
        measured.single = Contestant("boxel, one worker", "boxel", call=trial.call(1))
    measured.references = [
        Contestant(each.name, "boxel", call=each.call(workers), work=each.work)
        for each in trial.references
    ]
    measured.peers = [admit(peer, trial, workers, expected) for peer in trial.peers]
    del expected
    if job.warm:
        time_warm(measured, rounds)
    else:
        time_cold(measured, rounds, roofs)
    return measured


def as_list(arrays: Arrays) -> Sequence[NDArray[np.generic]]:
    return [arrays] if isinstance(arrays, np.ndarray) else list(arrays)


def admit(
    peer: Peer, trial: Trial, workers: int, expected: Sequence[NDArray[np.generic]]
) -> Contestant:
    """Let a peer take part if its library is here and its result agrees."""
    agreement = peer.agreement or trial.agreement
    contestant = Contestant(peer.name, peer.library, peer.included, agreement.describe())
    try:
        call = peer.prepare(workers)
        agreement.check(expected, as_list(call()))
    except MissingLibraryError as missing:
        contestant.missing = str(missing)
    except DisagreementError as disagreement:
        contestant.error = f"disagrees: {disagreement}"
    except Exception as error:
        # One peer's failure is reported as an error and must not hide the other contestants.
        contestant.error = f"failed: {type(error).__name__}: {error}"
    else:
        contestant.call = call
    return contestant


Order = list[tuple[Contestant, Call]]


def rotations(contestants: Sequence[Contestant], rounds: int) -> list[Order]:
    """Return the order of each round; it rotates, so that nobody always follows the same one."""
    ready = [(c, c.call) for c in contestants if c.call is not None]
    starts = [number % len(ready) for number in range(rounds)]
    return [ready[start:] + ready[:start] for start in starts]


def time_cold(measured: Measurement, rounds: int, roofs: Rooflines) -> None:
    """Time single calls; the roofline's read before each call leaves the caches to other data."""
    with collector_off():
        for order in rotations(measured.contestants, rounds):
            measured.copy_seconds.append(roofs.copy())
            for contestant, call in order:
                measured.read_seconds.append(roofs.read())
                contestant.seconds.append(seconds_of(call))


def time_warm(measured: Measurement, rounds: int) -> None:
    """Time loops of calls, for calls too short for a single reading of the clock."""
    loops = {c.name: loops_for(call) for c, call in rotations(measured.contestants, 1)[0]}
    with collector_off():
        for order in rotations(measured.contestants, rounds):
            for contestant, call in order:
                number = loops[contestant.name]
                contestant.seconds.append(seconds_of_loop(call, number) / number)


def seconds_of(call: Call) -> float:
    start = perf_counter()
    result = call()
    elapsed = perf_counter() - start
    # Freeing the result is not part of the job, so it must outlive the second reading of the clock.
    del result
    return elapsed


def seconds_of_loop(call: Call, number: int) -> float:
    start = perf_counter()
    for _ in repeat(None, number):
        call()
    return perf_counter() - start


def loops_for(call: Call) -> int:
    number = 1
    while seconds_of_loop(call, number) < WARM_SAMPLE_SECONDS:
        number *= 2
    return number


class collector_off:
    """Keep the garbage collector out of the measurement, as timeit does."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.enable()
