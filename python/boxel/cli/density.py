"""``boxel density``."""

from __future__ import annotations

from typing import Any

import click

from boxel.cli.density_job import Job, Result, check, run
from boxel.cli.options import (
    CHANNEL_HELP,
    FILE,
    IMAGE_HELP,
    channel_axis_option,
    image_argument,
    plot_option,
    sizes_option,
    streaming_options,
)
from boxel.cli.parameters import SizesCommand, parse_threshold
from boxel.cli.report import (
    describe_values,
    image_record,
    image_text,
    print_result,
    result_record,
    shape_text,
    sizes_text,
)
from boxel.cli.running import Running

__all__ = ["command"]

HELP = f"""Map the density of an image: the fraction of nonzero pixels in each block.

{IMAGE_HELP}

A colour pixel counts if any of its channels is nonzero (or above the threshold); alpha is ignored.
{CHANNEL_HELP}

Without -o and --plot, a summary is printed, and the map itself if it is small.

\b
Examples:
  boxel density cells.png --block 16 --threshold otsu --plot density.png
  boxel density mask.tif --block 3 3 -o density.npy
  boxel density volume.npy --block 4x4x2 --boundary trim -o density.tif
  boxel density huge.zarr --block 64 --memory 512MiB -o density.zarr --json
"""


@click.command("density", cls=SizesCommand, help=HELP)
@image_argument
@sizes_option(
    "--block",
    "Block size: one number for all axes or one per axis, as '3', '3 3', '3x3' or '3,3'.",
    required=True,
)
@sizes_option(
    "--stride", "Distance from block to block, written as --block. Default: the block size."
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
@channel_axis_option
@click.option(
    "-o",
    "--output",
    type=FILE,
    help="Write the map: .npy, .zarr and .h5 keep its type, .tif and .nii have floats, .png and"
    " .jpg have gray levels (0 for density 0, white for density 1, rounded).",
)
@click.option(
    "--png-bits",
    type=click.Choice(["8", "16"]),
    default="8",
    show_default=True,
    help="Bits per gray level of a .png map.",
)
@plot_option
@streaming_options
def command(png_bits: str, **options: Any) -> None:
    """Run ``boxel density``."""
    running = Running.taken_from(options)
    job = Job(png_bits=int(png_bits), running=running, **options)
    check(job)
    result = run(job)
    running.tell(lambda: record(job, result), lambda: print_summary(job, result))


def print_summary(job: Job, result: Result) -> None:
    """Print what was read, done and written; and the map, if it goes nowhere else and is small."""
    dimensions = len(result.density.shape)
    rows = {
        "image": image_text(job.image, result.image, result.image.channel_axis),
        "counted": "nonzero pixels"
        if result.threshold is None
        else f"pixels above {result.threshold:.6g}",
        "blocks": f"{sizes_text(job.block, job.stride, dimensions)}, boundary {job.boundary}",
        "map": f"{shape_text(result.density.shape)}, {result.density.dtype}",
        "density": describe_values(result.density, "map"),
    }
    print_result(rows, "map", result.density, result.seconds, (job.output, job.plot))


def record(job: Job, result: Result) -> dict[str, Any]:
    """Return the summary for ``--json``."""
    return {
        **image_record(job.image, result.image, result.image.channel_axis),
        "threshold": result.threshold,
        "block": job.block,
        "stride": job.block if job.stride is None else job.stride,
        "boundary": job.boundary,
        **result_record(result.density, result.seconds, job.output, job.plot),
    }
