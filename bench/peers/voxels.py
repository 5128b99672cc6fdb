"""How other libraries compute the variance of each voxel over a stack of volumes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from job import Call, Peer
from libraries import load
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class VoxelTask:
    """A stack, the axis of its volumes, and the dtype of its variance."""

    stack: Array
    axis: int
    dtype: str


def numpy_var(task: VoxelTask, workers: int) -> Call:
    return lambda: np.var(task.stack, axis=task.axis, dtype=task.dtype)


def torch_var(task: VoxelTask, workers: int) -> Call:
    torch = load("torch")
    tensor = torch.from_numpy(task.stack)
    if task.stack.dtype.kind == "f":
        return lambda: torch.var_mean(tensor, dim=task.axis, correction=0)[0].numpy()
    wide = getattr(torch, task.dtype)
    return lambda: torch.var_mean(tensor.to(wide), dim=task.axis, correction=0)[0].numpy()


def bottleneck_var(task: VoxelTask, workers: int) -> Call:
    nanvar = load("bottleneck").nanvar
    return lambda: np.asarray(nanvar(task.stack, axis=task.axis))


def numbagg_var(task: VoxelTask, workers: int) -> Call:
    # Compiled without threads: numba would start as many as there are processors.
    numba = load("numba")
    nanvar = load("numbagg").nanvar
    numba.set_num_threads(workers)
    stack = task.stack if task.stack.dtype.kind == "f" else task.stack.astype(task.dtype)

    def call() -> Array:
        return np.asarray(nanvar(stack, axis=task.axis, ddof=0))

    call()
    return call


def voxel_peers(task: VoxelTask) -> tuple[Peer, ...]:
    integers = task.stack.dtype.kind != "f"
    return (
        Peer("NumPy var", "numpy", partial(numpy_var, task)),
        Peer(
            "torch var_mean",
            "torch",
            partial(torch_var, task),
            included=f"the conversion to {task.dtype}" if integers else "",
        ),
        Peer("bottleneck nanvar", "bottleneck", partial(bottleneck_var, task)),
        Peer(
            "numbagg nanvar",
            "numbagg",
            partial(numbagg_var, task),
            included="nothing else: it was given floats" if integers else "",
        ),
    )
