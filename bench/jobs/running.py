"""Jobs of statistics that stay open: one more volume, and a stack of them."""

from __future__ import annotations

from functools import partial

import numpy as np
from bars import best_peer
from job import Arrays, Call, Job, Peer, Trial
from numpy.typing import NDArray
from peers.running import batch_peers, stream_peers

import boxel as bx
from agreement import Tolerance

SEED = 20240229
VOXELS, FEW_VOXELS = (256, 256, 64), (24, 32, 16)
BEFORE = 3
"""Volumes that the statistics hold when the clock starts."""

Volume = NDArray[np.float64]


def volumes(quick: bool, count: int) -> Volume:
    return np.random.default_rng(SEED).random((count, *(FEW_VOXELS if quick else VOXELS)))


def one_more(stack: Volume, workers: int) -> Call:
    """Return a call that takes in the last volume, again and again."""
    bx.set_workers(workers)
    stats = bx.RunningStats(stack.shape[1:]).update_many(stack[:BEFORE])
    # What is timed returns nothing that could be compared.
    np.testing.assert_allclose(stats.copy().update(stack[BEFORE]).var(), stack.var(axis=0))

    def call() -> Arrays:
        stats.update(stack[BEFORE])
        return stack[:0]

    return call


def all_at_once(stack: Volume, workers: int) -> Call:
    def call() -> Arrays:
        bx.set_workers(workers)
        return bx.RunningStats().update_many(stack).var()

    return call


def update_setup(quick: bool) -> Trial:
    stack = volumes(quick, BEFORE + 1)
    return Trial(
        inputs=f"{stack[0].size} voxels of float64, state kept",
        call=partial(one_more, stack),
        peers=stream_peers(stack, BEFORE),
        bytes_in=stack[0].nbytes,
        agreement=Tolerance(rtol=0),
    )


def stack_setup(quick: bool) -> Trial:
    stack = volumes(quick, 20)
    peers: tuple[Peer, ...] = batch_peers(stack)
    return Trial(
        inputs=f"20 volumes of {stack[0].size} voxels, float64",
        call=partial(all_at_once, stack),
        peers=peers,
        bytes_in=stack.nbytes,
        agreement=Tolerance(rtol=1e-10),
    )


JOBS = (
    Job(
        "running-update-float64",
        "RunningStats.update with one more volume",
        update_setup,
        (best_peer(3, "numpy"),),
    ),
    Job("running-stack-float64", "RunningStats of 20 volumes, and their variance", stack_setup),
)
