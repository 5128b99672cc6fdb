"""What statistics of regions refuse, and how they say it."""

import warnings

import numpy as np
import pytest

import boxel as bx
from cases import REFUSED_DTYPES

IMAGE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
LABELS = np.arange(20).reshape(4, 5) % 4
MASK = LABELS == 1


@pytest.mark.parametrize("function", [bx.masked_mean, bx.masked_stats])
@pytest.mark.parametrize(
    ("mask", "options", "words"),
    [
        (MASK.T, {}, ["(5, 4)", "(4, 5, 3)", "transposed", "mask.T"]),
        (MASK[:3], {}, ["(3, 5)", "(4, 5, 3)"]),
        (MASK[..., None], {}, ["(4, 5, 1)", "mask[..., 0]"]),
        (np.repeat(MASK[..., None], 4, 2), {}, ["(4, 5, 4)", "mask[..., 0]"]),
        (MASK[None].repeat(2, 0), {}, ["(2, 4, 5)", "(4, 5, 3)"]),
        (MASK, {"channel_axis": 0}, ["(4, 5)", "channel_axis=0"]),
        (MASK.T, {"channel_axis": -1}, ["transposed"]),
    ],
)
def test_masks_of_the_wrong_shape(function, mask, options, words):
    with pytest.raises(ValueError, match="mask of shape") as caught:
        function(IMAGE, mask, **options)
    for word in words:
        assert word in str(caught.value)


def test_channels_first_are_suspected():
    with pytest.raises(ValueError, match="pass channel_axis=0"):
        bx.masked_mean(np.moveaxis(IMAGE, -1, 0), MASK)
    with pytest.raises(ValueError, match=r"labels of shape .* pass channel_axis=0"):
        bx.label_stats(LABELS, np.moveaxis(IMAGE, -1, 0))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "object", "S1"])
def test_masks_of_other_dtypes(dtype):
    with pytest.raises(TypeError, match="mask must be bool") as caught:
        bx.masked_mean(IMAGE, MASK.astype(dtype))
    assert str(np.dtype(dtype)) in str(caught.value)
    assert "mask > 0.5" in str(caught.value)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "uint64"])
def test_integer_masks(dtype):
    expected = IMAGE[MASK].mean(axis=0)
    np.testing.assert_array_equal(bx.masked_mean(IMAGE, MASK.astype(dtype)), expected)
    np.testing.assert_array_equal(bx.masked_mean(IMAGE, MASK.astype(dtype) * 255), expected)
    for bad in ([0, 1, 2], [0, 254, 255], [0, 7], [0, 1, 255]):
        values = np.zeros((4, 5), dtype)
        values.flat[: len(bad)] = bad
        with pytest.raises(ValueError, match="0 and 1 or 0 and 255") as caught:
            bx.masked_mean(IMAGE, values)
        assert f"values {', '.join(map(str, bad))};" in str(caught.value)
    if np.dtype(dtype).kind == "i":
        with pytest.raises(ValueError, match="values -1, 0;"):
            bx.masked_mean(IMAGE, -MASK.astype(dtype))


def test_integer_masks_of_one_value():
    for value in (0, 1, 255):
        mask = np.full((4, 5), value, np.uint8)
        assert bx.masked_stats(IMAGE, mask, "count")["count"][0] == (20 if value else 0)


def test_integer_masks_of_no_axes():
    for value in (0, 1, 255):
        found = bx.masked_stats(np.array([3, 4], np.uint8), np.array(value, np.uint8), "sum")
        np.testing.assert_array_equal(found["sum"], [3, 4] if value else [0, 0])


def test_masked_masks_and_where():
    with pytest.raises(TypeError, match="mask must be a plain array"):
        bx.masked_mean(IMAGE, np.ma.array(MASK, mask=MASK))
    with pytest.raises(TypeError, match="where must be a bool array"):
        bx.label_stats(LABELS, IMAGE, where=LABELS)
    with pytest.raises(ValueError, match="where of shape"):
        bx.label_stats(LABELS, IMAGE, where=MASK.T)
    with pytest.raises(ValueError, match=r"where of shape .* the labels"):
        bx.label_stats(LABELS, where=MASK.T)


