"""Distances to cluster: random ones, and those full of ties."""

import numpy as np

SIZES = (2, 3, 4, 5, 7, 17, 47, 48, 49, 95, 130)


def euclidean(n, dimensions=3, seed=0):
    """Return a square matrix of distances without ties."""
    points = np.random.default_rng(seed).normal(size=(n, dimensions))
    differences = points[:, np.newaxis] - points
    return np.sqrt((differences**2).sum(axis=-1))


def random_dissimilarities(n, seed=0):
    """Return a square matrix that is no metric."""
    square = np.triu(np.random.default_rng(seed).random((n, n)), 1)
    return square + square.T


def with_ties(n, levels=3, seed=0):
    """Return a square matrix of small whole numbers."""
    square = np.triu(np.random.default_rng(seed).integers(0, levels, (n, n)), 1).astype(float)
    return square + square.T


def grid(n):
    """Return the distances of points on a line at whole numbers: ties at every height."""
    points = np.arange(n, dtype=float)
    return np.abs(points[:, np.newaxis] - points)


KINDS = {
    "euclidean": euclidean,
    "random": random_dissimilarities,
    "ties": with_ties,
    "grid": grid,
    "equal": lambda n: 1.0 - np.eye(n),
    "zero": lambda n: np.zeros((n, n)),
}


def condensed(square):
    """Return the part above the diagonal."""
    return square[np.triu_indices(len(square), 1)]


def random_fingerprints(n, bits, density=0.2, seed=0):
    """Return bool fingerprints, some of them without any bit."""
    random = np.random.default_rng(seed)
    fingerprints = random.random((n, bits)) < density
    fingerprints[random.random(n) < 0.05] = False
    return fingerprints
