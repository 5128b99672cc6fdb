"""Drawings of unmixings; public in `boxel.plot`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boxel._drawing import shrunk
from boxel._extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["singular_values", "unmixing"]

_COLOUR = "#31688e"
_LOST_COLOUR = "#b5367a"


def singular_values(
    values: ArrayLike,
    *,
    alpha: float | None = None,
    rank: int | None = None,
    noise: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the singular values of a mixing, largest first, on a logarithmic scale.

    Parameters
    ----------
    values : array_like
        The singular values, such as ``result.singular_values`` of `boxel.unmix`, or
        ``numpy.linalg.svd(mixing, compute_uv=False)``.
    alpha : float, optional
        Ridge's alpha, drawn as a line: what lies well below it is damped.
    rank : int, optional
        The values beyond the first `rank` are marked as lost.
    noise : float, optional
        The relative error of the mixture, drawn as a line at its multiple of the largest value:
        what lies below it may be drowned.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure, at ``.figure`` of the result.
    title : str, optional
        Text above.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    ImportError
        If Matplotlib is not installed: ``pip install 'boxel[plot]'``.
    ValueError
        If `values` is not a non-empty sequence of finite numbers of at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from boxel.plot import singular_values
    >>> mixing = np.vander(np.linspace(0, 1, 8))
    >>> ax = singular_values(np.linalg.svd(mixing, compute_uv=False), noise=2**-9)
    >>> ax.figure.savefig("singular_values.png")  # doctest: +SKIP
    """
    heights = np.sort(_checked_values(values))[::-1]
    if ax is None:
        figure = require("matplotlib.figure", extra="plot").Figure((5.5, 4), layout="constrained")
        ax = figure.subplots()
    numbers = np.arange(1, heights.size + 1)
    # A zero has no place on a logarithmic scale; it is drawn at the rounding of the largest.
    floor = float(heights[0]) * 2.0**-53 or 1.0
    drawn = np.maximum(heights, floor)
    kept = heights.size if rank is None else rank
    _draw_values(ax, numbers[:kept], drawn[:kept], _COLOUR, "singular values")
    if kept < heights.size:
        _draw_values(ax, numbers[kept:], drawn[kept:], _LOST_COLOUR, "lost")
    if alpha is not None:
        ax.axhline(alpha, color="black", linestyle="--", linewidth=1, label=f"alpha {alpha:.3g}")
    if noise is not None:
        level = noise * float(heights[0])
        ax.axhline(level, color="gray", linestyle=":", linewidth=1.2, label=f"noise {noise:.2g}")
    ax.set(yscale="log", xlabel="number", ylabel="singular value")
    ax.margins(x=0.02)
    if title is not None:
        ax.set_title(title)
    ax.legend(loc="best", fontsize="small")
    return ax


def unmixing(
    mixed: ArrayLike,
    recovered: ArrayLike,
    values: ArrayLike,
    *,
    alpha: float | None = None,
    rank: int | None = None,
    noise: float | None = None,
) -> Figure:
    """Draw a mixture, the image recovered from it, and the singular values of the mixing.

    Parameters
    ----------
    mixed, recovered : array_like
        Gray images, ``(rows, columns)``. Each is drawn from its least to its greatest sample, but
        for the half percent at either end that is farthest off.
    values, alpha, rank, noise
        As in `singular_values`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, for `save_figure`.

    Raises
    ------
    ImportError
        If Matplotlib is not installed: ``pip install 'boxel[plot]'``.
    ValueError
        If an image is not a non-empty 2-D array, or `values` are no singular values.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> from boxel.plot import unmixing
    >>> image, mixing = np.eye(6), np.eye(6) + 0.1
    >>> mixed = bx.mix(image, mixing)
    >>> values = np.linalg.svd(mixing, compute_uv=False)
    >>> figure = unmixing(mixed, bx.unmix(mixed, mixing), values)
    >>> [ax.get_title() for ax in figure.axes[:3]]
    ['mixed', 'recovered', 'the mixing matrix']
    """
    pictures = {"mixed": _checked_picture(mixed), "recovered": _checked_picture(recovered)}
    heights = _checked_values(values)
    figure: Figure = require("matplotlib.figure", extra="plot").Figure(
        (13, 4.2), layout="constrained"
    )
    axes = figure.subplots(1, 3)
    for ax, (title, picture) in zip(axes, pictures.items(), strict=False):
        _draw_picture(ax, picture, title)
    singular_values(
        heights, alpha=alpha, rank=rank, noise=noise, ax=axes[2], title="the mixing matrix"
    )
    return figure


def _checked_values(values: ArrayLike) -> NDArray[Any]:
    heights = np.asarray(values)
    if heights.ndim != 1 or heights.size == 0 or heights.dtype.kind not in "iuf":
        raise ValueError(
            f"expected a non-empty sequence of singular values, found the shape {heights.shape}"
            f" and dtype {heights.dtype}"
        )
    if not (np.isfinite(heights).all() and heights.min() >= 0):
        raise ValueError("expected singular values that are finite and at least 0, found others")
    return heights.astype(np.float64)


def _checked_picture(image: ArrayLike) -> NDArray[Any]:
    picture = np.asarray(image)
    if picture.ndim != 2 or picture.size == 0:
        raise ValueError(f"expected a non-empty 2-D image, found the shape {picture.shape}")
    return picture


def _draw_values(
    ax: Axes, numbers: NDArray[Any], heights: NDArray[Any], colour: str, label: str
) -> None:
    ax.plot(numbers, heights, ".", markersize=5, color=colour, label=label)


def _draw_picture(ax: Axes, picture: NDArray[Any], title: str) -> None:
    rows, columns = picture.shape
    drawn, _ = shrunk(picture)
    low, high = np.percentile(drawn, [0.5, 99.5])
    mesh = ax.imshow(
        drawn,
        cmap="gray",
        vmin=low,
        vmax=high,
        aspect="equal" if max(rows, columns) <= 8 * min(rows, columns) else "auto",
        extent=(-0.5, columns - 0.5, rows - 0.5, -0.5),
    )
    ax.set(title=title, xlabel="column", ylabel="row")
    ax.figure.colorbar(mesh, ax=ax, shrink=0.85)
