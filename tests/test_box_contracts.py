"""The contracts of the design for sliding boxes, in the order of test_contracts.py."""

import functools
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

import box_oracle
import boxel as bx
import oracle
from agreement import assert_same_bits
from box_agreement import stated_sum_bound
from box_cases import MODES, SMALL_BOXES
from cases import (
    DTYPES,
    FLOATS,
    INTEGERS,
    make_image,
    make_image_of_neighbours,
    make_image_with_specials,
    make_where,
)
from subprocesses import run_script
from test_contracts import best_time, instruction_sets
from test_float_contracts import CONSTANTS

STATISTICS = box_oracle.STATISTICS


# 1. Only what is in the box counts ----------------------------------------------------------------


def clean_image(kind, dtype, shape):
    """Draw an image of finite values.

    Where a sum of them is exact in any order, a kernel may be tempted to subtract what leaves a
    box from what comes in.
    """
    image = make_image(dtype, shape)
    return {"fractions": image, "integers": np.round(image), "zeros": image * 0}[kind]


CLEAN = ["fractions", "integers", "zeros"]


@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf, 1e308])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", CLEAN)
@pytest.mark.parametrize("size", [(2, 5), (1, 6), (4, 1)])
def test_a_special_value_changes_only_boxes_that_hold_it(size, kind, mode, dtype, special):
    if special == 1e308 and dtype != "float64":
        special = float(np.finfo(dtype).max)
    clean = clean_image(kind, dtype, (3, 7))
    before = bx.box_filter(clean, size, STATISTICS, mode=mode)
    for place in np.ndindex(clean.shape):
        image = clean.copy()
        image[place] = special
        held = box_oracle.touched(place, image.shape, size, (mode, mode))
        assert held.any() or mode == "valid"
        after = bx.box_filter(image, size, STATISTICS, mode=mode)
        for name in STATISTICS:
            if math.isnan(special) and name in ("sum", "mean", "min", "max", "var", "std"):
                assert np.isnan(after[name][held]).all()
            after[name][held] = before[name][held]
            assert_same_bits(after[name], before[name])
        for name in ("sum", "mean"):
            alone = [bx.box_filter(each, size, name, mode=mode) for each in (image, clean)]
            assert_same_bits(alone[0][~held], alone[1][~held])


@functools.cache
def boxes_along_a_line(length, size):
    return [frozenset(box) for box in box_oracle.sources(length, size, "reflect")]


@pytest.mark.parametrize("special", [math.nan, math.inf, 1e38])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("size", [2, 9, 64, 100])
@pytest.mark.parametrize("kind", CLEAN)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_values_far_and_near_in_long_lines(dtype, kind, size, axis, special):
    clean = clean_image(kind, dtype, (5, 1500))
    image = clean.copy()
    places = (0, 37, 38, 255, 256, 700, 1023, 1024, 1499)
    image[2, places] = special
    held = np.zeros(image.shape, dtype=bool)
    held[2] = [not box.isdisjoint(places) for box in boxes_along_a_line(image.shape[1], size)]
    found, expected = (
        bx.box_filter(np.ascontiguousarray(np.moveaxis(each, 1, axis)), size, STATISTICS, axes=axis)
        for each in (image, clean)
    )
    for name in ("sum", "mean"):
        turned = (np.ascontiguousarray(np.moveaxis(each, 1, axis)) for each in (image, clean))
        found[f"{name} alone"], expected[f"{name} alone"] = (
            bx.box_filter(each, size, name, axes=axis) for each in turned
        )
    for name in found:
        changed = np.moveaxis(found[name], axis, 1).copy()
        unchanged = np.moveaxis(expected[name], axis, 1).copy()
        changed[held] = unchanged[held]
        assert_same_bits(changed, unchanged)


@pytest.mark.parametrize("special", [math.nan, math.inf])
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("mode", ["reflect", "shrink"])
def test_a_special_value_left_out_changes_nothing(mode, statistic, special):
    clean = make_image("float64", (7, 11))
    for place in [(0, 0), (3, 4), (6, 10)]:
        image = clean.copy()
        image[place] = special
        where = np.ones(clean.shape, dtype=bool)
        where[place] = False
        expected = bx.box_filter(clean, (2, 3), statistic, mode=mode, where=where)
        found = bx.box_filter(image, (2, 3), statistic, mode=mode, where=where)
        assert_same_bits(found, expected)
        masked = np.ma.MaskedArray(image, mask=~where)
        assert_same_bits(bx.box_filter(masked, (2, 3), statistic, mode=mode), expected)


