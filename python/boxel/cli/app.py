"""The ``boxel`` command and what it does with errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any

import click

import boxel as package

COMMANDS = {
    "density": "Map the density of an image: the fraction of nonzero pixels in each block.",
    "reduce": "Shrink an image: a statistic of each block of pixels or voxels.",
    "filter": "Slide a box over an image and take a statistic of the samples in it.",
    "pyramid": "Write an image at ever coarser levels, each exact.",
    "variance": "The variance of each voxel over many volumes.",
    "regions": "Compute statistics of the regions of an image.",
    "unmix": "Undo a known linear mixing, and say how far to trust the result.",
    "cluster": "Cluster items hierarchically by their distances.",
    "demo": "Do all jobs on samples, with a page of pictures; needs no input.",
    "info": "Show what a file holds, or the version, processor and workers.",
}
"""All commands, in the order of the help. Each is loaded when it is used: help comes at once."""

EXPECTED_ERRORS = (ValueError, TypeError, OverflowError, OSError, ImportError, MemoryError)
"""What files, options or the machine can cause; anything else is a bug and keeps its traceback."""


class BoxelGroup(click.Group):
    """A group of commands whose errors are one line on stderr, with exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"boxel.cli.{cmd_name}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

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
    """Compute statistics over boxes of pixels and voxels; undo known mixings; cluster.

    Shell completion, for bash (zsh and fish alike): eval "$(_BOXEL_COMPLETE=bash_source boxel)"
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
