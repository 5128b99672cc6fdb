"""`collect` and `StandardError`: drawing samples until it is good enough."""

import itertools
import sys

import numpy as np
import pytest

import boxel as bx
from subprocesses import run_script

SHAPE = (4, 5)


def drawer(seed=0, shape=SHAPE):
    rng = np.random.default_rng(seed)
    return lambda: rng.normal(10, 1, shape)


def test_the_original_loop():
    """Draw five at a time until the error is under a threshold, as it was with a list of all."""
    draw, kept = drawer(), []
    while True:
        kept += [draw() for _ in range(5)]
        stack = np.stack(kept)
        if (stack.std(axis=0, ddof=1) / np.sqrt(len(stack))).max() <= 0.2:
            break
    stats, reason = bx.collect(drawer(), until=0.2)
    assert reason == "until"
    assert stats.count == len(kept)
    np.testing.assert_allclose(stats.mean, stack.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(stats.var(1), stack.var(axis=0, ddof=1), rtol=1e-12)


@pytest.mark.parametrize("batch", [1, 5, 7, 100])
@pytest.mark.parametrize("max_count", [0, 1, 12, 35])
def test_number_of_samples(batch, max_count):
    calls = itertools.count()

    def source():
        next(calls)
        return np.zeros(SHAPE)

    stats, reason = bx.collect(source, max_count=max_count, batch=batch)
    assert reason == "max_count"
    assert stats.count == next(calls) == max_count


@pytest.mark.parametrize("count", [0, 1, 5, 12])
@pytest.mark.parametrize("kind", [list, iter, np.asarray, "generator", "function"])
def test_sources_that_end(count, kind):
    samples = [np.full(SHAPE, float(k)) for k in range(count)]
    source = samples
    if kind == "generator":
        source = (sample for sample in samples)
    elif kind == "function":
        source = iter(samples).__next__
    elif count or kind is not np.asarray:
        source = kind(samples)
    options = {"until": lambda stats: False} if kind == "function" else {}
    stats, reason = bx.collect(source, **options)
    assert reason == "exhausted"
    assert stats.count == count
    if count:
        np.testing.assert_array_equal(stats.mean, (count - 1) / 2)


def test_predicate():
    seen = []

    def until(stats):
        seen.append(stats.count)
        return stats.count >= 13

    stats, reason = bx.collect(drawer(), until=until, batch=4)
    assert (stats.count, reason) == (16, "until")
    assert seen == [4, 8, 12, 16]


def test_what_is_asked_for_is_met_before_the_source_ends():
    stats, reason = bx.collect([np.zeros(SHAPE)] * 5, until=0.0)
    assert (stats.count, reason) == (5, "until")


def test_going_on_with_earlier_statistics():
    draw = drawer()
    stats = bx.RunningStats(moments=4, extremes=True)
    first, _ = bx.collect(draw, max_count=7, stats=stats)
    second, _ = bx.collect(draw, max_count=6, stats=stats)
    assert first is second is stats
    assert stats.count == 13
    again = bx.RunningStats(moments=4, extremes=True)
    bx.collect(drawer(), max_count=13, stats=again)
    assert again.kurtosis().tobytes() == stats.kurtosis().tobytes()


@pytest.mark.parametrize("callable_source", [True, False])
def test_a_source_that_fails_loses_nothing(callable_source):
    def numbers():
        for k in itertools.count():
            if k == 8:
                raise OSError("the camera is gone")
            yield np.full(SHAPE, float(k))

    source = numbers().__next__ if callable_source else numbers()
    with pytest.raises(
        bx.CollectionError, match="failed after 8 samples: OSError: the camera"
    ) as e:
        bx.collect(source, max_count=20)
    assert e.value.stats.count == 8
    assert isinstance(e.value.__cause__, OSError)
    np.testing.assert_array_equal(e.value.stats.mean, 3.5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((5, 4)), r"sample 3 does not fit: sample has shape \(5, 4\), the statistics"),
        (np.zeros(SHAPE, complex), "sample 3 does not fit: sample has dtype complex128"),
        ("text", "sample 3 does not fit"),
    ],
)
def test_a_sample_that_does_not_fit(wrong, message):
    samples = [np.ones(SHAPE)] * 3 + [wrong]
    with pytest.raises(bx.CollectionError, match=message) as caught:
        bx.collect(samples)
    assert caught.value.stats.count == 3


