"""``boxel filter``."""

from __future__ import annotations

from typing import Any

import click

from boxel import MODES, STATISTICS
from boxel._registry import MERGEABLE
from boxel.cli.filter_job import Job, boxes_text, check, run
from boxel.cli.image_result import ImageResult
from boxel.cli.options import (
    CHANNEL_HELP,
    IMAGE_HELP,
    image_argument,
    result_options,
    sizes_option,
    statistic_option,
)
from boxel.cli.parameters import SizesCommand, parse_names, parse_real, parse_shifts
from boxel.cli.report import (
    describe_values,
    image_record,
    image_text,
    print_result,
    result_record,
    shape_text,
)
from boxel.cli.running import Rules, Running

__all__ = ["command"]

HELP = f"""Slide a box over an image and take a statistic of the samples in it, around every pixel.

{IMAGE_HELP}

Each channel of a colour image is filtered alone; alpha is ignored.
{CHANNEL_HELP}

Without -o and --plot, a summary is printed, and the result itself if it is small.

\b
Examples:
  boxel filter photo.png --size 9 --dtype uint8 -o smooth.png
  boxel filter volume.tif --size 3 3 3 --statistic var -o variance.tif --plot variance.png
  boxel filter volume.npy --size 5x5x3 --mode valid -o convolved.npy
  boxel filter huge.zarr --size 9 --memory 512MiB -o smooth.zarr
"""


@click.command(cls=SizesCommand, name="filter", help=HELP)
@image_argument
@sizes_option(
    "--size",
    "Size of the box: one number for all axes or one per axis, as '3', '3 3', '3x3' or '3,3'.",
    required=True,
)
@statistic_option([name for name in STATISTICS if name in MERGEABLE])
@click.option(
    "--mode",
    type=parse_names,
    default="reflect",
    show_default=True,
    metavar="NAME",
    help=f"What lies beyond the border: one of {', '.join(MODES)}; or one per axis, as"
    " 'wrap,nearest'.",
)
@click.option(
    "--cval",
    type=parse_real,
    default="0",
    metavar="VALUE",
    help="The samples beyond the border in mode constant. Default: 0.",
)
@sizes_option(
    "--origin",
    "Shift of the box towards the first pixel, written as --size. Default: 0, centred.",
    type=parse_shifts,
)
@sizes_option("--stride", "Distance from box to box, written as --size. Default: 1.")
@result_options
def command(origin: Any, **options: Any) -> None:
    """Run ``boxel filter``."""
    running = Running.taken_from(options)
    rules = Rules.taken_from(options)
    job = Job(origin=0 if origin is None else origin, rules=rules, running=running, **options)
    check(job)
    result = run(job)
    running.tell(lambda: record(job, result), lambda: print_summary(job, result))


def print_summary(job: Job, result: ImageResult) -> None:
    """Print what was read, done and written; and the result, if it is small and goes nowhere."""
    image, values = result.image, result.values
    mode = job.mode if isinstance(job.mode, str) else ",".join(job.mode)
    rows = {
        "image": image_text(job.image, image, image.channel_axis),
        "boxes": f"{boxes_text(job, len(image.axes))}, mode {mode}",
        "result": f"{shape_text(values.shape)}, {values.dtype}",
        job.statistic: describe_values(values, "result"),
    }
    print_result(rows, "filter", values, result.seconds, (job.output, job.plot))


def record(job: Job, result: ImageResult) -> dict[str, Any]:
    """Return the summary for ``--json``."""
    return {
        **image_record(job.image, result.image, result.image.channel_axis),
        "statistic": job.statistic,
        "size": job.size,
        "mode": job.mode,
        "origin": job.origin,
        "stride": job.stride or 1,
        **result_record(result.values, result.seconds, job.output, job.plot),
    }
