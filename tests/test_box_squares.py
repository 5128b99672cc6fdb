"""Variances of float32 in sliding boxes: the same digits however sums of squares are kept."""

from fractions import Fraction

import numpy as np
import pytest

import boxel as bx
from agreement import assert_same_bits


def make_samples(kind, shape, seed=0):
    """Draw samples whose squares are summed in units, in parts, in words, or merged."""
    generator = np.random.default_rng(seed)
    normal = generator.standard_normal(shape)
    samples = {
        "counts": np.round(normal * 1000),
        "fractions": generator.random(shape, dtype=np.float32),
        "normal": normal,
        "wide": normal * 2.0 ** generator.integers(-18, 0, shape),
        "offset": normal + 1e6,
        "spread": np.exp(20 * normal) * generator.choice([-1, 1], shape),
    }[kind].astype(np.float32)
    return samples


def with_fine_samples(image):
    """Put in a few samples that are far finer than all others."""
    image = image.copy()
    image[image.ndim * (2,)] = np.float32(1.2345678) * 2.0**-38
    return image


KINDS = ["counts", "fractions", "normal", "wide", "offset", "spread"]
SHAPES = [
    ((3000,), (1000,)),
    ((90, 40), (40, 31)),
    ((30, 26, 40), (9, 9, 9)),
    ((24, 20, 60), (20, 17, 31)),
]


def exact_variance(samples):
    """Compute in rational numbers."""
    exact = [Fraction(float(sample)) for sample in samples.ravel()]
    total = sum(exact)
    squares = sum(sample * sample for sample in exact)
    return float((squares - total * total / len(exact)) / len(exact))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("shape", "size"), SHAPES)
@pytest.mark.parametrize("has_fine", [False, True])
def test_variances_are_right_to_the_last_digits(shape, size, kind, has_fine):
    image = make_samples(kind, shape)
    if has_fine:
        image = with_fine_samples(image)
    found = bx.box_filter(image, size, "var", mode="valid", dtype=np.float64)
    generator = np.random.default_rng(1)
    corners = [(0,) * image.ndim, tuple(length - 1 for length in found.shape)]
    corners += [tuple(generator.integers(0, found.shape)) for _ in range(4)]
    for corner in corners:
        box = tuple(slice(at, at + width) for at, width in zip(corner, size, strict=True))
        exact = exact_variance(image[box])
        assert abs(found[corner] - exact) <= 4.5e-16 * exact


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("shape", "size"), SHAPES)
@pytest.mark.parametrize("has_fine", [False, True])
def test_variances_have_the_same_bits_beside_what_no_part_holds(shape, size, kind, has_fine):
    image = make_samples(kind, shape)
    if has_fine:
        image = with_fine_samples(image)
    expected = bx.box_filter(image, size, "var", mode="valid", dtype=np.float64)
    image.flat[0] = np.nan
    for workers in (1, 3):
        found = bx.box_filter(image, size, "var", mode="valid", dtype=np.float64, workers=workers)
        holds = (slice(0, 1),) * image.ndim
        assert np.isnan(found[holds]).all()
        found[holds] = expected[holds]
        assert_same_bits(found, expected)
