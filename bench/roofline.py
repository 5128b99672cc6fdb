"""The two rooflines: how fast this machine reads, and copies, an array too large for any cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import perf_counter

import numpy as np
from libraries import MissingLibraryError, is_available, load
from numpy.typing import NDArray

ROOF_BYTES = 256 * 2**20
QUICK_ROOF_BYTES = 64 * 2**20
TRIAL_READS = 7

Words = NDArray[np.int64] | NDArray[np.uint64]
Reader = Callable[[], object]


class Rooflines:
    """Arrays to read and copy, with the fastest reader at hand chosen by trial."""

    def __init__(self, workers: int, quick: bool) -> None:
        self.nbytes = QUICK_ROOF_BYTES if quick else ROOF_BYTES
        self._pool = ThreadPoolExecutor(workers)
        # Ones, not zeros: untouched pages of zeros may all be one page, which no memory delivers.
        self._source = np.ones(self.nbytes // 8, dtype=np.int64)
        self._target = np.ones_like(self._source)
        self._sources = np.array_split(self._source, workers)
        self._targets = np.array_split(self._target, workers)
        self.trials = self._try_readers()
        self.reader = min(self.trials, key=self.trials.__getitem__)
        self._read = self._readers()[self.reader]

    def read(self) -> float:
        """Read the large array once; return the seconds. This also empties the caches."""
        return _seconds(self._read)

    def copy(self) -> float:
        """Copy the large array once; return the seconds."""
        return _seconds(lambda: self._map(np.copyto, self._targets, self._sources))

    def _map(self, function: Callable[..., object], *chunks: Sequence[Words]) -> object:
        if len(self._sources) == 1:
            return function(*(chunk[0] for chunk in chunks))
        return list(self._pool.map(function, *chunks))

    def _try_readers(self) -> dict[str, float]:
        readers = self._readers()
        # Interleaved, and the best of each: a pause of the machine must not choose the reader.
        rounds = [[_seconds(reader) for reader in readers.values()] for _ in range(TRIAL_READS)]
        return dict(zip(readers, map(min, zip(*rounds, strict=True)), strict=True))

    def _readers(self) -> dict[str, Reader]:
        readers: dict[str, Reader] = {
            "numpy add.reduce": lambda: self._map(np.add.reduce, self._sources),
            "numpy maximum.reduce": lambda: self._map(np.maximum.reduce, self._sources),
        }
        if is_available("torch"):
            readers["torch sum"] = load("torch").from_numpy(self._source).sum
        with suppress(MissingLibraryError, AttributeError):
            core_reader = load("boxel._core").read_roofline
            words = [chunk.view(np.uint64) for chunk in self._sources]
            readers["boxel read_roofline"] = lambda: self._map(core_reader, words)
        return readers


def _seconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start
