"""block_reduce against the oracle: every statistic, dtype, boundary, layout and option."""

import itertools

import numpy as np
import pytest

import boxel as bx
import oracle
from agreement import assert_agrees, assert_same_bits
from cases import (
    BOUNDARIES,
    BROADCASTS,
    DTYPES,
    EMPTY_CASES,
    FLOATS,
    INTEGERS,
    LARGE_CASES,
    LAYOUT_CASES,
    LAYOUTS,
    SLOT_CASES,
    SMALL_CASES,
    Case,
    make_image,
    make_image_with_specials,
    make_weights,
    make_where,
)

STATISTICS = tuple(oracle.STATISTICS)
UNWEIGHTED_ONLY = ("median", "mode")
WEIGHTED = tuple(name for name in STATISTICS if name not in UNWEIGHTED_ONLY)
MIN_COUNTED = tuple(name for name, row in oracle.STATISTICS.items() if row.heeds_min_count)
OPTION_CASES = (
    Case((23,), 4),
    Case((7, 19), (2, 3)),
    Case((9, 5), (4, 1)),
    Case((4, 5, 9), 2, axes=(0, 2)),
)

NUMPY_FUNCTIONS = [
    ("sum", np.sum),
    ("mean", np.mean),
    ("min", np.min),
    ("min", np.amin),
    ("max", np.max),
    ("max", np.amax),
    ("count_nonzero", np.count_nonzero),
    ("any", np.any),
    ("all", np.all),
    ("var", np.var),
    ("std", np.std),
    ("median", np.median),
]


def test_every_statistic_is_in_the_oracle():
    assert set(bx.STATISTICS) == set(STATISTICS)


# Plain --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_statistic(boundary, dtype, statistic):
    for case in SMALL_CASES:
        if boundary == "exact" and not case.divides():
            continue
        image = make_image(dtype, case.shape)
        options = {"axes": case.axes, "boundary": boundary}
        found = bx.block_reduce(image, case.block_size, statistic, **options)
        assert_agrees(found, image, case.sizes(), statistic, boundary=boundary)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", EMPTY_CASES, ids=str)
def test_empty_image(case, dtype, statistic):
    image = np.empty(case.shape, dtype=dtype)
    for boundary in BOUNDARIES:
        if boundary == "exact" and not case.divides():
            continue
        found = bx.block_reduce(
            image, case.block_size, statistic, axes=case.axes, boundary=boundary
        )
        assert_agrees(found, image, case.sizes(), statistic, boundary=boundary)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("skipna", [False, True])
def test_nan_and_infinities(skipna, dtype, statistic):
    for case in SMALL_CASES:
        image = make_image_with_specials(dtype, case.shape)
        for boundary in ("partial", "pad"):
            found = bx.block_reduce(
                image, case.block_size, statistic,
                axes=case.axes, boundary=boundary, skipna=skipna,
            )  # fmt: skip
            assert_agrees(found, image, case.sizes(), statistic, boundary=boundary, skipna=skipna)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_skipna_of_integers_skips_nothing(dtype, statistic):
    for case in OPTION_CASES:
        image = make_image(dtype, case.shape)
        plain = bx.block_reduce(image, case.block_size, statistic, axes=case.axes)
        found = bx.block_reduce(image, case.block_size, statistic, axes=case.axes, skipna=True)
        assert_same_bits(found, plain)


# Long rows: an independent check without loops over samples ---------------------------------------


def reduce_by_ufunc(image, sizes, ufunc):
    for axis, size in enumerate(sizes):
        image = ufunc.reduceat(image, range(0, image.shape[axis], size), axis=axis)
    return image


def exact_image(dtype, shape):
    """Make an image whose sums and sums of squares NumPy gets exactly."""
    drawn = np.random.default_rng(list(shape)).integers(-9, 10, shape)
    if np.dtype(dtype).kind in "bu":
        drawn = np.maximum(drawn, 0)
    return drawn.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", LARGE_CASES + SLOT_CASES, ids=str)
