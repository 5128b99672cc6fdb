"""The work behind ``boxel filter``: read, slide the box, write."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from boxel import box_filter
from boxel._registry import MERGEABLE, mode_code, statistic_name
from boxel._validate import origins as checked_origins
from boxel.cli.image_result import ImageResult
from boxel.cli.inputs import Image, check_numbers, open_image
from boxel.cli.outputs import check_image_format, check_outputs, collecting
from boxel.cli.report import shape_text, sizes_text
from boxel.cli.running import Rules, Running
from boxel.formats.source import Array
from boxel.streaming.arrays import array_cuts, stream_array
from boxel.streaming.blocks import statistic_dtype
from boxel.streaming.boxes import (
    box_axes,
    filtered_shape,
    kept_outputs,
    modes_of,
    read_wrapped,
)
from boxel.streaming.windows import Axis, Cut

__all__ = ["Job", "boxes_text", "check", "run"]

Sizes = int | tuple[int, ...]


@dataclass(frozen=True)
class Job:
    """What the user asked for."""

    image: Path
    size: Sizes
    statistic: str
    mode: str | tuple[str, ...]
    origin: Sizes
    stride: Sizes | None
    rules: Rules
    channel_axis: int | None
    output: Path | None
    plot: Path | None
    running: Running


def check(job: Job) -> None:
    """Refuse outputs that cannot be written, before the work."""
    check_outputs(job.image, job.output, job.plot, force=job.running.force)


def run(job: Job) -> ImageResult:
    """Read the image and filter it; every channel of a colour image is filtered alone."""
    statistic = statistic_name(job.statistic)
    if statistic not in MERGEABLE:
        raise ValueError(f"the statistic {statistic!r} is not for boxes that slide")
    with open_image(job.image, job.channel_axis) as image:
        _check_axes(job, image)
        source = image.source
        dtype = statistic_dtype(statistic, image.dtype, job.rules.dtype)
        check_image_format(job.output, image, dtype)
        boxes = _Boxes(job, image, statistic)
        shape = tuple(axis.outputs for axis in boxes.axes)
        if job.plot is not None and 0 in shape:
            raise ValueError(f"expected a non-empty result for --plot, found {shape_text(shape)}")
        picture = None
        if job.plot is not None:
            size = int(np.prod(shape)) * dtype.itemsize
            picture = image.whole(job.running.memory, size, "--plot")
        with collecting(
            job.output,
            job.running,
            shape,
            dtype,
            order=source.order,
            channel_axis=image.channel_axis,
            keep=job.plot is not None,
            affine=getattr(source, "affine", None) if job.stride is None else None,
            parts=array_cuts(source, boxes.axes, dtype, job.running.memory),
        ) as values:
            start = time.perf_counter()
            cuts = array_cuts(
                source, boxes.axes, dtype, job.running.memory,
                chunks=values.chunks, held=values.held_bytes,
            )  # fmt: skip
            with job.running.progress("filter") as show:
                stream_array(
                    source, cuts, boxes.filter, values,
                    computed=boxes.computed, read=read_wrapped, show=show,
                )  # fmt: skip
            seconds = time.perf_counter() - start
        result = ImageResult(image, values, seconds)
        if job.plot is not None and picture is not None:
            draw(job.plot, job, result, picture)
        return result


class _Boxes:
    """What a job asks of windows of its image."""

    def __init__(self, job: Job, image: Image, statistic: str) -> None:
        self.sizes = image.per_axis(job.size, 1)
        self.steps = image.per_axis(job.stride or 1, 1)
        self.modes = image.per_axis(job.mode, "valid")
        all_axes = tuple(range(image.ndim))
        self.origins = checked_origins(image.per_axis(job.origin, 0), self.sizes, all_axes)
        for mode in self.modes:
            mode_code(mode)
        self.axes: list[Axis] = box_axes(
            image.shape, self.sizes, self.steps, self.origins, self.modes, image.source.order,
            statistic=statistic, dtype=image.dtype,
        )  # fmt: skip
        self._filter = partial(
            box_filter,
            statistic=statistic,
            **asdict(job.rules),
            workers=job.running.workers,
        )

    def computed(self, cut: Cut) -> tuple[int, ...]:
        """Return the shape of a filtered window."""
        return filtered_shape(self.axes, cut, self.sizes, modes_of(self.axes, cut, self.modes))

    def filter(self, cut: Cut, samples: Array, out: Array) -> Array:
        """Filter a window."""
        modes = modes_of(self.axes, cut, self.modes)
        origins = [
            0 if mode == "valid" else origin
            for mode, origin in zip(modes, self.origins, strict=True)
        ]
        self._filter(samples, self.sizes, mode=modes, origin=origins, stride=self.steps, out=out)
        return out[kept_outputs(self.axes, cut)]


def draw(path: Path, job: Job, result: ImageResult, picture: Array) -> None:
    """Draw the image beside what came of it."""
    from boxel.plot import comparison, save_figure

    assert result.values.values is not None
    axes: Any = comparison(
        picture,
        result.values.values,
        size=job.size,
        mode=job.mode,
        stride=job.stride or 1,
        channel_axis=result.image.channel_axis,
        title=f"{job.statistic} in boxes of {boxes_text(job, len(result.image.axes))}",
        label=job.statistic,
    )
    save_figure(axes[1].figure, path, overwrite=job.running.force)


def boxes_text(job: Job, dimensions: int) -> str:
    """Return the sizes of the boxes and their stride, such as ``9 x 9 every 2 x 2``."""
    return sizes_text(job.size, job.stride, dimensions)


def _check_axes(job: Job, image: Image) -> None:
    """Refuse what does not go with the image's axes, in the words of the command line."""
    check_numbers(image, {"--size": job.size, "--origin": job.origin, "--stride": job.stride})
    check_numbers(image, {"--mode": job.mode}, "names")
    if job.plot is not None and len(image.axes) < 2:
        raise ValueError(
            "expected an image of two or more axes for --plot:"
            f" the image is {shape_text(image.shape)}"
        )
