"""The one table of cases: dtypes, memory layouts, shapes with block sizes, boundaries."""

import math
from dataclasses import dataclass

import numpy as np

BOUNDARIES = ("partial", "trim", "exact", "pad")

INTEGERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")
DTYPES = INTEGERS + FLOATS

REFUSED_DTYPES = ("complex64", "complex128", "object", "S3", "U3", "M8[s]", "m8[s]", "i4,f8")


@dataclass(frozen=True)
class Case:
    """A shape with the block that reduces it."""

    shape: tuple
    block_size: int | tuple
    axes: int | tuple | None = None

    def __str__(self):
        axes = "" if self.axes is None else f" over {self.axes}"
        return f"{self.shape} by {self.block_size}{axes}".replace(" ", "")

    @property
    def options(self):
        return {"axes": self.axes}

    def sizes(self):
        """Return one block length per axis."""
        axes = range(len(self.shape)) if self.axes is None else np.atleast_1d(self.axes)
        blocks = np.broadcast_to(self.block_size, len(axes))
        sizes = [1] * len(self.shape)
        for axis, size in zip(axes, blocks, strict=True):
            sizes[axis] = int(size)
        return tuple(sizes)

    def divides(self):
        """Whether the blocks cover the shape exactly."""
        return all(n % b == 0 for n, b in zip(self.shape, self.sizes(), strict=True))


SMALL_CASES = (
    Case((), ()),
    Case((), 1),
    Case((1,), 4),
    Case((7,), 3),
    Case((40,), 16),
    Case((5, 7), (2, 3)),
    Case((6, 8), 2),
    Case((3, 9), 1),
    Case((4, 6), (4, 6)),
    Case((2, 3), 9),
    Case((5, 6, 7), 2),
    Case((4, 5, 6), (2, 2), axes=(-1, 0)),
    Case((4, 6, 3), (2, 3, 1)),
    Case((3, 4, 3, 2), (2, 3, 2, 2)),
    Case((2, 3, 2, 3, 4), 2),
    Case((3, 2, 3, 2, 5), 3, axes=-1),
)

EMPTY_CASES = (
    Case((0,), 2),
    Case((0, 5), 2),
    Case((6, 0), 4),
    Case((3, 0, 4), (2, 2, 3)),
    Case((2, 0, 3, 4), 2, axes=(0, -1)),
)

# Long rows meet the vector loops, their tails, and the flush of narrow accumulators.
LARGE_CASES = (
    Case((1031,), 2),
    Case((4099,), 3),
    Case((70001,), 70001),
    Case((9, 2053), (2, 2)),
    Case((11, 1027), (3, 3)),
    Case((13, 1030), (4, 4)),
    Case((17, 515), (5, 7)),
    Case((33, 1040), (8, 8)),
    Case((37, 1025), (16, 16)),
    Case((40, 999), (17, 33)),
    Case((70, 300), (64, 100)),
    Case((600, 67), (300, 1)),
    Case((3, 4000), (1, 1000)),
    Case((300, 5), 2),
    Case((17, 19, 131), 2),
    Case((9, 10, 260), 4),
    Case((30, 31, 6), (10, 10, 3)),
    Case((21, 22, 23), (1, 2, 1)),
    Case((21, 22, 23), 2, axes=0),
    Case((5, 6, 7, 8, 9), (2, 1, 3, 1, 2)),
)

# Rows short enough for several to be taken together, in windows that fold while they are taken;
# the last window of a row, or of the axis next to it, may be cut.
SLOT_CASES = (
    Case((4, 22, 128), 2),
    Case((6, 7, 131), (3, 2, 2)),
    Case((8, 33, 96), (4, 4, 8)),
    Case((10, 9, 258), 3),
    Case((7, 70, 64), (7, 1, 4)),
    Case((19, 1034), (5, 8)),
    Case((20, 4110), (9, 4)),
    Case((3, 8, 40, 6), (2, 4, 5, 3)),
)

LAYOUT_CASES = (
    Case((23,), 4),
    Case((7, 37), (2, 3)),
    Case((37, 6), (8, 1)),
    Case((4, 5, 9), 2),
    Case((3, 4, 2, 5), (2, 1, 2, 2)),
)


# Images -------------------------------------------------------------------------------------------


