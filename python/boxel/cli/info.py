"""``boxel info``."""

from __future__ import annotations

from io import StringIO

import click

from boxel import show_config
from boxel.cli.report import print_json

__all__ = ["command"]


@click.command("info")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Show the version, the compiler, the instruction sets and the workers."""
    text = StringIO()
    config = show_config(file=text)
    if as_json:
        print_json(config)
    else:
        click.echo(text.getvalue(), nl=False)
