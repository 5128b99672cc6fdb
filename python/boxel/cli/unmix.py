"""``boxel unmix``."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from boxel.cli.options import FILE, printing_options
from boxel.cli.parameters import parse_alpha
from boxel.cli.report import image_text, print_json, print_result
from boxel.cli.unmix_job import Job, Result, check, run, write
from boxel.mixing.diagnosis import ACTIONS, METHODS
from boxel.mixing.operands import SIDES
from boxel.streaming.collecting import collected

__all__ = ["command"]

HELP = """Undo a known linear mixing, and say how far to trust the result.

MIXED is the mixture, an image of rows times mixed channels; B is the matrix that mixed it, of
unknown times mixed channels: MIXED = X @ B. Each is a .npy, TIFF, PNG or JPEG file.

\b
Examples:
  boxel unmix mixed.npy --mixing matrix.npy -o image.npy
  boxel unmix mixed.png --mixing matrix.npy --method ridge -o image.png --plot report.png
"""


@click.command("unmix", help=HELP)
@click.argument("mixed", type=FILE)
@click.option("--mixing", type=FILE, metavar="B", required=True, help="The matrix that mixed.")
@click.option(
    "--side",
    type=click.Choice(SIDES),
    default=SIDES[0],
    show_default=True,
    help="Where the matrix stood: right (X @ B) or left (B @ X).",
)
@click.option(
    "--method", type=click.Choice(METHODS), default=METHODS[0], show_default=True, help="How."
)
@click.option("--rtol", type=float, help="Singular values below this times the largest are zero.")
@click.option(
    "--alpha",
    type=parse_alpha,
    metavar="A|gcv|discrepancy",
    help="How strongly ridge regularises, or how to choose it.",
)
@click.option("--noise-std", type=float, help="Standard deviation of the noise in MIXED.")
@click.option(
    "--refine", type=int, default=1, show_default=True, help="Steps of iterative refinement."
)
@click.option(
    "--on-ill-conditioned",
    type=click.Choice(ACTIONS),
    default=ACTIONS[0],
    show_default=True,
    help="What to do where X is not determined.",
)
@click.option(
    "-o",
    "--output",
    type=FILE,
    help="Write X: .npy and .tif keep floats, .png has gray levels, rounded and cut off.",
)
@click.option(
    "--png-bits",
    type=click.Choice(["8", "16"]),
    default="8",
    show_default=True,
    help="Bits per gray level of a .png file.",
)
@click.option("--plot", type=FILE, help="Draw mixture, X and singular values: .png, .pdf or .svg.")
@printing_options
def command(quiet: bool, as_json: bool, png_bits: str, **options: Any) -> None:
    """Run ``boxel unmix``."""
    job = Job(png_bits=int(png_bits), **options)
    check(job)
    result = run(job)
    write(job, result)
    if result.warning is not None:
        click.echo(f"boxel: warning: {result.warning}", err=True)
    if as_json:
        print_json(record(job, result))
    elif not quiet:
        print_summary(job, result)


def print_summary(job: Job, result: Result) -> None:
    """Print what was read, the report, and what was written; and the image, if small."""
    rows = {
        "mixed": image_text(job.mixed, result.mixed, None),
        "mixing": f"{image_text(job.mixing, result.mixing, None)}, on the {job.side}",
        **result.unmixed.rows(),
    }
    print_result(
        rows, "unmixing", collected(result.unmixed.x), result.seconds, (job.output, job.plot)
    )


def record(job: Job, result: Result) -> dict[str, Any]:
    """Return the report for ``--json``."""
    found = result.unmixed
    names = (
        "method",
        "refinements",
        "unknowns",
        "rank",
        "condition_number",
        "condition_is_exact",
        "digits",
        "alpha",
        "degrees_of_freedom",
        "noise_std",
        "backward_error",
        "forward_error_bound",
        "solver_error_bound",
        "noise_gain",
        "recoverability",
        "singular_values",
    )
    return {
        "mixed": click.format_filename(job.mixed),
        "mixing": click.format_filename(job.mixing),
        "side": job.side,
        "shape": list(found.x.shape),
        "dtype": str(found.x.dtype),
        **{name: _plain(getattr(found, name)) for name in names},
        "warning": result.warning,
        "seconds": result.seconds,
        "output": None if job.output is None else click.format_filename(job.output),
        "plot": None if job.plot is None else click.format_filename(job.plot),
    }


def _plain(value: Any) -> Any:
    """Return a value that JSON has; it has no infinity."""
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value.tolist()]
    return None if isinstance(value, float) and not np.isfinite(value) else value
