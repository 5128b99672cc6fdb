"""Laws of voxel statistics that hold for any stack, found or broken by hypothesis."""

import hypothesis
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import boxel as bx
from agreement import assert_same_bits
from cases import DTYPES, INTEGERS

hypothesis.settings.register_profile("boxel", deadline=None, max_examples=100, derandomize=True)
hypothesis.settings.load_profile("boxel")

FUNCTIONS = st.sampled_from([bx.voxel_mean, bx.voxel_var, bx.voxel_std])


@st.composite
def stacks(draw, dtypes=DTYPES, min_side=1):
    """Draw a stack and some of its axes."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=min_side, max_side=9))
    elements = None
    if dtype.kind == "f":
        elements = hnp.from_dtype(dtype, min_value=-1024, max_value=1024, allow_subnormal=False)
    stack = draw(hnp.arrays(dtype, shape, elements=elements))
    axes = draw(st.lists(st.integers(0, len(shape) - 1), unique=True, min_size=1))
    return stack, tuple(axes)


def assert_near(found, expected, stack):
    """Equal to the rounding of another order of additions."""
    scale = 1 + float(np.abs(stack.astype(np.float64)).max(initial=0)) ** 2
    rtol = 1e-6 if found.dtype == np.float32 else 1e-11
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12 * scale)


@given(stacks(), FUNCTIONS)
def test_shape_is_that_of_numpy(problem, function):
    stack, axes = problem
    assert function(stack, axes).shape == np.any(stack, axis=axes).shape
    assert function(stack, axes, keepdims=True).shape == np.any(stack, axes, keepdims=True).shape


@given(stacks(), FUNCTIONS)
def test_moved_axes_move_the_result(problem, function):
    stack, axes = problem
    moved = np.moveaxis(stack, axes, range(-len(axes), 0))
    last = tuple(range(-len(axes), 0))
    assert_same_bits(function(moved, last), function(stack, sorted(axes)))
    assert_near(function(np.ascontiguousarray(moved), last), function(stack, axes), stack)


@given(stacks(INTEGERS), FUNCTIONS, st.randoms(use_true_random=False))
def test_order_of_integer_samples_does_not_matter(problem, function, random):
    stack, axes = problem
    axis = axes[0]
    order = list(range(stack.shape[axis]))
    random.shuffle(order)
    assert_same_bits(function(np.take(stack, order, axis), axis), function(stack, axis))


@given(stacks())
def test_variance_is_that_around_the_mean(problem):
    stack, axes = problem
    mean, var = bx.voxel_mean_var(stack, axes, keepdims=True, dtype=np.float64)
    scaled = stack.astype(np.float64) - mean
    assert_near(var, bx.voxel_mean(scaled * scaled, axes, keepdims=True), stack)
    assert (var >= 0).all()


@given(stacks())
def test_mean_lies_within_the_samples(problem):
    stack, axes = problem
    mean = bx.voxel_mean(stack, axes)
    assert (mean >= stack.min(axes).astype(mean.dtype)).all()
    assert (mean <= stack.max(axes).astype(mean.dtype)).all()


@given(stacks(), FUNCTIONS, st.data())
def test_left_out_samples_do_not_count(problem, function, data):
    stack, axes = problem
    axis = axes[0]
    where = data.draw(hnp.arrays(bool, stack.shape[axis]))
    placed = where.reshape([-1 if each == axis else 1 for each in range(stack.ndim)])
    found = function(stack, axis, where=placed)
    kept = np.compress(where, stack, axis)
    assert_near(found, function(kept, axis), stack)
    assert_same_bits(function(np.ma.array(stack, mask=np.broadcast_to(~placed, stack.shape)), axis),
                     found)  # fmt: skip


@given(stacks(), st.integers(1, 4))
def test_equal_weights_change_nothing(problem, weight):
    stack, axes = problem
    mean, var = bx.voxel_mean_var(stack, axes)
    weighted_mean, weighted_var = bx.voxel_mean_var(stack, axes, weights=np.float64(weight))
    assert_near(weighted_mean, mean, stack)
    assert_near(weighted_var, var, stack)


@given(stacks(), FUNCTIONS)
def test_equals_blocks_that_span(problem, function):
    stack, axes = problem
    sizes = tuple(n if axis in axes else 1 for axis, n in enumerate(stack.shape))
    name = function.__name__.removeprefix("voxel_")
    assert_same_bits(function(stack, axes, keepdims=True), bx.block_reduce(stack, sizes, name))


@given(stacks(), st.sampled_from([0, 1, 2.5]))
def test_std_is_the_root_of_var(problem, ddof):
    stack, axes = problem
    var = bx.voxel_var(stack, axes, ddof=ddof, dtype=np.float64)
    std = bx.voxel_std(stack, axes, ddof=ddof, dtype=np.float64)
    np.testing.assert_allclose(std, np.sqrt(var), rtol=3e-16)