def test_an_empty_mask_is_no_error():
    nothing = np.zeros((4, 5), bool)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bx.masked_stats(IMAGE, nothing, ("count", "mean", "sum", "std", "density", "any"))
        assert np.isnan(bx.masked_mean(IMAGE[..., 0], nothing))
    np.testing.assert_array_equal(found["count"], 0)
    np.testing.assert_array_equal(found["sum"], 0)
    np.testing.assert_array_equal(found["any"], False)
    for name in ("mean", "std", "density"):
        assert np.isnan(found[name]).all()


@pytest.mark.parametrize("name", ["min", "max", "median", "mode"])
def test_integers_without_samples_need_a_fill(name):
    nothing = np.zeros((4, 5), bool)
    with pytest.raises(ValueError, match=f"'{name}' has no value for the mask.*fill_value"):
        bx.masked_stats(IMAGE, nothing, name)
    filled = bx.masked_stats(IMAGE, nothing, name, fill_value=9)[name]
    np.testing.assert_array_equal(filled, np.array([9, 9, 9], np.uint8))
    assert np.isnan(bx.masked_stats(IMAGE.astype(np.float32), nothing, name)[name]).all()
    with pytest.raises(ValueError, match=f"'{name}' has no value for region 77.*fill_value"):
        bx.label_stats(LABELS, IMAGE, name, index=[1, 77])
    with pytest.raises(ValueError, match="does not fit dtype uint8"):
        bx.label_stats(LABELS, IMAGE, name, index=[1, 77], fill_value=-1)
    assert bx.label_stats(LABELS, IMAGE, name, index=[77], fill_value=3)[name].tolist() == [[3] * 3]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float_labels(dtype):
    with pytest.raises(TypeError, match=f"labels must be integers, found dtype {dtype}.*2\\*\\*53"):
        bx.label_stats(LABELS.astype(dtype), IMAGE)


@pytest.mark.parametrize("dtype", REFUSED_DTYPES)
def test_refused_dtypes(dtype):
    with pytest.raises(TypeError, match="labels has dtype"):
        bx.label_stats(np.zeros((4, 5), dtype), IMAGE)
    with pytest.raises(TypeError, match="image has dtype"):
        bx.label_stats(LABELS, np.zeros((4, 5), dtype))


@pytest.mark.parametrize(
    ("statistics", "words"),
    [
        ("mena", "did you mean 'mean'"),
        ((), "at least one"),
        (["count", "nope"], "unknown statistic 'nope'"),
        (np.nanmean, "skipna=True"),
        ((3,), "must be a name"),
    ],
)
def test_unknown_statistics(statistics, words):
    with pytest.raises((ValueError, TypeError), match=words):
        bx.label_stats(LABELS, IMAGE, statistics)
    with pytest.raises((ValueError, TypeError), match=words):
        bx.masked_stats(IMAGE, MASK, statistics)


def test_what_needs_an_image():
    for name in ("mean", "median", "any"):
        with pytest.raises(ValueError, match=f"statistic '{name}' needs an image"):
            bx.label_stats(LABELS, statistics=("count", name))
    with pytest.raises(ValueError, match="weights has no meaning without an image"):
        bx.label_stats(LABELS, weights=np.ones((4, 5)))
    with pytest.raises(ValueError, match="channel_axis has no meaning"):
        bx.label_stats(LABELS, channel_axis=0)
    with pytest.raises(ValueError, match="no bounding box"):
        bx.label_stats(np.array(3))


