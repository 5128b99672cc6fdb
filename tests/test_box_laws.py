"""Laws that hold for the boxes of any image, found or broken by hypothesis."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import box_oracle
import boxel as bx
from agreement import assert_same_bits
from box_agreement import stated_sum_bound
from box_cases import MODES
from cases import DTYPES, FLOATS, INTEGERS
from test_laws import assert_equal_or_close, problems

STATISTICS = box_oracle.STATISTICS
REPEATING = ("reflect", "mirror", "nearest", "wrap")
# NumPy's names for the same rules.
NUMPY_PADDING = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap"}

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered")


@st.composite
def box_problems(draw, dtypes=DTYPES, modes=MODES, inside=False, **options):
    """Draw an image, and size, origin and mode of a box for each of its axes."""
    image, _ = draw(problems(dtypes, max_dims=3, **{"min_side": 1, **options}))
    longest = [side if inside else 2 * side + 3 for side in image.shape]
    sizes = tuple(draw(st.integers(1, length)) for length in longest)
    origins = tuple(draw(st.sampled_from(box_oracle.legal_origins(size))) for size in sizes)
    chosen = [draw(st.sampled_from(modes)) for _ in image.shape]
    if {"constant", "shrink"} <= set(chosen):
        # What stands at the corners would be anyone's guess; it is refused.
        chosen = ["wrap" if mode == "shrink" else mode for mode in chosen]
    return image, sizes, {"origin": origins, "mode": tuple(chosen)}


def sum_bound(image, sizes, **options):
    """Return how far two sums of the same boxes may lie apart by the stated bound."""
    magnitudes = bx.box_filter(np.abs(image.astype(np.float64)), sizes, "sum", **options)
    return 2 * stated_sum_bound(magnitudes, sizes)


def assert_close_to_the_bound(found, expected, bound, sizes):
    """Compare statistics by name: sums and means to the bound, the others by value."""
    for name in expected:
        if name == "sum":
            assert (np.abs(found[name] - expected[name]) <= bound).all()
        elif name == "mean":
            # A mean may be built from differences, which are up to twice as large.
            assert (np.abs(found[name] - expected[name]) * math.prod(sizes) <= 3 * bound).all()
        else:
            np.testing.assert_array_equal(found[name], expected[name])


BOUND = ("sum", "mean", "min", "max", "count_nonzero", "density", "any", "all")
WIDE = dict.fromkeys(("sum", "mean"), np.float64)


# Locality -----------------------------------------------------------------------------------------


@given(problem=box_problems(specials=True), data=st.data())
def test_samples_outside_the_box_change_nothing(problem, data):
    image, sizes, options = problem
    before = bx.box_filter(image, sizes, STATISTICS, **options)
    if not before["sum"].size:
        return
    output = tuple(data.draw(st.integers(0, side - 1)) for side in before["sum"].shape)
    holds = np.zeros(image.shape, dtype=bool)
    plans = zip(image.shape, sizes, options["mode"], options["origin"], output, strict=True)
    boxes = [box_oracle.sources(*plan)[index] for *plan, index in plans]
    inside = [[index for index in box if index != box_oracle.OUTSIDE] for box in boxes]
    holds[np.ix_(*inside)] = True
    values = [np.nan, np.inf, -np.inf, 1e4] if image.dtype.kind == "f" else [0, 1]
    if image.dtype.kind in "iu":
        values += [np.iinfo(image.dtype).min, np.iinfo(image.dtype).max]
    spoiled = np.where(holds, image, np.asarray(data.draw(st.sampled_from(values)), image.dtype))
    after = bx.box_filter(spoiled, sizes, STATISTICS, **options)
    for name in STATISTICS:
        one, other = after[name][output], before[name][output]
        assert one.tobytes() == other.tobytes() or (one != one and other != other), name
        alone = [bx.box_filter(each, sizes, name, **options) for each in (spoiled, image)]
        one, other = (each[output] for each in alone)
        assert one.tobytes() == other.tobytes() or (one != one and other != other), name


@given(problem=box_problems(FLOATS, modes=[mode for mode in MODES if mode != "valid"]),
       data=st.data())  # fmt: skip
def test_a_nan_touches_the_boxes_that_hold_it(problem, data):
    image, sizes, options = problem
    place = tuple(data.draw(st.integers(0, side - 1)) for side in image.shape)
    before = bx.box_filter(image, sizes, STATISTICS, **options)
    spoiled = image.copy()
    spoiled[place] = np.nan
    after = bx.box_filter(spoiled, sizes, STATISTICS, **options)
    held = box_oracle.touched(place, image.shape, sizes, options["mode"], options["origin"])
    for name in STATISTICS:
        if name in ("sum", "mean", "min", "max", "var", "std"):
            assert np.isnan(after[name][held]).all()
        assert_same_bits(after[name][~held], before[name][~held])


# Shifts, chunks, padding --------------------------------------------------------------------------


@given(problem=box_problems(INTEGERS, modes=["valid"], inside=True), data=st.data())
def test_a_shift_of_integers_shifts_the_result(problem, data):
    image, sizes, options = problem
    cut = tuple(slice(data.draw(st.integers(0, side - 1)), None) for side in image.shape)
    whole = bx.box_filter(image, sizes, STATISTICS, **options)
    part = bx.box_filter(image[cut], sizes, STATISTICS, **options)
    for name in STATISTICS:
        rest = whole[name][cut]
        assert_same_bits(part[name], rest if rest.size else rest.reshape(part[name].shape))


@given(problem=box_problems(FLOATS, modes=["valid"], inside=True), data=st.data())
def test_a_shift_of_floats_shifts_the_result(problem, data):
    image, sizes, options = problem
    cut = tuple(slice(data.draw(st.integers(0, side - 1)), None) for side in image.shape)
    whole = bx.box_filter(image, sizes, BOUND, dtype=WIDE, **options)
    part = bx.box_filter(image[cut], sizes, BOUND, dtype=WIDE, **options)
    if part["sum"].size:
        shifted = {name: whole[name][cut] for name in BOUND}
        bound = sum_bound(image, sizes, **options)[cut]
        assert_close_to_the_bound(part, shifted, bound, sizes)


@given(problem=box_problems(INTEGERS, modes=["wrap"]), data=st.data())
def test_a_wrapped_image_may_be_rolled(problem, data):
    image, sizes, options = problem
    axes = tuple(range(image.ndim))
    shift = tuple(data.draw(st.integers(-9, 9)) for _ in axes)
    expected = bx.box_filter(image, sizes, STATISTICS, **options)
    found = bx.box_filter(np.roll(image, shift, axes), sizes, STATISTICS, **options)
    for name in STATISTICS:
        assert_same_bits(found[name], np.roll(expected[name], shift, axes))


@given(problem=box_problems(modes=[mode for mode in MODES if mode != "valid"]), data=st.data())
def test_chunks_with_overlap_are_the_whole(problem, data):
    image, sizes, options = problem
    axis = data.draw(st.integers(0, image.ndim - 1))
    size, origin = sizes[axis], options["origin"][axis]
    before, after = size // 2 + origin, (size - 1) // 2 - origin
    # A mode is at work where the image ends, and not where a chunk does.
    modes = ["wrap" if mode == "constant" else mode for mode in options["mode"]]
    modes[axis] = "shrink"
    options["mode"] = tuple(modes)
    cut = data.draw(st.integers(0, image.shape[axis]))
    parts = []
    for start, stop in ((0, cut), (cut, image.shape[axis])):
        first, last = max(start - before, 0), min(stop + after, image.shape[axis])
        chunk = image.take(range(first, last), axis) if stop > start else None
        if chunk is not None:
            found = bx.box_filter(chunk, sizes, BOUND, dtype=WIDE, **options)
            kept = range(start - first, stop - first)
            parts.append({name: found[name].take(kept, axis) for name in BOUND})
    whole = bx.box_filter(image, sizes, BOUND, dtype=WIDE, **options)
    joined = {name: np.concatenate([part[name] for part in parts], axis) for name in BOUND}
    if image.dtype.kind == "f":
        assert_close_to_the_bound(joined, whole, sum_bound(image, sizes, **options), sizes)
    else:
        for name in BOUND:
            assert_same_bits(joined[name], whole[name])


@given(problem=box_problems(modes=REPEATING))
def test_a_mode_is_padding(problem):
    image, sizes, options = problem
    padded = image
    for axis, (size, origin, mode) in enumerate(
        zip(sizes, options["origin"], options["mode"], strict=True)
    ):
        pads = [(0, 0)] * image.ndim
        pads[axis] = (size // 2 + origin, (size - 1) // 2 - origin)
        padded = np.pad(padded, pads, mode=NUMPY_PADDING[mode])
    expected = bx.box_filter(padded, sizes, BOUND, dtype=WIDE, mode="valid")
    found = bx.box_filter(image, sizes, BOUND, dtype=WIDE, **options)
    if image.dtype.kind == "f":
        assert_close_to_the_bound(found, expected, sum_bound(image, sizes, **options), sizes)
    else:
        for name in BOUND:
            assert_same_bits(found[name], expected[name])


@given(problem=box_problems(modes=["shrink"]), cval=st.integers(0, 1))
def test_shrinking_is_padding_that_does_not_count(problem, cval):
    image, sizes, options = problem
    pads = [(size, size) for size in sizes]
    padded = np.pad(image, pads, constant_values=np.asarray(cval, image.dtype))
    where = np.pad(np.ones(image.shape, dtype=bool), pads)
    inside = tuple(slice(size, -size) for size in sizes)
    found = bx.box_filter(image, sizes, STATISTICS, **options)
    options["mode"] = "constant"
    expected = bx.box_filter(padded, sizes, STATISTICS, where=where, fill_value=1, **options)
    for name in STATISTICS:
        assert_equal_or_close(found[name], expected[name][inside], image)


# Axes ---------------------------------------------------------------------------------------------


@given(problem=box_problems(), data=st.data())
def test_the_order_of_axes_does_not_matter(problem, data):
    image, sizes, options = problem
    order = data.draw(st.permutations(range(image.ndim)))
    turned = {name: tuple(value[axis] for axis in order) for name, value in options.items()}
    turned_sizes = tuple(sizes[axis] for axis in order)
    expected = bx.box_filter(image, sizes, BOUND, dtype=WIDE, **options)
    permuted = {name: value.transpose(order) for name, value in expected.items()}
    found = bx.box_filter(image.transpose(order), turned_sizes, BOUND, dtype=WIDE, **turned)
    if image.dtype.kind == "f":
        bound = sum_bound(image, sizes, **options).transpose(order)
        assert_close_to_the_bound(found, permuted, bound, sizes)
    else:
        for name in BOUND:
            assert_same_bits(found[name], permuted[name])
    # Naming the axes is permuting what goes with them.
    named = bx.box_filter(image, turned_sizes, "mean", axes=order, **turned)
    assert_same_bits(named, bx.box_filter(image, sizes, "mean", **options))


@given(problem=box_problems(), data=st.data())
def test_one_axis_after_the_other(problem, data):
    image, sizes, options = problem
    order = data.draw(st.permutations(range(image.ndim)))
    for name in ("min", "max", "any", "all", "sum"):
        result = image
        for axis in order:
            one = {key: value[axis] for key, value in options.items()}
            dtype = None if image.dtype.kind in "biu" or name != "sum" else np.float64
            result = bx.box_filter(result, sizes[axis], name, axes=axis, dtype=dtype, **one)
        expected = bx.box_filter(image, sizes, name, dtype=dtype, **options)
        if name == "sum" and image.dtype.kind == "f":
            # Each axis rounds once more than the boxes at once.
            bound = image.ndim * sum_bound(image, sizes, **options)
            assert (np.abs(result - expected) <= bound).all()
        elif "constant" not in options["mode"]:
            assert_same_bits(result, expected)


@given(problem=box_problems(INTEGERS))
def test_a_turned_image_has_a_turned_result(problem):
    image, sizes, options = problem
    flip = (slice(None, None, -1),) * image.ndim
    turned = dict(options)
    # An even box has one sample more before its own than after it.
    turned["origin"] = tuple(
        -origin if size % 2 else -origin - 1
        for size, origin in zip(sizes, options["origin"], strict=True)
    )
    expected = bx.box_filter(image, sizes, STATISTICS, **options)
    found = bx.box_filter(image[flip], sizes, STATISTICS, **turned)
    for name in STATISTICS:
        assert_same_bits(found[name], expected[name][flip])


# Statistics, strides, options ---------------------------------------------------------------------


@given(problem=box_problems(specials=True), names=st.permutations(STATISTICS))
def test_a_tuple_is_each_of_its_statistics(problem, names):
    image, sizes, options = problem
    for asked in (names, names[:2], names[:3]):
        together = bx.box_filter(image, sizes, asked, **options)
        assert list(together) == asked
        for name in asked:
            alone = bx.box_filter(image, sizes, name, **options)
            assert_equal_or_close(together[name], alone, image)


@given(problem=box_problems(specials=True), data=st.data())
def test_a_stride_takes_every_other_result(problem, data):
    image, sizes, options = problem
    strides = tuple(data.draw(st.integers(1, side + 2)) for side in image.shape)
    taken = tuple(slice(None, None, stride) for stride in strides)
    expected = bx.box_filter(image, sizes, STATISTICS, **options)
    found = bx.box_filter(image, sizes, STATISTICS, stride=strides, **options)
    for name in STATISTICS:
        np.testing.assert_array_equal(found[name], expected[name][taken])
        assert found[name].shape == expected[name][taken].shape


@given(problem=box_problems(specials=True, modes=["valid"], inside=True))
def test_strides_of_a_box_are_blocks(problem):
    image, sizes, options = problem
    expected = bx.block_reduce(image, sizes, STATISTICS, boundary="trim")
    found = bx.box_filter(image, sizes, STATISTICS, stride=sizes, **options)
    for name in STATISTICS:
        assert_equal_or_close(found[name], expected[name], image)


@given(problem=box_problems(specials=True))
def test_where_true_everywhere_is_no_where(problem):
    image, sizes, options = problem
    where = np.ones(image.shape, dtype=bool)
    expected = bx.box_filter(image, sizes, STATISTICS, **options)
    found = bx.box_filter(image, sizes, STATISTICS, where=where, **options)
    for name in STATISTICS:
        assert_equal_or_close(found[name], expected[name], image)


@given(problem=box_problems(FLOATS, specials=True))
def test_skipna_is_where_not_nan(problem):
    image, sizes, options = problem
    options |= {"min_count": 0, "fill_value": 1}
    expected = bx.box_filter(image, sizes, STATISTICS, where=~np.isnan(image), **options)
    found = bx.box_filter(image, sizes, STATISTICS, skipna=True, **options)
    for name in STATISTICS:
        assert_equal_or_close(found[name], expected[name], image)


@given(problem=box_problems(specials=True), workers=st.integers(2, 5))
def test_any_number_of_workers_gives_the_same_bits(problem, workers):
    image, sizes, options = problem
    expected = bx.box_filter(image, sizes, STATISTICS, workers=1, **options)
    found = bx.box_filter(image, sizes, STATISTICS, workers=workers, **options)
    for name in STATISTICS:
        assert_same_bits(found[name], expected[name])


@given(problem=box_problems(specials=True))
def test_density_is_the_mean_of_nonzero(problem):
    image, sizes, options = problem
    expected = bx.box_filter(image != 0, sizes, "mean", dtype=np.float64, **options)
    found = bx.box_filter(image, sizes, "density", dtype=np.float64, **options)
    assert_same_bits(found, expected)
    expected = bx.density_map(image, sizes, stride=1, boundary="trim")
    assert_same_bits(bx.box_filter(image, sizes, "density", mode="valid"), expected)


@given(problem=box_problems(INTEGERS))
def test_statistics_fit_together(problem):
    image, sizes, options = problem
    found = bx.box_filter(image, sizes, STATISTICS, **options)
    assert (found["min"].astype(np.float64) <= found["mean"]).all()
    assert (found["mean"] <= found["max"].astype(np.float64)).all()
    assert (found["any"] == (found["count_nonzero"] > 0)).all()
    assert (found["all"] == (found["count_nonzero"] == found["count"])).all()
    np.testing.assert_array_equal(found["density"], found["count_nonzero"] / found["count"])
    assert (found["var"] >= 0).all()
    np.testing.assert_allclose(found["std"] ** 2, found["var"], rtol=1e-14)
    assert ((found["var"] == 0) == (found["min"] == found["max"])).all()


@given(problem=box_problems(specials=True))
def test_boxes_of_one_sample_are_the_image(problem):
    image, _, options = problem
    mode = options["mode"]
    found = bx.box_filter(image, 1, ("min", "max", "count"), mode=mode)
    np.testing.assert_array_equal(found["min"], image)
    np.testing.assert_array_equal(found["max"], image)
    assert (found["count"] == 1).all()


@given(problem=box_problems(FLOATS), shift=st.integers(-(2**20), 2**20))
def test_variance_does_not_see_an_offset(problem, shift):
    image, sizes, options = problem
    # Quarters keep every sum below exact, so the two images differ by the offset alone.
    image = np.round(image.astype(np.float64) * 4) / 4
    options["mode"] = tuple("shrink" if mode == "constant" else mode for mode in options["mode"])
    expected = bx.box_filter(image, sizes, "var", **options)
    found = bx.box_filter(image + shift, sizes, "var", **options)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=0)
