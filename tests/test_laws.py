"""Laws that hold for any image, found or broken by hypothesis."""

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import boxel as bx
import oracle
from agreement import assert_same_bits
from cases import BOUNDARIES, DTYPES, FLOATS, INTEGERS

STATISTICS = tuple(oracle.STATISTICS)
WEIGHTED = tuple(name for name in STATISTICS if name not in ("median", "mode"))

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered")
hypothesis.settings.register_profile("boxel", deadline=None, max_examples=100, derandomize=True)
hypothesis.settings.load_profile("boxel")


@st.composite
def problems(draw, dtypes=DTYPES, max_dims=4, min_side=0, specials=False):
    """Draw an image and a block size of as many axes."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=max_dims, min_side=min_side, max_side=9))
    elements = {}
    if dtype.kind == "f":
        # Sums of squares stay finite, so that rounding bounds mean something.
        finite = hnp.from_dtype(dtype, min_value=-1024, max_value=1024, allow_subnormal=False)
        special = st.sampled_from([np.nan, np.inf, -np.inf, -0.0])
        elements["elements"] = st.one_of(finite, special) if specials else finite
    image = draw(hnp.arrays(dtype, shape, **elements))
    block_size = tuple(draw(st.integers(1, side + 2)) for side in shape)
    return image, block_size


def rounding_bound(image, block_size):
    """Return how far two orders of summation in float64 may lie apart, in sums and in means."""
    wide = np.abs(image.astype(np.float64))
    samples = np.prod([min(n, b) for n, b in zip(image.shape, block_size, strict=True)])
    return 4 * samples * 2.0**-53 * bx.block_reduce(wide, block_size, "sum")


def assert_close(found, expected, image):
    """Equal to the rounding that two orders of summation may differ by."""
    wide = image.astype(np.float64)
    scale = float(np.abs(wide).max(initial=0, where=np.isfinite(wide)))
    rtol = 1e-6 if expected.dtype == np.float32 else 1e-11
    assert found.dtype == expected.dtype
    # A variance is of the second power.
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12 * max(scale, scale**2))


def assert_equal_or_close(found, expected, image):
    """Equal, or close where floats were added up: there the order may differ."""
    if image.dtype.kind == "f" and expected.dtype.kind == "f":
        assert_close(found, expected, image)
    else:
        np.testing.assert_array_equal(found, expected)


@given(problem=problems(INTEGERS, min_side=1), data=st.data())
def test_integer_chunks_cut_at_block_borders_have_the_same_bits(problem, data):
    image, block_size = problem
    axis = data.draw(st.integers(0, image.ndim - 1))
    cut = data.draw(st.integers(1, 4)) * block_size[axis]
    whole = bx.block_reduce(image, block_size, STATISTICS)
    before, after = np.split(image, [min(cut, image.shape[axis])], axis=axis)
    parts = [bx.block_reduce(part, block_size, STATISTICS) for part in (before, after)]
    for name in STATISTICS:
        assert_same_bits(np.concatenate([part[name] for part in parts], axis=axis), whole[name])


@given(problem=problems(FLOATS, min_side=1), data=st.data())
def test_float_chunks_cut_at_block_borders_agree_to_the_bound(problem, data):
    image, block_size = problem
    axis = data.draw(st.integers(0, image.ndim - 1))
    cut = data.draw(st.integers(1, 4)) * block_size[axis]
    before, after = np.split(image, [min(cut, image.shape[axis])], axis=axis)
    bound = rounding_bound(image, block_size)
    names = ("sum", "mean", "min", "max", "count_nonzero", "density", "median", "mode")
    wide = dict.fromkeys(("sum", "mean"), np.float64)
    whole = bx.block_reduce(image, block_size, names, dtype=wide)
    parts = [bx.block_reduce(part, block_size, names, dtype=wide) for part in (before, after)]
    for name in names:
        joined = np.concatenate([part[name] for part in parts], axis=axis)
        if name in wide:
            assert (np.abs(joined - whole[name]) <= bound).all()
        else:
            np.testing.assert_array_equal(joined, whole[name])


@given(problem=problems(INTEGERS, min_side=1), data=st.data())
def test_chunks_cut_anywhere_add_up(problem, data):
    image, _ = problem
    axis = data.draw(st.integers(0, image.ndim - 1))
    cut = data.draw(st.integers(0, image.shape[axis]))
    parts = np.split(image, [cut], axis=axis)
    everything = [bx.block_reduce(part, image.shape, ("sum", "count_nonzero")) for part in parts]
    whole = bx.block_reduce(image, image.shape, ("sum", "count_nonzero"))
    for name in whole:
        # The sums wrap past 64 bits, as the whole image's does.
        joined = np.concatenate([part[name].ravel() for part in everything]).sum()
        assert joined == whole[name].item()


@given(problem=problems(specials=True), workers=st.integers(1, 5))
def test_any_number_of_workers_gives_the_same_bits(problem, workers):
    image, block_size = problem
    expected = bx.block_reduce(image, block_size, STATISTICS, workers=1)
    found = bx.block_reduce(image, block_size, STATISTICS, workers=workers)
    for name in STATISTICS:
        assert_same_bits(found[name], expected[name])


@given(problem=problems(FLOATS, min_side=1, specials=True), data=st.data())
def test_a_nan_touches_one_block(problem, data):
    image, block_size = problem
    place = tuple(data.draw(st.integers(0, side - 1)) for side in image.shape)
    before = bx.block_reduce(image, block_size, STATISTICS)
    spoiled = image.copy()
    spoiled[place] = np.nan
    after = bx.block_reduce(spoiled, block_size, STATISTICS)
    block = tuple(index // size for index, size in zip(place, block_size, strict=True))
    for name in ("sum", "mean", "min", "max", "var", "std", "median", "mode"):
        assert np.isnan(after[name][block])
    for name in STATISTICS:
        after[name][block] = before[name][block]
        np.testing.assert_array_equal(after[name], before[name])


@given(problem=problems(), data=st.data())
def test_permuting_the_axes_permutes_the_result(problem, data):
    image, block_size = problem
    order = data.draw(st.permutations(range(image.ndim)))
    turned = image.transpose(order)
    sizes = tuple(block_size[axis] for axis in order)
    expected = bx.block_reduce(image, block_size, STATISTICS)
    found = bx.block_reduce(turned, sizes, STATISTICS)
    for name in STATISTICS:
        assert_equal_or_close(found[name], expected[name].transpose(order), image)
        # Naming the axes is permuting the block size.
        named = bx.block_reduce(image, sizes, name, axes=order)
        assert_same_bits(named, bx.block_reduce(image, block_size, name))


@given(problem=problems(specials=True), boundary=st.sampled_from(("partial", "trim", "pad")))
def test_where_true_everywhere_is_no_where(problem, boundary):
    image, block_size = problem
    where = np.ones(image.shape, dtype=bool)
    expected = bx.block_reduce(image, block_size, STATISTICS, boundary=boundary)
    found = bx.block_reduce(image, block_size, STATISTICS, boundary=boundary, where=where)
    for name in STATISTICS:
        assert_equal_or_close(found[name], expected[name], image)


@given(problem=problems(), boundary=st.sampled_from(("partial", "trim", "pad")))
def test_weights_of_one_are_no_weights(problem, boundary):
    image, block_size = problem
    weights = np.ones(image.shape)
    expected = bx.block_reduce(image, block_size, WEIGHTED, boundary=boundary)
    found = bx.block_reduce(image, block_size, WEIGHTED, boundary=boundary, weights=weights)
    for name in WEIGHTED:
        if name == "sum" and image.dtype.kind in "biu":
            # Without weights it is an integer that wraps, with weights it is a float.
            if image.dtype.itemsize < 8:
                np.testing.assert_array_equal(found[name], expected[name])
        elif name in ("mean", "var", "std"):
            assert_close(found[name], expected[name], image)
        else:
            assert_equal_or_close(found[name], expected[name], image)


@given(problem=problems(min_side=1), seed=st.integers(0, 2**16))
def test_where_is_a_weight_of_zero_or_one(problem, seed):
    image, block_size = problem
    where = np.random.default_rng(seed).random(image.shape) < 0.5
    options = {"min_count": 0, "fill_value": 1}
    names = ("count", "count_nonzero", "any", "all", "min", "max", "density")
    expected = bx.block_reduce(image, block_size, names, where=where, **options)
    found = bx.block_reduce(image, block_size, names, weights=where, **options)
    for name in names:
        np.testing.assert_array_equal(found[name], expected[name])


@given(problem=problems(FLOATS, specials=True))
def test_skipna_is_where_not_nan(problem):
    image, block_size = problem
    options = {"min_count": 0, "fill_value": 1}
    expected = bx.block_reduce(image, block_size, STATISTICS, where=~np.isnan(image), **options)
    found = bx.block_reduce(image, block_size, STATISTICS, skipna=True, **options)
    for name in STATISTICS:
        assert_equal_or_close(found[name], expected[name], image)


@given(problem=problems(specials=True))
def test_density_is_the_mean_of_nonzero(problem):
    image, block_size = problem
    expected = bx.block_reduce(image != 0, block_size, "mean", dtype=np.float64)
    found = bx.block_reduce(image, block_size, "density", dtype=np.float64)
    assert_same_bits(found, expected)
    assert_same_bits(bx.density_map(image, block_size, dtype=np.float64), expected)


@given(problem=problems(INTEGERS))
def test_statistics_fit_together(problem):
    image, block_size = problem
    found = bx.block_reduce(image, block_size, STATISTICS)
    assert (found["min"] <= found["median"]).all()
    assert (found["median"] <= found["max"]).all()
    assert (found["any"] == (found["count_nonzero"] > 0)).all()
    assert (found["all"] == (found["count_nonzero"] == found["count"])).all()
    np.testing.assert_array_equal(found["density"], found["count_nonzero"] / found["count"])
    assert (found["var"] >= 0).all()
    np.testing.assert_allclose(found["std"] ** 2, found["var"], rtol=1e-14)
    assert ((found["var"] == 0) == (found["min"] == found["max"])).all()


@given(problem=problems(), boundary=st.sampled_from(BOUNDARIES))
def test_blocks_of_one_sample_are_the_image(problem, boundary):
    image, _ = problem
    found = bx.block_reduce(image, 1, ("min", "max", "median", "mode"), boundary=boundary)
    for value in found.values():
        np.testing.assert_array_equal(value, image)
    assert not bx.block_reduce(image, 1, "var", boundary=boundary).any()


@given(problem=problems(INTEGERS, min_side=1), factor=st.integers(2, 3))
def test_pyramid_level_is_a_block_reduction_of_the_image(problem, factor):
    image, _ = problem
    for name in STATISTICS:
        for level, found in enumerate(bx.pyramid(image, factor, name, levels=3), start=1):
            assert_same_bits(found, bx.block_reduce(image, factor**level, name))


@given(problem=problems(FLOATS, min_side=1), factor=st.integers(2, 3))
def test_pyramid_level_of_floats_agrees_to_the_bound(problem, factor):
    image, _ = problem
    for name in ("sum", "mean"):
        levels = bx.pyramid(image, factor, name, levels=3, dtype=np.float64)
        for level, found in enumerate(levels, start=1):
            block_size = (factor**level,) * image.ndim
            expected = bx.block_reduce(image, block_size, name, dtype=np.float64)
            assert (np.abs(found - expected) <= rounding_bound(image, block_size)).all()


@given(problem=problems(INTEGERS, min_side=1), first=st.integers(1, 3), second=st.integers(1, 3))
def test_blocks_of_blocks_are_blocks(problem, first, second):
    image, _ = problem
    for name in ("sum", "min", "max", "any", "all"):
        once = bx.block_reduce(image, first * second, name)
        twice = bx.block_reduce(bx.block_reduce(image, first, name), second, name)
        assert_same_bits(twice, once)


@given(problem=problems(FLOATS, min_side=1, max_dims=2), shift=st.integers(-(2**20), 2**20))
def test_variance_does_not_see_an_offset(problem, shift):
    image, block_size = problem
    # Quarters keep every sum below exact, so the two images differ by the offset alone.
    image = np.round(image.astype(np.float64) * 4) / 4
    expected = bx.block_reduce(image, block_size, "var")
    found = bx.block_reduce(image + shift, block_size, "var")
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=0)
