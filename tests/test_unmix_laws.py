"""Laws of mixing and unmixing, found or broken by hypothesis."""

import warnings

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import boxel as bx
from boxel.mixing.wide import RightFactor
from mixtures import distance, fractions, product

hypothesis.settings.register_profile("boxel", deadline=None, max_examples=100, derandomize=True)
hypothesis.settings.load_profile("boxel")

ELEMENTS = st.floats(-100, 100, allow_subnormal=False).map(lambda value: round(value, 3))


@st.composite
def problems(draw, max_side=6):
    """Draw a stack of images, and a matrix that mixes their last axis, of either shape."""
    unknowns, channels = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    leading = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    image = draw(hnp.arrays(np.float64, (*leading, unknowns), elements=ELEMENTS))
    mixing = draw(hnp.arrays(np.float64, (unknowns, channels), elements=ELEMENTS))
    return (image if image.ndim > 1 else image[None]), mixing


@pytest.fixture(autouse=True)
def quietly():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bx.IllConditionedWarning)
        yield


def agree(one, other, condition):
    scale = max(np.abs(one).max(), 1e-300)
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-13 * condition * scale)


@given(problem=problems())
def test_unmixing_undoes_mixing(problem):
    """What the mixture has kept comes back: all, or the projection on what it keeps."""
    image, mixing = problem
    result = bx.unmix(bx.mix(image, mixing), mixing, full_output=True)
    hypothesis.assume(result.condition_number < 1e8 and np.abs(image).max() > 0)
    if result.rank == len(mixing):
        assert distance(result.x, image) <= result.forward_error_bound < 1e-4
        assert (result.recoverability == 1).all()
    else:
        # Mixing the result again gives the mixture.
        mixed = bx.mix(image, mixing)
        agree(bx.mix(result.x, mixing), mixed, result.condition_number)
        assert np.linalg.norm(result.x) <= np.linalg.norm(image) * (1 + 1e-6)
    assert (result.recoverability >= 0).all()
    assert (result.recoverability <= 1).all()


@given(problem=problems(), refine=st.integers(0, 2))
def test_a_stack_is_its_frames(problem, refine):
    image, mixing = problem
    mixed = bx.mix(image, mixing)
    whole = bx.unmix(mixed, mixing, refine=refine, full_output=True)
    hypothesis.assume(whole.condition_number < 1e8)
    for index in np.ndindex(mixed.shape[:-2]):
        single = bx.unmix(mixed[index], mixing, refine=refine)
        agree(whole.x[index], single, whole.condition_number)


@given(problem=problems(), method=st.sampled_from(("auto", "qr", "svd", "ridge")))
def test_the_left_side_is_the_right_one_transposed(problem, method):
    image, mixing = problem
    turned = image.swapaxes(-1, -2)
    mixed = bx.mix(image, mixing)
    np.testing.assert_allclose(
        bx.mix(turned, mixing.T, side="left"), mixed.swapaxes(-1, -2), rtol=1e-12, atol=1e-9
    )
    right = bx.unmix(mixed, mixing, method=method)
    left = bx.unmix(mixed.swapaxes(-1, -2), mixing.T, side="left", method=method)
    np.testing.assert_array_equal(left, right.swapaxes(-1, -2))


@given(problem=problems(), power=st.integers(-250, 250))
def test_powers_of_two_change_nothing(problem, power):
    image, mixing = problem
    mixed = bx.mix(image, mixing)
    expected = bx.unmix(mixed, mixing, refine=0, full_output=True)
    hypothesis.assume(expected.condition_number < 1e8)
    found = bx.unmix(np.ldexp(mixed, power), mixing, refine=0)
    agree(np.ldexp(found, -power), expected.x, expected.condition_number)


@given(problem=problems(), first=ELEMENTS, second=ELEMENTS)
def test_unmixing_is_linear(problem, first, second):
    image, mixing = problem
    mixed = bx.mix(image, mixing)
    other = mixed[..., ::-1, :] + 1
    result = bx.unmix(mixed, mixing, full_output=True)
    hypothesis.assume(result.condition_number < 1e6)
    together = bx.unmix(first * mixed + second * other, mixing)
    apart = first * result.x + second * bx.unmix(other, mixing)
    scale = abs(first) * np.abs(result.x).max() + abs(second) * np.abs(apart).max() + 1
    np.testing.assert_allclose(
        together, apart, rtol=0, atol=1e-11 * result.condition_number * scale * 100
    )


@given(problem=problems(), alpha=st.floats(0.01, 100))
def test_more_regularisation_is_a_smaller_image(problem, alpha):
    image, mixing = problem
    mixed = bx.mix(image, mixing)
    little, much = (
        bx.unmix(mixed, mixing, method="ridge", alpha=each, full_output=True)
        for each in (alpha, 2 * alpha)
    )
    assert np.linalg.norm(much.x) <= np.linalg.norm(little.x) * (1 + 1e-12)
    assert much.degrees_of_freedom <= little.degrees_of_freedom
    assert (much.recoverability <= little.recoverability + 1e-12).all()


@given(data=st.data(), inner=st.integers(1, 40))
def test_wide_products_are_rounded_once(data, inner):
    wild = st.floats(-1e3, 1e3, allow_subnormal=False)
    left = data.draw(hnp.arrays(np.float64, (2, inner), elements=wild))
    right = data.draw(hnp.arrays(np.float64, (inner, 2), elements=wild))
    exact = product(fractions(left), fractions(right))
    target = left @ right
    factor = RightFactor.of(right)
    residual = factor.subtract(target, left)
    bound = factor.rounding(left)
    found = factor.product(left)
    for i, j in np.ndindex(2, 2):
        wanted = fractions(target)[i][j] - exact[i][j]
        error = abs(fractions(residual)[i][j] - wanted)
        allowed = float(bound[i, j]) + 2.0**-52 * abs(float(wanted)) + 1e-300
        assert error <= allowed
        assert abs(fractions(found)[i][j] - exact[i][j]) <= (
            float(bound[i, j]) + 2.0**-52 * abs(float(exact[i][j])) + 1e-300
        )
        scale = np.abs(left[i]).max() * np.abs(right[:, j]).max()
        assert float(bound[i, j]) <= 2.0**-66 * scale * inner**2
