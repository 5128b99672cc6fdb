"""``boxel cluster``."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from boxel import LINKAGE_METHODS
from boxel.cli.cluster_job import Job, Result, check, run, write
from boxel.cli.options import FILE, running_options
from boxel.cli.report import describe_time, print_json, print_rows, shape_text

__all__ = ["command"]

HELP = """Cluster items hierarchically, from the distances between them.

DISTANCES is a .npy or .csv file with a square or a condensed distance matrix; it is never taken for
observations. The names of the items may stand in the first line of a CSV file, in its first column,
or in both.

Without outputs, a summary is printed.

\b
Examples:
  boxel cluster distances.csv --clusters 3 -o labels.csv
  boxel cluster distances.npy --method ward --plot dendrogram.png
  boxel cluster distances.npy --distance 0.6 --linkage Z.npy
"""

_SHOWN = 12  # clusters whose sizes are listed


@click.command("cluster", help=HELP)
@click.argument("distances", type=FILE)
@click.option(
    "--method",
    type=click.Choice(LINKAGE_METHODS),
    default="average",
    show_default=True,
    help="How far two clusters are apart.",
)
@click.option("--clusters", type=int, metavar="K", help="Cut the tree into K clusters.")
@click.option("--distance", type=float, metavar="T", help="Cut the tree at the distance T.")
@click.option(
    "-o", "--output", type=FILE, help="Write the cluster of each item (from 0) to a .csv file."
)
@click.option("--linkage", type=FILE, help="Write the tree, as SciPy's Z, to a .npy file.")
@click.option("--plot", type=FILE, help="Draw the dendrogram: .png, .pdf or .svg.")
@running_options
def command(quiet: bool, as_json: bool, **options: Any) -> None:
    """Run ``boxel cluster``."""
    job = Job(**options)
    check(job)
    result = run(job)
    write(job, result)
    if as_json:
        print_json(record(job, result))
    elif not quiet:
        print_rows(summary(job, result))


def summary(job: Job, result: Result) -> dict[str, str]:
    """Return what was read, done and written."""
    heights = result.tree[:, 2]
    path = click.format_filename(job.distances)
    rows = {
        "distances": f"{path}, {shape_text(result.shape)}, {result.dtype}",
        "items": str(len(result.names)),
        "joined": f"at {heights.min():.4g} to {heights.max():.4g}" if len(heights) else "nothing",
        "method": job.method,
    }
    if result.labels is not None:
        sizes = np.bincount(result.labels).tolist()
        listed = ", ".join(map(str, sizes[:_SHOWN])) + (", ..." if len(sizes) > _SHOWN else "")
        rows["clusters"] = f"{len(sizes)}, of {listed} items"
    rows["time"] = f"{describe_time(result.seconds)} for the tree alone"
    outputs = [path for path in (job.output, job.linkage, job.plot) if path is not None]
    if outputs:
        rows["wrote"] = ", ".join(map(click.format_filename, outputs))
    return rows


def record(job: Job, result: Result) -> dict[str, Any]:
    """Return the summary for ``--json``."""
    labels = None if result.labels is None else result.labels.tolist()
    paths = {"output": job.output, "linkage": job.linkage, "plot": job.plot}
    return {
        "distances": click.format_filename(job.distances),
        "items": len(result.names),
        "method": job.method,
        "clusters": None if labels is None else max(labels) + 1,
        "labels": None if labels is None else dict(zip(result.names, labels, strict=True)),
        "seconds": result.seconds,
        **{
            name: None if path is None else click.format_filename(path)
            for name, path in paths.items()
        },
    }
