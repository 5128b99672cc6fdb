"""Statistics of regions that come tile by tile: `RegionStats`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from boxel import _core
from boxel import _region_calls as calls
from boxel import _region_storage as region_storage
from boxel import _validate as check
from boxel._calls import NAN, Array, Statistic
from boxel._config import check_workers, get_workers
from boxel._registry import MERGEABLE
from boxel.regions import region_names


class RegionStats:
    """Statistics of regions whose pixels come tile by tile, or from several processes.

    Parameters
    ----------
    statistics : str, NumPy function, or sequence of these, optional
        As for `label_stats`, except for ``median`` and ``mode``, which need all samples at once.
        Default: as there, once the first tile has shown whether there is an image.
    background : int or None, default 0
        The label that is no region.
    channel_axis : int or sequence of int, optional
        The axes of the channels of the tiles' images, where they are not the last ones.
    skipna : bool, default False
        Leave NaN out.

    See Also
    --------
    label_stats : of an image that is there as a whole.

    Notes
    -----
    Sums and variances of integers do not depend on the tiles, to the bit. Those of floats agree to
    within rounding, as the order of additions follows that of the tiles.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> labels = np.array([[1, 1, 2], [1, 2, 2]])
    >>> image = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    >>> left, right = bx.RegionStats(), bx.RegionStats()
    >>> left.update(labels[:, :2], image[:, :2])
    RegionStats(2 regions, count mean of uint8)
    >>> right.update(labels[:, 2:], image[:, 2:], origin=(0, 2))
    RegionStats(1 region, count mean of uint8)
    >>> left.merge(right).result()["mean"]
    array([2.33333333, 4.66666667])
    """

    def __init__(
        self,
        statistics: Statistic | Sequence[Statistic] | None = None,
        *,
        background: int | None = 0,
        channel_axis: int | Sequence[int] | None = None,
        skipna: bool = False,
    ) -> None:
        names = None if statistics is None else region_names(statistics, with_image=True)
        for name in names or ():
            if name not in MERGEABLE and name not in calls.GEOMETRY:
                raise ValueError(
                    f"statistic {name!r} needs all samples of a region at once and does not "
                    "merge; use label_stats"
                )
        self._statistics = names
        self._background = calls.background_label(background)
        self._channel_axis = channel_axis
        self._skipna = check.truth(skipna, "skipna")
        self._names: tuple[str, ...] = ()
        self._known: tuple[np.dtype[Any], tuple[int, ...], bool] | None = None
        self._ndim = 0
        self._table: _core._RegionTable | None = None

    def update(
        self,
        labels: npt.ArrayLike,
        image: npt.ArrayLike | None = None,
        *,
        origin: int | Sequence[int] | None = None,
        where: npt.ArrayLike | None = None,
        weights: npt.ArrayLike | None = None,
        workers: int | None = None,
    ) -> RegionStats:
        """Take a tile in.

        Parameters
        ----------
        labels : array_like of int
            As for `label_stats`.
        image : array_like, optional
            As for `label_stats`; all tiles have the same dtype and channels.
        origin : int or sequence of int, optional
            Where the tile's first pixel lies in the whole image, along each axis of the labels, for
            ``bounding_box`` and ``centroid``. Default 0.
        where, weights : array_like, optional
            As for `label_stats`; either all tiles have weights or none.
        workers : int, optional
            Threads to use at most; default `get_workers`.

        Returns
        -------
        RegionStats
            Itself.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described, or unlike that of earlier tiles; nothing of the tile
            has then been taken in.
        """
        threads = get_workers() if workers is None else check_workers(workers)
        array, label_mask = calls.label_array(labels)
        names = self._statistics or region_names(None, with_image=image is not None)
        if image is None:
            region_names(names, with_image=False)
        pixels = calls.pixels_of(
            array, image, what="labels", label_mask=label_mask, channel_axis=self._channel_axis,
            where=where, weights=weights, workers=workers,
            names=[name for name in names if name not in calls.GEOMETRY],
        )  # fmt: skip
        known = (pixels.dtype, pixels.trailing, pixels.weights is not None)
        self._check_alike(known, array.ndim, names)
        offsets = _origin_of(origin, array.ndim)
        table = self._table or calls.new_table(
            pixels, names, self._background, geometry=calls.has_geometry(names),
            dense_span=calls.TILES_SPAN,
        )  # fmt: skip
        only_true = array.dtype.kind == "b" and self._background == 0
        calls.take(
            table, pixels, skipna=self._skipna, origin=offsets, workers=threads,
            is_mask=only_true and label_mask is None and not calls.has_geometry(names),
        )  # fmt: skip
        self._table, self._known, self._names, self._ndim = table, known, names, array.ndim
        return self

    def _check_alike(
        self, known: tuple[np.dtype[Any], tuple[int, ...], bool], ndim: int, names: Sequence[str]
    ) -> None:
        if self._known is None:
            return
        expected = (*self._known, self._ndim, self._names)
        words = ("dtype", "shape of the channels", "presence of weights", "axes", "statistics")
        for word, found, before in zip(words, (*known, ndim, tuple(names)), expected, strict=True):
            if found != before:
                raise ValueError(
                    f"all tiles must be alike: the {word} is {found}, before it was {before}"
                )

    def merge(self, other: RegionStats) -> RegionStats:
        """Take in what another has taken in.

        Parameters
        ----------
        other : RegionStats
            With the same statistics, background, `skipna` and kind of image; it does not change.

        Returns
        -------
        RegionStats
            Itself.
        """
        if not isinstance(other, RegionStats):
            raise TypeError(f"expected a RegionStats to merge, found {type(other).__name__}")
        for word, mine, theirs in (
            ("statistics", self._statistics, other._statistics),
            ("background", self._background, other._background),
            ("skipna", self._skipna, other._skipna),
        ):
            if mine != theirs:
                raise ValueError(f"cannot merge: {word} is {mine} here and {theirs} there")
        if other._table is None or other._known is None:
            return self
        self._check_alike(other._known, other._ndim, other._names)
        table = self._table or region_storage.empty_table(other.contents())
        if other is self:
            other = self.copy()
        assert other._table is not None
        table.merge(other._table)
        self._table, self._known = table, other._known
        self._names, self._ndim = other._names, other._ndim
        return self

    def __iadd__(self, other: RegionStats) -> RegionStats:
        """Take in what another has taken in."""
        return self.merge(other)

    def __add__(self, other: RegionStats) -> RegionStats:
        """Return what both have taken in."""
        return self.copy().merge(other)

    def copy(self) -> RegionStats:
        """Return an independent copy."""
        twin = RegionStats(
            self._statistics,
            background=self._background,
            channel_axis=self._channel_axis,
            skipna=self._skipna,
        )
        return twin.merge(self)

    def reset(self) -> None:
        """Forget all that was taken in."""
        self._table, self._known, self._names, self._ndim = None, None, (), 0

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle keeps: plain arrays and numbers."""
        return region_storage.packed(self.contents())

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        """Take over what a pickle kept; a ValueError where its parts do not belong together."""
        self._adopt(region_storage.unpacked(pickled))

    def contents(self) -> region_storage.Contents:
        """Return what a pickle keeps of these statistics; not a copy."""
        return region_storage.Contents(
            self._statistics, self._background, self._channel_axis, self._skipna, self._names,
            self._known, self._ndim, self._table,
        )  # fmt: skip

    def _adopt(self, contents: region_storage.Contents) -> None:
        (
            self._statistics, self._background, self._channel_axis, self._skipna, self._names,
            self._known, self._ndim, self._table,
        ) = contents  # fmt: skip

    @property
    def labels(self) -> Array:
        """The labels that have occurred, in ascending order."""
        return np.empty(0, np.int64) if self._table is None else self._table.labels()

    def __len__(self) -> int:
        """Return the number of regions."""
        return len(self.labels)

    def __repr__(self) -> str:
        """Say how many regions there are, and of what."""
        regions = f"{len(self)} region{'' if len(self) == 1 else 's'}"
        if self._known is None:
            return f"RegionStats({regions})"
        dtype, trailing, _ = self._known
        channels = f" with channels {trailing}" if trailing else ""
        of = (
            ""
            if all(name in ("count", *calls.GEOMETRY) for name in self._names)
            else f" of {dtype}"
        )
        return f"RegionStats({regions}, {' '.join(self._names)}{of}{channels})"

    def result(
        self,
        index: npt.ArrayLike | None = None,
        *,
        ddof: float = 0,
        fill_value: Any = NAN,
        spacing: float | Sequence[float] | None = None,
    ) -> dict[str, Array]:
        """Return the statistics of all that was taken in.

        Parameters
        ----------
        index, ddof, fill_value, spacing
            As for `label_stats`; a background has no samples here.

        Returns
        -------
        dict of ndarrays
            As from `label_stats`.

        Raises
        ------
        ValueError
            If nothing was taken in.
        """
        if self._table is None or self._known is None:
            raise ValueError("nothing was taken in yet: call update first")
        degrees = check.degrees_of_freedom(ddof)
        labels = self.labels if index is None else calls.index_array(index)
        statistics = [name for name in self._names if name not in calls.GEOMETRY]
        found = calls.columns(
            self._table, labels, statistics, self._known, ddof=degrees, fill_value=fill_value
        )
        if len(statistics) < len(self._names):
            distances = calls.spacing_of(spacing, self._ndim)
            found |= calls.geometry_columns(self._table, labels, self._ndim, distances)[1]
        return {"label": labels, **{name: found[name] for name in self._names}}


def _origin_of(origin: Any, ndim: int) -> tuple[int, ...]:
    if origin is None:
        return ()
    given = tuple(origin) if isinstance(origin, Iterable) else (origin,)
    if len(given) == 1 and ndim > 1:
        raise ValueError(f"origin must have one integer for each of {ndim} axes, found {origin!r}")
    offsets = tuple([check.integer(each, "origin") for each in given])
    if len(offsets) != ndim:
        raise ValueError(f"origin must have one integer for each of {ndim} axes, found {origin!r}")
    if any(abs(each) > 2**62 for each in offsets):
        raise ValueError(f"origin must lie within 2**62, found {origin!r}")
    return offsets
