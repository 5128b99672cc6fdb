"""Statistics of regions against boolean indexing and exact arithmetic."""

import numpy as np
import pytest

import boxel as bx
import oracle
import region_oracle
from agreement import assert_close
from cases import (
    BROADCASTS,
    DTYPES,
    FLOATS,
    LAYOUTS,
    make_image,
    make_image_with_specials,
    make_weights,
    make_where,
)

STATISTICS = tuple(oracle.STATISTICS)
WEIGHTED = ("sum", "mean", "density", "var", "std")
LABEL_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def make_labels(shape, count=5, seed=0, dtype=np.int32, kind="random"):
    """Draw labels: scattered ones, or such as come in runs of various lengths."""
    generator = np.random.default_rng([seed, 7, *shape])
    size = int(np.prod(shape))
    if kind == "random":
        drawn = generator.integers(0, count, size)
    else:
        lengths = generator.integers(1, 40, size + 1)
        drawn = np.repeat(generator.integers(0, count, size + 1), lengths)[:size]
    return drawn.reshape(shape).astype(dtype)


def assert_agrees(labels, image, names=STATISTICS, **options):
    names = tuple(names)
    found = bx.label_stats(labels, image, names, **options)
    assert list(found) == ["label", *names]
    for name in names:
        index, expected, allowed = region_oracle.label_stats(labels, image, name, **options)
        np.testing.assert_array_equal(found["label"], index)
        assert_close(found[name], expected, allowed)


