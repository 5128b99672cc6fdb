"""Which peers take part in which box job."""

from __future__ import annotations

from job import Peer

from agreement import Agreement, Tolerance
from peers import boxes_libraries as libraries
from peers.box_task import BoxTask, Inside
from peers.entry import Entry

AVERAGES = frozenset({"mean", "density"})
MEAN = frozenset({"mean"})
VARIANCE = frozenset({"var"})
EXTREMES = frozenset({"min", "max"})
MOMENTS = "E[x^2] - E[x]^2"
LONGEST_RANK = 15

IN_FLOAT32 = Tolerance(rtol=2e-6)


def inside(task: BoxTask) -> Agreement:
    """Compare away from the border, where the library divides by the samples in bounds."""
    if task.to_integer:
        return Inside(task, Tolerance(atol=1))
    return Inside(task, Tolerance(rtol=1e-4) if task.statistic == "var" else IN_FLOAT32)


def rounded_per_axis(task: BoxTask) -> Agreement | None:
    """Allow each axis its rounding, where the library keeps the results between in integers."""
    return Tolerance(atol=len(task.size)) if task.to_integer else None


BOX_PEERS: tuple[Entry[BoxTask], ...] = (
    Entry(
        "SciPy uniform_filter",
        "scipy",
        AVERAGES,
        libraries.scipy_uniform_filter,
        notes={"density": "image != 0, float32", "to integers": "truncates after every axis"},
        agreement=rounded_per_axis,
    ),
    Entry(
        "SciPy uniform_filter, twice",
        "scipy",
        VARIANCE,
        libraries.scipy_variance,
        notes={"any": MOMENTS},
    ),
    Entry("SciPy minimum/maximum_filter", "scipy", EXTREMES, libraries.scipy_extremum),
    Entry(
        "OpenCV blur",
        "cv2",
        AVERAGES,
        libraries.opencv_blur,
        accepts=lambda task: task.is_planar,
        notes={"density": "threshold"},
    ),
    Entry(
        "OpenCV blur and sqrBoxFilter",
        "cv2",
        VARIANCE,
        libraries.opencv_variance,
        accepts=lambda task: task.is_planar,
        notes={"any": MOMENTS},
    ),
    Entry(
        "OpenCV erode/dilate",
        "cv2",
        EXTREMES,
        libraries.opencv_morphology,
        accepts=lambda task: task.is_planar,
    ),
    Entry(
        "OpenCV by slices",
        "cv2",
        MEAN | EXTREMES,
        libraries.opencv_slices,
        accepts=lambda task: task.image.ndim == 3,
        notes={"any": "each slice, then across the slices"},
        agreement=rounded_per_axis,
    ),
    Entry(
        "bottleneck move_mean",
        "bottleneck",
        MEAN,
        libraries.bottleneck_move_mean,
        # In float32 it drifts.
        accepts=lambda task: task.is_line and task.image.dtype == "float64",
        notes={"any": "boxes wholly inside only"},
        agreement=inside,
    ),
    Entry(
        "SimpleITK box",
        "SimpleITK",
        MEAN | VARIANCE | EXTREMES,
        libraries.simpleitk,
        # BoxSigma of integers is cut off to integers.
        accepts=lambda task: (
            task.is_odd and not task.is_line and (task.is_float or task.statistic != "var")
        ),
        notes={"var": "BoxSigma, squared"},
        agreement=inside,
    ),
    Entry(
        "torch pooling",
        "torch",
        AVERAGES | EXTREMES,
        libraries.torch_pool,
        accepts=lambda task: (
            task.is_odd and task.is_small and (task.is_float or task.statistic == "density")
        ),
        notes={"density": "image != 0, float32"},
        agreement=inside,
    ),
    Entry(
        "torch pooling by axis",
        "torch",
        AVERAGES | EXTREMES,
        libraries.torch_pool_by_axis,
        accepts=lambda task: task.is_odd and (task.is_float or task.statistic == "density"),
        notes={"density": "image != 0, float32", "any": "one axis after the other"},
        agreement=inside,
    ),
    Entry(
        "scikit-image rank",
        "skimage",
        MEAN,
        libraries.skimage_rank,
        accepts=lambda task: (
            task.is_planar
            and task.is_odd
            and task.image.dtype == "uint8"
            and max(task.size) <= LONGEST_RANK
        ),
        notes={"any": "truncates"},
        agreement=inside,
    ),
    Entry(
        "scikit-image erosion/dilation",
        "skimage",
        EXTREMES,
        libraries.skimage_morphology,
        accepts=lambda task: task.is_odd,
    ),
    Entry(
        "scikit-image integral_image",
        "skimage",
        MEAN,
        libraries.skimage_integral,
        notes={"any": "differences; boxes wholly inside only"},
        agreement=inside,
    ),
)


def box_peers(task: BoxTask) -> tuple[Peer, ...]:
    """Return every peer that can do the task."""
    return tuple(entry.peer(task) for entry in BOX_PEERS if entry.can(task))