@pytest.mark.parametrize("mode", ["reflect", "wrap", "valid"])
def test_an_overflow_stays_in_its_box(mode):
    largest = np.finfo(np.float64).max
    image = np.arange(1.0, 41.0)
    image[[10, 11]] = largest
    found = bx.box_filter(image, 3, ("sum", "mean", "var"), mode=mode)
    clean = bx.box_filter(np.arange(1.0, 41.0), 3, ("sum", "mean", "var"), mode=mode)
    held = np.zeros(found["sum"].shape, dtype=bool)
    for place in (10, 11):
        held |= box_oracle.touched((place,), (40,), (3,), (mode,))
    for name in found:
        assert_same_bits(found[name][~held], clean[name][~held])
    assert np.isinf(found["sum"]).sum() == 2
    assert np.isfinite(found["mean"]).all()


LINE = ((10_000_000,), (9,))
COLUMNS = ((1_000_000, 10), (9, 1))
PLANES = ((10, 100_000, 10), (1, 9, 1))


@pytest.mark.parametrize(
    ("shape", "size", "spike"),
    [(*LINE, 1e16), ((1_000_000,), (9,), math.nan), (*COLUMNS, 1e16), (*PLANES, 1e16)],
)
def test_ten_million_samples_after_a_spike(shape, size, spike):
    axis = size.index(9)
    # Multiples of 1/1024: every sum of nine, and of nine squares, is exact in any order.
    ticks = np.resize(np.random.default_rng(3).integers(0, 1024, 99_991), shape)
    image = ticks / 1024
    np.moveaxis(image, axis, 0)[0] = spike
    found = bx.box_filter(image, size, ("sum", "mean", "var"), mode="valid")
    found["sum alone"] = bx.box_filter(image, size, "sum", mode="valid")
    after = {name: np.moveaxis(values, axis, 0)[1:] for name, values in found.items()}
    ticks = np.moveaxis(ticks, axis, 0)[1:]
    exact = sum_of_nine(ticks)
    np.testing.assert_array_equal(after["sum"], exact / 1024)
    np.testing.assert_array_equal(after["sum alone"], exact / 1024)
    np.testing.assert_allclose(after["mean"], exact / 9216, rtol=4e-16)
    expected = (9 * sum_of_nine(ticks * ticks) - exact * exact) / (81 * 1024**2)
    np.testing.assert_allclose(after["var"], expected, rtol=1e-13, atol=1e-16)
    if math.isfinite(spike):
        np.testing.assert_allclose(np.moveaxis(found["sum"], axis, 0)[0], spike, rtol=1e-14)


def sum_of_nine(ticks):
    """Return the sums of nine integers that follow one another along the first axis."""
    sums = ticks[:-8].copy()
    for step in range(1, 9):
        sums += ticks[step : len(ticks) - 8 + step]
    return sums


# 2. Integers are exact ----------------------------------------------------------------------------


def box_sums(values, size):
    """Return the exact sums of Python integers, of all boxes inside a line."""
    running = [0, *itertools.accumulate(values)]
    return [after - before for before, after in zip(running, running[size:], strict=False)]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
@pytest.mark.parametrize("size", [(1, 300), (300, 1), (20, 20)])
def test_sums_past_the_next_wider_integer(size, dtype):
    limits = np.iinfo(dtype)
    for value in (limits.min, limits.max):
        image = np.full((40, 41), value, dtype=dtype)
        found = bx.box_filter(image, size, ("sum", "mean", "var", "min", "max"))
        assert (found["sum"] == value * math.prod(size)).all()
        assert (found["mean"] == value).all()
        assert not found["var"].any()
        assert (found["min"] == value).all()
        assert (found["max"] == value).all()
        assert (bx.box_filter(image, size, "sum") == value * math.prod(size)).all()
        assert (bx.box_filter(image, size, "mean") == value).all()


