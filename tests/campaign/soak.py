"""Random calls for a long time: no wrong digit, and the resident memory stays what it was."""

import gc
import time
from typing import NamedTuple

from campaign import run

# What is made once, by importing and by the first large calls, is no leak: this share of the time.
WARM_UP = 0.3
LOOK_EVERY = 100


class Soak(NamedTuple):
    """What a soak found."""

    cases: int
    failures: list
    growth: float
    """MiB of resident memory between the end of the warm-up and the end."""


def resident():
    """Return the resident memory in MiB."""
    gc.collect()
    with open("/proc/self/status") as lines:
        kibibytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return kibibytes / 1024


def soak(seed, *, cases=2**62, minutes=None, look=None):
    """Run cases, for so many minutes; `look(case, mebibytes)` is told how it goes."""
    until = None if minutes is None else time.monotonic() + 60 * minutes
    failures, samples, done = [], [], 0
    for case, _, failure in run.run(seed, range(cases), until=until):
        done = case + 1
        if failure:
            failures.append(failure)
        if done % LOOK_EVERY == 0:
            samples.append(resident())
            if look:
                look(done, samples[-1])
    samples.append(resident())
    return Soak(done, failures, samples[-1] - samples[int(WARM_UP * (len(samples) - 1))])
