"""Cases of `box_filter` and `uniform_filter`."""

import math

import numpy as np

import box_oracle
import boxel as bx
import oracle
from campaign.blocks import (
    compare,
    draw_cval,
    draw_dtype,
    draw_sample_options,
    draw_statistics,
    names_of,
    sizes_argument,
)
from campaign.comparison import Guarded, assert_within, integer_bounds
from campaign.draws import allocate, draw_image, draw_shape, draw_values, lay_out

# The oracle meets every sample of every box.
MOST_SAMPLES = 1500
MODES = tuple(box_oracle.MODES)


def places(shape):
    """Return how many samples an image has, or had if no axis were empty: the oracle walks them."""
    return math.prod(max(1, length) for length in shape)


def draw_box(draw, shape):
    """Draw box sizes such that all boxes together stay small."""
    left = max(1, MOST_SAMPLES // places(shape))
    sizes = [1] * len(shape)
    for axis in draw.random.permutation(len(shape)):
        longest = left if draw.chance(0.2) else 5
        sizes[axis] = draw.integer(1, min(longest, left))
        left = max(1, left // sizes[axis])
    return sizes


def draw_geometry(draw, shape, modes):
    """Draw sizes, axes, modes and origins."""
    sizes, axes = sizes_argument(draw, shape, draw_box(draw, shape))
    number = len(shape) if axes is None else np.size(axes)
    each = [sizes] * number if np.ndim(sizes) == 0 else list(sizes)
    if number and np.ndim(sizes) == 0 and math.prod(each) * places(shape) > 10 * MOST_SAMPLES:
        sizes = 2
        each = [2] * number
    options = {"axes": axes}
    if draw.chance(0.3):
        mode = [draw.choose(modes) for _ in range(number)]
        if "constant" in mode and "shrink" in mode:
            mode = ["reflect" if name == "shrink" else name for name in mode]
        options["mode"] = mode
    else:
        options["mode"] = draw.choose(modes)
    if draw.chance(0.3):
        origins = [draw.choose(box_oracle.legal_origins(size)) for size in each]
        options["origin"] = origins[0] if len(set(each)) == 1 and draw.chance(0.5) else origins
    return sizes, options


def box_filter(draw):
    image = draw_image(draw, draw_dtype(draw), draw_shape(draw, 100))
    statistic = draw_statistics(draw, box_oracle.STATISTICS, False)
    sizes, geometry = draw_geometry(draw, image.shape, MODES)
    if "constant" in geometry["mode"]:
        geometry["cval"] = draw_cval(draw, image.dtype)
    if draw.chance(0.2):
        number = len(image.shape) if geometry["axes"] is None else np.size(geometry["axes"])
        strides = [draw.integer(1, 4) for _ in range(number)]
        geometry["stride"] = draw.integer(1, 3) if draw.chance(0.5) else strides
    options = draw_sample_options(draw, image, weighted=False)
    where = {"where": options.pop("where")} if "where" in options else {}
    boxes = box_oracle.lay_out(image, sizes, **geometry, **where)

    def ask(name, dtype):
        return oracle.block_reduce_with_rounding(
            boxes.samples, boxes.sizes, name, where=boxes.where, dtype=dtype, **options
        )

    compare(
        draw, bx.box_filter, (image, sizes, statistic), {**options, **geometry, **where},
        names_of(statistic), ask, single=not isinstance(statistic, tuple), image=image,
    )  # fmt: skip


def uniform_filter(draw):
    dtype = draw_dtype(draw)
    values = draw_values(draw, dtype, draw_shape(draw, 100))
    output = np.dtype(draw_dtype(draw) if draw.chance(0.3) else dtype)
    if output.kind != "f":
        values = np.nan_to_num(values, posinf=99, neginf=-99)
    image = lay_out(draw, values)
    sizes, options = draw_geometry(draw, image.shape, box_oracle.SCIPY_MODES)
    if draw.chance(0.5):
        options["cval"] = draw.choose((0, 1))
    expected, allowed = expected_means(image, sizes, output, options)
    guarded = None
    given = {} if output == dtype and draw.chance(0.5) else {"output": output}
    if draw.chance(0.3):
        guarded = Guarded(*allocate(draw, image.shape, output))
        given = {"output": guarded.view}
    found = draw.call(bx.uniform_filter, image, sizes, workers=draw.workers(), **given, **options)
    assert_within(found, expected, allowed)
    if guarded is not None:
        assert found is guarded.view
        guarded.assert_nothing_else_changed()


def expected_means(image, sizes, output, options):
    """Return exact means as they are stored, and how far rounding may take them."""
    if output.kind != "f" and image.dtype.kind != "f":
        expected = box_oracle.uniform_filter(image, sizes, output, **options)
        return expected, np.zeros(expected.shape)
    boxes = box_oracle.lay_out(image, sizes, **options)
    wide = np.dtype(np.float64) if output.kind != "f" else output
    means, allowed = oracle.block_reduce_with_rounding(
        boxes.samples, boxes.sizes, "mean", where=boxes.where, dtype=wide
    )
    if output.kind == "f":
        return means, allowed
    # Rounding in float64 may take a mean to the other side of an integer before it is cut.
    spread = allowed + np.spacing(np.abs(means)) * (allowed > 0)
    return integer_bounds(means, spread, output, np.trunc), None
