"""Blocks in scikit-image, xarray, OpenCV, torch, tensorstore and tinybrain."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from job import Arrays, Call
from libraries import load

from peers.block_task import BlockTask, Image
from peers.blocks_numpy import FUNCTIONS, samples_of


def scikit_image(task: BlockTask, workers: int) -> Call:
    block_reduce = load("skimage.measure").block_reduce
    function = np.nanmean if task.skipna else FUNCTIONS[task.statistic]
    return lambda: task.finish(
        block_reduce(samples_of(task, task.trimmed), task.block, func=function)
    )


def xarray_coarsen(task: BlockTask, workers: int) -> Call:
    data_array = load("xarray").DataArray
    names = [f"axis_{axis}" for axis in range(task.image.ndim)]
    windows = dict(zip(names, task.block, strict=True))
    partial = task.boundary == "partial"
    boundary = "pad" if partial else "trim"
    method = {"density": "mean"}.get(task.statistic, task.statistic)
    skips = partial or task.selects

    def call() -> Image:
        samples = samples_of(task, task.image)
        # Padding is with NaN, which a bool image cannot hold.
        array = data_array(samples.astype(np.float32) if partial else samples, dims=names)
        if task.where is not None:
            array = array.where(task.where)
        coarse = array.coarsen(windows, boundary=boundary)
        # Its own methods skip NaN in floats; NumPy's function spares the pass that looks for NaN.
        small = getattr(coarse, method)() if skips else coarse.reduce(FUNCTIONS[task.statistic])
        return task.finish(small.values)

    return call


def opencv_area(task: BlockTask, workers: int) -> Call:
    cv2 = load("cv2")
    height, width = task.blocks[:2]

    def shrink(image: Image) -> Image:
        plane: Image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        return plane if len(task.block) == 2 else shrink_channels(plane, task.block[2])

    def call() -> Image:
        # OpenCV reads rows of contiguous pixels; for such an image this copies nothing.
        image: Image = np.ascontiguousarray(task.trimmed)
        if task.selects:
            filled, weights = task.filled_and_weights()
            return shrink(filled) / shrink(weights)
        if task.statistic == "density":
            ones = cv2.threshold(image, 0, 1, cv2.THRESH_BINARY)[1]
            return shrink(ones.astype(np.float32))
        if task.statistic == "var":
            variance: Image = shrink(cv2.multiply(image, image)) - shrink(image) ** 2
            return variance
        if task.statistic == "sum":
            total: Image = shrink(image) * image.dtype.type(task.samples)
            return total
        return shrink(image.astype(np.float32) if task.dtype == "float64" else image)

    return call


def shrink_channels(image: Image, b: int) -> Image:
    """Average groups of b channels, which INTER_AREA leaves alone."""
    wide = np.dtype(np.uint16) if image.dtype == np.uint8 else image.dtype
    total = np.add(image[..., 0::b], image[..., 1::b], dtype=wide)
    for k in range(2, b):
        total += image[..., k::b]
    if image.dtype == np.uint8:
        return ((total + b // 2) // b).astype(np.uint8)
    total /= image.dtype.type(b)
    return total


def opencv_area_rounded(task: BlockTask, workers: int) -> Call:
    """Density in 1/255ths: the threshold's 0 and 255 averaged in uint8."""
    cv2 = load("cv2")
    height, width = task.blocks

    def call() -> Image:
        image = np.ascontiguousarray(task.trimmed)
        full = cv2.threshold(image, 0, 255, cv2.THRESH_BINARY)[1]
        small: Image = cv2.resize(full, (width, height), interpolation=cv2.INTER_AREA)
        return small * np.float32(1 / 255)

    return call


def opencv_morphology(task: BlockTask, workers: int) -> Call:
    """Take the minimum or maximum around every pixel, then keep one of each block."""
    cv2 = load("cv2")
    function = {"min": cv2.erode, "max": cv2.dilate}[task.statistic]
    rows, columns = task.block
    kernel = np.ones(task.block, np.uint8)

    def call() -> Image:
        spread = function(task.trimmed, kernel, anchor=(0, 0))
        return np.ascontiguousarray(spread[::rows, ::columns])

    return call


def opencv_median_blur(task: BlockTask, workers: int) -> Call:
    """Take the median around every pixel, then keep the middle one of each block."""
    cv2 = load("cv2")
    size = task.block[0]
    middle = size // 2

    def call() -> Image:
        blurred = cv2.medianBlur(task.trimmed, size)
        return np.ascontiguousarray(blurred[middle::size, middle::size])

    return call


