"""What drawings have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boxel._extras import require
from boxel.blocks import block_reduce

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "DRAWN_PIXELS",
    "checked_image",
    "draw_image",
    "draw_map",
    "new_panels",
    "show_whole",
    "shrunk",
]

DRAWN_PIXELS = 2048  # per axis; more than a figure shows, and Matplotlib slows down


def shrunk(array: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, int]]:
    """Return the array as it is drawn: block means where it has more pixels than a figure shows."""
    rows, columns = (math.ceil(length / DRAWN_PIXELS) for length in array.shape[:2])
    if rows == columns == 1:
        return array, (1, 1)
    return block_reduce(array, (rows, columns), "mean", axes=(0, 1)), (rows, columns)


def checked_image(image: ArrayLike) -> NDArray[Any]:
    """Return a gray or coloured image as an array."""
    picture = np.asarray(image)
    coloured = picture.ndim == 3 and picture.shape[2] in (3, 4)
    if picture.size == 0 or not (picture.ndim == 2 or coloured):
        raise ValueError(
            "expected a non-empty image of shape (rows, columns) or (rows, columns, 3),"
            f" found {picture.shape}"
        )
    return picture


def new_panels(lengths: Sequence[int], panels: int, *, bars: int) -> list[Axes]:
    """Make a figure as large as its panels and colour bars need; return the axes."""
    figure_module = require("matplotlib.figure", extra="plot")
    tall = lengths[0] / lengths[1]
    panel = 5.5 * min(1.0, 1.0 / tall)
    # The margins hold the labels, the ticks and the colour bars.
    size = (panels * (max(panel, 1.0) + 0.3) + 0.6 + bars, max(panel * tall, 1.2) + 0.9)
    figure = figure_module.Figure(figsize=size, layout="compressed")
    return list(figure.subplots(1, panels, sharex=True, sharey=True, squeeze=False)[0])


def draw_image(ax: Axes, picture: NDArray[Any], *, label: str | None = None) -> None:
    """Draw an image in gray or in its colours, in its pixel coordinates.

    With a label, a gray image has a colour bar.
    """
    drawn, factors = shrunk(picture)
    if drawn.ndim == 3 and picture.dtype.kind in "iu":
        drawn = drawn / np.iinfo(picture.dtype).max  # colours as floats run from 0 to 1
    height, width = (drawn.shape[axis] * factors[axis] for axis in (0, 1))
    shown = ax.imshow(
        as_numbers(drawn), cmap="gray", extent=(-0.5, width - 0.5, height - 0.5, -0.5)
    )
    if label is not None and drawn.ndim == 2:
        ax.figure.colorbar(shown, ax=ax, label=label)
    show_whole(ax, picture)
    ax.set(title="image", xlabel="x (pixels)", ylabel="y (pixels)")


def show_whole(ax: Axes, picture: NDArray[Any]) -> None:
    """Let an axes show the pixels of the image and nothing beyond."""
    ax.set(xlim=(-0.5, picture.shape[1] - 0.5), ylim=(picture.shape[0] - 0.5, -0.5))


def draw_map(
    ax: Axes,
    values: NDArray[Any],
    block: tuple[int, int],
    step: tuple[int, int],
    *,
    label: str,
    cmap: str,
    vmin: float | None,
    vmax: float | None,
) -> None:
    """Draw a map in the pixel coordinates of its image, with a colour bar."""
    drawn, factors = shrunk(values)
    top, left = ((block[axis] - step[axis]) / 2 - 0.5 for axis in (0, 1))
    height, width = (drawn.shape[axis] * factors[axis] * step[axis] for axis in (0, 1))
    mesh = ax.imshow(
        as_numbers(drawn),
        cmap=cmap,
        vmin=vmin,
        vmax=vmax,
        aspect="equal",
        interpolation="antialiased",
        extent=(left, left + width, top + height, top),
    )
    ax.set_xlim(left, left + values.shape[1] * step[1])
    ax.set_ylim(top + values.shape[0] * step[0], top)
    ax.set(xlabel="x (pixels)", ylabel="y (pixels)")
    ax.figure.colorbar(mesh, ax=ax, label=label)


def as_numbers(array: NDArray[Any]) -> NDArray[Any]:
    """Return bool as 0 and 1, for which Matplotlib has colour bars."""
    return array.view(np.uint8) if array.dtype == bool else array
