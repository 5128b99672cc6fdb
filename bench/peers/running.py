"""How others keep a mean and a variance of volumes that come one by one."""

from __future__ import annotations

from functools import partial

import numpy as np
from job import Arrays, Call, Peer
from libraries import load
from numpy.typing import NDArray

Volume = NDArray[np.float64]


class NumpyWelford:
    """The textbook's loop, on whole arrays."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self.mean = np.zeros(shape)
        self.m2 = np.zeros(shape)

    def update(self, volume: Volume) -> None:
        self.count += 1
        delta = volume - self.mean
        self.mean += delta / self.count
        self.m2 += delta * (volume - self.mean)

    def var(self) -> Volume:
        return self.m2 / self.count


def numpy_update(stack: Volume, before: int, workers: int) -> Call:
    stats = NumpyWelford(stack.shape[1:])
    for volume in stack[:before]:
        stats.update(volume)

    def call() -> Arrays:
        stats.update(stack[before])
        return stack[:0]

    return call


def welford_update(stack: Volume, before: int, workers: int) -> Call:
    stats = load("welford").Welford(stack[:before])

    def call() -> Arrays:
        stats.add(stack[before])
        return stack[:0]

    return call


def numpy_loop(stack: Volume, workers: int) -> Call:
    def call() -> Arrays:
        stats = NumpyWelford(stack.shape[1:])
        for volume in stack:
            stats.update(volume)
        return stats.var()

    return call


def numpy_stack(stack: Volume, workers: int) -> Call:
    return lambda: np.stack(list(stack)).var(axis=0)


def welford_batch(stack: Volume, workers: int) -> Call:
    welford = load("welford").Welford

    def call() -> Arrays:
        stats = welford()
        for volume in stack:
            stats.add(volume)
        return np.asarray(stats.var_p)

    return call


def sklearn_batch(stack: Volume, workers: int) -> Call:
    update = load("sklearn.utils.extmath")._incremental_mean_and_var
    flat = stack.reshape(len(stack), -1)

    def call() -> Arrays:
        voxels = flat.shape[1]
        start = (np.zeros(voxels), np.zeros(voxels), np.zeros(voxels, np.int64))
        return np.asarray(update(flat, *start)[1]).reshape(stack.shape[1:])

    return call


def stream_peers(stack: Volume, before: int) -> tuple[Peer, ...]:
    """Return those who take in one more volume."""
    return (
        Peer("NumPy Welford", "numpy", partial(numpy_update, stack, before)),
        Peer("welford", "welford", partial(welford_update, stack, before)),
    )


def batch_peers(stack: Volume) -> tuple[Peer, ...]:
    """Return those who take in all volumes and tell the variance."""
    return (
        Peer("NumPy Welford loop", "numpy", partial(numpy_loop, stack)),
        Peer("NumPy stack and var", "numpy", partial(numpy_stack, stack)),
        Peer("welford loop", "welford", partial(welford_batch, stack)),
        Peer("sklearn incremental", "sklearn", partial(sklearn_batch, stack)),
    )
