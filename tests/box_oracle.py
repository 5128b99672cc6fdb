"""The obvious, slow answer for sliding boxes: every box is laid out apart and reduced as a block.

The samples of each box are looked up one by one by the rule of its mode. Laid side by side they
make a larger image whose blocks are the boxes; the statistics, their exact arithmetic and the
roundings allowed are those of `oracle`.
"""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

import oracle

STATISTICS = tuple(name for name in oracle.STATISTICS if name not in ("median", "mode"))

OUTSIDE = -1


# Modes: the sample that stands at an index, also beyond the border --------------------------------


def reflect(index, length):
    """Return the source of d c b a | a b c d | d c b a."""
    index %= 2 * length
    return min(index, 2 * length - 1 - index)


def mirror(index, length):
    """Return the source of d c b | a b c d | c b a."""
    if length == 1:
        return 0
    index %= 2 * length - 2
    return min(index, 2 * length - 2 - index)


def nearest(index, length):
    """Return the source of a a a a | a b c d | d d d d."""
    return min(max(index, 0), length - 1)


def wrap(index, length):
    """Return the source of a b c d | a b c d | a b c d."""
    return index % length


def in_bounds(index, length):
    """Return the index itself where there is a sample."""
    return index if 0 <= index < length else OUTSIDE


MODES = {
    "reflect": reflect,
    "mirror": mirror,
    "nearest": nearest,
    "wrap": wrap,
    "constant": in_bounds,
    "valid": in_bounds,
    "shrink": in_bounds,
}
SCIPY_MODES = ("reflect", "mirror", "nearest", "wrap", "constant")
ALIASES = {"grid-mirror": "reflect", "grid-wrap": "wrap", "grid-constant": "constant"}


