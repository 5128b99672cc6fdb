"""How the result of a box filter is compared with the oracle's."""

import math

import numpy as np

import box_oracle
from agreement import assert_agrees


def assert_box_agrees(found, image, size, statistic, **options):
    """Compare one statistic of the boxes with the oracle's."""
    geometry = {name: options.pop(name) for name in box_oracle.GEOMETRY if name in options}
    boxes = box_oracle.lay_out(image, size, **geometry)
    assert_agrees(found, boxes.samples, boxes.sizes, statistic, where=boxes.where, **options)


def stated_sum_bound(magnitudes, volume):
    """Return the error promised for a sum of `volume` floats.

    It is log2(volume) + 3 ulps of the sum of their absolute values, `magnitudes`.
    """
    return (math.log2(volume) + 3) * 2.0**-52 * np.asarray(magnitudes, dtype=np.float64)
