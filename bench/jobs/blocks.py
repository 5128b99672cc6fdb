"""Jobs of block statistics: density maps, block reductions and pyramids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from bars import Bar, at_roof_or, best_peer, full_roof, read_roof, worker_gain
from job import Arrays, Call, Job, Peer, Trial
from peers.block_task import BlockTask, Image
from peers.blocks import block_peers
from peers.blocks_pyramid import pyramid_peers
from peers.modes import EquallyFrequent

import boxel as bx
from agreement import Agreement, Tolerance

SEED = 20240229
EXACT_IN_FLOAT32 = Tolerance(rtol=2e-6)
ROUNDED = Tolerance(atol=1)
TWO_WORKERS = at_roof_or(worker_gain(1.6))


@dataclass(frozen=True)
class BlockJob:
    """The description of a block job, from which its trial is made."""

    name: str
    shape: tuple[int, ...]
    quick_shape: tuple[int, ...]
    dtype: str
    block: tuple[int, ...]
    statistic: str = "mean"
    out_dtype: str | None = None
    boundary: str = "trim"
    layout: str = "C"
    """C, Fortran, or strided: every second sample along the last axis."""
    where: bool = False
    skipna: bool = False
    bars: tuple[Bar, ...] = ()
    agreement: Agreement = EXACT_IN_FLOAT32
    warm: bool = False

    def job(self) -> Job:
        return Job(self.name, self.title, self.setup, (*self.bars, TWO_WORKERS), self.warm)

    @property
    def title(self) -> str:
        parts = [f"{self.statistic} of {self.dtype} blocks {by(self.block)}"]
        if self.out_dtype is not None:
            parts.append(f"to {self.out_dtype}")
        if self.boundary != "trim":
            parts.append(f"{self.boundary} edge blocks")
        if self.layout != "C":
            parts.append(f"{self.layout} input")
        if self.where:
            parts.append("where a mask is True")
        if self.skipna:
            parts.append("skipping NaN")
        return ", ".join(parts)

    def setup(self, quick: bool) -> Trial:
        shape = self.quick_shape if quick else self.shape
        random = np.random.default_rng(SEED)
        stored = samples(random, self.statistic, self.stored(shape), self.dtype)
        image = self.lay_out(stored)
        if self.skipna:
            image[random.random(image.shape, dtype=np.float32) < 0.1] = np.nan
        where = random.random(image.shape, dtype=np.float32) < 0.7 if self.where else None
        task = BlockTask(
            image=image,
            block=self.block,
            statistic=self.statistic,
            dtype=self.out_dtype,
            where=where,
            skipna=self.skipna,
            boundary=self.boundary,
        )
        return Trial(
            inputs=f"{by(shape)} {self.dtype}",
            call=partial(boxel_call, task),
            peers=peers_in_best_layout(task),
            # Of a strided image, the skipped samples share cache lines with the others, so memory
            # delivers all that is stored.
            bytes_in=stored.nbytes + (0 if where is None else where.nbytes),
            agreement=EquallyFrequent(task) if self.statistic == "mode" else self.agreement,
        )

    def stored(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], 2 * shape[-1]) if self.layout == "strided" else shape

    def lay_out(self, array: Image) -> Image:
        if self.layout == "Fortran":
            return np.asfortranarray(array)
        return array[..., ::2] if self.layout == "strided" else array


def by(lengths: tuple[int, ...]) -> str:
    return "x".join(str(length) for length in lengths)


def samples(
    random: np.random.Generator, statistic: str, shape: tuple[int, ...], dtype: str
) -> Image:
    if statistic == "mode":
        return labels(random, shape, dtype)
    if statistic == "density":
        # A third of the pixels, with any value: a density does not ask for a mask of 0 and 1.
        values = random.integers(0, 256, shape, dtype=np.uint8)
        return np.where(values < 85, values, 0).astype(dtype)
    if np.dtype(dtype).kind == "f":
        return random.random(shape, dtype=np.dtype(dtype))
    return random.integers(0, 256, shape, dtype=dtype)


def labels(random: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Image:
    """Return cells of five samples a side, so that many blocks lie across a border."""
    edge = 5
    cells = random.integers(1, 1000, [-(-n // edge) for n in shape], dtype=dtype)
    for axis in range(len(shape)):
        cells = np.repeat(cells, edge, axis=axis)
    return np.ascontiguousarray(cells[tuple(slice(n) for n in shape)])


def boxel_call(task: BlockTask, workers: int) -> Call:
    if task.statistic == "density":
        return lambda: bx.density_map(
            task.image, task.block, boundary=task.boundary, workers=workers
        )
    return lambda: bx.block_reduce(
        task.image,
        task.block,
        task.statistic,
        boundary=task.boundary,
        where=task.where,
        skipna=task.skipna,
        dtype=task.dtype,
        workers=workers,
    )


def peers_in_best_layout(task: BlockTask) -> tuple[Peer, ...]:
    """Give the peers a Fortran-ordered image as the C-ordered view that it also is."""
    if task.image.flags.c_contiguous or not task.image.flags.f_contiguous:
        return block_peers(task)
    turned = replace(task, image=task.image.T, block=task.block[::-1])
    return tuple(
        replace(peer, prepare=partial(turned_back, peer.prepare)) for peer in block_peers(turned)
    )


def turned_back(prepare: Callable[[int], Call], workers: int) -> Call:
    call = prepare(workers)

    def transposed() -> Arrays:
        result: Any = call()
        return np.asarray(result.T)

    return transposed


def pyramid_setup(quick: bool) -> Trial:
    shape = (128, 128, 64) if quick else (512, 512, 256)
    levels = 3
    image = np.random.default_rng(SEED).integers(0, 256, shape, dtype=np.uint8)
    return Trial(
        inputs=f"{by(shape)} uint8",
        call=lambda workers: (
            lambda: bx.pyramid(image, 2, "mean", levels=levels, dtype="uint8", workers=workers)
        ),
        peers=pyramid_peers(image, levels),
        bytes_in=image.nbytes,
        agreement=ROUNDED,
    )


VOLUME = (512, 512, 256)
QUICK_VOLUME = (128, 128, 64)
PLANE = (4096, 4096)
QUICK_PLANE = (512, 512)
DENSITY_BARS = (read_roof(0.6), best_peer(3))
VOLUME_BARS = (read_roof(0.55), best_peer(1.5))

density = partial(
    BlockJob, shape=(8192, 8192), quick_shape=(1024, 1024), dtype="uint8", statistic="density"
)
volume = partial(BlockJob, shape=VOLUME, quick_shape=QUICK_VOLUME)
plane = partial(BlockJob, shape=PLANE, quick_shape=QUICK_PLANE, dtype="float32", block=(8, 8))


def volume_jobs(edge: int) -> tuple[BlockJob, ...]:
    block = (edge,) * 3
    return (
        volume(f"mean-{by(block)}-float32", dtype="float32", block=block, bars=VOLUME_BARS),
        volume(
            f"mean-{by(block)}-uint8-to-uint8",
            dtype="uint8",
            block=block,
            out_dtype="uint8",
            agreement=ROUNDED,
            bars=VOLUME_BARS,
        ),
        volume(
            f"mean-{by(block)}-uint8-to-float64",
            dtype="uint8",
            block=block,
            out_dtype="float64",
            # At 2x2x2 the output has as many bytes as the input: reading is only half of the work.
            bars=(full_roof(0.55), best_peer(1.5)),
        ),
    )


BLOCK_JOBS = (
    density("density-8x8", block=(8, 8), bars=DENSITY_BARS),
    density("density-3x3", block=(3, 3), bars=DENSITY_BARS),
    density("density-3x3-partial", block=(3, 3), boundary="partial", bars=DENSITY_BARS),
    BlockJob(
        "mean-10x10x3-float64",
        shape=(1000, 1000, 6),
        quick_shape=(200, 200, 6),
        dtype="float64",
        block=(10, 10, 3),
        bars=(read_roof(0.65), best_peer(3)),
    ),
    *volume_jobs(2),
    *volume_jobs(4),
    plane("sum-8x8-float32", statistic="sum"),
    plane("min-8x8-float32", statistic="min"),
    plane("max-8x8-float32", statistic="max"),
    plane("var-8x8-float32", statistic="var", agreement=Tolerance(rtol=1e-4)),
    plane("mean-8x8-float32-strided", layout="strided"),
    volume("mean-2x2x2-float32-fortran", dtype="float32", block=(2, 2, 2), layout="Fortran"),
    plane("mean-8x8-float32-where", where=True),
    plane("mean-8x8-float32-skipna", skipna=True),
    BlockJob(
        "median-3x3-uint8",
        shape=(4095, 4095),
        quick_shape=(510, 510),
        dtype="uint8",
        block=(3, 3),
        statistic="median",
    ),
    volume(
        "mode-2x2x2-uint32",
        dtype="uint32",
        block=(2, 2, 2),
        statistic="mode",
    ),
    BlockJob(
        "density-12x12-call",
        shape=(12, 12),
        quick_shape=(12, 12),
        dtype="uint8",
        block=(4, 4),
        statistic="density",
        bars=(best_peer(1, "numpy"),),
        warm=True,
    ),
)

JOBS = (
    *(job.job() for job in BLOCK_JOBS),
    Job(
        "pyramid-2x2x2-uint8",
        "three levels, mean of uint8 blocks 2x2x2",
        pyramid_setup,
        (TWO_WORKERS,),
    ),
)
