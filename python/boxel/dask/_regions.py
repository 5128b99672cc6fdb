"""Statistics of regions of chunked images: a table for each chunk, merged in a tree."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from boxel import _region_calls as calls
from boxel import _validate as check
from boxel._calls import NAN, Array, Statistic
from boxel._registry import MERGEABLE
from boxel.dask._graph import Graph, source_of, threads_of, weights_source, where_source
from boxel.dask._sources import Part, Ranges, da, is_dask, wholes_of
from boxel.dask._trees import merged_in_tree
from boxel.region_tiles import RegionStats
from boxel.regions import label_stats as label_stats_in_memory
from boxel.regions import region_names

__all__ = ["label_stats", "masked_mean", "masked_stats"]


@dataclass(frozen=True)
class _Job:
    """What every task of a result has in common."""

    names: tuple[str, ...]
    background: int | None
    channel_axis: tuple[int, ...] | None
    skipna: bool
    is_mask: bool
    wide_labels: bool
    index: Array | None
    ddof: float
    fill_value: Any
    spacing: Any
    workers: int

    def take(
        self, origin: tuple[int, ...], parts: Sequence[Part | None], arrays: Sequence[Any]
    ) -> RegionStats:
        """Return the statistics of the regions of a chunk."""
        labels, image, where, weights = wholes_of(parts, arrays)
        assert labels is not None
        if self.is_mask:
            labels = calls.mask_array(labels)
        stats = RegionStats(
            self.names, background=self.background, channel_axis=self.channel_axis,
            skipna=self.skipna,
        )  # fmt: skip
        return stats.update(
            labels, image, origin=origin or None, where=where, weights=weights,
            workers=self.workers,
        )  # fmt: skip

    def finish(self, stats: RegionStats) -> dict[str, Array]:
        """Return the columns of the regions of which all pixels have come."""
        found = stats.result(
            self.index, ddof=self.ddof, fill_value=self.fill_value, spacing=self.spacing
        )
        if self.is_mask:
            return {name: np.asarray(found[name][0]) for name in self.names}
        if self.index is None and self.wide_labels:
            found["label"] = found["label"].astype(np.uint64)
        return found


def _channels(image: Any, channel_axis: Any, labels_ndim: int) -> tuple[int, ...]:
    """Return the axes of the image that the labels do not cover."""
    if channel_axis is None:
        return tuple(range(labels_ndim, image.ndim))
    given = channel_axis if np.iterable(channel_axis) else (channel_axis,)
    return check.axis_tuple(given, image.ndim, "channel_axis")


class _Layout:
    """How labels and image lie on each other, and the grid of chunks that tasks follow."""

    def __init__(self, labels: Any, image: Any, channel_axis: Any, what: str) -> None:
        self.labels_shape = tuple(labels.shape)
        self.image_shape = None if image is None else tuple(image.shape)
        self.channels = () if image is None else _channels(image, channel_axis, labels.ndim)
        self.covered = (
            tuple(range(labels.ndim))
            if image is None
            else tuple([axis for axis in range(image.ndim) if axis not in self.channels])
        )
        if image is not None:
            moved = [image.shape[axis] for axis in (*self.covered, *self.channels)]
            named = self.channels if channel_axis is not None else ()
            calls.check_shapes(self.labels_shape, tuple(moved), image.shape, named, what)
        leads = image if is_dask(image) else labels
        own = self.covered if is_dask(image) else range(labels.ndim)
        self.chunks = tuple([leads.chunks[axis] for axis in own])

    def of_image(self, region: Sequence[Ranges]) -> list[Ranges]:
        """Return the region of the image under that of the labels."""
        assert self.image_shape is not None
        ranges: list[Ranges] = [((0, length),) for length in self.image_shape]
        for axis, each in zip(self.covered, region, strict=True):
            ranges[axis] = each
        return ranges

    def image_chunks(self) -> tuple[Any, ...]:
        """Return the chunks of an image in memory."""
        assert self.image_shape is not None
        chunks: list[Any] = [(length,) for length in self.image_shape]
        for axis, each in zip(self.covered, self.chunks, strict=True):
            chunks[axis] = each
        return tuple(chunks)

    def regions(self) -> Any:
        """Yield the region of the labels of each task, with its first pixel."""
        ends = [list(itertools.accumulate(each, initial=0)) for each in self.chunks]
        for place in itertools.product(*[itertools.pairwise(each) for each in ends]):
            yield tuple([start for start, _ in place]), [(each,) for each in place]


def _graph_of(
    labels: Any, image: Any, where: Any, weights: Any, job: _Job, layout: _Layout, what: str
) -> Graph:
    """Return the tasks up to the one that has all regions, which bears the graph's name."""
    shape, chunks = layout.image_shape, () if image is None else layout.image_chunks()
    on_labels = {
        name: value is not None and np.shape(value) == layout.labels_shape
        for name, value in (("where", where), ("weights", weights))
    }
    label_side = (layout.labels_shape, layout.chunks, what)
    image_side = label_side if shape is None else (shape, chunks, "image")
    sources = [
        source_of(labels, layout.labels_shape, layout.chunks, what, what),
        None if image is None else source_of(image, shape or (), chunks, "image"),
        where_source(where, *(label_side if on_labels["where"] else image_side)),
        weights_source(weights, *(label_side if on_labels["weights"] else image_side)),
    ]
    covering = [True, image is None, on_labels["where"] or image is None, on_labels["weights"]]
    graph = Graph("regions", sources, job)
    keys = []
    for number, (origin, region) in enumerate(layout.regions()):
        parts: list[Part | None] = []
        arrays: list[Any] = []
        for source, on_label in zip(sources, covering, strict=True):
            part: Part | None = None
            found: list[Any] = []
            if source is not None:
                own = region if on_label else layout.of_image(region)
                part, found = source.read(own, graph.strips)
            parts.append(part)
            arrays.append(found)
        key = (f"{graph.name}-take", number)
        graph.tasks[key] = (functools.partial(job.take, origin, parts), arrays)
        keys.append(key)
    root = merged_in_tree(graph.tasks, f"{graph.name}-merge", (), keys)
    graph.tasks[graph.key()] = (job.finish, root)
    return graph


