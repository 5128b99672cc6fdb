"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from boxel.cli.parameters import SizesOption, parse_sizes

__all__ = [
    "FILE",
    "channel_axis_option",
    "image_argument",
    "plot_option",
    "running_options",
    "sizes_option",
]

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)

image_argument = click.argument("image", type=FILE)

channel_axis_option = click.option(
    "--channel-axis",
    type=int,
    metavar="AXIS",
    help="The axis that holds colours; negative from the last. Default: as the file says.",
)

plot_option = click.option(
    "--plot", type=FILE, help="Draw image and result side by side: .png, .pdf or .svg."
)


def sizes_option(
    name: str, help: str, *, type: Callable[[str], Any] = parse_sizes, required: bool = False
) -> Callable[[Command], Command]:
    """Return an option that takes one number for all axes or one per axis."""
    return click.option(
        name, cls=SizesOption, type=type, metavar="N...", required=required, help=help
    )


def running_options(command: Command) -> Command:
    """Add the options for threads, for outputs that exist and for what is printed."""
    options = (
        click.option(
            "--workers", type=int, metavar="N", help="Threads to use. Default: all available."
        ),
        click.option("-f", "--force", is_flag=True, help="Replace outputs that exist."),
        click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors."),
        click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
    )
    for option in reversed(options):
        command = option(command)
    return command
