"""The numbers behind `RunningStats`: rows of one lane per voxel, which the compiled core fills.

How voxels are counted decides which rows there are: one number of samples for all of them
(`Counting.UNIFORM`), a number for each where some samples are left out, and weights besides. A
state only ever rises to a wider way of counting.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from boxel import _core
from boxel._registry import CODES

__all__ = ["Counting", "Layout", "Samples", "Spec", "State"]

Array: TypeAlias = npt.NDArray[Any]


class Counting(enum.IntEnum):
    """Who knows how many samples a voxel has; the codes are the core's."""

    UNIFORM = 0
    COUNTED = 1
    WEIGHTED = 2


@dataclass(frozen=True)
class Spec:
    """What is kept of the samples."""

    dtype: np.dtype[Any]
    moments: int
    extremes: bool

    @property
    def floating(self) -> np.dtype[Any]:
        """The dtype of means and variances."""
        return np.dtype(np.float32 if self.dtype in (np.float16, np.float32) else np.float64)

    def code(self, counting: Counting) -> tuple[np.dtype[Any], int, bool, int]:
        """Return the spec as the core takes it."""
        return (self.dtype, self.moments, self.extremes, int(counting))

    def rows(self, counting: Counting) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the dtype and the names of the rows of each state."""
        return _core.span_states(self.code(counting))


@dataclass(frozen=True)
class Layout:
    """The shape of a sample, and the order in which its axes lie in the lanes."""

    shape: tuple[int, ...]
    order: tuple[int, ...]

    @classmethod
    def of_samples(cls, samples: Array) -> Layout:
        """Return the layout in which samples along the first axis are read along memory."""
        strides = [abs(stride) or math.inf for stride in samples.strides[1:]]
        order = sorted(range(samples.ndim - 1), key=lambda axis: -strides[axis])
        return cls(samples.shape[1:], tuple(order))

    @classmethod
    def of_shape(cls, shape: tuple[int, ...]) -> Layout:
        """Return the layout of C order."""
        return cls(shape, tuple(range(len(shape))))

    @property
    def voxels(self) -> int:
        """The number of lanes."""
        return math.prod(self.shape)

    def arranged(self, samples: Array) -> Array:
        """Return samples along the first axis with the others in the order of the lanes."""
        return samples.transpose(0, *[1 + axis for axis in self.order])

    def shaped(self, lanes: Array) -> Array:
        """Return lanes as an array of the sample's shape."""
        stored = lanes.reshape([self.shape[axis] for axis in self.order])
        return stored.transpose(np.argsort(self.order))

    def lanes_of(self, array: Array) -> Array:
        """Return an array of the sample's shape as lanes."""
        return array.transpose(self.order).reshape(-1)


@dataclass(frozen=True)
class Samples:
    """Samples along the first axis, and which of them count how much; all of one shape."""

    values: Array
    where: Array | None = None
    masked: Array | None = None
    weights: Array | None = None

    def each(self, change: Callable[[Array], Array]) -> Samples:
        """Return these with every array changed."""
        values, *others = (
            None if array is None else change(array)
            for array in (self.values, self.where, self.masked, self.weights)
        )
        assert values is not None
        return Samples(values, *others)


