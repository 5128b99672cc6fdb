"""Jobs of hierarchical clustering: trees of distances, distances of fingerprints."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from bars import Bar, best_peer
from job import Call, Job, Trial
from numpy.typing import NDArray
from peers.clustering import linkage_peers, tanimoto_peers

import boxel as bx
from agreement import Tolerance

SEED = 20240229
MANY, SOME, QUICK = 10_000, 2000, 300
# SciPy and fastcluster start from the same float32 values, but round no more after that.
TOLERANCES = {"float64": Tolerance(rtol=1e-9), "float32": Tolerance(rtol=5e-2)}


@functools.lru_cache(maxsize=1)
def distances_of_points(n: int, dtype: str) -> NDArray[Any]:
    """Return condensed distances of random points in eight dimensions."""
    points = np.random.default_rng(SEED).normal(size=(n, 8))
    distances = np.empty(n * (n - 1) // 2, dtype)
    place = 0
    for index in range(n - 1):
        difference = points[index + 1 :] - points[index]
        end = place + len(difference)
        distances[place:end] = np.sqrt((difference**2).sum(axis=1))
        place = end
    return distances


@dataclass(frozen=True)
class LinkageJob:
    """A method, a number of observations, a type."""

    method: str
    dtype: str
    n: int
    bars: tuple[Bar, ...] = ()
    warm: bool = False

    def job(self) -> Job:
        name = f"linkage-{self.method}-{self.n}-{self.dtype}"
        title = f"{self.method} linkage of {self.n} observations, condensed {self.dtype}"
        return Job(name, title, self.setup, self.bars, self.warm)

    def setup(self, quick: bool) -> Trial:
        n = min(self.n, QUICK) if quick else self.n
        distances = distances_of_points(n, self.dtype)
        return Trial(
            inputs=f"{n} observations, {self.dtype}",
            call=functools.partial(self.call, distances),
            peers=linkage_peers(distances, self.method),
            bytes_in=distances.nbytes,
            agreement=TOLERANCES[self.dtype],
        )

    def call(self, distances: NDArray[Any], workers: int) -> Call:
        return lambda: np.asarray(bx.linkage(distances, self.method, workers=workers)[:, 2])


def tanimoto_job(n: int, bar: Bar) -> Job:
    def setup(quick: bool) -> Trial:
        count = min(n, QUICK) if quick else n
        fingerprints = np.random.default_rng(SEED).random((count, 2048)) < 0.05
        packed = np.packbits(fingerprints, axis=1)
        return Trial(
            inputs=f"{count} fingerprints of 2048 bits, packed",
            call=lambda workers: lambda: bx.tanimoto_distances(packed, workers=workers),
            peers=tanimoto_peers(fingerprints),
            bytes_in=packed.nbytes,
            agreement=Tolerance(rtol=1e-6, atol=1e-7),
        )

    return Job(
        f"tanimoto-{n}", f"Tanimoto distances of {n} fingerprints of 2048 bits", setup, (bar,)
    )


def linkage_jobs(dtype: str, times: float, times_single: float) -> tuple[Job, ...]:
    return tuple(
        LinkageJob(
            method, dtype, MANY, (best_peer(times_single if method == "single" else times),)
        ).job()
        for method in bx.LINKAGE_METHODS
    )


JOBS = (
    *linkage_jobs("float64", 2, 1.5),
    *linkage_jobs("float32", 3, 2),
    *(LinkageJob(method, "float64", SOME, (best_peer(1),)).job() for method in bx.LINKAGE_METHODS),
    *(
        LinkageJob(method, "float64", 100, (best_peer(1),), warm=True).job()
        for method in bx.LINKAGE_METHODS
    ),
    tanimoto_job(2000, best_peer(10, "rdkit")),
    tanimoto_job(5000, best_peer(10, "rdkit")),
)
