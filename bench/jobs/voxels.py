"""Jobs of voxel statistics: the variance of each voxel over the volumes of a stack."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from bars import Bar, at_roof_or, best_peer, peer_time, read_roof, worker_gain
from job import Call, Job, Trial
from numpy.typing import NDArray
from peers.voxels import VoxelTask, voxel_peers

import boxel as bx
from agreement import Tolerance

SEED = 20240229
STACK_BARS = (read_roof(0.55), best_peer(2.5), at_roof_or(worker_gain(1.6)))


@dataclass(frozen=True)
class VoxelJob:
    """The description of a voxel variance, from which its trial is made."""

    name: str
    axis: int
    dtype: str
    volume: tuple[int, ...] = (256, 256, 64)
    volumes: int = 20
    bars: tuple[Bar, ...] = ()
    warm: bool = False

    def job(self) -> Job:
        title = f"variance of {self.dtype} over {self.volumes} volumes, axis {self.axis}"
        return Job(self.name, title, self.setup, self.bars, self.warm)

    def setup(self, quick: bool) -> Trial:
        volume = (24, 32, 16) if quick and not self.warm else self.volume
        shape = (self.volumes, *volume) if self.axis == 0 else (*volume, self.volumes)
        stack = samples(shape, self.dtype)
        wide = "float32" if self.dtype == "float32" else "float64"
        return Trial(
            inputs=f"{'x'.join(map(str, shape))} {self.dtype}",
            call=partial(boxel_call, stack, self.axis),
            peers=voxel_peers(VoxelTask(stack, self.axis, wide)),
            bytes_in=stack.nbytes,
            agreement=Tolerance(rtol=1e-4 if wide == "float32" else 1e-10),
        )


def samples(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    random = np.random.default_rng(SEED)
    if np.dtype(dtype).kind == "f":
        return random.random(shape, dtype=np.dtype(dtype))
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, shape, dtype=np.dtype(dtype), endpoint=True)


def boxel_call(stack: NDArray[Any], axis: int, workers: int) -> Call:
    return lambda: bx.voxel_var(stack, axis, workers=workers)


VOXEL_JOBS = (
    *(
        VoxelJob(f"voxel-var-{name}-{dtype}", axis, dtype, bars=STACK_BARS)
        for name, axis in (("last", -1), ("first", 0))
        for dtype in ("float64", "float32", "int16", "uint8")
    ),
    *(
        VoxelJob(
            f"voxel-var-{name}-call",
            axis,
            "float64",
            volume=(10, 10, 10),
            volumes=5,
            bars=(peer_time(1.5, "numpy"),),
            warm=True,
        )
        for name, axis in (("last", -1), ("first", 0))
    ),
)

JOBS = tuple(job.job() for job in VOXEL_JOBS)
