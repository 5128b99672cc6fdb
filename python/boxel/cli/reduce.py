"""``boxel reduce``."""

from __future__ import annotations

from typing import Any

import click

from boxel import STATISTICS
from boxel.cli.image_result import ImageResult
from boxel.cli.options import (
    CHANNEL_HELP,
    IMAGE_HELP,
    image_argument,
    result_options,
    sizes_option,
    statistic_option,
)
from boxel.cli.parameters import SizesCommand, parse_real
from boxel.cli.reduce_job import Job, check, run
from boxel.cli.report import (
    describe_values,
    image_record,
    image_text,
    print_result,
    result_record,
    shape_text,
    sizes_text,
)
from boxel.cli.running import Rules, Running

__all__ = ["command"]

HELP = f"""Shrink an image: a statistic of each block of pixels or voxels becomes one of them.

{IMAGE_HELP}

Each channel of a colour image is reduced alone; alpha is ignored.
{CHANNEL_HELP}

Without -o and --plot, a summary is printed, and the result itself if it is small.

\b
Examples:
  boxel reduce photo.png --block 4 --dtype uint8 -o small.png
  boxel reduce labels.tif --block 2 2 2 --statistic mode -o coarse.tif
  boxel reduce huge.zarr --block 8x8x4 --memory 512MiB -o mean.zarr
  boxel reduce scan.h5:/volume --block 2 --statistic std -o noise.h5:/std
"""


@click.command("reduce", cls=SizesCommand, help=HELP)
@image_argument
@sizes_option(
    "--block",
    "Block size: one number for all axes or one per axis, as '3', '3 3', '3x3' or '3,3'.",
    required=True,
)
@statistic_option(STATISTICS)
@click.option(
    "--boundary",
    default="partial",
    show_default=True,
    metavar="RULE",
    help="Blocks beyond the edge: partial (use what is there), trim (leave out), exact (an error)"
    " or pad (with --cval).",
)
@click.option(
    "--cval",
    type=parse_real,
    default="0",
    metavar="VALUE",
    help="The samples beyond the edge with --boundary pad. Default: 0.",
)
@result_options
def command(**options: Any) -> None:
    """Run ``boxel reduce``."""
    running = Running.taken_from(options)
    rules = Rules.taken_from(options)
    job = Job(rules=rules, running=running, **options)
    check(job)
    result = run(job)
    running.tell(lambda: record(job, result), lambda: print_summary(job, result))


def print_summary(job: Job, result: ImageResult) -> None:
    """Print what was read, done and written; and the result, if it is small and goes nowhere."""
    image, values = result.image, result.values
    blocks = sizes_text(job.block, None, len(image.axes))
    rows = {
        "image": image_text(job.image, image, image.channel_axis),
        "blocks": f"{blocks}, boundary {job.boundary}",
        "result": f"{shape_text(values.shape)}, {values.dtype}",
        job.statistic: describe_values(values, "result"),
    }
    print_result(rows, "reduction", values, result.seconds, (job.output, job.plot))


def record(job: Job, result: ImageResult) -> dict[str, Any]:
    """Return the summary for ``--json``."""
    return {
        **image_record(job.image, result.image, result.image.channel_axis),
        "statistic": job.statistic,
        "block": job.block,
        "boundary": job.boundary,
        **result_record(result.values, result.seconds, job.output, job.plot),
    }
