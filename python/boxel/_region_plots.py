"""Drawings of labelled regions; public in `boxel.plot`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boxel._drawing import DRAWN_PIXELS, checked_image, draw_image, new_panels, show_whole
from boxel._extras import require
from boxel._region_calls import label_array
from boxel.regions import label_stats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["regions"]

_NAMED_REGIONS = 60  # more names than this are not legible
_MOST_EDGES = 200_000  # of noise a drawing of outlines would be black
_COLOURS = ("C0", "C1", "C2", "C3", "C4", "C5", "C6", "C8", "C9")


def regions(
    labels: ArrayLike,
    values: Mapping[int, float] | ArrayLike | None = None,
    *,
    image: ArrayLike | None = None,
    background: int | None = 0,
    ax: Axes | None = None,
    title: str | None = None,
    label: str = "value",
    cmap: str = "viridis",
    vmin: float | None = None,
    vmax: float | None = None,
) -> Axes:
    """Draw labelled regions in the colours of their values, with their outlines and labels.

    Up to 60 regions are named by their labels.

    Parameters
    ----------
    labels : array_like of int
        The region of every pixel, ``(rows, columns)``.
    values : array_like, or mapping by label, optional
        A number for each region: a column of what `boxel.label_stats` returned, in the order of the
        labels; or a mapping from labels, which may lack some. Default: each region has a colour
        other than its neighbours in number, and there is no colour bar.
    image : array_like, optional
        The image that the regions are of, gray or coloured. It is drawn in gray where there are no
        regions; without `values` it shows through these, too.
    background : int or None, default 0
        The label that is no region.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure, at ``.figure`` of the result.
    title : str, optional
        Text above.
    label : str, optional
        Text beside the colour bar.
    cmap : str, default: "viridis"
        A Matplotlib colour map. The default is perceptually uniform.
    vmin, vmax : float, optional
        The values at the ends of the colour bar. Default: the least and greatest.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    ImportError
        If Matplotlib is not installed: ``pip install 'boxel[plot]'``.
    ValueError
        If `labels` is not a non-empty 2-D array of integers, or the other arguments do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> from boxel.plot import regions
    >>> labels = np.array([[1, 1, 0], [0, 7, 7]])
    >>> image = np.array([[10.0, 20, 99], [99, 5, 6]])
    >>> found = bx.label_stats(labels, image, "mean")
    >>> ax = regions(labels, found["mean"], image=image, label="mean")
    >>> ax.figure.savefig("regions.png")  # doctest: +SKIP
    """
    drawn = _checked_labels(labels)
    picture = None if image is None else checked_image(image)
    if picture is not None and picture.shape[:2] != drawn.shape:
        raise ValueError(
            f"expected labels and image of one shape, found {drawn.shape} and {picture.shape[:2]}"
        )
    known = label_stats(drawn, background=background)
    numbers = _numbers(known["label"], values)
    if ax is None:
        ax = new_panels(drawn.shape, 1, bars=values is not None)[0]
    if picture is not None:
        draw_image(ax, _gray(picture))
    # Colours that stand for values must be those of the colour bar.
    see_through = picture is not None and numbers is None
    _fill(ax, drawn, known["label"], numbers, see_through, cmap, vmin, vmax, label)
    few = len(known["label"]) <= _NAMED_REGIONS
    _outline(ax, drawn, 0.9 if few else 0.3, "black" if picture is None else "white")
    if few:
        _name(ax, known)
    show_whole(ax, drawn)
    ax.set(title=title or "", xlabel="x (pixels)", ylabel="y (pixels)")
    return ax


def _checked_labels(labels: ArrayLike) -> NDArray[Any]:
    array, _ = label_array(labels)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"expected non-empty 2-D labels, found the shape {array.shape}")
    return array


def _gray(picture: NDArray[Any]) -> NDArray[Any]:
    return picture if picture.ndim == 2 else picture[..., :3].mean(axis=2, dtype=np.float64)


def _numbers(known: NDArray[Any], values: Any) -> NDArray[Any] | None:
    """Return a number for each region, NaN where there is none."""
    if values is None:
        return None
    if isinstance(values, Mapping):
        return np.array([values.get(label, np.nan) for label in known.tolist()], np.float64)
    numbers = np.asarray(values, np.float64)
    if numbers.shape != known.shape:
        raise ValueError(
            f"expected a value for each of {len(known)} regions, found the shape {numbers.shape}"
        )
    return numbers


def _fill(
    ax: Axes,
    labels: NDArray[Any],
    known: NDArray[Any],
    numbers: NDArray[Any] | None,
    see_through: bool,
    cmap: str,
    vmin: float | None,
    vmax: float | None,
    label: str,
) -> None:
    rows, columns = (math.ceil(length / DRAWN_PIXELS) for length in labels.shape)
    # The label of the middle of each cell: labels have no mean.
    some = labels[rows // 2 :: rows, columns // 2 :: columns]
    place = np.searchsorted(known, some).clip(0, max(len(known) - 1, 0))
    hidden = known[place] != some if len(known) else np.ones(some.shape, bool)
    colours: Any = cmap
    if numbers is None:
        colours = require("matplotlib.colors", extra="plot").ListedColormap(list(_COLOURS))
        shown = place % len(_COLOURS) + 0.0
        vmin, vmax = -0.5, len(_COLOURS) - 0.5
    else:
        shown = numbers[place] if len(known) else np.zeros(some.shape)
    height, width = some.shape[0] * rows, some.shape[1] * columns
    mesh = ax.imshow(
        np.ma.MaskedArray(shown, hidden | np.isnan(shown)), cmap=colours, vmin=vmin, vmax=vmax,
        aspect="equal", interpolation="nearest", alpha=0.5 if see_through else 1.0,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )  # fmt: skip
    if numbers is not None:
        ax.figure.colorbar(mesh, ax=ax, label=label)


def _outline(ax: Axes, labels: NDArray[Any], width: float, colour: str) -> None:
    """Draw a line between pixels of different labels."""
    collections = require("matplotlib.collections", extra="plot")
    down, right = np.nonzero(labels[1:] != labels[:-1]), np.nonzero(labels[:, 1:] != labels[:, :-1])
    if len(down[0]) + len(right[0]) > _MOST_EDGES:
        return
    lines = [
        _lines(down[1] - 0.5, down[0] + 0.5, 1, 0),
        _lines(right[1] + 0.5, right[0] - 0.5, 0, 1),
    ]
    ax.add_collection(
        collections.LineCollection(
            np.concatenate(lines), colors=colour, linewidths=width, capstyle="projecting"
        )
    )


def _lines(x: NDArray[Any], y: NDArray[Any], dx: int, dy: int) -> NDArray[Any]:
    return np.stack([np.stack([x, y], axis=1), np.stack([x + dx, y + dy], axis=1)], axis=1)


def _name(ax: Axes, known: Mapping[str, NDArray[Any]]) -> None:
    effects = require("matplotlib.patheffects", extra="plot")
    for label, (y, x) in zip(known["label"].tolist(), known["centroid"].tolist(), strict=True):
        ax.annotate(
            str(label), (x, y), ha="center", va="center", fontsize="small", color="white",
            path_effects=[effects.withStroke(linewidth=2, foreground="black")],
            annotation_clip=True,
        )  # fmt: skip
