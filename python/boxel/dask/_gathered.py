"""Chunks of a result put together in memory that boxel keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from boxel import _core
from boxel._extras import require

__all__ = ["gathers"]

core = require("dask.core", extra="dask")
array_core = require("dask.array.core", extra="dask")


def gathers(array: Any) -> Any:
    """Let ``compute()`` of a dask array put the chunks together in kept memory; return the array.

    dask copies them into one array of fresh memory, which the system has to clear first: for a
    density map that took as long as its computation. The hook belongs to this array alone, as the
    protocol of collections is asked of each: one of another class could not be mixed with other
    dask arrays in xarray. New arrays that are derived from it, persisted or pickled, go dask's way.
    So does what a plugin of dask has made of the array.
    """
    if type(array) is array_core.Array:
        array.__dask_postcompute__ = _postcompute
    return array


def _postcompute() -> tuple[Callable[..., Any], tuple[Any, ...]]:
    return gathered, ()


def gathered(results: Any) -> Any:
    """Return one array of the results of chunks, which shares no memory with them.

    Parameters
    ----------
    results : nested list of ndarray
        As deep as the array has axes. What is no array of NumPy is left to dask.
    """
    parts: list[Any] = list(core.flatten(results, container=(list, tuple)))
    if any(type(part) is not np.ndarray or part.ndim == 0 for part in parts):
        return array_core.finalize(results)
    chunks = array_core.chunks_from_arrays(results)
    whole = _core.empty(tuple([sum(lengths) for lengths in chunks]), parts[0].dtype)
    for place, part in zip(array_core.slices_from_chunks(chunks), parts, strict=True):
        whole[place] = part
    return whole
