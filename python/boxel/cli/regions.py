"""``boxel regions``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import click

from boxel import STATISTICS
from boxel._region_calls import GEOMETRY
from boxel.cli.options import FILE, channel_axis_option, image_argument, streaming_options
from boxel.cli.parameters import NamesCommand, NamesOption, parse_names, parse_real
from boxel.cli.regions_job import Job, Result, check, run, table_of, write
from boxel.cli.report import describe_time, image_record, image_text, print_rows
from boxel.cli.running import Running

__all__ = ["command"]

HELP = """Compute statistics of the regions of an image, given by a mask or by labels.

IMAGE, MASK and LABELS are PNG, JPEG, TIFF, NIfTI, HDF5 (file.h5:/path) or .npy files or Zarr
folders, which may be larger than memory. Every channel of a colour image has its
own statistics; alpha is ignored. A .npy file does not say which axis holds colours: axes behind
those of the mask or labels are channels, unless --channel-axis names one.

\b
Examples:
  boxel regions photo.png --mask sky.png
  boxel regions cells.tif --labels labels.tif --csv cells.csv
  boxel regions cells.tif --labels labels.tif --statistics count mean std centroid
"""

_SHOWN = 20  # rows of a table that are printed


@click.command("regions", cls=NamesCommand, help=HELP)
@image_argument
@click.option("--mask", type=FILE, help="Pixels that are not 0 count: bool, 0 and 1 or 0 and 255.")
@click.option("--labels", type=FILE, help="The region of every pixel, as integers.")
@click.option(
    "--statistics",
    cls=NamesOption,
    names=(*STATISTICS, *GEOMETRY),
    type=parse_names,
    default="count,mean",
    show_default=True,
    metavar="NAME...",
    help=f"Any of {', '.join(STATISTICS)}; with labels {' and '.join(GEOMETRY)}, too.",
)
@click.option(
    "--background",
    default="0",
    show_default=True,
    metavar="LABEL",
    help="The label that is no region, or 'none'.",
)
@click.option(
    "--ddof",
    type=parse_real,
    default="0",
    metavar="D",
    help="var and std divide by the number of samples less D. Default: 0.",
)
@click.option("--skipna", is_flag=True, help="Leave NaN out.")
@channel_axis_option
@click.option("--csv", type=FILE, help="Write the table, with all digits, to a .csv file.")
@streaming_options
def command(statistics: Any, background: str, **options: Any) -> None:
    """Run ``boxel regions``."""
    running = Running.taken_from(options)
    names = (statistics,) if isinstance(statistics, str) else tuple(statistics)
    job = Job(statistics=names, background=_background(background), running=running, **options)
    check(job)
    result = run(job)
    write(job, result)
    running.tell(lambda: record(job, result), lambda: print_summary(job, result))


def _background(text: str) -> int | None:
    if text.lower() == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise ValueError(
            f"expected an integer or 'none' for --background, found {text!r}"
        ) from None


def print_summary(job: Job, result: Result) -> None:
    """Print what was read and written, and the table."""
    header, rows = table_of(result)
    lines = {"image": image_text(job.image, result.image, result.image.channel_axis)}
    if job.mask is not None:
        lines["mask"] = click.format_filename(job.mask)
    if job.labels is not None:
        lines["labels"] = f"{click.format_filename(job.labels)}, {len(rows)} regions"
    lines["time"] = f"{describe_time(result.seconds)} for the statistics alone"
    if job.csv is not None:
        lines["wrote"] = click.format_filename(job.csv)
    print_rows(lines)
    if rows:
        click.echo()
        for line in aligned(header, rows[:_SHOWN]):
            click.echo(line)
    if len(rows) > _SHOWN:
        click.echo(f"... and {len(rows) - _SHOWN} more; --csv writes them all")


def aligned(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return the lines of a table whose columns are as wide as they must be."""
    cells = [list(header), *([_cell(each) for each in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in cells
    ]


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def record(job: Job, result: Result) -> dict[str, Any]:
    """Return the summary for ``--json``."""
    header, rows = table_of(result)
    # JSON knows no NaN and no infinities.
    plain = [
        [None if isinstance(each, float) and not math.isfinite(each) else each for each in row]
        for row in rows
    ]
    return {
        **image_record(job.image, result.image, result.image.channel_axis),
        "mask": None if job.mask is None else click.format_filename(job.mask),
        "labels": None if job.labels is None else click.format_filename(job.labels),
        "regions": [dict(zip(header, row, strict=True)) for row in plain],
        "seconds": result.seconds,
        "csv": None if job.csv is None else click.format_filename(job.csv),
    }
