"""The NumPy idioms for blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from job import Call
from numpy.typing import NDArray

from peers.block_task import BlockTask, Image

FUNCTIONS: dict[str, Any] = {
    "mean": np.mean,
    "density": np.mean,
    "sum": np.sum,
    "min": np.min,
    "max": np.max,
    "var": np.var,
    "median": np.median,
}
COMBINE: dict[str, np.ufunc] = {
    "mean": np.add,
    "density": np.add,
    "sum": np.add,
    "min": np.minimum,
    "max": np.maximum,
}


def split(array: Image, block: tuple[int, ...]) -> tuple[Image, tuple[int, ...]]:
    """Reshape (n, m) to (n/b, b, m/b, b), and return the axes to reduce."""
    shape = [part for n, b in zip(array.shape, block, strict=True) for part in (n // b, b)]
    return array.reshape(shape), tuple(range(1, 2 * array.ndim, 2))


def samples_of(task: BlockTask, image: Image) -> Image:
    return image != 0 if task.statistic == "density" else image


def reshape(task: BlockTask, workers: int) -> Call:
    function = np.nanmean if task.skipna else FUNCTIONS[task.statistic]

    def call() -> Image:
        view, axes = split(samples_of(task, task.trimmed), task.block)
        if task.where is None:
            return task.finish(function(view, axis=axes))
        return task.finish(function(view, axis=axes, where=split(task.where, task.block)[0]))

    return call


def count_nonzero(task: BlockTask, workers: int) -> Call:
    def call() -> Image:
        view, axes = split(task.trimmed, task.block)
        return np.asarray(np.count_nonzero(view, axis=axes)) / task.samples

    return call


def accumulator(task: BlockTask, source: np.dtype[Any]) -> np.dtype[Any]:
    """Return the narrowest dtype that holds a block's sum: the fastest for adding slices."""
    if task.statistic in ("min", "max") or source.kind == "f":
        return source
    largest = 1 if source.kind == "b" else int(np.iinfo(source).max)
    # Half a sample more, for `divide` to round with.
    return np.min_scalar_type(largest * task.samples + task.samples // 2)


def combine_slices(task: BlockTask, array: Image, dtype: np.dtype[Any] | None = None) -> Image:
    """Combine every b-th slice, one axis after the other."""
    combine = COMBINE[task.statistic]
    dtype = dtype or accumulator(task, array.dtype)
    for axis, b in enumerate(task.block):
        slices = [array[(slice(None),) * axis + (slice(k, None, b),)] for k in range(b)]
        array = slices[0].astype(dtype) if b == 1 else combine(slices[0], slices[1], dtype=dtype)
        for later in slices[2:]:
            combine(array, later, out=array)
    return array


def reduce_axes(task: BlockTask, array: Image) -> Image:
    """Reduce one reshaped axis after the other, the outermost (contiguous rows) first."""
    combine = COMBINE[task.statistic]
    dtype = accumulator(task, array.dtype)
    for axis, b in enumerate(task.block):
        shape = (*array.shape[:axis], array.shape[axis] // b, b, *array.shape[axis + 1 :])
        array = combine.reduce(array.reshape(shape), axis=axis + 1, dtype=dtype)
    return array


def divide(task: BlockTask, total: Image) -> Image:
    if task.statistic not in ("mean", "density"):
        return total
    shift = task.samples.bit_length() - 1
    if task.to_integer and task.samples == 1 << shift:
        # Rounds half up instead of half to even, which the tolerance allows; it saves a float pass.
        return ((total + (task.samples // 2)) >> shift).astype(task.dtype)
    return task.finish(
        total / total.dtype.type(task.samples) if total.dtype.kind == "f" else total / task.samples
    )


def slices(task: BlockTask, workers: int) -> Call:
    if task.selects:
        return lambda: masked_slices(task)
    return lambda: divide(task, combine_slices(task, samples_of(task, task.trimmed)))


def masked_slices(task: BlockTask) -> Image:
    image, weights = task.filled_and_weights()
    return combine_slices(task, image) / combine_slices(task, weights)


def axis_by_axis(task: BlockTask, workers: int) -> Call:
    return lambda: divide(task, reduce_axes(task, samples_of(task, task.trimmed)))


def median_of_blocks(task: BlockTask, workers: int) -> Call:
    """Gather each block's samples into the last axis: selecting is faster along contiguous data."""

    def call() -> NDArray[Any]:
        view, axes = split(task.trimmed, task.block)
        kept = tuple(range(0, view.ndim, 2))
        return np.median(view.transpose(kept + axes).reshape(*task.blocks, -1), axis=-1)

    return call
