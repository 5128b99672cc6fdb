"""box_filter against the oracle: every statistic, dtype, mode, size, origin, stride and layout."""

import functools
import itertools
import math

import numpy as np
import pytest

import box_oracle
import boxel as bx
import oracle
from agreement import assert_same_bits
from box_agreement import assert_box_agrees
from box_cases import (
    EMPTY_BOXES,
    LARGE_BOXES,
    LAYOUT_BOXES,
    MODES,
    OPTION_BOXES,
    SMALL_BOXES,
    BoxCase,
)
from cases import (
    BROADCASTS,
    DTYPES,
    FLOATS,
    INTEGERS,
    LAYOUTS,
    make_image,
    make_image_with_specials,
    make_where,
)
from test_blocks_oracle import NUMPY_FUNCTIONS, exact_image

STATISTICS = box_oracle.STATISTICS
# NumPy's names for the same rules.
NUMPY_PADDING = {
    "reflect": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "constant": "constant",
}


def fill_for(statistic, dtype):
    """Return the fill value that results need which cannot be NaN."""
    return {} if oracle.result_dtype(statistic, dtype).kind == "f" else {"fill_value": 1}


def test_modes_and_statistics_are_those_of_the_oracle():
    assert type(bx.MODES) is tuple
    assert sorted(bx.MODES) == sorted(MODES)
    assert set(STATISTICS) | {"median", "mode"} == set(bx.STATISTICS)


# The oracle itself, against what others say -------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "line"),
    [
        ("reflect", "abcddcba abcd dcbaabcd"),
        ("mirror", "cbabcdcb abcd cbabcdcb"),
        ("nearest", "aaaaaaaa abcd dddddddd"),
        ("wrap", "abcdabcd abcd abcdabcd"),
        ("constant", "........ abcd ........"),
        ("shrink", "........ abcd ........"),
    ],
)
def test_oracle_continues_a_line_beyond_the_border(mode, line):
    before, inside, after = line.split()
    names = {"a": 0, "b": 1, "c": 2, "d": 3, ".": box_oracle.OUTSIDE}
    expected = [names[letter] for letter in before + inside + after]
    found = [box_oracle.MODES[mode](index, 4) for index in range(-8, 12)]
    assert found == expected


@pytest.mark.parametrize("mode", MODES)
def test_oracle_repeats_the_only_sample(mode):
    found = {box_oracle.MODES[mode](index, 1) for index in range(-5, 6)}
    assert found == ({0} if mode in ("reflect", "mirror", "nearest", "wrap") else {0, -1})


def test_oracle_places_boxes_as_scipy_does():
    assert box_oracle.sources(5, 3, "shrink")[2] == [1, 2, 3]
    assert box_oracle.sources(5, 4, "shrink")[2] == [0, 1, 2, 3]
    assert box_oracle.sources(5, 3, "shrink", origin=1)[2] == [0, 1, 2]
    assert box_oracle.sources(5, 4, "shrink", origin=-1)[2] == [1, 2, 3, 4]
    assert box_oracle.sources(5, 4, "valid", origin=-1) == [[0, 1, 2, 3], [1, 2, 3, 4]]
    assert box_oracle.sources(5, 6, "valid") == []
    assert box_oracle.sources(7, 1, "wrap", stride=3) == [[0], [3], [6]]
    assert list(box_oracle.legal_origins(3)) == [-1, 0, 1]
    assert list(box_oracle.legal_origins(4)) == [-2, -1, 0, 1]