@pytest.mark.parametrize("size", [(70_000, 1), (1, 70_000), (300, 300)])
def test_sums_past_32_bits(size):
    image = np.full((5, 6), 2**16 - 1, dtype=np.uint16)
    found = bx.box_filter(image, size, ("sum", "mean", "count_nonzero", "density"))
    volume = math.prod(size)
    assert (found["sum"] == (2**16 - 1) * volume).all()
    assert (found["mean"] == 2**16 - 1).all()
    assert (found["count_nonzero"] == volume).all()
    assert (found["density"] == 1).all()


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int32", "uint32"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 500])
@pytest.mark.parametrize("axis", [0, 1])
def test_sums_and_means_of_wide_integers_are_exact(axis, size, dtype):
    limits = np.iinfo(dtype)
    generator = np.random.default_rng(size)
    image = generator.integers(limits.min, limits.max, (2, 1000), dtype=dtype, endpoint=True)
    image[0, :100] = limits.max
    image[0, 100:200] = limits.min
    turned = np.ascontiguousarray(np.moveaxis(image, 1, axis))
    found = bx.box_filter(turned, size, ("sum", "mean"), axes=axis, mode="valid")
    alone = {name: bx.box_filter(turned, size, name, axes=axis, mode="valid") for name in found}
    signed = limits.min < 0
    for line, row in enumerate(image.tolist()):
        sums = box_sums(row, size)
        wrapped = [oracle.wrap_to_64_bits(value, signed=signed) for value in sums]
        means = [float(Fraction(value, size)) for value in sums]
        for results in (found, alone):
            assert np.moveaxis(results["sum"], axis, 1)[line].tolist() == wrapped
            # The mean does not wrap, and is rounded once.
            assert np.moveaxis(results["mean"], axis, 1)[line].tolist() == means


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16"])
@pytest.mark.parametrize("size", [2, 5, 100, 700])
@pytest.mark.parametrize("axis", [0, 1])
def test_variance_of_narrow_integers_is_rounded_once(axis, size, dtype):
    image = make_image(dtype, (2, 1000))
    turned = np.ascontiguousarray(np.moveaxis(image, 1, axis))
    found = bx.box_filter(turned, size, "var", axes=axis, mode="valid")
    for line, row in enumerate(image.astype(int).tolist()):
        sums = box_sums(row, size)
        squares = box_sums([value * value for value in row], size)
        expected = [
            float(Fraction(size * square - total * total, size * size))
            for total, square in zip(sums, squares, strict=True)
        ]
        assert np.moveaxis(found, axis, 1)[line].tolist() == expected


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32"])
@pytest.mark.parametrize("side", [41, 128, 130])
@pytest.mark.parametrize("ddof", [0, 1])
def test_variance_of_integers_in_large_boxes_is_rounded_once(dtype, side, ddof):
    limits = np.iinfo("int16" if dtype == "int32" else dtype)
    image = np.random.default_rng(side).integers(
        limits.min, limits.max, (side + 1, side + 2, side + 2), dtype=dtype, endpoint=True
    )
    found = bx.box_filter(image, side, ("var", "std"), mode="valid", ddof=ddof)
    volume = side**3
    for place in np.ndindex(found["var"].shape):
        box = image[tuple(slice(first, first + side) for first in place)].astype(np.int64)
        total, squares = int(box.sum()), int((box * box).sum())
        expected = Fraction(volume * squares - total * total, volume * (volume - ddof))
        assert found["var"][place] == float(expected), place
        assert found["std"][place] == math.sqrt(float(expected)), place


# 3. Floats are accumulated wide -------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1])
def test_narrow_floats_are_accumulated_in_float64(axis):
    halves = np.moveaxis(np.full((1, 6000), 60000, dtype=np.float16), 1, axis)
    found = bx.box_filter(halves, 5000, ("sum", "mean"), axes=axis)
    assert (found["sum"] == 3e8).all()
    assert (found["mean"] == 60000).all()
    floats = np.moveaxis(np.full((1, 101), 1, dtype=np.float32), 1, axis).copy()
    floats[50 * (1 - axis), 50 * axis] = 2**24
    found = bx.box_filter(floats, 101, "sum", axes=axis, mode="valid", dtype=np.float64)
    assert found.item() == 2**24 + 100
    large = np.moveaxis(np.full((1, 9), 3e38, dtype=np.float32), 1, axis)
    assert (bx.box_filter(large, 4, "mean", axes=axis) == np.float32(3e38)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [(1, 4096), (4096, 1), (64, 64), (1, 3000), (3001, 1), (5, 731)])
