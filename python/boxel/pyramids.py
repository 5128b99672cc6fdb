"""`pyramid`: an array at ever coarser levels, each exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from boxel import _validate as check
from boxel._calls import Statistic, Statistics
from boxel.blocks import block_reduce, tile_counts


def _level_factors(
    factor: Any, axes: tuple[int, ...], levels: int | None
) -> Iterator[tuple[int, ...]]:
    """Yield one factor per axis of `axes` for each level, without end if nothing bounds them."""
    ndim = len(axes)
    own = tuple(range(ndim))
    if isinstance(factor, list):
        if levels is not None and levels > len(factor):
            raise ValueError(
                f"levels={levels} asks for more levels than the {len(factor)} factors given"
            )
        return iter([check.per_axis(each, own, ndim, "factor") for each in factor])
    one = check.per_axis(factor, own, ndim, "factor")
    if levels is None and ndim and all(each == 1 for each in one):
        raise ValueError(
            "factor is 1 along every axis, so no level would ever be small enough; "
            "give a larger factor or levels="
        )
    return repeat(one)


def _goes_on(
    lengths: Sequence[int], factors: Sequence[int], total: Sequence[int], min_size: int,
    boundary: str, coarsest: Sequence[int],
) -> bool:  # fmt: skip
    """Tell whether another level is worth making where `levels` is None."""
    if not any(size > min_size and step > 1 for size, step in zip(coarsest, factors, strict=True)):
        return False
    if boundary == "trim":
        return all(length >= size for length, size in zip(lengths, total, strict=True))
    if boundary == "exact":
        return all(length % size == 0 for length, size in zip(lengths, total, strict=True))
    return True


def level_sizes(
    lengths: Sequence[int],
    axes: tuple[int, ...],
    factor: Any,
    levels: int | None,
    min_size: int,
    boundary: str,
) -> list[tuple[int, ...]]:
    """Return the sizes of blocks of each level along the axes, which have these lengths."""
    boundary = check.choice(boundary, check.BOUNDARIES, "boundary")
    min_size = check.at_least(min_size, 1, "min_size")
    if levels is not None:
        levels = check.at_least(levels, 0, "levels")
    total = [1] * len(lengths)
    coarsest: Sequence[int] = lengths
    found: list[tuple[int, ...]] = []
    for factors in islice(_level_factors(factor, axes, levels), levels):
        total = [size * step for size, step in zip(total, factors, strict=True)]
        if levels is None:
            if not _goes_on(lengths, factors, total, min_size, boundary, coarsest):
                break
        elif boundary == "trim" and any(
            0 < length < size for length, size in zip(lengths, total, strict=True)
        ):
            raise ValueError(
                f"level {len(found) + 1} would be empty: blocks of {tuple(total)} do not fit axes "
                f"of lengths {tuple(lengths)} with boundary='trim'"
            )
        found.append(tuple(total))
        coarsest = tile_counts(tuple(lengths), tuple(total), boundary)
    return found


def pyramid(
    image: npt.ArrayLike,
    factor: Any = 2,
    statistic: Statistic | Statistics = "mean",
    *,
    levels: int | None = None,
    min_size: int = 1,
    axes: int | Sequence[int] | None = None,
    boundary: str = "partial",
    cval: Any = 0,
    where: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = np.nan,
    ddof: float = 0,
    dtype: Any = None,
    workers: int | None = None,
) -> list[Any]:
    """Compute an array at ever coarser levels.

    Every level is a statistic of the image's own samples: level k equals `block_reduce` with the
    product of the first k factors as block size. Rounding does not add up from level to level, as
    it does where each level is made from the one before.

    Parameters
    ----------
    image : array_like
        N-dimensional, as for `block_reduce`.
    factor : int, tuple of int, or list of these, default 2
        How much coarser a level is than the one before: a number for all axes of `axes`, a tuple
        with one number per axis, or a list with one such entry per level.
    statistic : str, NumPy function, or tuple of these, default "mean"
        As for `block_reduce`. ``mode`` suits label images.
    levels : int, optional
        How many levels to make. Default: as many as `factor` lists, and no more than until no axis
        that is reduced is longer than `min_size` (with ``boundary="trim"`` also before a level is
        empty, with ``"exact"`` before one is inexact).
    min_size : int, default 1
        With ``levels=None``, levels are made while an axis is longer than this.
    axes : int or sequence of int, optional
        The axes to reduce; default all.
    boundary, cval, where, weights, skipna, min_count, fill_value, ddof, dtype, workers
        As for `block_reduce`.

    Returns
    -------
    list of ndarray, or of dicts of ndarrays by statistic
        From fine to coarse. The image itself is not among them.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> image = np.arange(30.0).reshape(5, 6)
    >>> [level.shape for level in bx.pyramid(image)]
    [(3, 3), (2, 2), (1, 1)]
    >>> bx.pyramid(image)[-1].item() == image.mean().item()
    True
    >>> [level.shape for level in bx.pyramid(image, [(1, 2), (2, 3)])]
    [(5, 3), (3, 1)]
    """
    array, mask = check.image_array(image)
    axis_numbers = check.axis_tuple(axes, array.ndim)
    source = array if mask is None else image
    lengths = [array.shape[axis] for axis in axis_numbers]
    return [
        block_reduce(
            source,
            total,
            statistic,
            axes=axis_numbers,
            boundary=boundary,
            cval=cval,
            where=where,
            weights=weights,
            skipna=skipna,
            min_count=min_count,
            fill_value=fill_value,
            ddof=ddof,
            dtype=dtype,
            workers=workers,
        )
        for total in level_sizes(lengths, axis_numbers, factor, levels, min_size, boundary)
    ]
