"""The ``boxel`` command and what it does with errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import click

import boxel as package
from boxel.cli.cluster import cluster
from boxel.cli.demo import demo
from boxel.cli.density import density
from boxel.cli.filter import filter_command
from boxel.cli.info import info
from boxel.cli.regions import regions
from boxel.cli.unmix import unmix
from boxel.cli.variance import variance

EXPECTED_ERRORS = (ValueError, TypeError, OverflowError, OSError, ImportError, MemoryError)
"""What files, options or the machine can cause; anything else is a bug and keeps its traceback."""


class BoxelGroup(click.Group):
    """A group of commands whose errors are one line on stderr, with exit code 2."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line; in standalone mode, exit as its users expect."""
        run = partial(super().main, args, prog_name, complete_var, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        try:
            code: Any = run()
        except (click.ClickException, *EXPECTED_ERRORS) as error:
            click.echo(f"boxel: error: {describe(error)}", err=True)
            sys.exit(2)
        except (click.Abort, KeyboardInterrupt):
            click.echo("boxel: interrupted", err=True)
            sys.exit(130)
        # What a command returns is its result; what click returns for --help is an exit code.
        sys.exit(code if isinstance(code, int) else 0)


def describe(error: BaseException) -> str:
    """Return what went wrong in one line."""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        text = f"{error.format_message().rstrip('.')} (see '{error.ctx.command_path} --help')"
    elif isinstance(error, click.ClickException):
        text = error.format_message()
    elif isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{os.fsdecode(error.filename)}: {error.strerror}"
    else:
        text = str(error) or type(error).__name__
    line = " ".join(text.split())
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)


@click.group(cls=BoxelGroup, invoke_without_command=True)
@click.version_option(package.__version__, message="%(prog)s %(version)s")
@click.pass_context
def boxel(context: click.Context) -> None:
    """Compute statistics over boxes of pixels and voxels; undo known mixings."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (
    density,
    filter_command,
    variance,
    regions,
    unmix,
    cluster,
    demo,
    info,
):
    boxel.add_command(command)
