"""Graphs of tasks: one task for each chunk of a result, whatever number of results it has."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from boxel import _validate as check
from boxel._config import check_workers
from boxel._extras import require
from boxel.dask._gathered import gathers
from boxel.dask._sources import Part, Ranges, Source, Strips, check_known, da, is_dask

__all__ = [
    "Along",
    "Graph",
    "checked_image",
    "source_of",
    "threads_of",
    "weights_source",
    "where_source",
]

base = require("dask.base", extra="dask")
graphs = require("dask.highlevelgraph", extra="dask")


class Along(NamedTuple):
    """A chunk of a result along one axis, and what of the image it is made of."""

    length: int
    ranges: Ranges
    plan: Any
    """What the task has to know of this axis."""


class Graph:
    """The tasks of a result and the arrays that they read.

    Parameters
    ----------
    what : str
        A name for humans, to see on a dashboard.
    sources : sequence of Source or None
        What the tasks read.
    *token
        All that the result depends on besides.
    """

    def __init__(self, what: str, sources: Sequence[Source | None], *token: Any) -> None:
        self.sources = sources
        arrays = [None if each is None else each.array.name for each in sources]
        self.name = f"boxel-{what}-{base.tokenize(arrays, token)}"
        self.strips = Strips(self.name)
        self.tasks: dict[Any, Any] = {}

    def key(self, *index: Any) -> tuple[Any, ...]:
        """Return the key of a task."""
        return (self.name, *index)

    def read(self, region: Sequence[Ranges]) -> tuple[list[Part | None], list[Any]]:
        """Return how to read a region of every source, and the keys of each."""
        parts: list[Part | None] = []
        keys: list[Any] = []
        for source in self.sources:
            part, found = (None, []) if source is None else source.read(region, self.strips)
            parts.append(part)
            keys.append(found)
        return parts, keys

    def add_chunks(self, axes: Sequence[Sequence[Along]], compute: Callable[..., Any]) -> None:
        """Add a task for each chunk: ``compute(plans, parts, arrays of each source)``."""
        for index, along in chunks_of(axes):
            parts, keys = self.read([each.ranges for each in along])
            plans = [each.plan for each in along]
            self.tasks[self.key(*index)] = (functools.partial(compute, plans, parts), keys)

    def arrays(
        self, names: Sequence[str], chunks: Sequence[Sequence[int]], dtypes: Sequence[Any]
    ) -> list[Any]:
        """Return an array for each name: the task's result, or what it holds at that place."""
        chunks = tuple([tuple(each) for each in chunks])
        graph = self.layers
        if len(names) == 1:
            return [self._array(graph, self.name, chunks, dtypes[0])]
        made = []
        for place, (name, dtype) in enumerate(zip(names, dtypes, strict=True)):
            layer = f"{self.name}-{name}"
            take = operator.itemgetter(place)
            grid = itertools.product(*[range(len(each)) for each in chunks])
            tasks = {(layer, *index): (take, self.key(*index)) for index in grid}
            made.append(self._array(self._with(graph, layer, tasks), layer, chunks, dtype))
        return made

    @functools.cached_property
    def layers(self) -> Any:
        """The graph of all tasks; asked for when they are complete."""
        return graphs.HighLevelGraph.from_collections(
            self.name,
            {**self.strips.tasks, **self.tasks},
            dependencies=[each.array for each in self.sources if each is not None],
        )

    def _with(self, graph: Any, layer: str, tasks: dict[Any, Any]) -> Any:
        return graphs.HighLevelGraph(
            {**graph.layers, layer: tasks}, {**graph.dependencies, layer: {self.name}}
        )

    @staticmethod
    def _array(graph: Any, name: str, chunks: Any, dtype: Any) -> Any:
        meta = np.empty((0,) * len(chunks), dtype)
        return gathers(da.Array(graph, name, chunks, meta=meta))  # type: ignore[no-untyped-call]

    def extracted(self, layer: str, key: Any, name: str, shape: Sequence[Any], dtype: Any) -> Any:
        """Return an array of one chunk: what the result of a task holds under a name."""
        label = f"{self.name}-{layer}"
        chunks = tuple([(length,) for length in shape])
        tasks = {(label, *[0] * len(chunks)): (operator.itemgetter(name), key)}
        return self._array(self._with(self.layers, label, tasks), label, chunks, dtype)


def chunks_of(
    axes: Sequence[Sequence[Along]],
) -> Iterator[tuple[tuple[int, ...], tuple[Along, ...]]]:
    """Yield the chunks of a result in C order, each with its index."""
    for place in itertools.product(*[enumerate(each) for each in axes]):
        yield tuple([index for index, _ in place]), tuple([along for _, along in place])


def checked_image(image: Any, function: str, name: str = "image") -> Any:
    """Return a dask array of known chunks."""
    if not is_dask(image):
        raise TypeError(
            f"{name} must be a dask array, found {type(image).__name__}; boxel.{function} takes "
            "arrays in memory"
        )
    check_known(image, name)
    return image


def source_of(
    value: Any, shape: tuple[int, ...], chunks: Any, name: str, image: str = "image"
) -> Source:
    """Return a source of a dask array, or of one in memory, which is cut as the image is."""
    if not is_dask(value):
        array = value if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
        own = [
            each if sum(each) == length else (length,)
            for length, each in zip(array.shape, chunks[len(shape) - array.ndim :], strict=True)
        ]
        value = da.from_array(array, chunks=tuple(own))  # type: ignore[no-untyped-call]
    return Source(value, shape, name, image)


def where_source(
    where: Any, shape: tuple[int, ...], chunks: Any, image: str = "image"
) -> Source | None:
    """Return a source of truth values."""
    return _checked_source(check.where_array, where, shape, chunks, "where", image)


def weights_source(
    weights: Any, shape: tuple[int, ...], chunks: Any, image: str = "image"
) -> Source | None:
    """Return a source of weights; the tasks check their values."""
    return _checked_source(check.weights_array, weights, shape, chunks, "weights", image)


def _checked_source(
    checked: Callable[..., Any], value: Any, shape: tuple[int, ...], chunks: Any, name: str,
    image: str,
) -> Source | None:  # fmt: skip
    if value is None:
        return None
    if is_dask(value):
        # Of what is lazy only the dtype can be looked at now.
        checked(np.ones((1,) * value.ndim, value.dtype), (1,) * value.ndim)
    else:
        checked(value, shape, image)
    return source_of(value, shape, chunks, name, image)


def threads_of(workers: Any) -> int:
    """Return the threads of one task: dask has tasks side by side."""
    return 1 if workers is None else check_workers(workers)
