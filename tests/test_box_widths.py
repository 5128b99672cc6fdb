"""Sums of boxes that need wider integers than the rows along which they slide.

The image lies in few slices of long rows, so that the boxes of many samples are long along rows and
short across them. The oracle counts how often each sample stands in a box, axis by axis; 64 bits
hold its sums, and Python's integers what comes of them.
"""

import math
from fractions import Fraction

import numpy as np
import pytest

import box_oracle
import boxel as bx

SHAPE = (9, 8, 257)
# Of the first, 32 bits do not hold sums of 16 bits, nor squares of uint8; of the second, no sums of
# any of these types; of the third, not even how many samples they are.
SIZES = [(9, 9, 1001), (130, 130, 1001)]
MANY = (1300, 1300, 2601)
DTYPES = ("int8", "uint8", "int16", "uint16")
CVAL = 1


def image_of(dtype):
    """Return the largest and the lowest samples among others, the same ones side by side."""
    rng = np.random.default_rng(5)
    if dtype == "bool":
        return rng.random(SHAPE) < 0.7
    limits = np.iinfo(dtype)
    image = rng.integers(limits.min, limits.max, size=SHAPE, dtype=dtype, endpoint=True)
    image[:, :, 100:] = limits.max
    image[4:, :, 130:] = limits.min
    return image


def counts_of(length, size, mode, stride, origin):
    """Return how often each sample stands in the box of each output."""
    boxes = box_oracle.sources(length, size, mode, origin, stride)
    within = [[s for s in box if s != box_oracle.OUTSIDE] for box in boxes]
    return np.array([np.bincount(box, minlength=length) for box in within])


class Oracle:
    """Exact sums of x and x^2 of each box, and how many samples they are of."""

    def __init__(self, image, size, mode, stride=(1, 1, 1), origin=(0, 0, 0)):
        axes = zip(image.shape, size, stride, origin, strict=True)
        counts = [counts_of(n, k, mode, step, at) for n, k, step, at in axes]
        samples = image.astype(np.int64)
        self.sum = self.boxes(samples, counts)
        self.squares = self.boxes(samples * samples, counts)
        self.count = self.boxes(np.ones_like(samples), counts)
        if mode == "constant":
            beyond = math.prod(size) - self.count
            self.sum = self.sum + beyond * CVAL
            self.squares = self.squares + beyond * CVAL**2
            self.count = self.count + beyond

    @staticmethod
    def boxes(samples, counts):
        """Return the sum of each box."""
        for axis, times in enumerate(counts):
            samples = np.moveaxis(np.moveaxis(samples, axis, -1) @ times.T, -1, axis)
        return samples.astype(object)

    def variance(self, ddof):
        """Return each variance rounded once."""
        scaled = self.count * self.squares - self.sum * self.sum
        divisor = self.count * (self.count - ddof)
        ratios = [float(Fraction(*pair)) for pair in zip(scaled.flat, divisor.flat, strict=True)]
        return np.array(ratios).reshape(scaled.shape)

    def mean(self):
        """Return each mean rounded once."""
        pairs = zip(self.sum.flat, self.count.flat, strict=True)
        return np.array([float(Fraction(*pair)) for pair in pairs]).reshape(self.sum.shape)


def check(image, size, mode, names=("sum", "mean", "var"), **others):
    """Compare statistics of boxes with the oracle, bit for bit."""
    oracle = Oracle(image, size, mode, **others)
    expected = {"sum": oracle.sum, "mean": oracle.mean(), "var": oracle.variance(1)}
    cval = {"cval": CVAL} if mode == "constant" else {}
    found = bx.box_filter(image, size, statistic=names, mode=mode, ddof=1, **cval, **others)
    for name in names:
        # Integers are compared as such, not as floats.
        exact = found[name].astype(object) if name == "sum" else found[name]
        np.testing.assert_array_equal(exact, expected[name])
    # Alone, each is planned for itself.
    for name in names:
        alone = bx.box_filter(image, size, statistic=name, mode=mode, ddof=1, **cval, **others)
        np.testing.assert_array_equal(alone, found[name], strict=True)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_long_boxes_hold_more_than_their_rows(dtype, size):
    check(image_of(dtype), size, "reflect")


@pytest.mark.parametrize("dtype", ["bool", "uint8"])
def test_boxes_of_more_samples_than_32_bits_count(dtype):
    # Variances of so many samples are not rounded once.
    check(image_of(dtype), MANY, "reflect", names=("sum", "mean"))


@pytest.mark.parametrize("mode", ["mirror", "nearest", "wrap", "constant", "shrink"])
@pytest.mark.parametrize(("dtype", "size"), [("int8", SIZES[1]), ("uint16", SIZES[0])])
def test_long_boxes_in_every_mode(dtype, size, mode):
    check(image_of(dtype), size, mode)


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_long_boxes_with_strides_and_origins(dtype):
    check(image_of(dtype), (9, 9, 1001), "reflect", stride=(2, 3, 5), origin=(1, -2, 30))
    check(image_of(dtype), (2, 300, 150), "reflect", stride=(1, 1, 2))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_wide_boxes_of_a_valid_image(dtype):
    image = np.tile(image_of(dtype), (1, 34, 1))
    check(image, (9, 270, 255), "valid")


@pytest.mark.parametrize("dtype", ["int8", "uint16"])
def test_long_boxes_are_the_same_for_any_number_of_workers(dtype):
    image = np.tile(image_of(dtype), (5, 8, 4))
    assert image.nbytes > 2 << 20  # smaller work is not shared
    one, two = (
        bx.box_filter(image, SIZES[1], statistic=("sum", "var"), workers=workers)
        for workers in (1, 2)
    )
    for name, expected in one.items():
        np.testing.assert_array_equal(two[name], expected, strict=True)


def test_long_boxes_take_rows_that_lie_in_any_order():
    image = image_of("uint16")
    expected = bx.box_filter(image, (9, 9, 1001), statistic="sum")
    backwards = np.ascontiguousarray(image[::-1, :, ::-1])[::-1, :, ::-1]
    assert backwards.strides != image.strides
    for layout in (np.asfortranarray(image), backwards):
        found = bx.box_filter(layout, (9, 9, 1001), statistic="sum")
        np.testing.assert_array_equal(found, expected)
