"""Sliding boxes in SciPy, OpenCV, bottleneck, SimpleITK, torch and scikit-image."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from job import Call
from libraries import load

from peers.box_task import BoxTask, Image

MORPHOLOGY = {"min": "erode", "max": "dilate"}


def scipy_uniform_filter(task: BoxTask, workers: int) -> Call:
    uniform_filter = load("scipy.ndimage").uniform_filter

    def call() -> Image:
        samples = task.nonzero if task.statistic == "density" else task.image
        return task.finish(uniform_filter(samples, task.size))

    return call


def scipy_variance(task: BoxTask, workers: int) -> Call:
    """The usual recipe: E[x^2] - E[x]^2."""
    uniform_filter = load("scipy.ndimage").uniform_filter

    def call() -> Image:
        # Squares of integers would overflow.
        samples = task.image if task.is_float else task.image.astype(np.float64)
        mean = uniform_filter(samples, task.size)
        return np.asarray(uniform_filter(samples * samples, task.size) - mean * mean)

    return call


def scipy_extremum(task: BoxTask, workers: int) -> Call:
    names = {"min": "minimum_filter", "max": "maximum_filter"}
    function = getattr(load("scipy.ndimage"), names[task.statistic])
    return lambda: np.asarray(function(task.image, task.size))


def bottleneck_move_mean(task: BoxTask, workers: int) -> Call:
    move_mean = load("bottleneck").move_mean
    (size,) = task.size
    return lambda: np.asarray(move_mean(task.image, size))[size - 1 :]


def opencv_blur(task: BoxTask, workers: int) -> Call:
    cv2 = load("cv2")
    size = task.size[::-1]

    def call() -> Image:
        if task.statistic != "density":
            return task.finish(cv2.blur(task.image, size, borderType=cv2.BORDER_REFLECT))
        mask = cv2.threshold(task.image, 0, 1, cv2.THRESH_BINARY)[1]
        return task.finish(cv2.boxFilter(mask, cv2.CV_32F, size, borderType=cv2.BORDER_REFLECT))

    return call


def opencv_variance(task: BoxTask, workers: int) -> Call:
    cv2 = load("cv2")
    size = task.size[::-1]
    depth = -1 if task.is_float else cv2.CV_64F

    def call() -> Image:
        mean = cv2.boxFilter(task.image, depth, size, borderType=cv2.BORDER_REFLECT)
        squares = cv2.sqrBoxFilter(task.image, depth, size, borderType=cv2.BORDER_REFLECT)
        return np.asarray(squares - mean * mean)

    return call


def opencv_morphology(task: BoxTask, workers: int) -> Call:
    cv2 = load("cv2")
    function = getattr(cv2, MORPHOLOGY[task.statistic])
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, task.size[::-1])
    return lambda: np.asarray(function(task.image, kernel, borderType=cv2.BORDER_REFLECT))


def opencv_slices(task: BoxTask, workers: int) -> Call:
    """Filter every slice of a volume, then across the slices, laid out as one wide image."""
    cv2 = load("cv2")

    depth, rows, columns = task.size

    def blur(image: Image, size: tuple[int, int], target: Image) -> None:
        cv2.blur(image, size, dst=target, borderType=cv2.BORDER_REFLECT)

    def morphology(image: Image, size: tuple[int, int], target: Image) -> None:
        kernel = cv2.getStructuringElement(cv2.MORPH_RECT, size)
        function = getattr(cv2, MORPHOLOGY[task.statistic])
        function(image, kernel, dst=target, borderType=cv2.BORDER_REFLECT)

    apply = blur if task.statistic == "mean" else morphology

    def call() -> Image:
        slices = task.image.shape[0]
        within, across = np.empty_like(task.image), np.empty_like(task.image)
        for plane, target in zip(task.image, within, strict=True):
            apply(plane, (columns, rows), target)
        apply(within.reshape(slices, -1), (1, depth), across.reshape(slices, -1))
        return across

    return call


def simpleitk(task: BoxTask, workers: int) -> Call:
    library = load("SimpleITK")
    image = library.GetImageFromArray(task.image)
    radius = [size // 2 for size in task.size[::-1]]
    # BoxSigma divides by the number of samples less one.
    scale = np.float32((task.samples - 1) / task.samples)
    apply: dict[str, Callable[[], Any]] = {
        "mean": lambda: library.BoxMean(image, radius),
        "var": lambda: library.BoxSigma(image, radius),
        "min": lambda: library.GrayscaleErode(image, radius, library.sitkBox),
        "max": lambda: library.GrayscaleDilate(image, radius, library.sitkBox),
    }

    def call() -> Image:
        result: Image = library.GetArrayFromImage(apply[task.statistic]())
        return result * result * scale if task.statistic == "var" else result

    return call


def torch_pool(task: BoxTask, workers: int) -> Call:
    return _torch_pools(task, [task.size])


def torch_pool_by_axis(task: BoxTask, workers: int) -> Call:
    ones = np.ones(len(task.size), int)
    by_axis = [np.where(np.arange(ones.size) == axis, task.size, ones) for axis in range(ones.size)]
    return _torch_pools(task, [tuple(map(int, size)) for size in by_axis])


def _torch_pools(task: BoxTask, sizes: list[tuple[int, ...]]) -> Call:
    torch = load("torch")
    dimensions = len(task.size)
    average = getattr(torch.nn.functional, f"avg_pool{dimensions}d")
    maximum = getattr(torch.nn.functional, f"max_pool{dimensions}d")

    def pool(tensor: Any, size: tuple[int, ...]) -> Any:
        padding = tuple(each // 2 for each in size)
        if task.statistic in ("mean", "density"):
            return average(tensor, size, 1, padding, count_include_pad=False)
        return maximum(tensor, size, 1, padding)

    def call() -> Image:
        samples = task.nonzero if task.statistic == "density" else task.image
        # Both pools take (batch, channel, ...).
        result = torch.from_numpy(samples)[None, None]
        result = -result if task.statistic == "min" else result
        for size in sizes:
            result = pool(result, size)
        result = -result if task.statistic == "min" else result
        return task.finish(np.asarray(result[0, 0].numpy()))

    return call


def skimage_rank(task: BoxTask, workers: int) -> Call:
    rank = load("skimage.filters.rank")
    function = {"mean": rank.mean, "min": rank.minimum, "max": rank.maximum}[task.statistic]
    footprint = np.ones(task.size, np.uint8)
    return lambda: np.asarray(function(task.image, footprint))


def skimage_morphology(task: BoxTask, workers: int) -> Call:
    morphology = load("skimage.morphology")
    function = {"min": morphology.erosion, "max": morphology.dilation}[task.statistic]
    footprint = morphology.footprint_rectangle(task.size, decomposition="separable")
    return lambda: np.asarray(function(task.image, footprint))


def skimage_integral(task: BoxTask, workers: int) -> Call:
    """Take the differences of an integral image, for the boxes that lie wholly inside."""
    integral_image = load("skimage.transform").integral_image

    def call() -> Image:
        sums = np.pad(integral_image(task.image, dtype=np.float64), [(1, 0)] * task.image.ndim)
        total = 0.0
        for corner in product((0, 1), repeat=task.image.ndim):
            part = tuple(
                slice(s, None) if high else slice(None, -s)
                for high, s in zip(corner, task.size, strict=True)
            )
            total = total + (-1) ** (task.image.ndim - sum(corner)) * sums[part]
        mean = np.asarray(total) / task.samples
        return task.finish(mean) if task.to_integer else mean.astype(task.image.dtype)

    return call
