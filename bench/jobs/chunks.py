"""Jobs on dask arrays that fit into memory: boxel.dask against the call in memory, and dask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from bars import reference_time
from job import Call, Job, Peer, Reference, Trial
from libraries import load
from numpy.typing import NDArray

import boxel as bx
from agreement import Tolerance

SEED = 20240301
IN_MEMORY = "boxel in memory"
BARS = (reference_time(1.3, IN_MEMORY),)


@dataclass(frozen=True)
class ChunkJob:
    """A computation on chunks, from which its trial is made."""

    name: str
    title: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: str
    call: Callable[[Any, Any, int], Any]
    """Take boxel or boxel.dask, the array and the workers of a call."""
    of_dask: tuple[str, Callable[[Any, Any], Any]] | None = None
    """Dask's own idiom: its name, and what takes dask.array and the array."""

    def job(self) -> Job:
        return Job(self.name, self.title, self.setup, BARS)

    def setup(self, quick: bool) -> Trial:
        shape = tuple([max(1, each // 16) for each in self.shape]) if quick else self.shape
        chunks = tuple([max(1, each // 16) for each in self.chunks]) if quick else self.chunks
        random = np.random.default_rng(SEED)
        if self.dtype == "uint8":
            image: NDArray[Any] = random.integers(0, 255, shape, dtype=np.uint8)
        else:
            image = random.random(shape, dtype=np.dtype(self.dtype))
        lazy = load("dask.array").from_array(image, chunks=chunks)
        peers: tuple[Peer, ...] = ()
        if self.of_dask is not None:
            name, idiom = self.of_dask
            peers = (Peer(name, "dask", partial(_idiom, idiom, lazy)),)
        return Trial(
            inputs=f"{'x'.join(map(str, shape))} {self.dtype} in chunks of {chunks}",
            call=partial(_boxel_call, self.call, lazy),
            peers=peers,
            bytes_in=image.nbytes,
            agreement=Tolerance(rtol=1e-4, atol=1e-6),
            references=(Reference(IN_MEMORY, partial(_in_memory, self.call, image)),),
        )


def _computed(lazy: Any, workers: int) -> NDArray[Any]:
    found: NDArray[Any] = lazy.compute(scheduler="threads", num_workers=workers)
    return found


def _boxel_call(call: Callable[[Any, Any, int], Any], lazy: Any, workers: int) -> Call:
    result = call(load("boxel.dask"), lazy, 1)
    return lambda: _computed(result, workers)


def _in_memory(call: Callable[[Any, Any, int], Any], image: NDArray[Any], workers: int) -> Call:
    return lambda: call(bx, image, workers)


def _idiom(idiom: Callable[[Any, Any], Any], lazy: Any, workers: int) -> Call:
    result = idiom(load("dask.array"), lazy)
    return lambda: _computed(result, workers)


def _labelled(module: Any, image: Any, workers: int) -> Any:
    """Return the means of a hundred labels, which are the image itself."""
    found = module.label_stats(image, image, "mean", index=np.arange(1, 101), workers=workers)
    return found["mean"]


CHUNK_JOBS = (
    ChunkJob(
        "dask-density-8",
        "density in blocks of 8 x 8 of a dask array",
        (16384, 16384), (4096, 16384), "uint8",
        lambda module, image, workers: module.density_map(image, 8, workers=workers),
        ("coarsen", lambda da, x: da.coarsen(np.mean, (x != 0), {0: 8, 1: 8})),
    ),
    ChunkJob(
        "dask-mean-3x3x3",
        "mean in blocks of 3 x 3 x 3, which chunks cut, of a dask array",
        (528, 528, 528), (64, 528, 528), "float32",
        lambda module, image, workers: module.block_reduce(image, 3, workers=workers),
        ("rechunk, coarsen", lambda da, x: da.coarsen(
            np.mean, x.rechunk((66, -1, -1)).astype("float64"), {0: 3, 1: 3, 2: 3}
        ).astype("float32")),
    ),
    ChunkJob(
        "dask-box-mean-9",
        "mean in boxes of 9 x 9 x 9 of a dask array",
        (320, 320, 320), (80, 320, 320), "float32",
        lambda module, image, workers: module.box_filter(image, 9, workers=workers),
    ),
    ChunkJob(
        "dask-voxel-var",
        "variance over 40 volumes in chunks of 20 of a dask array",
        (40, 32, 256, 256), (20, 8, 256, 256), "float64",
        lambda module, image, workers: module.voxel_var(image, 0, workers=workers),
        ("var", lambda da, x: da.var(x, axis=0)),
    ),
    ChunkJob(
        "dask-label-mean",
        "means of 100 labels of a dask array",
        (16384, 8192), (4096, 8192), "uint8",
        _labelled,
    ),
)  # fmt: skip

JOBS = tuple(job.job() for job in CHUNK_JOBS)
