"""Check and open what the commands produce."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from boxel._extras import require
from boxel.cli.inputs import Image
from boxel.cli.running import Running
from boxel.files import ARRAY_SUFFIXES, check_output
from boxel.formats import create
from boxel.formats.hdf5 import split_dataset
from boxel.formats.pictures import picture_dtypes
from boxel.formats.source import Array, lengths_of
from boxel.formats.table import check_dtype, check_holds, is_rgb, knows_colours, suffix_of
from boxel.streaming.arrays import axis_order
from boxel.streaming.collecting import Collector
from boxel.streaming.windows import Cut

__all__ = [
    "check_format",
    "check_image_format",
    "check_new",
    "check_outputs",
    "collecting",
    "refuse_same_files",
]


def check_outputs(image: Path, output: Path | None, plot: Path | None, *, force: bool) -> None:
    """Refuse outputs that cannot be written, before the work."""
    refuse_same_files([image, output, plot])
    if output is not None:
        check_new(output, force=force)
    if plot is not None:
        require("matplotlib", extra="plot")
        from boxel.plot import PLOT_SUFFIXES

        check_new(plot, PLOT_SUFFIXES, force=force)


def check_new(path: Path, suffixes: Sequence[str] = ARRAY_SUFFIXES, *, force: bool) -> None:
    """Refuse an output that cannot be written, before the work."""
    try:
        check_output(path, suffixes, overwrite=force)
    except FileExistsError as error:
        raise FileExistsError(f"{error} (--force replaces it)") from error


def refuse_same_files(paths: Sequence[Path | None]) -> None:
    """Refuse outputs that would replace the input or one another."""
    given = [path for path in paths if path is not None]
    for first, second in combinations(given, 2):
        one, other = (Path(os.path.realpath(split_dataset(each)[0])) for each in (first, second))
        inside = (one.is_dir() and one in other.parents) or (
            other.is_dir() and other in one.parents
        )
        if one == other or inside:
            raise ValueError(f"expected different files for input and outputs, found {first} twice")


def check_format(
    output: Path | None,
    axes: int,
    dtype: np.dtype[Any],
    *,
    channel_axis: int | None = None,
    channels: int = 1,
    image: np.dtype[Any] | None = None,
) -> None:
    """Refuse a result that the format of the output cannot hold, whatever its lengths.

    `image` is the dtype of the image, which gray levels may take instead.
    """
    if output is None:
        return
    shape = [1] * axes
    if channel_axis is not None:
        shape[channel_axis] = channels
    check_holds(suffix_of(output), shape, channel_axis=channel_axis)
    suffix, coloured = suffix_of(output), is_rgb(shape, channel_axis)
    try:
        check_dtype(suffix, dtype, coloured=coloured)
    except ValueError as error:
        if image is None or suffix not in (".png", ".jpg", ".jpeg"):
            raise
        held = picture_dtypes(suffix, coloured)
        # Of those it can hold, the image's own type is the one that surely has room for its values.
        own = image.newbyteorder("=").name
        advice = own if own in held else " or ".join(held)
        raise ValueError(f"{error}; or add --dtype {advice}, which rounds and saturates") from error


def check_image_format(output: Path | None, image: Image, dtype: np.dtype[Any]) -> None:
    """Refuse an image of the axes of another, if the format of the output cannot hold it."""
    channels = 1 if image.channel_axis is None else image.shape[image.channel_axis]
    check_format(
        output,
        image.ndim,
        dtype,
        channel_axis=image.channel_axis,
        channels=channels,
        image=image.dtype,
    )


@contextmanager
def collecting(
    output: Path | None,
    running: Running,
    shape: Sequence[int],
    dtype: np.dtype[Any],
    *,
    order: Sequence[int],
    channel_axis: int | None = None,
    stored: np.dtype[Any] | None = None,
    convert: Callable[[Array], Array] | None = None,
    keep: bool = False,
    affine: Array | None = None,
    parts: Sequence[Cut] = (),
) -> Iterator[Collector]:
    """Open an output, if there is one, and hand out what takes the windows of the result.

    The file appears once all went well. `parts` are about those that the result will come in;
    `stored` is the dtype in the file where `convert` makes another of the values.
    """
    with ExitStack() as stack:
        sink, axes = None, None
        shape = tuple(shape)
        if output is not None:
            lengths = shape
            coloured = knows_colours(suffix_of(output)) and is_rgb(shape, channel_axis)
            if coloured and channel_axis is not None:
                others = [axis for axis in range(len(shape)) if axis != channel_axis]
                axes = (*others, channel_axis)
                lengths = tuple(shape[axis] for axis in axes)
            sink = stack.enter_context(
                create(
                    output,
                    lengths,
                    dtype if stored is None else stored,
                    channel_axis=len(shape) - 1 if coloured else None,
                    order=axis_order(order, len(shape)),
                    affine=affine,
                    together=lengths_of(parts[0].outputs) if parts and axes is None else None,
                    overwrite=running.force,
                )
            )
        yield Collector(
            shape,
            dtype,
            sink=sink,
            axes=axes,
            convert=convert,
            keep=keep,
            summarize=running.summarizes,
        )
