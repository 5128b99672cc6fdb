"""Arrays whose chunks are put together in memory that boxel keeps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from boxel import _core
from boxel._calls import Array
from boxel._extras import require
from boxel.dask._sources import da

__all__ = ["Gathered"]

core = require("dask.core", extra="dask")
array_core = require("dask.array.core", extra="dask")

_Chunks = tuple[tuple[int, ...], ...]
_Finalize = tuple[Callable[..., Any], tuple[Any, ...]]


class Gathered(da.Array):
    """A dask array as any other, but for the memory of what ``compute()`` returns.

    dask copies the chunks of a result into one array of fresh memory, which the system has to clear
    first: for a density map that took as long as its computation. What is derived from such an
    array, persisted or pickled is a plain one.
    """

    __slots__ = ()

    def __dask_postcompute__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return how the results of the chunks become that of the array."""
        finalize = super().__dask_postcompute__()  # type: ignore[no-untyped-call]
        return gathered, (self.chunks, finalize)


def gathered(results: Any, chunks: _Chunks, finalize: _Finalize) -> Any:
    """Return one array of the results of chunks, which shares no memory with them.

    Parameters
    ----------
    results : nested list of ndarray
        As deep as the array has axes.
    chunks : tuple of tuple of int
        The lengths of the chunks along each axis.
    finalize : tuple
        What dask would do, and its arguments: for all that are no arrays of NumPy, or whose lengths
        were not known.
    """
    parts: list[Array] = list(core.flatten(results, container=(list, tuple)))
    known = not any(math.isnan(sum(lengths)) for lengths in chunks)
    if not (chunks and known and all(type(part) is np.ndarray for part in parts)):
        finish, arguments = finalize
        return finish(results, *arguments)
    whole = _core.empty(tuple([sum(lengths) for lengths in chunks]), parts[0].dtype)
    for place, part in zip(array_core.slices_from_chunks(chunks), parts, strict=True):
        whole[place] = part
    return whole
