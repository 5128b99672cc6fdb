"""Contracts 3 and 4: floats are accumulated wide, variances are right and never negative."""

import math

import numpy as np
import pytest

import boxel as bx
import oracle
from agreement import assert_agrees, assert_same_bits
from cases import (
    DTYPES,
    FLOATS,
    make_image,
    make_image_of_neighbours,
    make_weights,
    make_where,
)

# 3. Floats are accumulated wide -------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1])
def test_narrow_floats_are_accumulated_in_float64(axis):
    halves = np.moveaxis(np.full((1, 5000), 60000, dtype=np.float16), 1, axis)
    assert bx.block_reduce(halves, halves.shape, "sum").item() == 3e8
    assert bx.block_reduce(halves, halves.shape, "mean").item() == 60000
    floats = np.full((1, 2**24 + 4), 1, dtype=np.float32)
    floats[0, 0] = 2**24
    floats = np.moveaxis(floats, 1, axis)
    found = bx.block_reduce(floats, floats.shape, "sum", dtype=np.float64)
    assert found.item() == 2**25 + 3
    large = np.moveaxis(np.full((1, 4), 3e38, dtype=np.float32), 1, axis)
    assert bx.block_reduce(large, large.shape, "mean").item() == np.float32(3e38)


@pytest.mark.parametrize("statistic", ["sum", "mean"])
def test_error_bound_grows_with_the_block_and_not_with_the_image(statistic):
    image = np.full((64, 256), 1e-3) * np.random.default_rng(2).random((64, 256))
    image[:32] *= 1e18
    found = bx.block_reduce(image, 4, statistic)
    assert_agrees(found, image, (4, 4), statistic)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("statistic", ["sum", "mean"])
def test_a_large_sample_of_little_weight_costs_no_digits(statistic, place):
    image = np.array([1.0, 2.0, 4.0, 7.0])
    weights = np.array([1.0, 0.75, 1.0, 0.5])
    image[place], weights[place] = 1e17, 2.0**-60
    found = bx.block_reduce(image, 4, statistic, weights=weights)
    assert_agrees(found, image, (4,), statistic, weights=weights)


@pytest.mark.parametrize("place", [0, 1, 9, 99])
def test_a_large_sample_costs_no_more_digits_than_in_a_plain_sum(place):
    image = np.random.default_rng(6).random(100)
    image[place] = 1e16
    for statistic in ("sum", "mean"):
        assert_agrees(bx.block_reduce(image, 100, statistic), image, (100,), statistic)


def updated(image, batch, **options):
    stats = bx.RunningStats(**options)
    for start in range(0, len(image), batch):
        stats.update_many(image[start : start + batch, None])
    return stats.mean[0]


ONE_MEAN_OF_A_LINE = {
    "runs of the last axis": lambda image: bx.voxel_mean(image),
    "rows": lambda image: bx.voxel_mean(np.repeat(image[:, None], 9, axis=1), axis=0)[8],
    "adjacent lanes": lambda image: bx.block_reduce(image, len(image), "mean")[0],
    "tiles of lanes": lambda image: bx.block_reduce(
        image.reshape(-1, 100), image.reshape(-1, 100).shape, "mean"
    )[0, 0],
    "mean and variance": lambda image: bx.voxel_mean_var(image)[0],
    "where": lambda image: bx.block_reduce(image, len(image), "mean", where=image < 2e10)[0],
    "skipna": lambda image: bx.voxel_mean(image, skipna=True),
    "weights": lambda image: bx.voxel_mean(image, weights=np.full(len(image), 0.3)),
    "updates one by one": lambda image: updated(image, 1),
    "updates by threes": lambda image: updated(image, 3),
    "long updates": lambda image: updated(image, 5000),
    "moments": lambda image: updated(image, 5000, moments=4),
    "region": lambda image: bx.masked_mean(image[None], np.ones((1, len(image)), dtype=bool)),
    "regions": lambda image: bx.label_stats(
        np.tile([1, 2], len(image)), np.repeat(image, 2), "mean"
    )["mean"][1],
}


@pytest.mark.parametrize("place", [0, 1, 7, 70, 7000])
@pytest.mark.parametrize("way", ONE_MEAN_OF_A_LINE)
def test_a_large_sample_costs_the_mean_of_many_no_digits(way, place):
    """As an offset from its first sample for good, the mean would have ten digits."""
    image = np.random.default_rng(6).random(40_000)
    image[place] = 1e10
    found = ONE_MEAN_OF_A_LINE[way](image)
    assert found == pytest.approx(math.fsum(image) / len(image), rel=3e-13)


