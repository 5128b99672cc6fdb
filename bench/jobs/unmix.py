"""Jobs of unmixing. The BLAS of NumPy and SciPy has as many threads as the run asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from bars import Bar, best_peer
from job import Call, Job, Trial
from numpy.typing import NDArray
from peers.unmix import UnmixTask, unmix_peers

import boxel as bx
from agreement import Tolerance

SEED = 20240229
AT_MOST_1_3_TIMES_SOLVE = best_peer(1 / 1.3, "numpy")


@dataclass(frozen=True)
class UnmixJob:
    """The description of an unmixing, from which its trial is made."""

    name: str
    channels: int
    rows: int
    frames: int | None = None
    refine: int = 0
    dtype: str = "float64"
    """Of the mixing matrix."""
    bars: tuple[Bar, ...] = ()

    def job(self) -> Job:
        # Small enough to stay in cache, as images that were just mixed do.
        return Job(self.name, self.title, self.setup, self.bars, warm=self.frames is None)

    @property
    def title(self) -> str:
        what = f"{self.rows}x{self.channels}"
        if self.frames is not None:
            what = f"{self.frames} frames of {what}, factored once"
        return f"{what}, {self.dtype} matrix, {self.refine} refinement steps"

    def setup(self, quick: bool) -> Trial:
        channels, rows = self.channels, self.rows
        if quick:
            channels, rows = min(channels, 32), min(rows, 256)
        random = np.random.default_rng(SEED)
        mixing = random.random((channels, channels)) + np.eye(channels)
        if self.dtype == "uint8":
            mixing = np.rint(100 * mixing).astype(np.uint8)
        leading = () if self.frames is None else (10 if quick else self.frames,)
        mixed = bx.mix(random.random((*leading, rows, channels)), mixing)
        return Trial(
            inputs=f"{'x'.join(map(str, mixed.shape))} float64",
            call=lambda workers: self.call(mixed, mixing),
            peers=unmix_peers(UnmixTask(mixed, mixing.astype(np.float64))),
            bytes_in=mixed.nbytes + mixing.nbytes,
            agreement=Tolerance(rtol=1e-6, atol=1e-8),
        )

    def call(self, mixed: NDArray[Any], mixing: NDArray[Any]) -> Call:
        if self.frames is None:
            return lambda: bx.unmix(mixed, mixing, method="lu", refine=self.refine)
        return lambda: bx.Unmixer(mixing, refine=self.refine).apply(mixed)


UNMIX_JOBS = (
    UnmixJob("unmix-512-refine0", 512, 512, bars=(AT_MOST_1_3_TIMES_SOLVE,)),
    UnmixJob("unmix-512-refine1", 512, 512, refine=1),
    UnmixJob("unmix-512-refine2", 512, 512, refine=2),
    UnmixJob("unmix-512-uint8-matrix-refine1", 512, 512, refine=1, dtype="uint8"),
    UnmixJob("unmix-512-uint8-matrix-refine2", 512, 512, refine=2, dtype="uint8"),
    UnmixJob("unmix-256-refine0", 256, 256, bars=(AT_MOST_1_3_TIMES_SOLVE,)),
    UnmixJob("unmix-8-channels-of-65536", 8, 65536),
    UnmixJob("unmix-8-channels-of-65536-refine1", 8, 65536, refine=1),
    UnmixJob("unmix-100-frames-64x512", 512, 64, frames=100, bars=(best_peer(5, "numpy"),)),
    UnmixJob("unmix-100-frames-64x512-refine1", 512, 64, frames=100, refine=1),
    # A solve of square frames has 4/3 of a product's operations: what is won is LAPACK's pace.
    UnmixJob("unmix-100-frames-512x512", 512, 512, frames=100),
)

JOBS = tuple(job.job() for job in UNMIX_JOBS)
