"""Regions against scipy.ndimage, scikit-image and boolean indexing, on real images."""

import numpy as np
import pytest

import boxel as bx

data = pytest.importorskip("skimage.data")
measure = pytest.importorskip("skimage.measure")
ndimage = pytest.importorskip("scipy.ndimage")
filters = pytest.importorskip("skimage.filters")

IMAGES = {
    "coins": data.coins,
    "camera": data.camera,
    "moon": data.moon,
    "page": data.page,
    "astronaut": data.astronaut,
    "hubble": data.hubble_deep_field,
    "retina": data.retina,
}
SCIPY = {
    "sum": ndimage.sum_labels,
    "mean": ndimage.mean,
    "min": ndimage.minimum,
    "max": ndimage.maximum,
    "var": ndimage.variance,
    "std": ndimage.standard_deviation,
    "median": ndimage.median,
}


@pytest.fixture(params=IMAGES, scope="module")
def case(request):
    """Return an image and the connected regions that a threshold finds in it."""
    image = IMAGES[request.param]()
    plane = image if image.ndim == 2 else image[..., 1]
    return image, measure.label(plane > filters.threshold_otsu(plane))


def test_regionprops(case):
    image, labels = case
    names = ("num_pixels", "bbox", "centroid", "intensity_mean", "intensity_min", "intensity_max")
    theirs = measure.regionprops_table(labels, image, ("label", *names))
    ours = bx.label_stats(
        labels, image, ("count", "bounding_box", "centroid", "mean", "min", "max")
    )
    np.testing.assert_array_equal(ours["label"], theirs["label"])
    pixels = ours["count"] if image.ndim == 2 else ours["count"][:, 0]
    np.testing.assert_array_equal(pixels, theirs["num_pixels"])
    for axis in range(4):
        np.testing.assert_array_equal(ours["bounding_box"][:, axis], theirs[f"bbox-{axis}"])
    for axis in range(2):
        np.testing.assert_allclose(
            ours["centroid"][:, axis], theirs[f"centroid-{axis}"], rtol=1e-12
        )
    for name in ("mean", "min", "max"):
        for channel in range(1 if image.ndim == 2 else image.shape[-1]):
            key = f"intensity_{name}" + ("" if image.ndim == 2 else f"-{channel}")
            found = ours[name] if image.ndim == 2 else ours[name][:, channel]
            np.testing.assert_allclose(found, theirs[key], rtol=1e-12)


@pytest.mark.parametrize("name", SCIPY)
def test_scipy(case, name):
    image, labels = case
    plane = image if image.ndim == 2 else image[..., 0]
    index = np.arange(1, labels.max() + 1)
    theirs = SCIPY[name](plane, labels, index)
    ours = bx.label_stats(labels, plane, name, index=index)[name]
    # Where a median lies between two integers, ours is one of them, as the image's dtype demands.
    expected = np.round(theirs) if name == "median" else theirs
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)


def test_boolean_indexing(case):
    image, labels = case
    for mask in (labels > 0, labels == 0, labels == labels.max()):
        chosen = image[mask]
        found = bx.masked_stats(image, mask, ("count", "mean", "std", "min", "max", "sum"))
        np.testing.assert_array_equal(found["count"], len(chosen))
        np.testing.assert_array_equal(found["min"], chosen.min(axis=0))
        np.testing.assert_array_equal(found["max"], chosen.max(axis=0))
        np.testing.assert_array_equal(found["sum"], chosen.sum(axis=0, dtype=np.int64))
        np.testing.assert_allclose(found["mean"], chosen.mean(axis=0), rtol=1e-13)
        np.testing.assert_allclose(found["std"], chosen.std(axis=0), rtol=1e-11)
        np.testing.assert_array_equal(bx.masked_mean(image, mask), found["mean"])


def test_the_average_colour_has_as_many_numbers_as_there_are_channels():
    image = data.astronaut()
    mask = image[..., 0] > 128
    wrong = np.mean(image[mask], axis=(0, 1))
    assert np.ndim(wrong) == 0
    assert bx.masked_mean(image, mask).shape == (3,)
