"""Sums and means of float64 in sliding boxes: rounded once, whichever way they are kept."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

import box_oracle
import boxel as bx
import oracle
from agreement import assert_same_bits
from box_cases import MODES

LARGEST = np.finfo(np.float64).max
BOTH = ("sum", "mean")


def make_samples(kind, shape, seed=0):
    """Draw samples that sums keep in few parts, in words, in many parts, or whole."""
    generator = np.random.default_rng(seed)
    normal = generator.standard_normal(shape)
    return {
        "integers": np.round(normal * 1000),
        "fractions": generator.random(shape),
        "normal": normal,
        "wide": normal * 2.0 ** generator.integers(-22, 0, shape),
        "spread": np.exp(30 * normal) * generator.choice([-1, 1], shape),
        "offset": normal + 1e12,
        "large": normal / 8 * LARGEST,
        "small": normal * 1e-300,
        "zeros": np.zeros(shape) * np.sign(normal),
    }[kind]


KINDS = ["integers", "fractions", "normal", "wide", "spread", "offset", "large", "small", "zeros"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((60,), (7,)),
        ((400,), (100,)),
        ((12, 20), (3, 3)),
        ((20, 17), (9, 6)),
        ((7, 9, 40), (5, 6, 9)),
    ],
)
def test_sums_and_means_are_rounded_once(shape, size, kind):
    image = make_samples(kind, shape)
    expected = {name: box_oracle.box_filter(image, size, name, mode="valid") for name in BOTH}
    found = bx.box_filter(image, size, BOTH, mode="valid")
    for name in BOTH:
        assert_same_bits(found[name], expected[name])
        assert_same_bits(bx.box_filter(image, size, name, mode="valid"), expected[name])
    # One sample that no part can hold: everything is merged.
    spoiled = image.copy()
    spoiled.flat[0] = np.nan
    found = bx.box_filter(spoiled, size, BOTH, mode="valid")
    holds = (slice(0, 1),) * image.ndim
    for name in BOTH:
        assert np.isnan(found[name][holds]).all()
        found[name][holds] = expected[name][holds]
        assert_same_bits(found[name], expected[name])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("special", [np.nan, np.inf, LARGEST, 5e-324])
@pytest.mark.parametrize("place", [(0, 0, 0), (20, 3, 5), (59, 23, 30)])
def test_what_stands_elsewhere_changes_no_bit(place, special, kind):
    image = make_samples(kind, (60, 24, 31))
    before = bx.box_filter(image, 9, BOTH, mode="constant")
    image[place] = special
    for workers in (1, 3):
        after = bx.box_filter(image, 9, BOTH, mode="constant", workers=workers)
        near = tuple(slice(max(0, at - 4), at + 5) for at in place)
        for name in BOTH:
            after[name][near] = before[name][near]
            assert_same_bits(after[name], before[name])


# Half way between two floats, but for the last sample, or the last two.
TIES = [
    [1, 2.0**-53, 2.0**-110],
    [1, 2.0**-53, -(2.0**-107)],
    [3, -(2.0**-52), 2.0**-140, 2.0**-110],
]


@pytest.mark.parametrize("scale", [1, 2.0**-500, 2.0**-800, 2.0**900])
@pytest.mark.parametrize("ties", TIES)
def test_the_smallest_sample_decides_between_two_floats(ties, scale):
    line = np.array(ties) * scale
    expected = math.fsum(line)
    for beside in (0, 1e-200, 1e300, np.nan):
        image = np.concatenate([line, np.zeros(20), [beside], np.zeros(20)])
        found = bx.box_filter(image, len(line), "sum", mode="valid")
        assert found[0] == expected
        columns = np.stack([line, np.full(len(line), beside)] * 3, axis=1)
        found = bx.box_filter(columns, (len(line), 1), "sum", mode="valid")
        assert (found[0, ::2] == expected).all()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_sums_near_half_way_have_the_same_bits_in_any_unit(workers):
    column = np.resize([1, 2.0**-53, 2.0**-110, 2.0**-170, -(2.0**-110)], 3000)
    image = column[:, None] * np.ones((1, 300))
    image[:, 1::2] = np.resize([1, 2.0**-53, 2.0**-110, 2.0**-140, -(2.0**-110)], 3000)[:, None]
    before = bx.box_filter(image, (5, 1), BOTH, mode="valid", workers=1)
    np.testing.assert_array_equal(before["sum"][:, 1::2], math.fsum(image[:5, 1]))
    image[10, 200] = np.nan
    after = bx.box_filter(image, (5, 1), BOTH, mode="valid", workers=workers)
    for name in BOTH:
        assert np.isnan(after[name][6:11, 200]).all()
        after[name][6:11, 200] = before[name][6:11, 200]
        assert_same_bits(after[name], before[name])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cval", [0.0, 1.5, -1e20, -1e30, np.nan])
def test_a_constant_border_is_padding_to_the_bit(cval, kind):
    image = make_samples(kind, (13, 14, 15))
    for size in (2, 3, 8):
        margins = [(size // 2, (size - 1) // 2)] * 3
        padded = np.pad(image, margins, constant_values=cval)
        expected = bx.box_filter(padded, size, BOTH, mode="valid")
        found = bx.box_filter(image, size, BOTH, mode="constant", cval=cval)
        for name in BOTH:
            assert_same_bits(found[name], expected[name])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(3, 3, 3), (1, 9, 2), (6, 7, 40)])
def test_cut_boxes_divide_by_what_they_hold(size, kind):
    image = make_samples(kind, (9, 21, 33))
    found = bx.box_filter(image, size, BOTH, mode="shrink")
    assert_same_bits(found["sum"], bx.box_filter(image, size, "sum", mode="constant"))
    assert_same_bits(found["sum"], bx.box_filter(image, size, "sum", mode="shrink"))
    held = bx.box_filter(image, size, "count", mode="shrink")
    few = np.flatnonzero(held.ravel() == held.min())[:20]
    margins = [(length // 2, (length - 1) // 2) for length in size]
    padded = np.pad(image, margins, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)
    for place in (np.unravel_index(each, image.shape) for each in [*few, image.size // 2]):
        box = [each for each in windows[place].ravel().tolist() if each == each]
        expected = oracle.to_float(sum(map(oracle.exact, box)) / Fraction(int(held[place])))
        assert found["mean"][place] == expected


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("stride", [1, 3])
def test_the_inside_of_a_long_line_is_that_of_a_short_one(stride, dtype, mode):
    length, size = 90_000, 101
    line = (make_samples("fractions", (length,)) * 200).astype(dtype)
    for each, axes in ((line, None), (line.reshape(-1, 3), 0)):
        options = {"mode": mode, "axes": axes}
        whole = bx.box_filter(each, size, ("mean", "max"), stride=stride, **options)
        for first, count in itertools.product((0, 8_192, 20_001), (4_000,)):
            first = first // stride * stride
            piece = each[first : first + count]
            found = bx.box_filter(piece, size, ("mean", "max"), stride=stride, **options)
            skipped = 0 if mode == "valid" else -(-size // stride)
            for name in found:
                inside = found[name][skipped : len(found[name]) - skipped or None]
                begin = first // stride + skipped
                assert_same_bits(inside, whole[name][begin : begin + len(inside)])


@pytest.mark.parametrize("stride", [1, 12, 130])
@pytest.mark.parametrize(
    ("statistic", "dtype", "shape"),
    [("mean", "float64", (170, 110, 100)), ("max", "float32", (170, 300, 300))],
)
def test_long_boxes_that_keep_some_of_their_suffixes(statistic, dtype, shape, stride):
    image = make_samples("normal", shape).astype(dtype)
    image[[0, 0, 120], [0, -1, 5], [0, 7, 9]] = np.nan
    options = {"statistic": statistic, "axes": 0, "stride": stride}
    whole = bx.box_filter(image, 101, **options)
    assert np.isnan(whole[0, 0, 0])
    # So few columns that all are kept.
    for first in range(0, shape[1], 50):
        columns = image[:, first : first + 50]
        assert_same_bits(whole[:, first : first + 50], bx.box_filter(columns, 101, **options))


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("dtype", "statistics"), [("float64", BOTH), ("float32", ("var", "std"))])
def test_a_constant_border_is_split_as_samples_are(dtype, statistics, workers):
    image = make_samples("normal", (90, 24, 131)).astype(dtype)
    # Finer and larger samples come late, and then one that no parts can hold.
    image[30:] *= 1e-9
    image[50:] *= 1e15
    image[80, 3, 3] = np.inf
    for size in (3, 9):
        padded = np.pad(image, [(size // 2, size // 2)] * 3, constant_values=image.dtype.type(0.1))
        expected = bx.box_filter(padded, size, statistics, mode="valid")
        found = bx.box_filter(image, size, statistics, mode="constant", cval=0.1, workers=workers)
        for name in statistics:
            assert_same_bits(found[name], expected[name])
