"""voxel_mean, voxel_var, voxel_std and voxel_mean_var against exact arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest

import boxel as bx
from agreement import assert_agrees, assert_same_bits
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

FUNCTIONS = {"mean": bx.voxel_mean, "var": bx.voxel_var, "std": bx.voxel_std}
AXES = (-1, 0, 1, (0, 2), (-1, 0), (0, 1, 2), None, ())
SHAPES = ((5, 4, 3), (1, 6, 2), (3, 1, 70), (70, 2, 3), (2, 70, 20))
WIDTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 31, 33, 64, 100, 257, 1000)


def sizes_of(shape, axis):
    axes = (
        range(len(shape)) if axis is None else [each % len(shape) for each in np.atleast_1d(axis)]
    )
    return tuple(length if each in axes else 1 for each, length in enumerate(shape))


def expect_shape(shape, axis):
    return np.empty(shape, bool).any(axis=axis).shape


@pytest.mark.parametrize("statistic", FUNCTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", AXES, ids=str)
def test_statistic(axis, dtype, statistic):
    axis = tuple(int(each) for each in axis) if isinstance(axis, tuple) else axis
    for shape in SHAPES:
        stack = make_image(dtype, shape)
        kept = FUNCTIONS[statistic](stack, axis, keepdims=True)
        assert_agrees(kept, stack, sizes_of(shape, axis), statistic)
        found = FUNCTIONS[statistic](stack, axis)
        assert found.shape == expect_shape(shape, axis)
        assert_same_bits(found, kept.reshape(found.shape))


@pytest.mark.parametrize("dtype", DTYPES)
def test_stack_of_no_dimension(dtype):
    sample = np.array(1, dtype)
    assert bx.voxel_mean(sample, axis=None) == 1
    assert bx.voxel_var(sample, axis=()) == 0
    assert bx.voxel_var(sample, axis=()).shape == ()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("skipna", [False, True])
@pytest.mark.parametrize("axis", [-1, 0], ids=str)
def test_nan_and_infinities(axis, skipna, dtype):
    for shape in ((6, 40, 7), (20, 33)):
        stack = make_image_with_specials(dtype, shape)
        for statistic, function in FUNCTIONS.items():
            found = function(stack, axis, skipna=skipna, keepdims=True)
            assert_agrees(found, stack, sizes_of(shape, axis), statistic, skipna=skipna)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [-1, 0, (0, 2)], ids=str)
@pytest.mark.parametrize("option", ["where", "masked array", "weights", "both", "skipna"])
def test_options(option, axis, dtype):
    shape = (5, 6, 4)
    stack = make_image(dtype, shape)
    where = make_where(shape)
    weights = make_weights(shape)
    options = {
        "where": {"where": where},
        "masked array": {},
        "weights": {"weights": weights},
        "both": {"weights": weights, "where": where},
        "skipna": {"skipna": True},
    }[option]
    given = np.ma.array(stack, mask=~where) if option == "masked array" else stack
    for statistic, function in FUNCTIONS.items():
        for ddof in (0, 1, 0.5) if statistic != "mean" else (0,):
            more = {"ddof": ddof} if ddof else {}
            found = function(given, axis, keepdims=True, **more, **options)
            assert_agrees(found, given, sizes_of(shape, axis), statistic, ddof=ddof, **options)


@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_mean_and_var_of_one_pass_are_those_of_two(dtype, axis):
    for stack in (make_image(dtype, (30, 40, 20)), make_image(dtype, (3, 2))):
        mean, var = bx.voxel_mean_var(stack, axis, ddof=1)
        assert_same_bits(mean, bx.voxel_mean(stack, axis))
        assert_same_bits(var, bx.voxel_var(stack, axis, ddof=1))


# The same registry as that of blocks --------------------------------------------------------------


@pytest.mark.parametrize("statistic", FUNCTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_blocks_that_span_the_axis(dtype, statistic):
    for shape, axes in (((40, 50, 20), (2,)), ((20, 70, 30), (0,)), ((6, 30, 5, 40), (0, 2))):
        stack = make_image(dtype, shape)
        sizes = tuple(n if axis in axes else 1 for axis, n in enumerate(shape))
        blocks = bx.block_reduce(stack, sizes, statistic)
        assert_same_bits(FUNCTIONS[statistic](stack, axes), blocks.squeeze(axes))


# Widths and layouts: rows are cut, transposed and prefetched differently --------------------------


def exact_moments(stack):
    """Return the mean and the variance of each row as fractions."""
    moments = []
    for row in stack.reshape(-1, stack.shape[-1]):
        samples = [Fraction(sample) for sample in row.tolist()]
        mean = sum(samples) / len(samples)
        moments.append((mean, sum((s - mean) ** 2 for s in samples) / len(samples)))
    return moments


def ulps(found, expected):
    """Return the distance in units of the last place of a float64."""
    if expected == 0:
        return 0.0 if found == 0 else math.inf
    return float(abs(Fraction(float(found)) - expected) / Fraction(math.ulp(float(expected))))


def layouts_of(stack):
    """Return the stack and axis of the samples, last and first."""
    yield stack, -1
    yield np.ascontiguousarray(np.moveaxis(stack, -1, 0)), 0
    yield np.asfortranarray(stack), -1


@pytest.mark.parametrize("offset", [0, 1e9])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_few_ulp(width, dtype, offset):
    if offset and dtype == "float16":
        offset = 1024
    generator = np.random.default_rng([width, int(offset)])
    scale = 100 if offset and dtype == "float32" else 1
    stack = generator.normal(offset, scale, (3, 67 if width < 100 else 5, width)).astype(dtype)
    expected = exact_moments(stack)
    for view, axis in layouts_of(stack):
        mean, var = bx.voxel_mean_var(view, axis, dtype="float64")
        for found_mean, found_var, (exact_mean, exact_var) in zip(
            mean.ravel(), var.ravel(), expected, strict=True
        ):
            # A group of eight samples may lose three bits to its first one.
            assert ulps(found_var, exact_var) <= 16
            # Around zero a mean has the last place of its samples, not its own.
            allowed = 2 * math.ulp(float(np.abs(stack).max()))
            assert abs(Fraction(float(found_mean)) - exact_mean) <= allowed


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "bool"])
@pytest.mark.parametrize("width", WIDTHS)
def test_integers_are_rounded_once(width, dtype):
    stack = make_image(dtype, (2, 67 if width < 100 else 5, width))
    expected = exact_moments(stack.astype(np.int64))
    for view, axis in layouts_of(stack):
        mean, var = bx.voxel_mean_var(view, axis)
        assert mean.ravel().tolist() == [float(exact) for exact, _ in expected]
        assert var.ravel().tolist() == [float(exact) for _, exact in expected]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_layouts(dtype, layout):
    for shape in ((4, 70, 5), (3, 41, 20), (7, 3, 66)):
        stack = make_image(dtype, shape)
        laid = LAYOUTS[layout](stack)
        for axis in (-1, 0, (0, 2)):
            for statistic, function in FUNCTIONS.items():
                found = function(laid, axis, keepdims=True)
                assert_agrees(found, stack, sizes_of(shape, axis), statistic)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_layouts_with_a_mask(dtype, layout):
    shape = (3, 41, 20)
    stack = make_image(dtype, shape)
    where = make_where(shape)
    for axis in (-1, 0):
        found = bx.voxel_var(LAYOUTS[layout](stack), axis, where=LAYOUTS[layout](where))
        expected = bx.voxel_var(stack, axis, where=where)
        np.testing.assert_allclose(found, expected, rtol=2e-6 if stack.itemsize < 8 else 1e-13)


@pytest.mark.parametrize("kind", BROADCASTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_broadcast_stacks(dtype, kind):
    shape = (4, 30, 9)
    stack = BROADCASTS[kind](make_image(dtype, shape))
    for axis in (-1, 0):
        for statistic, function in FUNCTIONS.items():
            found = function(stack, axis, keepdims=True)
            assert_agrees(found, stack, sizes_of(shape, axis), statistic)


@pytest.mark.parametrize("dtype", DTYPES)
def test_volumes_of_a_power_of_two(dtype):
    """Frames that fall into the same cache sets, and rows of whole pages."""
    stack = make_image(dtype, (9, 64, 256))
    last = np.ascontiguousarray(np.moveaxis(stack, 0, -1))
    for function in FUNCTIONS.values():
        first_axis, last_axis = function(stack, 0), function(last, -1)
        if stack.dtype.kind == "f":
            np.testing.assert_allclose(first_axis, last_axis, rtol=2e-6, atol=1e-13)
        else:
            assert_same_bits(first_axis, last_axis)
