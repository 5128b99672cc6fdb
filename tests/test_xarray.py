"""boxel.xarray: names, coordinates and attributes come along, and lazy arrays stay lazy."""

import numpy as np
import pytest

import boxel as bx

xr = pytest.importorskip("xarray")
da = pytest.importorskip("dask.array")

import boxel.xarray  # noqa: E402

SECONDS = np.arange(0, 700, 100).astype("datetime64[s]")


@pytest.fixture(params=[False, True], ids=["numpy", "dask"])
def image(request):
    rng = np.random.default_rng(0)
    array = xr.DataArray(
        rng.integers(0, 100, (7, 10, 3)).astype(np.uint8),
        dims=("t", "x", "band"),
        coords={
            "t": ("t", SECONDS, {"long_name": "time"}),
            "x": np.arange(10) * 2,
            "band": ["red", "green", "blue"],
            "height": ("x", np.linspace(0, 1, 10)),
            "site": ("x", list("abcdefghij")),
            "both": (("t", "x"), rng.random((7, 10)), {"units": "m"}),
            "run": 7,
        },
        name="photo",
        attrs={"units": "counts"},
    )
    return array.chunk({"t": 3, "x": 4}) if request.param else array


def values(result):
    return result.compute().values


def check(result, image, expected, dims):
    """Compare with the function of arrays; names and attributes are kept, laziness too."""
    assert result.dims == dims
    assert result.name == "photo"
    assert result.attrs == {"units": "counts"}
    assert (result.chunks is None) == (image.chunks is None)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(values(result), expected)


def test_blocks(image):
    found = image.boxel.block_reduce({"x": 4, "t": 3}, "max")
    plain = values(image)
    check(found, image, bx.block_reduce(plain, (3, 4), "max", axes=(0, 1)), image.dims)
    assert found.x.values.tolist() == [3, 11, 17]
    assert found.t.values.tolist() == np.array([100, 400, 600], "datetime64[s]").tolist()
    assert found.t.attrs == {"long_name": "time"}
    assert found.band.values.tolist() == ["red", "green", "blue"]
    assert found.run.item() == 7
    np.testing.assert_allclose(found.height, bx.block_reduce(np.linspace(0, 1, 10), 4))
    assert found.both.attrs == {"units": "m"}
    both = bx.block_reduce(image.both.values, (3, 4))
    np.testing.assert_allclose(found.both, both, rtol=1e-14)
    assert (found.both.chunks is None) == (image.chunks is None)
    assert "site" not in found.coords
    trimmed = image.boxel.block_reduce({"x": 4}, boundary="trim")
    assert trimmed.x.values.tolist() == [3, 11]
    assert trimmed.t.equals(image.t)
    whole = image.boxel.block_reduce(2)
    assert whole.shape == (4, 5, 2)
    assert "band" not in whole.coords


def test_several_statistics_are_a_dataset(image):
    found = image.boxel.block_reduce({"x": 5}, ("mean", "count"))
    assert isinstance(found, xr.Dataset)
    assert list(found.data_vars) == ["mean", "count"]
    assert found.attrs == found["mean"].attrs == {"units": "counts"}
    assert found.x.values.tolist() == [4, 14]
    np.testing.assert_array_equal(values(found["count"]), 5)


@pytest.mark.parametrize("dtype", ["datetime64[ns]", "timedelta64[ms]"])
def test_centres_of_times_are_exact(dtype):
    times = (np.arange(5) + 2**60).astype(dtype)
    array = xr.DataArray(np.zeros(5), {"t": times}, "t")
    centres = array.boxel.block_reduce({"t": 3}).t.values
    assert (centres - times[0]).astype(int).tolist() == [1, 4]
    times[1] = "NaT"
    found = xr.DataArray(np.zeros(5), {"t": times}, "t").boxel.block_reduce({"t": 3}).t.values
    assert np.isnat(found).tolist() == [True, False]


