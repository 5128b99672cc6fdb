"""What a job is: inputs, boxel's call, the peers' calls, and the bars it has to meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from bars import Bar
from numpy.typing import NDArray

from agreement import Agreement

Arrays = NDArray[np.generic] | Sequence[NDArray[np.generic]]
Call = Callable[[], Arrays]


@dataclass(frozen=True)
class Peer:
    """One way in which another library does the job."""

    name: str
    library: str
    prepare: Callable[[int], Call]
    """Take the number of threads, bring the input into the library's best form, return the call."""
    included: str = ""
    """What the timed call holds besides the library's own function."""
    agreement: Agreement | None = None
    """How its result is compared, where that differs from the job's own comparison."""


@dataclass(frozen=True)
class Reference:
    """Another call of boxel, whose time the job's own is judged by."""

    name: str
    call: Callable[[int], Call]
    """Take the number of workers, return the call."""
    work: float = 1.0
    """How much it does, where the job's own call does 1."""


@dataclass(frozen=True)
class Trial:
    """A job with its inputs made."""

    inputs: str
    call: Callable[[int], Call]
    """Take the number of workers, return boxel's call."""
    peers: tuple[Peer, ...]
    bytes_in: int
    agreement: Agreement
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Job:
    """A named measurement; `setup` makes its inputs, small ones when its argument is True."""

    name: str
    title: str
    setup: Callable[[bool], Trial]
    bars: tuple[Bar, ...] = ()
    warm: bool = False
    """Time loops of calls with the data in cache, instead of single calls with it in memory."""
