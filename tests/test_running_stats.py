"""`RunningStats` against exact moments: dtypes, layouts, masks, weights, merges."""

import itertools
import threading

import numpy as np
import pytest

import boxel as bx
import moment_oracle
from cases import DTYPES, FLOATS, INTEGERS, LAYOUTS

SHAPE = (3, 5)
MOMENTS = ("mean", "var", "std", "sem", "skewness", "kurtosis")


def samples(dtype, count=11, shape=SHAPE, seed=0):
    """Return samples of every magnitude that the oracle can hold exactly."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random((count, *shape)) < 0.4
    if np.dtype(dtype).kind in "iu":
        bounds = np.iinfo(dtype)
        return rng.integers(bounds.min, bounds.max, (count, *shape), dtype, endpoint=True)
    return (rng.standard_normal((count, *shape)) * 8 + 100).astype(dtype)


def reading(stats, statistic, ddof):
    value = getattr(stats, statistic)
    if statistic in ("var", "std", "sem"):
        return value(ddof)
    return value() if statistic in ("skewness", "kurtosis") else value


def assert_right(stats, stack, *, weights=None, include=None, rtol=1e-14):
    """Compare all that is kept with the exact values."""
    single = stats.dtype in (np.float16, np.float32)
    rtol = max(rtol, 2e-7) if single else rtol
    # A mean may be much smaller than its samples; the shape of a distribution has no unit.
    largest = np.abs(np.where(np.isfinite(stack), stack, 0).astype(np.float64)).max()
    scale = {"mean": largest, "var": 0, "std": 0, "sem": 0, "skewness": 20, "kurtosis": 20}
    kept = MOMENTS[: {1: 1, 2: 4, 3: 5, 4: 6}[stats.moments]]
    for statistic in kept:
        for ddof in (0, 1, 2.5) if statistic in ("var", "std", "sem") else (0,):
            found = reading(stats, statistic, ddof)
            assert found.dtype == (np.float32 if single else np.float64)
            wanted = moment_oracle.of_voxels(statistic, stack, weights, include, ddof)
            np.testing.assert_allclose(
                found, wanted, rtol=rtol, atol=rtol * scale[statistic], err_msg=statistic
            )
    counts = moment_oracle.of_voxels("count", stack, weights, include)
    np.testing.assert_array_equal(np.broadcast_to(stats.count, stack.shape[1:]), counts)


@pytest.mark.parametrize("moments", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kept", ["float64", "own"])
def test_every_dtype(dtype, moments, kept):
    stack = samples(dtype)
    stats = bx.RunningStats(moments=moments, dtype=dtype if kept == "own" else "float64")
    for sample in stack[:4]:
        assert stats.update(sample) is stats
    stats.update_many(stack[4:])
    taken = stack
    if kept == "float64" or moments > 2:
        # 64-bit integers are rounded to float64 before anything else.
        taken = stack.astype(np.float64) if dtype in ("int64", "uint64") else stack
    assert_right(stats, taken, rtol=2e-14 if moments < 3 else 5e-13)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_exact_in_every_order_and_part(dtype):
    stack = samples(dtype, 40)
    whole = bx.RunningStats(dtype=dtype).update_many(stack)
    one_by_one = bx.RunningStats(dtype=dtype)
    for sample in stack[::-1]:
        one_by_one.update(sample)
    parts = [bx.RunningStats(dtype=dtype).update_many(part) for part in np.split(stack, [3, 21])]
    merged = parts[2] + parts[0] + parts[1]
    for stats in (one_by_one, merged):
        np.testing.assert_array_equal(stats.mean, whole.mean)
        np.testing.assert_array_equal(stats.var(), whole.var())
    block = bx.block_reduce(stack, len(stack), ("mean", "var"), axes=0)
    np.testing.assert_array_equal(whole.mean, block["mean"][0])
    np.testing.assert_array_equal(whole.var(), block["var"][0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("moments", [1, 2, 3, 4])
@pytest.mark.parametrize("way", ["where", "masked", "both"])
def test_left_out_samples(dtype, moments, way):
    stack = samples(dtype)
    rng = np.random.default_rng(1)
    include = rng.random(stack.shape) < 0.6
    include[:, 0, 0] = False
    include[:, 0, 1] = np.arange(len(stack)) == 4
    kept = bx.RunningStats(moments=moments, dtype=dtype)
    # Who leaves a sample out, where both could.
    by_where = rng.random(stack.shape) < {"where": 1, "masked": 0, "both": 0.5}[way]
    where = include | ~by_where if way != "masked" else None
    given = stack if way == "where" else np.ma.masked_array(stack, ~include & ~by_where)
    kept.update_many(given[:5], where=None if where is None else where[:5])
    for index in range(5, len(stack)):
        kept.update(given[index], where=None if where is None else where[index])
    taken = stack
    if moments > 2 and dtype in ("int64", "uint64"):
        taken = stack.astype(np.float64)
    assert_right(kept, taken, include=include, rtol=1e-13 if moments < 3 else 2e-12)
    assert kept.count[0, 0] == 0
    assert np.isnan(kept.mean[0, 0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("moments", [1, 2, 3, 4])
def test_weights(dtype, moments):
    stack = samples(dtype)
    weights = np.random.default_rng(2).random(stack.shape)
    weights[3] = 0
    stats = bx.RunningStats(moments=moments, dtype=dtype)
    stats.update_many(stack[:6], weights=weights[:6])
    for sample, weight in zip(stack[6:], weights[6:], strict=True):
        stats.update(sample, weights=weight)
    taken = stack.astype(np.float64)
    assert_right(stats, taken, weights=weights, rtol=1e-13 if moments < 3 else 2e-12)


def test_weights_of_whole_samples():
    stack = samples("float64", 4, (2, 3))
    weights = [1.0, 0.5, 0.0, 2.0]
    many = bx.RunningStats().update_many(stack, weights=weights)
    last = bx.RunningStats().update_many(np.moveaxis(stack, 0, -1), axis=-1, weights=weights)
    single = bx.RunningStats()
    for sample, weight in zip(stack, weights, strict=True):
        single.update(sample, weights=weight)
    for stats in (many, last, single):
        np.testing.assert_array_equal(stats.count, 3)
        np.testing.assert_allclose(stats.mean, np.average(stack, axis=0, weights=weights))
    equal = bx.RunningStats().update_many(stack, weights=np.full(4, 0.25))
    plain = bx.RunningStats().update_many(stack)
    np.testing.assert_allclose(equal.var(1), plain.var(1), rtol=1e-13)
    np.testing.assert_allclose(equal.sem(), plain.sem(), rtol=1e-13)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint64", "float16", "float32", "float64"])
@pytest.mark.parametrize("moments", [1, 2, 3, 4])
def test_ways_of_counting_follow_one_another(dtype, moments):
    """What came before masks and weights counts as before."""
    stack = samples(dtype, 12)
    stack = stack if dtype != "uint64" else stack >> np.uint64(12)
    include = np.random.default_rng(3).random(stack.shape) < 0.7
    include[:4] = True
    weights = np.ones(stack.shape)
    weights[8:] = np.random.default_rng(4).random(stack[8:].shape)
    stats = bx.RunningStats(moments=moments, dtype=dtype, extremes=True)
    stats.update_many(stack[:4])
    assert stats.count == 4
    stats.update_many(stack[4:8], where=include[4:8])
    assert_right(stats, stack[:8], include=include[:8], rtol=1e-12)
    stats.update_many(stack[8:10], where=include[8:10], weights=weights[8:10])
    stats.update(stack[10], weights=weights[10], where=include[10])
    weights[11] = 1
    stats.update(stack[11], where=include[11])
    assert_right(stats, stack, include=include, weights=weights, rtol=1e-12)
    np.testing.assert_array_equal(stats.min, stack.min(axis=0, where=include, initial=stack.max()))
    np.testing.assert_array_equal(stats.max, stack.max(axis=0, where=include, initial=stack.min()))
    assert stats.min.dtype == dtype


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("moments", [1, 2, 4])
def test_nan_is_left_out_or_stays_local(dtype, moments):
    stack = samples(dtype)
    stack[2, 1, 1] = np.nan
    stack[:, 2, 2] = np.nan
    skipped = bx.RunningStats(moments=moments, dtype=dtype, skipna=True, extremes=True)
    skipped.update_many(stack[:6]).update_many(stack[6:])
    include = ~np.isnan(stack)
    assert_right(skipped, stack, include=include, rtol=1e-12)
    np.testing.assert_array_equal(skipped.min, np.fmin.reduce(stack))
    kept = bx.RunningStats(moments=moments, dtype=dtype, extremes=True)
    kept.update_many(stack[:6]).update_many(stack[6:])
    nan = ~include.all(axis=0)
    for found in (kept.mean, kept.max, *([kept.var()] if moments > 1 else [])):
        np.testing.assert_array_equal(np.isnan(found), nan)


@pytest.mark.parametrize("moments", [1, 2, 3, 4])
@pytest.mark.parametrize("counting", ["uniform", "counted", "weighted"])
@pytest.mark.parametrize("sign", [1, -1])
def test_infinity(moments, counting, sign):
    stack = samples("float64")
    stack[3, 0, 0] = sign * np.inf
    stack[0, 1, 0] = sign * np.inf
    stack[[2, 9], 2, 0] = np.inf, -np.inf
    options = {"uniform": {}, "counted": {"where": True}, "weighted": {"weights": 1.0}}[counting]
    stats = bx.RunningStats(moments=moments)
    for sample in stack[:5]:
        stats.update(sample, **options)
    stats.update_many(stack[5:], **options)
    assert stats.mean[0, 0] == stats.mean[1, 0] == sign * np.inf
    assert np.isnan(stats.mean[2, 0])
    assert np.isfinite(stats.mean[:, 1:]).all()
    if moments > 1:
        assert np.isnan(stats.var()[:, 0]).all()
        assert np.isfinite(stats.var()[:, 1:]).all()
    if moments > 3:
        assert np.isnan(stats.kurtosis()[:, 0]).all()
        assert np.isfinite(stats.kurtosis()[:, 1:]).all()


@pytest.mark.parametrize("moments", [2, 4])
@pytest.mark.parametrize("counting", ["uniform", "counted", "weighted"])
@pytest.mark.parametrize("offset", [0.0, 1e9, -1e15])
def test_offsets_and_constants(moments, counting, offset):
    rng = np.random.default_rng(5)
    stack = rng.standard_normal((37, 64)) + offset
    stack[:, 3] = offset + 0.1
    options = {"uniform": {}, "counted": {"where": True}, "weighted": {"weights": 1.0}}[counting]
    stats = bx.RunningStats(moments=moments)
    for start, stop in itertools.pairwise([0, 1, 2, 5, 13, 30, 37]):
        stats.update_many(stack[start:stop], **options)
    wanted = moment_oracle.of_voxels("var", stack)
    np.testing.assert_allclose(stats.var(), wanted, rtol=1e-12)
    assert stats.var()[3] == 0
    assert stats.mean[3] == stack[0, 3]
    assert (stats.var() >= 0).all()
    if moments == 4:
        wanted = moment_oracle.of_voxels("kurtosis", stack)
        np.testing.assert_allclose(stats.kurtosis(), wanted, rtol=1e-10, atol=1e-10)
        assert np.isnan(stats.kurtosis()[3])


@pytest.mark.parametrize("moments", [1, 2, 4])
def test_large_numbers_do_not_overflow(moments):
    stack = np.full((20, 4), 1.5e308)
    stack[::2, 1] *= -1
    stats = bx.RunningStats(moments=moments).update_many(stack[:7])
    stats += bx.RunningStats(moments=moments).update_many(stack[7:])
    np.testing.assert_array_equal(stats.mean[[0, 2, 3]], 1.5e308)
    assert abs(stats.mean[1]) <= 1.5e308
    if moments > 1:
        np.testing.assert_array_equal(stats.var()[[0, 2, 3]], 0)


@pytest.mark.parametrize("layout", [*LAYOUTS, "samples last"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "float16", "float32", "float64"])
def test_layouts(layout, dtype):
    stack = samples(dtype, 9, (4, 6, 70))
    wanted = bx.RunningStats(extremes=True).update_many(stack)
    stats = bx.RunningStats(extremes=True)
    if layout == "samples last":
        stats.update_many(np.ascontiguousarray(np.moveaxis(stack, 0, -1)), axis=-1)
    else:
        stats.update_many(LAYOUTS[layout](stack))
    for statistic in ("mean", "min", "max"):
        np.testing.assert_array_equal(getattr(stats, statistic), getattr(wanted, statistic))
    np.testing.assert_array_equal(stats.var(), wanted.var())
    # Later samples may lie in another way.
    stats.update(np.asfortranarray(stack[0]))
    wanted.update(stack[0])
    np.testing.assert_allclose(stats.var(), wanted.var(), rtol=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
def test_results_lie_as_samples_do(order):
    sample = np.zeros((3, 4, 5), order=order)
    mean = bx.RunningStats().update(sample).mean
    assert mean.flags.c_contiguous == (order == "C")
    assert mean.flags.f_contiguous == (order == "F")


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (2, 1, 3), (1, 1)])
def test_odd_shapes(shape):
    stats = bx.RunningStats(moments=4, extremes=True)
    rng = np.random.default_rng(6)
    stack = rng.random((6, *shape))
    for sample in stack[:3]:
        stats.update(sample)
    stats.update_many(stack[3:])
    assert stats.shape == shape
    assert stats.mean.shape == stats.var().shape == stats.kurtosis().shape == shape
    np.testing.assert_allclose(stats.mean, stack.mean(axis=0))
    np.testing.assert_array_equal(stats.max, stack.max(axis=0))
    merged = stats + stats
    assert merged.count == 12
    np.testing.assert_allclose(merged.var(), stack.var(axis=0))


def test_empty_stack_and_no_samples():
    stats = bx.RunningStats((2, 3), moments=4)
    assert stats.count == 0
    for value in (stats.mean, stats.var(), stats.sem(), stats.skewness(), stats.kurtosis()):
        assert value.shape == (2, 3)
        assert np.isnan(value).all()
    stats.update_many(np.empty((0, 2, 3)))
    assert stats.count == 0
    assert np.isnan(stats.var()).all()
    stats.update_many(np.ones((2, 2, 3)))
    np.testing.assert_array_equal(stats.var(), 0)
    assert np.isnan(bx.RunningStats().update(3.0).var(ddof=1))


@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
@pytest.mark.parametrize("moments", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "ways", list(itertools.product(["uniform", "counted", "weighted"], repeat=2)), ids="-".join
)
def test_merge_of_unequal_parts(dtype, moments, ways):
    """Unequal counts and means, in every way of counting."""
    first, second = samples(dtype, 5, seed=7), samples(dtype, 13, seed=8)
    if dtype != "int16":
        second += 1000
    rng = np.random.default_rng(9)
    include, weights, parts = [], [], []
    for stack, way in zip((first, second), ways, strict=True):
        keep = rng.random(stack.shape) < 0.8 if way != "uniform" else np.ones(stack.shape, bool)
        load = rng.random(stack.shape) if way == "weighted" else np.ones(stack.shape)
        options = {} if way == "uniform" else {"where": keep}
        if way == "weighted":
            options["weights"] = load
        part = bx.RunningStats(moments=moments, dtype=dtype, extremes=True)
        parts.append(part.update_many(stack, **options))
        include.append(keep)
        weights.append(load)
    before = parts[1].mean
    merged = parts[0] + parts[1]
    np.testing.assert_array_equal(parts[1].mean, before)
    stack = np.concatenate([first, second])
    include, weights = np.concatenate(include), np.concatenate(weights)
    given = weights if "weighted" in ways else None
    assert_right(
        merged, stack, include=include, weights=given, rtol=1e-12 if moments < 3 else 1e-11
    )
    greatest = stack.max(axis=0, where=include, initial=stack.min())
    np.testing.assert_array_equal(merged.max, greatest)


def test_merge_with_empty_is_exact():
    stack = samples("float64")
    stats = bx.RunningStats(moments=4).update_many(stack)
    for empty in (bx.RunningStats(moments=4), bx.RunningStats(SHAPE, moments=4)):
        for merged in (empty + stats, stats + empty, empty.copy().merge(stats)):
            assert merged.count == len(stack)
            np.testing.assert_array_equal(merged.mean, stats.mean)
            np.testing.assert_array_equal(merged.kurtosis(), stats.kurtosis())
    nothing = bx.RunningStats() + bx.RunningStats(SHAPE)
    assert nothing.shape == SHAPE
    assert nothing.count == 0


def test_merge_of_other_memory_orders():
    stack = samples("float64", 8, (3, 4, 5))
    first = bx.RunningStats(moments=3).update_many(stack[:3])
    second = bx.RunningStats(moments=3).update_many(np.asfortranarray(stack[3:].T).T)
    third = bx.RunningStats(moments=3)
    for sample in stack[3:]:
        third.update(np.asfortranarray(sample))
    for merged in (first + second, first + third, third + first):
        np.testing.assert_allclose(merged.var(), stack.var(axis=0), rtol=1e-13)


def test_in_place_operators_and_copies():
    stack = samples("float64")
    stats = bx.RunningStats().update_many(stack)
    kept = stats.copy()
    same = stats
    stats += kept
    assert stats is same
    assert (stats.count, kept.count) == (22, 11)
    stats += stats
    assert stats.count == 44
    np.testing.assert_allclose(stats.var(), stack.var(axis=0))
    assert stats.reset() is stats
    assert stats.count == 0
    assert stats.shape == SHAPE
    np.testing.assert_array_equal(stats.update_many(stack).var(), kept.var())


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
@pytest.mark.parametrize("moments", [2, 4])
@pytest.mark.parametrize("order", ["C", "F"])
def test_same_bits_for_all_workers(workers, moments, order):
    rng = np.random.default_rng(10)
    stack = np.asarray(rng.standard_normal((5, 300, 70, 9)), order=order)
    before = bx.get_workers()
    try:
        results = []
        for count in (1, workers):
            bx.set_workers(count)
            stats = bx.RunningStats(moments=moments).update_many(stack).update(stack[0])
            stats += stats
            results.append((stats.mean.tobytes(), stats.var().tobytes(), stats.sem().tobytes()))
    finally:
        bx.set_workers(before)
    assert results[0] == results[1]


def test_a_stack_has_the_same_bits_however_it_is_cut_by_eights():
    stack = samples("float64", 40)
    whole = bx.RunningStats(moments=4).update_many(stack)
    parts = bx.RunningStats(moments=4)
    for part in np.split(stack, [8, 24, 32]):
        parts.update_many(part)
    np.testing.assert_array_equal(whole.mean, parts.mean)
    np.testing.assert_array_equal(whole.var(), parts.var())
    np.testing.assert_array_equal(whole.kurtosis(), parts.kurtosis())


def test_many_threads_update_one_object():
    stack = np.random.default_rng(11).integers(0, 255, (64, 50, 50), np.uint8)
    stats = bx.RunningStats(dtype="uint8")

    def work(part):
        for sample in part:
            stats.update(sample)
            assert stats.mean.shape == (50, 50)

    threads = [threading.Thread(target=work, args=(stack[k::8],)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stats.count == 64
    np.testing.assert_array_equal(stats.var(), bx.block_reduce(stack, 64, "var", axes=0)[0])


def test_repr():
    assert repr(bx.RunningStats()) == (
        "RunningStats(shape=None, count=0, moments=2, dtype=float64, 0 bytes)"
    )
    stats = bx.RunningStats(moments=1, dtype="int16", skipna=True, extremes=True)
    stats.update_many(np.zeros((3, 1 << 17), np.int16))
    assert repr(stats) == (
        "RunningStats(shape=(131072,), count=3, moments=1, dtype=int16, skipna, extremes, 2.5 MiB)"
    )
    stats = bx.RunningStats().update([1.0, 2.0], where=[True, False])
    assert "count=0 to 1" in repr(stats)
