"""Variances of float64 in boxes whose windows along rows are scanned: the bits of any way there."""

import numpy as np
import pytest

import boxel as bx
from agreement import assert_same_bits

MODES = ["reflect", "mirror", "nearest", "wrap", "constant", "valid"]


def make_image(shape, has_nan, seed=0):
    generator = np.random.default_rng(seed)
    image = generator.normal(100, 1, shape)
    if has_nan:
        image[tuple(length // 2 for length in shape)] = np.nan
    return image


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("has_nan", [False, True])
@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((8, 12, 33), (6, 1, 24)),
        ((7, 9, 130), (3, 2, 31)),
        ((20, 260), (5, 101)),
        ((3, 4, 5, 70), (2, 1, 3, 25)),
        ((40, 90, 3), (30, 40, 1)),
    ],
)
def test_long_boxes_have_the_same_bits_in_any_company(shape, size, has_nan, mode):
    image = make_image(shape, has_nan)
    expected = bx.box_filter(image, size, "var", mode=mode, workers=1)
    together = bx.box_filter(image, size, ("mean", "var", "max"), mode=mode, workers=3)
    assert_same_bits(together["var"], expected)
    stride = (2, 3, 2, 3)[: image.ndim]
    picked = tuple(slice(None, None, step) for step in stride)
    strided = bx.box_filter(image, size, "var", mode=mode, stride=stride)
    assert_same_bits(strided, expected[picked])
    out = np.empty_like(expected)
    bx.box_filter(image, size, "std", mode=mode, out=out)
    assert_same_bits(out, np.sqrt(expected))


@pytest.mark.parametrize(
    ("shape", "size"), [((7, 9, 130), (3, 2, 31)), ((20, 260), (5, 101)), ((3, 4, 200), (2, 3, 64))]
)
def test_long_boxes_are_right(shape, size):
    image = make_image(shape, has_nan=False)
    boxes = np.lib.stride_tricks.sliding_window_view(image - 100, size)
    expected = boxes.var(axis=tuple(range(-image.ndim, 0)))
    found = bx.box_filter(image, size, "var", mode="valid")
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("shape", "size"), [((9, 9000), (5, 101)), ((4, 5, 9000), (2, 3, 64)), ((3, 7000), (3, 2500))]
)
def test_rows_that_are_cut_have_the_bits_of_whole_ones(shape, size):
    image = make_image(shape, has_nan=False)
    expected = bx.box_filter(image, size, "var", workers=1)
    for workers in (2, 3):
        # More states together: rows are cut elsewhere.
        found = bx.box_filter(image, size, ("sum", "var", "min", "max"), workers=workers)
        assert_same_bits(found["var"], expected)
