"""``boxel demo``."""

from __future__ import annotations

from pathlib import Path

import click

from boxel._extras import require
from boxel.cli.density import print_summary
from boxel.cli.density_job import Job, check, run
from boxel.cli.outputs import check_new
from boxel.cli.running import Running
from boxel.files import write_array
from boxel.samples import cells

__all__ = ["command"]

BLOCK = 25


@click.command("demo")
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    default=Path("boxel-demo"),
    show_default=True,
    help="Folder for the files; made if it does not exist.",
)
@click.option("-f", "--force", is_flag=True, help="Replace files of an earlier demo.")
def command(output_dir: Path, force: bool) -> None:
    """Make a sample image, map its density and draw both; needs no input.

    The sample is a synthetic fluorescence micrograph of cell nuclei. Pixels brighter than Otsu's
    threshold count as cell, and the map says how much of each block the cells cover.
    """
    require("PIL", extra="cli")
    require("matplotlib", extra="cli")
    output_dir.mkdir(parents=True, exist_ok=True)
    job = demo_job(output_dir, force)
    check_new(job.image, force=force)
    check(job)
    write_array(job.image, cells(), overwrite=force)
    result = run(job)
    print_summary(job, result)
    path = click.format_filename(job.image)
    click.echo(f"\ntry: boxel density {path} --block 48 --stride 12 --threshold otsu")


def demo_job(folder: Path, force: bool) -> Job:
    """Return the density job of the demo."""
    return Job(
        image=folder / "cells.png",
        block=BLOCK,
        stride=None,
        boundary="partial",
        dtype=None,
        threshold="otsu",
        channel_axis=None,
        output=folder / "density.npy",
        png_bits=8,
        plot=folder / "density.png",
        running=Running(force=force),
    )
