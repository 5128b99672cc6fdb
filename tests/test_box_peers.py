"""Sliding boxes against SciPy, OpenCV, scikit-image and NumPy, on photographs and volumes."""

from pathlib import Path

import numpy as np
import pytest

import boxel as bx
from test_peers import IMAGES, assert_same

data = pytest.importorskip("skimage.data")

SCIPY_MODES = ("reflect", "mirror", "nearest", "wrap", "constant")
SIZES = {2: [3, (5, 8), (31, 1)], 3: [(3, 3, 1), (6, 5, 3)]}


@pytest.fixture(params=["camera", "coins", "cell", "retina", "phantom", "disparity"])
def image(request):
    # A part that is not square is quick, and shows axes that are exchanged.
    image = IMAGES[request.param]()[100:220, 60:210]
    return np.where(np.isfinite(image), image, 0) if image.dtype.kind == "f" else image


def windows(image, size):
    """Return every box that lies inside, its samples on the last axes."""
    return np.lib.stride_tricks.sliding_window_view(image, np.broadcast_to(size, image.ndim))


# Volumes: a scan of a head that comes with nibabel, and photographs on top of each other ----------


def head():
    nibabel = pytest.importorskip("nibabel")
    folder = Path(nibabel.__file__).parent / "tests" / "data"
    path = folder / "anatomical.nii"
    if not path.exists():
        pytest.skip("this nibabel comes without its example files")
    # Big-endian, in Fortran order and read-only: as the file has it.
    return np.asanyarray(nibabel.load(path).dataobj)


def photographs():
    names = ("camera", "coins", "moon", "page", "horse", "cell", "phantom", "disparity")
    parts = [IMAGES[name]()[40:100, 50:115].astype(np.float32) for name in names]
    return np.nan_to_num(np.stack(parts), posinf=0)


def faces():
    return IMAGES["faces"]()[:40]


VOLUMES = {"head": head, "photographs": photographs, "faces": faces}
VOLUME_SIZES = [3, (1, 5, 4), (7, 2, 3)]


@pytest.fixture(params=VOLUMES)
def volume(request):
    return VOLUMES[request.param]()


def test_volumes_are_of_three_axes(volume):
    assert volume.ndim == 3
    assert min(volume.shape) > np.max(VOLUME_SIZES[1:])
    assert len(np.unique(volume)) > 50


# SciPy --------------------------------------------------------------------------------------------


def assert_near(found, expected, image):
    """Equal to the rounding of means of values as large as the image's."""
    assert found.shape == expected.shape
    scale = float(np.abs(image.astype(np.float64)).max())
    atol = scale * (1e-6 if found.dtype == np.float32 else 1e-13)
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("mode", SCIPY_MODES)
def test_scipy_uniform_filter(image, mode):
    ndimage = pytest.importorskip("scipy.ndimage")
    wide = image.astype(np.float64)
    for size in SIZES[image.ndim]:
        expected = ndimage.uniform_filter(wide, size, mode=mode, cval=1)
        assert_near(bx.box_filter(image, size, mode=mode, cval=1), expected, image)
        assert_near(bx.uniform_filter(wide, size, mode=mode, cval=1), expected, image)


@pytest.mark.parametrize("mode", SCIPY_MODES)
def test_scipy_uniform_filter_of_volumes(volume, mode):
    ndimage = pytest.importorskip("scipy.ndimage")
    for size in VOLUME_SIZES:
        options = {"mode": mode, "cval": 7, "origin": (0, 0, -1)}
        expected = ndimage.uniform_filter(volume, size, output=np.float64, **options)
        assert_near(bx.box_filter(volume, size, **options), expected, volume)
        found = bx.uniform_filter(volume, size, output=np.float64, **options)
        assert_near(found, expected, volume)


@pytest.mark.parametrize("mode", SCIPY_MODES)
@pytest.mark.parametrize("statistic", ["min", "max"])
def test_scipy_minimum_and_maximum_filter(image, statistic, mode):
    ndimage = pytest.importorskip("scipy.ndimage")
    function = {"min": ndimage.minimum_filter, "max": ndimage.maximum_filter}[statistic]
    for size in SIZES[image.ndim]:
        for origin in (0, [-1 if side > 2 else 0 for side in np.broadcast_to(size, image.ndim)]):
            options = {"mode": mode, "cval": 1, "origin": origin}
            found = bx.box_filter(image, size, statistic, **options)
            np.testing.assert_array_equal(found, function(image, size, **options))
            assert found.dtype == image.dtype