def test_interruption_keeps_the_statistics_of_the_caller():
    stats = bx.RunningStats()

    def numbers():
        yield from [np.ones(SHAPE)] * 4
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bx.collect(numbers(), stats=stats)
    assert stats.count == 4


def test_progress_is_told():
    told = []
    bx.collect(drawer(), until=bx.StandardError(0.4), max_count=100, progress=told.append)
    assert [each.count for each in told] == list(range(5, 5 * len(told) + 1, 5))
    assert {each.max_count for each in told} == {100}
    assert {each.threshold for each in told} == {0.4}
    assert told[-1].error <= 0.4
    assert all(each.error > 0.4 for each in told[:-1])
    told.clear()
    bx.collect(drawer(), until=lambda stats: True, progress=told.append)
    assert told == [bx.Progress(5, None, None, None)]


def test_progress_in_the_terminal(capsys):
    pytest.importorskip("tqdm")
    stats, _ = bx.collect(drawer(), until=0.4, progress=True)
    shown = capsys.readouterr().err
    assert f"{stats.count} samples" in shown or f"{stats.count}/{stats.count}" in shown
    assert "wanted 0.4" in shown


def test_a_missing_bar_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"boxel\[cli\]"):
        bx.collect(drawer(), max_count=5, progress=True)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.95, 1.0])
def test_standard_error(relative, quantile):
    stack = np.random.default_rng(2).normal(3, 1, (9, 20))
    error = stack.std(axis=0, ddof=1) / 3
    if relative:
        error = error / np.abs(stack.mean(axis=0))
    stats = bx.RunningStats().update_many(stack)
    found = bx.StandardError(1, relative=relative, quantile=quantile).measure(stats)
    # Exactly this share of the voxels, or the least above, has at most this error.
    wanted = np.sort(error)[int(np.ceil(quantile * 20)) - 1]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    for factor, holds in ((1.001, True), (0.999, False)):
        condition = bx.StandardError(found * factor, relative=relative, quantile=quantile)
        assert condition(stats) is holds


def test_standard_error_of_odd_voxels():
    measure = bx.StandardError(0).measure
    assert measure(bx.RunningStats()) == np.inf
    assert measure(bx.RunningStats((3,))) == np.inf
    assert measure(bx.RunningStats().update([1.0, 2.0])) == np.inf
    masked = bx.RunningStats().update_many([[1.0, 2.0], [1.0, 4.0]], where=[True, False])
    assert measure(masked) == 0
    masked.update([1.0, 2.0])
    assert measure(masked) == np.inf
    zeros = bx.RunningStats().update_many([[0.0, 1.0], [0.0, 1.0]])
    assert bx.StandardError(0, relative=True).measure(zeros) == 0
    spread = bx.RunningStats().update_many([[-1.0], [1.0]])
    assert bx.StandardError(0, relative=True).measure(spread) == np.inf


def test_memory_does_not_grow_with_the_samples():
    """A hundred samples of 8 MB take the memory of the statistics, and a few samples."""
    script = """
        import numpy as np, boxel as bx

        def peak():
            with open("/proc/self/status") as status:
                for line in status:
                    if line.startswith("VmHWM"):
                        return int(line.split()[1]) * 1024

        rng = np.random.default_rng(0)
        bx.collect(lambda: rng.random((10, 10)), max_count=9)
        before = peak()
        stats, _ = bx.collect(lambda: rng.random((100, 100, 100)), max_count=100)
        print(peak() - before, stats.nbytes)
    """
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    grown, held = map(int, run_script(script).split())
    assert held == 24_000_000
    assert grown < held + 4 * 8_000_000
