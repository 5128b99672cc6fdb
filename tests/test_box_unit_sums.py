"""Boxes of float32 volumes whose samples are whole numbers of a unit: sums of 32 bits, exact.

They may change to float64 in the midst of an image, wherever a sample does not fit; nothing of
that may show.
"""

import functools
import itertools
import math

import numpy as np
import pytest

import box_oracle
import boxel as bx
from agreement import assert_same_bits
from box_cases import MODES

exact_sums = functools.partial(box_oracle.exact_sums, finest=30)
sums_of = functools.partial(bx.box_filter, statistic="sum", dtype="float64")


def means_from(sums, shape, size, mode, stride=1):
    """Divide exact sums by the samples of their boxes: in float64 and then rounded to float32."""
    counts = np.full(sums.shape, math.prod(size))
    if mode == "shrink":
        ones = np.ones(shape, "float32")
        counts = box_oracle.exact_sums(ones, size, mode, stride=stride)
    return (sums / counts).astype("float32")


def assert_exact(image, size, mode="reflect", *, cval=0.0, stride=1, finest=30, workers=1):
    """Sums leave their units behind the first axis, and means behind the last one."""
    options = {"mode": mode, "cval": cval, "stride": stride, "workers": workers}
    sums = exact_sums(image, size, mode, cval, stride=stride, finest=finest)
    assert_same_bits(sums_of(image, size, **options), sums)
    means = means_from(sums, image.shape, size, mode, stride)
    assert_same_bits(bx.box_filter(image, size, **options), means)


def drawn(kind, shape):
    """Draw float32 samples on a grid."""
    random = np.random.default_rng(len(kind))
    if kind == "of 24 bits":
        return random.random(shape, dtype="float32")
    if kind == "bytes":
        return random.integers(0, 256, shape).astype("float32")
    if kind == "signed eighths":
        return (random.integers(-1000, 1000, shape) / 8).astype("float32")
    image = np.zeros(shape, "float32")  # "sparse"
    image[tuple(random.integers(0, length, 9) for length in shape)] = 0.75
    return np.where(random.random(shape) < 0.5, image, np.copysign(image, -1.0))


KINDS = ["of 24 bits", "bytes", "signed eighths", "sparse"]
# Shorter rows than these are joined, so that there is no second axis to walk along.
SHAPES = [
    ((40, 23, 70), (5, 5, 3)),
    ((23, 40, 66), (9, 7, 6)),
    ((12, 9, 65), (31, 17, 5)),
    ((14, 20, 79), (5, 6, 31)),
    ((9, 12, 67), (7, 5, 150)),
    ((9, 12, 67), (3, 3, 3)),
    ((8, 7, 71), (2, 4, 5)),
    ((3, 2, 66), (4, 4, 4)),
    ((13, 12, 70), (9, 3, 2)),
    ((13, 12, 70), (3, 9, 9)),
    ((13, 12, 70), (3, 3, 8)),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("shape", "size"), SHAPES)
def test_sums_are_exact(shape, size, mode, kind):
    if mode == "valid":
        shape = tuple(length + side for length, side in zip(shape, size, strict=True))
    image = drawn(kind, shape)
    for workers, stride in ((1, 1), (3, 1), (1, 2), (1, (2, 3, 1))):
        assert_exact(image, size, mode, workers=workers, stride=stride)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "valid"])
@pytest.mark.parametrize("first_size", [5, 40])
def test_margins_of_rows_of_any_length(first_size, mode):
    for length in (65, 70, 79, 88):
        image = drawn("of 24 bits", (4, 6, length))
        for size in (6, 33, 46, 47, 48, 49, 50, 64, 100, 131, 176, 260, 401):
            assert_exact(image, (first_size, 5, size), mode)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("size", [5, 31, 63, 64, 65])