def _columns(
    graph: Graph, job: _Job, layout: _Layout, image: Any, weights: Any, labels: Any
) -> dict[str, Any]:
    """Return an array for each statistic."""
    trailing = tuple([image.shape[axis] for axis in layout.channels])
    dtypes = _dtypes(job, labels, image, weights)
    if job.is_mask:
        return {
            name: graph.extracted(name, graph.key(), name, trailing, dtypes[name])
            for name in job.names
        }
    regions = np.nan if job.index is None else len(job.index)
    axes = len(layout.labels_shape)
    shapes: dict[str, tuple[Any, ...]] = {
        "label": (), "bounding_box": (2 * axes,), "centroid": (axes,),
    }  # fmt: skip
    return {
        name: graph.extracted(
            name, graph.key(), name, (regions, *shapes.get(name, trailing)), dtypes[name]
        )
        for name in ("label", *job.names)
    }


def _dtypes(job: _Job, labels: Any, image: Any, weights: Any) -> dict[str, Any]:
    """Return the dtypes of the results, as a pixel has them."""
    one = np.ones(1, np.uint64 if job.wide_labels else np.int64)
    tried = label_stats_in_memory(
        one, None if image is None else np.zeros(1, image.dtype), job.names, background=None,
        weights=None if weights is None else np.ones(1), fill_value=job.fill_value, ddof=job.ddof,
        skipna=job.skipna,
    )  # fmt: skip
    label = np.dtype(np.uint64 if job.wide_labels else np.int64)
    if job.index is not None:
        label = job.index.dtype
    return {**{name: column.dtype for name, column in tried.items()}, "label": label}


def _check_given(function: str, **arrays: Any) -> None:
    if not any(is_dask(each) for each in arrays.values()):
        raise TypeError(
            f"one of {' and '.join(arrays)} must be a dask array, found "
            f"{' and '.join(type(each).__name__ for each in arrays.values())}; boxel.{function} "
            "takes arrays in memory"
        )


def _in_chunks(value: Any) -> Any:
    return (
        value if value is None or is_dask(value) or hasattr(value, "shape") else np.asarray(value)
    )


def _check_mergeable(names: Sequence[str]) -> None:
    for name in names:
        if name not in MERGEABLE and name not in calls.GEOMETRY:
            raise ValueError(
                f"statistic {name!r} needs all samples of a region at once, and does not merge "
                "from chunk to chunk; boxel.label_stats and boxel.masked_stats have it for arrays "
                "in memory"
            )


def masked_mean(
    image: Any,
    mask: Any,
    *,
    channel_axis: int | Sequence[int] | None = None,
    weights: npt.ArrayLike | da.Array | None = None,
    skipna: bool = False,
    workers: int | None = None,
) -> Any:
    """Compute the mean of a dask image under a mask, channel by channel.

    Parameters
    ----------
    image, mask : dask.array.Array or array_like
        As for `boxel.masked_mean`; at least one of them is a dask array, and their chunks need not
        be alike.
    channel_axis, weights, skipna
        As for `boxel.masked_mean`.
    workers : int, optional
        Threads of each task; default 1, as dask has several tasks at work.

    Returns
    -------
    dask.array.Array
        Lazy, of the shape of the channels.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import dask.array as da
    >>> import boxel.dask
    >>> image = da.arange(12, chunks=4).reshape(2, 3, 2)
    >>> boxel.dask.masked_mean(image, [[True, False, False], [True, False, False]]).compute()
    array([3., 4.])
    """
    return masked_stats(
        image, mask, ("mean",), channel_axis=channel_axis, weights=weights, skipna=skipna,
        workers=workers,
    )["mean"]  # fmt: skip


