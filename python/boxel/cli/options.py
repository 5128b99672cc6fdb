"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from boxel._registry import ACCEPTED_DTYPES
from boxel.cli.parameters import SizesOption, parse_bytes, parse_real, parse_sizes

__all__ = [
    "CHANNEL_HELP",
    "FILE",
    "IMAGE_HELP",
    "channel_axis_option",
    "dtype_option",
    "image_argument",
    "output_option",
    "plot_option",
    "printing_options",
    "result_options",
    "running_options",
    "sizes_option",
    "skipna_options",
    "statistic_option",
    "streaming_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])

IMAGE_HELP = """IMAGE is a PNG, JPEG, TIFF, NIfTI or .npy file, a Zarr folder, or a dataset of an
HDF5 file named as file.h5:/path. It may be larger than memory: it is read part by part, with the
same result."""

CHANNEL_HELP = """A .npy file does not say which axis holds colours: every axis is an axis of the
image, unless --channel-axis names one."""

FILE = click.Path(path_type=Path)

image_argument = click.argument("image", type=FILE)

channel_axis_option = click.option(
    "--channel-axis",
    type=int,
    metavar="AXIS",
    help="The axis that holds colours; negative from the last. Default: as the file says.",
)

dtype_option = click.option(
    "--dtype",
    type=click.Choice(ACCEPTED_DTYPES),
    metavar="TYPE",
    help="Type of the result; into integers it is rounded and saturates. Default: as the statistic"
    " has it; float64 for means of integers.",
)

output_option = click.option(
    "-o",
    "--output",
    type=FILE,
    help="Write the result: .npy, .tif, .zarr and .h5 keep its type, .nii too but for bool and"
    " float16; .png and .jpg need --dtype uint8 where it has another.",
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


memory_option = click.option(
    "--memory",
    type=parse_bytes,
    default="1GiB",
    show_default=True,
    metavar="SIZE",
    help="Memory to use at most, such as 512MiB or 2GB; larger files are read part by part.",
)

workers_option = click.option(
    "--workers", type=int, metavar="N", help="Threads to use. Default: all available."
)


def skipna_options(command: Command) -> Command:
    """Add the options for samples that are missing."""
    options = (
        click.option("--skipna", is_flag=True, help="Leave NaN out."),
        click.option(
            "--min-count",
            type=int,
            default=1,
            show_default=True,
            metavar="N",
            help="Samples that a box needs to have a value.",
        ),
        click.option(
            "--fill-value",
            type=parse_real,
            default="nan",
            show_default=True,
            metavar="VALUE",
            help="The value of boxes with fewer samples.",
        ),
        click.option(
            "--ddof",
            type=parse_real,
            default="0",
            metavar="D",
            help="var and std divide by the number of samples less D. Default: 0.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def statistic_option(names: Iterable[str]) -> Callable[[Command], Command]:
    """Return the option that chooses one of these statistics."""
    return click.option(
        "--statistic",
        default="mean",
        show_default=True,
        metavar="NAME",
        help=f"One of {', '.join(names)}.",
    )


def result_options(command: Command) -> Command:
    """Add the options of commands that make an image of the statistics of boxes."""
    for option in (
        streaming_options,
        plot_option,
        output_option,
        channel_axis_option,
        dtype_option,
    ):
        command = option(command)
    return skipna_options(command)


def streaming_options(command: Command) -> Command:
    """Add the options of commands whose files may be larger than memory."""
    return memory_option(running_options(command))


def running_options(command: Command) -> Command:
    """Add the options for threads, for outputs that exist and for what is printed."""
    return workers_option(printing_options(command))


def printing_options(command: Command) -> Command:
    """Add the options for outputs that exist and for what is printed."""
    options = (
        click.option("-f", "--force", is_flag=True, help="Replace outputs that exist."),
        click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors."),
        click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
    )
    for option in reversed(options):
        command = option(command)
    return command
