"""Random calls for a long time: no wrong digit, and the resident memory stays what it was."""

import gc
import time
from typing import NamedTuple

from campaign import run

# What is made once, by importing and by the first large calls, is no leak.
WARM_UP = 0.3


class Soak(NamedTuple):
    """What a soak found."""

    cases: int
    failures: list
    growth: float
    """MiB of resident memory between the end of the warm-up and the end."""
    samples: list
    """Pairs of seconds and resident MiB."""


def resident():
    """Return the resident memory in MiB."""
    gc.collect()
    with open("/proc/self/status") as lines:
        kibibytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return kibibytes / 1024


def soak(seed, minutes, look=None):
    """Run cases for so many minutes; `look(seconds, mebibytes, cases)` is told how it goes."""
    began = time.monotonic()
    until = began + 60 * minutes
    failures, samples, cases = [], [], 0
    next_look = began
    for case, _, failure in run.run(seed, range(2**62), until=until):
        cases = case + 1
        if failure:
            failures.append(failure)
        if time.monotonic() >= next_look:
            samples.append((time.monotonic() - began, resident()))
            next_look += 60 * minutes / 40
            if look:
                look(*samples[-1], cases)
    samples.append((time.monotonic() - began, resident()))
    warm = [each for seconds, each in samples if seconds >= WARM_UP * 60 * minutes]
    return Soak(cases, failures, warm[-1] - warm[0], samples)
