"""Draw block maps, filtered images, variances, unmixings and cluster trees with Matplotlib.

Figures are made as objects, never through ``pyplot``: nothing global changes, no window opens,
and the backend in use is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boxel._dendrogram import dendrogram
from boxel._drawing import checked_image, draw_image, draw_map, new_panels, show_whole
from boxel._mixing_plots import singular_values, unmixing
from boxel._region_plots import regions
from boxel.files import PathLike, check_output, replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "PLOT_SUFFIXES",
    "comparison",
    "dendrogram",
    "heatmap",
    "regions",
    "save_figure",
    "singular_values",
    "unmixing",
    "variance",
]

PLOT_SUFFIXES = (".png", ".pdf", ".svg")
"""Suffixes that `save_figure` knows."""


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
    picture = None if image is None else checked_image(image)
    block = _block_of(values, picture, block_size)
    step = block if stride is None else _pair(stride, "stride")
    if picture is not None and ax is not None:
        raise ValueError("expected image or ax, found both: the image needs a figure of its own")
    if ax is None:
        ax = _new_axes(values.shape, step, picture)
    draw_map(ax, values, block, step, label=label, cmap=cmap, vmin=vmin, vmax=vmax)
    if picture is not None:
        ax.set_ylabel("")  # the image has it
        show_whole(ax, picture)
    if title is not None:
        ax.set_title(title)
    return ax


def comparison(
    image: ArrayLike,
    result: ArrayLike,
    *,
    size: int | Sequence[int] = 1,
    mode: str | Sequence[str] = "reflect",
    stride: int | Sequence[int] = 1,
    channel_axis: int | None = None,
    axes: Sequence[Axes] | None = None,
    title: str | None = None,
    label: str = "result",
    cmap: str = "viridis",
    vmin: float | None = None,
    vmax: float | None = None,
) -> tuple[Axes, Axes]:
    """Draw an image and what a filter made of it side by side, each with its colour bar.

    Both are drawn in the pixel coordinates of the image, on the same axes: zooming one zooms both.
    Of an image of more than two axes the middle slice is drawn: the middle along all axes but the
    last two. The titles say which one.

    Parameters
    ----------
    image : array_like
        The image, of two or more axes.
    result : array_like
        What `boxel.box_filter` or `boxel.uniform_filter` returned for it.
    size, mode, stride : optional
        As given to `boxel.box_filter`. They tell which pixel a sample of the result belongs to.
    channel_axis : int, optional
        The axis that holds colours, in the image and in the result. The image is then drawn in
        colour if it has three, and of the result the mean over the colours.
    axes : pair of matplotlib.axes.Axes, optional
        Where to draw image and result. Default: a new figure, at ``.figure`` of each.
    title : str, optional
        Text above the result.
    label : str, optional
        Text beside the colour bar of the result.
    cmap : str, default: "viridis"
        A Matplotlib colour map for the result. The image is gray.
    vmin, vmax : float, optional
        The values at the ends of the result's colour bar. Default: its least and greatest.

    Returns
    -------
    tuple of matplotlib.axes.Axes
        The axes of the image and of the result.

    Raises
    ------
    ImportError
        If Matplotlib is not installed: ``pip install 'boxel[plot]'``.
    ValueError
        If the arrays are empty, have fewer than two axes or not the same number of them, or the
        other arguments do not fit them.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> from boxel.plot import comparison
    >>> volume = np.random.default_rng(0).random((20, 30, 40))
    >>> smooth = bx.box_filter(volume, 5, mode="valid")
    >>> on_the_left, on_the_right = comparison(volume, smooth, size=5, mode="valid")
    >>> on_the_left.get_title()
    'image, slice [10, :, :]'
    >>> on_the_left.figure.savefig("smooth.png")  # doctest: +SKIP
    """
    picture, values = _checked_pair(image, result, channel_axis)
    dimensions = values.ndim
    steps = _per_axis(stride, dimensions, "stride")
    boxes = _boxes_that_trim(_per_axis(size, dimensions, "size"), mode)
    place = tuple(length // 2 for length in values.shape[:-2])
    origin_place = tuple(
        min(index * step + box // 2, length - 1)
        for index, step, box, length in zip(place, steps, boxes, picture.shape, strict=False)
    )
    plane, drawn = picture[origin_place], values[place]
    step, box = (steps[-2], steps[-1]), (boxes[-2], boxes[-1])
    if axes is None:
        axes = new_panels(plane.shape[:2], 2, bars=2)
    left, right = axes
    if channel_axis is not None:
        label = f"{label}, averaged over the colours"
    draw_image(left, plane, label="image")
    draw_map(right, drawn, box, step, label=label, cmap=cmap, vmin=vmin, vmax=vmax)
    right.set_ylabel("")  # the image has it
    for ax in (left, right):
        show_whole(ax, plane)
    left.set_title(f"image{_slice_text(origin_place)}")
    right.set_title(f"{title or 'result'}{_slice_text(place)}")
    return left, right


def variance(
    mean: ArrayLike,
    variance: ArrayLike,
    *,
    axes: Sequence[Axes] | None = None,
    title: str = "variance",
    label: str = "variance",
    cmap: str = "viridis",
    vmin: float | None = None,
    vmax: float | None = None,
) -> tuple[Axes, Axes]:
    """Draw the mean of each voxel and its variance side by side.

    Of volumes the middle slice is drawn, along the two longest axes. The titles say which one.

    Parameters
    ----------
    mean, variance : array_like
        Of two or more axes: what `boxel.voxel_mean_var` returned, or the `mean` and `var()` of
        `boxel.RunningStats`.
    axes : pair of matplotlib.axes.Axes, optional
        Where to draw the two. Default: a new figure, at ``.figure`` of each.
    title, label : str
        Text above the variance, and beside its colour bar; for a standard deviation, say so.
    cmap : str, default: "viridis"
        A Matplotlib colour map for the variance. The mean is gray.
    vmin, vmax : float, optional
        The values at the ends of the variance's colour bar. Default: its least and greatest.

    Returns
    -------
    tuple of matplotlib.axes.Axes
        The axes of the mean and of the variance.

    Raises
    ------
    ImportError
        If Matplotlib is not installed: ``pip install 'boxel[plot]'``.
    ValueError
        If the arrays are empty or have fewer than two axes.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> from boxel.plot import variance
    >>> stats = bx.RunningStats().update_many(np.random.default_rng(0).random((5, 8, 20, 30)))
    >>> on_the_left, on_the_right = variance(stats.mean, stats.var(ddof=1))
    >>> on_the_left.get_title(), on_the_right.get_title()
    ('mean, slice [4, :, :]', 'variance, slice [4, :, :]')
    """
    picture, values = _checked_pair(mean, variance, None)
    if picture.shape != values.shape:
        raise ValueError(
            f"expected mean and variance of one shape, found {picture.shape} and {values.shape}"
        )
    plane = _longest_plane(values.shape)
    left, right = comparison(
        picture[plane], values[plane], axes=axes, label=label, cmap=cmap, vmin=vmin, vmax=vmax
    )
    where = ", ".join(":" if isinstance(index, slice) else str(index) for index in plane)
    slice_text = f", slice [{where}]" if values.ndim > 2 else ""
    bar = left.get_images()[0].colorbar
    if bar is not None:
        bar.set_label("mean")
    left.set_title(f"mean{slice_text}")
    right.set_title(f"{title}{slice_text}")
    return left, right


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


def _checked_pair(
    image: ArrayLike, result: ArrayLike, channel_axis: int | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return image and result with the colours last in the image and averaged in the result."""
    picture, values = np.asarray(image), np.asarray(result)
    if picture.ndim != values.ndim or 0 in (picture.size, values.size):
        raise ValueError(
            "expected an image and a result that have as many axes and are not empty, found the"
            f" shapes {picture.shape} and {values.shape}"
        )
    if channel_axis is not None:
        picture = np.moveaxis(picture, channel_axis, -1)
        values = values.mean(axis=channel_axis, dtype=np.float64)
        if picture.shape[-1] != 3:
            picture = picture.mean(axis=-1, dtype=np.float64)
    if values.ndim < 2:
        raise ValueError(f"expected an image of two or more axes, found the shape {picture.shape}")
    return picture, values