def strips(image: Any, task: BlockTask, workers: int) -> Any:
    """Lay a tensor out as (strips, 1, ...): pooling shares only these among its threads."""
    height = image.shape[0]
    if workers > 1 and height % (workers * task.block[0]) == 0:
        return image.reshape(workers, 1, height // workers, *image.shape[1:])
    return image[None, None]


def torch_pool(task: BlockTask, workers: int) -> Call:
    torch = load("torch")
    functional = torch.nn.functional
    dimensions = len(task.block)
    average = getattr(functional, f"avg_pool{dimensions}d")
    maximum = getattr(functional, f"max_pool{dimensions}d")
    partial = task.boundary == "partial"
    # The edge cells take other rows than the strips would give them.
    parts = 1 if partial else workers

    def pool(tensor: Any) -> Any:
        return average(strips(tensor, task, parts), task.block, ceil_mode=partial)

    def statistic(tensor: Any) -> Any:
        if task.statistic == "density":
            return pool((tensor != 0).float())
        if task.statistic == "sum":
            return average(strips(tensor, task, parts), task.block, divisor_override=1)
        if task.statistic == "max":
            return maximum(strips(tensor, task, parts), task.block)
        if task.statistic == "min":
            return -maximum(strips(-tensor, task, parts), task.block)
        if task.statistic == "var":
            return pool(tensor * tensor) - pool(tensor) ** 2
        return pool(tensor if tensor.is_floating_point() else tensor.float())

    def selected(tensor: Any) -> Any:
        if task.where is not None:
            weights = torch.from_numpy(task.weights)
            return pool(tensor * weights) / pool(weights)
        valid = (~torch.isnan(tensor)).to(tensor.dtype)
        return pool(torch.nan_to_num(tensor, nan=0.0)) / pool(valid)

    def call() -> Image:
        tensor = torch.from_numpy(task.image if partial else task.trimmed)
        result = selected(tensor) if task.selects else statistic(tensor)
        if task.to_integer:
            result = result.round_().to(getattr(torch, str(task.dtype)))
        return np.asarray(result.reshape(-1, *result.shape[3:]).numpy())

    return call


def torch_reduce(task: BlockTask, workers: int) -> Call:
    torch = load("torch")
    shape = [part for n, b in zip(task.blocks, task.block, strict=True) for part in (n, b)]
    axes = tuple(range(1, len(shape), 2))

    def call() -> Image:
        view = torch.from_numpy(task.trimmed).reshape(shape)
        if task.statistic == "var":
            result = torch.var(view, dim=axes, correction=0)
        else:
            result = {"min": torch.amin, "max": torch.amax, "mean": torch.nanmean}[task.statistic](
                view, dim=axes
            )
        return np.asarray(result.numpy())

    return call


def tensorstore_downsample(task: BlockTask, workers: int) -> Call:
    tensorstore = load("tensorstore")
    context = tensorstore.Context({"data_copy_concurrency": {"limit": workers}})
    method = {"density": "mean"}.get(task.statistic, task.statistic)
    dtype = "float32" if task.statistic == "density" else task.dtype

    def call() -> Image:
        image = task.image if task.boundary == "partial" else task.trimmed
        source = tensorstore.array(samples_of(task, image), context=context)
        if dtype is not None:
            source = tensorstore.cast(source, getattr(tensorstore, dtype))
        small = tensorstore.downsample(source, list(task.block), method)
        return np.asarray(small.read().result())

    return call


def tinybrain_form(image: Image) -> Image:
    """Return the Fortran-ordered array with a channel axis that tinybrain's kernels work on."""
    return np.asfortranarray(image)[..., np.newaxis]


def tinybrain_levels(task: BlockTask, levels: int) -> Call:
    """Return all levels of a 2x2x2 pyramid, made from unrounded sums."""
    average = load("tinybrain").downsample_with_averaging
    image = tinybrain_form(task.image)
    factor = (*(2 for _ in task.block), 1)

    def call() -> Arrays:
        return [level[..., 0] for level in average(image, factor, num_mips=levels)]

    return call


def tinybrain_average(task: BlockTask, workers: int) -> Call:
    levels = task.block[0].bit_length() - 1
    if prod(task.block) != 2 ** (levels * len(task.block)):
        raise ValueError(f"tinybrain needs equal powers of two, got blocks of {task.block}")
    call_levels = tinybrain_levels(task, levels)
    return lambda: call_levels()[-1]


def tinybrain_mode(task: BlockTask, workers: int) -> Call:
    segment = load("tinybrain").downsample_segmentation
    image = tinybrain_form(task.image)
    return lambda: segment(image, (*task.block, 1))[0][..., 0]