def test_masks_have_no_geometry():
    with pytest.raises(ValueError, match="unknown statistic 'centroid'"):
        bx.masked_stats(IMAGE, MASK, "centroid")


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        ([1.0, 2.0], TypeError, "index must hold integer labels, found dtype float64"),
        ([[1, 2]], ValueError, "one label or a sequence, found shape (1, 2)"),
        (["1"], TypeError, "integer labels"),
    ],
)
def test_bad_index(index, error, words):
    with pytest.raises(error) as caught:
        bx.label_stats(LABELS, IMAGE, index=index)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"background": 1.5}, TypeError, "background must be an integer"),
        ({"background": 2**64}, ValueError, "background must fit"),
        ({"ddof": -1}, ValueError, "ddof"),
        ({"skipna": 1}, TypeError, "skipna"),
        ({"workers": 0}, ValueError, "workers"),
        ({"channel_axis": 3}, ValueError, "channel_axis"),
        ({"channel_axis": (0, 0)}, ValueError, "channel_axis must name each axis once"),
        ({"weights": -np.ones((4, 5))}, ValueError, "weights must be finite and not negative"),
        ({"weights": np.ones((5, 4))}, ValueError, "weights of shape"),
        ({"weights": np.full((4, 5), np.inf)}, ValueError, "weights must be finite"),
        ({"spacing": (1, 2, 3)}, ValueError, "spacing must be a number or one for each of 2 axes"),
        ({"spacing": 0}, ValueError, "spacing must be positive"),
        ({"spacing": "a"}, TypeError, "spacing must be a real number"),
    ],
)
def test_bad_options(options, error, words):
    with pytest.raises(error, match=words):
        bx.label_stats(LABELS, IMAGE, **options)


@pytest.mark.parametrize("name", ["median", "mode", "min"])
def test_statistics_that_take_no_weights(name):
    if name == "min":
        assert bx.label_stats(LABELS, IMAGE, name, weights=np.ones((4, 5)))["min"].shape == (3, 3)
        return
    with pytest.raises(ValueError, match=f"weights have no meaning for the statistic '{name}'"):
        bx.label_stats(LABELS, IMAGE, name, weights=np.ones((4, 5)))


def test_labels_without_a_common_type():
    stats = bx.RegionStats("count")
    stats.update(np.array([-1, -1]))
    stats.update(np.array([2**64 - 1], np.uint64))
    with pytest.raises(ValueError, match=r"negative numbers and numbers of 2\^63"):
        stats.result()
    assert stats.result(index=[-1])["count"].tolist() == [2]


# RegionStats --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["median", "mode"])
def test_what_does_not_merge(name):
    with pytest.raises(ValueError, match=f"'{name}' needs all samples.*label_stats"):
        bx.RegionStats(("count", name))


def test_tiles_must_be_alike():
    stats = bx.RegionStats().update(LABELS, IMAGE)
    before = stats.result()
    for tile, words in (
        (dict(image=IMAGE.astype(np.int16)), "dtype is int16"),
        (dict(image=IMAGE[..., :2]), "shape of the channels"),
        (dict(image=IMAGE, weights=np.ones((4, 5))), "presence of weights"),
        (dict(image=None), "dtype is bool|statistics"),
        (dict(image=IMAGE, origin=3), "origin must have one integer"),
        (dict(image=IMAGE, origin=(1, 2, 3)), "origin must have one integer"),
        (dict(image=IMAGE, origin=(1.5, 2)), "origin must be an integer"),
        (dict(image=IMAGE, origin=(2**63, 2)), "origin must lie within"),
        (dict(image=IMAGE[:3]), "does not cover"),
    ):
        with pytest.raises((ValueError, TypeError), match=words):
            stats.update(LABELS, **tile)
    after = stats.result()
    for name, column in before.items():
        np.testing.assert_array_equal(after[name], column)


def test_merging_what_differs():
    one = bx.RegionStats("mean").update(LABELS, IMAGE)
    for other, words in (
        (bx.RegionStats("sum").update(LABELS, IMAGE), "statistics"),
        (bx.RegionStats("mean", background=None), "background"),
        (bx.RegionStats("mean", skipna=True), "skipna"),
        (bx.RegionStats("mean").update(LABELS, IMAGE.astype(float)), "dtype"),
    ):
        with pytest.raises(ValueError, match=words):
            one.merge(other)
    with pytest.raises(TypeError, match="found dict"):
        one.merge({})
    with pytest.raises(ValueError, match="nothing was taken in"):
        bx.RegionStats().result()