def _per_axis(sizes: int | Sequence[int], dimensions: int, name: str) -> tuple[int, ...]:
    given = np.atleast_1d(sizes)
    if given.shape not in ((1,), (dimensions,)) or given.dtype.kind not in "iu" or given.min() < 1:
        raise ValueError(
            f"expected one or {dimensions} whole numbers >= 1 for {name}, found {sizes!r}"
        )
    return tuple(int(each) for each in np.broadcast_to(given, dimensions))


def _boxes_that_trim(sizes: tuple[int, ...], mode: str | Sequence[str]) -> tuple[int, ...]:
    """Return the sizes where the first box begins at the image's first pixel, else 1."""
    modes = [mode] * len(sizes) if isinstance(mode, str) else list(mode)
    if len(modes) != len(sizes):
        raise ValueError(f"expected one or {len(sizes)} modes, found {len(modes)}: {mode!r}")
    return tuple(size if name == "valid" else 1 for size, name in zip(sizes, modes, strict=True))


def _longest_plane(shape: Sequence[int]) -> tuple[slice | int, ...]:
    """Return the index of the middle slice along the two longest axes, of equals the last ones."""
    order = sorted(range(len(shape)), key=lambda axis: (shape[axis], axis))
    return tuple(
        slice(None) if axis in order[-2:] else length // 2 for axis, length in enumerate(shape)
    )


def _slice_text(place: tuple[int, ...]) -> str:
    return f", slice [{', '.join(map(str, place))}, :, :]" if place else ""


def _pair(size: int | Sequence[int], name: str) -> tuple[int, int]:
    rows, columns = _per_axis(size, 2, name)
    return (rows, columns)


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
    """Make a figure, draw the image, return the axes of the map."""
    panels = 1 if picture is None else 2
    axes = new_panels((shape[0] * step[0], shape[1] * step[1]), panels, bars=1)
    if picture is not None:
        draw_image(axes[0], picture)
    return axes[-1]
