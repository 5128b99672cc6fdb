"""The work behind ``boxel filter``: read, slide the box, write."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxel import box_filter
from boxel._registry import CODES, result_dtype, statistic_name
from boxel.cli.inputs import Source, check_numbers, read_source
from boxel.cli.outputs import check_outputs
from boxel.cli.report import shape_text, sizes_text
from boxel.files import check_holds, png_dtypes, write_array

__all__ = ["Job", "Result", "boxes_text", "check", "run", "write"]

Sizes = int | tuple[int, ...]


@dataclass(frozen=True)
class Job:
    """What the user asked for."""

    image: Path
    size: Sizes
    statistic: str
    mode: str | tuple[str, ...]
    cval: float
    origin: Sizes
    stride: Sizes | None
    skipna: bool
    min_count: int
    fill_value: float
    ddof: float
    dtype: str | None
    channel_axis: int | None
    output: Path | None
    plot: Path | None
    workers: int | None
    force: bool


@dataclass(frozen=True)
class Result:
    """What came of it."""

    source: Source
    values: NDArray[Any]
    seconds: float


def check(job: Job) -> None:
    """Refuse outputs that cannot be written, before the work."""
    check_outputs(job.image, job.output, job.plot, force=job.force)


def run(job: Job) -> Result:
    """Read the image and filter it; every channel of a colour image is filtered alone."""
    source = read_source(job.image, job.channel_axis)
    _check_axes(job, source)
    start = time.perf_counter()
    values = box_filter(
        source.image,
        job.size,
        job.statistic,
        axes=source.axes,
        mode=job.mode,
        cval=job.cval,
        origin=job.origin,
        stride=job.stride or 1,
        skipna=job.skipna,
        min_count=job.min_count,
        fill_value=job.fill_value,
        ddof=job.ddof,
        dtype=job.dtype,
        workers=job.workers,
    )
    return Result(source, values, time.perf_counter() - start)


def write(job: Job, result: Result) -> None:
    """Write the outputs."""
    if job.plot is not None and result.values.size == 0:
        raise ValueError(
            f"expected a non-empty result for --plot, found {shape_text(result.values.shape)}"
        )
    if job.output is not None:
        channel_axis = result.source.channel_axis
        write_array(job.output, result.values, channel_axis=channel_axis, overwrite=job.force)
    if job.plot is not None:
        draw(job.plot, job, result)


def draw(path: Path, job: Job, result: Result) -> None:
    """Draw the image beside what came of it."""
    from boxel.plot import comparison, save_figure

    axes: Any = comparison(
        result.source.image,
        result.values,
        size=job.size,
        mode=job.mode,
        stride=job.stride or 1,
        channel_axis=result.source.channel_axis,
        title=f"{job.statistic} in boxes of {boxes_text(job, len(result.source.axes))}",
        label=job.statistic,
    )
    save_figure(axes[1].figure, path, overwrite=job.force)


def boxes_text(job: Job, dimensions: int) -> str:
    """Return the sizes of the boxes and their stride, such as ``9 x 9 every 2 x 2``."""
    return sizes_text(job.size, job.stride, dimensions)


def _check_axes(job: Job, source: Source) -> None:
    """Refuse what does not go with the image's axes or type, in the words of the command line."""
    check_numbers(source, {"--size": job.size, "--origin": job.origin, "--stride": job.stride})
    check_numbers(source, {"--mode": job.mode}, "names")
    if job.output is not None:
        _check_format(job, source)
    if job.plot is not None and len(source.axes) < 2:
        raise ValueError(
            "expected an image of two or more axes for --plot:"
            f" the image is {shape_text(source.image.shape)}"
        )


def _check_format(job: Job, source: Source) -> None:
    """Refuse a result that the format of the output cannot hold."""
    assert job.output is not None
    suffix = job.output.suffix.lower()
    # The lengths follow from the mode, which is checked elsewhere; that of the colours stays.
    shape = [1] * source.image.ndim
    if source.channel_axis is not None:
        shape[source.channel_axis] = source.image.shape[source.channel_axis]
    check_holds(suffix, shape, channel_axis=source.channel_axis)
    if suffix == ".png":
        _check_png_dtype(job, source)


def _check_png_dtype(job: Job, source: Source) -> None:
    held = png_dtypes(source.channel_axis is not None)
    code = CODES[statistic_name(job.statistic)]
    dtype = np.dtype(job.dtype or result_dtype(code, source.image.dtype, False))
    if dtype in held:
        return
    names = " or ".join(each.name for each in held)
    # Of those it can hold, the image's own type is the one that surely has room for its values.
    own = source.image.dtype.newbyteorder("=")
    advice = f"--dtype {own}" if own in held else f"--dtype {names}"
    raise ValueError(
        f"expected {names} for a .png file, but the result is {dtype}: add {advice}, which rounds"
        " and saturates, or write .npy or .tif"
    )