@pytest.mark.parametrize("order", ["C", "F"])
def test_large_image(order, case, dtype):
    image = np.asarray(exact_image(dtype, case.shape), order=order)
    sizes = case.sizes()
    wide = image.astype(np.int64)
    counts = reduce_by_ufunc(np.ones(image.shape, np.int64), sizes, np.add)
    sums = reduce_by_ufunc(wide, sizes, np.add)
    squares = reduce_by_ufunc(wide * wide, sizes, np.add)
    nonzero = reduce_by_ufunc((wide != 0).astype(np.int64), sizes, np.add)
    expected = {
        "sum": sums,
        "mean": sums / counts,
        "min": reduce_by_ufunc(wide, sizes, np.minimum),
        "max": reduce_by_ufunc(wide, sizes, np.maximum),
        "count": counts,
        "count_nonzero": nonzero,
        "density": nonzero / counts,
        "any": nonzero > 0,
        "all": nonzero == counts,
    }
    # Exact where the samples are; the differences that make up a mean of floats round.
    nearly = {"mean"} if dtype == "float64" else set()
    variance = (squares * counts - sums * sums) / (counts * counts)
    # Every combination of statistics may take its own way through the kernels.
    together = bx.block_reduce(image, case.block_size, (*expected, "var", "std"), axes=case.axes)
    for name, value in expected.items():
        value = value.astype(oracle.result_dtype(name, dtype))
        found = bx.block_reduce(image, case.block_size, name, axes=case.axes)
        if name in nearly:
            np.testing.assert_allclose(found, value, rtol=1e-14, atol=1e-14)
            np.testing.assert_allclose(together[name], value, rtol=1e-14, atol=1e-14)
        else:
            assert_same_bits(found, value)
            assert_same_bits(together[name], value)
    for name, value in (("var", variance), ("std", np.sqrt(variance))):
        found = bx.block_reduce(image, case.block_size, name, axes=case.axes)
        rtol = 3e-7 if found.dtype == np.float32 else 1e-13 + counts.max() * 2.0**-53
        np.testing.assert_allclose(found, value, rtol=rtol)
        np.testing.assert_allclose(together[name], value, rtol=rtol)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", LARGE_CASES, ids=str)
def test_large_image_under_a_mask(case, dtype):
    image = exact_image(dtype, case.shape)
    where = make_where(case.shape)
    sizes = case.sizes()
    chosen = np.where(where, image, 0).astype(np.int64)
    counts = reduce_by_ufunc(where.astype(np.int64), sizes, np.add)
    sums = reduce_by_ufunc(chosen, sizes, np.add)
    nonzero = reduce_by_ufunc((chosen != 0).astype(np.int64), sizes, np.add)
    with np.errstate(invalid="ignore"):
        expected = {
            "count": counts,
            "sum": np.where(counts > 0, sums, 0),
            "mean": sums / counts,
            "count_nonzero": nonzero,
            "density": nonzero / counts,
        }
    found = bx.block_reduce(
        image, case.block_size, tuple(expected), axes=case.axes, where=where, min_count=0
    )
    for name, value in expected.items():
        value = value.astype(found[name].dtype)
        if name == "mean" and dtype == "float64":
            np.testing.assert_allclose(found[name], value, rtol=1e-14, atol=1e-14)
        else:
            np.testing.assert_array_equal(found[name], value)


# Layouts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout(layout, dtype, statistic):
    for case in LAYOUT_CASES:
        image = make_image(dtype, case.shape)
        laid_out = LAYOUTS[layout](image)
        found = bx.block_reduce(laid_out, case.block_size, statistic)
        assert_agrees(found, image, case.sizes(), statistic)
        if dtype in INTEGERS:
            assert_same_bits(found, bx.block_reduce(image, case.block_size, statistic))


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_integers_have_the_same_bits_in_long_rows(layout, dtype, statistic):
    image = make_image(dtype, (40, 301))
    laid_out = LAYOUTS[layout](image)
    for block_size in ((7, 5), (40, 1), (1, 301), (40, 301)):
        expected = bx.block_reduce(image, block_size, statistic)
        assert_same_bits(bx.block_reduce(laid_out, block_size, statistic), expected)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_in_place_and_loaded_rows_have_the_same_bits(dtype, statistic):
    for case in SLOT_CASES:
        image = make_image(dtype, case.shape)
        expected = bx.block_reduce(image, case.block_size, statistic)
        for layout in ("byte-swapped", "unaligned", "every other"):
            laid_out = LAYOUTS[layout](image)
            assert_same_bits(bx.block_reduce(laid_out, case.block_size, statistic), expected)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("broadcast", BROADCASTS)
