"""``boxel pyramid``: levels in files, and OME-Zarr images that others read."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("tifffile")

import boxel as bx
from boxel.files import read_image
from boxel.formats import open_source
from command_line import fail, run, save

IMAGE = np.random.default_rng(0).integers(0, 250, (70, 90)).astype(np.uint8)
VOLUME = np.random.default_rng(1).normal(size=(37, 50, 64))


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def levels_of(path, count):
    with_zarr = [read_image(Path(path) / str(level)).array for level in range(count)]
    assert not (Path(path) / str(count)).exists()
    return with_zarr


@pytest.mark.parametrize("memory", ["1GiB", "200kB"])
@pytest.mark.parametrize("boundary", ["partial", "trim"])
def test_levels_are_those_of_pyramid(memory, boundary):
    save("a.npy", VOLUME)
    run("pyramid", "a.npy", "out.npy", "--min-size", 10, "--boundary", boundary, "--memory", memory)
    expected = bx.pyramid(VOLUME, min_size=10, boundary=boundary)
    assert sorted(os.listdir()) == ["a.npy", *(f"out-{n + 1}.npy" for n in range(len(expected)))]
    for number, level in enumerate(expected, 1):
        found = np.load(f"out-{number}.npy")
        assert found.dtype == level.dtype
        assert found.tobytes() == np.ascontiguousarray(level).tobytes()


def test_factors_levels_and_dtype():
    save("a.tif", IMAGE)
    run("pyramid", "a.tif", "b.png", "--factor", 2, 3, "--levels", 2, "--dtype", "uint8")
    expected = bx.pyramid(IMAGE, (2, 3), levels=2, dtype="uint8")
    for number, level in enumerate(expected, 1):
        np.testing.assert_array_equal(read_image(f"b-{number}.png").array, level)
    assert "exists already" in fail("pyramid", "a.tif", "b.png", "--dtype", "uint8", "--levels", 1)
    record = json.loads(
        run("pyramid", "a.tif", "b.png", "--dtype", "uint8", "--levels", 1, "--force", "--json")
    )
    assert record["outputs"] == ["b-1.png"]
    assert record["levels"][0]["shape"] == [35, 45]


def test_what_does_not_work():
    save("a.npy", IMAGE)
    assert "expected levels, but the image is small enough" in fail("pyramid", "a.npy", "b.npy")
    assert "--pixel-size is for .zarr outputs" in fail(
        "pyramid", "a.npy", "b.npy", "--pixel-size", 2
    )
    assert "for --factor" in fail("pyramid", "a.npy", "b.npy", "--factor", 1, 2, 3)
    assert "found a.npy twice" in fail("pyramid", "a.npy", "a.npy", "--force")
    assert "or add --dtype uint8" in fail("pyramid", "a.npy", "b.png", "--levels", 1)


zarr = pytest.importorskip("zarr")


def check_specification(path, version):
    """Check a multiscale image against the rules of NGFF 0.4 or 0.5; return its description."""
    if version == 2:
        assert json.loads((path / ".zgroup").read_text()) == {"zarr_format": 2}
        attributes = json.loads((path / ".zattrs").read_text())
        (image,) = attributes["multiscales"]
        assert image["version"] == "0.4"
    else:
        group = json.loads((path / "zarr.json").read_text())
        assert (group["zarr_format"], group["node_type"]) == (3, "group")
        attributes = group["attributes"]["ome"]
        assert attributes["version"] == "0.5"
        (image,) = attributes["multiscales"]
    names = [axis["name"] for axis in image["axes"]]
    types = [axis["type"] for axis in image["axes"]]
    assert 2 <= len(names) <= 5
    assert len(set(names)) == len(names)
    # Time, then channels, then two or three axes in space.
    order = ["time", "channel", "space"]
    assert types == sorted(types, key=order.index)
    assert types.count("space") in (2, 3)
    shapes = []
    for dataset in image["datasets"]:
        scale, translation = dataset["coordinateTransformations"]
        assert scale["type"] == "scale"
        assert translation["type"] == "translation"
        assert len(scale["scale"]) == len(translation["translation"]) == len(names)
        stored = zarr.open_array(str(path / dataset["path"]), mode="r")
        assert stored.ndim == len(names)
        if version == 2:
            metadata = json.loads((path / dataset["path"] / ".zarray").read_text())
            assert metadata["dimension_separator"] == "/"
        else:
            assert list(stored.metadata.dimension_names) == names
        shapes.append(stored.shape)
    assert shapes == sorted(shapes, reverse=True)
    assert len({zarr.open_array(str(path / d["path"])).dtype for d in image["datasets"]}) == 1
    return image


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("memory", ["1GiB", "400kB"])
def test_ome_zarr(version, memory):
    save("a.npy", VOLUME)
    run(
        "pyramid", "a.npy", "a.ome.zarr", "--min-size", 10, "--zarr-format", version,
        "--pixel-size", 2, 0.5, 0.5, "--unit", "micrometer", "--memory", memory,
    )  # fmt: skip
    image = check_specification(Path("a.ome.zarr"), version)
    expected = [VOLUME, *bx.pyramid(VOLUME, min_size=10)]
    for found, level in zip(levels_of("a.ome.zarr", len(expected)), expected, strict=True):
        assert found.tobytes() == np.ascontiguousarray(level).tobytes()
    assert [axis["unit"] for axis in image["axes"]] == ["micrometer"] * 3
    for number, dataset in enumerate(image["datasets"]):
        scale, translation = dataset["coordinateTransformations"]
        step = 2**number
        assert scale["scale"] == [2 * step, 0.5 * step, 0.5 * step]
        # The middle of the pixels that it stands for, from the middle of the first of them.
        middles = [size * np.arange(step).mean() for size in (2, 0.5, 0.5)]
        assert translation["translation"] == middles
    # A file that says where it lies is believed.
    run("pyramid", "a.ome.zarr", "b.ome.zarr", "--min-size", 10)
    again = check_specification(Path("b.ome.zarr"), 2)
    assert again["datasets"] == image["datasets"]
    assert again["axes"] == image["axes"]


@pytest.mark.filterwarnings("ignore")
def test_a_level_of_a_level_lies_where_its_pixels_do():
    save("a.npy", IMAGE)
    run("pyramid", "a.npy", "a.ome.zarr", "--levels", 2, "--pixel-size", 3)
    run("pyramid", "a.ome.zarr", "b.ome.zarr", "--levels", 1, "--factor", 4)
    first, second = (
        check_specification(Path(name), 2)["datasets"] for name in ("a.ome.zarr", "b.ome.zarr")
    )
    assert first[2]["coordinateTransformations"] == second[1]["coordinateTransformations"]


@pytest.mark.filterwarnings("ignore")
def test_labels_by_mode_and_colours_first():
    labels = np.kron(np.arange(1, 64).reshape(7, 9), np.ones((10, 10))).astype(np.int32)
    save("labels.tif", labels)
    run("pyramid", "labels.tif", "labels.ome.zarr", "--statistic", "mode", "--min-size", 16)
    check_specification(Path("labels.ome.zarr"), 2)
    for level in levels_of("labels.ome.zarr", 4):
        assert level.dtype == np.int32
        assert set(np.unique(level)) <= set(range(1, 64))
    colours = np.random.default_rng(2).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    save("a.png", colours)
    run("pyramid", "a.png", "colours.ome.zarr", "--levels", 1)
    image = check_specification(Path("colours.ome.zarr"), 2)
    assert [axis["name"] for axis in image["axes"]] == ["c", "y", "x"]
    found = levels_of("colours.ome.zarr", 2)
    np.testing.assert_array_equal(found[0], np.moveaxis(colours, -1, 0))
    level = bx.block_reduce(colours, (2, 2, 1), dtype="uint8")
    np.testing.assert_array_equal(found[1], np.moveaxis(level, -1, 0))
    with open_source(Path("colours.ome.zarr")) as source:
        assert source.channel_axis == 0


@pytest.mark.filterwarnings("ignore")
def test_axes_of_time_and_channels_keep_their_length():
    save("a.npy", np.random.default_rng(3).random((3, 2, 8, 40, 50)).astype(np.float32))
    run("pyramid", "a.npy", "a.ome.zarr", "--levels", 1)
    assert [level.shape for level in levels_of("a.ome.zarr", 2)] == [
        (3, 2, 8, 40, 50), (3, 2, 4, 20, 25),
    ]  # fmt: skip
    run("pyramid", "a.npy", "b.ome.zarr", "--levels", 1, "--axes", "ctzyx", "--factor", 1, 2, 2)
    image = check_specification(Path("b.ome.zarr"), 2)
    assert [axis["name"] for axis in image["axes"]] == list("tczyx")
    assert levels_of("b.ome.zarr", 2)[1].shape == (2, 3, 8, 20, 25)
    assert "one of the letters" in fail("pyramid", "a.npy", "c.ome.zarr", "--axes", "zyx")
    assert "1 or 3 numbers for --pixel-size" in fail(
        "pyramid", "a.npy", "c.ome.zarr", "--pixel-size", 1, 2
    )
    assert "in its own dtype, float32" in fail("pyramid", "a.npy", "c.ome.zarr", "--dtype", "uint8")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("version", [2, 3])
def test_ome_zarr_py_reads_it(version):
    ome_io = pytest.importorskip("ome_zarr.io")
    from ome_zarr.reader import Multiscales, Reader

    save("a.npy", VOLUME)
    run("pyramid", "a.npy", "a.ome.zarr", "--min-size", 10, "--zarr-format", version,
        "--pixel-size", 2, 0.5, 0.5)  # fmt: skip
    (node, *_) = Reader(ome_io.parse_url("a.ome.zarr"))()
    assert any(isinstance(spec, Multiscales) for spec in node.specs)
    expected = [VOLUME, *bx.pyramid(VOLUME, min_size=10)]
    assert [axis["name"] for axis in node.metadata["axes"]] == ["z", "y", "x"]
    for found, level in zip(node.data, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(found), level)
    scales = [changes[0]["scale"] for changes in node.metadata["coordinateTransformations"]]
    assert scales[1] == [4, 1, 1]