def test_sums_and_their_differences_at_the_limit_of_32_bits(size, axis):
    for bits, less in itertools.product(range(23, 30), (0, 1)):
        image = np.full((12, 70, 66), 2.0**bits - less * 2.0 ** max(bits - 24, 0), "float32")
        first_half = (slice(None),) * axis + (slice(image.shape[axis] // 2),)
        image[first_half] *= -1
        for along_rows in (5, 9):
            assert_exact(image, (size, size, along_rows), finest=0)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("size", [5, 15, 16, 17, 31, 32, 33])
def test_fours_and_their_differences_at_the_limit_of_32_bits(size, axis):
    """Sums of four lanes reach the limit four times as early."""
    for bits, less, least in itertools.product(range(22, 30), (0, 1), (-1.0, 0.0)):
        image = np.full((12, 70, 72), 2.0**bits - less * 2.0 ** max(bits - 24, 0), "float32")
        first_half = (slice(None),) * axis + (slice(image.shape[axis] // 2),)
        image[first_half] *= least
        assert_exact(image, (size, 9, 6), finest=0)


@pytest.mark.parametrize("size", [(3, 3, 3), (4, 4, 4), (17, 3, 5), (1, 4, 3)])
def test_small_boxes_at_the_limit_of_32_bits(size):
    for bits, less, least in itertools.product(range(22, 32), (0, 1), (-1.0, 0.0)):
        image = np.full((21, 12, 70), 2.0**bits - less * 2.0 ** max(bits - 24, 0), "float32")
        image[:, :, 35:] *= least
        image[12:, 5] = 3.0
        assert_exact(image, size, finest=0)


@pytest.mark.parametrize("size", [65, 127, 128, 129])
def test_sums_at_the_limit_of_32_bits_without_signs(size):
    for bits, least in itertools.product((23, 24, 25), (0.0, -0.0, -1.0)):
        image = np.full((9, 8, 66), 2.0**bits - 2.0 ** max(bits - 24, 0), "float32")
        image[4:, ::2] = least
        for along_rows in (5, 9):
            assert_exact(image, (size, 9, along_rows), finest=0)


OFF_GRID = {
    "finer": 2.0**-30,
    "third": float(np.float32(1 / 3)),
    "large": 2.0**27,
    "larger": -(2.0**31),
    "beyond 32 bits": 2.0**33,
}


@pytest.mark.parametrize("name", OFF_GRID)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [(0, 3, 4), (17, 20, 0), (18, 0, 33), (39, 22, 69)])
def test_samples_that_do_not_fit(place, kind, name):
    image = drawn(kind, (40, 23, 70))
    finest = 30
    if abs(OFF_GRID[name]) > 1:
        # float64 has no room for the bits of both.
        image = np.rint(image)
        finest = 0
    image[place] = OFF_GRID[name]
    for size, workers in itertools.product([(5, 5, 3), (9, 7, 6), (3, 3, 3)], (1, 2)):
        assert_exact(image, size, workers=workers, finest=finest)


def test_units_are_found_anew():
    """An image that starts empty, and becomes finer from slice to slice."""
    image = np.zeros((120, 12, 80), "float32")
    random = np.random.default_rng(3)
    for start, bits in ((30, 0), (50, 3), (57, 8), (80, 24), (110, 29)):
        image[start:] += np.ldexp(random.integers(0, 2, image[start:].shape), -bits)
    for size in ((5, 5, 3), (9, 9, 9), (31, 5, 7), (3, 3, 3)):
        assert_exact(image, size)


@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf, 3e38, 1e-40, 1e-45])
@pytest.mark.parametrize("place", [(2, 3, 4), (20, 11, 0), (39, 0, 33)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_special_value_changes_only_boxes_that_hold_it(kind, place, special):
    clean = drawn(kind, (40, 23, 70))
    image = clean.copy()
    image[place] = special
    marked = np.zeros(image.shape)
    marked[place] = 1
    for size in ((5, 5, 3), (9, 7, 6), (3, 3, 3)):
        held = bx.box_filter(marked, size, "any")
        for statistic in ("sum", "mean"):
            found = bx.box_filter(image, size, statistic)
            expected = bx.box_filter(clean, size, statistic)
            assert_same_bits(found[~held], expected[~held])
            with np.errstate(over="ignore"):
                wide = bx.box_filter(image.astype("float64"), size, statistic).astype(found.dtype)
            np.testing.assert_allclose(found[held], wide[held], rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize("cval", [0.5, -3.0, 0.1, 2.0**26, 1e30, math.nan, -math.inf])
def test_what_lies_beyond_the_border(cval):
    image = drawn("of 24 bits", (30, 14, 71))
    for size in ((7, 9, 5), (7, 9, 11), (3, 3, 3)):
        if abs(cval) < 4:
            assert_exact(image, size, "constant", cval=cval)
        found = sums_of(image, size, mode="constant", cval=cval)
        inner = tuple(slice(side // 2, -(side // 2)) for side in size)
        assert_same_bits(found[inner], exact_sums(image, size, "valid"))
        means = bx.box_filter(image, size, mode="constant", cval=cval)
        assert_same_bits(means[inner], bx.box_filter(image, size, mode="valid"))
    # Where nothing lies beyond, it does not matter what would.
    assert_same_bits(sums_of(image, size, cval=cval), sums_of(image, size))


def test_a_volume_of_four_axes_and_two_statistics():
    image = drawn("bytes", (9, 14, 11, 67))
    size = (5, 7, 5, 3)
    found = bx.box_filter(image, size, ("sum", "max", "var", "mean"))
    sums = exact_sums(image, size, "reflect")
    assert_same_bits(found["sum"], sums.astype("float32"))
    assert_same_bits(found["mean"], (sums / math.prod(size)).astype("float32"))


OUTPUTS = {
    "as it comes": lambda shape: np.empty(shape, "float32"),
    "wide": lambda shape: np.empty(shape, "float64"),
    "swapped": lambda shape: np.empty(shape, ">f4"),
    "every second column": lambda shape: np.empty((*shape[:2], 2 * shape[2]), "f4")[..., ::2],
    "every third row, upside down": lambda shape: np.empty(
        (shape[0], 3 * shape[1], shape[2]), "f4"
    )[:, ::-3],
    "columns": lambda shape: np.empty(shape, "float32", order="F"),
    "unaligned": lambda shape: (
        np.empty(4 * math.prod(shape) + 1, "u1")[1:].view("f4").reshape(shape)
    ),
    "rows of odd steps": lambda shape: np.ndarray(
        shape,
        "float32",
        np.empty(math.prod((shape[0], shape[1], 4 * shape[2] + 1)), "u1"),
        strides=(shape[1] * (4 * shape[2] + 1), 4 * shape[2] + 1, 4),
    ),
}


@pytest.mark.parametrize("size", [(5, 7, 9), (3, 3, 3)])
@pytest.mark.parametrize("name", OUTPUTS)
def test_means_go_into_any_array(name, size):
    image = drawn("of 24 bits", (11, 19, 70))
    expected = bx.box_filter(image, size)
    assert_exact(image, size)
    out = OUTPUTS[name](image.shape)
    bx.box_filter(image, size, out=out)
    if out.dtype == "float64":
        np.testing.assert_array_equal(out.astype("float32"), expected)
    else:
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(("size", "origin"), [(9, -3), (9, 0), (9, 4), (3, -1), (3, 1)])
def test_boxes_aside_of_their_samples(size, origin):
    image = drawn("signed eighths", (13, 17, 70))
    whole = bx.box_filter(image, size, mode="valid")
    found = bx.box_filter(image, size, origin=origin)
    first = size // 2 + origin
    inner = tuple(slice(first, first + length) for length in whole.shape)
    assert_same_bits(found[inner], whole)


def test_means_of_units_far_from_one():
    """Units are taken out again with the number of samples, in one factor."""
    image = drawn("of 24 bits", (13, 17, 70))
    for size, exponent in itertools.product((3, 9), (-100, -50, 50, 100)):
        expected = np.ldexp(bx.box_filter(image, size), exponent)
        assert_same_bits(bx.box_filter(np.ldexp(image, exponent), size), expected)
