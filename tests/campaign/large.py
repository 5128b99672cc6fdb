"""Blocks and boxes of longer rows than the oracle can follow, against NumPy in wider precision.

They meet the vector loops and their tails, several workers, and the exchange of slices along an
axis. Sums of integers must be exact, those of floats within the stated bounds.
"""

import functools
import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import box_oracle
import boxel as bx
from campaign.blocks import draw_dtype
from campaign.draws import draw_shape, draw_values, lay_out
from oracle import UNIT_ROUNDOFF

SAMPLES = 20000
# NumPy meets every sample of every box.
SAMPLES_OF_BOXES = 400000
NAMES = ("sum", "mean", "min", "max", "count_nonzero", "var")
PAD_MODES = {
    "reflect": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "valid": None,
}


def draw_large_values(draw, shape):
    """Draw samples of which sums of squares are exact in long doubles where they are integers."""
    dtype = draw_dtype(draw)
    values = draw_values(draw, dtype, shape)
    if values.dtype.itemsize == 8 and values.dtype.kind in "iu":
        values = values // values.dtype.type(2**40)
    return values


def large_blocks(draw):
    values = draw_large_values(draw, draw_shape(draw, SAMPLES, least_axes=1, most_axes=3))
    if 0 in values.shape:
        return
    sizes = [draw.integer(1, min(length, 40)) for length in values.shape]
    counts = [n // size for n, size in zip(values.shape, sizes, strict=True)]
    kept = values[tuple(slice(n * size) for n, size in zip(counts, sizes, strict=True))]
    split = kept.reshape([n for pair in zip(counts, sizes, strict=True) for n in pair])
    windows = np.moveaxis(split, range(1, split.ndim, 2), range(values.ndim, split.ndim))
    found = draw.call(
        bx.block_reduce, lay_out(draw, values), sizes, NAMES, boundary="trim",
        workers=draw.workers(),
    )  # fmt: skip
    assert_right(found, windows, values.dtype)


def large_boxes(draw):
    values = draw_large_values(draw, draw_shape(draw, SAMPLES, least_axes=1, most_axes=3))
    if 0 in values.shape:
        return
    left = max(1, SAMPLES_OF_BOXES // values.size)
    sizes = [1] * values.ndim
    for axis in draw.random.permutation(values.ndim):
        sizes[axis] = draw.integer(1, min(left, 70))
        left = max(1, left // sizes[axis])
    mode = draw.choose(tuple(PAD_MODES))
    found = draw.call(
        bx.box_filter, lay_out(draw, values), sizes, NAMES, mode=mode, workers=draw.workers()
    )
    if mode != "valid":
        reach = [(size // 2, (size - 1) // 2) for size in sizes]
        values = np.pad(values, reach, PAD_MODES[mode])
    if all(n >= size for n, size in zip(values.shape, sizes, strict=True)):
        assert_right(found, sliding_window_view(values, sizes), values.dtype)


def volumes_in_units(draw):
    """Float32 volumes on a grid, of which some samples or slices leave it: exact sums."""
    shape = (draw.integer(1, 60), draw.integer(1, 30), draw.integer(60, 140))
    sizes = [draw.integer(1, 12) if draw.chance(0.8) else draw.integer(1, 70) for _ in shape]
    finest = draw.choose((0, 0, 3, 24))
    # Sums of all samples of a box, and a border value, are exact in float64.
    most = 2 ** min(24, 50 - math.prod(sizes).bit_length() - 6)
    units = draw.random.integers(-most * draw.integer(0, 1), most + 1, shape)
    if draw.chance(0.3):
        units[: draw.integer(0, shape[0])] = 0
    units = units << 6
    for _ in range(draw.choose((0, 0, 1, 3))):
        place = tuple(draw.integer(0, length - 1) for length in shape)
        units[place] += draw.choose((1, 2, 8, 32, most << 6))
    image = np.ldexp(units, -6 - finest).astype(np.float32)
    mode = draw.choose(("reflect", "mirror", "nearest", "wrap", "valid", "constant", "shrink"))
    cval = draw.choose((0.0, 1.0, 0.25, -3.0))
    options = {"mode": mode, "cval": cval} if mode == "constant" else {"mode": mode}
    options["stride"] = draw.choose((1, 1, 1, 2, 7, (1, 3, 1), (2, 1, 1)))
    found = draw.call(
        bx.box_filter, lay_out(draw, image), sizes, "sum", dtype="float64",
        workers=draw.workers(), **options,
    )  # fmt: skip
    exact = functools.partial(
        box_oracle.exact_sums, size=sizes, mode=mode, stride=options["stride"]
    )
    expected = exact(image, cval=cval, finest=finest + 6)
    np.testing.assert_array_equal(found, expected)
    # They are made in another way.
    means = draw.call(bx.box_filter, lay_out(draw, image), sizes, workers=draw.workers(), **options)
    counts = exact(np.ones(shape)) if mode == "shrink" else math.prod(sizes)
    np.testing.assert_array_equal(means, (expected / counts).astype(np.float32))


def assert_right(found, windows, dtype):
    """Compare statistics of windows, whose samples lie along the last half of the axes."""
    ndim = windows.ndim // 2
    inner = tuple(range(ndim, 2 * ndim))
    samples = math.prod(windows.shape[ndim:])
    np.testing.assert_array_equal(found["min"], windows.min(axis=inner))
    np.testing.assert_array_equal(found["max"], windows.max(axis=inner))
    np.testing.assert_array_equal(found["count_nonzero"], np.count_nonzero(windows, axis=inner))
    wide = windows.astype(np.longdouble)
    with np.errstate(invalid="ignore"):
        total = wide.sum(axis=inner)
        mean = total / samples
        centred = wide - np.expand_dims(mean, inner)
        var = (centred * centred).mean(axis=inner)
    rounding = 3 * UNIT_ROUNDOFF
    if dtype in (np.float16, np.float32):
        rounding = 2.0**-23
    if dtype.kind == "f":
        bound = (samples + 3) * UNIT_ROUNDOFF * np.abs(wide).sum(axis=inner)
    else:
        bound = np.zeros(total.shape)
        assert found["sum"].dtype.kind == ("u" if dtype.kind == "u" else "i")
        np.testing.assert_array_equal(found["sum"], total.astype(found["sum"].dtype))
    spread = 8 * (samples + 3) * UNIT_ROUNDOFF * np.sqrt(var) * np.sqrt((wide**2).mean(axis=inner))
    assert_near(found["sum"], total, bound + rounding * np.abs(total), "sum")
    assert_near(found["mean"], mean, (bound + rounding * np.abs(total)) * 2 / samples, "mean")
    assert_near(found["var"], var, spread + rounding * var, "var")


def assert_near(found, expected, allowed, name):
    """Compare with a bound for each value; NaN and infinities must be the same."""
    # What a narrower float cannot hold is 0 or infinite in it.
    limits = np.finfo(found.dtype if found.dtype.kind == "f" else np.float64)
    finite = np.isfinite(expected) & np.isfinite(found) & (np.abs(expected) < limits.max)
    difference = np.subtract(found, expected, where=finite, out=np.zeros_like(expected))
    near = finite & (np.abs(difference) <= allowed + limits.smallest_subnormal)
    with np.errstate(over="ignore"):
        rounded = expected.astype(found.dtype)
    same = (found == rounded) | (np.isnan(found) & np.isnan(expected))
    wrong = ~(near | same)
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0])
        raise AssertionError(
            f"{name}: {wrong.sum()} of {wrong.size} values differ; the one at {place} is "
            f"{found[place]!r}, expected was {expected[place]!r} within {allowed[place]:g}"
        )