@pytest.mark.parametrize("kind", ["random", "runs"])
@pytest.mark.parametrize("channels", [(), (1,), (2,), (3,), (4,), (5,), (2, 3)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_statistic(dtype, channels, kind):
    labels = make_labels((17, 23), kind=kind)
    image = make_image(dtype, (17, 23, *channels))
    assert_agrees(labels, image, fill_value=0)


@pytest.mark.parametrize("channels", [(), (2,), (3,), (4,), (5,)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_long_runs(dtype, channels):
    generator = np.random.default_rng(6)
    runs = np.repeat(generator.integers(0, 3, 30), generator.integers(20, 200, 30))[:700]
    assert_agrees(runs.reshape(2, 350), make_image(dtype, (2, 350, *channels)), fill_value=0)


@pytest.mark.parametrize("kind", ["random", "blob", "everything", "specials"])
@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,), (5,)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_masks(dtype, channels, kind):
    shape = (13, 41)
    mask = make_where(shape) if kind in ("random", "specials") else np.ones(shape, bool)
    if kind == "blob":
        mask = np.hypot(*np.ogrid[-6:7, -20:21]) < 6
    image = make_image(dtype, (*shape, *channels))
    if kind == "specials" and image.dtype.kind == "f":
        image = make_image_with_specials(dtype, (*shape, *channels))
    for skipna in (False, True) if kind == "specials" else (False,):
        found = bx.masked_stats(image, mask, STATISTICS, skipna=skipna)
        for name in STATISTICS:
            _, expected, allowed = region_oracle.label_stats(
                mask.astype(int), image, name, index=[1], skipna=skipna
            )
            assert_close(np.array([found[name]]), expected, allowed)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("of_mask", ["C", "F", "every other", "reversed"])
def test_layouts_of_masks(layout, of_mask):
    mask = LAYOUTS[of_mask](make_where((11, 13)))
    for dtype in ("uint8", "float32", "float64"):
        image = make_image(dtype, (11, 13, 3))
        expected = region_oracle.label_stats(mask.astype(int), image, "mean", index=[1])[1:]
        found = bx.masked_mean(LAYOUTS[layout](image), mask)
        assert_close(found[None], *expected)


@pytest.mark.parametrize("kind", ["random", "runs", "one"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_regions_of_nothing_but_the_least_or_the_greatest_value(dtype, kind):
    labels = np.ones((9, 80), int) if kind == "one" else make_labels((9, 80), 5, kind=kind)
    kind_of_dtype = np.dtype(dtype).kind
    values = [0, 1]
    if kind_of_dtype == "f":
        values += [-1e4, np.inf, -np.inf]
    elif kind_of_dtype != "b":
        values += [np.iinfo(dtype).min, np.iinfo(dtype).max]
    for value in values:
        for weights in (None, np.ones(labels.shape)):
            image = np.full((9, 80, 3), value, dtype)
            assert_agrees(labels, image, ("min", "max", "any", "all"), weights=weights)


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_statistic_at_a_time(dtype, name):
    assert_agrees(make_labels((9, 14)), make_image(dtype, (9, 14, 3)), (name,), fill_value=0)


@pytest.mark.parametrize("shape", [(), (1,), (40,), (5, 1, 7), (3, 4, 5), (2, 3, 2, 3), (3, 700)])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_any_number_of_axes(shape, channels):
    for dtype in ("uint8", "float32"):
        assert_agrees(make_labels(shape), make_image(dtype, (*shape, *channels)), background=None)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("of_labels", ["C", "F", "every other", "byte-swapped", "unaligned"])
def test_layouts(layout, of_labels):
    labels = LAYOUTS[of_labels](make_labels((11, 13)))
    for dtype in ("uint8", "int16", "uint64", "float32", "float64"):
        image = LAYOUTS[layout](make_image(dtype, (11, 13, 3)))
        assert_agrees(labels, image, ("sum", "mean", "min", "var", "median"))
        plane = LAYOUTS[layout](make_image(dtype, (11, 13)))
        assert_agrees(labels, plane, ("sum", "mean", "max", "std", "mode"))


@pytest.mark.parametrize("broadcast", BROADCASTS)
def test_broadcast_images(broadcast):
    image = BROADCASTS[broadcast](make_image("int32", (9, 10, 3)))
    assert_agrees(make_labels((9, 10)), image, ("sum", "var", "median"))


@pytest.mark.parametrize("dtype", LABEL_DTYPES)
@pytest.mark.parametrize("layout", ["C", "F", "reversed", "every other", "byte-swapped"])
def test_label_dtypes(dtype, layout):
    labels = make_labels((12, 15), 2 if dtype == "bool" else 6).astype(np.int64) * 21
    labels = labels.astype(dtype)
    image = make_image("uint16", (12, 15))
    assert_agrees(LAYOUTS[layout](labels), image, ("count", "sum", "max"))


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("int8", [-128, 127, 0, -1]),
        ("int64", [-(2**63), 2**63 - 1, 0, 5]),
        ("int64", [10**12, 10**12 + 1, 3, -(10**15)]),
        ("int64", [2**53, 2**53 + 1, 2**53 + 2, 0]),
        ("uint64", [2**64 - 1, 2**63, 2**63 - 1, 0]),
        ("uint64", [2**64 - 1, 2**64 - 2, 2**64 - 3, 2**64 - 4]),
        ("int32", [-7, -6, -5, 0]),
        ("uint32", [2**32 - 1, 0, 1, 2**31]),
        ("int64", [k * 2**32 for k in range(40)]),
    ],
)
@pytest.mark.parametrize("kind", ["random", "runs"])
@pytest.mark.parametrize("background", [0, None, -1, 2**64 - 1])
def test_labels_far_apart(dtype, values, kind, background):
    which = make_labels((20, 31), len(values), kind=kind)
    labels = np.array(values, dtype)[which]
    image = make_image("int16", (20, 31, 2))
    assert_agrees(labels, image, ("count", "sum", "min", "std"), background=background)


def test_labels_that_come_lower_and_lower():
    labels = np.repeat(np.arange(200, -200, -1, dtype=np.int64), 40)
    image = make_image("int32", labels.shape)
    assert_agrees(labels, image, ("count", "sum", "max", "var", "median"))


def test_labels_that_grow_beyond_a_dense_table():
    labels = np.concatenate([np.arange(-3000, 5000), np.arange(10**9, 10**9 + 3000), [-(10**11)]])
    labels = np.repeat(labels, 3)
    image = np.arange(labels.size, dtype=np.float64)
    found = bx.label_stats(labels, image, ("count", "mean"))
    expected = np.unique(labels[labels != 0])
    np.testing.assert_array_equal(found["label"], expected)
    np.testing.assert_array_equal(found["count"], 3)
    firsts = image[np.searchsorted(labels, expected)] if np.all(np.diff(labels) >= 0) else None
    assert firsts is None or np.array_equal(found["mean"], firsts + 1)


@pytest.mark.parametrize("kind", ["random", "runs"])
@pytest.mark.parametrize("skipna", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_special_floats(dtype, skipna, kind):
    labels = make_labels((19, 21), 40, kind=kind)
    for channels in ((), (3,)):
        image = make_image_with_specials(dtype, (19, 21, *channels))
        assert_agrees(labels, image, skipna=skipna)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
@pytest.mark.parametrize("skipna", [False, True])
def test_where_and_masks(dtype, skipna):
    labels = make_labels((13, 17), 4)
    shape = (13, 17, 3)
    image = make_image(dtype, shape)
    for where in (make_where(labels.shape), make_where(shape), make_where((3,))):
        assert_agrees(labels, image, where=where, skipna=skipna, fill_value=0)
    masked = np.ma.array(image, mask=make_where(shape, 5))
    assert_agrees(labels, masked, skipna=skipna, fill_value=0)
    assert_agrees(labels, masked, where=make_where(labels.shape, 3), fill_value=0)
    some = np.ma.array(labels, mask=make_where(labels.shape, 4))
    assert_agrees(some, image, skipna=skipna, fill_value=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights(dtype):
    labels = make_labels((13, 17), 4)
    for channels in ((), (3,)):
        image = make_image(dtype, (13, 17, *channels))
        for weights in (make_weights(labels.shape), make_weights(image.shape)):
            assert_agrees(labels, image, (*WEIGHTED, "min", "count"), weights=weights, fill_value=0)
            assert_agrees(labels, image, WEIGHTED, weights=weights, where=make_where(labels.shape))
    whole = make_weights(labels.shape, dtype=np.uint8)
    assert_agrees(labels, make_image("float32", labels.shape), WEIGHTED, weights=whole)


@pytest.mark.parametrize("ddof", [0, 1, 0.5, 7])
def test_ddof(ddof):
    labels = make_labels((7, 9), 12)
    for dtype in ("uint8", "float64"):
        assert_agrees(labels, make_image(dtype, (7, 9, 2)), ("var", "std"), ddof=ddof)


@pytest.mark.parametrize("index", [[3, 1, 1, 99, 2], [0, 4], [], [-5], [2**40, 1]])
def test_index(index):
    labels = make_labels((15, 16), 5)
    image = make_image("uint8", (15, 16, 3))
    assert_agrees(labels, image, index=index, fill_value=7)


def test_whole_array_of_one_label():
    image = make_image("uint8", (70, 90, 3))
    assert_agrees(np.ones((70, 90), np.int32), image)
    assert_agrees(np.zeros((70, 90), np.int32), image)
    assert_agrees(np.zeros((70, 90), np.int32), image, background=None)


def test_an_offset_of_a_billion_keeps_the_digits_of_the_spread():
    labels = make_labels((64, 64), 7)
    spread = np.random.default_rng(3).normal(size=(64, 64))
    found = bx.label_stats(labels, spread + 1e9, ("var", "mean"))
    near = bx.label_stats(labels, (spread + 1e9) - 1e9, ("var", "mean"))
    np.testing.assert_allclose(found["var"], near["var"], rtol=1e-13)
    np.testing.assert_allclose(found["mean"] - 1e9, near["mean"], atol=2e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["random", "runs"])
def test_constants_have_no_variance(dtype, kind):
    labels = make_labels((90, 80), 6, kind=kind)
    image = (labels * 0.1 + 1e9).astype(dtype)
    found = bx.label_stats(labels, image, ("var", "mean"))
    np.testing.assert_array_equal(found["var"], 0)
    firsts = [image[labels == label][0] for label in found["label"]]
    np.testing.assert_array_equal(found["mean"], np.array(firsts))


def test_huge_values_do_not_overflow():
    top = np.finfo(np.float64).max
    image = np.array([top, top, -top, top / 2, 1.0, 2.0, top, top])
    labels = np.array([1, 1, 2, 2, 3, 3, 4, 4])
    found = bx.label_stats(labels, image, ("mean", "min"))
    np.testing.assert_allclose(found["mean"], [top, -top / 4, 1.5, top], rtol=1e-15)


def test_more_samples_than_a_narrow_sum_holds():
    image = np.full((4100, 4200), 255, np.uint8)  # beyond 2^24 pixels and 2^32 in a sum
    labels = np.ones(image.shape, np.uint8)
    labels[::2, ::2] = 2
    found = bx.label_stats(labels, image, ("count", "sum", "mean", "var"))
    np.testing.assert_array_equal(found["count"], [image.size * 3 // 4, image.size // 4])
    np.testing.assert_array_equal(found["sum"], found["count"] * 255)
    np.testing.assert_array_equal(found["mean"], 255)
    np.testing.assert_array_equal(found["var"], 0)
