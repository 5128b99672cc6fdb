"""How a result is compared with the oracle's."""

import functools

import numpy as np

import oracle


def assert_same_bits(found, expected):
    """Equal dtype, shape and bytes, in whatever order they lie in memory."""
    assert type(found) is np.ndarray
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if found.tobytes() != expected.tobytes():
        # Zeros of two signs and NaN of two kinds are equal or unequal against their bits.
        bits = np.dtype((np.void, found.itemsize))
        one, other = (np.ascontiguousarray(array).view(bits) for array in (found, expected))
        explain_difference(one != other, found, expected)


def explain_difference(unequal, found, expected, allowed=None):
    place = tuple(int(index) for index in np.argwhere(unequal)[0])
    message = (
        f"{unequal.sum()} of {unequal.size} values differ; the one at {place} is "
        f"{found[place]!r}, expected was {expected[place]!r}"
    )
    if allowed is not None:
        message += f" with a rounding error of at most {allowed[place]:g}"
    raise AssertionError(message)


def assert_close(found, expected, allowed):
    """Equal within the rounding allowed, plus one place of a result that is not promised exact."""
    assert type(found) is np.ndarray
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    unequal = ~((found == expected) | ((found != found) & (expected != expected)))
    if expected.dtype.kind == "f":
        both_finite = np.isfinite(found) & np.isfinite(expected)
        difference = np.zeros(expected.shape)
        np.subtract(found, expected, out=difference, where=both_finite, dtype=np.float64)
        last_place = np.zeros(expected.shape)
        np.spacing(np.abs(expected), out=last_place, where=both_finite)
        near = np.abs(difference) <= allowed + last_place
        unequal &= ~(both_finite & (allowed > 0) & near)
    if unequal.any():
        explain_difference(unequal, found, expected, allowed)


class Hashable:
    """An argument of the oracle, equal to another one if it holds the same values."""

    def __init__(self, value):
        self.value = value
        array = np.ma.asarray(value) if np.ma.isMaskedArray(value) else np.asarray(value)
        mask = np.ma.getmaskarray(array).tobytes()
        self.key = (
            array.dtype.newbyteorder("="),
            array.shape,
            oracle.native(array).tobytes(),
            mask,
        )

    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        return self.key == other.key


@functools.cache
def ask_oracle(image, block_size, statistic, options):
    options = {name: option.value for name, option in options}
    return oracle.block_reduce_with_rounding(image.value, block_size, statistic, **options)


def expect(image, block_size, statistic, **options):
    """Return the oracle's answer and the rounding it allows; each question is worked out once."""
    hashable = tuple((name, Hashable(option)) for name, option in sorted(options.items()))
    return ask_oracle(Hashable(image), tuple(block_size), statistic, hashable)


def assert_agrees(found, image, block_size, statistic, **options):
    """Compare one block statistic with the oracle's."""
    assert_close(found, *expect(image, block_size, statistic, **options))
