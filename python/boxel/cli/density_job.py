"""The work behind ``boxel density``: read, map, write."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxel import density_map
from boxel.cli.foreground import foreground
from boxel.cli.inputs import Source, check_numbers, read_source
from boxel.cli.outputs import check_outputs, write_map
from boxel.cli.report import shape_text, sizes_text
from boxel.files import check_holds

__all__ = ["Job", "Result", "check", "run", "write"]

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
    workers: int | None
    force: bool


@dataclass(frozen=True)
class Result:
    """What came of it."""

    image: NDArray[Any]
    channel_axis: int | None
    threshold: float | None
    counted: NDArray[Any]
    density: NDArray[Any]
    seconds: float


def check(job: Job) -> None:
    """Refuse outputs that cannot be written, before the work."""
    check_outputs(job.image, job.output, job.plot, force=job.force)


def run(job: Job) -> Result:
    """Read the image and compute its map."""
    source = read_source(job.image, job.channel_axis)
    _check_dimensions(job, source)
    image, channel_axis = source.image, source.channel_axis
    counted, threshold = foreground(image, threshold=job.threshold, channel_axis=channel_axis)
    start = time.perf_counter()
    density = density_map(
        counted,
        job.block,
        stride=job.stride,
        boundary=job.boundary,
        # Said here, because the pixels that count may be a mask, which has forgotten it.
        dtype=job.dtype or ("float32" if image.dtype.name in {"float16", "float32"} else "float64"),
        workers=job.workers,
    )
    seconds = time.perf_counter() - start
    return Result(image, channel_axis, threshold, counted, density, seconds)


def write(job: Job, result: Result) -> None:
    """Write the outputs."""
    if job.plot is not None and result.density.size == 0:
        raise ValueError(
            f"expected a non-empty map for --plot, found {shape_text(result.density.shape)} blocks"
        )
    if job.output is not None:
        write_map(job.output, result.density, png_bits=job.png_bits, force=job.force)
    if job.plot is not None:
        draw(job.plot, job, result)


def draw(path: Path, job: Job, result: Result) -> None:
    """Draw the image beside its map."""
    from boxel.plot import heatmap, save_figure

    axes: Any = heatmap(
        result.density,
        image=_picture(result),
        block_size=job.block,
        stride=job.stride,
        title=f"density in blocks of {sizes_text(job.block, job.stride, 2)}",
        label=f"fraction {_rule(result)}",
        vmin=0.0,
        vmax=float(result.density.max()) or 1.0,
    )
    save_figure(axes.figure, path, overwrite=job.force)


def _rule(result: Result) -> str:
    return "nonzero" if result.threshold is None else f"above {result.threshold:.6g}"


def _picture(result: Result) -> NDArray[Any]:
    if result.channel_axis is None:
        return result.image
    colours = np.moveaxis(result.image, result.channel_axis, -1)
    return colours if colours.shape[-1] == 3 else result.counted


def _check_dimensions(job: Job, source: Source) -> None:
    """Refuse what does not go with the number of axes, in the words of the command line."""
    check_numbers(source, {"--block": job.block, "--stride": job.stride})
    dimensions = len(source.axes)
    if job.output is not None:
        check_holds(job.output.suffix.lower(), (1,) * dimensions)
    if job.plot is not None and dimensions != 2:
        raise ValueError(
            f"expected a 2-D image for --plot, found {dimensions} axes:"
            f" the image is {shape_text(source.image.shape)}"
        )