class State:
    """The rows of every state of a spec, and the number of samples taken in."""

    def __init__(
        self, spec: Spec, layout: Layout, counting: Counting, states: Sequence[Array], taken: int
    ) -> None:
        self.spec = spec
        self.layout = layout
        self.counting = counting
        self.states = tuple(states)
        self.taken = taken

    @classmethod
    def empty(cls, spec: Spec, layout: Layout, counting: Counting) -> State:
        """Return a state without samples."""
        states = [
            _core.empty((len(names), layout.voxels), np.dtype(dtype))
            for dtype, names in spec.rows(counting)
        ]
        return cls(spec, layout, counting, states, 0)

    @property
    def nbytes(self) -> int:
        """The memory of the rows."""
        return sum(state.nbytes for state in self.states)

    def named_rows(self) -> Iterator[tuple[str, Array]]:
        """Yield each row with its name; no two have the same."""
        for state, (_, names) in zip(self.states, self.spec.rows(self.counting), strict=True):
            yield from zip(names, state, strict=True)

    def row(self, name: str) -> Array:
        """Return the row of this name."""
        return dict(self.named_rows())[name]

    def copy(self) -> State:
        """Return a state that shares nothing with this one."""
        states = [state.copy() for state in self.states]
        return State(self.spec, self.layout, self.counting, states, self.taken)

    def take(self, samples: Samples, skipna: bool, workers: int) -> None:
        """Take samples in."""
        if self.counting is Counting.WEIGHTED and samples.weights is None:
            ones = np.broadcast_to(np.float64(1), samples.values.shape)
            samples = replace(samples, weights=ones)
        arranged = samples.each(self.layout.arranged)
        _core.take_into_span(
            self.spec.code(self.counting), self.states, arranged.values, arranged.where,
            arranged.masked, arranged.weights, skipna, self.taken, workers,
        )  # fmt: skip
        self.taken += len(samples.values)

    def merge(self, other: State, workers: int) -> None:
        """Merge in a state of the same spec and shape; both have samples."""
        counting = max(self.counting, other.counting)
        self.raise_to(counting)
        other = other.raised(counting).laid_out(self.layout)
        _core.merge_spans(
            self.spec.code(counting), self.states, other.states, float(self.taken),
            float(other.taken), workers,
        )  # fmt: skip
        self.taken += other.taken

    def finish(
        self, statistic: str, dtype: np.dtype[Any], workers: int, *, ddof: float = 0.0
    ) -> Array:
        """Return a statistic of each voxel."""
        lanes: Array = _core.empty((self.layout.voxels,), dtype)
        if self.taken == 0:
            lanes[...] = np.nan
        else:
            _core.finish_span(
                self.spec.code(self.counting), self.states, CODES[statistic], float(self.taken),
                ddof, lanes, workers,
            )  # fmt: skip
        return self.layout.shaped(lanes)

    def counts(self, workers: int) -> Array:
        """Return the number of samples of each voxel."""
        if self.counting is Counting.UNIFORM or self.taken == 0:
            return np.full(self.layout.shape, self.taken, np.int64)
        return self.finish("count", np.dtype(np.int64), workers)

    def laid_out(self, layout: Layout) -> State:
        """Return this state with its lanes in the order of another layout."""
        if layout == self.layout:
            return self
        states = [
            np.stack([layout.lanes_of(self.layout.shaped(row)) for row in state])
            for state in self.states
        ]
        return State(self.spec, layout, self.counting, states, self.taken)

    def raised(self, counting: Counting) -> State:
        """Return a state that counts so, with the same samples; this one if it does."""
        if counting <= self.counting:
            return self
        raised = State.empty(self.spec, self.layout, counting)
        raised.taken = self.taken
        if self.taken == 0:
            return raised
        known = dict(self.named_rows())
        if counting is Counting.WEIGHTED and "origin" not in known:
            known |= self._moments_of_sums()
        counts = self.layout.lanes_of(self.counts(1)) if "samples" not in known else 0
        # What is not kept so far is a number of samples; but a mean alone has no deviations.
        for name, row in raised.named_rows():
            row[...] = known.get(name, 0.0 if name == "m2" else counts)
        return raised

    def raise_to(self, counting: Counting) -> None:
        """Count so from now on."""
        raised = self.raised(counting)
        self.counting, self.states = raised.counting, raised.states

    def _moments_of_sums(self) -> dict[str, Array]:
        """Return mean and M2 of integers, of which sums are kept."""
        double = np.dtype(np.float64)
        counts = self.counts(1)
        mean = np.where(counts > 0, self.finish("mean", double, 1), 0.0)
        rows = {"origin": mean, "offset": np.zeros_like(mean)}
        if self.spec.moments >= 2:
            variance = self.finish("var", double, 1)
            rows["m2"] = np.where(counts > 0, variance * counts, 0.0)
        return {name: self.layout.lanes_of(row) for name, row in rows.items()}