def test_density(image):
    plain = values(image) > 50
    found = (image > 50).rename("photo").assign_attrs(image.attrs)
    result = found.boxel.density_map({"x": 4, "t": 2}, stride={"x": 3}, boundary="trim")
    expected = bx.density_map(plain, (2, 4, 1), stride=(2, 3, 1), boundary="trim")
    if "t" in result.dims:
        expected = bx.density_map(plain, (2, 4, 1), stride=(1, 3, 1), boundary="trim")
    check(result, image, expected, image.dims)
    assert result.x.values.tolist() == [3, 9, 15]
    edge = found.boxel.density_map({"x": 4}, stride={"x": 3})
    assert edge.x.values.tolist() == [3, 9, 15]
    assert edge.boxel.density_map(1).shape == edge.shape


def test_pyramid(image):
    levels = image.boxel.pyramid({"x": 2, "t": 3}, "max", min_size=2)
    plain = bx.pyramid(values(image), (3, 2), "max", axes=(0, 1), min_size=2)
    assert len(levels) == len(plain) > 1
    for level, expected in zip(levels, plain, strict=True):
        check(level, image, expected, image.dims)
    assert levels[1].x.values.tolist() == [3, 11, 17]
    by_level = image.boxel.pyramid([{"x": 2}, {"t": 7}])
    assert [dict(level.sizes) for level in by_level] == [
        {"t": 7, "x": 5, "band": 3},
        {"t": 1, "x": 5, "band": 3},
    ]


def test_boxes(image):
    plain = values(image)
    found = image.boxel.box_filter({"x": 3, "t": 4}, "var", mode={"x": "wrap"})
    expected = bx.box_filter(plain, (4, 3), "var", axes=(0, 1), mode=("reflect", "wrap"))
    check(found, image, expected, image.dims)
    assert found.coords.equals(image.coords)
    found = image.boxel.box_filter({"x": 5}, mode="valid", stride={"x": 2})
    check(found, image, bx.box_filter(plain, 5, axes=1, mode="valid", stride=2), image.dims)
    assert found.x.values.tolist() == [4, 8, 12]
    assert found.site.values.tolist() == ["c", "e", "g"]
    found = image.boxel.box_filter({"x": 3}, stride=4)
    assert found.site.values.tolist() == ["a", "e", "i"]
    found = image.boxel.uniform_filter({"x": 3}, mode="nearest")
    check(found, image, bx.uniform_filter(plain, 3, axes=1, mode="nearest"), image.dims)


def test_spans(image):
    plain = values(image)
    check(image.boxel.mean("t"), image, bx.voxel_mean(plain, 0), ("x", "band"))
    check(image.boxel.var(["t", "band"]), image, bx.voxel_var(plain, (0, 2)), ("x",))
    check(image.boxel.std(), image, bx.voxel_std(plain, None), ())
    mean, var = image.boxel.mean_var("x", ddof=1)
    expected = bx.voxel_mean_var(plain, 1, ddof=1)
    check(mean, image, expected[0], ("t", "band"))
    check(var, image, expected[1], ("t", "band"))
    assert set(image.boxel.mean("t").coords) == {"x", "band", "height", "site", "run"}


def test_where_and_weights_go_by_dimension(image):
    plain = values(image)
    where = xr.DataArray(np.arange(10) % 2 == 0, {"x": image.x.values}, "x")
    found = image.boxel.mean(["x", "t"], where=where)
    check(found, image, bx.voxel_mean(plain[:, ::2], (0, 1)), ("band",))
    weights = xr.DataArray(np.arange(30.0).reshape(3, 10), dims=("band", "x"))
    found = image.boxel.block_reduce({"t": 7}, weights=weights)
    expected = bx.block_reduce(plain, 7, axes=0, weights=weights.values.T)
    np.testing.assert_allclose(values(found), expected)
    with pytest.raises(ValueError, match="where is not aligned"):
        image.boxel.mean("x", where=where.assign_coords(x=np.arange(10)))
    with pytest.raises(ValueError, match=r"where has the dimensions \['y'\]"):
        image.boxel.mean("x", where=where.rename(x="y"))


