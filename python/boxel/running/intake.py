"""What callers pass to `RunningStats`, as samples that a state takes."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from boxel import _validate as check
from boxel._weights import checked_weights
from boxel.running.state import Array, Counting, Samples, Spec

__all__ = [
    "check_castable",
    "counting_of",
    "one_sample",
    "parts",
    "readable",
    "stacked_samples",
    "taken_together",
]

# What the core takes between two looks for Ctrl-C. A multiple of the samples that it combines in
# registers, so that a stack has the same bits however it is cut.
_PART_BYTES = 1 << 28
_GROUP = 8


def one_sample(array: Array, mask: Array | None, where: Any, weights: Any) -> Samples:
    """Return one sample of all voxels."""
    return _samples(array, mask, where, weights, "sample").each(lambda each: each[np.newaxis])


def stacked_samples(
    array: Array, mask: Array | None, axis: int, where: Any, weights: Any
) -> Samples:
    """Return the samples that lie along an axis."""
    if weights is not None and np.ndim(weights) == 1 and array.ndim > 1:
        weights = _per_sample(weights, array, axis)
    samples = _samples(array, mask, where, weights, "stack")
    return samples.each(lambda each: np.moveaxis(each, axis, 0))


def _samples(array: Array, mask: Array | None, where: Any, weights: Any, name: str) -> Samples:
    """Return samples with all that goes with them broadcast to their shape."""
    if where is not None:
        where = check.where_array(where, array.shape, name)
    if mask is not None:
        mask = check.broadcast(mask, array.shape, "the mask", name)
    if weights is not None:
        weights = checked_weights(weights, array.shape, (), None, name)
    return Samples(array, where, mask, weights)


def _per_sample(weights: npt.ArrayLike, stack: Array, axis: int) -> Array:
    """Return one weight for each sample with the axes of the stack."""
    array = np.asanyarray(weights)
    if len(array) != stack.shape[axis]:
        raise ValueError(
            f"weights must be broadcast to the stack of shape {stack.shape}, or one for each of "
            f"{stack.shape[axis]} samples, found {len(array)}"
        )
    return array.reshape([-1 if each == axis else 1 for each in range(stack.ndim)])


def check_castable(samples: Samples, spec: Spec) -> None:
    """Refuse samples that would lose digits."""
    found = samples.values.dtype
    if not np.can_cast(found, spec.dtype, "safe"):
        raise TypeError(
            f"samples of {found} do not cast safely to {spec.dtype}, which these statistics are "
            "of; RunningStats(dtype='float64') takes every dtype"
        )


def counting_of(samples: Samples, spec: Spec, skipna: bool) -> Counting:
    """Return the way of counting that samples ask for."""
    if samples.weights is not None:
        return Counting.WEIGHTED
    left_out = samples.where is not None or samples.masked is not None
    if left_out or (skipna and spec.dtype.kind == "f"):
        return Counting.COUNTED
    return Counting.UNIFORM


def taken_together(samples: Array, most_bytes: int = _PART_BYTES) -> int:
    """Return how many samples along the first axis are taken at a time."""
    size = max(1, samples[:1].nbytes)
    return max(1, most_bytes // (size * _GROUP)) * _GROUP


def parts(samples: Samples) -> Iterator[Samples]:
    """Yield samples in parts, between which Ctrl-C is heard."""
    together = taken_together(samples.values)
    for start in range(0, len(samples.values), together):
        yield samples.each(operator.itemgetter(slice(start, start + together)))


def readable(values: Array, spec: Spec) -> Array:
    """Return values that the core reads: it widens to 64 bits, and half floats."""
    found, kept = values.dtype.newbyteorder("="), spec.dtype
    halves = found == np.float16 and kept == np.float32
    return values if kept.itemsize == 8 or found == kept or halves else values.astype(kept)
