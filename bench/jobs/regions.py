"""Jobs of regions: the mean under a mask, statistics of labels, random ones and blobs."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from bars import Bar, at_roof_or, best_peer, worker_gain
from job import Call, Job, Trial
from numpy.typing import NDArray
from peers.regions import label_peers, mask_peers, shape_peers

import boxel as bx
from agreement import Tolerance

SEED = 20240229
LARGE, SEED_CASE, QUICK = (4000, 6000), (1314, 489), (200, 300)
EXACT = Tolerance(rtol=1e-12)
TWO_WORKERS = at_roof_or(worker_gain(1.6))
MASK_BARS = (best_peer(4, "numpy"),)
LABEL_BARS = (best_peer(6, "numpy"), TWO_WORKERS)

Image = NDArray[Any]


@functools.lru_cache(maxsize=1)
def make_image(shape: tuple[int, ...], dtype: str) -> Image:
    generator = np.random.default_rng(SEED)
    return generator.integers(0, 256, shape, dtype=np.uint8).astype(dtype, copy=False)


def random_labels(shape: tuple[int, int], count: int) -> Image:
    """Return labels without any order, each of which occurs: the worst case."""
    generator = np.random.default_rng(SEED + 1)
    labels = generator.integers(1, count + 1, shape, dtype=np.int32)
    labels.flat[:count] = np.arange(1, count + 1)
    return labels


def blobs(shape: tuple[int, int], count: int) -> Image:
    """Return regions as a segmentation has them: cells with wavy borders."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    across = max(1, round((count * shape[1] / shape[0]) ** 0.5))
    down = max(1, count // across)
    wave = 0.15 * np.sin(rows / 37.0 + columns / 53.0)
    row = np.clip((rows / shape[0] * down + wave).astype(np.int32), 0, down - 1)
    column = np.clip((columns / shape[1] * across - wave).astype(np.int32), 0, across - 1)
    return (
        np.asarray(np.unique(row * across + column, return_inverse=True)[1] + 1)
        .reshape(shape)
        .astype(np.int32)
    )


def masks(shape: tuple[int, int], kind: str) -> Image:
    if kind == "random":
        return np.random.default_rng(SEED + 2).random(shape) < 0.5
    rows, columns = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return np.asarray(rows**2 + columns**2 < 0.8)


@dataclass(frozen=True)
class MaskJob:
    """A mean under a mask."""

    name: str
    shape: tuple[int, int]
    channels: tuple[int, ...]
    dtype: str
    kind: str
    bars: tuple[Bar, ...] = ()

    def job(self) -> Job:
        size = " x ".join(map(str, (*self.shape, *self.channels)))
        title = f"mean of {size} {self.dtype} under a {self.kind} mask"
        return Job(f"mask-{self.name}", title, self.setup, self.bars)

    def setup(self, quick: bool) -> Trial:
        shape = QUICK if quick else self.shape
        image = make_image((*shape, *self.channels), self.dtype)
        mask = masks(shape, self.kind)
        return Trial(
            inputs=f"{image.shape} {self.dtype} and a bool mask",
            call=lambda workers: lambda: np.asarray(bx.masked_mean(image, mask, workers=workers)),
            peers=mask_peers(image, mask),
            bytes_in=image.nbytes + mask.nbytes,
            agreement=Tolerance(rtol=1e-6) if self.dtype == "float32" else EXACT,
        )


@dataclass(frozen=True)
class LabelJob:
    """A statistic of every label."""

    name: str
    count: int
    kind: str
    statistic: str = "mean"
    dtype: str = "uint8"
    shape: tuple[int, int] = LARGE
    bars: tuple[Bar, ...] = (TWO_WORKERS,)

    def job(self) -> Job:
        size = " x ".join(map(str, (*self.shape, 3)))
        title = f"{self.statistic} of {self.count} {self.kind} labels in {size} {self.dtype}"
        return Job(f"labels-{self.name}", title, self.setup, self.bars)

    def labels(self, quick: bool) -> tuple[Image, int]:
        shape = QUICK if quick else self.shape
        count = min(self.count, 500) if quick else self.count
        labels = random_labels(shape, count) if self.kind == "random" else blobs(shape, count)
        return labels, int(labels.max())

    def setup(self, quick: bool) -> Trial:
        labels, count = self.labels(quick)
        if self.statistic == "geometry":
            return self.geometry_trial(labels, count)
        image = make_image((*labels.shape, 3), self.dtype)

        def call(workers: int) -> Call:
            return lambda: bx.label_stats(labels, image, self.statistic, workers=workers)[
                self.statistic
            ]

        return Trial(
            inputs=f"{image.shape} {self.dtype}, {count} labels in int32",
            call=call,
            peers=label_peers(image, labels, count, self.statistic, self.kind == "compact"),
            bytes_in=image.nbytes + labels.nbytes,
            agreement=Tolerance(rtol=1e-5) if self.dtype == "float32" else Tolerance(rtol=1e-9),
        )

    def geometry_trial(self, labels: Image, count: int) -> Trial:
        def call(workers: int) -> Call:
            def measure() -> Image:
                found = bx.label_stats(labels, workers=workers)
                return np.concatenate([found["count"][:, None], found["centroid"]], axis=1)

            return measure

        return Trial(
            inputs=f"{count} labels in int32",
            call=call,
            peers=shape_peers(labels, count, self.kind == "compact"),
            bytes_in=labels.nbytes,
            agreement=Tolerance(rtol=1e-4),  # cc3d has float32 centroids
        )


JOBS = tuple(
    each.job()
    for each in (
        MaskJob(
            "random",
            LARGE,
            (3,),
            "uint8",
            "random",
            (*MASK_BARS, TWO_WORKERS),
        ),
        MaskJob("ellipse", LARGE, (3,), "uint8", "ellipse", MASK_BARS),
        MaskJob("seed-case", SEED_CASE, (3,), "uint8", "ellipse", (best_peer(1),)),
        MaskJob("gray", LARGE, (), "uint8", "random", (best_peer(1),)),
        MaskJob("float32", LARGE, (3,), "float32", "random", (best_peer(1),)),
        MaskJob("float64", LARGE, (3,), "float64", "random", (best_peer(1),)),
        LabelJob("10-random", 10, "random"),
        LabelJob("100-random", 100, "random", bars=LABEL_BARS),
        LabelJob("1000-random", 1000, "random"),
        LabelJob("1000000-random", 10**6, "random"),
        LabelJob("10-compact", 10, "compact"),
        LabelJob("1000-compact", 1000, "compact"),
        LabelJob("1000000-compact", 10**6, "compact"),
        LabelJob("float32", 1000, "compact", dtype="float32"),
        LabelJob("float64-random", 100, "random", dtype="float64"),
        LabelJob("std", 1000, "compact", "std"),
        LabelJob("std-random", 100, "random", "std"),
        LabelJob("std-float32", 1000, "compact", "std", "float32"),
        LabelJob("seed-case", 100, "compact", shape=SEED_CASE),
        LabelJob("geometry", 1000, "compact", "geometry"),
        LabelJob("geometry-random", 100, "random", "geometry"),
    )
)
