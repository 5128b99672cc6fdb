"""Trees like those of SciPy and fastcluster, and the trap that these set."""

import numpy as np
import pytest

import boxel as bx
import linkage_oracle as oracle
from distance_cases import condensed, euclidean

METHODS = oracle.METHODS


def peers():
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    found = {"scipy": hierarchy.linkage}
    try:
        import fastcluster
    except ImportError:
        return found
    return {**found, "fastcluster": fastcluster.linkage}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [2, 10, 100, 600])
def test_like_other_libraries(n, method):
    distances = condensed(euclidean(n, dimensions=4))
    tree = bx.linkage(distances, method)
    for name, linkage in peers().items():
        other = linkage(distances, method)
        np.testing.assert_array_equal(tree[:, [0, 1, 3]], other[:, [0, 1, 3]], name)
        np.testing.assert_allclose(tree[:, 2], other[:, 2], rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("method", METHODS)
def test_scipy_takes_the_tree(method):
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    tree = bx.linkage(euclidean(80), method)
    assert hierarchy.is_valid_linkage(tree)
    np.testing.assert_allclose(hierarchy.cophenet(tree), bx.cophenetic_distances(tree))
    np.testing.assert_array_equal(hierarchy.leaves_list(tree), bx.leaf_order(tree))
    if method in oracle.MONOTONE:
        labels = hierarchy.fcluster(tree, 7, "maxclust")
        ours = bx.flat_clusters(tree, n_clusters=7)
        assert len(set(zip(labels, ours, strict=True))) == 7
    labels = hierarchy.fcluster(tree, 1.0, "distance")
    ours = bx.flat_clusters(tree, distance=1.0)
    assert len(set(zip(labels, ours, strict=True))) == labels.max() == ours.max() + 1


def test_the_classic_trap():
    """What other libraries do with a square matrix is another tree; here there is only one."""
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    square = euclidean(30, seed=2)
    with pytest.warns(hierarchy.ClusterWarning):
        wrong = hierarchy.linkage(square, "average")
    right = hierarchy.linkage(condensed(square), "average")
    tree = bx.linkage(square, "average")
    np.testing.assert_allclose(tree, right, rtol=1e-12)
    assert not np.allclose(wrong, right)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["single", "average", "centroid"])
def test_many_observations(method):
    n = 20_000
    random = np.random.default_rng(4)
    points = random.normal(size=(n, 3)).astype(np.float32)
    distances = np.empty(n * (n - 1) // 2, np.float32)
    place = 0
    for i in range(n - 1):
        difference = points[i + 1 :] - points[i]
        distances[place : place + n - 1 - i] = np.sqrt((difference**2).sum(axis=1))
        place += n - 1 - i
    tree = bx.linkage(distances, method)
    assert tree.shape == (n - 1, 4)
    if method in oracle.MONOTONE:
        assert np.all(np.diff(tree[:, 2]) >= 0)
    fastcluster = pytest.importorskip("fastcluster")
    other = fastcluster.linkage(distances, method)
    # float32 rounds what is computed, so that a few pairs change places: the heights stay alike.
    np.testing.assert_allclose(np.sort(tree[:, 2]), np.sort(other[:, 2]), rtol=2e-2)
    assert np.median(np.abs(np.sort(tree[:, 2]) / np.sort(other[:, 2]) - 1)) < 1e-5
    if method == "single":
        np.testing.assert_array_equal(tree[:, 2], other[:, 2])
    np.testing.assert_array_equal(bx.linkage(distances, method, overwrite=True), tree)