def test_masks(image):
    plain = values(image)
    mask = xr.DataArray(plain[:, :, 0].T > 30, dims=("x", "t"))
    found = image.boxel.masked_mean(mask)
    check(found, image, bx.masked_mean(plain.transpose(1, 0, 2), mask.values), ("band",))
    assert found.band.values.tolist() == ["red", "green", "blue"]
    found = image.boxel.masked_stats(mask, ("max", "var"), ddof=1)
    expected = bx.masked_stats(plain.transpose(1, 0, 2), mask.values, ("max", "var"), ddof=1)
    for name, column in expected.items():
        np.testing.assert_array_equal(values(found[name]), column)
    along = xr.DataArray(np.arange(10) > 3, dims="x")
    assert image.boxel.masked_mean(along).dims == ("t", "band")


def test_labels(image):
    plain = values(image)
    labels = xr.DataArray(plain[:, :, 0] % 4, dims=("t", "x"))
    names = ("mean", "count", "bounding_box", "centroid")
    spacing = {"t": 2.0, "x": 0.5}
    found = image.boxel.label_stats(labels, names, spacing=spacing)
    expected = bx.label_stats(labels.values, plain, names, spacing=(2, 0.5))
    assert found["mean"].dims == ("label", "band")
    assert (found["mean"].chunks is None) == (image.chunks is None)
    assert found.label.values.tolist() == expected["label"].tolist()
    assert found.bound.values.tolist() == ["t_start", "x_start", "t_stop", "x_stop"]
    assert found.axis.values.tolist() == ["t", "x"]
    assert found.band.values.tolist() == ["red", "green", "blue"]
    for name in names:
        np.testing.assert_array_equal(values(found[name]), expected[name])
    weights = xr.DataArray(np.random.default_rng(2).random((10, 7)), dims=("x", "t"))
    found = image.boxel.label_stats(labels, "mean", weights=weights, index=[2, 9])
    expected = bx.label_stats(labels.values, plain, "mean", weights=weights.values.T, index=[2, 9])
    np.testing.assert_allclose(values(found["mean"]), expected["mean"])
    with pytest.raises(ValueError, match="pass index="):
        image.boxel.label_stats(labels.chunk())
    lazy = image.boxel.label_stats(labels.chunk({"t": 2}), "count", index=[1, 2])
    assert lazy["count"].chunks is not None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda b: b.block_reduce({"z": 2}), ValueError, "block_size names the dimension 'z'"),
        (lambda b: b.block_reduce((2, 2)), TypeError, "one value or a mapping"),
        (lambda b: b.block_reduce({"x": 0}), ValueError, "at least 1"),
        (lambda b: b.box_filter({"x": 3}, origin={"t": 1}), ValueError, "origin names"),
        (lambda b: b.mean(["t", "t"]), ValueError, "once"),
        (lambda b: b.masked_mean(np.ones(3, bool)), TypeError, "mask must be a DataArray"),
        (lambda b: b.label_stats(xr.DataArray([1], dims="z")), ValueError, "labels has"),
    ],
)
def test_errors(call, error, message, image):
    with pytest.raises(error, match=message):
        call(image.boxel)


def test_empty_arrays_have_no_coordinates_to_lose():
    empty = xr.DataArray(np.zeros((0, 4)), {"x": [1, 2, 3, 4]}, ("t", "x"))
    assert empty.boxel.block_reduce({"x": 2}).shape == (0, 2)
    assert np.isnan(empty.boxel.mean("t")).all()


def test_importing_boxel_imports_neither_dask_nor_xarray():
    from subprocesses import run_script

    script = "import sys, boxel; print({'dask', 'xarray', 'pandas'} & set(sys.modules))"
    assert run_script(script) == "set()"
