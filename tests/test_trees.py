"""What is read from trees, and the two forms of a distance matrix."""

import numpy as np
import pytest

import boxel as bx
import linkage_oracle as oracle
from distance_cases import KINDS, SIZES, condensed, euclidean, random_dissimilarities

METHODS = oracle.METHODS


# Square and condensed -----------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, *SIZES, 200])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_condense_and_expand(n, dtype):
    square = random_dissimilarities(n).astype(dtype)
    upper = bx.condense(square)
    assert upper.dtype == dtype
    np.testing.assert_array_equal(upper, condensed(square))
    for workers in (1, 3):
        again = bx.expand(upper, workers=workers)
        assert again.dtype == dtype
        # No distances mean one observation, not none.
        np.testing.assert_array_equal(again, square if n else np.zeros((1, 1)))


def test_types_of_condense_and_expand():
    assert bx.condense([[0, 1], [1, 0]]).dtype == np.float64
    assert bx.condense(np.zeros((3, 3), np.float16)).dtype == np.float32
    assert bx.condense(euclidean(3), dtype="float32").dtype == np.float32
    assert bx.expand(np.zeros(3, np.int8)).dtype == np.float64
    assert bx.expand([]).shape == (1, 1)
    np.testing.assert_array_equal(bx.expand([np.nan]), [[0, np.nan], [np.nan, 0]])


def test_condense_checks_what_it_is_given():
    with pytest.raises(ValueError, match=r"shape \(n, n\), found the shape \(3,\)"):
        bx.condense([1, 2, 3])
    with pytest.raises(ValueError, match="symmetric"):
        bx.condense([[0, 1], [2, 0]])
    np.testing.assert_array_equal(bx.condense([[0, 1], [2, 0]], symmetry_rtol=1), [1.5])
    with pytest.raises(ValueError, match=r"length 4; n = 3 has 3 and n = 4 has 6"):
        bx.expand([1, 2, 3, 4])
    with pytest.raises(ValueError, match="one axis"):
        bx.expand([[0, 1], [1, 0]])
    with pytest.raises(TypeError, match="complex"):
        bx.expand([1j])


# Reading trees ------------------------------------------------------------------------------------


def trees():
    for method in METHODS:
        for kind in ("euclidean", "ties"):
            for n in (2, 3, 20, 60):
                tree = bx.linkage(KINDS[kind](n), method)
                yield pytest.param(tree, id=f"{method}-{kind}-{n}")


TREES = tuple(trees())


@pytest.mark.parametrize("tree", TREES)
def test_cophenetic_distances(tree):
    expected = condensed(oracle.naive_cophenetic(tree))
    for workers in (1, 3):
        found = bx.cophenetic_distances(tree, workers=workers)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("tree", TREES)
def test_leaf_order(tree):
    order = bx.leaf_order(tree).tolist()
    n = len(tree) + 1
    assert sorted(order) == list(range(n))
    # Every cluster is a run of leaves, with the first part before the second.
    place = {leaf: index for index, leaf in enumerate(order)}
    sets = oracle.members(tree)
    for first, second, _, _ in tree:
        left = [place[leaf] for leaf in sets[int(first)]]
        right = [place[leaf] for leaf in sets[int(second)]]
        assert max(left) + 1 == min(right)
        assert max(right) - min(left) + 1 == len(left) + len(right)


@pytest.mark.parametrize("tree", TREES)
def test_flat_clusters_by_number(tree):
    n = len(tree) + 1
    sets = oracle.members(tree)
    for number in {1, 2, n // 2 + 1, n}:
        labels = bx.flat_clusters(tree, n_clusters=number)
        assert labels.dtype == np.int64
        # Labels count from 0 in the order in which they come.
        firsts = [int(np.flatnonzero(labels == label)[0]) for label in range(number)]
        assert firsts == sorted(firsts)
        assert labels.max() == number - 1
        joined = set(tree[: n - number, :2].ravel().astype(int))
        whole = {sets[node] for node in range(2 * n - number) if node not in joined}
        assert {frozenset(np.flatnonzero(labels == k).tolist()) for k in range(number)} == whole


@pytest.mark.parametrize("tree", TREES)
def test_flat_clusters_by_distance(tree):
    heights = tree[:, 2]
    for limit in {-1.0, 0.0, *heights[::5].tolist(), heights.max() + 1, float("inf")}:
        labels = bx.flat_clusters(tree, distance=limit)
        np.testing.assert_array_equal(labels, oracle.naive_flat(tree, limit))


def test_one_observation():
    nothing = bx.linkage([])
    np.testing.assert_array_equal(bx.leaf_order(nothing), [0])
    np.testing.assert_array_equal(bx.flat_clusters(nothing, n_clusters=1), [0])
    np.testing.assert_array_equal(bx.flat_clusters(nothing, distance=1), [0])
    assert bx.cophenetic_distances(nothing).shape == (0,)


def test_a_chain_is_no_recursion():
    n = 100_000
    tree = np.empty((n - 1, 4))
    tree[:, 0] = np.arange(1, n)
    tree[:, 1] = np.arange(n - 1, 2 * n - 2)
    tree[0, :2] = 0, 1
    tree[:, 2] = np.arange(n - 1)
    tree[:, 3] = np.arange(2, n + 1)
    assert sorted(bx.leaf_order(tree)) == list(range(n))
    assert bx.flat_clusters(tree, n_clusters=2).sum() == 1


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[0, 1, 1]], ["(1, 3)"]),
        ([0, 1, 1, 2], ["(4,)"]),
        ([[0, 2, 1, 2]], ["row 0", "0 to 1", "0 and 2"]),
        ([[0, 1, 1, 2], [2, 4, 1, 3]], ["row 1", "0 to 3", "2 and 4"]),
        ([[0, 1, 1, 2], [-1, 3, 1, 3]], ["row 1", "-1 and 3"]),
        ([[0, 1, 1, 2], [0, 2, 1, 3]], ["cluster 0", "2 times"]),
        ([[0, 0.5, 1, 2]], ["0 and 0.5"]),
        ([[0, np.nan, 1, 2]], ["nan"]),
        ([[0, 1, np.nan, 2]], ["row 0", "distance", "nan"]),
        ([[0, 1, 1, 2], [2, 3, -1, 3]], ["row 1", "distance", "-1"]),
        ([["a", "b", "c", "d"]], ["dtype"]),
    ],
)
def test_what_is_no_tree(rows, words):
    for call in (
        bx.cophenetic_distances,
        bx.leaf_order,
        lambda tree: bx.flat_clusters(tree, n_clusters=1),
    ):
        with pytest.raises(ValueError, match="Z") as caught:
            call(rows)
        for word in words:
            assert word in str(caught.value)


def test_options_of_flat_clusters():
    tree = bx.linkage(euclidean(5))
    for options, words in [
        ({}, "neither"),
        ({"n_clusters": 2, "distance": 1.0}, "both"),
        ({"n_clusters": 0}, "at least 1"),
        ({"n_clusters": 6}, "at most 5"),
        ({"distance": np.nan}, "nan"),
    ]:
        with pytest.raises(ValueError, match=words):
            bx.flat_clusters(tree, **options)
    with pytest.raises(TypeError, match="n_clusters"):
        bx.flat_clusters(tree, n_clusters=2.0)
    with pytest.raises(TypeError, match="distance"):
        bx.flat_clusters(tree, distance="far")