def test_sums_keep_the_stated_error_bound(size, dtype):
    # Each crumb is half of a one's last place: added to a one alone it is lost without trace. Those
    # who add up a box sample by sample lose them all, and more than the bound allows.
    volume = math.prod(size)
    crumb = 2.0**-53
    shape = tuple(side + 40 for side in size)
    ones = np.random.default_rng(volume).random(shape) < 3 / volume
    image = np.where(ones, 1.0, crumb).astype(dtype)
    options = {"mode": "valid", "dtype": np.float64}
    held = bx.box_filter(ones, size, "count_nonzero", mode="valid")
    assert held.any()
    # The ones and the crumbs, apart, are exact.
    crumbs = (volume - held) * crumb
    magnitudes = held + crumbs
    bound = stated_sum_bound(magnitudes, size)
    together = bx.box_filter(image, size, ("sum", "mean"), **options)
    for sums in (together["sum"], bx.box_filter(image, size, "sum", **options)):
        assert (np.abs((sums - held) - crumbs) <= bound).all()
    # Means are promised less: no more than adding up sample by sample would lose.
    bound = 2 * (volume + 3) * oracle.UNIT_ROUNDOFF * magnitudes
    for means in (together["mean"], bx.box_filter(image, size, "mean", **options)):
        assert (np.abs((means * volume - held) - crumbs) <= bound).all()


@pytest.mark.parametrize("statistic", ["sum", "mean"])
def test_error_bound_grows_with_the_box_and_not_with_the_image(statistic):
    image = np.full((64, 256), 1e-3) * np.random.default_rng(2).random((64, 256))
    image[:32] *= 1e18
    found = bx.box_filter(image, 4, statistic, mode="valid")
    windows = np.lib.stride_tricks.sliding_window_view(image, (4, 4))
    for place in itertools.product(range(0, 61, 5), range(0, 253, 11)):
        box = windows[place].ravel().tolist()
        volume = len(box) if statistic == "mean" else 1
        expected = math.fsum(box) / volume
        bound = stated_sum_bound(math.fsum(box), (4, 4)) / volume
        assert abs(found[place] - expected) <= 2 * bound, place