def legal_origins(size):
    """Return the origins with which a box holds its own sample."""
    return range(-(size // 2), (size - 1) // 2 + 1)


def sources(length, size, mode, origin=0, stride=1):
    """Return for every output of one axis where each sample of its box comes from, or OUTSIDE."""
    if mode == "valid":
        starts = range(max(length - size + 1, 0))
    else:
        starts = range(-(size // 2) - origin, length - size // 2 - origin)
    rule = MODES[mode]
    return [[rule(start + step, length) for step in range(size)] for start in starts[::stride]]


def multiplicities(length, size, mode, origin=0, stride=1):
    """Return how often each output (row) of one axis meets each sample (column), as Python ints."""
    boxes = sources(length, size, mode, origin, stride)
    counts = [[box.count(index) for index in range(length)] for box in boxes]
    return np.array(counts, dtype=object).reshape(len(boxes), length)


def touched(place, shape, sizes, modes, origins=None, strides=None):
    """Return for every output whether its box holds the sample at `place`."""
    origins = [0] * len(shape) if origins is None else origins
    strides = [1] * len(shape) if strides is None else strides
    held = np.ones((), dtype=bool)
    for index, *axis in zip(place, shape, sizes, modes, origins, strides, strict=True):
        held = np.multiply.outer(held, [index in box for box in sources(*axis)])
    return held.astype(bool)


# Boxes --------------------------------------------------------------------------------------------


class Boxes(NamedTuple):
    """The boxes of an image side by side: their samples, their size, the samples that count."""

    samples: np.ndarray
    sizes: tuple
    where: np.ndarray


def one_per_axis(mode, axes, ndim):
    """Spread one mode, or one per named axis, over all axes, aliases resolved."""
    axes = range(ndim) if axes is None else np.atleast_1d(axes)
    modes = [mode] * len(axes) if isinstance(mode, str) else list(mode)
    spread = ["reflect"] * ndim
    for axis, name in zip(axes, modes, strict=True):
        spread[axis] = ALIASES.get(name, name)
    return spread


def lay_out(
    image, size, *, axes=None, mode="reflect", cval=0, origin=0, stride=1, where=None
):  # fmt: skip
    """Lay the boxes of an image side by side."""
    if np.ma.isMaskedArray(image):
        unmasked = ~np.ma.getmaskarray(image)
        where = unmasked if where is None else unmasked & where
        image = image.data
    samples = oracle.native(image)
    ndim = samples.ndim
    kept = np.broadcast_to(True if where is None else where, samples.shape)
    padding = np.zeros(samples.shape, dtype=bool)
    nowhere = np.zeros(samples.shape, dtype=bool)
    sizes = oracle.one_per_axis(size, axes, ndim, 1)
    modes = one_per_axis(mode, axes, ndim)
    origins = oracle.one_per_axis(origin, axes, ndim, 0)
    strides = oracle.one_per_axis(stride, axes, ndim, 1)
    for axis, plan in enumerate(zip(samples.shape, sizes, modes, origins, strides, strict=True)):
        index = np.array(sources(*plan), dtype=np.intp).ravel()
        arrays = (samples, kept, padding, nowhere)
        samples, kept, padding, nowhere = (array.take(index.clip(0), axis) for array in arrays)
        beyond = (index == OUTSIDE).reshape([-1 if each == axis else 1 for each in range(ndim)])
        if modes[axis] == "constant":
            padding = padding | beyond
        else:
            nowhere = nowhere | beyond
    samples = np.where(padding, np.asarray(cval if padding.any() else 0, samples.dtype), samples)
    return Boxes(samples, tuple(sizes), (kept | padding) & ~nowhere)


GEOMETRY = ("axes", "mode", "cval", "origin", "stride", "where")


def box_filter(image, size, statistic="mean", **options):
    """Return the statistic of every box."""
    geometry = {name: options.pop(name) for name in GEOMETRY if name in options}
    boxes = lay_out(image, size, **geometry)
    return oracle.block_reduce(boxes.samples, boxes.sizes, statistic, where=boxes.where, **options)


# uniform_filter -----------------------------------------------------------------------------------


def exact_means(image, size, **geometry):
    """Return the mean of every box as a Fraction; all samples must be finite."""
    samples, sizes, _ = lay_out(image, size, **geometry)
    pairs = [(length // side, side) for length, side in zip(samples.shape, sizes, strict=True)]
    exact = np.empty(samples.shape, dtype=object)
    exact[...] = np.vectorize(oracle.exact, otypes=[object])(samples.astype(object))
    split = exact.reshape([length for pair in pairs for length in pair])
    totals = np.asarray(split.sum(axis=tuple(range(1, split.ndim, 2))), dtype=object)
    means = [Fraction(total) / math.prod(sizes) for total in totals.ravel()]
    result = np.empty(len(means), dtype=object)
    result[:] = means
    return result.reshape([count for count, _ in pairs])


def truncate(means, dtype):
    """Store exact means in an integer dtype: cut toward zero, once, and saturate.

    As in SciPy, bool is whether anything but 0 is left.
    """
    dtype = np.dtype(dtype).newbyteorder("=")
    cut = [math.trunc(mean) for mean in means.ravel()]
    if dtype.kind != "b":
        limits = np.iinfo(dtype)
        cut = [min(max(whole, limits.min), limits.max) for whole in cut]
    return np.array(cut, dtype=dtype).reshape(means.shape)


def uniform_filter(image, size=3, output=None, **geometry):
    """Return the mean of every box in a dtype, by default that of the image."""
    dtype = np.dtype(np.asarray(image).dtype if output is None else output).newbyteorder("=")
    if dtype.kind == "f":
        return box_filter(image, size, "mean", dtype=dtype, **geometry)
    return truncate(exact_means(image, size, **geometry), dtype)


def exact_sums(image, size, mode, cval=0.0, stride=1, finest=0):
    """Sum the boxes of an image of multiples of 2^-finest in integers, axis by axis.

    For images larger than every sample of every box could be looked at. The sums must be exact in
    float64, and fit into 64 bits as multiples.
    """
    strides = np.broadcast_to(stride, image.ndim)
    sums = np.ldexp(image.astype("float64"), finest).astype("int64")
    beyond = int(np.ldexp(float(np.float32(cval)), finest))
    for axis, length in enumerate(image.shape):
        taken = sources(length, size[axis], mode, stride=strides[axis])
        index = np.array(taken, dtype=np.intp).ravel()
        lanes = np.take(sums, np.maximum(index, 0), axis)
        outside = np.reshape(index == OUTSIDE, [-1, *[1] * (image.ndim - 1 - axis)])
        lanes = np.where(outside, beyond if mode == "constant" else 0, lanes)
        beyond *= size[axis]
        shape = [*image.shape[axis + 1 :]]
        sums = lanes.reshape(*lanes.shape[:axis], len(taken), size[axis], *shape).sum(axis + 1)
    return np.ldexp(sums.astype("float64"), -finest)
