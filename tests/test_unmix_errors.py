"""Bad input of mix, unmix and Unmixer: what was found, what was expected, what would help."""

import numpy as np
import pytest

import boxel as bx
from cases import REFUSED_DTYPES
from test_errors import assert_raises

MIXED = np.arange(12.0).reshape(4, 3)
SQUARE = np.array([[2.0, 1.0, 0.0], [0.0, 2.0, 1.0], [1.0, 0.0, 2.0]])


@pytest.mark.parametrize(
    ("shape", "matrix", "side", "words"),
    [
        ((4, 3), (3, 5), "right", ["(4, 3)", "(3, 5)", "length 3", "5 columns", "with mixing.T"]),
        ((4, 3), (4, 5), "right", ["length 3", "5 columns", "with side='left'"]),
        ((4, 3), (5, 4), "right", ["with mixing.T and side='left'"]),
        ((4, 3), (5, 6), "right", ["no transpose would help"]),
        ((3, 4), (5, 3), "left", ["axis -2", "length 3", "5 rows", "with mixing.T"]),
        ((3, 4), (5, 4), "left", ["with side='right'"]),
        ((7, 4, 3), (3, 5), "right", ["(7, 4, 3)", "axis -1"]),
    ],
)
def test_shapes_that_do_not_chain(shape, matrix, side, words):
    """The hint is followed: what it says does chain."""
    mixed, mixing = np.ones(shape), np.random.default_rng(0).random(matrix)
    assert_raises(ValueError, words, bx.unmix, mixed, mixing, side=side)
    assert_raises(ValueError, words, bx.Unmixer(mixing, side=side,
                  on_ill_conditioned="ignore").apply, mixed)  # fmt: skip
    if "no transpose would help" not in words:
        hint = words[-1] if words[-1].startswith("with") else "with mixing.T"
        turned = mixing.T if "mixing.T" in hint else mixing
        other = hint.partition("side='")[2].rstrip("'") or side
        bx.unmix(mixed, turned, side=other, on_ill_conditioned="ignore")


def test_shapes_that_do_not_chain_in_mix():
    words = ["image of shape (4, 3)", "mixing of shape (5, 3)", "5 rows", "with mixing.T"]
    assert_raises(ValueError, words, bx.mix, MIXED, np.ones((5, 3)))
    words = ["mixing @ image", "axis -2", "5 columns"]
    assert_raises(ValueError, words, bx.mix, MIXED, np.ones((4, 5)), side="left")


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(wrong):
    mixed, mixing = MIXED.copy(), SQUARE.copy()
    mixed[2, 1] = wrong
    assert_raises(ValueError, ["mixed", str(wrong), "(2, 1)"], bx.unmix, mixed, SQUARE)
    assert_raises(ValueError, ["image", "(2, 1)"], bx.mix, mixed, SQUARE)
    mixed[3, 0] = wrong
    assert_raises(ValueError, ["(2, 1)", "one of 2"], bx.Unmixer(SQUARE).apply, mixed)
    mixing[0, 2] = wrong
    for call in (bx.unmix, bx.mix):
        assert_raises(ValueError, ["mixing", str(wrong), "(0, 2)"], call, MIXED, mixing)
    assert_raises(ValueError, ["mixing", "(0, 2)"], bx.Unmixer, mixing)


@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (0, 4, 3)])
def test_empty_images(shape):
    assert_raises(ValueError, ["empty", str(shape)], bx.unmix, np.empty(shape), SQUARE)
    assert_raises(ValueError, ["empty", str(shape)], bx.mix, np.empty(shape), SQUARE)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_empty_matrices(shape):
    words = ["mixing", "empty", str(shape)]
    for call in (bx.unmix, bx.mix):
        assert_raises(ValueError, words, call, MIXED, np.empty(shape))
    assert_raises(ValueError, words, bx.Unmixer, np.empty(shape))


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 3)])
def test_matrices_with_other_than_two_axes(shape):
    assert_raises(ValueError, ["two axes", str(shape)], bx.unmix, MIXED, np.ones(shape))


