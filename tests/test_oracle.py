"""The oracle against NumPy, where blocks divide the image and NumPy has the same statistic."""

import numpy as np
import pytest

import oracle
from cases import BOUNDARIES, DTYPES, SMALL_CASES, make_image

NUMPY = {
    "sum": np.sum,
    "mean": np.mean,
    "min": np.min,
    "max": np.max,
    "count_nonzero": np.count_nonzero,
    "any": np.any,
    "all": np.all,
    "var": np.var,
    "std": np.std,
    "median": np.median,
}
DIVIDING = [case for case in SMALL_CASES if case.divides()]


def numpy_blocks(image, sizes, function):
    counts = [length // size for length, size in zip(image.shape, sizes, strict=True)]
    split = image.reshape([part for pair in zip(counts, sizes, strict=True) for part in pair])
    return np.asarray(function(split, axis=tuple(range(1, split.ndim, 2))))


def test_cases_hold_blocks_that_divide_and_blocks_that_do_not():
    assert 3 <= len(DIVIDING) <= len(SMALL_CASES) - 3


@pytest.mark.parametrize("statistic", NUMPY)
@pytest.mark.parametrize("dtype", DTYPES)
def test_oracle_is_numpy(dtype, statistic):
    for case in DIVIDING:
        image = make_image(dtype, case.shape)
        for boundary in BOUNDARIES:
            found = oracle.block_reduce(image, case.sizes(), statistic, boundary=boundary)
            wide = image.astype(np.float64) if statistic in ("mean", "var", "std") else image
            expected = numpy_blocks(wide, case.sizes(), NUMPY[statistic])
            if statistic == "median" and image.dtype.kind != "f":
                expected = expected.astype(np.float64)
                found = oracle.block_reduce(image, case.sizes(), "median", dtype=np.float64)
            # NumPy itself loses digits where large integers of both signs cancel.
            atol = 1e-6 + 1e-15 * float(np.abs(image.astype(np.float64)).max())
            rtol = 2e-3 if dtype == "float16" else 1e-6
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


def test_oracle_is_scipy_mode():
    stats = pytest.importorskip("scipy.stats")
    image = make_image("int8", (6, 8)) % 4
    found = oracle.block_reduce(image, (3, 4), "mode")
    blocks = image.reshape(2, 3, 2, 4).transpose(0, 2, 1, 3).reshape(2, 2, 12)
    np.testing.assert_array_equal(found, stats.mode(blocks, axis=-1).mode)


def test_oracle_weights_are_repetitions():
    image = make_image("float64", (4, 6))
    weights = np.random.default_rng(5).integers(0, 4, image.shape)
    for row in range(2):
        block = image[2 * row : 2 * row + 2].ravel()
        repeated = np.repeat(block, weights[2 * row : 2 * row + 2].ravel())
        for statistic in ("sum", "mean", "var", "std"):
            found = oracle.block_reduce(image, (2, 6), statistic, weights=weights)[row, 0]
            np.testing.assert_allclose(found, NUMPY[statistic](repeated), rtol=1e-12)
        found = oracle.block_reduce(image, (2, 6), "density", weights=weights)[row, 0]
        assert found == np.count_nonzero(repeated) / repeated.size


def test_oracle_reliability_weights_are_those_of_numpy_cov():
    image = make_image("float64", (9,))
    weights = np.linspace(0.5, 2.0, 9)
    found = oracle.block_reduce(image, 9, "var", weights=weights, ddof=1)[0]
    np.testing.assert_allclose(found, np.cov(image, aweights=weights), rtol=1e-12)


def test_oracle_partial_blocks_divide_by_what_is_there():
    image = np.arange(7.0)
    assert oracle.block_reduce(image, 3).tolist() == [1.0, 4.0, 6.0]
    assert oracle.block_reduce(image, 3, boundary="trim").tolist() == [1.0, 4.0]
    assert oracle.block_reduce(image, 3, boundary="pad").tolist() == [1.0, 4.0, 2.0]
    assert oracle.block_reduce(image, 3, boundary="pad", cval=3).tolist() == [1.0, 4.0, 4.0]
    with pytest.raises(ValueError, match="length 7"):
        oracle.block_reduce(image, 3, boundary="exact")


@pytest.mark.parametrize("length", range(13))
@pytest.mark.parametrize("size", range(1, 6))
@pytest.mark.parametrize("stride", range(1, 7))
def test_oracle_windows_are_as_few_as_cover_the_axis(length, size, stride):
    count = oracle.window_count(length, size, stride, "partial")
    reached = [range(k * stride, k * stride + size) for k in range(count)]
    assert all(window.start < length for window in reached)
    following = range(count * stride, count * stride + size)
    already_covered = any(window.stop >= length for window in reached)
    assert already_covered or following.start >= length
    if count > 1:
        assert not any(window.stop >= length for window in reached[:-1])
    assert oracle.window_count(length, size, stride, "trim") == sum(
        k * stride + size <= length for k in range(length)
    )
