"""Which peers take part in which block job."""

from __future__ import annotations

from dataclasses import dataclass

from job import Peer

from agreement import Tolerance
from peers import blocks_libraries as libraries
from peers import blocks_numpy as numpy_idioms
from peers.block_task import BlockTask
from peers.entry import Entry

ADDITIVE = frozenset({"mean", "density", "sum"})
EXTREMES = frozenset({"min", "max"})
NONZERO = {"density": "image != 0"}
RATIO = "means of image and of mask, divided"
MOMENTS = "E[x^2] - E[x]^2"


@dataclass(frozen=True)
class BlockPeer(Entry[BlockTask]):
    """A peer, and the block tasks it can do."""

    partial: bool = False
    """Whether it divides a partial edge block by the samples that are there."""
    selects: bool = False
    """Whether it can leave samples out."""

    def can(self, task: BlockTask) -> bool:
        return (
            super().can(task)
            and (self.partial or task.boundary == "trim")
            and (self.selects or not task.selects)
        )


def is_planar(task: BlockTask) -> bool:
    return len(task.block) == 2


def is_power_of_two_mean(task: BlockTask) -> bool:
    edges = set(task.block)
    return (
        len(task.block) == 3
        and len(edges) == 1
        and edges <= {2, 4, 8}
        and not (task.image.dtype.kind in "iu" and not task.to_integer)
    )


def is_odd_square(task: BlockTask) -> bool:
    return is_planar(task) and len(set(task.block)) == 1 and task.block[0] % 2 == 1


BLOCK_PEERS = (
    BlockPeer(
        "NumPy reshape",
        "numpy",
        ADDITIVE | EXTREMES | {"var"},
        numpy_idioms.reshape,
        selects=True,
        notes=NONZERO,
    ),
    BlockPeer("NumPy count_nonzero", "numpy", frozenset({"density"}), numpy_idioms.count_nonzero),
    BlockPeer(
        "NumPy slices",
        "numpy",
        ADDITIVE | EXTREMES,
        numpy_idioms.slices,
        selects=True,
        notes=NONZERO,
    ),
    BlockPeer(
        "NumPy axis by axis",
        "numpy",
        ADDITIVE | EXTREMES,
        numpy_idioms.axis_by_axis,
        notes=NONZERO,
    ),
    BlockPeer("NumPy median", "numpy", frozenset({"median"}), numpy_idioms.median_of_blocks),
    BlockPeer(
        "scikit-image block_reduce",
        "skimage",
        ADDITIVE | EXTREMES | {"var", "median"},
        libraries.scikit_image,
        accepts=lambda task: task.where is None,
        selects=True,
        notes=NONZERO,
    ),
    BlockPeer(
        "xarray coarsen",
        "xarray",
        ADDITIVE | EXTREMES | {"var", "median"},
        libraries.xarray_coarsen,
        partial=True,
        selects=True,
        notes=NONZERO,
    ),
    BlockPeer(
        "OpenCV INTER_AREA",
        "cv2",
        ADDITIVE | {"var"},
        libraries.opencv_area,
        selects=True,
        notes={
            "density": "threshold, float32",
            "selects": RATIO,
            "var": MOMENTS,
            "volume": "third axis by NumPy slices",
            "strided": "contiguous copy",
        },
    ),
    BlockPeer(
        "OpenCV INTER_AREA in uint8",
        "cv2",
        frozenset({"density"}),
        libraries.opencv_area_rounded,
        accepts=is_planar,
        notes={"any": "threshold; rounds to 1/255"},
        agreement=lambda task: Tolerance(atol=0.51 / 255),
    ),
    BlockPeer(
        "OpenCV erode/dilate",
        "cv2",
        EXTREMES,
        libraries.opencv_morphology,
        accepts=is_planar,
        notes={"any": "every pixel's window"},
    ),
    BlockPeer(
        "OpenCV medianBlur",
        "cv2",
        frozenset({"median"}),
        libraries.opencv_median_blur,
        accepts=is_odd_square,
        notes={"any": "every pixel's window"},
    ),
    BlockPeer(
        "torch pooling",
        "torch",
        ADDITIVE | EXTREMES | {"var"},
        libraries.torch_pool,
        partial=True,
        selects=True,
        notes={"density": "image != 0 as float32", "selects": RATIO, "var": MOMENTS},
    ),
    BlockPeer(
        "torch reduction",
        "torch",
        EXTREMES | {"var"},
        libraries.torch_reduce,
    ),
    BlockPeer(
        "torch nanmean",
        "torch",
        frozenset({"mean"}),
        libraries.torch_reduce,
        accepts=lambda task: task.skipna,
        selects=True,
    ),
    BlockPeer(
        "tensorstore downsample",
        "tensorstore",
        EXTREMES | {"mean", "density", "median", "mode"},
        libraries.tensorstore_downsample,
        partial=True,
        notes={"density": "image != 0, float32"},
    ),
    BlockPeer(
        "tinybrain",
        "tinybrain",
        frozenset({"mean"}),
        libraries.tinybrain_average,
        accepts=is_power_of_two_mean,
        notes={"any": "levels of 2x2x2"},
    ),
    BlockPeer(
        "tinybrain segmentation",
        "tinybrain",
        frozenset({"mode"}),
        libraries.tinybrain_mode,
    ),
)


def block_peers(task: BlockTask) -> tuple[Peer, ...]:
    """Return every peer that can do the task."""
    return tuple(entry.peer(task) for entry in BLOCK_PEERS if entry.can(task))