@pytest.mark.parametrize("statistic", ["min", "max"])
def test_scipy_minimum_and_maximum_filter_of_volumes(volume, statistic):
    ndimage = pytest.importorskip("scipy.ndimage")
    function = {"min": ndimage.minimum_filter, "max": ndimage.maximum_filter}[statistic]
    for size, mode in zip(VOLUME_SIZES, ("mirror", "wrap", "nearest"), strict=True):
        found = bx.box_filter(volume, size, statistic, mode=mode)
        np.testing.assert_array_equal(found, function(volume, size, mode=mode))


@pytest.mark.parametrize("mode", SCIPY_MODES)
@pytest.mark.parametrize("statistic", ["var", "std", "sum"])
def test_scipy_generic_filter(statistic, mode):
    ndimage = pytest.importorskip("scipy.ndimage")
    image = data.coins()[50:80, 60:95]
    wide = image.astype(np.float64)
    for size in (3, (4, 7)):
        expected = ndimage.generic_filter(wide, getattr(np, statistic), size, mode=mode, cval=9)
        for dtype in (np.uint8, np.float32, np.float64):
            found = bx.box_filter(image.astype(dtype), size, statistic, mode=mode, cval=9)
            assert_same(found, expected)


def test_scipy_minimum_filter_of_text_is_all():
    ndimage = pytest.importorskip("scipy.ndimage")
    image = data.page() < 128
    for size in ((3, 3), (2, 5)):
        found = bx.box_filter(image, size, ("any", "all"))
        np.testing.assert_array_equal(found["all"], ndimage.minimum_filter(image, size))
        np.testing.assert_array_equal(found["any"], ndimage.maximum_filter(image, size))


@pytest.mark.parametrize("size", [(3, 3), (9, 15), (2, 64)])
def test_scipy_convolve2d(size):
    signal = pytest.importorskip("scipy.signal")
    image = data.camera()[::2, ::2]
    expected = signal.convolve2d(image.astype(np.int64), np.ones(size, np.int64), "valid")
    np.testing.assert_array_equal(bx.box_filter(image, size, "sum", mode="valid"), expected)
    text = data.page() < 128
    expected = signal.convolve2d(text.astype(np.int64), np.ones(size, np.int64), "valid")
    found = bx.box_filter(text, size, ("count_nonzero", "density"), mode="valid")
    np.testing.assert_array_equal(found["count_nonzero"], expected)
    np.testing.assert_array_equal(found["density"], expected / np.prod(size))


def test_scipy_convolve_of_volumes(volume):
    signal = pytest.importorskip("scipy.signal")
    # The job of MATLAB's convn(volume, ones(size), 'valid').
    for size in VOLUME_SIZES:
        kernel = np.ones(np.broadcast_to(size, 3))
        expected = signal.convolve(volume.astype(np.float64), kernel, "valid", method="direct")
        found = bx.box_filter(volume, size, "sum", mode="valid", dtype=np.float64)
        if volume.dtype.kind == "f":
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        else:
            np.testing.assert_array_equal(found, expected)


# NumPy --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", ["sum", "mean", "min", "max", "any", "all", "var", "std"])
def test_numpy_windows(image, statistic):
    for size in SIZES[image.ndim][:2]:
        size = np.broadcast_to(size, image.ndim)
        axes = tuple(range(image.ndim, 2 * image.ndim))
        wide = image.astype(np.float64) if image.dtype == np.float32 else image
        part = wide[:40, :50]
        expected = getattr(np, statistic)(windows(part, size), axis=axes)
        found = bx.box_filter(image[:40, :50], size, statistic, mode="valid")
        assert_same(found, expected)
        for stride in (2, 3):
            taken = expected[(slice(None, None, stride),) * image.ndim]
            found = bx.box_filter(image[:40, :50], size, statistic, mode="valid", stride=stride)
            assert_same(found, taken)


@pytest.mark.parametrize("statistic", ["mean", "var", "max"])
def test_numpy_windows_of_volumes(volume, statistic):
    for size in VOLUME_SIZES:
        wide = volume.astype(np.float64)
        expected = getattr(np, statistic)(windows(wide, size), axis=(3, 4, 5))
        found = bx.box_filter(volume, size, statistic, mode="valid", dtype=np.float64)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("statistic", ["nansum", "nanmean", "nanmin", "nanvar"])
def test_missing_disparities_are_left_out(statistic):
    image = IMAGES["disparity"]()[:60, :80].astype(np.float64)
    image[~np.isfinite(image)] = np.nan
    assert np.isnan(image).any()
    boxes = windows(np.pad(image, 3, constant_values=np.nan), 7).reshape(*image.shape, 49)
    counts = (~np.isnan(boxes)).sum(axis=-1)
    there = counts > 0
    expected = getattr(np, statistic)(boxes[there], axis=-1)
    found = bx.box_filter(image, 7, (statistic[3:], "count"), skipna=True, mode="shrink")
    np.testing.assert_array_equal(found["count"], counts)
    np.testing.assert_allclose(found[statistic[3:]][there], expected, rtol=1e-9, atol=1e-12)
    assert np.isnan(found[statistic[3:]][~there]).all()
    masked = np.ma.MaskedArray(image, mask=np.isnan(image))
    again = bx.box_filter(masked, 7, statistic[3:], mode="shrink")
    np.testing.assert_allclose(again[there], expected, rtol=1e-9, atol=1e-12)


