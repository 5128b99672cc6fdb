"""The work behind ``boxel variance``: read files one after another, keep checkpoints, write."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import boxel
from boxel import RunningStats
from boxel.cli.inputs import Image, open_image
from boxel.cli.outputs import check_format, check_new, check_outputs, collecting, refuse_same_files
from boxel.cli.running import Running
from boxel.files import ARRAY_SUFFIXES
from boxel.formats.source import Array, Source, Window
from boxel.running import storage
from boxel.running.intake import taken_together
from boxel.streaming.collecting import Collector
from boxel.streaming.pipeline import Show
from boxel.streaming.windows import Axis, bytes_text, cut_windows

__all__ = ["Job", "Result", "check", "run"]

ARRAYS = tuple(each for each in ARRAY_SUFFIXES if each not in (".png", ".jpg", ".jpeg"))
# What is taken between two looks at the clock.
_BLOCK_BYTES = 1 << 27
# The statistics of a voxel, its variance and its mean.
_STATE_BYTES = 64
# The core combines so many samples; a stack that is cut at multiples of it has the same bits.
_GROUP = 8


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
    running: Running


@dataclass(frozen=True)
class Result:
    """What came of it."""

    variance: Collector
    mean: Collector
    dtype: np.dtype[Any]
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
    check_outputs(job.files[0], None, job.plot, force=job.running.force)
    for target in (job.output, job.mean):
        if target is not None:
            check_new(target, ARRAYS, force=job.running.force)
    if job.checkpoint is not None:
        replace = job.running.force or job.resume
        check_new(job.checkpoint, (job.checkpoint.suffix.lower(),), force=replace)


def run(job: Job) -> Result:
    """Take in all files, for as many voxels at a time as fit into memory, and write."""
    if job.running.workers is not None:
        boxel.set_workers(job.running.workers)
    stats, place = _begin(job)
    resumed = place.taken
    plan = _Plan(job)
    if len(plan.windows) > 1 and job.checkpoint is not None:
        raise ValueError(
            "--checkpoint needs the statistics of all voxels in memory: expected --memory of at"
            f" least {bytes_text(plan.needed)}, found {bytes_text(job.running.memory)}"
        )
    clock = _Clock()
    keeper = _Keeper(job)
    with ExitStack() as stack:
        variance, mean = (
            stack.enter_context(
                collecting(
                    path, job.running, plan.shape, plan.result, order=plan.order,
                    keep=job.plot is not None,
                )
            )
            for path in (job.output, job.mean)
        )  # fmt: skip
        show = stack.enter_context(job.running.progress("variance"))
        shares = len(job.files) * max(1, len(plan.windows))
        for number, window in enumerate(plan.windows):
            if number:
                stats, place = None, Place()
            try:
                for path in job.files[len(place.files) :]:
                    stats = _take_file(
                        job, path, plan, window, stats, place, keeper, clock,
                                       lambda share: show(share / shares))  # fmt: skip
            except BaseException:
                if stats is not None:
                    keeper.keep(stats, place)
                raise
            if stats is None or place.taken == 0:
                raise ValueError("expected samples, but the files hold none")
            keeper.keep(stats, place)
            with clock:
                values = stats.var(job.ddof)
            variance.write(window, values)
            mean.write(window, stats.mean)
    result = Result(variance, mean, plan.dtype, place.taken, resumed, clock.seconds)
    if job.plot is not None:
        draw(job.plot, job, result)
    return result


class _Plan:
    """Which voxels are taken together, and what comes of them."""

    def __init__(self, job: Job) -> None:
        with open_image(job.files[0]) as image:
            axis = _sample_axis(image, job.files[0], job.axis)
            source = image.source
            self.dtype = np.dtype(
                image.dtype.newbyteorder("=") if job.dtype is None else _known(job.dtype)
            )
            self.shape = tuple(n for at, n in enumerate(image.shape) if at != axis)
            order = [each for each in source.order if each != axis]
            self.order = tuple(each - (axis is not None and each > axis) for each in order)
            together = _together(source, axis, job)
            count = 1 if axis is None else min(image.shape[axis], together)
            each = _STATE_BYTES + 2 * count * image.dtype.itemsize
            held = source.held_bytes
        one = RunningStats(dtype=self.dtype).update(np.zeros(1, self.dtype))
        self.result = one.var().dtype
        for path in (job.output, job.mean):
            check_format(path, len(self.shape), self.result)
        axes = [Axis(length, length) for length in self.shape]
        memory = job.running.memory
        self.needed = int(np.prod(self.shape, dtype=object)) * each + held

        def cost(samples: Sequence[int], outputs: Sequence[int]) -> int:
            return int(np.prod(outputs, dtype=object)) * each

        whole = tuple(slice(0, length) for length in self.shape)
        if 0 in self.shape:
            self.windows = [whole]
            return
        cuts = cut_windows(axes, self.order, cost, memory, held=held, preferred=memory)
        self.windows = [cut.outputs for cut in cuts]
        if len(self.windows) > 1:
            if job.plot is not None:
                raise ValueError(
                    "--plot needs all voxels in memory: expected --memory of at least"
                    f" {bytes_text(self.needed)}, found {bytes_text(memory)}"
                )
            self._check_files(job)

    def _check_files(self, job: Job) -> None:
        """Refuse files of another shape before the work on the first voxels."""
        for path in job.files:
            with open_image(path) as image:
                axis = _sample_axis(image, path, job.axis)
                shape = tuple(n for at, n in enumerate(image.shape) if at != axis)
                if shape != self.shape:
                    raise ValueError(
                        f"{path}: a sample of the stack has shape {shape}, expected {self.shape}"
                        f" as in {job.files[0]}"
                    )


def _known(dtype: str) -> np.dtype[Any]:
    return RunningStats(dtype=dtype).dtype


def _sample_axis(image: Image, path: Path, axis: int | None) -> int | None:
    if axis is None:
        return None
    if not -image.ndim <= axis < image.ndim:
        raise ValueError(
            f"expected an --axis from {-image.ndim} to {image.ndim - 1} for {path} of shape "
            f"{image.shape}, found {axis}"
        )
    return axis % image.ndim


def _together(source: Source, axis: int | None, job: Job) -> int:
    """Return how many samples are read at a time: all of them where they lie side by side."""
    if axis is None or source.order[0] == axis or job.checkpoint is not None:
        return _GROUP
    return source.shape[axis]


def draw(path: Path, job: Job, result: Result) -> None:
    """Draw mean and variance."""
    from boxel.plot import save_figure, variance

    assert result.mean.values is not None
    assert result.variance.values is not None
    left, _ = variance(result.mean.values, result.variance.values)
    figure: Any = left.figure
    save_figure(figure, path, overwrite=job.running.force)


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
    plan: _Plan,
    window: Window,
    stats: RunningStats | None,
    place: Place,
    keeper: _Keeper,
    clock: _Clock,
    show: Show,
) -> RunningStats:
    with open_image(path) as image:
        axis = _sample_axis(image, path, job.axis)
        if stats is None:
            dtype = image.dtype.newbyteorder("=") if job.dtype is None else job.dtype
            stats = RunningStats(dtype=dtype, skipna=job.skipna)
        samples = _Samples(image, axis, window, plan.shape)
        together = samples.together(job)
        for start in range(place.samples, len(samples), together):
            block = samples.read(start, min(start + together, len(samples)))
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


class _Samples:
    """The samples of a file, of the voxels of a window."""

    def __init__(
        self, image: Image, axis: int | None, window: Window, expected: tuple[int, ...]
    ) -> None:
        self._source = image.source
        self._axis = axis
        shape = tuple(n for at, n in enumerate(image.shape) if at != axis)
        # A file of another shape is read as it is: the statistics refuse it.
        self._window = window if shape == expected else tuple(slice(0, n) for n in shape)

    def __len__(self) -> int:
        return 1 if self._axis is None else self._source.shape[self._axis]

    def together(self, job: Job) -> int:
        """Return how many samples to read at a time."""
        if self._axis is not None and _together(self._source, self._axis, job) > _GROUP:
            return max(1, len(self))
        shape = (1, *(each.stop - each.start for each in self._window))
        sample = np.broadcast_to(np.empty((), self._source.dtype), shape)
        return taken_together(sample, min(_BLOCK_BYTES, job.running.memory // 4))

    def read(self, first: int, last: int) -> Array:
        """Return some samples along the first axis."""
        if self._axis is None:
            return self._source.read(self._window)[np.newaxis]
        axis = self._axis
        window = (*self._window[:axis], slice(first, last), *self._window[axis:])
        return np.moveaxis(self._source.read(window), axis, 0)
