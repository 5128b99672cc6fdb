"""``boxel filter``."""

from __future__ import annotations

from typing import Any

import click

from boxel import MODES, STATISTICS
from boxel._registry import ACCEPTED_DTYPES, MERGEABLE
from boxel.cli.filter_job import Job, Result, boxes_text, check, run, write
from boxel.cli.options import (
    FILE,
    channel_axis_option,
    image_argument,
    plot_option,
    running_options,
    sizes_option,
)
from boxel.cli.parameters import SizesCommand, parse_names, parse_real, parse_shifts
from boxel.cli.report import (
    describe_values,
    image_record,
    image_text,
    print_json,
    print_result,
    result_record,
    shape_text,
)

__all__ = ["filter_command"]

HELP = """Slide a box over an image and take a statistic of the samples in it, around every pixel.

IMAGE is a PNG, JPEG, TIFF or .npy file. Each channel of a colour image is filtered alone; alpha is
ignored. A .npy file does not say which axis holds colours: every axis is an axis of the image,
unless --channel-axis names one.

Without -o and --plot, a summary is printed, and the result itself if it is small.

\b
Examples:
  boxel filter photo.png --size 9 --dtype uint8 -o smooth.png
  boxel filter volume.tif --size 3 3 3 --statistic var -o variance.tif --plot variance.png
  boxel filter volume.npy --size 5x5x3 --mode valid -o convolved.npy
"""


@click.command(cls=SizesCommand, name="filter", help=HELP)
@image_argument
@sizes_option(
    "--size",
    "Size of the box: one number for all axes or one per axis, as '3', '3 3', '3x3' or '3,3'.",
    required=True,
)
@click.option(
    "--statistic",
    default="mean",
    show_default=True,
    metavar="NAME",
    help=f"One of {', '.join(name for name in STATISTICS if name in MERGEABLE)}.",
)
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
@click.option("--skipna", is_flag=True, help="Leave NaN out.")
@click.option(
    "--min-count",
    type=int,
    default=1,
    show_default=True,
    metavar="N",
    help="Samples that a box needs to have a value.",
)
@click.option(
    "--fill-value",
    type=parse_real,
    default="nan",
    show_default=True,
    metavar="VALUE",
    help="The value of boxes with fewer samples.",
)
@click.option(
    "--ddof",
    type=parse_real,
    default="0",
    metavar="D",
    help="var and std divide by the number of samples less D. Default: 0.",
)
@click.option(
    "--dtype",
    type=click.Choice(ACCEPTED_DTYPES),
    metavar="TYPE",
    help="Type of the result; into integers it is rounded and saturates. Default: as the statistic"
    " has it; float64 for means of integers.",
)
@channel_axis_option
@click.option(
    "-o",
    "--output",
    type=FILE,
    help="Write the result: .npy and .tif keep its type, .png needs --dtype uint8 or uint16 where"
    " it has another.",
)
@plot_option
@running_options
def filter_command(quiet: bool, as_json: bool, origin: Any, **options: Any) -> None:
    """Run ``boxel filter``."""
    job = Job(origin=0 if origin is None else origin, **options)
    check(job)
    result = run(job)
    write(job, result)
    if as_json:
        print_json(record(job, result))
    elif not quiet:
        print_summary(job, result)


def print_summary(job: Job, result: Result) -> None:
    """Print what was read, done and written; and the result, if it is small and goes nowhere."""
    source, values = result.source, result.values
    mode = job.mode if isinstance(job.mode, str) else ",".join(job.mode)
    rows = {
        "image": image_text(job.image, source.image, source.channel_axis),
        "boxes": f"{boxes_text(job, len(source.axes))}, mode {mode}",
        "result": f"{shape_text(values.shape)}, {values.dtype}",
        job.statistic: describe_values(values, "result"),
    }
    print_result(rows, "filter", values, result.seconds, (job.output, job.plot))


def record(job: Job, result: Result) -> dict[str, Any]:
    """Return the summary for ``--json``."""
    return {
        **image_record(job.image, result.source.image, result.source.channel_axis),
        "statistic": job.statistic,
        "size": job.size,
        "mode": job.mode,
        "origin": job.origin,
        "stride": job.stride or 1,
        **result_record(result.values, result.seconds, job.output, job.plot),
    }