def make_image(dtype, shape, seed=0):
    """Draw an image: zeros, ties and the extremes of integers beside ordinary values."""
    dtype = np.dtype(dtype)
    generator = np.random.default_rng([seed, *shape])
    if dtype.kind == "b":
        return np.asarray(generator.random(shape) < 0.6)
    if dtype.kind == "f":
        drawn = generator.normal(2.0, 5.0, shape)
        drawn = np.where(generator.random(shape) < 0.3, np.round(drawn), drawn)
        return np.asarray(np.where(generator.random(shape) < 0.2, 0.0, drawn), dtype=dtype)
    limits = np.iinfo(dtype)
    anything = generator.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    small = generator.integers(max(limits.min, -3), 4, shape, dtype=dtype)
    extremes = generator.choice(np.array([limits.min, limits.max, 0], dtype=dtype), shape)
    which = generator.integers(0, 3, shape)
    return np.asarray(np.choose(which, [anything, small, extremes]), dtype=dtype)


def make_image_with_specials(dtype, shape, seed=0):
    """Draw a float image with some NaN, infinities of both signs and negative zeros."""
    image = np.array(make_image(dtype, shape, seed))
    generator = np.random.default_rng([seed, 1, *shape])
    choice = generator.random(shape)
    for start, special in ((0.0, math.nan), (0.1, math.inf), (0.15, -math.inf), (0.2, -0.0)):
        image[(choice >= start) & (choice < start + 0.05)] = special
    return image


def make_where(shape, seed=0):
    return np.asarray(np.random.default_rng([seed, 2, *shape]).random(shape) < 0.6)


def make_weights(shape, seed=0, dtype=np.float64):
    """Draw weights: a quarter is 0."""
    generator = np.random.default_rng([seed, 3, *shape])
    drawn = np.where(generator.random(shape) < 0.25, 0.0, generator.random(shape) * 3)
    return np.asarray(np.ceil(drawn) if np.dtype(dtype).kind in "iu" else drawn, dtype=dtype)


# Layouts ------------------------------------------------------------------------------------------


def spoiled(shape, dtype):
    """Return memory full of values that would show if they were read."""
    filler = np.nan if dtype.kind == "f" else np.iinfo(dtype).max if dtype.kind in "iu" else True
    return np.full(shape, filler, dtype=dtype)


def c_order(image):
    return np.array(image, order="C")


def fortran_order(image):
    return np.array(image, order="F")


def reversed_axes(image):
    flip = (slice(None, None, -1),) * image.ndim
    return np.array(image[flip], order="C")[flip]


def reversed_last_axis(image):
    return np.array(image[..., ::-1], order="C")[..., ::-1]


def every_other(image):
    memory = spoiled([2 * length + 1 for length in image.shape], image.dtype)
    view = memory[tuple(slice(1, 2 * length, 2) for length in image.shape)]
    view[...] = image
    return view


def padded_rows(image):
    memory = spoiled([length + 3 for length in image.shape], image.dtype)
    view = memory[tuple(slice(2, 2 + length) for length in image.shape)]
    view[...] = image
    return view


def transposed(image):
    return np.moveaxis(np.array(np.moveaxis(image, 0, -1), order="C"), -1, 0)


def unaligned(image):
    memory = np.zeros(image.nbytes + 1, dtype=np.uint8)[1:]
    view = memory.view(image.dtype).reshape(image.shape)
    view[...] = image
    return view


def byte_swapped(image):
    return image.astype(image.dtype.newbyteorder("S"))


def byte_swapped_every_other(image):
    return every_other(byte_swapped(image))


def read_only(image):
    image = np.array(image)
    image.flags.writeable = False
    return image


LAYOUTS = {
    "C": c_order,
    "F": fortran_order,
    "reversed": reversed_axes,
    "reversed last axis": reversed_last_axis,
    "every other": every_other,
    "padded rows": padded_rows,
    "transposed": transposed,
    "unaligned": unaligned,
    "byte-swapped": byte_swapped,
    "byte-swapped every other": byte_swapped_every_other,
    "read-only": read_only,
}


def broadcast_first_axis(image):
    return np.broadcast_to(image[:1], image.shape)


def broadcast_last_axis(image):
    return np.broadcast_to(image[..., :1], image.shape)


def broadcast_everything(image):
    return np.broadcast_to(image.reshape(-1)[:1].reshape([1] * image.ndim), image.shape)


# These repeat one sample along axes of zero stride, so they change the values of the image.
BROADCASTS = {
    "first axis": broadcast_first_axis,
    "last axis": broadcast_last_axis,
    "everything": broadcast_everything,
}


def make_image_of_neighbours(generator, dtype, shape):
    """Return samples that are the same number or the next ones that the dtype can hold."""
    if np.dtype(dtype).kind != "f":
        return generator.integers(2**62, 2**62 + 3, shape).astype(dtype)
    steps = generator.integers(0, 2, shape)
    start = np.full(shape, generator.random() + 0.1, dtype=dtype)
    return np.where(steps == 1, np.nextafter(start, start.dtype.type(9)), start)
