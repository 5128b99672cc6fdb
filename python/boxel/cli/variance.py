"""``boxel variance``."""

from __future__ import annotations

from typing import Any

import click

from boxel.cli.options import FILE, streaming_options
from boxel.cli.report import describe_values, print_result, result_record, shape_text
from boxel.cli.running import Running
from boxel.cli.variance_job import Job, Result, check, run

__all__ = ["command"]

HELP = """The variance of each voxel over many volumes.

FILES are .npy, TIFF, NIfTI, HDF5 (file.h5:/path), PNG or JPEG files or Zarr folders, read one at a
time: memory does not grow with their number, and large volumes are taken part by part. Each is one
sample, or holds several along --axis; a single file needs --axis.

\b
Examples:
  boxel variance scan-*.npy --ddof 1 -o var.npy --mean mean.npy
  boxel variance bold.nii --axis -1 -o var.npy --plot variance.png
  boxel variance run-*.nii --checkpoint run.state --resume -o var.npy
"""


@click.command("variance", help=HELP)
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILES...")
@click.option(
    "--axis", type=int, metavar="AXIS", help="The axis of the samples in each file; -1 is the last."
)
@click.option(
    "--ddof", type=float, default=0, show_default=True, help="The divisor is the count minus this."
)
@click.option("--skipna", is_flag=True, help="Leave NaN out.")
@click.option(
    "--dtype", help="What all samples cast to; integers are summed exactly. Default: as the first."
)
@click.option("-o", "--output", type=FILE, help="Write the variance: .npy, .tif, .nii, .zarr, .h5.")
@click.option("--mean", type=FILE, help="Write the mean: .npy, .tif, .nii, .zarr, .h5.")
@click.option(
    "--checkpoint", type=FILE, help="Keep the statistics so far in this file, to go on from it."
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint, if it is there.")
@click.option(
    "--checkpoint-interval",
    type=float,
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="The least time between two checkpoints.",
)
@click.option("--plot", type=FILE, help="Draw mean and variance: .png, .pdf or .svg.")
@streaming_options
def command(**options: Any) -> None:
    """Run ``boxel variance``."""
    running = Running.taken_from(options)
    job = Job(running=running, **options)
    check(job)
    result = run(job)
    running.tell(lambda: record(job, result), lambda: print_summary(job, result))


def print_summary(job: Job, result: Result) -> None:
    """Print what was read and written; and the variance, if small."""
    files = f"{len(job.files)} file{'s' if len(job.files) > 1 else ''}"
    resumed = f", {result.resumed} from the checkpoint" if result.resumed else ""
    rows = {
        "samples": f"{result.samples} of {shape_text(result.variance.shape)}, "
        f"{result.dtype}, in {files}{resumed}",
        "variance": f"{describe_values(result.variance, 'variance')}; ddof {job.ddof:g}",
    }
    outputs = (job.output, job.mean, job.plot)
    print_result(rows, "statistics", result.variance, result.seconds, outputs)


def record(job: Job, result: Result) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "files": [click.format_filename(path) for path in job.files],
        "axis": job.axis,
        "samples": result.samples,
        "resumed": result.resumed,
        "sample_dtype": str(result.dtype),
        "ddof": job.ddof,
        **result_record(result.variance, result.seconds, job.output, job.plot),
        "mean_output": None if job.mean is None else click.format_filename(job.mean),
    }