def test_zero_strides(broadcast, dtype, statistic):
    for case in LAYOUT_CASES:
        image = BROADCASTS[broadcast](make_image(dtype, case.shape))
        found = bx.block_reduce(image, case.block_size, statistic)
        assert_agrees(found, image, case.sizes(), statistic)
        if dtype in INTEGERS:
            copy = np.array(image)
            assert_same_bits(found, bx.block_reduce(copy, case.block_size, statistic))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("statistic", WEIGHTED)
def test_layouts_of_where_and_weights(layout, statistic):
    for case in LAYOUT_CASES:
        image = make_image("float32", case.shape)
        where = make_where(case.shape)
        weights = make_weights(case.shape)
        found = bx.block_reduce(
            LAYOUTS["F"](image), case.block_size, statistic,
            where=LAYOUTS[layout](where), weights=LAYOUTS[layout](weights),
        )  # fmt: skip
        assert_agrees(found, image, case.sizes(), statistic, where=where, weights=weights)


@pytest.mark.parametrize("layout", ["C", "F", "transposed"])
def test_result_lies_in_memory_as_the_image(layout):
    image = LAYOUTS[layout](make_image("float32", (6, 8, 10)))
    found = bx.block_reduce(image, 2)
    assert np.argsort(found.strides).tolist() == np.argsort(image.strides).tolist()


def test_input_is_left_as_it_was():
    for layout in LAYOUTS:
        image = LAYOUTS[layout](make_image_with_specials("float64", (9, 11)))
        before = image.tobytes()
        bx.block_reduce(image, 2, STATISTICS, skipna=True)
        assert image.tobytes() == before


@pytest.mark.parametrize("image", [[[1, 2, 3], [4, 5, 6]], ((1.5, 2.5),), 3, 2.5, True])
def test_array_likes(image):
    array = np.asarray(image)
    assert_same_bits(bx.block_reduce(image, 2, "sum"), bx.block_reduce(array, 2, "sum"))


# where, weights, skipna, min_count, fill_value, ddof ----------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_where(dtype, statistic):
    fill = {} if oracle.result_dtype(statistic, dtype).kind == "f" else {"fill_value": 1}
    for case in OPTION_CASES:
        image = make_image(dtype, case.shape)
        where = make_where(case.shape)
        for boundary in ("partial", "pad", "trim"):
            found = bx.block_reduce(
                image, case.block_size, statistic,
                axes=case.axes, boundary=boundary, where=where, **fill,
            )  # fmt: skip
            assert_agrees(
                found, image, case.sizes(), statistic, boundary=boundary, where=where, **fill
            )


@pytest.mark.parametrize("shape", [(7, 1), (1, 19), (19,), (1, 1), (), (1,)])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_where_broadcasts(statistic, shape):
    image = make_image("float32", (7, 19))
    where = make_where(shape, seed=4)
    found = bx.block_reduce(image, (2, 3), statistic, where=where)
    assert_agrees(found, image, (2, 3), statistic, where=where)


def test_where_may_be_a_bool_or_a_list():
    image = make_image("float32", (4, 3))
    assert_same_bits(bx.block_reduce(image, 2, where=True), bx.block_reduce(image, 2))
    assert np.isnan(bx.block_reduce(image, 2, where=False)).all()
    where = [True, False, True]
    assert_agrees(bx.block_reduce(image, 2, where=where), image, (2, 2), "mean", where=where)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_masked_array(dtype, statistic):
    image = make_image(dtype, (7, 19))
    mask = make_where(image.shape, seed=6)
    masked = np.ma.MaskedArray(image, mask=mask)
    options = {"min_count": 0, "fill_value": 1}
    found = bx.block_reduce(masked, (2, 3), statistic, **options)
    assert_same_bits(found, bx.block_reduce(image, (2, 3), statistic, where=~mask, **options))
    assert_agrees(found, masked, (2, 3), statistic, **options)
    where = make_where(image.shape, seed=7)
    found = bx.block_reduce(masked, (2, 3), statistic, where=where, **options)
    assert_agrees(found, masked, (2, 3), statistic, where=where, **options)


