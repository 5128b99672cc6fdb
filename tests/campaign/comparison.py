"""What the campaign expects of a call: a result within its rounding, or a refusal that says why."""

from typing import NamedTuple

import numpy as np

import oracle
from agreement import assert_close, explain_difference

# What the oracle says where there is no answer, and what boxel says then.
REFUSALS = {"has no value for": "has no value for", "is not covered": "boundary='exact'"}


class Refusal:
    """An answer that there is none, with a part of the message that says so."""

    def __init__(self, message):
        self.message = message


def answer(ask):
    """Return what the oracle answers, or the refusal that it stands for."""
    try:
        with np.errstate(over="ignore"):
            return ask()
    except ValueError as error:
        for theirs, ours in REFUSALS.items():
            if theirs in str(error):
                return Refusal(ours)
        raise


def found_or_refused(call, expected):
    """Make a call; return its result, or None if it was rightly refused."""
    refusals = [each for each in expected if isinstance(each, Refusal)]
    try:
        found = call()
    except ValueError as error:
        if any(each.message in str(error) for each in refusals):
            return None
        raise
    assert not refusals, f"expected an error that says {refusals[0].message!r}"
    return found


def native(array):
    """Return a result in the machine's byte order."""
    if isinstance(array, np.ndarray) and not array.dtype.isnative:
        return array.astype(array.dtype.newbyteorder("="))
    return array


class Bounds(NamedTuple):
    """The least and the greatest integers that a rounded value may become."""

    low: np.ndarray
    high: np.ndarray

    @property
    def shape(self):
        return self.low.shape


def integer_bounds(wide, allowed, dtype, rule=np.rint):
    """Return the least and the greatest integers that float64 values become by a rounding rule."""
    low, high = rule(wide - allowed), rule(wide + allowed)
    if dtype.kind == "b":
        return Bounds((low > 0) | (high < 0), (low != 0) | (high != 0))

    def stored(values):
        whole = [oracle.store(value, dtype, 0) for value in values.ravel().tolist()]
        return np.array(whole, dtype).reshape(values.shape)

    return Bounds(stored(low), stored(high))


def assert_within(found, expected, allowed):
    """Compare a result with the value and the rounding that the oracle gave."""
    found = native(found)
    if not isinstance(expected, Bounds):
        assert_close(found, expected, allowed)
        return
    assert found.dtype == expected.low.dtype
    assert found.shape == expected.shape
    outside = (found < expected.low) | (found > expected.high)
    if outside.any():
        explain_difference(outside, found, expected.low)


class Guarded:
    """An output in the midst of memory of which nothing else may change."""

    def __init__(self, view, memory):
        self.view = view
        self.memory = memory
        self.before = memory.copy()
        # The same view of the copy: all else of it stays as it was.
        offset = view.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
        self.copied = np.ndarray(view.shape, view.dtype, self.before, offset, view.strides)

    def assert_nothing_else_changed(self):
        self.copied[...] = self.view
        assert self.before.tobytes() == self.memory.tobytes(), "memory beside the output changed"
