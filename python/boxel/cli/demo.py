"""``boxel demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from boxel._extras import require
from boxel.cli.demo_jobs import STEPS, Step, inputs_of, run_step
from boxel.cli.demo_page import write_page
from boxel.cli.options import printing_options, workers_option
from boxel.cli.outputs import check_new
from boxel.cli.report import describe_time, print_rows
from boxel.cli.running import Running

__all__ = ["command"]

PAGE = "index.html"

HELP = """Do all six jobs on built-in samples; needs no input.

Writes the samples, the results, one picture per job and index.html, a single page that shows them
with the commands that made them.

\b
Examples:
  boxel demo
  boxel demo --output-dir /tmp/boxel --force --quiet
"""


@click.command("demo", help=HELP)
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    default=Path("boxel-demo"),
    show_default=True,
    help="Folder for the files; made if it does not exist.",
)
@workers_option
@printing_options
def command(output_dir: Path, **options: Any) -> None:
    """Run ``boxel demo``."""
    running = Running.taken_from(options)
    require("PIL", extra="cli")
    require("tifffile", extra="cli")
    require("matplotlib", extra="cli")
    output_dir.mkdir(parents=True, exist_ok=True)
    for name in (*inputs_of(STEPS), *(each for step in STEPS for each in step.outputs), PAGE):
        check_new(output_dir / name, (Path(name).suffix,), force=running.force)
    results = []
    with running.progress("demo") as show:
        for step in STEPS:
            results.append(run_step(step, output_dir, running))
            show(1 / len(STEPS))
    page = output_dir / PAGE
    write_page(page, STEPS, results)
    running.tell(
        lambda: {"page": click.format_filename(page), "jobs": results},
        lambda: print_summary(output_dir, STEPS, results),
    )


def print_summary(folder: Path, steps: tuple[Step, ...], results: list[dict[str, Any]]) -> None:
    """Print a line for each job, where the pictures are, and what to try next."""
    rows = {
        step.name: f"{step.describe(result)}; {describe_time(result['seconds'])};"
        f" {', '.join(step.outputs)}"
        for step, result in zip(steps, results, strict=True)
    }
    rows["page"] = click.format_filename(folder / PAGE)
    print_rows(rows)
    cells = click.format_filename(folder / "cells.png")
    click.echo(f"\ntry: boxel density {cells} --block 48 --stride 12 --threshold otsu")
