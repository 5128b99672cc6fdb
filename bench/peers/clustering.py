"""Hierarchical clustering and Tanimoto distances in other libraries."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from job import Call, Peer
from libraries import load
from numpy.typing import NDArray

Distances = NDArray[Any]


def scipy_linkage(distances: Distances, method: str, workers: int) -> Call:
    hierarchy = load("scipy.cluster.hierarchy")
    doubles = distances.astype(np.float64)
    return lambda: np.asarray(hierarchy.linkage(doubles, method)[:, 2])


def fastcluster_linkage(distances: Distances, method: str, workers: int) -> Call:
    fastcluster = load("fastcluster")
    doubles = distances.astype(np.float64)
    return lambda: np.asarray(fastcluster.linkage(doubles, method)[:, 2])


def linkage_peers(distances: Distances, method: str) -> tuple[Peer, ...]:
    """Return the peers; they compute in float64 whatever they are given."""
    return (
        Peer("SciPy", "scipy", partial(scipy_linkage, distances, method)),
        Peer("fastcluster", "fastcluster", partial(fastcluster_linkage, distances, method)),
    )


def rdkit_bulk(fingerprints: NDArray[np.bool_], workers: int) -> Call:
    structures = load("rdkit.DataStructs")
    vectors = []
    for row in fingerprints:
        vector = structures.ExplicitBitVect(len(row))
        vector.SetBitsFromList(np.flatnonzero(row).tolist())
        vectors.append(vector)

    def call() -> Distances:
        similarities = np.empty(len(vectors) * (len(vectors) - 1) // 2)
        place = 0
        for index in range(len(vectors) - 1):
            rest = vectors[index + 1 :]
            similarities[place : place + len(rest)] = structures.BulkTanimotoSimilarity(
                vectors[index], rest
            )
            place += len(rest)
        return 1 - similarities

    return call


def scipy_jaccard(fingerprints: NDArray[np.bool_], workers: int) -> Call:
    distance = load("scipy.spatial.distance")
    return lambda: np.asarray(distance.pdist(fingerprints, "jaccard"))


def tanimoto_peers(fingerprints: NDArray[np.bool_]) -> tuple[Peer, ...]:
    """Return the peers; SciPy's takes minutes beyond a few thousand fingerprints."""
    peers = [
        Peer(
            "RDKit BulkTanimotoSimilarity",
            "rdkit",
            partial(rdkit_bulk, fingerprints),
            included="lists to an array, 1 - S",
        )
    ]
    if len(fingerprints) <= 2000:
        peers.append(Peer("SciPy pdist", "scipy", partial(scipy_jaccard, fingerprints)))
    return tuple(peers)
