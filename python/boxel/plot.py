"""Draw block maps with Matplotlib.

Figures are made as objects, never through ``pyplot``: nothing global changes, no window opens,
and the backend in use is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boxel import block_reduce
from boxel._extras import require
from boxel.files import PathLike, check_output, replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PLOT_SUFFIXES", "heatmap", "save_figure"]

PLOT_SUFFIXES = (".png", ".pdf", ".svg")
"""Suffixes that `save_figure` knows."""

_DRAWN_PIXELS = 2048  # per axis; more than a figure shows, and Matplotlib slows down


def heatmap(
    density: ArrayLike,
    *,
    image: ArrayLike | None = None,
    block_size: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    label: str = "density",
    cmap: str = "inferno",
    vmin: float | None = None,
    vmax: float | None = None,
) -> Axes:
    """Draw a 2-D block map in the pixel coordinates of its image.

    Parameters
    ----------
    density : array_like
        The map: what `boxel.density_map` or `boxel.block_reduce` returned for a 2-D image.
    image : array_like, optional
        The image the map was made of, gray ``(rows, columns)`` or coloured
        ``(rows, columns, 3)``. It is drawn to the left of the map, on the same axes: zooming one
        zooms both. Not together with `ax`.
    block_size : int or pair of ints, optional
        The block size of the map, so that its axes count pixels of the image. Default: taken
        from `image` if there is one, as the ratio of the shapes rounded up; else 1.
    stride : int or pair of ints, optional
        The stride of the map, if it was not the block size. Each value is then drawn as a cell of
        the stride's size at the middle of its block.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure, at ``.figure`` of the result.
    title : str, optional
        Text above the map.
    label : str, optional
        Text beside the colour bar.
    cmap : str, default: "inferno"
        A Matplotlib colour map. The default is perceptually uniform, and reads well in gray.
    vmin, vmax : float, optional
        The values at the ends of the colour bar. Default: the least and greatest of the map.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the map.

    Raises
    ------
    ImportError
        If Matplotlib is not installed: ``pip install 'boxel[plot]'``.
    ValueError
        If `density` is not a non-empty 2-D array, or the other arguments do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> from boxel.plot import heatmap
    >>> image = np.eye(12)
    >>> ax = heatmap(bx.density_map(image, 3), image=image, block_size=3)
    >>> ax.figure.savefig("density.png")  # doctest: +SKIP
    """
    values = _checked_map(density)
    picture = None if image is None else _checked_image(image)
    block = _block_of(values, picture, block_size)
    step = block if stride is None else _pair(stride, "stride")
    if picture is not None and ax is not None:
        raise ValueError("expected image or ax, found both: the image needs a figure of its own")
    if ax is None:
        ax = _new_axes(values.shape, step, picture)
    _draw_map(ax, values, block, step, label=label, cmap=cmap, vmin=vmin, vmax=vmax)
    if picture is not None:
        ax.set_ylabel("")  # the image has it
        ax.set_xlim(-0.5, picture.shape[1] - 0.5)
        ax.set_ylim(picture.shape[0] - 0.5, -0.5)
    if title is not None:
        ax.set_title(title)
    return ax


def save_figure(figure: Figure, path: PathLike, *, overwrite: bool = False) -> None:
    """Write a figure to a ``.png``, ``.pdf`` or ``.svg`` file, complete or not at all.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write.
    path : path-like
        The file; its suffix says the format. The folder must exist.
    overwrite : bool, default: False
        Replace a file that exists.
    """
    check_output(path, PLOT_SUFFIXES, overwrite=overwrite)
    suffix = str(path).rpartition(".")[2].lower()
    with replacing(path) as stream:
        figure.savefig(stream, format=suffix, dpi=150, bbox_inches="tight")


def _checked_map(density: ArrayLike) -> NDArray[Any]:
    values = np.asarray(density)
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"expected a non-empty 2-D map, found the shape {values.shape}")
    return values


def _checked_image(image: ArrayLike) -> NDArray[Any]:
    picture = np.asarray(image)
    coloured = picture.ndim == 3 and picture.shape[2] in (3, 4)
    if picture.size == 0 or not (picture.ndim == 2 or coloured):
        raise ValueError(
            "expected a non-empty image of shape (rows, columns) or (rows, columns, 3),"
            f" found {picture.shape}"
        )
    return picture


def _pair(size: int | Sequence[int], name: str) -> tuple[int, int]:
    sizes = np.atleast_1d(size)
    if sizes.shape not in ((1,), (2,)) or sizes.dtype.kind not in "iu" or sizes.min() < 1:
        raise ValueError(f"expected one or two whole numbers >= 1 for {name}, found {size!r}")
    return (int(sizes[0]), int(sizes[-1]))


def _block_of(
    values: NDArray[Any], picture: NDArray[Any] | None, block_size: int | Sequence[int] | None
) -> tuple[int, int]:
    if block_size is not None:
        return _pair(block_size, "block_size")
    if picture is None:
        return (1, 1)
    rows, columns = (math.ceil(picture.shape[axis] / values.shape[axis]) for axis in (0, 1))
    return (rows, columns)


def _new_axes(shape: tuple[int, ...], step: tuple[int, int], picture: NDArray[Any] | None) -> Axes:
    """Make a figure as wide as the panels need, draw the image, return the axes of the map."""
    figure_module = require("matplotlib.figure", extra="plot")
    panels = 1 if picture is None else 2
    tall = shape[0] * step[0] / (shape[1] * step[1])
    panel = 5.5 * min(1.0, 1.0 / tall)
    # The margins hold the labels, the ticks and the colour bar.
    size = (panels * (max(panel, 1.0) + 0.3) + 1.6, max(panel * tall, 1.2) + 0.9)
    figure = figure_module.Figure(figsize=size, layout="compressed")
    axes = figure.subplots(1, panels, sharex=True, sharey=True, squeeze=False)[0]
    if picture is not None:
        _draw_image(axes[0], picture)
    ax: Axes = axes[-1]
    return ax


def _draw_image(ax: Axes, picture: NDArray[Any]) -> None:
    rows, columns = picture.shape[:2]
    drawn, factors = _shrunk(picture)
    if drawn.ndim == 3 and picture.dtype.kind in "iu":
        drawn = drawn / np.iinfo(picture.dtype).max  # colours as floats run from 0 to 1
    height, width = (drawn.shape[axis] * factors[axis] for axis in (0, 1))
    ax.imshow(drawn, cmap="gray", extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    ax.set(title="image", xlabel="x (pixels)", ylabel="y (pixels)")


def _draw_map(
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
    drawn, factors = _shrunk(values)
    top, left = ((block[axis] - step[axis]) / 2 - 0.5 for axis in (0, 1))
    height, width = (drawn.shape[axis] * factors[axis] * step[axis] for axis in (0, 1))
    mesh = ax.imshow(
        drawn,
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


def _shrunk(array: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, int]]:
    """Return the array as it is drawn: block means where it has more pixels than a figure shows."""
    rows, columns = (math.ceil(length / _DRAWN_PIXELS) for length in array.shape[:2])
    if rows == columns == 1:
        return array, (1, 1)
    return block_reduce(array, (rows, columns), "mean", axes=(0, 1)), (rows, columns)
