"""Statistics of masks and labels in other libraries."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from job import Call, Peer
from libraries import load
from numpy.typing import NDArray

from agreement import Tolerance

Image = NDArray[Any]


def boolean_indexing(image: Image, mask: Image, workers: int) -> Call:
    return lambda: np.asarray(image[mask].mean(axis=0, dtype=np.float64))


def tensordot(image: Image, mask: Image, workers: int) -> Call:
    axes = tuple(range(mask.ndim))

    def call() -> Image:
        # In float32 the fastest known, but 24 million samples leave three or four digits.
        total = np.tensordot(mask.astype(np.float32), image.astype(np.float32), (axes, axes))
        return np.asarray(total / np.count_nonzero(mask))

    return call


def sum_of_product(image: Image, mask: Image, workers: int) -> Call:
    axes = tuple(range(mask.ndim))
    added = mask[..., None] if image.ndim > mask.ndim else mask
    return lambda: np.asarray((image * added).sum(axis=axes) / np.count_nonzero(mask))


def opencv_mean(image: Image, mask: Image, workers: int) -> Call:
    cv2 = load("cv2")
    wanted: Any = slice(image.shape[-1]) if image.ndim > mask.ndim else 0
    bytes_of_mask = mask.view(np.uint8)
    return lambda: np.array(cv2.mean(image, bytes_of_mask)[wanted])


def mask_peers(image: Image, mask: Image) -> tuple[Peer, ...]:
    """Return the peers for the mean under a mask."""
    peers = [
        Peer("NumPy image[mask].mean(0)", "numpy", partial(boolean_indexing, image, mask)),
        Peer(
            "NumPy tensordot",
            "numpy",
            partial(tensordot, image, mask),
            "copies in float32",
            Tolerance(rtol=1e-3),
        ),
        Peer(
            "NumPy sum of product",
            "numpy",
            partial(sum_of_product, image, mask),
            # float32 is summed in float32.
            agreement=Tolerance(rtol=1e-3) if image.dtype == np.float32 else None,
        ),
    ]
    if image.ndim == 2 or image.shape[-1] <= 4:
        peers.append(Peer("OpenCV mean", "cv2", partial(opencv_mean, image, mask)))
    return tuple(peers)


def planes_of(image: Image, labels: Image) -> list[Image]:
    if image.ndim == labels.ndim:
        return [image]
    return [image[..., channel] for channel in range(image.shape[-1])]


def stacked(columns: Sequence[Image], image: Image, labels: Image) -> Image:
    return np.stack(columns, axis=-1) if image.ndim > labels.ndim else columns[0]


def bincount(image: Image, labels: Image, count: int, workers: int) -> Call:
    def call() -> Image:
        flat = labels.ravel()
        pixels = np.bincount(flat, minlength=count + 1)[1:]
        sums = [
            np.bincount(flat, plane.ravel(), minlength=count + 1)[1:]
            for plane in planes_of(image, labels)
        ]
        return stacked([each / pixels for each in sums], image, labels)

    return call


def scipy_mean(image: Image, labels: Image, count: int, workers: int) -> Call:
    ndimage = load("scipy.ndimage")
    index = np.arange(1, count + 1)

    def call() -> Image:
        means = [ndimage.mean(plane, labels, index) for plane in planes_of(image, labels)]
        return stacked(means, image, labels)

    return call


def scipy_deviation(image: Image, labels: Image, count: int, workers: int) -> Call:
    ndimage = load("scipy.ndimage")
    index = np.arange(1, count + 1)

    def call() -> Image:
        planes = planes_of(image, labels)
        spreads = [ndimage.standard_deviation(plane, labels, index) for plane in planes]
        return stacked(spreads, image, labels)

    return call


def regionprops_mean(image: Image, labels: Image, count: int, workers: int) -> Call:
    measure = load("skimage.measure")

    def call() -> Image:
        table = measure.regionprops_table(labels, image, ("intensity_mean",))
        return stacked(list(table.values()), image, labels)

    return call


# More regions than that take scikit-image minutes.
_MANY_OBJECTS = 5000


def label_peers(
    image: Image, labels: Image, count: int, statistic: str, compact: bool
) -> tuple[Peer, ...]:
    """Return the peers for a statistic of labels from 1 to `count`, all of which occur."""
    if statistic == "std":
        return (
            Peer(
                "SciPy standard_deviation", "scipy", partial(scipy_deviation, image, labels, count)
            ),
        )
    peers = [
        Peer("NumPy bincount", "numpy", partial(bincount, image, labels, count)),
        Peer("SciPy mean", "scipy", partial(scipy_mean, image, labels, count)),
    ]
    if compact and count <= _MANY_OBJECTS:
        peers.append(
            Peer("scikit-image", "skimage", partial(regionprops_mean, image, labels, count))
        )
    return tuple(peers)


def regionprops_shapes(labels: Image, workers: int) -> Call:
    measure = load("skimage.measure")

    def call() -> Image:
        table = measure.regionprops_table(labels, properties=("num_pixels", "bbox", "centroid"))
        return np.stack([table["num_pixels"], table["centroid-0"], table["centroid-1"]], axis=-1)

    return call


def cc3d_statistics(labels: Image, workers: int) -> Call:
    cc3d = load("cc3d")

    def call() -> Image:
        found = cc3d.statistics(labels)
        pixels, centroids = found["voxel_counts"], found["centroids"]
        return np.concatenate([pixels[1:, None], centroids[1:, :2]], axis=1)

    return call


def shape_peers(labels: Image, count: int, compact: bool) -> tuple[Peer, ...]:
    """Return the peers for counts, bounding boxes and centroids."""
    peers = [Peer("cc3d", "cc3d", partial(cc3d_statistics, labels))]
    if compact and count <= _MANY_OBJECTS:
        peers.append(Peer("scikit-image", "skimage", partial(regionprops_shapes, labels)))
    return tuple(peers)