@pytest.mark.parametrize("mode", NUMPY_PADDING)
def test_oracle_is_windows_of_a_padded_array(mode):
    image = make_image("float64", (3, 4))
    for size in ((1, 2), (3, 4), (7, 11), (2, 33)):
        pads = [(side // 2, (side - 1) // 2) for side in size]
        padded = np.pad(image, pads, mode=NUMPY_PADDING[mode])
        windows = np.lib.stride_tricks.sliding_window_view(padded, size)
        for name, function in NUMPY_FUNCTIONS:
            if name in STATISTICS:
                found = box_oracle.box_filter(image, size, name, mode=mode)
                expected = [function(window) for row in windows for window in row]
                np.testing.assert_allclose(found.ravel(), expected, rtol=1e-9, atol=1e-12)


SCIPY_BOXES = [
    ((6,), 1),
    ((6,), 4),
    ((5,), 13),
    ((1,), 3),
    ((4, 5), (3, 2)),
    ((3, 1, 4), (7, 3, 2)),
]


@pytest.mark.parametrize("mode", [*box_oracle.SCIPY_MODES, *box_oracle.ALIASES])
@pytest.mark.parametrize(("shape", "size"), SCIPY_BOXES)
def test_oracle_is_scipy(shape, size, mode):
    ndimage = pytest.importorskip("scipy.ndimage")
    image = make_image("float64", shape)
    functions = {
        "sum": np.sum,
        "var": np.var,
        "std": np.std,
        "count_nonzero": np.count_nonzero,
        "any": np.any,
        "all": np.all,
        "density": lambda samples: np.mean(samples != 0),
        "count": np.size,
    }
    sizes = np.broadcast_to(size, len(shape)).tolist()
    for position in (0, 1, -1):
        origin = [list(box_oracle.legal_origins(side))[position % side] for side in sizes]
        options = {"mode": mode, "cval": 1.5, "origin": origin}
        for name, filter_ in (
            ("mean", ndimage.uniform_filter),
            ("min", ndimage.minimum_filter),
            ("max", ndimage.maximum_filter),
        ):
            found = box_oracle.box_filter(image, sizes, name, **options)
            np.testing.assert_allclose(found, filter_(image, sizes, **options), atol=1e-11)
        for name, function in functions.items():
            found = box_oracle.box_filter(image, sizes, name, **options)
            expected = ndimage.generic_filter(image, function, sizes, **options)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


def test_oracle_counts_what_is_there():
    image = np.arange(1.0, 6.0)
    assert box_oracle.box_filter(image, 3, "count", mode="shrink").tolist() == [2, 3, 3, 3, 2]
    assert box_oracle.box_filter(image, 3, mode="shrink").tolist() == [1.5, 2, 3, 4, 4.5]
    assert box_oracle.box_filter(image, 3, mode="valid").tolist() == [2, 3, 4]
    assert box_oracle.box_filter(image, 3, "sum", cval=10, mode="constant").tolist() == [
        13, 6, 9, 12, 19,
    ]  # fmt: skip
    where = np.array([False, True, True, True, True])
    found = box_oracle.box_filter(image, 3, "count", mode="reflect", where=where)
    assert found.tolist() == [1, 2, 3, 3, 3]
    found = box_oracle.box_filter(image, 3, "count", mode="constant", where=where)
    assert found.tolist() == [2, 2, 3, 3, 3]


@pytest.mark.parametrize("mode", MODES)
def test_oracle_agrees_with_itself_on_what_a_box_holds(mode):
    for size, origin, stride in [(3, 1, 1), (4, -2, 2), (11, 5, 1)]:
        counts = box_oracle.multiplicities(5, size, mode, origin, stride)
        image = 100 ** np.arange(5)
        options = {"mode": mode, "origin": origin, "stride": stride}
        found = box_oracle.box_filter(image, size, "sum", **options)
        assert found.tolist() == counts.dot(image.astype(object)).tolist()
        for place in range(5):
            held = box_oracle.touched((place,), (5,), (size,), (mode,), (origin,), (stride,))
            assert held.tolist() == [count > 0 for count in counts[:, place]]


# Every size, origin, stride -----------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("length", [1, 2, 3, 6, 9])
def test_which_samples_are_in_the_box(length, mode):
    # Digits to the base 100 tell how often each sample is in the sum.
    image = 100 ** np.arange(length)
    for size in range(1, 2 * length + 4):
        for origin, stride in itertools.product(box_oracle.legal_origins(size), (1, 2, 3, length)):
            counts = box_oracle.multiplicities(length, size, mode, origin, stride)
            expected = np.array(counts.dot(image.astype(object)), dtype=np.int64)
            found = bx.box_filter(image, size, "sum", mode=mode, origin=origin, stride=stride)
            assert_same_bits(found, expected)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", MODES)
def test_every_size(mode, dtype, statistic):
    for length in (1, 2, 4):
        image = make_image(dtype, (length,), seed=length)
        for size in range(1, 2 * length + 4):
            found = bx.box_filter(image, size, statistic, mode=mode)
            assert_box_agrees(found, image, size, statistic, mode=mode)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("mode", MODES)
def test_every_origin(mode, statistic):
    for dtype in ("uint8", "float32"):
        image = make_image(dtype, (5, 3))
        for size in range(1, 8):
            for origin in box_oracle.legal_origins(size):
                options = {"axes": 0, "mode": mode, "origin": origin}
                found = bx.box_filter(image, size, statistic, **options)
                assert_box_agrees(found, image, size, statistic, **options)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", MODES)
def test_statistic(mode, dtype, statistic):
    # A third of the cases each: every mode meets every case, and so does every dtype.
    third = (MODES.index(mode) + DTYPES.index(dtype)) % 3
    for case in SMALL_BOXES[third::3]:
        image = make_image(dtype, case.shape)
        found = bx.box_filter(image, case.size, statistic, mode=mode, **case.options)
        assert_box_agrees(found, image, case.size, statistic, mode=mode, **case.options)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("modes", [
    ("wrap", "shrink"), ("valid", "constant"), ("shrink", "shrink"), ("shrink", "nearest"),
    ("mirror", "valid"), ("nearest", "reflect"), ["grid-wrap", "grid-constant"],
    ("constant", "grid-mirror"),
])  # fmt: skip
def test_a_mode_for_each_axis(modes, statistic):
    for dtype in ("int16", "float32"):
        image = make_image(dtype, (5, 7))
        for size, origin in [((3, 2), 0), ((4, 9), (1, -4)), ((7, 3), (-3, 1))]:
            options = {"mode": modes, "origin": origin, "cval": 3}
            found = bx.box_filter(image, size, statistic, **options)
            assert_box_agrees(found, image, size, statistic, **options)
            options["axes"] = (1, 0)
            found = bx.box_filter(image, size, statistic, **options)
            assert_box_agrees(found, image, size, statistic, **options)


@pytest.mark.parametrize(("alias", "mode"), box_oracle.ALIASES.items())
def test_aliases_of_scipy(alias, mode):
    image = make_image("float64", (5, 7))
    for size in (3, 12):
        expected = bx.box_filter(image, size, mode=mode, cval=2.5)
        assert_same_bits(bx.box_filter(image, size, mode=alias, cval=2.5), expected)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", EMPTY_BOXES, ids=str)
def test_empty_image(case, dtype, statistic):
    image = np.empty(case.shape, dtype=dtype)
    for mode in MODES:
        found = bx.box_filter(image, case.size, statistic, mode=mode, **case.options)
        assert_box_agrees(found, image, case.size, statistic, mode=mode, **case.options)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_box_larger_than_the_image_is_not_valid(statistic):
    image = make_image("float32", (5, 7))
    for size, shape in [((6, 3), (0, 5)), (8, (0, 0)), ((5, 7), (1, 1)), ((2**40, 1), (0, 7))]:
        found = bx.box_filter(image, size, statistic, mode="valid")
        assert found.shape == shape
        assert found.dtype == oracle.result_dtype(statistic, "float32")


# NaN and infinities -------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("mode", MODES)
def test_nan_and_infinities_at_every_place(mode, dtype, statistic):
    clean = make_image(dtype, (4,))
    for place, special in itertools.product(range(4), (math.nan, math.inf, -math.inf)):
        image = clean.copy()
        image[place] = special
        for size, skipna in itertools.product((2, 3, 7), (False, True)):
            options = {"mode": mode, "skipna": skipna}
            found = bx.box_filter(image, size, statistic, **options)
            assert_box_agrees(found, image, size, statistic, **options)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("skipna", [False, True])
def test_nan_and_infinities(skipna, dtype, statistic):
    for case in SMALL_BOXES:
        image = make_image_with_specials(dtype, case.shape)
        for mode in ("reflect", "shrink"):
            options = {"mode": mode, "skipna": skipna, **case.options}
            found = bx.box_filter(image, case.size, statistic, **options)
            assert_box_agrees(found, image, case.size, statistic, **options)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_skipna_of_integers_skips_nothing(dtype, statistic):
    for case in OPTION_BOXES:
        image = make_image(dtype, case.shape)
        plain = bx.box_filter(image, case.size, statistic, **case.options)
        found = bx.box_filter(image, case.size, statistic, skipna=True, **case.options)
        assert_same_bits(found, plain)


# Long lines: an independent check without loops over samples --------------------------------------


def padded(image, case, mode):
    """Return the image continued so that all its boxes lie inside."""
    if mode == "valid":
        return image
    sizes, origins = axis_values(case)
    pads = [
        (size // 2 + origin, (size - 1) // 2 - origin)
        for size, origin in zip(sizes, origins, strict=True)
    ]
    return np.pad(image, pads, mode=NUMPY_PADDING.get(mode, "constant"))


def axis_values(case):
    ndim = len(case.shape)
    return (
        oracle.one_per_axis(case.size, case.axes, ndim, 1),
        oracle.one_per_axis(case.origin, case.axes, ndim, 0),
    )


def every_stride(case):
    strides = oracle.one_per_axis(case.stride, case.axes, len(case.shape), 1)
    return tuple(slice(None, None, stride) for stride in strides)


def sums_by_differences(image, case, mode):
    """Return sums of integers by differences of running sums, exact modulo 2^64."""
    sums = padded(image, case, mode)
    for axis, size in enumerate(axis_values(case)[0]):
        running = np.insert(np.cumsum(sums, axis=axis, dtype=sums.dtype), 0, 0, axis=axis)
        ahead = running.take(np.arange(size, running.shape[axis]), axis)
        sums = ahead - running.take(np.arange(running.shape[axis] - size), axis)
    return sums[every_stride(case)]


def extremes_by_windows(image, case, mode, fold):
    extremes = padded(image, case, mode)
    for axis, size in enumerate(axis_values(case)[0]):
        windows = np.lib.stride_tricks.sliding_window_view(extremes, size, axis)
        extremes = fold(windows, axis=-1)
    return extremes[every_stride(case)]


@functools.cache
def expected_of_large_image(dtype, case, mode):
    """Return the exact statistics of an exact image, and its variance to rounding."""
    small = exact_image(dtype, case.shape).astype(np.int8)
    wide = small.astype(np.int64)
    sums = sums_by_differences(wide, case, mode)
    squares = sums_by_differences(wide * wide, case, mode)
    nonzero = sums_by_differences((wide != 0).astype(np.int64), case, mode)
    if mode == "shrink":
        counts = sums_by_differences(np.ones(wide.shape, np.int64), case, mode)
    else:
        counts = np.full(sums.shape, math.prod(axis_values(case)[0]))
    expected = {
        "sum": sums,
        "mean": sums / counts,
        "count": counts,
        "count_nonzero": nonzero,
        "density": nonzero / counts,
        "any": nonzero > 0,
        "all": nonzero == counts,
    }
    if mode != "shrink":
        expected["min"] = extremes_by_windows(small, case, mode, np.min)
        expected["max"] = extremes_by_windows(small, case, mode, np.max)
    return expected, (squares * counts - sums * sums) / (counts * counts), counts


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("case", LARGE_BOXES, ids=str)
@pytest.mark.parametrize("mode", ["reflect", "mirror", "constant", "valid", "shrink"])
def test_large_image(mode, case, order):
    sizes, _ = axis_values(case)
    if mode == "valid" and any(n < side for n, side in zip(case.shape, sizes, strict=True)):
        return
    for dtype in DTYPES if mode == "reflect" else ("uint8", "int64", "float32", "float64"):
        image = np.asarray(exact_image(dtype, case.shape), order=order)
        compare_large_image(image, case, mode)


def compare_large_image(image, case, mode):
    dtype = image.dtype
    alike = dtype.name if dtype.kind == "b" else {"u": "uint8"}.get(dtype.kind, "int8")
    expected, variance, counts = expected_of_large_image(alike, case, mode)
    options = {"mode": mode, **case.options}
    together = bx.box_filter(image, case.size, (*expected, "var", "std"), **options)
    # Exact where the samples are; the differences that make up a mean of floats round.
    nearly = {"mean"} if dtype == np.float64 else set()
    for name, value in expected.items():
        value = value.astype(oracle.result_dtype(name, dtype))
        found = bx.box_filter(image, case.size, name, **options)
        if name in nearly:
            np.testing.assert_allclose(found, value, rtol=1e-14, atol=1e-14)
            np.testing.assert_allclose(together[name], value, rtol=1e-14, atol=1e-14)
        else:
            assert_same_bits(found, value)
            assert_same_bits(together[name], value)
    for name, value in (("var", variance), ("std", np.sqrt(variance))):
        found = bx.box_filter(image, case.size, name, **options)
        rtol = 3e-7 if found.dtype == np.float32 else 1e-13 + counts.max(initial=0) * 2.0**-53
        np.testing.assert_allclose(found, value, rtol=rtol, atol=1e-13)
        np.testing.assert_allclose(together[name], value, rtol=rtol, atol=1e-13)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
@pytest.mark.parametrize("case", LARGE_BOXES, ids=str)
def test_large_image_under_a_mask(case, dtype):
    image = exact_image(dtype, case.shape)
    where = make_where(case.shape)
    chosen = np.where(where, image, 0).astype(np.int64)
    for mode in ("reflect", "shrink"):
        counts = sums_by_differences(where.astype(np.int64), case, mode)
        sums = sums_by_differences(chosen, case, mode)
        nonzero = sums_by_differences((chosen != 0).astype(np.int64), case, mode)
        with np.errstate(invalid="ignore"):
            expected = {
                "count": counts,
                "sum": sums,
                "mean": sums / counts,
                "count_nonzero": nonzero,
                "density": nonzero / counts,
            }
        found = bx.box_filter(
            image, case.size, tuple(expected), mode=mode, where=where, min_count=0, **case.options
        )
        for name, value in expected.items():
            value = value.astype(found[name].dtype)
            if name == "mean" and dtype == "float64":
                np.testing.assert_allclose(found[name], value, rtol=1e-14, atol=1e-14)
            else:
                np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize("mode", MODES)
def test_boxes_hundreds_of_times_as_wide_as_the_image(mode):
    image = make_image("int64", (4, 3)) // 2**20
    for size, origin in [((1001, 2), (300, 0)), ((2, 3000), 0), ((999, 4000), (-499, 1999))]:
        plans = zip(image.shape, size, np.broadcast_to(origin, 2).tolist(), strict=True)
        rows, columns = (
            box_oracle.multiplicities(length, side, mode, start) for length, side, start in plans
        )
        expected = rows.dot(image.astype(object)).dot(columns.T)
        found = bx.box_filter(image, size, "sum", mode=mode, origin=origin)
        wrapped = [
            [oracle.wrap_to_64_bits(value, signed=True) for value in row] for row in expected
        ]
        assert_same_bits(found, np.array(wrapped, dtype=np.int64).reshape(expected.shape))


def test_boxes_of_any_width_that_shrink():
    image = make_image("uint8", (5, 7))
    for size in (2**31, 2**53, 2**62, 2**63 - 1):
        found = bx.box_filter(image, size, ("sum", "count", "max"), mode="shrink")
        assert (found["sum"] == image.sum()).all()
        assert (found["count"] == image.size).all()
        assert (found["max"] == image.max()).all()


# Layouts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout(layout, dtype):
    for case, mode in zip(LAYOUT_BOXES, ("reflect", "wrap", "shrink", "valid"), strict=True):
        image = make_image(dtype, case.shape)
        laid_out = LAYOUTS[layout](image)
        for statistic in STATISTICS:
            options = {"mode": mode, **case.options}
            found = bx.box_filter(laid_out, case.size, statistic, **options)
            assert_box_agrees(found, image, case.size, statistic, **options)
            if dtype in INTEGERS:
                plain = bx.box_filter(image, case.size, statistic, **options)
                assert_same_bits(found, plain)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_integers_have_the_same_bits_in_long_rows(layout, dtype):
    image = make_image(dtype, (40, 301))
    laid_out = LAYOUTS[layout](image)
    for size in ((7, 5), (40, 1), (1, 64)):
        expected = bx.box_filter(image, size, STATISTICS)
        found = bx.box_filter(laid_out, size, STATISTICS)
        for statistic in STATISTICS:
            assert_same_bits(found[statistic], expected[statistic])


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", "float64"])
@pytest.mark.parametrize("broadcast", BROADCASTS)
def test_zero_strides(broadcast, dtype):
    for case in LAYOUT_BOXES:
        image = BROADCASTS[broadcast](make_image(dtype, case.shape))
        for statistic in STATISTICS:
            found = bx.box_filter(image, case.size, statistic, **case.options)
            assert_box_agrees(found, image, case.size, statistic, **case.options)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_where(layout):
    for case in LAYOUT_BOXES:
        image = make_image("float32", case.shape)
        where = make_where(case.shape)
        for statistic in STATISTICS:
            found = bx.box_filter(
                LAYOUTS["F"](image), case.size, statistic,
                where=LAYOUTS[layout](where), **case.options,
            )  # fmt: skip
            assert_box_agrees(found, image, case.size, statistic, where=where, **case.options)


@pytest.mark.parametrize("layout", ["C", "F", "transposed"])
@pytest.mark.parametrize("mode", ["reflect", "valid"])
def test_result_lies_in_memory_as_the_image(mode, layout):
    image = LAYOUTS[layout](make_image("float32", (6, 8, 10)))
    found = bx.box_filter(image, 3, mode=mode)
    assert np.argsort(found.strides).tolist() == np.argsort(image.strides).tolist()


def test_input_is_left_as_it_was():
    for layout in LAYOUTS:
        image = LAYOUTS[layout](make_image_with_specials("float64", (9, 11)))
        before = image.tobytes()
        bx.box_filter(image, 3, STATISTICS, skipna=True)
        assert image.tobytes() == before


@pytest.mark.parametrize("image", [[[1, 2, 3], [4, 5, 6]], ((1.5, 2.5),), 3, 2.5, True])
def test_array_likes(image):
    array = np.asarray(image)
    assert_same_bits(bx.box_filter(image, 2, "sum"), bx.box_filter(array, 2, "sum"))


# where, skipna, min_count, fill_value, ddof, cval -------------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_where(dtype, statistic):
    fill = fill_for(statistic, dtype)
    for case in OPTION_BOXES:
        image = make_image(dtype, case.shape)
        where = make_where(case.shape)
        for mode in MODES:
            options = {"mode": mode, "where": where, **case.options, **fill}
            found = bx.box_filter(image, case.size, statistic, **options)
            assert_box_agrees(found, image, case.size, statistic, **options)


@pytest.mark.parametrize("shape", [(6, 1), (1, 9), (9,), (1, 1), (), (1,)])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_where_broadcasts(statistic, shape):
    image = make_image("float32", (6, 9))
    where = make_where(shape, seed=4)
    found = bx.box_filter(image, (2, 3), statistic, where=where)
    assert_box_agrees(found, image, (2, 3), statistic, where=np.broadcast_to(where, image.shape))


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_masked_array(dtype, statistic):
    image = make_image(dtype, (6, 9))
    mask = make_where(image.shape, seed=6)
    masked = np.ma.MaskedArray(image, mask=mask)
    options = {"min_count": 0, "fill_value": 1, "mode": "mirror"}
    found = bx.box_filter(masked, (2, 3), statistic, **options)
    assert_same_bits(found, bx.box_filter(image, (2, 3), statistic, where=~mask, **options))
    assert_box_agrees(found, masked, (2, 3), statistic, **options)
    where = make_where(image.shape, seed=7)
    found = bx.box_filter(masked, (2, 3), statistic, where=where, **options)
    assert_box_agrees(found, masked, (2, 3), statistic, where=where, **options)


def test_masked_array_without_a_mask():
    image = make_image("float32", (6, 9))
    assert_same_bits(bx.box_filter(np.ma.MaskedArray(image), 3), bx.box_filter(image, 3))


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("mode", MODES)
def test_where_and_skipna_together(mode, dtype, statistic):
    for case in OPTION_BOXES:
        image = make_image_with_specials(dtype, case.shape)
        options = {
            "where": make_where(case.shape),
            "skipna": True,
            "mode": mode,
            "cval": np.nan,
            "min_count": 2,
            "fill_value": -7.0,
            **case.options,
        }
        found = bx.box_filter(image, case.size, statistic, **options)
        assert_box_agrees(found, image, case.size, statistic, **options)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("min_count", [0, 1, 3, 100])
def test_min_count_and_fill_value(min_count, dtype, statistic):
    image = make_image(dtype, (5, 8))
    options = {"where": make_where(image.shape, seed=9), "min_count": min_count, "fill_value": 1}
    for mode in ("reflect", "shrink"):
        found = bx.box_filter(image, (2, 3), statistic, mode=mode, **options)
        assert_box_agrees(found, image, (2, 3), statistic, mode=mode, **options)


@pytest.mark.parametrize("mode", ["reflect", "shrink"])
def test_counts_alone(mode):
    for shape in ((70,), (6, 70), (5, 6, 70)):
        size = (5, 3, 7)[: len(shape)]
        counts = bx.box_filter(np.zeros(shape, "int32"), size, "count", mode=mode)
        expected = bx.box_filter(np.ones(shape, "int32"), size, "sum", mode=mode)
        np.testing.assert_array_equal(counts, expected)


def test_repeated_samples_count_each_time():
    image = np.ones((1, 5))
    found = bx.box_filter(image, (3, 7), ("count", "sum"), min_count=21)
    assert (found["count"] == 21).all()
    assert (found["sum"] == 21).all()
    assert np.isnan(bx.box_filter(image, (3, 7), "sum", min_count=22)).all()


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_box_without_samples(dtype, statistic):
    image = make_image(dtype, (4, 6))
    nowhere = np.zeros(image.shape, dtype=bool)
    row = oracle.STATISTICS[statistic]
    found = bx.box_filter(image, 3, statistic, where=nowhere, fill_value=1)
    assert (found == (1 if row.heeds_min_count else row.empty)).all()
    found = bx.box_filter(image, 3, statistic, where=nowhere, fill_value=1, min_count=0)
    assert (found == (1 if row.empty is None else row.empty)).all()


@pytest.mark.parametrize("statistic", ["sum", "min", "max"])
def test_fill_value_of_an_integer_result_is_needed_only_by_boxes_without_samples(statistic):
    image = make_image("int32", (4, 6))
    where = np.ones(image.shape, dtype=bool)
    where[1, 1] = False
    found = bx.box_filter(image, 2, statistic, where=where)
    assert_box_agrees(found, image, 2, statistic, where=where)
    where[:2, :2] = False
    with pytest.raises(ValueError, match="fill_value"):
        bx.box_filter(image, 2, statistic, where=where)


@pytest.mark.parametrize("statistic", ["var", "std"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ddof", [0, 1, 2, 1.5, 100])
def test_ddof(ddof, dtype, statistic):
    cases = (*OPTION_BOXES, BoxCase((5,), 1), BoxCase((4, 5), (2, 2)))
    for case, mode in zip(cases, ("wrap", "shrink", "valid", "nearest", "shrink"), strict=True):
        image = make_image(dtype, case.shape)
        options = {"ddof": ddof, "mode": mode, **case.options}
        found = bx.box_filter(image, case.size, statistic, **options)
        assert_box_agrees(found, image, case.size, statistic, **options)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_constant_with_cval(dtype, statistic):
    for case in OPTION_BOXES:
        image = make_image(dtype, case.shape)
        values = {"b": [True], "u": [0, 7], "i": [-3], "f": [0.5, np.nan, np.inf]}
        extremes = {"i": np.iinfo, "u": np.iinfo}.get(image.dtype.kind, lambda _: None)(dtype)
        more = [] if extremes is None else [int(extremes.max)]
        for cval in (*values[image.dtype.kind], *more):
            options = {"mode": "constant", "cval": cval, **case.options}
            found = bx.box_filter(image, case.size, statistic, **options)
            assert_box_agrees(found, image, case.size, statistic, **options)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "constant"])
def test_cval_is_ignored_by_other_modes(mode):
    image = make_image("uint8", (5, 7))
    expected = bx.box_filter(image, 3, mode=mode)
    for cval in (-1, 0.5, np.nan, 2**70):
        assert_same_bits(bx.box_filter(image, 3, mode=mode, cval=cval), expected)


# dtype, out ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype(dtype, statistic):
    # Small values: a 64-bit sum that wraps has no one answer in a wider or narrower dtype.
    image = exact_image(dtype, (5, 8))
    for asked in DTYPES:
        found = bx.box_filter(image, (2, 3), statistic, dtype=asked)
        assert_box_agrees(found, image, (2, 3), statistic, dtype=asked)


@pytest.mark.parametrize("asked", ["float32", np.float32, np.dtype("float32"), ">f4"])
def test_dtype_spellings(asked):
    image = make_image("float64", (5, 8))
    found = bx.box_filter(image, (2, 3), dtype=asked)
    assert found.dtype == np.float32
    assert_box_agrees(found, image, (2, 3), "mean", dtype="float32")


@pytest.mark.parametrize("asked", INTEGERS[1:])
def test_integer_dtype_saturates_and_rounds_half_to_even(asked):
    limits = np.iinfo(asked)
    image = np.array([0, 1, 2, 3, -1, 0, 1e30, 1e30, -1e30, -1e30])
    found = bx.box_filter(image, 2, dtype=asked, mode="valid", stride=2)
    assert found.tolist() == [0, 2, 0, limits.max, limits.min]


@pytest.mark.parametrize("asked", INTEGERS[1:])
def test_nan_into_an_integer_dtype(asked):
    image = np.array([1.0, 1.0, np.nan, 3.0])
    found = bx.box_filter(image, 2, dtype=asked, fill_value=9)
    assert found.tolist() == [1, 1, 9, 9]
    with pytest.raises(ValueError, match="fill_value"):
        bx.box_filter(image, 2, dtype=asked)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float64"])
def test_out(dtype, statistic):
    image = make_image(dtype, (7, 19))
    for mode in ("reflect", "valid"):
        expected = bx.box_filter(image, (2, 3), statistic, mode=mode)
        for layout, lay_out in LAYOUTS.items():
            if layout != "read-only":
                out = lay_out(np.zeros(expected.shape, expected.dtype))
                assert bx.box_filter(image, (2, 3), statistic, mode=mode, out=out) is out
                np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("asked", DTYPES)
def test_dtype_of_out_is_the_dtype_when_none_is_given(asked):
    image = exact_image("float32", (7, 11))
    expected = bx.box_filter(image, (2, 3), dtype=asked)
    for options in ({}, {"dtype": asked}):
        out = np.zeros(expected.shape, asked)
        assert bx.box_filter(image, (2, 3), out=out, **options) is out
        assert_same_bits(out, expected)


def test_out_of_an_empty_result():
    out = np.zeros((0, 6))
    assert bx.box_filter(np.zeros((0, 6)), 3, out=out) is out


# axes, size, statistics ---------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
def test_axes(statistic):
    image = make_image("int16", (4, 5, 6))
    for axes, size, sizes in [
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
        found = bx.box_filter(image, size, statistic, axes=axes)
        assert_box_agrees(found, image, sizes, statistic)


def test_axes_carry_origins_strides_and_modes():
    image = make_image("int16", (4, 5, 6))
    options = {"origin": (1, -1), "stride": (2, 1), "mode": ("wrap", "valid")}
    found = bx.box_filter(image, (3, 2), "sum", axes=(2, 0), **options)
    spread = {"origin": (-1, 0, 1), "stride": (1, 1, 2), "mode": ("valid", "reflect", "wrap")}
    assert_same_bits(found, bx.box_filter(image, (2, 1, 3), "sum", **spread))
    assert_box_agrees(found, image, (2, 1, 3), "sum", **spread)


@pytest.mark.parametrize("size", [3, np.int8(3), np.uint64(3), [3, 3], np.array([3, 3])])
def test_spellings_of_integers(size):
    image = make_image("float32", (5, 7))
    expected = bx.box_filter(image, (3, 3))
    assert_same_bits(bx.box_filter(image, size), expected)
    expected = bx.box_filter(image, 7, origin=(3, 3))
    assert_same_bits(bx.box_filter(image, 7, origin=size), expected)
    expected = bx.box_filter(image, 7, stride=(3, 3))
    assert_same_bits(bx.box_filter(image, 7, stride=size), expected)


def test_stride_past_the_image():
    image = make_image("int32", (5, 7))
    for stride in (7, 8, 2**31, 2**62):
        found = bx.box_filter(image, 3, "sum", stride=stride)
        assert_box_agrees(found, image, 3, "sum", stride=7)


@pytest.mark.parametrize(("name", "function"), NUMPY_FUNCTIONS)
def test_numpy_functions(name, function):
    if name not in STATISTICS:
        return
    image = make_image("float32", (5, 7))
    expected = bx.box_filter(image, 3, name)
    assert_same_bits(bx.box_filter(image, 3, function), expected)
    together = bx.box_filter(image, 3, (function, "count"))
    assert list(together) == [name, "count"]
    assert_same_bits(together[name], bx.box_filter(image, 3, (name, "count"))[name])


def test_mean_is_the_default():
    image = make_image("float32", (5, 7))
    assert_same_bits(bx.box_filter(image, 3), bx.box_filter(image, 3, "mean"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["reflect", "shrink", "constant"])
def test_many_statistics_in_one_pass(mode, dtype):
    for case in OPTION_BOXES:
        image = make_image(dtype, case.shape)
        options = {"mode": mode, **case.options}
        together = bx.box_filter(image, case.size, STATISTICS, **options)
        assert list(together) == list(STATISTICS)
        for name, found in together.items():
            assert_box_agrees(found, image, case.size, name, **options)
            if dtype in INTEGERS:
                assert_same_bits(found, bx.box_filter(image, case.size, name, **options))


@pytest.mark.parametrize("first", STATISTICS)
@pytest.mark.parametrize("second", STATISTICS)
def test_two_statistics_in_one_pass(first, second):
    if first == second:
        return
    for dtype in ("uint8", "int64", "float32"):
        image = make_image(dtype, (6, 9))
        options = {"where": make_where(image.shape), "min_count": 0, "fill_value": 1}
        together = bx.box_filter(image, (2, 3), [first, second], **options)
        assert list(together) == [first, second]
        for name, found in together.items():
            assert_box_agrees(found, image, (2, 3), name, **options)


def test_statistic_that_repeats_is_computed_once():
    image = make_image("float32", (5, 7))
    assert list(bx.box_filter(image, 3, ("mean", "max", np.mean))) == ["mean", "max"]
    assert list(bx.box_filter(image, 3, ["mean"])) == ["mean"]


def test_dtype_of_many_statistics():
    image = exact_image("uint8", (5, 7))
    names = ("mean", "sum", "count")
    found = bx.box_filter(image, 3, names, dtype=np.float32)
    for name in names:
        assert_box_agrees(found[name], image, 3, name, dtype="float32")
    found = bx.box_filter(image, 3, names, dtype={"sum": np.uint16, "count": "int8"})
    assert_box_agrees(found["mean"], image, 3, "mean")
    assert_box_agrees(found["sum"], image, 3, "sum", dtype="uint16")
    assert_box_agrees(found["count"], image, 3, "count", dtype="int8")


def test_out_of_many_statistics():
    image = make_image("float32", (5, 7))
    names = ("mean", "max", "count")
    expected = bx.box_filter(image, 3, names)
    named = {name: np.zeros_like(expected[name]) for name in reversed(names)}
    found = bx.box_filter(image, 3, names, out=named)
    assert list(found) == list(names)
    ordered = [np.zeros_like(expected[name]) for name in names]
    in_order = bx.box_filter(image, 3, names, out=ordered)
    for name, out in zip(names, ordered, strict=True):
        assert found[name] is named[name]
        assert in_order[name] is out
        assert_same_bits(named[name], expected[name])
        assert_same_bits(out, expected[name])


# Density maps, no axes ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_density_is_the_density_map(dtype):
    for case in (*SMALL_BOXES, *LARGE_BOXES):
        if case.axes is None:
            image = make_image(dtype, case.shape)
            found = bx.box_filter(image, case.size, "density", mode="valid")
            expected = bx.density_map(image, case.size, stride=1, boundary="trim")
            assert_same_bits(found, expected)


@pytest.mark.parametrize("mode", MODES)
def test_zero_dimensional_image(mode):
    for size, name in itertools.product((1, 5, ()), STATISTICS):
        for image in (np.float32(2.5), np.array(np.nan), 7):
            found = bx.box_filter(image, size, name, mode=mode)
            assert type(found) is np.ndarray
            assert_box_agrees(found, np.asarray(image), (), name)
