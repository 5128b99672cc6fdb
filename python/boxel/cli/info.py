"""``boxel info``."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import click

from boxel import show_config
from boxel.cli.inputs import open_image
from boxel.cli.options import FILE
from boxel.cli.report import image_record, image_text, print_json, print_rows, shape_text
from boxel.streaming.windows import bytes_text

__all__ = ["command"]

HELP = """Show what files hold, or without any the version, compiler, instruction sets and workers.

\b
Examples:
  boxel info
  boxel info scan.nii.gz stack.h5:/volume image.ome.zarr --json
"""


@click.command("info", help=HELP)
@click.argument("files", type=FILE, nargs=-1, metavar="[FILES]...")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(files: tuple[Path, ...], quiet: bool, as_json: bool) -> None:
    """Run ``boxel info``."""
    if files:
        records = [describe(path) for path in files]
        if as_json:
            print_json(records)
        elif not quiet:
            for number, path in enumerate(files):
                if number:
                    click.echo()
                print_rows(rows_of(path))
        return
    text = StringIO()
    config = show_config(file=text)
    if as_json:
        print_json(config)
    elif not quiet:
        click.echo(text.getvalue(), nl=False)


def describe(path: Path) -> dict[str, Any]:
    """Return what a file holds."""
    with open_image(path) as image:
        return {
            **image_record(path, image, image.channel_axis),
            "bytes": image.source.nbytes,
            "chunks": list(image.source.chunks),
        }


def rows_of(path: Path) -> dict[str, str]:
    """Return what a file holds, for people."""
    with open_image(path) as image:
        source = image.source
        rows = {
            "image": image_text(path, image, image.channel_axis),
            "size": f"{bytes_text(source.nbytes)} in memory",
        }
        if any(size > 1 for size in source.chunks):
            rows["chunks"] = shape_text(source.chunks)
        return rows