def masked_stats(
    image: Any,
    mask: Any,
    statistics: Statistic | Sequence[Statistic] = ("count", "mean"),
    *,
    channel_axis: int | Sequence[int] | None = None,
    weights: npt.ArrayLike | da.Array | None = None,
    skipna: bool = False,
    ddof: float = 0,
    fill_value: Any = NAN,
    workers: int | None = None,
) -> dict[str, Any]:
    """Compute statistics of a dask image under a mask, channel by channel, in one pass.

    Parameters
    ----------
    image, mask, channel_axis, weights, skipna, workers
        As for `boxel.dask.masked_mean`.
    statistics
        As for `boxel.masked_stats`, except for ``median`` and ``mode``, which need all samples at
        once.
    ddof, fill_value
        As for `boxel.masked_stats`.

    Returns
    -------
    dict of dask.array.Array by statistic
        Lazy, of the shape of the channels; ``dask.compute`` takes the dict.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import dask
    >>> import dask.array as da
    >>> import boxel.dask
    >>> depth = da.arange(6, chunks=4)
    >>> found = boxel.dask.masked_stats(depth, depth > 2, ("count", "max"))
    >>> found["max"].compute()
    array(5)
    """
    _check_given("masked_stats", image=image, mask=mask)
    image, mask = _in_chunks(image), _in_chunks(mask)
    names = region_names(statistics, with_image=True)
    for name in names:
        if name in calls.GEOMETRY:
            raise ValueError(f"statistic {name!r} is one of label_stats")
    _check_mergeable(names)
    calls.mask_array(np.zeros(1, mask.dtype))
    layout = _Layout(mask, image, channel_axis, "mask")
    job = _Job(
        names, 0, layout.channels if channel_axis is not None else None,
        check.truth(skipna, "skipna"), True, False, np.ones(1, np.int64),
        check.degrees_of_freedom(ddof), fill_value, None, threads_of(workers),
    )  # fmt: skip
    graph = _graph_of(mask, image, None, weights, job, layout, "mask")
    return _columns(graph, job, layout, image, weights, mask)


def label_stats(
    labels: Any,
    image: Any = None,
    statistics: Statistic | Sequence[Statistic] | None = None,
    *,
    index: npt.ArrayLike | None = None,
    background: int | None = 0,
    channel_axis: int | Sequence[int] | None = None,
    where: npt.ArrayLike | da.Array | None = None,
    weights: npt.ArrayLike | da.Array | None = None,
    skipna: bool = False,
    ddof: float = 0,
    fill_value: Any = NAN,
    spacing: float | Sequence[float] | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Compute statistics of every labelled region of a dask image, in one pass.

    Regions may reach over any number of chunks: labels are those of the whole image.

    Parameters
    ----------
    labels, image : dask.array.Array or array_like
        As for `boxel.label_stats`; at least one of them is a dask array, and their chunks need not
        be alike.
    statistics
        As for `boxel.label_stats`, except for ``median`` and ``mode``, which need all samples at
        once.
    index, background, channel_axis, where, weights, skipna, ddof, fill_value, spacing
        As for `boxel.label_stats`.
    workers : int, optional
        Threads of each task; default 1, as dask has several tasks at work.

    Returns
    -------
    dict of dask.array.Array
        Lazy; ``dask.compute`` takes the dict. Without `index`, how many regions there are is only
        known when they are computed. ``label`` is uint64 where the labels are, else int64.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what was found.

    Examples
    --------
    >>> import dask
    >>> import dask.array as da
    >>> import boxel.dask
    >>> labels = da.from_array([[1, 1, 0], [0, 7, 7]], chunks=2)
    >>> image = da.from_array([[10, 20, 99], [99, 5, 6]], chunks=1)
    >>> dask.compute(boxel.dask.label_stats(labels, image))[0]
    {'label': array([1, 7]), 'count': array([2, 2]), 'mean': array([15. ,  5.5])}
    """
    _check_given("label_stats", labels=labels, **({} if image is None else {"image": image}))
    labels, image = _in_chunks(labels), _in_chunks(image)
    names = region_names(statistics, with_image=image is not None)
    _check_mergeable(names)
    calls.label_array(np.zeros(1, labels.dtype))
    if image is None:
        for word, value in (("channel_axis", channel_axis), ("weights", weights)):
            if value is not None:
                raise ValueError(f"{word} has no meaning without an image")
    layout = _Layout(labels, image, channel_axis, "labels")
    wanted = None if index is None else calls.index_array(index)
    skipped = calls.background_label(background)
    if wanted is not None and skipped is not None and bool(np.any(wanted == skipped)):
        skipped = None
    wide = labels.dtype.kind == "u" and labels.dtype.itemsize == 8
    job = _Job(
        names, skipped, layout.channels if channel_axis is not None else None,
        check.truth(skipna, "skipna"), False, wide, wanted, check.degrees_of_freedom(ddof),
        fill_value, calls.spacing_of(spacing, labels.ndim), threads_of(workers),
    )  # fmt: skip
    graph = _graph_of(labels, image, where, weights, job, layout, "labels")
    return _columns(graph, job, layout, image, weights, labels)
