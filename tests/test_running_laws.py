"""Laws of running statistics, found or broken by hypothesis."""

import itertools
import pickle

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import boxel as bx
from boxel import _core
from cases import DTYPES, FLOATS, INTEGERS
from subprocesses import run_script

hypothesis.settings.register_profile("boxel", deadline=None, max_examples=80, derandomize=True)
hypothesis.settings.load_profile("boxel")

COUNTINGS = ("uniform", "counted", "weighted")


@st.composite
def stacks(draw, dtypes=DTYPES, specials=False, least=1):
    """Draw a stack of samples, the first axis along them, and how they are counted."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, max_side=5))
    count = draw(st.integers(least, 20))
    elements = None
    if dtype.kind == "f":
        finite = hnp.from_dtype(dtype, min_value=-1024, max_value=1024, allow_subnormal=False)
        special = st.sampled_from([np.nan, np.inf, -np.inf])
        elements = st.one_of(finite, special) if specials else finite
    stack = draw(hnp.arrays(dtype, (count, *shape), elements=elements))
    return stack, draw(st.sampled_from(COUNTINGS)), draw(st.integers(0, 2**32 - 1))


def options_of(counting, shape, seed):
    rng = np.random.default_rng(seed)
    options = {} if counting == "uniform" else {"where": rng.random(shape) < 0.7}
    if counting == "weighted":
        options["weights"] = np.round(rng.random(shape), 2)
    return options


def made(stack, options, parts=(), **kept):
    """Return statistics of a stack, cut at `parts`."""
    stats = bx.RunningStats(stack.shape[1:], dtype=stack.dtype, **kept)
    edges = [0, *sorted(parts), len(stack)]
    for start, stop in itertools.pairwise(edges):
        cut = {name: each[start:stop] for name, each in options.items()}
        stats.update_many(stack[start:stop], **cut)
    return stats


def readings(stats):
    yield "mean", stats.mean, 1
    if stats.moments > 1:
        yield "var", stats.var(), 2


def assert_close(found, wanted, stack):
    """Equal to the rounding that another order may make."""
    wide = np.abs(stack.astype(np.float64))
    scale = float(wide.max(initial=0, where=np.isfinite(wide)))
    single = stack.dtype in (np.float16, np.float32)
    for (name, one, power), (_, other, _) in zip(readings(found), readings(wanted), strict=True):
        atol = (1e-6 if single else 1e-13) * scale**power
        np.testing.assert_allclose(
            one, other, rtol=1e-6 if single else 1e-12, atol=atol, err_msg=name
        )
    np.testing.assert_array_equal(found.count, wanted.count)


def assert_same_bits(found, wanted):
    for (name, one, _), (_, other, _) in zip(readings(found), readings(wanted), strict=True):
        assert one.tobytes() == other.tobytes(), name
    np.testing.assert_array_equal(found.count, wanted.count)


@given(drawn=stacks(), cut=st.integers(0, 20), moments=st.integers(1, 4))
def test_merge_is_concatenation(drawn, cut, moments):
    stack, counting, seed = drawn
    options = options_of(counting, stack.shape, seed)
    whole = made(stack, options, moments=moments)
    first, second = (
        made(stack[part], {name: each[part] for name, each in options.items()}, moments=moments)
        for part in (slice(cut), slice(cut, None))
    )
    assert_close(first + second, whole, stack)
    assert_close(second + first, whole, stack)
    assert_close(made(stack, options, [min(cut, len(stack))], moments=moments), whole, stack)


@given(drawn=stacks(INTEGERS), cuts=st.lists(st.integers(0, 20), max_size=3), data=st.data())
def test_integers_have_the_same_bits_in_every_order_and_part(drawn, cuts, data):
    stack, counting, seed = drawn
    counting = "counted" if counting == "weighted" else counting
    options = options_of(counting, stack.shape, seed)
    whole = made(stack, options)
    order = data.draw(st.permutations(range(len(stack))))
    shuffled = {name: each[order] for name, each in options.items()}
    parts = [min(cut, len(stack)) for cut in cuts]
    assert_same_bits(made(stack[order], shuffled, parts), whole)


@given(drawn=stacks(FLOATS), data=st.data())
def test_order_does_not_matter_to_the_bound(drawn, data):
    stack, counting, seed = drawn
    options = options_of(counting, stack.shape, seed)
    order = data.draw(st.permutations(range(len(stack))))
    shuffled = {name: each[order] for name, each in options.items()}
    assert_close(made(stack[order], shuffled), made(stack, options), stack)


@given(drawn=stacks(specials=True, least=0), moments=st.integers(1, 4))
def test_empty_statistics_change_nothing(drawn, moments):
    stack, counting, seed = drawn
    stats = made(stack, options_of(counting, stack.shape, seed), moments=moments)
    empty = bx.RunningStats(dtype=stack.dtype, moments=moments)
    assert_same_bits(stats + empty, stats)
    assert_same_bits(empty + stats, stats)


@given(drawn=stacks(specials=True, least=0), moments=st.integers(1, 4))
def test_pickles_keep_every_bit(drawn, moments):
    stack, counting, seed = drawn
    stats = made(stack, options_of(counting, stack.shape, seed), moments=moments)
    assert_same_bits(pickle.loads(pickle.dumps(stats)), stats)


@given(drawn=stacks(FLOATS, specials=True), data=st.data())
def test_a_voxel_sees_only_its_own_samples(drawn, data):
    stack, counting, seed = drawn
    hypothesis.assume(stack[0].size > 0)
    options = options_of(counting, stack.shape, seed)
    stats = made(stack, options)
    voxel = tuple(data.draw(st.integers(0, n - 1)) for n in stack.shape[1:])
    changed = stack.copy()
    special = data.draw(st.sampled_from([np.nan, np.inf, -np.inf, 0.5]))
    changed[(slice(None), *voxel)] = special
    other = made(changed, options)
    for (_, one, _), (_, two, _) in zip(readings(stats), readings(other), strict=True):
        one, two = one.copy(), two.copy()
        one[voxel] = two[voxel] = 0
        assert one.tobytes() == two.tobytes()


@given(drawn=stacks(FLOATS))
def test_means_lie_among_their_samples_and_variances_are_not_negative(drawn):
    stack, counting, seed = drawn
    counting = "counted" if counting == "weighted" else counting
    options = options_of(counting, stack.shape, seed)
    stats = made(stack, options, extremes=True)
    some = np.broadcast_to(stats.count, stack.shape[1:]) > 0
    assert (stats.mean[some] >= stats.min[some]).all()
    assert (stats.mean[some] <= stats.max[some]).all()
    assert (stats.var()[some] >= 0).all()


@given(drawn=stacks(), moments=st.integers(1, 2))
def test_weights_of_one_are_no_weights(drawn, moments):
    stack, _, _ = drawn
    plain = made(stack, {}, moments=moments)
    weighted = made(stack, {"weights": np.ones(stack.shape)}, moments=moments)
    wide = stack.astype(np.float64)
    hypothesis.assume(stack.dtype.kind == "f" or np.abs(wide).max(initial=0) < 2**50)
    assert_close(weighted, plain, stack)


@given(drawn=stacks(), moments=st.integers(1, 2))
def test_a_span_is_a_block(drawn, moments):
    """The variance over the samples is that of a block that spans their axis."""
    stack, _, _ = drawn
    stats = made(stack, {}, moments=moments)
    block = bx.block_reduce(stack, len(stack), ("mean", "var"), axes=0)
    single = stack.dtype in (np.float16, np.float32)
    scale = np.abs(stack.astype(np.float64)).max(initial=0)
    for name, found, power in readings(stats):
        atol = (1e-6 if single else 1e-13) * scale**power
        np.testing.assert_allclose(found, block[name][0], rtol=1e-6 if single else 1e-12, atol=atol)
    if stack.dtype.kind != "f":
        assert stats.mean.tobytes() == block["mean"][0].tobytes()


@pytest.mark.parametrize("instruction_set", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("counting", COUNTINGS)
def test_same_bits_for_every_instruction_set(instruction_set, counting):
    if instruction_set not in _core.instruction_sets():
        pytest.skip(f"this processor has no {instruction_set}")
    script = """
        import hashlib, sys
        import numpy as np, boxel as bx
        digest = hashlib.sha256()
        rng = np.random.default_rng(0)
        for moments in (1, 2, 3, 4):
            for dtype in ("uint8", "int16", "int64", "float16", "float32", "float64"):
                stack = (rng.standard_normal((19, 7, 41)) * 30 + 40).astype(dtype)
                options = {}
                if sys.argv[1] != "uniform":
                    options["where"] = rng.random(stack.shape) < 0.8
                if sys.argv[1] == "weighted":
                    options["weights"] = rng.random(stack.shape)
                stats = bx.RunningStats(moments=moments, dtype=dtype)
                stats.update_many(stack[:11], **{k: v[:11] for k, v in options.items()})
                other = bx.RunningStats(moments=moments, dtype=dtype)
                other.update_many(stack[11:], **{k: v[11:] for k, v in options.items()})
                stats += other
                digest.update(stats.mean.tobytes())
                if moments > 1: digest.update(stats.var(1).tobytes())
                if moments > 2: digest.update(stats.skewness().tobytes())
                if moments > 3: digest.update(stats.kurtosis().tobytes())
        print(digest.hexdigest())
    """
    found = run_script(script, counting, environment={"BOXEL_ISA": instruction_set})
    assert found == run_script(script, counting, environment={"BOXEL_ISA": "x86-64-v2"})