ONE_MEAN_OF_A_SHORT_LINE = {
    **ONE_MEAN_OF_A_LINE,
    "adjoining pixels of a region": lambda image: bx.label_stats(
        np.ones(len(image), int), image, "mean"
    )["mean"][0],
    "mask with holes": lambda image: bx.masked_mean(
        np.repeat(image, 2)[None], np.tile([True, False], len(image))[None]
    ),
    "channels under a mask": lambda image: bx.masked_mean(
        np.repeat(image[None, :, None], 3, axis=2), np.ones((1, len(image)), bool)
    )[2],
    "box along rows": lambda image: bx.box_filter(
        np.pad(image, 99, mode="wrap"), len(image), "mean", mode="valid"
    )[99],
    "box across rows": lambda image: bx.box_filter(
        np.repeat(np.pad(image, 9, mode="wrap")[:, None], 9, axis=1),
        (len(image), 1),
        ("mean", "var"),
        mode="valid",
    )["mean"][9, 8],
}


@pytest.mark.parametrize("way", ONE_MEAN_OF_A_SHORT_LINE)
def test_a_large_sample_costs_the_mean_of_few_no_more_digits_than_a_sum(way):
    """Differences from the large sample, one by one, would have up to five times the error."""
    random = np.random.default_rng(5)
    for length in (*range(3, 21), 33, 63, 64, 65, 100, 300):
        if way == "tiles of lanes" and length % 100:
            continue
        for place in (*[0] * 20, 1, length // 2):
            image = random.normal(size=length) * 10.0 ** random.integers(-1, 2, length)
            image[place] = -1e16 * abs(random.normal())  # "where" leaves out large ones
            error = abs(ONE_MEAN_OF_A_SHORT_LINE[way](image) - math.fsum(image) / length)
            roundings = 2 * (length + 3) * oracle.UNIT_ROUNDOFF
            assert error <= roundings * np.abs(image).mean(), (length, place)


@pytest.mark.parametrize("length", [4, 9, 24, 63])
def test_a_mean_has_the_same_bits_beside_a_variance_that_overflows(length):
    stack = np.random.default_rng(12).normal(size=(64, length)) * 1e144
    stack[:, 0] = 1e160
    means = bx.voxel_mean(stack)
    rows = np.ascontiguousarray(stack.T)
    assert_same_bits(bx.voxel_mean_var(stack)[0], means)
    assert_same_bits(bx.voxel_mean_var(rows, axis=0)[0], bx.voxel_mean(rows, axis=0))
    plain, with_variance = [
        bx.RunningStats(moments=moments).update_many(rows).mean for moments in (1, 2)
    ]
    assert_same_bits(with_variance, plain)


# 4. Variance is never negative; means lie within their samples ------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "int64", "uint32"])
@pytest.mark.parametrize("block_size", [(2, 2), (8, 8), (64, 1), (1, 100), (64, 100)])
def test_variance_at_a_large_offset(block_size, dtype):
    ripple = np.random.default_rng(1).integers(0, 10, (64, 100))
    image = (ripple + 1_000_000_000).astype(dtype)
    found = bx.block_reduce(image, block_size, ("var", "std"))
    expected = oracle.block_reduce(ripple, block_size, "var")
    # The textbook's sum of squares would lose every digit; merging rounded means would lose half.
    np.testing.assert_allclose(found["var"], expected, rtol=1e-13)
    np.testing.assert_allclose(found["std"], np.sqrt(expected), rtol=1e-13)


def test_variance_of_fractions_at_a_large_offset():
    ripple = np.random.default_rng(1).random((64, 100))
    image = ripple + 1e9
    ripple = image - 1e9
    found = bx.block_reduce(image, 8, "var")
    np.testing.assert_allclose(found, oracle.block_reduce(ripple, (8, 8), "var"), rtol=1e-13)


@pytest.mark.parametrize("way", [way for way in ONE_MEAN_OF_A_LINE if way != "where"])
def test_means_of_the_largest_numbers_stay_within_them(way):
    signs = np.random.default_rng(0).integers(0, 2, (20, 20_000))
    signs[0, :13] = 0, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 0, 0
    for line in np.where(signs, 1.7e308, -1.7e308):
        for length in (13, 300, 20_000):
            if way == "tiles of lanes" and length % 100:
                continue
            found = ONE_MEAN_OF_A_LINE[way](line[:length])
            assert abs(found) <= 1.7e308, (length, found)


def test_a_refined_mean_of_large_samples_is_finite():
    step, image = 2.5e306, np.empty(64)
    for place in range(64):
        if place % 16 == 5:
            image[place] = step + 4.4e307
        else:
            image[place] = step - (1.7e308 / 19 if place % 16 < 5 else 1.66e308 / 40)
    image[0] = step
    found = bx.masked_mean(image[None], np.ones((1, 64), bool))
    assert image.min() <= found <= image.max()


@pytest.mark.parametrize("value", [1e6, np.nan, np.inf])
def test_channels_of_a_region_do_not_see_each_other(value):
    image = np.random.default_rng(3).random((20, 2000, 3))
    mask = np.ones(image.shape[:2], bool)
    changed = image.copy()
    changed[:, 0, 0] = value
    for row, other in zip(image, changed, strict=True):
        one, two = (bx.masked_stats(each[None], mask[:1], ("mean", "var")) for each in (row, other))
        for name in one:
            assert_same_bits(one[name][1:], two[name][1:])
        one, two = (bx.masked_mean(each[None], mask[:1]) for each in (row, other))
        assert_same_bits(one[1:], two[1:])


CONSTANTS = [0.1, -0.1, 1 / 3, 1e9 + 0.1, 1e-300, 1.7e308, -1.7e308, 5e-324, 1e100 / 7]


@pytest.mark.parametrize("constant", CONSTANTS)
@pytest.mark.parametrize("shape", [(1, 999), (999, 1), (31, 33), (3, 3)])
def test_constant_float_image(shape, constant):
    image = np.full(shape, constant)
    for block_size in (2, 3, 7, max(shape)):
        found = bx.block_reduce(image, block_size, ("mean", "var", "std", "min", "max", "median"))
        for name in ("mean", "min", "max", "median"):
            assert (found[name] == constant).all(), name
        assert not found["var"].any()
        assert not found["std"].any()
        assert (bx.block_reduce(image, block_size) == constant).all()
        assert not bx.block_reduce(image, block_size, "var").any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_constant_image_of_every_dtype(dtype):
    for constant in (make_image(dtype, (9,)).min(), make_image(dtype, (9,)).max()):
        image = np.full((7, 33), constant, dtype=dtype)
        found = bx.block_reduce(image, (3, 7), ("mean", "var", "std"))
        assert (found["mean"] == found["mean"].dtype.type(constant)).all()
        assert not found["var"].any()
        assert not found["std"].any()


@pytest.mark.parametrize("options", ["where", "weights", "skipna", "all"])
def test_constant_image_with_samples_left_out(options):
    image = np.full((7, 33), 0.1)
    chosen = {
        "where": {"where": make_where(image.shape)},
        "weights": {"weights": make_weights(image.shape)},
        "skipna": {"skipna": True},
    }
    chosen["all"] = {key: value for option in chosen.values() for key, value in option.items()}
    image[make_where(image.shape, seed=5)] = np.nan if options in ("skipna", "all") else 0.1
    found = bx.block_reduce(image, (3, 7), ("mean", "var", "count"), **chosen[options])
    there = found["count"] > 0
    assert there.any()
    assert (found["mean"][there] == 0.1).all()
    assert not found["var"][there].any()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint64"])
def test_mean_lies_within_its_samples(dtype, weighted):
    generator = np.random.default_rng(8)
    for trial in range(40):
        shape = tuple(generator.integers(1, 40, 2))
        image = make_image_of_neighbours(generator, dtype, shape)
        options = {"weights": generator.random(shape) + 1e-3} if weighted else {}
        block_size = tuple(generator.integers(1, 9, 2))
        found = bx.block_reduce(image, block_size, ("mean", "min", "max"), **options)
        low, high = (found[name].astype(found["mean"].dtype) for name in ("min", "max"))
        assert (low <= found["mean"]).all(), trial
        assert (found["mean"] <= high).all(), trial


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("weighted", [False, True])
def test_variance_is_never_negative(dtype, weighted):
    generator = np.random.default_rng(3)
    for _ in range(40):
        shape = tuple(generator.integers(1, 40, 2))
        image = (1 + generator.integers(0, 2, shape) * np.finfo(dtype).eps).astype(dtype)
        image *= np.asarray(10.0 ** generator.integers(-3, 4), dtype=dtype)
        options = {"weights": generator.random(shape)} if weighted else {}
        found = bx.block_reduce(image, tuple(generator.integers(1, 9, 2)), "var", **options)
        assert (found >= 0).all()


def test_mean_of_the_largest_floats_does_not_overflow():
    largest = np.finfo(np.float64).max
    found = bx.block_reduce(np.array([largest, largest / 2, largest, largest]), 2)
    np.testing.assert_allclose(found, [0.75 * largest, largest], rtol=1e-15)
    mixed = np.array([largest, -largest, -largest, -largest])
    np.testing.assert_allclose(bx.block_reduce(mixed, 4), [-0.5 * largest], rtol=1e-15)