def test_fill_value_fits_only_what_it_fills():
    image = make_image("float32", (5, 7))
    where = np.zeros(image.shape, dtype=bool)
    names = ("mean", "count", "any", "all", "count_nonzero")
    found = bx.block_reduce(image, 2, names, where=where, fill_value=-7.5)
    assert (found["mean"] == -7.5).all()
    assert not found["count"].any()
    assert not found["any"].any()
    assert found["all"].all()


def test_min_count_larger_than_any_block():
    image = make_image("float32", (5, 7))
    for min_count in (7, 2**31, 2**63, 2**70):
        assert np.isnan(bx.block_reduce(image, 2, min_count=min_count)).all()


def test_masked_array_without_a_mask():
    image = make_image("float32", (7, 19))
    assert_same_bits(bx.block_reduce(np.ma.MaskedArray(image), 2), bx.block_reduce(image, 2))


@pytest.mark.parametrize("statistic", WEIGHTED)
@pytest.mark.parametrize("dtype", DTYPES)
def test_weights(dtype, statistic):
    fill = {} if oracle.result_dtype(statistic, dtype).kind == "f" else {"fill_value": 1}
    for case, seed in itertools.product(OPTION_CASES, range(2)):
        image = make_image(dtype, case.shape, seed=seed)
        weights = make_weights(case.shape, seed=seed)
        for boundary in ("partial", "pad"):
            found = bx.block_reduce(
                image, case.block_size, statistic,
                axes=case.axes, boundary=boundary, weights=weights, **fill,
            )  # fmt: skip
            assert_agrees(
                found, image, case.sizes(), statistic, boundary=boundary, weights=weights, **fill
            )


@pytest.mark.parametrize("weight_dtype", DTYPES)
@pytest.mark.parametrize("statistic", ["sum", "mean", "density", "var", "count"])
def test_weights_of_every_dtype(statistic, weight_dtype):
    image = make_image("float32", (7, 19))
    weights = make_weights(image.shape, dtype=weight_dtype)
    found = bx.block_reduce(image, (2, 3), statistic, weights=weights)
    assert_agrees(found, image, (2, 3), statistic, weights=weights)


@pytest.mark.parametrize("shape", [(7, 1), (19,), (), (1, 1)])
@pytest.mark.parametrize("statistic", WEIGHTED)
def test_weights_broadcast(statistic, shape):
    image = make_image("float64", (7, 19))
    weights = make_weights(shape, seed=1)
    found = bx.block_reduce(image, (2, 3), statistic, weights=weights)
    assert_agrees(found, image, (2, 3), statistic, weights=weights)


@pytest.mark.parametrize("statistic", WEIGHTED)
@pytest.mark.parametrize("dtype", FLOATS)
def test_where_weights_and_skipna_together(dtype, statistic):
    for case in OPTION_CASES:
        image = make_image_with_specials(dtype, case.shape)
        options = {
            "where": make_where(case.shape),
            "weights": make_weights(case.shape),
            "skipna": True,
            "boundary": "pad",
            "cval": np.nan,
            "min_count": 2,
            "fill_value": -7.0,
        }
        found = bx.block_reduce(image, case.block_size, statistic, axes=case.axes, **options)
        assert_agrees(found, image, case.sizes(), statistic, **options)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("min_count", [0, 1, 3, 100])
def test_min_count_and_fill_value(min_count, dtype, statistic):
    image = make_image(dtype, (7, 19))
    options = {
        "where": make_where(image.shape, seed=9),
        "min_count": min_count,
        "fill_value": 1,
    }
    found = bx.block_reduce(image, (2, 3), statistic, **options)
    assert_agrees(found, image, (2, 3), statistic, **options)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_block_without_samples(dtype, statistic):
    image = make_image(dtype, (4, 6))
    nowhere = np.zeros(image.shape, dtype=bool)
    row = oracle.STATISTICS[statistic]
    found = bx.block_reduce(image, 2, statistic, where=nowhere, fill_value=1)
    assert (found == (1 if row.heeds_min_count else row.empty)).all()
    found = bx.block_reduce(image, 2, statistic, where=nowhere, fill_value=1, min_count=0)
    assert (found == (1 if row.empty is None else row.empty)).all()


