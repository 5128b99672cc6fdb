"""``boxel pyramid``."""

from __future__ import annotations

from typing import Any

import click

from boxel import STATISTICS
from boxel.cli.options import (
    FILE,
    IMAGE_HELP,
    channel_axis_option,
    dtype_option,
    image_argument,
    sizes_option,
    statistic_option,
    streaming_options,
)
from boxel.cli.parameters import SizesCommand, parse_reals
from boxel.cli.pyramid_job import Job, Result, check, run
from boxel.cli.report import (
    describe_time,
    image_record,
    image_text,
    print_rows,
    shape_text,
)
from boxel.cli.running import Running

__all__ = ["command"]

HELP = f"""Write an image at ever coarser levels, each a statistic of the image's own samples.

{IMAGE_HELP}

OUTPUT named .zarr becomes an OME-Zarr multiscale image, with the image itself as its finest level:
version 0.4 in Zarr 2, or 0.5 with --zarr-format 3. Its pixels lie where those lie that they stand
for. Axes of time and channels keep their length. Another OUTPUT, say out.tif, becomes out-1.tif,
out-2.tif and so on, without the image itself.

Label images want --statistic mode: means of labels are no labels.

\b
Examples:
  boxel pyramid volume.npy volume.ome.zarr --pixel-size 2 0.5 0.5 --unit micrometer
  boxel pyramid labels.tif labels.ome.zarr --statistic mode
  boxel pyramid huge.zarr huge.ome.zarr --factor 1 2 2 --min-size 512 --memory 512MiB
  boxel pyramid slide.tif small.tif --levels 3 --dtype uint8
"""


@click.command("pyramid", cls=SizesCommand, help=HELP)
@image_argument
@click.argument("output", type=FILE)
@sizes_option(
    "--factor",
    "How much coarser each level is than the one before: one number for all axes or one per axis."
    "  [default: 2]",
)
@statistic_option(STATISTICS)
@click.option("--levels", type=click.IntRange(min=0), metavar="N", help="How many levels to make.")
@click.option(
    "--min-size",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    metavar="N",
    help="Without --levels, levels are made while an axis is longer than this.",
)
@click.option(
    "--boundary",
    default="partial",
    show_default=True,
    metavar="RULE",
    help="Blocks beyond the edge: partial (use what is there), trim (leave out) or exact (an"
    " error).",
)
@click.option("--skipna", is_flag=True, help="Leave NaN out.")
@dtype_option
@channel_axis_option
@click.option(
    "--axes",
    metavar="NAMES",
    help="The names of the axes of IMAGE for OME-Zarr, of t, c, z, y and x. Default: as the file"
    " says; else yx, zyx, czyx or tczyx.",
)
@sizes_option(
    "--pixel-size",
    "The distance of pixels along each axis in space, for OME-Zarr. Default: as the file says; else"
    " 1.",
    type=parse_reals,
)
@click.option("--unit", metavar="NAME", help="The unit of --pixel-size, such as micrometer.")
@click.option(
    "--zarr-format",
    type=click.Choice(["2", "3"]),
    default="2",
    show_default=True,
    help="The version of Zarr.",
)
@streaming_options
def command(factor: Any, zarr_format: str, **options: Any) -> None:
    """Run ``boxel pyramid``."""
    running = Running.taken_from(options)
    job = Job(factor=factor or 2, zarr_format=int(zarr_format), running=running, **options)
    check(job)
    result = run(job)
    running.tell(lambda: record(job, result), lambda: print_summary(job, result))


def print_summary(job: Job, result: Result) -> None:
    """Print what was read and written."""
    image = result.image
    shapes = [shape_text(each.shape) for each in result.levels]
    dtype = result.levels[-1].dtype
    print_rows(
        {
            "image": image_text(job.image, image, image.channel_axis),
            "levels": f"{'; '.join(shapes)}; {job.statistic}, {dtype}",
            "time": f"{describe_time(result.seconds)} for reading and writing, too",
            "wrote": ", ".join(click.format_filename(path) for path in result.outputs),
        }
    )


def record(job: Job, result: Result) -> dict[str, Any]:
    """Return the summary for ``--json``."""
    return {
        **image_record(job.image, result.image, result.image.channel_axis),
        "statistic": job.statistic,
        "factor": job.factor,
        "levels": [
            {
                "shape": list(each.shape),
                "dtype": str(each.dtype),
                "min": each.summary.least,
                "max": each.summary.greatest,
                "mean": each.summary.mean,
            }
            for each in result.levels
        ],
        "seconds": result.seconds,
        "outputs": [click.format_filename(path) for path in result.outputs],
    }
