"""Draw the trees of `boxel.linkage` with Matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boxel._distances import checked_tree
from boxel._extras import require
from boxel.clustering import flat_clusters, leaf_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMED_LEAVES = 80  # more names than this are not legible
_LEAST_SPAN = 0.018  # of the height: a shorter cluster leaves no room for its name
_ABOVE_CUT = "0.55"
# Matplotlib's ten but for the gray.
_COLOURS = ("C0", "C1", "C2", "C3", "C4", "C5", "C6", "C8", "C9")


def dendrogram(
    Z: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    n_clusters: int | None = None,
    distance: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw a tree: observations from top to bottom, joined at their distances.

    Up to 80 observations are named. Of more, the flat clusters are named with their sizes, if there
    are any and where there is room.

    Parameters
    ----------
    Z : array_like
        What `boxel.linkage` returned.
    labels : sequence of str, optional
        Names of the observations. Default: their numbers.
    n_clusters : int, optional
        Colour so many flat clusters, and draw a line where the tree is cut.
    distance : float, optional
        Colour the flat clusters below this distance. Not together with `n_clusters`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure, at ``.figure`` of the result, as tall as it needs.
    title : str, optional
        Text above the tree.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the tree. Place 0 on the y axis is the first of `boxel.leaf_order`.

    Raises
    ------
    ImportError
        If Matplotlib is not installed: ``pip install 'boxel[plot]'``.
    ValueError
        If `Z` describes no tree, or the other arguments do not fit it.

    Examples
    --------
    >>> import boxel as bx
    >>> from boxel.plot import dendrogram
    >>> Z = bx.linkage([2, 6, 10, 5, 9, 4])
    >>> ax = dendrogram(Z, labels=["ant", "bee", "cat", "dog"], n_clusters=2)
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['ant', 'bee', 'cat', 'dog']
    """
    tree = checked_tree(Z)
    n = len(tree) + 1
    names = [str(leaf) for leaf in range(n)] if labels is None else [str(each) for each in labels]
    if len(names) != n:
        raise ValueError(f"labels must name each of {n} observations, found {len(names)}")
    cut = n_clusters is not None or distance is not None
    clusters = flat_clusters(tree, n_clusters=n_clusters, distance=distance) if cut else None
    order = leaf_order(tree)
    if ax is None:
        ax = _new_axes(n)
    _draw_lines(ax, tree, _places(tree, order), _colours(tree, order, clusters))
    _set_limits(ax, tree)
    if clusters is not None:
        _draw_cut(ax, tree, int(clusters.max()) + 1, distance)
    _name_leaves(ax, order, names, clusters)
    if title is not None:
        ax.set_title(title)
    return ax


def _new_axes(n: int) -> Axes:
    figure_module = require("matplotlib.figure", extra="plot")
    height = 1.1 + 0.19 * max(n, 3) if n <= _NAMED_LEAVES else 10.0
    figure = figure_module.Figure(figsize=(8.0, height), layout="constrained")
    ax: Axes = figure.subplots()
    return ax


def _places(tree: NDArray[np.float64], order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the y of each cluster: halfway between its parts."""
    n = len(order)
    places = np.empty(2 * n - 1)
    places[order] = np.arange(n)
    for row, (first, second) in enumerate(tree[:, :2].astype(int).tolist()):
        places[n + row] = (places[first] + places[second]) / 2
    return places


def _colours(
    tree: NDArray[np.float64], order: NDArray[np.int64], clusters: NDArray[np.int64] | None
) -> list[str]:
    """Return the colour of each row; neighbouring flat clusters have different ones."""
    n = len(order)
    if clusters is None:
        return [_COLOURS[0]] * (n - 1)
    turns = {cluster: turn for turn, cluster in enumerate(dict.fromkeys(clusters[order].tolist()))}
    numbers = [*clusters.tolist(), *[-1] * (n - 1)]  # of the flat cluster; -1 above the cut
    for row, (first, second) in enumerate(tree[:, :2].astype(int).tolist()):
        if numbers[first] == numbers[second]:
            numbers[n + row] = numbers[first]
    return [
        _ABOVE_CUT if number < 0 else _COLOURS[turns[number] % len(_COLOURS)]
        for number in numbers[n:]
    ]


def _draw_lines(
    ax: Axes,
    tree: NDArray[np.float64],
    places: NDArray[np.float64],
    colours: list[str],
) -> None:
    collections = require("matplotlib.collections", extra="plot")
    n = len(tree) + 1
    first, second = tree[:, 0].astype(int), tree[:, 1].astype(int)
    distances = np.concatenate([np.zeros(n), tree[:, 2]])
    own = distances[n:]
    lines = np.stack(
        [
            np.stack([distances[first], own, own, distances[second]], axis=1),
            np.stack([places[first], places[first], places[second], places[second]], axis=1),
        ],
        axis=2,
    )
    width = 1.3 if n <= _NAMED_LEAVES else 0.7
    ax.add_collection(
        collections.LineCollection(lines, colors=colours, linewidths=width, capstyle="projecting")
    )


def _set_limits(ax: Axes, tree: NDArray[np.float64]) -> None:
    n = len(tree) + 1
    largest = float(tree[:, 2].max(initial=0.0)) or 1.0
    ax.set_xlim(1.03 * largest, 0)
    ax.set_ylim(n - 0.5, -0.5)
    ax.set_xlabel("distance")
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.yaxis.tick_right()


def _draw_cut(ax: Axes, tree: NDArray[np.float64], n_clusters: int, distance: float | None) -> None:
    if distance is None:
        # Between the last join that is kept and the first that is not.
        heights = np.sort(tree[:, 2])
        kept = len(heights) + 1 - n_clusters
        if not 0 < kept < len(heights):
            return
        distance = float(heights[kept - 1] + heights[kept]) / 2
    ax.axvline(distance, color=_ABOVE_CUT, linestyle="--", linewidth=1.0, zorder=0)


def _name_leaves(
    ax: Axes, order: NDArray[np.int64], names: Sequence[str], clusters: NDArray[np.int64] | None
) -> None:
    n = len(order)
    ax.tick_params(axis="y", length=0)
    if n <= _NAMED_LEAVES:
        ax.set_yticks(range(n), [names[leaf] for leaf in order.tolist()])
        return
    ax.yaxis.set_label_position("right")
    ax.set_ylabel(f"{n} observations")
    places: list[float] = []
    texts: list[str] = []
    if clusters is not None:
        in_order = clusters[order]
        starts = np.flatnonzero(np.diff(in_order, prepend=-1))
        sizes = np.diff(starts, append=n)
        for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
            if size >= _LEAST_SPAN * n:
                places.append(start + (size - 1) / 2)
                texts.append(f"cluster {in_order[start]}: {size}")
    ax.set_yticks(places, texts)
