"""Pickles of RegionStats: the same bits elsewhere, and nothing taken over that does not fit."""

import copy
import pickle

import numpy as np
import pytest

import boxel as bx
from cases import DTYPES

NAMES = tuple(name for name in bx.STATISTICS if name not in ("median", "mode"))
GEOMETRY = ("bounding_box", "centroid")


def some_regions(dtype="uint8", seed=0, shape=(30, 20, 2)):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)
    return rng.integers(-2, 5, shape[:2]), image


def assert_same_bits(found, expected):
    assert list(found) == list(expected)
    for name, column in expected.items():
        assert found[name].dtype == column.dtype
        assert found[name].tobytes() == column.tobytes(), name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [False, True])
def test_pickles_have_the_same_bits_and_go_on(dtype, weighted):
    labels, image = some_regions(dtype)
    weights = np.random.default_rng(1).random(labels.shape) if weighted else None
    stats = bx.RegionStats((*NAMES, *GEOMETRY)).update(labels, image, weights=weights)
    loaded = pickle.loads(pickle.dumps(stats))
    assert repr(loaded) == repr(stats)
    options = {"ddof": 1, "fill_value": 1}
    assert_same_bits(loaded.result(**options), stats.result(**options))
    labels, image = some_regions(dtype, seed=2)
    for each in (stats, loaded):
        each.update(labels, image, weights=weights, origin=(30, 0))
    assert_same_bits(loaded.result(**options), stats.result(**options))
    merged = pickle.loads(pickle.dumps(stats)).merge(loaded)
    assert_same_bits(merged.result(**options), (stats + loaded).result(**options))


@pytest.mark.parametrize(
    "labels",
    [
        [-(2**63), -1, 3],
        [2**64 - 1, 2**63, 5],
        [10**12, -(10**12), 7, 7],
    ],
)
def test_pickles_of_any_labels(labels):
    labels = np.array(labels, np.uint64 if max(labels) >= 2**63 else np.int64)
    stats = bx.RegionStats().update(labels, np.arange(len(labels), dtype=np.float32))
    loaded = pickle.loads(pickle.dumps(stats))
    assert_same_bits(loaded.result(), stats.result())


def test_pickles_of_labels_that_no_integer_type_holds_together():
    stats = bx.RegionStats().update(np.array([-3]), np.array([1.0]))
    stats.update(np.array([2**63], np.uint64), np.array([2.0]))
    loaded = pickle.loads(pickle.dumps(stats))
    assert loaded.result([-3])["mean"] == 1
    assert loaded.result(np.array([2**63], np.uint64))["mean"] == 2


def test_pickles_of_statistics_that_have_nothing_yet():
    loaded = pickle.loads(pickle.dumps(bx.RegionStats("max", background=None, skipna=True)))
    assert len(loaded) == 0
    loaded.update([0, 1], [np.nan, 2.0])
    assert loaded.result()["max"][1] == 2
    assert bx.RegionStats("max", background=None, skipna=True).merge(loaded).result()


def test_copies():
    labels, image = some_regions()
    stats = bx.RegionStats().update(labels, image)
    for twin in (copy.copy(stats), copy.deepcopy(stats)):
        twin.update(labels, image)
        assert (twin.result()["count"] == 2 * stats.result()["count"]).all()


def state_of():
    labels, image = some_regions()
    return bx.RegionStats((*NAMES, *GEOMETRY)).update(labels, image).__getstate__()


def with_row(state, place, change):
    rows = list(state["rows"])
    rows[place] = change(rows[place])
    return {**state, "rows": tuple(rows)}


def with_header(state, **changes):
    return {**state, "header": {**state["header"], **changes}}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: {}, "whole RegionStats"),
        (lambda s: with_header(s, format="other"), "the format"),
        (lambda s: with_header(s, version=2), "another version of boxel"),
        (lambda s: with_header(s, more=1), "whole RegionStats"),
        (lambda s: with_header(s, names=("count", "median")), "statistics that merge"),
        (lambda s: with_header(s, known=("complex64", (2,), False)), "expected a dtype"),
        (lambda s: with_header(s, known=("uint8", (3,), False)), "another size"),
        (lambda s: with_header(s, background=3), "label of the background"),
        (lambda s: with_header(s, ndim=3), "places of another number"),
        (lambda s: {**s, "rows": s["rows"][:4]}, "whole RegionStats"),
        (lambda s: with_row(s, 0, lambda bits: bits[::-1]), "ascending order"),
        (lambda s: with_row(s, 0, lambda bits: bits[:-1]), "signs"),
        (lambda s: with_row(s, 2, lambda states: states[:-1]), "number of states"),
        (
            lambda s: with_row(s, 2, lambda states: tuple([each[:, :-1] for each in states])),
            "another size",
        ),
        (
            lambda s: with_row(s, 2, lambda states: tuple([each[0] for each in states])),
            "rows of lanes",
        ),
        (
            lambda s: with_row(s, 2, lambda states: (~states[0], *states[1:])),
            "negative number of samples",
        ),
        (lambda s: with_row(s, 3, lambda pixels: -pixels), "negative number of pixels"),
        (lambda s: with_row(s, 4, lambda extents: extents[:, :2]), "four numbers"),
        (lambda s: with_row(s, 4, lambda extents: extents[:, [1, 0, 2, 3]]), "ends before"),
    ],
)
def test_damaged_pickles_are_refused(damage, message):
    stats = bx.RegionStats.__new__(bx.RegionStats)
    with pytest.raises(ValueError, match=message):
        stats.__setstate__(damage(state_of()))
