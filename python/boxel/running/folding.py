"""Statistics of a stack over several axes at once, left open to be merged with those of others.

One of the axes is that of the samples; along the others lie voxels that are merged afterwards, half
by half, so that there are lanes enough to work on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from boxel._config import get_workers
from boxel.running.state import Array, Layout, State
from boxel.running.statistics import RunningStats

__all__ = ["finished", "open_span"]

# So many samples are worth more than one update of the states.
_FEW_SAMPLES = 8
# A line of samples is broken into so many lanes.
_LINE_LANES = 1024


def open_span(
    stack: Any,
    axes: Sequence[int],
    *,
    where: Array | None,
    weights: Array | None,
    skipna: bool,
    moments: int,
) -> RunningStats:
    """Return statistics over some axes of a stack; these are left at length 1.

    `where` and `weights` broadcast to the stack.
    """
    shape = tuple([1 if axis in axes else length for axis, length in enumerate(stack.shape)])
    stats = RunningStats(dtype=stack.dtype, moments=moments, skipna=skipna)
    extra: list[Any] = [
        None if each is None else np.broadcast_to(each, stack.shape) for each in (where, weights)
    ]
    if stack.ndim == 1 and len(stack) >= 2 * _LINE_LANES:
        whole = len(stack) // _LINE_LANES * _LINE_LANES
        lines: list[Any] = [
            None if each is None else each[:whole].reshape(-1, _LINE_LANES)
            for each in (stack, *extra)
        ]
        stats.update_many(lines[0], where=lines[1], weights=lines[2])
        rest = open_span(
            stack[whole:], axes, skipna=skipna, moments=moments,
            where=None if extra[0] is None else extra[0][whole:],
            weights=None if extra[1] is None else extra[1][whole:],
        )  # fmt: skip
        return _folded(stats, (0,), shape).merge(rest)
    if not axes or 0 in stack.shape:
        return _without_axes(stack, stats, extra, shape)
    along = next((each for each in axes if stack.shape[each] >= _FEW_SAMPLES), None)
    if along is None:
        along = max(axes, key=lambda axis: stack.shape[axis])
    stats.update_many(stack, axis=along, where=extra[0], weights=extra[1])
    others = [axis - (axis > along) for axis in axes if axis != along]
    return _folded(stats, others, shape)


def _without_axes(
    stack: Any, stats: RunningStats, extra: Sequence[Array | None], shape: tuple[int, ...]
) -> RunningStats:
    """Return the statistics of single samples, or of none."""
    if stack.size:
        return stats.update(stack, where=extra[0], weights=extra[1])
    return RunningStats(shape, dtype=stats.dtype, moments=stats.moments, skipna=stats.skipna)


def _folded(stats: RunningStats, axes: Sequence[int], shape: tuple[int, ...]) -> RunningStats:
    contents = stats.contents()
    state = contents.state
    assert state is not None
    for axis in axes:
        state = _merged_along(state, axis)
    layout = Layout.of_shape(state.layout.shape)
    state = state.laid_out(layout)
    state = State(state.spec, Layout.of_shape(shape), state.counting, state.states, state.taken)
    return RunningStats.of_contents(contents._replace(shape=shape, state=state))


def _merged_along(state: State, axis: int) -> State:
    """Return the state of all voxels along an axis together, which stays at length 1."""
    left: list[State] = []
    while (length := state.layout.shape[axis]) > 1:
        half = length // 2
        if length % 2:
            left.append(_cut(state, axis, length - 1, length))
        upper = _cut(state, axis, half, 2 * half)
        state = _cut(state, axis, 0, half)
        state.merge(upper, get_workers())
    for each in reversed(left):
        state.merge(each, get_workers())
    return state


def _cut(state: State, axis: int, start: int, stop: int) -> State:
    place = (slice(None),) * axis + (slice(start, stop),)
    parts = [[state.layout.shaped(row)[place] for row in rows] for rows in state.states]
    layout = Layout(parts[0][0].shape, state.layout.order)
    rows = [np.stack([layout.lanes_of(row) for row in each]) for each in parts]
    return State(state.spec, layout, state.counting, rows, state.taken)


def finished(stats: RunningStats, name: str, dtype: np.dtype[Any], ddof: float) -> Array:
    """Return the mean, the variance or the standard deviation in a floating dtype."""
    contents = stats.contents()
    assert contents.shape is not None
    if contents.state is None:
        return np.full(contents.shape, np.nan, dtype)
    return contents.state.finish(name, dtype, get_workers(), ddof=ddof)
