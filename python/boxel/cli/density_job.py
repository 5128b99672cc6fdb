"""The work behind ``boxel density``: read, map, write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from boxel import density_map
from boxel._validate import BOUNDARIES, choice
from boxel.blocks import tiles, window_counts
from boxel.cli.foreground import foreground, otsu_threshold_of
from boxel.cli.inputs import Image, check_numbers, open_image
from boxel.cli.outputs import check_format, check_outputs, collecting
from boxel.cli.report import shape_text, sizes_text
from boxel.cli.running import Running
from boxel.files import to_gray
from boxel.formats.source import Array, Window
from boxel.formats.table import suffix_of
from boxel.streaming.arrays import array_cuts, stream_array
from boxel.streaming.blocks import block_axes
from boxel.streaming.collecting import Collector
from boxel.streaming.windows import Axis, Cut

__all__ = ["Job", "Result", "check", "run"]

Sizes = int | tuple[int, ...]


@dataclass(frozen=True)
class Job:
    """What the user asked for."""

    image: Path
    block: Sizes
    stride: Sizes | None
    boundary: str
    dtype: str | None
    threshold: float | str | None
    channel_axis: int | None
    output: Path | None
    png_bits: int
    plot: Path | None
    running: Running


@dataclass(frozen=True)
class Result:
    """What came of it."""

    image: Image
    threshold: float | None
    density: Collector
    seconds: float


def check(job: Job) -> None:
    """Refuse outputs that cannot be written, before the work."""
    check_outputs(job.image, job.output, job.plot, force=job.running.force)


def run(job: Job) -> Result:
    """Read the image, and write and draw its map."""
    with open_image(job.image, job.channel_axis) as image:
        _check_dimensions(job, image)
        axes, shape = _axes(job, image)
        dtype = np.dtype(
            job.dtype or ("float32" if image.dtype.name in {"float16", "float32"} else "float64")
        )
        if job.plot is not None and 0 in shape:
            raise ValueError(
                f"expected a non-empty map for --plot, found {shape_text(shape)} blocks"
            )
        picture = None
        if job.plot is not None:
            size = int(np.prod(shape)) * dtype.itemsize
            picture = image.whole(job.running.memory, size, "--plot")
        gray = job.output is not None and suffix_of(job.output) in (".png", ".jpg", ".jpeg")
        bits = job.png_bits if gray and suffix_of(job.output or Path()) == ".png" else 8
        with collecting(
            job.output,
            job.running,
            shape,
            dtype,
            order=image.source.order,
            stored=np.dtype(f"uint{bits}") if gray else None,
            convert=partial(to_gray, bits=bits) if gray else None,
            keep=job.plot is not None,
            parts=[Cut(_place(image, cut), cut.inputs) for cut in _cuts(job, image, axes, dtype)],
        ) as density:
            start = time.perf_counter()
            threshold = _stream(job, image, axes, density)
            seconds = time.perf_counter() - start
        result = Result(image, threshold, density, seconds)
        if job.plot is not None and picture is not None:
            draw(job.plot, job, result, picture)
        return result


def _axes(job: Job, image: Image) -> tuple[list[Axis], tuple[int, ...]]:
    """Return what blocks need along the axes of the image, and the shape of the map."""
    pixels = tuple(image.shape[axis] for axis in image.axes)
    boundary = choice(job.boundary, BOUNDARIES, "boundary")
    sizes, counts = tiles(pixels, job.block, None, boundary if job.stride is None else "partial")
    steps = sizes
    if job.stride is not None:
        steps = (job.stride,) * len(pixels) if isinstance(job.stride, int) else job.stride
        counts = window_counts(pixels, sizes, steps, boundary)
    channels = 1 if image.channel_axis is None else image.shape[image.channel_axis]
    axes = block_axes(
        image.shape,
        image.per_axis(sizes, channels),
        image.per_axis(steps, channels),
        image.per_axis(counts, 1),
        image.source.order,
        statistic="density",
        dtype=image.dtype,
    )
    return axes, counts


def _place(image: Image, cut: Cut) -> Window:
    """Return where the results of a cut lie in the map, which has no colours."""
    return tuple(cut.outputs[axis] for axis in image.axes)


def _cuts(
    job: Job, image: Image, axes: list[Axis], dtype: np.dtype[Any], density: Collector | None = None
) -> list[Cut]:
    """Cut the image between its blocks."""
    # What counts is a mask beside the samples where they do not say it themselves.
    masked = job.threshold is not None or image.channel_axis is not None
    chunks = None if density is None else density.chunks
    if chunks is not None:
        chunks = image.per_axis(chunks, 1)
    return array_cuts(
        image.source, axes, dtype, job.running.memory, chunks=chunks, extra=2 if masked else 0,
        held=0 if density is None else density.held_bytes,
    )  # fmt: skip


def _stream(job: Job, image: Image, axes: list[Axis], density: Collector) -> float | None:
    """Compute the map; return the threshold that was used."""
    source = image.source
    cuts = _cuts(job, image, axes, density.dtype, density)
    threshold = job.threshold
    if isinstance(threshold, str):
        plain = [
            Axis(axis.length, axis.length, least=1 if axis.outputs > 1 else axis.length)
            for axis in axes
        ]
        looks = array_cuts(source, plain, np.dtype(bool), job.running.memory, extra=17)

        def parts() -> Iterator[Array]:
            for cut in looks:
                yield source.read(cut.inputs)

        threshold = otsu_threshold_of(parts)

    def compute(cut: Cut, samples: Array, out: Array) -> None:
        counted, _ = foreground(samples, threshold=threshold, channel_axis=image.channel_axis)
        density_map(
            counted,
            job.block,
            stride=job.stride,
            boundary=job.boundary,
            dtype=density.dtype,
            out=out,
            workers=job.running.workers,
        )

    with job.running.progress("density") as show:
        stream_array(source, cuts, compute, density, place=partial(_place, image), show=show)
    return threshold


def draw(path: Path, job: Job, result: Result, picture: Array) -> None:
    """Draw the image beside its map."""
    from boxel.plot import heatmap, save_figure

    density = result.density.values
    assert density is not None
    axes: Any = heatmap(
        density,
        image=_picture(result, picture),
        block_size=job.block,
        stride=job.stride,
        title=f"density in blocks of {sizes_text(job.block, job.stride, 2)}",
        label=f"fraction {_rule(result)}",
        vmin=0.0,
        vmax=float(density.max()) or 1.0,
    )
    save_figure(axes.figure, path, overwrite=job.running.force)


def _rule(result: Result) -> str:
    return "nonzero" if result.threshold is None else f"above {result.threshold:.6g}"


def _picture(result: Result, picture: Array) -> Array:
    axis = result.image.channel_axis
    if axis is None:
        return picture
    colours = np.moveaxis(picture, axis, -1)
    if colours.shape[-1] == 3:
        return colours
    return foreground(picture, threshold=result.threshold, channel_axis=axis)[0]


def _check_dimensions(job: Job, image: Image) -> None:
    """Refuse what does not go with the number of axes, in the words of the command line."""
    check_numbers(image, {"--block": job.block, "--stride": job.stride})
    dimensions = len(image.axes)
    dtype = np.dtype(np.float64 if job.dtype is None else job.dtype)
    if job.output is not None and suffix_of(job.output) in (".png", ".jpg", ".jpeg"):
        dtype = np.dtype(np.uint8)
    check_format(job.output, dimensions, dtype)
    if job.plot is not None and dimensions != 2:
        raise ValueError(
            f"expected a 2-D image for --plot, found {dimensions} axes:"
            f" the image is {shape_text(image.shape)}"
        )
