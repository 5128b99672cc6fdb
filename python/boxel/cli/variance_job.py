"""The work behind ``boxel variance``: read files one after another, keep checkpoints, write."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import boxel
from boxel import RunningStats
from boxel._extras import require
from boxel.cli.outputs import check_new, check_outputs, refuse_same_files
from boxel.files import check_holds, read_image, write_array
from boxel.running import storage
from boxel.running.intake import taken_together

__all__ = ["Job", "Result", "check", "run", "write"]

Array = NDArray[Any]

ARRAYS = (".npy", ".tif", ".tiff")
# What is taken between two looks at the clock.
_BLOCK_BYTES = 1 << 27


@dataclass(frozen=True)
class Job:
    """What the user asked for."""

    files: tuple[Path, ...]
    axis: int | None
    ddof: float
    skipna: bool
    dtype: str | None
    output: Path | None
    mean: Path | None
    checkpoint: Path | None
    resume: bool
    checkpoint_interval: float
    plot: Path | None
    workers: int | None
    force: bool
    show_progress: bool


@dataclass(frozen=True)
class Result:
    """What came of it."""

    stats: RunningStats
    variance: Array
    samples: int
    resumed: int
    seconds: float


@dataclass
class Place:
    """How far a run has come: files that are done, and samples of the next one."""

    files: list[str] = field(default_factory=list)
    samples: int = 0
    taken: int = 0

    def notes(self, job: Job) -> dict[str, Any]:
        """Return what a checkpoint keeps beside the statistics."""
        return {
            "files": self.files,
            "samples": self.samples,
            "taken": self.taken,
            "axis": job.axis,
        }


def check(job: Job) -> None:
    """Refuse what could not be done, before the work."""
    if len(job.files) == 1 and job.axis is None:
        raise ValueError(
            f"expected several files, or --axis for the samples in one; {job.files[0]} alone is "
            "one sample"
        )
    if job.resume and job.checkpoint is None:
        raise ValueError("--resume needs --checkpoint, the file to go on from")
    outputs = [job.output, job.mean, job.plot, job.checkpoint]
    for path in job.files:
        refuse_same_files([path, *outputs])
    check_outputs(job.files[0], None, job.plot, force=job.force)
    for target in (job.output, job.mean):
        if target is not None:
            check_new(target, ARRAYS, force=job.force)
    if job.checkpoint is not None:
        replace = job.force or job.resume
        check_new(job.checkpoint, (job.checkpoint.suffix.lower(),), force=replace)


def run(job: Job) -> Result:
    """Take in all files."""
    if job.workers is not None:
        boxel.set_workers(job.workers)
    stats, place = _begin(job)
    resumed = place.taken
    clock = _Clock()
    keeper = _Keeper(job)
    with _progress(job) as show:
        try:
            for path in job.files[len(place.files) :]:
                stats = _take_file(job, path, stats, place, keeper, clock, show)
        except BaseException:
            if stats is not None:
                keeper.keep(stats, place)
            raise
    if stats is None or place.taken == 0:
        raise ValueError("expected samples, but the files hold none")
    keeper.keep(stats, place)
    with clock:
        values = stats.var(job.ddof)
    return Result(stats, values, place.taken, resumed, clock.seconds)


def write(job: Job, result: Result) -> None:
    """Write the outputs."""
    for path, array in ((job.output, result.variance), (job.mean, result.stats.mean)):
        if path is not None:
            check_holds(path.suffix.lower(), array.shape)
            write_array(path, array, overwrite=job.force)
    if job.plot is not None:
        from boxel.plot import save_figure, variance

        left, _ = variance(result.stats.mean, result.variance)
        figure: Any = left.figure
        save_figure(figure, job.plot, overwrite=job.force)


class _Clock:
    """Adds up the time of the statistics alone, without that of opening and decoding files."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._start


class _Keeper:
    """Writes checkpoints now and then."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._last = time.monotonic()

    def keep(self, stats: RunningStats, place: Place) -> None:
        if self._job.checkpoint is not None:
            storage.write(self._job.checkpoint, stats.contents(), place.notes(self._job))
            self._last = time.monotonic()

    def keep_if_due(self, stats: RunningStats, place: Place) -> None:
        if time.monotonic() - self._last >= self._job.checkpoint_interval:
            self.keep(stats, place)


def _begin(job: Job) -> tuple[RunningStats | None, Place]:
    """Return where an earlier run stopped, or nothing yet."""
    if not job.resume or job.checkpoint is None or not job.checkpoint.exists():
        return None, Place()
    contents, notes = storage.read(job.checkpoint)
    stats = RunningStats.of_contents(contents)
    given = [str(path) for path in job.files]
    done = notes.get("files")
    if not isinstance(done, list) or "samples" not in notes:
        raise ValueError(f"{job.checkpoint} was not written by 'boxel variance --checkpoint'")
    if given[: len(done)] != done:
        raise ValueError(f"expected the files that {job.checkpoint} holds first: {', '.join(done)}")
    if notes["axis"] != job.axis or stats.skipna != job.skipna:
        raise ValueError(
            f"{job.checkpoint} was written with --axis {notes['axis']}"
            f"{' --skipna' if stats.skipna else ''}; go on in the same way"
        )
    return stats, Place(list(done), int(notes["samples"]), int(notes["taken"]))


def _take_file(
    job: Job,
    path: Path,
    stats: RunningStats | None,
    place: Place,
    keeper: _Keeper,
    clock: _Clock,
    show: Any,
) -> RunningStats:
    samples = _samples(path, job.axis)
    if stats is None:
        stats = RunningStats(dtype=_dtype(job, samples), skipna=job.skipna)
    together = taken_together(samples, _BLOCK_BYTES)
    for start in range(place.samples, len(samples), together):
        block = samples[start : start + together]
        try:
            with clock:
                stats.update_many(block)
        except TypeError as error:
            raise TypeError(f"{path}: {error} (--dtype float64 takes every file)") from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        place.samples += len(block)
        place.taken += len(block)
        show(len(block) / len(samples))
        if place.samples < len(samples):
            keeper.keep_if_due(stats, place)
    place.files.append(str(path))
    place.samples = 0
    keeper.keep_if_due(stats, place)
    return stats


def _samples(path: Path, axis: int | None) -> Array:
    """Return the samples of a file along the first axis."""
    array, _ = read_image(path)
    if axis is None:
        return array[np.newaxis]
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(
            f"expected an --axis from {-array.ndim} to {array.ndim - 1} for {path} of shape "
            f"{array.shape}, found {axis}"
        )
    return np.moveaxis(array, axis, 0)


def _dtype(job: Job, samples: Array) -> Any:
    return samples.dtype.newbyteorder("=") if job.dtype is None else job.dtype


@contextmanager
def _progress(job: Job) -> Iterator[Any]:
    """Hand out what to call with the share of a file that was taken in."""
    if not (job.show_progress and sys.stderr.isatty()):
        yield lambda share: None
        return
    tqdm = require("tqdm", extra="cli")
    with tqdm.tqdm(
        total=len(job.files), leave=False, bar_format="{l_bar}{bar}| {elapsed}<{remaining}"
    ) as bar:
        yield bar.update
