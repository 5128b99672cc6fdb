"""Ten calls whose instructions are counted, one after another: see ``instructions.py``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import boxel as bx
from boxel import _core

# Read between two calls: the counter begins a new count whenever the reader is entered.
_MARKER = np.zeros(8, np.uint64)


def core_calls() -> dict[str, Callable[[], object]]:
    """Return small inputs' calls by name; each lasts a few million instructions at most."""
    random = np.random.default_rng(0)
    bytes_image = random.integers(0, 256, (512, 512), dtype=np.uint8)
    floats = random.random((48, 48, 48), dtype=np.float32)
    doubles = random.random((100, 100, 12))
    stack = random.random((64, 64, 20))
    frame = random.random((64, 1024))
    colours = random.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    labels = random.integers(0, 100, (256, 256), dtype=np.int32)
    distances = random.random(400 * 399 // 2)
    fingerprints = random.integers(0, 256, (200, 256), dtype=np.uint8)
    running = bx.RunningStats(frame.shape)
    return {
        "density of uint8, 8 x 8": lambda: bx.density_map(bytes_image, 8, workers=1),
        "mean of float64, 10 x 10 x 3": lambda: bx.block_reduce(doubles, (10, 10, 3), workers=1),
        "mean of float32, 2 x 2 x 2": lambda: bx.block_reduce(floats, 2, workers=1),
        "sliding mean of float32, 9": lambda: bx.box_filter(floats, 9, workers=1),
        "sliding variance of float32, 9": lambda: bx.box_filter(floats, 9, "var", workers=1),
        "variance of voxels, last axis": lambda: bx.voxel_var(stack, -1, workers=1),
        "one more frame of running statistics": lambda: running.update(frame),
        "mean colour of 100 labels": lambda: bx.label_stats(
            labels, colours, channel_axis=-1, workers=1
        ),
        "average linkage of 400": lambda: bx.linkage(distances, workers=1),
        "tanimoto distances of 200": lambda: bx.tanimoto_distances(fingerprints, workers=1),
    }


def main() -> None:
    calls = core_calls()
    for call in calls.values():
        call()  # what is built when it is first used does not count
    for call in calls.values():
        _core.read_roofline(_MARKER)
        call()
    _core.read_roofline(_MARKER)


if __name__ == "__main__":
    main()
