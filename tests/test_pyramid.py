"""pyramid: every level is reduced from the exact sums of the image."""

import numpy as np
import pytest

import boxel as bx
import oracle
from agreement import assert_agrees, assert_same_bits
from cases import (
    DTYPES,
    FLOATS,
    INTEGERS,
    LAYOUTS,
    make_image,
    make_image_with_specials,
    make_weights,
    make_where,
)

STATISTICS = tuple(oracle.STATISTICS)
SHAPES = ((), (1,), (13,), (7, 19), (5, 6, 7), (16, 8), (0, 4))


def shapes_of(levels):
    return [level.shape for level in levels]


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("boundary", ["partial", "trim", "pad"])
def test_levels_are_those_of_the_oracle(boundary, dtype, statistic):
    for shape in SHAPES:
        image = make_image(dtype, shape)
        levels = bx.pyramid(image, 2, statistic, boundary=boundary)
        sizes = oracle.pyramid_sizes(shape, 2, boundary=boundary)
        assert type(levels) is list
        assert len(levels) == len(sizes)
        for level, size in zip(levels, sizes, strict=True):
            assert_agrees(level, image, size, statistic, boundary=boundary)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_levels_have_the_bits_of_block_reduce(dtype, statistic):
    image = make_image(dtype, (61, 130))
    for level, found in enumerate(bx.pyramid(image, 3, statistic), start=1):
        assert_same_bits(found, bx.block_reduce(image, 3**level, statistic))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("skipna", [False, True])
def test_nan_and_infinities(skipna, dtype):
    image = make_image_with_specials(dtype, (13, 18))
    for statistic in STATISTICS:
        levels = bx.pyramid(image, 2, statistic, skipna=skipna, levels=3)
        for level, found in enumerate(levels, start=1):
            assert_agrees(found, image, (2**level,) * 2, statistic, skipna=skipna)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_options_reach_every_level(statistic):
    image = make_image("float32", (13, 18))
    options = {"where": make_where(image.shape), "min_count": 3, "fill_value": 1, "ddof": 1}
    if statistic not in ("median", "mode"):
        options["weights"] = make_weights(image.shape)
    for boundary in ("partial", "pad"):
        levels = bx.pyramid(image, 2, statistic, levels=4, boundary=boundary, **options)
        for level, found in enumerate(levels, start=1):
            size = (2**level,) * 2
            assert_agrees(found, image, size, statistic, boundary=boundary, **options)


def test_padding_of_every_level():
    image = make_image("uint8", (13, 18))
    for statistic in STATISTICS:
        levels = bx.pyramid(image, 3, statistic, levels=3, boundary="pad", cval=7)
        for level, found in enumerate(levels, start=1):
            assert_agrees(found, image, (3**level,) * 2, statistic, boundary="pad", cval=7)


def test_rounding_does_not_compound():
    # Rounding every level to uint8 would lose the single bright samples one after another.
    image = np.zeros((64, 64), dtype=np.uint8)
    image[::8, ::8] = 130
    levels = bx.pyramid(image, 2, dtype=np.uint8)
    assert levels[2].tolist() == [[2] * 8] * 8
    assert levels[-1].tolist() == [[2]]
    image = np.random.default_rng(4).integers(0, 256, (256, 256)).astype(np.uint8)
    assert bx.pyramid(image, 2, dtype=np.uint8)[-1].item() == round(image.mean())


@pytest.mark.parametrize("dtype", DTYPES)
def test_result_dtype(dtype):
    image = make_image(dtype, (8, 8))
    for statistic in STATISTICS:
        for found in bx.pyramid(image, 2, statistic):
            assert found.dtype == oracle.result_dtype(statistic, dtype)
    for found in bx.pyramid(make_image("uint8", (8, 8)), 2, dtype=dtype):
        assert found.dtype == dtype


# How many levels ----------------------------------------------------------------------------------


def test_levels_end_when_every_axis_is_one_sample():
    image = np.ones((13, 4))
    assert shapes_of(bx.pyramid(image)) == [(7, 2), (4, 1), (2, 1), (1, 1)]
    assert shapes_of(bx.pyramid(np.ones((1, 1)))) == []
    assert shapes_of(bx.pyramid(np.ones(()))) == []
    assert shapes_of(bx.pyramid(np.ones(8), 3)) == [(3,), (1,)]


def test_min_size():
    image = np.ones((40, 13))
    assert shapes_of(bx.pyramid(image, min_size=13)) == [(20, 7), (10, 4)]
    assert shapes_of(bx.pyramid(image, min_size=40)) == []
    assert shapes_of(bx.pyramid(image, min_size=39)) == [(20, 7)]
    assert shapes_of(bx.pyramid(image, min_size=13, axes=1)) == []


@pytest.mark.parametrize("min_size", [1, 2, 3, 4, 5, 16])
def test_min_size_is_that_of_the_level_that_is_there(min_size):
    """With "trim" a level is shorter than its blocks would cover."""
    for length in range(1, 140):
        levels = bx.pyramid(np.ones(length, np.uint8), min_size=min_size, boundary="trim")
        before = [length, *(level.size for level in levels)]
        assert all(size > min_size for size in before[:-1])
        assert before[-1] <= min_size or before[-1] == 1


