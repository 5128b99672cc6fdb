"""What `RunningStats`, `collect` and `StandardError` refuse, and that nothing changes then."""

import numpy as np
import pytest

import boxel as bx
from cases import REFUSED_DTYPES

STACK = np.random.default_rng(0).random((6, 3, 4))


@pytest.fixture
def stats():
    return bx.RunningStats(moments=2).update_many(STACK)


def fails(error, message, call, *arguments, **options):
    with pytest.raises(error, match=message or None):
        call(*arguments, **options)


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (ValueError, "moments must be 1, 2, 3 or 4, found 5", {"moments": 5}),
        (ValueError, "moments must be 1, 2, 3 or 4, found 0", {"moments": 0}),
        (TypeError, "moments must be an integer, found 2.0", {"moments": 2.0}),
        (TypeError, "dtype complex128 is not supported; accepted are bool", {"dtype": complex}),
        (TypeError, "unknown dtype 'float46'; did you mean 'float64'", {"dtype": "float46"}),
        (TypeError, "skipna must be True or False, found 1", {"skipna": 1}),
        (TypeError, "extremes must be True or False, found 'no'", {"extremes": "no"}),
        (ValueError, "shape must be at least 0, found -1", {"shape": (3, -1)}),
        (TypeError, "shape must be an integer, found 2.5", {"shape": (2.5,)}),
    ],
)
def test_arguments_of_the_constructor(error, message, options):
    fails(error, message, bx.RunningStats, **options)


@pytest.mark.parametrize("dtype", REFUSED_DTYPES)
def test_refused_dtypes(dtype, stats):
    sample = np.zeros((3, 4), dtype)
    fails(TypeError, "sample has dtype .* accepted are bool", stats.update, sample)
    fails(TypeError, "stack has dtype .* accepted are bool", stats.update_many, sample[None])
    fails(TypeError, "", stats.update, STACK[0], weights=sample)


BAD_UPDATES = [
    (ValueError, r"sample has shape \(4, 3\), the statistics have shape \(3, 4\)", STACK[0].T, {}),
    (ValueError, r"sample has shape \(4,\), the statistics have", STACK[0, 0], {}),
    (TypeError, "where must be a bool array", STACK[0], {"where": np.ones((3, 4))}),
    (ValueError, r"where of shape \(3,\) does not broadcast to the sample of shape \(3, 4\)",
     STACK[0], {"where": np.ones(3, bool)}),
    (ValueError, "weights must be finite and not negative, found -1", STACK[0], {"weights": -1.0}),
    (ValueError, "weights must be finite and not negative, found nan", STACK[0],
     {"weights": np.full((3, 4), np.nan)}),
    (ValueError, r"weights of shape \(3, 3\) does not broadcast", STACK[0],
     {"weights": np.ones((3, 3))}),
    (ValueError, "weights must not be masked", STACK[0],
     {"weights": np.ma.masked_array(np.ones((3, 4)), np.eye(3, 4, dtype=bool))}),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "sample", "options"), BAD_UPDATES)
def test_a_failed_update_changes_nothing(error, message, sample, options, stats):
    before = repr(stats), stats.mean.tobytes(), stats.var().tobytes()
    fails(error, message, stats.update, sample, **options)
    fails(error, "", stats.update_many, sample[np.newaxis], **options)
    assert (repr(stats), stats.mean.tobytes(), stats.var().tobytes()) == before


def test_update_many(stats):
    fails(np.exceptions.AxisError, "axis", stats.update_many, STACK, axis=3)
    fails(TypeError, "axis must be an integer", stats.update_many, STACK, axis=0.0)
    message = r"a sample of the stack has shape \(6, 3\), the statistics have shape \(3, 4\)"
    fails(ValueError, message, stats.update_many, STACK, axis=-1)
    message = r"weights must be broadcast to the stack of shape .* or one for each of 6 samples"
    fails(ValueError, message, stats.update_many, STACK, weights=np.ones(5))
    fails(np.exceptions.AxisError, "", stats.update_many, 3.0)
    assert stats.count == 6


@pytest.mark.parametrize(
    ("kept", "given"),
    [("float32", "float64"), ("int16", "int32"), ("uint8", "int8"), ("int64", "uint64"),
     ("int64", "float32"), ("bool", "uint8"), ("float16", "float32"), ("float32", "int32")],
)  # fmt: skip
def test_samples_that_would_lose_digits(kept, given):
    stats = bx.RunningStats(dtype=kept)
    message = f"samples of {given} do not cast safely to {kept}"
    fails(TypeError, message, stats.update, np.zeros(3, given))
    assert stats.count == 0
    assert stats.shape is None