# 4. Variance is never negative; means lie within their samples ------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "int64", "uint32"])
@pytest.mark.parametrize("size", [(2, 2), (9, 9), (64, 1), (1, 101), (33, 40)])
def test_variance_at_a_large_offset(size, dtype):
    ripple = np.random.default_rng(1).integers(0, 10, (64, 110))
    image = (ripple + 1_000_000_000).astype(dtype)
    found = bx.box_filter(image, size, ("var", "std"))
    expected = bx.box_filter(ripple.astype(np.uint8), size, "var")
    np.testing.assert_allclose(found["var"], expected, rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(found["std"], np.sqrt(expected), rtol=1e-13, atol=1e-16)
    windows = np.lib.stride_tricks.sliding_window_view(ripple, size)
    inside = bx.box_filter(image, size, "var", mode="valid")
    np.testing.assert_allclose(inside, windows.var(axis=(2, 3)), rtol=1e-12, atol=1e-15)


def test_variance_of_fractions_at_a_large_offset():
    ripple = np.random.default_rng(1).random((64, 100))
    image = ripple + 1e9
    ripple = image - 1e9
    found = bx.box_filter(image, 9, "var", mode="valid")
    windows = np.lib.stride_tricks.sliding_window_view(ripple, (9, 9))
    np.testing.assert_allclose(found, windows.var(axis=(2, 3)), rtol=1e-12)


@pytest.mark.parametrize("constant", CONSTANTS)
@pytest.mark.parametrize("shape", [(1, 999), (999, 1), (31, 33), (3, 3)])
def test_constant_float_image(shape, constant):
    image = np.full(shape, constant)
    for size, mode in itertools.product((2, 3, 7, 31, shape), ("reflect", "shrink", "valid")):
        found = bx.box_filter(image, size, ("mean", "var", "std", "min", "max"), mode=mode)
        for name in ("mean", "min", "max"):
            assert (found[name] == constant).all(), name
        assert not found["var"].any()
        assert not found["std"].any()
        assert (bx.box_filter(image, size, mode=mode) == constant).all()
        assert not bx.box_filter(image, size, "var", mode=mode).any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", MODES)
def test_constant_image_of_every_dtype(mode, dtype):
    for constant in (make_image(dtype, (9,)).min(), make_image(dtype, (9,)).max()):
        image = np.full((7, 33), constant, dtype=dtype)
        options = {"mode": mode, "cval": constant}
        found = bx.box_filter(image, (3, 7), ("mean", "var", "std"), **options)
        assert (found["mean"] == found["mean"].dtype.type(constant)).all()
        assert not found["var"].any()
        assert not found["std"].any()


@pytest.mark.parametrize("options", ["where", "skipna"])
@pytest.mark.parametrize("mode", ["mirror", "shrink"])
def test_constant_image_with_samples_left_out(mode, options):
    image = np.full((7, 33), 0.1)
    chosen = {"where": {"where": make_where(image.shape)}, "skipna": {"skipna": True}}[options]
    image[make_where(image.shape, seed=5)] = np.nan if options == "skipna" else 0.1
    found = bx.box_filter(image, (3, 2), ("mean", "var", "count"), mode=mode, **chosen)
    there = found["count"] > 0
    assert there.any()
    assert (found["mean"][there] == 0.1).all()
    assert not found["var"][there].any()


@pytest.mark.parametrize("size", [(3, 3), (1, 9), (16, 2), (4, 31)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_part_of_an_image(dtype, size):
    image = np.full((40, 200), 0.1, dtype=dtype)
    image[:, 100:] = np.random.default_rng(1).random((40, 100)) * 1e30
    found = bx.box_filter(image, size, ("mean", "var", "std"), mode="valid")
    calm = 100 - size[1] + 1
    assert (found["mean"][:, :calm] == image[0, 0]).all()
    assert not found["var"][:, :calm].any()
    assert not found["std"][:, :calm].any()
    assert (found["var"][:, calm:] > 0).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint64"])
def test_mean_lies_within_its_samples(dtype):
    generator = np.random.default_rng(8)
    for trial in range(60):
        shape = tuple(generator.integers(1, 40, 2))
        image = make_image_of_neighbours(generator, dtype, shape)
        size = tuple(generator.integers(1, 12, 2))
        options = {"mode": ("reflect", "nearest", "wrap", "shrink")[trial % 4]}
        found = bx.box_filter(image, size, ("mean", "min", "max"), **options)
        mean = bx.box_filter(image, size, **options)
        low, high = (found[name].astype(mean.dtype) for name in ("min", "max"))
        for each in (mean, found["mean"]):
            assert (low <= each).all(), trial
            assert (each <= high).all(), trial


@pytest.mark.parametrize("dtype", FLOATS)
def test_variance_is_never_negative(dtype):
    generator = np.random.default_rng(3)
    for trial in range(40):
        shape = tuple(generator.integers(1, 40, 2))
        image = (1 + generator.integers(0, 2, shape) * np.finfo(dtype).eps).astype(dtype)
        image *= np.asarray(10.0 ** generator.integers(-3, 4), dtype=dtype)
        mode = ("reflect", "valid", "wrap", "shrink")[trial % 4]
        found = bx.box_filter(image, tuple(generator.integers(1, 9, 2)), "var", mode=mode)
        assert (found >= 0).all()


def test_mean_of_the_largest_floats_does_not_overflow():
    largest = np.finfo(np.float64).max
    image = np.array([largest, largest / 2, largest, largest])
    found = bx.box_filter(image, 2, mode="valid")
    np.testing.assert_allclose(found, np.array([0.75, 0.75, 1]) * largest, rtol=1e-15)
    mixed = np.array([largest, -largest, -largest, -largest])
    found = bx.box_filter(mixed, 4, mode="valid")
    np.testing.assert_allclose(found, [-0.5 * largest], rtol=1e-15)


# 5. Same bits for every number of workers and every instruction set -------------------------------


WORKED = [((300, 1021), (7, 5)), ((37, 90, 33), 3), ((200_003,), 1001), ((9001, 20), (64, 1))]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize(("shape", "size"), WORKED)
@pytest.mark.parametrize("mode", ["reflect", "valid", "shrink"])
def test_same_bits_for_every_number_of_workers(mode, shape, size, dtype):
    image = make_image(dtype, shape)
    for statistic in ("sum", "mean", "max", "density", "var"):
        expected = bx.box_filter(image, size, statistic, mode=mode, workers=1)
        for workers in (2, 3):
            found = bx.box_filter(image, size, statistic, mode=mode, workers=workers)
            assert_same_bits(found, expected)


@pytest.mark.parametrize("workers", [2, 3, 5])
@pytest.mark.parametrize("mode", ["wrap", "constant", "shrink"])
def test_same_bits_for_every_number_of_workers_with_options(mode, workers):
    image = make_image_with_specials("float32", (301, 1021))
    options = {"where": make_where(image.shape), "skipna": True, "mode": mode, "stride": (1, 2)}
    expected = bx.box_filter(image, (7, 5), STATISTICS, workers=1, **options)
    found = bx.box_filter(image, (7, 5), STATISTICS, workers=workers, **options)
    for name in STATISTICS:
        assert_same_bits(found[name], expected[name])


@pytest.mark.parametrize("size", [(9, 9, 9), (9, 9, 5), (9, 3, 4), (8, 8, 4), (3, 3, 3), (1, 7, 1)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_zeros_have_no_sign(dtype, size):
    """Those of sums would tell how the work was cut, and what lies far away."""
    image = np.full((60, 33, 71), -0.0, dtype)
    far = image.copy()
    far[-1, -1, -1] = math.nan
    for statistic, workers in itertools.product(("sum", "mean"), (1, 2, 5)):
        for given in (image, far):
            found = bx.box_filter(given, size, statistic, workers=workers)
            assert not np.signbit(found[np.isfinite(found)]).any()
        assert not np.signbit(bx.block_reduce(image, size, statistic, workers=workers)).any()


DIGESTS = """
    import hashlib, sys
    sys.path.insert(0, sys.argv[1])
    import boxel as bx
    import numpy as np
    from box_cases import LARGE_BOXES, SMALL_BOXES
    from box_oracle import STATISTICS
    from cases import DTYPES, FLOATS, make_image, make_image_with_specials, make_where

    def digest(array):
        # The sign of a NaN is nothing that a computation decides.
        array = np.where(array != array, array.dtype.type(0), array).tobytes() + (
            array != array
        ).tobytes()
        return hashlib.sha256(array).hexdigest()[:12]

    modes = ("reflect", "mirror", "nearest", "wrap", "constant", "shrink", "valid")
    for dtype in DTYPES:
        large = LARGE_BOXES if dtype in ("bool", "uint8", "int64", "float32", "float64") else ()
        for number, case in enumerate((*SMALL_BOXES, *large)):
            image = make_image(dtype, case.shape)
            options = {"workers": 2, "mode": modes[number % len(modes)], **case.options}
            for name in STATISTICS:
                found = bx.box_filter(image, case.size, name, **options)
                print(dtype, case, name, digest(found))
            if dtype in FLOATS:
                image = make_image_with_specials(dtype, case.shape)
                options["skipna"] = True
            options |= {"where": make_where(case.shape), "min_count": 0, "fill_value": 1}
            together = bx.box_filter(image, case.size, STATISTICS, **options)
            for name, found in together.items():
                print(dtype, case, "options", name, digest(found))
            image = make_image(dtype, case.shape)
            found = bx.uniform_filter(image, 5)
            print(dtype, case, "uniform_filter", digest(found))
"""


def test_same_bits_for_every_instruction_set(request):
    levels = instruction_sets()
    if len(levels) < 2:
        pytest.skip("this processor runs fewer than two of the levels")
    printed = {
        level: run_script(
            DIGESTS, request.path.parent, environment={"BOXEL_ISA": level}, timeout=170
        ).splitlines()
        for level in levels
    }
    first = printed[levels[0]]
    assert len(first) > 12 * len(SMALL_BOXES) * len(STATISTICS)
    for level in levels[1:]:
        different = [pair for pair in zip(first, printed[level], strict=True) if len(set(pair)) > 1]
        assert not different, f"{levels[0]} and {level}: {different[:5]}"


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_have_the_same_bits_for_every_chunking(dtype):
    image = make_image(dtype, (36, 61))
    whole = bx.box_filter(image, (4, 3), STATISTICS, mode="valid")
    for rows in (1, 8, 12):
        parts = [
            bx.box_filter(image[start : start + rows + 3], (4, 3), STATISTICS, mode="valid")
            for start in range(0, 33, rows)
        ]
        for name in STATISTICS:
            assert_same_bits(np.concatenate([part[name] for part in parts]), whole[name])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", ["constant", ("reflect", "constant"), ("valid", "constant")])
def test_a_border_value_is_not_lost_behind_a_spike(mode, dtype):
    # A prefix sum along the row would hold the spike when it comes to the border.
    image = np.zeros((9, 100), dtype)
    image[:, 3] = 2.0**60
    found = bx.box_filter(image, 7, "sum", mode=mode, cval=0.1, dtype=np.float64)
    beyond = 7 * 3 * float(np.dtype(dtype).type(0.1))
    np.testing.assert_allclose(found[len(found) // 2, -1], beyond, rtol=1e-15)


# Samples of many sizes, whose squares are summed in most parts, and a border of zeros. In an
# interpreter of its own: what memory holds depends on all that ran before.
VARIANCES_BESIDE_ZEROS = """
    import numpy as np
    import boxel as bx

    def expected(image, size, mode):
        padding = {"constant": "constant", "reflect": "symmetric", "wrap": "wrap"}[mode]
        padded = np.pad(image.astype(np.float64), size // 2, padding)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size,) * image.ndim)
        return windows.var(axis=tuple(range(image.ndim, 2 * image.ndim)))

    bx.set_workers(1)
    for shape in [(12, 20, 33), (9, 300)]:
        for scale in (1, 1e-3, 1e-6, 1e-30):
            image = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
            image.ravel()[::50] *= np.float32(scale)
            for mode in ("constant", "reflect", "wrap"):
                for size in (5, 7):
                    found = bx.box_filter(image, size, "var", mode=mode)
                    right = expected(image, size, mode)
                    np.testing.assert_allclose(found, right, rtol=1e-6, err_msg=mode)
"""


@pytest.mark.parametrize("filling", ["0", "127", "128"])
def test_variances_do_not_depend_on_what_memory_held_before(filling):
    # The C library of Linux fills what it hands out, and what it gets back, with such bytes.
    run_script(VARIANCES_BESIDE_ZEROS, environment={"MALLOC_PERTURB_": filling})


# 6. Any array: layouts are in test_box_oracle.py; here are the sizes ------------------------------


def test_more_than_two_to_the_31_samples_of_which_few_are_asked_for():
    rows = np.arange(2**16, dtype=np.uint16)[:, np.newaxis]
    image = np.broadcast_to(rows, (2**16, 2**15 + 1))
    assert image.size > 2**31
    options = {"stride": (2**15, 2**13), "mode": "valid"}
    found = bx.box_filter(image, (3, 2), "sum", **options)
    assert found.tolist() == [[6] * 4, [6 * 2**15 + 6] * 4]


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(2**31 + 3,), (2**31 + 3, 1)])
def test_axis_longer_than_two_to_the_31(shape):
    image = np.broadcast_to(np.uint8(1), shape)
    found = bx.box_filter(image, 3, "sum", stride=2**29, mode="shrink")
    assert found.ravel().tolist() == [2, 3, 3, 3, 3]


def test_offsets_beyond_two_to_the_31_bytes():
    # Memory that is never touched is never allocated: three rows lie a gigabyte apart.
    memory = np.zeros((3, 2**30), dtype=np.uint8)
    memory[:, :4] = np.arange(12).reshape(3, 4)
    near = memory[:, :4]
    for mode in ("reflect", "valid"):
        expected = bx.box_filter(near.copy(), 3, "sum", mode=mode)
        assert_same_bits(bx.box_filter(near, 3, "sum", mode=mode), expected)
        backwards = near[::-1, ::-1]
        found = bx.box_filter(backwards, 3, "sum", mode=mode)
        assert_same_bits(found, expected[::-1, ::-1])


# 7. Result types: as those of blocks --------------------------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_result_dtype_is_that_of_blocks(dtype, statistic):
    for order in "=S":
        image = np.ones((3, 4), np.dtype(dtype).newbyteorder(order))
        found = bx.box_filter(image, 2, statistic).dtype
        assert found == bx.block_reduce(image, 2, statistic).dtype
        assert found.isnative


# 8. Bad input is in test_box_errors.py; here is what a call leaves --------------------------------


def aliased(memory, dtype, shape, at_the_end):
    """Return an array of a dtype and shape that lies in the image's own memory."""
    rows, columns = shape
    part = memory[-rows:] if at_the_end else memory[:rows]
    part = part.view(dtype)
    return part[:, -columns:] if at_the_end else part[:, :columns]


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("mode", MODES)
def test_out_overlapping_the_image(mode, statistic):
    dtype = oracle.result_dtype(statistic, "float64")
    image = make_image("float64", (6, 18))
    for size, origin in [(1, 0), (3, 0), ((2, 5), (-1, 2))]:
        options = {"mode": mode, "origin": origin}
        expected = bx.box_filter(image, size, statistic, **options)
        for at_the_end in (False, True):
            memory = image.copy()
            out = aliased(memory, dtype, expected.shape, at_the_end)
            assert bx.box_filter(memory, size, statistic, out=out, **options) is out
            np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
def test_out_that_is_the_image(dtype, workers):
    image = make_image(dtype, (300, 1021))
    statistics = ("min", "max") if dtype == "uint8" else ("sum", "mean", "min", "max", "var")
    for statistic in statistics:
        expected = bx.box_filter(image, 9, statistic)
        for turn in (np.s_[:], np.s_[::-1], np.s_[:, ::-1]):
            memory = image.copy()
            out = memory[turn]
            assert bx.box_filter(memory, 9, statistic, out=out, workers=workers) is out
            np.testing.assert_array_equal(out, expected)


def test_many_outs_that_overlap_the_image_and_where():
    image = make_image("float64", (40, 50))
    where = make_where(image.shape)
    names = ("mean", "max", "any")
    expected = bx.box_filter(image, 5, names, where=where)
    out = {"mean": image, "max": np.empty_like(image), "any": where}
    found = bx.box_filter(image, 5, names, where=where, out=out)
    for name in names:
        assert found[name] is out[name]
        np.testing.assert_array_equal(found[name], expected[name])


def test_a_failed_call_leaves_its_inputs_as_they_were():
    image = make_image_with_specials("float64", (40, 50))
    before = image.tobytes()
    with pytest.raises(ValueError, match="fill_value"):
        bx.box_filter(image, 3, dtype=np.int8)
    # The values that have no integer are met while `out` is written over the image.
    out = image.view(np.int8)[:, :50]
    with pytest.raises(ValueError, match="fill_value"):
        bx.box_filter(image, 3, out=out)
    assert image.tobytes() == before


@pytest.mark.parametrize(
    "options", [{"ddof": -1}, {"min_count": -1}, {"origin": 5}, {"mode": "edge"}, {"stride": 0}]
)
def test_a_refused_call_does_not_touch_out(options):
    out = np.full((4, 4), 77.0)
    with pytest.raises(ValueError, match=r"ddof|min_count|origin|mode|stride"):
        bx.box_filter(np.ones((4, 4)), 2, "var", out=out, **options)
    assert (out == 77).all()


# 10. Small calls are cheap; wide boxes cost no more than narrow ones ------------------------------


def test_small_calls_are_cheap():
    image = make_image("float32", (12, 12))
    for call in (bx.box_filter, bx.uniform_filter):
        assert best_time(lambda call=call: call(image, 3)) < 100e-6


@pytest.mark.parametrize("statistic", ["mean", "max", "var"])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_cost_does_not_grow_with_the_box(dtype, statistic):
    image = make_image(dtype, (500, 600))

    def cost(size):
        return best_time(lambda: bx.box_filter(image, size, statistic, workers=1), 15, 15)

    # Box by box the wide one would cost 126 times as much, axis by axis 11 times.
    assert cost(101) < 4 * cost(9)
