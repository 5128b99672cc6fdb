"""Jobs of sliding boxes: means, variances, extremes, densities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import prod

import numpy as np
from bars import Bar, best_peer, copies, peer_time, reference_time
from job import Call, Job, Reference, Trial
from peers.box_task import BoxTask
from peers.boxes import box_peers

import boxel as bx
from agreement import Agreement, Tolerance
from jobs.blocks import EXACT_IN_FLOAT32, ROUNDED, SEED, TWO_WORKERS, by, samples


@dataclass(frozen=True)
class BoxJob:
    """The description of a box job, from which its trial is made."""

    shape: tuple[int, ...]
    quick_shape: tuple[int, ...]
    size: tuple[int, ...]
    dtype: str = "float32"
    statistic: str = "mean"
    out_dtype: str | None = None
    mode: str = "reflect"
    bars: tuple[Bar, ...] = ()
    agreement: Agreement = EXACT_IN_FLOAT32
    beside_size: int | None = None
    """Time boxel with this size too."""
    beside_columns: int | None = None
    """Time boxel with that many columns more, too: their number is then no power of two."""
    normal: bool = False
    """Take normally distributed samples, whose sums have more digits."""
    beside_normal: bool = False
    """Time boxel with normally distributed samples, too: no proof that their sums are exact."""
    beside_cut: bool = False
    """Time boxel with boxes that are cut at the border, too."""

    def job(self) -> Job:
        return Job(self.name, self.title, self.setup, (*self.bars, *self.own_bars, TWO_WORKERS))

    @property
    def name(self) -> str:
        to = "" if self.out_dtype is None else f"-to-{self.out_dtype}"
        normal = "-normal" if self.normal else ""
        return f"box-{self.statistic}-{by(self.size)}-{self.dtype}{normal}{to}"

    @property
    def title(self) -> str:
        to = "" if self.out_dtype is None else f" to {self.out_dtype}"
        beyond = "" if self.mode == "reflect" else f", {self.mode}"
        normal = "normally distributed " if self.normal else ""
        return f"{self.statistic} of {normal}{self.dtype} boxes {by(self.size)}{to}{beyond}"

    @property
    def own_bars(self) -> tuple[Bar, ...]:
        """The bars that compare boxel with itself."""
        bars = []
        if self.beside_size is not None:
            bars.append(reference_time(1.5, self.name_of_size))
        if self.beside_columns is not None:
            bars.append(reference_time(1.2, self.name_of_columns))
        return tuple(bars)

    @property
    def name_of_size(self) -> str:
        return f"boxel at size {self.beside_size}"

    @property
    def name_of_columns(self) -> str:
        return f"boxel with {self.beside_columns} columns more"

    def setup(self, quick: bool) -> Trial:
        shape = self.quick_shape if quick else self.shape
        task = self.task(shape, self.size)
        return Trial(
            inputs=f"{by(shape)} {self.dtype}",
            call=partial(boxel_call, task),
            peers=box_peers(task),
            bytes_in=task.image.nbytes,
            agreement=self.agreement,
            references=self.references(shape),
        )

    def task(self, shape: tuple[int, ...], size: tuple[int, ...]) -> BoxTask:
        if self.normal:
            image = normal_samples(shape, self.dtype)
        else:
            image = samples(np.random.default_rng(SEED), self.statistic, shape, self.dtype)
        return BoxTask(image, size, self.statistic, self.out_dtype, self.mode)

    def references(self, shape: tuple[int, ...]) -> tuple[Reference, ...]:
        found = []
        if self.beside_size is not None:
            task = self.task(shape, (self.beside_size,) * len(shape))
            found.append(Reference(self.name_of_size, partial(boxel_call, task)))
        if self.beside_columns is not None:
            wider = (*shape[:-1], shape[-1] + self.beside_columns)
            call = partial(boxel_call, self.task(wider, self.size))
            found.append(Reference(self.name_of_columns, call, prod(wider) / prod(shape)))
        if self.beside_normal:
            image = normal_samples(shape, self.dtype)
            task = BoxTask(image, self.size, self.statistic, self.out_dtype, self.mode)
            call = partial(boxel_call, task)
            found.append(Reference("boxel with normally distributed samples", call))
        if self.beside_cut:
            task = replace(self.task(shape, self.size), mode="shrink")
            found.append(Reference("boxel with boxes cut at the border", partial(boxel_call, task)))
        return tuple(found)


def normal_samples(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.random.default_rng(SEED).standard_normal(shape, dtype=np.dtype(dtype))


def boxel_call(task: BoxTask, workers: int) -> Call:
    if task.statistic == "density":
        return lambda: bx.density_map(
            task.image, task.size, stride=1, boundary="trim", workers=workers
        )
    return lambda: bx.box_filter(
        task.image, task.size, task.statistic, mode=task.mode, dtype=task.dtype, workers=workers
    )


volume = partial(BoxJob, (256, 256, 256), (48, 48, 48))
plane = partial(BoxJob, (4096, 4096), (384, 384))
line = partial(BoxJob, (1 << 24,), (1 << 16,))

IN_FLOAT64 = Tolerance(rtol=1e-13)
# Beside running sums, which lose digits the longer their boxes and lines are.
BESIDE_LONG_SUMS = Tolerance(rtol=1e-11)


def cube(edge: int) -> tuple[int, ...]:
    return (edge,) * 3


def square(edge: int) -> tuple[int, ...]:
    return (edge,) * 2


def jobs_of_means() -> tuple[BoxJob, ...]:
    of_volume = (best_peer(15, "scipy"), copies(8))
    return (
        volume(cube(3), bars=of_volume),
        volume(cube(9), bars=of_volume, beside_columns=16, beside_normal=True, beside_cut=True),
        volume(cube(31), bars=of_volume, beside_normal=True),
        BoxJob((256, 256, 256), (104, 104, 104), cube(101), beside_size=9),
        volume(cube(3), "float64", agreement=IN_FLOAT64),
        volume(cube(9), "float64", agreement=IN_FLOAT64, beside_normal=True, beside_cut=True),
        BoxJob(
            (256, 256, 256),
            (104, 104, 104),
            cube(101),
            "float64",
            agreement=BESIDE_LONG_SUMS,
            beside_size=9,
        ),
        BoxJob(
            (256, 256, 256),
            (104, 104, 104),
            cube(101),
            "float64",
            agreement=Tolerance(rtol=1e-11, atol=1e-12),
            normal=True,
            beside_size=9,
        ),
        volume(cube(31), "float64", agreement=IN_FLOAT64),
        *jobs_of_integers("uint16"),
        volume(cube(45), "uint16", out_dtype="uint16", agreement=ROUNDED, beside_size=9),
        *jobs_of_integers("uint8"),
        line((101,), agreement=EXACT_IN_FLOAT32),
        line((101,), "float64", agreement=BESIDE_LONG_SUMS),
        *jobs_of_plane("float32", None, EXACT_IN_FLOAT32, best_peer(1, "cv2")),
        *jobs_of_plane("uint8", "uint8", ROUNDED, peer_time(1.5, "cv2")),
    )


def jobs_of_integers(dtype: str) -> tuple[BoxJob, ...]:
    one = partial(volume, dtype=dtype, out_dtype=dtype, agreement=ROUNDED)
    return (
        one(cube(3)),
        one(cube(9)),
        one(cube(31)),
        replace(one(cube(101), beside_size=9), quick_shape=(104, 104, 104)),
    )


def jobs_of_plane(
    dtype: str, out_dtype: str | None, agreement: Agreement, bar: Bar
) -> tuple[BoxJob, ...]:
    one = partial(plane, dtype=dtype, out_dtype=out_dtype, agreement=agreement, bars=(bar,))
    return (
        one(square(3)),
        one(square(9), beside_columns=64),
        one(square(15)),
        one(square(31)),
        one(square(101), beside_size=9),
    )


def jobs_of_extremes() -> tuple[BoxJob, ...]:
    return tuple(
        job
        for statistic in ("min", "max")
        for job in (
            volume(cube(3), statistic=statistic),
            volume(cube(31), statistic=statistic, beside_size=9),
            volume(cube(101), "uint8", statistic=statistic, beside_size=9),
            plane(square(3), statistic=statistic),
            plane(square(31), statistic=statistic, beside_size=9),
        )
    )


def jobs_of_variances() -> tuple[BoxJob, ...]:
    # The recipes of others lose digits to E[x^2] - E[x]^2.
    agreement = Tolerance(rtol=1e-4)
    of_volume = partial(volume, statistic="var", agreement=agreement)
    of_long_boxes = partial(
        BoxJob,
        (256, 256, 256),
        (104, 104, 104),
        cube(101),
        statistic="var",
        agreement=agreement,
        beside_size=9,
    )
    return (
        of_volume(cube(9), bars=(best_peer(10, "scipy"),), beside_normal=True),
        of_volume(cube(9), "float64", beside_normal=True),
        of_volume(cube(9), "uint8"),
        of_volume(cube(9), "uint16"),
        of_long_boxes(),
        of_long_boxes("uint8"),
        of_long_boxes("uint16"),
        of_long_boxes("float64"),
        of_long_boxes(normal=True),
        plane(square(9), statistic="var", agreement=agreement),
        plane(square(9), "uint8", statistic="var", agreement=agreement),
    )


BOX_JOBS = (
    *jobs_of_means(),
    *jobs_of_variances(),
    *jobs_of_extremes(),
    plane(square(9), "uint8", "density", mode="valid"),
)


def uniform_call_setup(quick: bool) -> Trial:
    task = BoxTask(np.random.default_rng(SEED).random((12, 12)), square(3), "mean")
    return Trial(
        inputs="12x12 float64",
        call=lambda workers: lambda: bx.uniform_filter(task.image, task.size, workers=workers),
        peers=tuple(peer for peer in box_peers(task) if peer.library in ("scipy", "cv2")),
        bytes_in=task.image.nbytes,
        agreement=IN_FLOAT64,
    )


JOBS = (
    *(job.job() for job in BOX_JOBS),
    Job(
        "uniform-12x12-call",
        "uniform_filter of a small image",
        uniform_call_setup,
        (best_peer(1, "scipy"),),
        warm=True,
    ),
)
