"""The work behind ``boxel reduce``: read, reduce blocks, write."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from boxel import block_reduce
from boxel._registry import statistic_name
from boxel.blocks import tiles
from boxel.cli.image_result import ImageResult
from boxel.cli.inputs import Image, check_numbers, open_image
from boxel.cli.outputs import check_image_format, check_outputs, collecting
from boxel.cli.report import shape_text, sizes_text
from boxel.cli.running import Rules, Running
from boxel.formats.source import Array
from boxel.streaming.arrays import array_cuts, stream_array
from boxel.streaming.blocks import block_axes, statistic_dtype
from boxel.streaming.collecting import Collector
from boxel.streaming.windows import Axis, Cut

__all__ = ["Job", "check", "coarser_affine", "run"]

Sizes = int | tuple[int, ...]


@dataclass(frozen=True)
class Job:
    """What the user asked for."""

    image: Path
    block: Sizes
    statistic: str
    boundary: str
    rules: Rules
    channel_axis: int | None
    output: Path | None
    plot: Path | None
    running: Running


def check(job: Job) -> None:
    """Refuse outputs that cannot be written, before the work."""
    check_outputs(job.image, job.output, job.plot, force=job.running.force)


def run(job: Job) -> ImageResult:
    """Read the image, reduce its blocks, and write and draw what comes of it."""
    statistic = statistic_name(job.statistic)
    with open_image(job.image, job.channel_axis) as image:
        check_numbers(image, {"--block": job.block})
        sizes, counts = tiles(image.shape, job.block, image.axes, job.boundary)
        dtype = statistic_dtype(statistic, image.dtype, job.rules.dtype)
        check_image_format(job.output, image, dtype)
        _check_plot(job, image, counts)
        source = image.source
        picture = None
        if job.plot is not None:
            size = int(np.prod(counts)) * dtype.itemsize
            picture = source.whole() if source.nbytes + size <= job.running.memory else None
        axes = block_axes(
            image.shape, sizes, sizes, counts, source.order,
            statistic=statistic, dtype=image.dtype, skipna=job.rules.skipna,
        )  # fmt: skip
        with collecting(
            job.output,
            job.running,
            counts,
            dtype,
            order=source.order,
            channel_axis=image.channel_axis,
            keep=job.plot is not None,
            affine=coarser_affine(source, sizes),
            parts=array_cuts(source, axes, dtype, job.running.memory),
        ) as values:
            start = time.perf_counter()
            _stream(job, image, axes, sizes, values)
            seconds = time.perf_counter() - start
        result = ImageResult(image, values, seconds)
        if job.plot is not None:
            draw(job.plot, job, result, picture)
        return result


def _stream(
    job: Job, image: Image, axes: list[Axis], sizes: tuple[int, ...], values: Collector
) -> None:
    """Compute the result part by part."""
    source = image.source
    cuts = array_cuts(
        source, axes, values.dtype, job.running.memory,
        chunks=values.chunks, held=values.held_bytes,
    )  # fmt: skip

    def compute(cut: Cut, samples: Array, out: Array) -> None:
        block_reduce(
            samples,
            sizes,
            job.statistic,
            boundary=job.boundary,
            out=out,
            workers=job.running.workers,
            **asdict(job.rules),
        )

    with job.running.progress("reduce") as show:
        stream_array(source, cuts, compute, values, show=show)


def coarser_affine(source: Any, sizes: tuple[int, ...]) -> Array | None:
    """Return where the blocks of a volume lie in the world, if the file says it of its voxels."""
    affine = getattr(source, "affine", None)
    if affine is None:
        return None
    # Not all volumes have three axes.
    steps = np.array([*sizes, 1, 1, 1][:3], dtype=np.float64)
    coarser: Array = np.array(affine, dtype=np.float64)
    coarser[:3, 3] += coarser[:3, :3] @ ((steps - 1) / 2)
    coarser[:3, :3] *= steps
    return coarser


def _check_plot(job: Job, image: Image, counts: tuple[int, ...]) -> None:
    if job.plot is None:
        return
    if len(image.axes) != 2:
        raise ValueError(
            f"expected a 2-D image for --plot, found {len(image.axes)} axes:"
            f" the image is {shape_text(image.shape)}"
        )
    if 0 in counts:
        raise ValueError(f"expected a non-empty result for --plot, found {shape_text(counts)}")


def draw(path: Path, job: Job, result: ImageResult, picture: Array | None) -> None:
    """Draw the image, if it fits into memory, beside what came of it."""
    from boxel.plot import heatmap, save_figure

    values = result.values.values
    assert values is not None
    axis = result.image.channel_axis
    if axis is not None:
        # One map cannot show three colours.
        values = np.moveaxis(values, axis, -1).mean(axis=-1)
        picture = None if picture is None else np.moveaxis(picture, axis, -1)
    axes: Any = heatmap(
        values,
        image=picture,
        block_size=job.block,
        title=f"{job.statistic} of blocks of {sizes_text(job.block, None, 2)}",
        label=job.statistic if axis is None else f"{job.statistic}, mean of the channels",
    )
    save_figure(axes.figure, path, overwrite=job.running.force)