# scikit-image: boxes that shrink at the border ----------------------------------------------------


@pytest.mark.parametrize("name", ["camera", "coins", "moon"])
@pytest.mark.parametrize("size", [3, 9, (5, 15)])
def test_scikit_image_rank_filters(size, name):
    rank = pytest.importorskip("skimage.filters.rank")
    image = IMAGES[name]()[:150, :130]
    box = np.ones(np.broadcast_to(size, 2), dtype=np.uint8)
    found = bx.box_filter(image, size, ("sum", "mean", "min", "max"), mode="shrink")
    np.testing.assert_array_equal(np.floor(found["mean"]), rank.mean(image, box))
    np.testing.assert_array_equal(found["min"], rank.minimum(image, box))
    np.testing.assert_array_equal(found["max"], rank.maximum(image, box))
    mask = (image > 90).astype(np.uint8)
    options = {"mode": "shrink", "where": mask > 0, "min_count": 0}
    counted = bx.box_filter(image, size, ("sum", "count"), **options)
    there = counted["count"] > 0
    expected = rank.mean(image, box, mask=mask)[there]
    np.testing.assert_array_equal(counted["sum"][there] // counted["count"][there], expected)


def test_scikit_image_gradient_of_a_volume():
    morphology = pytest.importorskip("skimage.morphology")
    volume = photographs()
    found = bx.box_filter(volume, 3, ("min", "max"))
    box = np.ones((3, 3, 3))
    np.testing.assert_array_equal(found["min"], morphology.erosion(volume, box))
    np.testing.assert_array_equal(found["max"], morphology.dilation(volume, box))


# OpenCV -------------------------------------------------------------------------------------------

OPENCV_BORDERS = {
    "reflect": "BORDER_REFLECT",
    "mirror": "BORDER_REFLECT_101",
    "nearest": "BORDER_REPLICATE",
    "constant": "BORDER_CONSTANT",
}


def opencv_part(name):
    return np.ascontiguousarray(IMAGES[name]()[:130, :150])


@pytest.mark.parametrize("size", [(3, 3), (4, 6), (15, 5), (31, 31)])
@pytest.mark.parametrize("mode", OPENCV_BORDERS)
def test_opencv_box_filter(mode, size):
    cv2 = pytest.importorskip("cv2")
    border = getattr(cv2, OPENCV_BORDERS[mode])
    options = {"ksize": size[::-1], "borderType": border}
    for name in ("camera", "astronaut"):
        image = opencv_part(name)
        axes = {"axes": (0, 1)}
        sums = cv2.boxFilter(image, cv2.CV_32F, normalize=False, **options)
        found = bx.box_filter(image, size, ("sum", "mean"), mode=mode, **axes)
        np.testing.assert_array_equal(found["sum"], sums)
        # OpenCV rounds a half to even or up, depending on the processor.
        means = cv2.boxFilter(image, -1, **options).astype(int)
        assert (np.abs(means - found["mean"]) <= 0.5 + 1e-3).all()
        floats = image.astype(np.float32)
        means = cv2.boxFilter(floats, cv2.CV_64F, **options)
        np.testing.assert_allclose(bx.box_filter(floats, size, mode=mode, **axes), means, rtol=1e-5)


@pytest.mark.parametrize("size", [(3, 3), (5, 9)])
@pytest.mark.parametrize("mode", ["reflect", "mirror", "nearest"])
def test_opencv_erode_and_dilate(mode, size):
    cv2 = pytest.importorskip("cv2")
    image = opencv_part("coins")
    border = {"borderType": getattr(cv2, OPENCV_BORDERS[mode])}
    box = np.ones(size, dtype=np.uint8)
    found = bx.box_filter(image, size, ("min", "max"), mode=mode)
    np.testing.assert_array_equal(found["min"], cv2.erode(image, box, **border))
    np.testing.assert_array_equal(found["max"], cv2.dilate(image, box, **border))


def test_opencv_local_variance():
    cv2 = pytest.importorskip("cv2")
    image = opencv_part("camera").astype(np.float64)
    options = {"ksize": (9, 9), "borderType": cv2.BORDER_REFLECT_101}
    mean = cv2.boxFilter(image, cv2.CV_64F, **options)
    expected = cv2.sqrBoxFilter(image, cv2.CV_64F, **options) - mean * mean
    found = bx.box_filter(image, 9, "var", mode="mirror")
    # The recipe of squares loses digits; it is the one that is wrong.
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