@pytest.mark.parametrize("statistic", ["sum", "min", "max", "median", "mode"])
def test_fill_value_of_an_integer_result_is_needed_only_by_blocks_without_samples(statistic):
    image = make_image("int32", (4, 6))
    where = np.ones(image.shape, dtype=bool)
    found = bx.block_reduce(image, 2, statistic, where=where)
    assert_same_bits(found, bx.block_reduce(image, 2, statistic))
    where[:2, :2] = False
    with pytest.raises(ValueError, match="fill_value"):
        bx.block_reduce(image, 2, statistic, where=where)


@pytest.mark.parametrize("statistic", ["var", "std"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ddof", [0, 1, 2, 1.5, 100])
def test_ddof(ddof, dtype, statistic):
    for case in (*OPTION_CASES, Case((5,), 1), Case((6, 7), (2, 2))):
        image = make_image(dtype, case.shape)
        found = bx.block_reduce(image, case.block_size, statistic, axes=case.axes, ddof=ddof)
        assert_agrees(found, image, case.sizes(), statistic, ddof=ddof)
        weights = make_weights(case.shape)
        found = bx.block_reduce(
            image, case.block_size, statistic, axes=case.axes, ddof=ddof, weights=weights
        )
        assert_agrees(found, image, case.sizes(), statistic, ddof=ddof, weights=weights)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_pad_with_cval(dtype, statistic):
    for case in OPTION_CASES:
        image = make_image(dtype, case.shape)
        values = {"b": [True], "u": [0, 7], "i": [-3], "f": [0.5, np.nan, np.inf]}
        for cval in values[image.dtype.kind]:
            options = {"boundary": "pad", "cval": cval}
            found = bx.block_reduce(image, case.block_size, statistic, axes=case.axes, **options)
            assert_agrees(found, image, case.sizes(), statistic, **options)


# dtype, out ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("asked", DTYPES)
def test_dtype(asked, dtype, statistic):
    # Small values: a 64-bit sum that wraps has no one answer in a wider or narrower dtype.
    image = exact_image(dtype, (7, 11))
    found = bx.block_reduce(image, (2, 3), statistic, dtype=asked)
    assert_agrees(found, image, (2, 3), statistic, dtype=asked)


@pytest.mark.parametrize("asked", ["float32", np.float32, np.dtype("float32"), ">f4"])
def test_dtype_spellings(asked):
    image = make_image("float64", (7, 11))
    found = bx.block_reduce(image, (2, 3), dtype=asked)
    assert found.dtype == np.float32
    assert_agrees(found, image, (2, 3), "mean", dtype="float32")


@pytest.mark.parametrize("asked", INTEGERS[1:])
def test_integer_dtype_saturates_and_rounds_half_to_even(asked):
    limits = np.iinfo(asked)
    image = np.array([0.5, 1.5, 2.5, -0.5, 1e30, -1e30, np.inf, -np.inf])
    found = bx.block_reduce(image, 1, "mean", dtype=asked)
    low, high = limits.min, limits.max
    assert found.tolist() == [0, 2, 2, 0, high, low, high, low]


@pytest.mark.parametrize("asked", INTEGERS[1:])
def test_nan_into_an_integer_dtype(asked):
    image = np.array([1.0, np.nan, 3.0])
    found = bx.block_reduce(image, 1, "mean", dtype=asked, fill_value=9)
    assert found.tolist() == [1, 9, 3]
    with pytest.raises(ValueError, match="fill_value"):
        bx.block_reduce(image, 1, "mean", dtype=asked)


def test_median_of_two_integers():
    image = np.array([1, 2, 2, 3, -1, 0, 5, 5], dtype=np.int8)
    assert bx.block_reduce(image, 2, "median").tolist() == [2, 2, 0, 5]
    found = bx.block_reduce(image, 2, "median", dtype=np.float64)
    assert found.tolist() == [1.5, 2.5, -0.5, 5.0]
    limits = np.array([2**63 - 1, 2**63 - 3, -(2**63), 2**63 - 1], dtype=np.int64)
    assert bx.block_reduce(limits, 2, "median").tolist() == [2**63 - 2, 0]
    limits = np.array([2**64 - 1, 2**64 - 3], dtype=np.uint64)
    assert bx.block_reduce(limits, 2, "median").tolist() == [2**64 - 2]


def test_mode_takes_the_smallest_of_the_most_frequent():
    image = np.array([3, 1, 3, 1, 2, 9, -4, -4, 7, 7, 7, 0])
    assert bx.block_reduce(image, 6, "mode").tolist() == [1, 7]
    labels = np.array([2**60 + 1, 2**60, 2**60 + 1], dtype=np.uint64)
    assert bx.block_reduce(labels, 3, "mode").tolist() == [2**60 + 1]


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float64"])
def test_out(dtype, statistic):
    image = make_image(dtype, (7, 19))
    expected = bx.block_reduce(image, (2, 3), statistic)
    for layout, lay_out in LAYOUTS.items():
        if layout != "read-only":
            out = lay_out(np.zeros(expected.shape, expected.dtype))
            assert bx.block_reduce(image, (2, 3), statistic, out=out) is out
            np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("asked", DTYPES)
def test_dtype_of_out_is_the_dtype_when_none_is_given(asked):
    image = exact_image("float32", (7, 11))
    expected = bx.block_reduce(image, (2, 3), dtype=asked)
    out = np.zeros(expected.shape, asked)
    assert bx.block_reduce(image, (2, 3), out=out) is out
    assert_same_bits(out, expected)
    out = np.zeros(expected.shape, asked)
    assert bx.block_reduce(image, (2, 3), out=out, dtype=asked) is out
    assert_same_bits(out, expected)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("block_size", [1, (1, 2), (2, 3)])
def test_out_overlapping_the_image(block_size, statistic):
    dtype = oracle.result_dtype(statistic, "float64")
    image = make_image("float64", (6, 18))
    expected = bx.block_reduce(image, block_size, statistic)
    at_the_start = tuple(slice(length) for length in expected.shape)
    at_the_end = tuple(slice(-length, None) for length in expected.shape)
    for view in (at_the_start, at_the_end):
        memory = image.copy()
        out = memory[view].view(dtype)[:, : expected.shape[1]]
        assert bx.block_reduce(memory, block_size, statistic, out=out) is out
        np.testing.assert_array_equal(out, expected)


def test_out_overlapping_where_and_weights():
    image = make_image("float64", (6, 8))
    weights = make_weights(image.shape)
    expected = bx.block_reduce(image, 2, weights=weights)
    memory = weights.copy()
    out = memory[1:4, 1:5]
    bx.block_reduce(image, 2, weights=memory, out=out)
    np.testing.assert_array_equal(out, expected)
    where = make_where(image.shape)
    expected = bx.block_reduce(image, 2, "any", where=where)
    out = where[1:4, 1:5]
    bx.block_reduce(image, 2, "any", where=where, out=out)
    np.testing.assert_array_equal(out, expected)


def test_out_of_an_empty_result():
    out = np.zeros((0, 3))
    assert bx.block_reduce(np.zeros((0, 6)), 2, out=out) is out


# axes, block_size, statistics ---------------------------------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
def test_axes(statistic):
    image = make_image("int16", (4, 5, 6))
    for axes, block_size, sizes in [
        (0, 3, (3, 1, 1)),
        (-1, 4, (1, 1, 4)),
        ((1,), (2,), (1, 2, 1)),
        ((2, 0), (4, 3), (3, 1, 4)),
        ([-1, -2], 2, (1, 2, 2)),
        (np.array([0, 1]), np.array([2, 3]), (2, 3, 1)),
        ((0, 1, 2), 2, (2, 2, 2)),
        ((), (), (1, 1, 1)),
        ((), 5, (1, 1, 1)),
    ]:
        found = bx.block_reduce(image, block_size, statistic, axes=axes)
        assert_agrees(found, image, sizes, statistic)


@pytest.mark.parametrize("block_size", [2, np.int8(2), np.uint64(2), [2, 2], np.array([2, 2])])
def test_block_size_spellings(block_size):
    image = make_image("float32", (5, 7))
    assert_same_bits(bx.block_reduce(image, block_size), bx.block_reduce(image, (2, 2)))


def test_blocks_far_larger_than_the_image():
    image = make_image("uint8", (5, 7))
    for size in (8, 2**31, 2**62, 2**63 - 1, 2**63, 2**70):
        assert bx.block_reduce(image, size, "sum").tolist() == [[image.sum()]]
        assert bx.block_reduce(image, size, "sum", boundary="trim").shape == (0, 0)


@pytest.mark.parametrize(("name", "function"), NUMPY_FUNCTIONS)
def test_numpy_functions(name, function):
    image = make_image("float32", (5, 7))
    expected = bx.block_reduce(image, 2, name)
    assert_same_bits(bx.block_reduce(image, 2, function), expected)
    together = bx.block_reduce(image, 2, (function, "count"))
    assert list(together) == [name, "count"]
    assert_same_bits(together[name], expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_many_statistics_in_one_pass(dtype):
    for case in OPTION_CASES:
        image = make_image(dtype, case.shape)
        together = bx.block_reduce(image, case.block_size, STATISTICS, axes=case.axes)
        assert list(together) == list(STATISTICS)
        for name, found in together.items():
            assert_agrees(found, image, case.sizes(), name)
            if dtype in INTEGERS:
                alone = bx.block_reduce(image, case.block_size, name, axes=case.axes)
                assert_same_bits(found, alone)


@pytest.mark.parametrize("first", STATISTICS)
@pytest.mark.parametrize("second", STATISTICS)
def test_two_statistics_in_one_pass(first, second):
    if first == second:
        return
    for dtype in ("uint8", "int64", "float32"):
        image = make_image(dtype, (7, 19))
        options = {"where": make_where(image.shape), "min_count": 0, "fill_value": 1}
        together = bx.block_reduce(image, (2, 3), [first, second], **options)
        assert list(together) == [first, second]
        for name, found in together.items():
            assert_agrees(found, image, (2, 3), name, **options)


def test_statistic_that_repeats_is_computed_once():
    image = make_image("float32", (5, 7))
    found = bx.block_reduce(image, 2, ("mean", "max", np.mean))
    assert list(found) == ["mean", "max"]


def test_one_statistic_in_a_tuple_is_a_dict():
    image = make_image("float32", (5, 7))
    found = bx.block_reduce(image, 2, ("mean",))
    assert list(found) == ["mean"]
    assert_same_bits(found["mean"], bx.block_reduce(image, 2))


def test_dtype_of_many_statistics():
    image = exact_image("uint8", (5, 7))
    names = ("mean", "sum", "count")
    found = bx.block_reduce(image, 2, names, dtype=np.float32)
    for name in names:
        assert_agrees(found[name], image, (2, 2), name, dtype="float32")
    found = bx.block_reduce(image, 2, names, dtype={"sum": np.uint16, "count": "int8"})
    assert_agrees(found["mean"], image, (2, 2), "mean")
    assert_agrees(found["sum"], image, (2, 2), "sum", dtype="uint16")
    assert_agrees(found["count"], image, (2, 2), "count", dtype="int8")


def test_out_of_many_statistics():
    image = make_image("float32", (5, 7))
    names = ("mean", "max", "count")
    expected = bx.block_reduce(image, 2, names)
    named = {name: np.zeros_like(expected[name]) for name in reversed(names)}
    found = bx.block_reduce(image, 2, names, out=named)
    assert list(found) == list(names)
    for name in names:
        assert found[name] is named[name]
        assert_same_bits(named[name], expected[name])
    ordered = [np.zeros_like(expected[name]) for name in names]
    found = bx.block_reduce(image, 2, names, out=ordered)
    for name, out in zip(names, ordered, strict=True):
        assert found[name] is out
        assert_same_bits(out, expected[name])


def test_zero_dimensional_image_with_options():
    for value in (2.5, np.nan):
        image = np.array(value)
        for options in ({"weights": 2.0}, {"where": False}, {"skipna": True}, {"weights": 0}):
            for name in WEIGHTED:
                fill = {"fill_value": 1} if name in ("count", "any", "all") else {}
                found = bx.block_reduce(image, 1, name, **options, **fill)
                assert_agrees(found, image, (), name, **options, **fill)


def test_zero_dimensional_image():
    for block_size in ((), 1, 5, []):
        for name in STATISTICS:
            found = bx.block_reduce(np.float32(2.5), block_size, name)
            assert type(found) is np.ndarray
            assert found.shape == ()
            assert_agrees(found, np.float32(2.5), (), name)
