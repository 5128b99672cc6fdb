"""boxel against scikit-image, astropy, SciPy and NumPy, on real images."""

import numpy as np
import pytest

import boxel as bx

data = pytest.importorskip("skimage.data")

# Those that lie inside the wheel of scikit-image: loading them needs no network, so a failure is
# a failure and not a reason to skip.
IMAGES = {
    "camera": data.camera,
    "coins": data.coins,
    "moon": data.moon,
    "page": data.page,
    "cell": data.cell,
    "horse": data.horse,
    "astronaut": data.astronaut,
    "retina": data.retina,
    "logo": data.logo,
    "hubble": data.hubble_deep_field,
    "phantom": data.shepp_logan_phantom,
    "faces": data.lfw_subset,
    "disparity": lambda: data.stereo_motorcycle()[2],
}
BLOCKS = {2: [(2, 2), (5, 3), (8, 8), (64, 50)], 3: [(2, 2, 1), (5, 3, 3), (8, 8, 2), (7, 1, 5)]}
PADDING_PEERS = {"sum": np.sum, "mean": np.mean, "min": np.min, "max": np.max, "median": np.median}


@pytest.fixture(params=IMAGES)
def image(request):
    return IMAGES[request.param]()


def trimmed(image, size):
    return image[tuple(slice(n // b * b) for n, b in zip(image.shape, size, strict=True))]


def as_blocks(image, size):
    """Return a view with the samples of each block on the last axes, as NumPy users do it."""
    pairs = [(n // b, b) for n, b in zip(image.shape, size, strict=True)]
    return image.reshape([length for pair in pairs for length in pair])


def assert_same(found, expected):
    """Equal, up to the order in which a peer adds floats."""
    assert found.shape == expected.shape
    if expected.dtype.kind == "f" or found.dtype.kind == "f":
        rtol = 1e-5 if np.float32 in (expected.dtype, found.dtype) else 1e-12
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)
    else:
        np.testing.assert_array_equal(found, expected)


def test_images_are_of_many_kinds():
    kinds = {(load().dtype.name, load().ndim) for load in IMAGES.values()}
    assert {("uint8", 2), ("uint8", 3), ("bool", 2), ("float64", 2), ("float32", 2)} <= kinds


@pytest.mark.parametrize("statistic", PADDING_PEERS)
def test_scikit_image(image, statistic):
    measure = pytest.importorskip("skimage.measure")
    for size in BLOCKS[image.ndim]:
        function = PADDING_PEERS[statistic]
        if image.dtype == bool and statistic == "median":
            continue  # NumPy has no median of booleans.
        dtype = np.float64 if statistic == "median" else None
        with np.errstate(invalid="ignore"):
            expected = measure.block_reduce(image, size, function)
        found = bx.block_reduce(image, size, statistic, boundary="pad", dtype=dtype)
        assert_same(found, expected)


@pytest.mark.parametrize("cval", [0, 1, 200])
def test_scikit_image_with_cval(cval):
    measure = pytest.importorskip("skimage.measure")
    image = data.coins()
    for statistic, function in PADDING_PEERS.items():
        expected = measure.block_reduce(image, (7, 10), function, cval=cval)
        options = {"boundary": "pad", "cval": cval}
        dtype = np.float64 if statistic == "median" else None
        found = bx.block_reduce(image, (7, 10), statistic, dtype=dtype, **options)
        assert_same(found, expected)


def test_scikit_image_downscale_local_mean(image):
    transform = pytest.importorskip("skimage.transform")
    size = BLOCKS[image.ndim][1]
    with np.errstate(invalid="ignore"):
        expected = transform.downscale_local_mean(image, size)
    assert_same(bx.block_reduce(image, size, boundary="pad"), expected)


@pytest.mark.parametrize("statistic", ["sum", "mean", "max", "count_nonzero"])
def test_astropy(image, statistic):
    nddata = pytest.importorskip("astropy.nddata")
    for size in BLOCKS[image.ndim]:
        with np.errstate(invalid="ignore"):
            expected = nddata.block_reduce(image, size, getattr(np, statistic))
        assert_same(bx.block_reduce(image, size, statistic, boundary="trim"), expected)


@pytest.mark.parametrize("statistic", ["sum", "mean", "min", "max", "any", "all", "var", "std"])
def test_numpy_reshape(image, statistic):
    for size in BLOCKS[image.ndim]:
        part = trimmed(image, size)
        axes = tuple(range(1, 2 * image.ndim, 2))
        wide = part.astype(np.float64) if part.dtype == np.float32 else part
        with np.errstate(invalid="ignore"):
            expected = getattr(np, statistic)(as_blocks(wide, size), axis=axes)
        found = bx.block_reduce(image, size, statistic, boundary="trim")
        assert_same(found, expected)
        assert_same(bx.block_reduce(part, size, statistic, boundary="exact"), expected)
        # What is not trimmed away is the same in the whole.
        inside = tuple(slice(length) for length in expected.shape)
        assert_same(bx.block_reduce(image, size, statistic)[inside], expected)


def test_scipy_mode():
    stats = pytest.importorskip("scipy.stats")
    image = data.coins() // 16
    part = as_blocks(trimmed(image, (8, 8)), (8, 8)).transpose(0, 2, 1, 3)
    expected = stats.mode(part.reshape(*part.shape[:2], 64), axis=-1).mode
    found = bx.block_reduce(image, 8, "mode", boundary="trim")
    np.testing.assert_array_equal(found, expected)


def test_edges_are_not_darkened():
    # What scikit-image's zero padding does to them.
    image = np.maximum(data.coins(), 1)
    found = bx.block_reduce(image, (50, 50), ("mean", "min", "max"))
    assert (found["min"] <= found["mean"]).all()
    assert (found["mean"] <= found["max"]).all()
    last = image[300:, 350:]
    assert last.shape == (3, 34)
    assert found["mean"][-1, -1] == last.mean()


def test_missing_disparities_are_left_out():
    image = data.stereo_motorcycle()[2].astype(np.float64)
    missing = ~np.isfinite(image)
    assert missing.any()
    image[missing] = np.nan
    found = bx.block_reduce(image, 10, skipna=True, boundary="trim")
    blocks = as_blocks(trimmed(image, (10, 10)), (10, 10))
    counts = (~np.isnan(blocks)).sum(axis=(1, 3))
    with np.errstate(invalid="ignore"):
        expected = np.nansum(blocks, axis=(1, 3)) / counts
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    masked = np.ma.MaskedArray(image, mask=missing)
    np.testing.assert_array_equal(bx.block_reduce(masked, 10, boundary="trim"), found)


def test_density_of_text():
    image = data.page() < 128
    found = bx.density_map(image, (10, 12), boundary="trim")
    expected = as_blocks(trimmed(image, (10, 12)), (10, 12)).mean(axis=(1, 3))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("size", [(3, 3), (9, 15)])
def test_scipy_convolution(size):
    signal = pytest.importorskip("scipy.signal")
    image = data.horse()
    counts = signal.convolve2d(image.astype(np.int64), np.ones(size, np.int64), "valid")
    found = bx.density_map(image, size, stride=1, boundary="trim")
    np.testing.assert_array_equal(found, counts / np.prod(size))


def test_scipy_uniform_filter():
    ndimage = pytest.importorskip("scipy.ndimage")
    image = (data.camera() > 100).astype(np.float64)
    expected = ndimage.uniform_filter(image, 5)[2:-2, 2:-2]
    found = bx.density_map(image, 5, stride=1, boundary="trim")
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_pyramid_of_a_photograph():
    measure = pytest.importorskip("skimage.measure")
    image = data.astronaut()
    levels = bx.pyramid(image, (2, 2, 1))
    assert [level.shape for level in levels] == [(2**k, 2**k, 3) for k in range(8, -1, -1)]
    for level, found in enumerate(levels, start=1):
        expected = measure.block_reduce(image, (2**level, 2**level, 1), np.mean)
        np.testing.assert_array_equal(found, expected)