@pytest.mark.parametrize("shape", [(), (3,)])
def test_images_with_too_few_axes(shape):
    assert_raises(ValueError, ["two axes", str(shape)], bx.unmix, np.ones(shape), SQUARE)


@pytest.mark.parametrize("dtype", REFUSED_DTYPES)
def test_dtypes_that_are_no_numbers(dtype):
    array = np.zeros((3, 3), dtype=dtype)
    found = "f0" if array.dtype.names else str(array.dtype)
    for call in (bx.unmix, bx.mix):
        assert_raises(TypeError, [found, "float64"], call, array, SQUARE)
        assert_raises(TypeError, ["mixing", found, "float64"], call, MIXED, array)
    assert_raises(TypeError, ["mixing", found], bx.Unmixer, array)


def test_masked_samples():
    masked = np.ma.masked_less(MIXED, 2)
    assert_raises(ValueError, ["mixed", "masked"], bx.unmix, masked, SQUARE)
    np.testing.assert_array_equal(
        bx.unmix(np.ma.masked_less(MIXED, -1), SQUARE), bx.unmix(MIXED, SQUARE)
    )


@pytest.mark.parametrize(
    ("kind", "words", "options"),
    [
        (ValueError, ["side", "rihgt", "right"], {"side": "rihgt"}),
        (TypeError, ["side"], {"side": 1}),
        (ValueError, ["method", "inv", "lu", "ridge"], {"method": "inv"}),
        (ValueError, ["on_ill_conditioned", "warm"], {"on_ill_conditioned": "warm"}),
        (ValueError, ["alpha", "gvc", "gcv"], {"alpha": "gvc"}),
        (ValueError, ["alpha", "above 0", "0"], {"alpha": 0}),
        (ValueError, ["alpha", "-1"], {"alpha": -1.0}),
        (ValueError, ["alpha", "nan"], {"alpha": np.nan}),
        (TypeError, ["alpha"], {"alpha": [1.0]}),
        (ValueError, ["alpha", "ridge", "'lu'"], {"alpha": 1.0, "method": "lu"}),
        (ValueError, ["discrepancy", "noise_std"], {"alpha": "discrepancy"}),
        (ValueError, ["noise_std", "0"], {"noise_std": 0}),
        (ValueError, ["noise_std", "inf"], {"noise_std": np.inf}),
        (TypeError, ["noise_std"], {"noise_std": "1"}),
        (ValueError, ["rtol", "1"], {"rtol": 1.0}),
        (ValueError, ["rtol", "-0.1"], {"rtol": -0.1}),
        (TypeError, ["rtol"], {"rtol": "small"}),
        (ValueError, ["refine", "-1"], {"refine": -1}),
        (TypeError, ["refine", "1.0"], {"refine": 1.0}),
    ],
)
def test_options(kind, words, options):
    assert_raises(kind, words, bx.unmix, MIXED, SQUARE, **options)
    assert_raises(kind, words, bx.Unmixer, SQUARE, **options)


def test_full_output():
    assert_raises(TypeError, ["full_output"], bx.unmix, MIXED, SQUARE, full_output=1)
    assert_raises(TypeError, ["full_output"], bx.Unmixer(SQUARE).apply, MIXED, full_output="x")


def test_side_of_mix():
    assert_raises(ValueError, ["side", "top"], bx.mix, MIXED, SQUARE, side="top")


@pytest.mark.parametrize("shape", [(3, 4), (4, 3)])
def test_lu_needs_a_square_matrix(shape):
    mixed = np.ones((2, shape[1]))
    words = ["square", str(shape[0]), str(shape[1]), "'qr'"]
    assert_raises(ValueError, words, bx.unmix, mixed, np.ones(shape), method="lu")
