"""``boxel density``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from boxel.cli.density_job import Job, Result, blocks_text, check, run, write
from boxel.cli.parameters import SizesCommand, SizesOption, parse_sizes, parse_threshold
from boxel.cli.report import (
    describe_map,
    describe_time,
    map_range,
    print_json,
    print_rows,
    shape_text,
    small_map,
)

__all__ = ["density"]

HELP = """Map the density of an image: the fraction of nonzero pixels in each block.

IMAGE is a PNG, JPEG, TIFF or .npy file. A colour pixel counts if any of its channels is nonzero
(or above the threshold); alpha is ignored. A .npy file does not say which axis holds colours:
every axis is an axis of the image, unless --channel-axis names one.

Without -o and --plot, a summary is printed, and the map itself if it is small.

\b
Examples:
  boxel density cells.png --block 16 --threshold otsu --plot density.png
  boxel density mask.tif --block 3 3 -o density.npy
  boxel density volume.npy --block 4x4x2 --boundary trim -o density.tif
"""

FILE = click.Path(path_type=Path)


@click.command(cls=SizesCommand, help=HELP)
@click.argument("image", type=FILE)
@click.option(
    "--block",
    cls=SizesOption,
    type=parse_sizes,
    metavar="N...",
    required=True,
    help="Block size: one number for all axes or one per axis, as '3', '3 3', '3x3' or '3,3'.",
)
@click.option(
    "--stride",
    cls=SizesOption,
    type=parse_sizes,
    metavar="N...",
    help="Distance from block to block, written as --block. Default: the block size.",
)
@click.option(
    "--boundary",
    default="partial",
    show_default=True,
    metavar="RULE",
    help="Blocks beyond the edge: partial (use what is there), trim (leave out), exact (an error)"
    " or pad (with zeros).",
)
@click.option(
    "--dtype",
    type=click.Choice(["float16", "float32", "float64"]),
    help="Type of the map. Default: float64, or float32 for a float16 or float32 image.",
)
@click.option(
    "--threshold",
    type=parse_threshold,
    metavar="T|otsu",
    help="Count pixels above T instead of nonzero ones; 'otsu' chooses T from the image.",
)
@click.option(
    "--channel-axis",
    type=int,
    metavar="AXIS",
    help="The axis that holds colours; negative from the last. Default: as the file says.",
)
@click.option(
    "-o",
    "--output",
    type=FILE,
    help="Write the map: .npy keeps its type, .tif has floats, .png has gray levels"
    " (0 for density 0, white for density 1, rounded).",
)
@click.option(
    "--png-bits",
    type=click.Choice(["8", "16"]),
    default="8",
    show_default=True,
    help="Bits per gray level of a .png map.",
)
@click.option("--plot", type=FILE, help="Draw image and map side by side: .png, .pdf or .svg.")
@click.option("--workers", type=int, metavar="N", help="Threads to use. Default: all available.")
@click.option("-f", "--force", is_flag=True, help="Replace outputs that exist.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def density(quiet: bool, as_json: bool, png_bits: str, **options: Any) -> None:
    """Run ``boxel density``."""
    job = Job(png_bits=int(png_bits), **options)
    check(job)
    result = run(job)
    write(job, result)
    if as_json:
        print_json(record(job, result))
    elif not quiet:
        print_summary(job, result)


def print_summary(job: Job, result: Result) -> None:
    """Print what was read, done and written; and the map, if it goes nowhere else and is small."""
    rows = {
        "image": f"{click.format_filename(job.image)}, {_image_text(result)}",
        "counted": "nonzero pixels"
        if result.threshold is None
        else f"pixels above {result.threshold:.6g}",
        "blocks": f"{blocks_text(job, result.density.ndim)}, boundary {job.boundary}",
        "map": f"{shape_text(result.density.shape)}, {result.density.dtype}",
        "density": describe_map(result.density),
        "time": f"{describe_time(result.seconds)} for the map alone",
    }
    outputs = [click.format_filename(path) for path in (job.output, job.plot) if path is not None]
    if outputs:
        rows["wrote"] = ", ".join(outputs)
    print_rows(rows)
    numbers = None if outputs else small_map(result.density)
    if numbers is not None:
        click.echo(f"\n{numbers}")


def record(job: Job, result: Result) -> dict[str, Any]:
    """Return the summary for ``--json``."""
    return {
        "image": click.format_filename(job.image),
        "image_shape": list(result.image.shape),
        "image_dtype": str(result.image.dtype),
        "channel_axis": result.channel_axis,
        "threshold": result.threshold,
        "block": job.block,
        "stride": job.block if job.stride is None else job.stride,
        "boundary": job.boundary,
        "shape": list(result.density.shape),
        "dtype": str(result.density.dtype),
        **map_range(result.density),
        "seconds": result.seconds,
        "output": None if job.output is None else click.format_filename(job.output),
        "plot": None if job.plot is None else click.format_filename(job.plot),
    }


def _image_text(result: Result) -> str:
    colours = "" if result.channel_axis is None else f", colours on axis {result.channel_axis}"
    return f"{shape_text(result.image.shape)}, {result.image.dtype}{colours}"
