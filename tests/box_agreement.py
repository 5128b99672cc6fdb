"""How the result of a box filter is compared with the oracle's."""

import numpy as np

import box_oracle
from agreement import assert_agrees


def assert_box_agrees(found, image, size, statistic, **options):
    """Compare one statistic of the boxes with the oracle's."""
    geometry = {name: options.pop(name) for name in box_oracle.GEOMETRY if name in options}
    boxes = box_oracle.lay_out(image, size, **geometry)
    assert_agrees(found, boxes.samples, boxes.sizes, statistic, where=boxes.where, **options)


def stated_sum_bound(magnitudes, sizes):
    """Return the error promised for sums of floats in boxes of these sizes.

    Along each axis no sample goes through more additions than the box is long: as many roundings of
    the sum of their absolute values, `magnitudes`.
    """
    return (sum(sizes) + 3) * 2.0**-53 * np.asarray(magnitudes, dtype=np.float64)
