"""Pyramids of 2x2x2 means in other libraries."""

from __future__ import annotations

from functools import partial

import numpy as np
from job import Arrays, Call, Peer
from libraries import load

from peers import blocks_libraries as libraries
from peers.block_task import BlockTask, Image
from peers.blocks_numpy import accumulator, combine_slices, divide


def tasks(image: Image, levels: int) -> list[BlockTask]:
    """Return one task per level, each on the image itself."""
    return [
        BlockTask(image, (2**level,) * image.ndim, "mean", dtype="uint8")
        for level in range(1, levels + 1)
    ]


def numpy_slices(image: Image, levels: int, workers: int) -> Call:
    """Make each level's sums from the sums of the level before."""

    def call() -> Arrays:
        results = []
        sums = image
        for task in tasks(image, levels):
            step = BlockTask(sums, (2,) * image.ndim, "mean")
            sums = combine_slices(step, sums, accumulator(task, image.dtype))
            results.append(divide(task, sums))
        return results

    return call


def torch_pooling(image: Image, levels: int, workers: int) -> Call:
    """Make each level's float means from those of the level before."""
    torch = load("torch")
    pool = torch.nn.functional.avg_pool3d

    def call() -> Arrays:
        means = libraries.strips(torch.from_numpy(image).float(), tasks(image, levels)[-1], workers)
        results = []
        for _ in range(levels):
            means = pool(means, 2)
            level = means.round().to(torch.uint8)
            results.append(level.reshape(-1, *level.shape[3:]).numpy())
        return results

    return call


def tensorstore_levels(image: Image, levels: int, workers: int) -> Call:
    calls = [libraries.tensorstore_downsample(task, workers) for task in tasks(image, levels)]
    return lambda: [np.asarray(call()) for call in calls]


def tinybrain_levels(image: Image, levels: int, workers: int) -> Call:
    return libraries.tinybrain_levels(tasks(image, levels)[0], levels)


def pyramid_peers(image: Image, levels: int) -> tuple[Peer, ...]:
    return (
        Peer("NumPy slices", "numpy", partial(numpy_slices, image, levels)),
        Peer(
            "torch pooling",
            "torch",
            partial(torch_pooling, image, levels),
            included="image as float32, rounding",
        ),
        Peer(
            "tensorstore downsample",
            "tensorstore",
            partial(tensorstore_levels, image, levels),
            included="each level from the image",
        ),
        Peer("tinybrain", "tinybrain", partial(tinybrain_levels, image, levels)),
    )