def test_trim_stops_before_an_empty_level():
    assert shapes_of(bx.pyramid(np.ones((13, 4)), boundary="trim")) == [(6, 2), (3, 1)]
    assert shapes_of(bx.pyramid(np.ones((13, 1)), boundary="trim")) == []
    assert shapes_of(bx.pyramid(np.ones((13, 4)), boundary="trim", levels=2)) == [(6, 2), (3, 1)]


def test_exact_stops_before_an_inexact_level():
    assert shapes_of(bx.pyramid(np.ones((12, 8)), boundary="exact")) == [(6, 4), (3, 2)]
    assert shapes_of(bx.pyramid(np.ones((9, 8)), boundary="exact")) == []


def test_levels():
    image = np.ones((13, 4))
    assert bx.pyramid(image, levels=0) == []
    assert shapes_of(bx.pyramid(image, levels=2)) == [(7, 2), (4, 1)]
    assert shapes_of(bx.pyramid(image, levels=6))[3:] == [(1, 1), (1, 1), (1, 1)]
    assert shapes_of(bx.pyramid(image, 1, levels=2)) == [(13, 4), (13, 4)]
    # Blocks far beyond 64 bits are the whole image.
    assert bx.pyramid(image, 2**40, "sum", levels=3)[2].tolist() == [[52]]


def test_factor_per_axis():
    image = make_image("int16", (12, 9))
    levels = bx.pyramid(image, (2, 3))
    assert shapes_of(levels) == [(6, 3), (3, 1), (2, 1), (1, 1)]
    for level, found in enumerate(levels, start=1):
        assert_agrees(found, image, (2**level, 3**level), "mean")


def test_axis_with_factor_one_does_not_go_on_for_ever():
    image = make_image("int16", (12, 9))
    levels = bx.pyramid(image, (1, 2), "sum")
    assert shapes_of(levels) == [(12, 5), (12, 3), (12, 2), (12, 1)]
    for level, found in enumerate(levels, start=1):
        assert_agrees(found, image, (1, 2**level), "sum")


def test_factor_per_level():
    image = make_image("int16", (24, 18))
    levels = bx.pyramid(image, [2, (1, 3), 2], "sum")
    assert shapes_of(levels) == [(12, 9), (12, 3), (6, 2)]
    for size, found in zip([(2, 2), (2, 6), (4, 12)], levels, strict=True):
        assert_agrees(found, image, size, "sum")
    assert shapes_of(bx.pyramid(image, [2, (1, 3), 2], levels=2)) == [(12, 9), (12, 3)]
    assert shapes_of(bx.pyramid(image, [(2, 2)])) == [(12, 9)]
    assert bx.pyramid(image, []) == []


def test_axes():
    image = make_image("int16", (24, 18, 3))
    for axes, sizes in [((0, 1), (2, 2, 1)), (-1, (1, 1, 2)), ((1, 0), (2, 2, 1))]:
        levels = bx.pyramid(image, 2, "sum", axes=axes, levels=2)
        for level, found in enumerate(levels, start=1):
            assert_agrees(found, image, tuple(size**level for size in sizes), "sum")
    levels = bx.pyramid(image, (3, 2), "sum", axes=(1, 0), levels=1)
    assert_agrees(levels[0], image, (2, 3, 1), "sum")
    assert shapes_of(bx.pyramid(image, axes=2)) == [(24, 18, 2), (24, 18, 1)]


# Many statistics, layouts, workers ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
def test_many_statistics_are_a_list_of_dicts(dtype):
    image = make_image(dtype, (13, 18))
    levels = bx.pyramid(image, 2, STATISTICS, levels=3)
    assert len(levels) == 3
    for level, found in enumerate(levels, start=1):
        assert list(found) == list(STATISTICS)
        for name, value in found.items():
            assert_agrees(value, image, (2**level,) * 2, name)


def test_numpy_function():
    image = make_image("float32", (13, 18))
    for found, expected in zip(
        bx.pyramid(image, 2, np.max), bx.pyramid(image, 2, "max"), strict=True
    ):
        assert_same_bits(found, expected)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_layouts(dtype, layout):
    image = make_image(dtype, (13, 18))
    for statistic in STATISTICS:
        for level, found in enumerate(bx.pyramid(LAYOUTS[layout](image), 2, statistic), start=1):
            assert_agrees(found, image, (2**level,) * 2, statistic)


@pytest.mark.parametrize("workers", [2, 3, 5])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_same_bits_for_every_number_of_workers(dtype, workers):
    image = make_image(dtype, (300, 1021))
    for statistic in ("mean", "var", "min", "median"):
        expected = bx.pyramid(image, 2, statistic, workers=1)
        found = bx.pyramid(image, 2, statistic, workers=workers)
        for one, many in zip(expected, found, strict=True):
            assert_same_bits(many, one)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_constants_stay_constant(dtype):
    image = np.full((100, 77), 0.1, dtype=dtype)
    for found in bx.pyramid(image, 2, ("mean", "var", "std")):
        assert (found["mean"] == image[0, 0]).all()
        assert not found["var"].any()
        assert not found["std"].any()


def test_variance_of_every_level_at_a_large_offset():
    ripple = np.random.default_rng(1).integers(0, 10, (64, 100))
    levels = bx.pyramid(ripple + 1e9, 2, "var")
    for level, found in enumerate(levels, start=1):
        expected = oracle.block_reduce(ripple, (2**level,) * 2, "var")
        np.testing.assert_allclose(found, expected, rtol=1e-13)