@pytest.mark.parametrize(
    ("kept", "given"),
    [("float64", "uint64"), ("int16", "uint8"), ("int32", "bool"), ("uint32", "uint16"),
     ("float32", "int16"), ("float32", "float16"), ("float32", "bool"), ("float16", "int8"),
     ("int64", "uint32"), ("uint64", "uint8")],
)  # fmt: skip
@pytest.mark.parametrize("where", [None, True])
def test_samples_that_lose_nothing(kept, given, where):
    stack = np.random.default_rng(1).integers(0, 2, (5, 7)).astype(given)
    stats = bx.RunningStats(dtype=kept, extremes=True).update_many(stack, where=where)
    stats.update(stack[0].astype(stack.dtype.newbyteorder()), where=where)
    taken = np.concatenate([stack, stack[:1]]).astype(np.float64)
    np.testing.assert_allclose(stats.var(), taken.var(axis=0), rtol=1e-6, atol=1e-12)
    np.testing.assert_array_equal(stats.max, taken.max(axis=0))
    assert stats.max.dtype == kept


def test_what_is_not_kept():
    stats = bx.RunningStats(moments=1).update_many(STACK)
    for name in ("var", "std", "sem"):
        fails(ValueError, f"{name} needs moments=2, these .* moments=1", getattr(stats, name))
    fails(ValueError, "skewness needs moments=3", bx.RunningStats(moments=2).skewness)
    fails(ValueError, "kurtosis needs moments=4", bx.RunningStats(moments=3).kurtosis)
    for name in ("min", "max"):
        with pytest.raises(ValueError, match=rf"{name} is not kept; RunningStats\(extremes=True\)"):
            getattr(stats, name)


def test_ddof(stats):
    fails(ValueError, "ddof must be a finite number of at least 0, found -1", stats.var, -1)
    fails(TypeError, "ddof must be a real number, found 'one'", stats.std, "one")
    fails(ValueError, "ddof", stats.sem, np.nan)
    assert np.isnan(stats.var(6)).all()
    assert np.isnan(stats.var(100)).all()


def test_results_without_a_shape():
    stats = bx.RunningStats(extremes=True, moments=4)
    for call in (stats.var, stats.skewness, lambda: stats.mean, lambda: stats.max):
        fails(ValueError, "no sample has come in, and so the shape is not known", call)


def test_extremes_without_samples():
    stats = bx.RunningStats((2,), dtype="int16", extremes=True)
    with pytest.raises(ValueError, match="min has no value where a voxel has no sample, and int16"):
        stats.min  # noqa: B018
    stats.update(np.array([1, 2], np.int16), where=[True, False])
    with pytest.raises(ValueError, match="max has no value"):
        stats.max  # noqa: B018
    floats = bx.RunningStats(extremes=True).update([1.0, 2.0], where=[True, False])
    np.testing.assert_array_equal(floats.max, [1, np.nan])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"moments": 3}, "moments=2 and moments=3 do not merge"),
        ({"dtype": "int8"}, "dtype=float64 and dtype=int8 do not merge"),
        ({"skipna": True}, "skipna=False and skipna=True do not merge"),
        ({"extremes": True}, "extremes=False and extremes=True do not merge"),
        ({"shape": (3, 5)}, r"shapes \(3, 4\) and \(3, 5\) do not merge"),
    ],
)
def test_merges(options, message, stats):
    other = bx.RunningStats(**options)
    fails(ValueError, message, stats.merge, other)
    assert stats.count == 6
    fails(TypeError, "expected RunningStats to merge, found ndarray", stats.merge, STACK)
    fails(TypeError, "unsupported operand", lambda: stats + 1)


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (ValueError, "a function as source never ends: pass until=, max_count= or both", {}),
        (ValueError, "batch must be at least 1, found 0", {"until": 1, "batch": 0}),
        (TypeError, "batch must be an integer", {"until": 1, "batch": 1.5}),
        (ValueError, "max_count must be at least 0, found -1", {"max_count": -1}),
        (ValueError, "threshold must be at least 0, found -1", {"until": -1}),
        (ValueError, "threshold must be at least 0, found nan", {"until": float("nan")}),
        (TypeError, "until must be a real number, found 'small'", {"until": "small"}),
        (TypeError, "progress must be a function, True or None, found str",
         {"until": 1, "progress": "yes"}),
    ],
)  # fmt: skip
def test_arguments_of_collect(error, message, options):
    fails(error, message, bx.collect, lambda: STACK[0], **options)


def test_sources_and_stats_of_collect():
    for source in (3, "text", None):
        fails(TypeError, "source must be a function .* or an iterable", bx.collect, source)
    stats = bx.RunningStats(moments=1)
    message = "a standard error needs moments=2, stats keep moments=1"
    fails(ValueError, message, bx.collect, STACK, until=0.1, stats=stats)


def test_arguments_of_standard_error():
    fails(ValueError, "quantile must be above 0 and at most 1", bx.StandardError, 1, quantile=0)
    fails(ValueError, "quantile must be above 0", bx.StandardError, 1, quantile=95)
    fails(TypeError, "relative must be True or False", bx.StandardError, 1, relative="yes")
    fails(TypeError, "threshold must be a real number", bx.StandardError, None)
