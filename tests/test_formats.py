"""Windows of files in every format, as others wrote them, and files that are damaged or foreign."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("tifffile")
pytest.importorskip("nibabel")

import nibabel
import tifffile

import boxel as bx
from boxel.formats import create, open_source
from boxel.formats.source import laid_out
from command_line import fail, run
from image_files import same_bits, varied


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_file(name, array):
    """Write a file without boxel, in the layout that the name asks for."""
    if name.startswith("fortran"):
        np.save(name, np.asfortranarray(array))
    elif name.endswith(".npy"):
        np.save(name, array)
    elif name.startswith("tiles"):
        tifffile.imwrite(name, array, tile=(16, 32), compression="zlib", photometric="minisblack")
    elif name.startswith("strips"):
        tifffile.imwrite(
            name, array, rowsperstrip=7, compression="lzw", photometric="minisblack", bigtiff=True
        )
    elif name.endswith(".tif"):
        tifffile.imwrite(name, array, photometric="minisblack", byteorder=">")
    elif ".nii" in name:
        nibabel.save(nibabel.Nifti1Image(array, np.diag([2.0, 3.0, 4.0, 1.0])), name)
    elif ".zarr" in name:
        zarr = pytest.importorskip("zarr")
        version = 3 if name.startswith("three") else 2
        stored = zarr.create_array(
            name, shape=array.shape, chunks=(5, 16, 16), dtype=array.dtype, zarr_format=version
        )
        stored[...] = array
    else:
        h5py = pytest.importorskip("h5py")
        file, _, dataset = name.partition(":/")
        with h5py.File(file, "w") as stream:
            stream.create_dataset(dataset, data=array, chunks=(4, 9, 9), compression="gzip")
    return name


LAYOUTS = [
    "plain.npy", "fortran.npy", "plain.tif", "tiles.tif", "strips.tif", "plain.nii", "plain.nii.gz",
    "two.zarr", "three.zarr", "file.h5:/deep/volume",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
def test_windows_of_every_format(name, dtype):
    array = varied((9, 40, 51), dtype)
    write_file(name, array)
    random = np.random.default_rng(0)
    with open_source(Path(name)) as source:
        assert source.shape == array.shape
        assert source.dtype.newbyteorder("=") == array.dtype
        np.testing.assert_array_equal(source.whole(), array)
        for trial in range(15):
            window = []
            for length in array.shape:
                start, stop = sorted(random.integers(0, length + 1, 2))
                window.append(slice(int(start), int(stop) if trial % 3 else length))
            window = tuple(window)
            out = laid_out(array[window].shape, source.dtype, source.order)
            found = source.read(window, out if trial % 2 else None)
            np.testing.assert_array_equal(found, array[window])


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_windows_of_colours(planar, compression):
    colours = varied((40, 51, 4), "u1")
    stored = colours if planar == "contig" else np.moveaxis(colours, -1, 0)
    tifffile.imwrite(
        "a.tif", stored, photometric="rgb", planarconfig=planar, compression=compression,
        extrasamples=["unassalpha"],
    )  # fmt: skip
    with open_source(Path("a.tif")) as source:
        expected = stored[..., :3] if planar == "contig" else stored[:3]
        assert source.shape == expected.shape
        assert source.channel_axis == (-1 if planar == "contig" else -3)
        window = (slice(1, 3), slice(5, 33), slice(0, 3))
        np.testing.assert_array_equal(source.read(window), expected[window])


SINKS = ["a.npy", "a.tif", "a.nii", "a.nii.gz", "a.zarr", "a.h5", "a.h5:/deep/name"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SINKS)
@pytest.mark.parametrize("dtype", ["?", "u1", "i8", "f2", "f4", "f8"])
def test_windows_into_every_format(name, dtype):
    if ".zarr" in name:
        pytest.importorskip("zarr")
    if ".h5" in name:
        pytest.importorskip("h5py")
    array = varied((9, 40, 51), dtype)
    if ".nii" in name and dtype in ("?", "f2"):
        with (
            pytest.raises(ValueError, match=r"for a \.nii.*file, found .*; .*npy.* would hold it"),
            create(Path(name), array.shape, array.dtype),
        ):
            pass
        assert os.listdir() == []
        return
    with create(Path(name), array.shape, array.dtype) as sink:
        for first in range(0, 9, 4):
            for row in (0, 20):
                window = (slice(first, min(first + 4, 9)), slice(row, row + 20), slice(0, 51))
                sink.write(window, array[window])
        assert not os.path.exists(name)
    with open_source(Path(name)) as source:
        found = np.array(source.whole())
    np.testing.assert_array_equal(found, array)
    assert found.dtype == ("f4" if name == "a.tif" and dtype == "f2" else array.dtype)
    assert len(os.listdir()) == 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*SINKS, "a.png", "a.jpg"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_output_that_fails_leaves_nothing(name, error):
    if ".zarr" in name:
        pytest.importorskip("zarr")
    if ".h5" in name:
        pytest.importorskip("h5py")
    shape = (40, 51)

    def write():
        with create(Path(name), shape, np.dtype("u1")) as sink:
            sink.write((slice(0, 40), slice(0, 51)), np.zeros(shape, "u1"))
            raise error

    with pytest.raises(type(error)):
        write()
    assert os.listdir() == []


@pytest.mark.filterwarnings("ignore")
def test_missing_chunks_are_the_fill_value():
    zarr = pytest.importorskip("zarr")
    for version in (2, 3):
        stored = zarr.create_array(
            f"{version}.zarr", shape=(10, 20), chunks=(5, 5), dtype="i2", fill_value=7,
            zarr_format=version,
        )  # fmt: skip
        stored[:5, :5] = 3
        expected = np.full((10, 20), 7, "i2")
        expected[:5, :5] = 3
        run("reduce", f"{version}.zarr", "--block", 5, "--statistic", "sum", "-o", f"{version}.npy")
        same_bits(np.load(f"{version}.npy"), bx.block_reduce(expected, 5, "sum"))
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.h5", "w") as file:
        file.create_dataset("x", (10, 20), "i2", chunks=(5, 5), fillvalue=7)[:5, :5] = 3
    run("reduce", "a.h5", "--block", 5, "--statistic", "sum", "-o", "5.npy")
    same_bits(np.load("5.npy"), bx.block_reduce(expected, 5, "sum"))


@pytest.mark.filterwarnings("ignore")
def test_stores_that_are_damaged_or_foreign():
    pytest.importorskip("zarr")
    array = varied((20, 30, 40), "f8")
    write_file("two.zarr", array)
    chunk = next(path for path in Path("two.zarr").rglob("*") if path.name[0].isdigit())
    chunk.write_bytes(chunk.read_bytes()[:50])
    assert "two.zarr is a damaged Zarr array" in fail("reduce", "two.zarr", "--block", 5)
    os.mkdir("group.zarr")
    Path("group.zarr/.zgroup").write_text('{"zarr_format": 2}')
    assert "is a Zarr group" in fail("reduce", "group.zarr", "--block", 5)
    Path("group.zarr/.zgroup").write_text("{")
    assert "damaged" in fail("reduce", "group.zarr", "--block", 5)


@pytest.mark.parametrize(
    "change",
    [
        {"filters": [{"id": "pickle", "protocol": 5}]},
        {"compressor": {"id": "pickle"}},
        {"dtype": "|O", "filters": [{"id": "json2"}]},
    ],
)
def test_pickles_in_stores_are_refused(change):
    pytest.importorskip("zarr")
    os.mkdir("a.zarr")
    metadata = {
        "zarr_format": 2, "shape": [4], "chunks": [4], "dtype": "<i4", "compressor": None,
        "fill_value": 0, "order": "C", "filters": None,
    }  # fmt: skip
    Path("a.zarr/.zarray").write_text(json.dumps(metadata | change))
    assert "Python objects, which are never loaded" in fail("reduce", "a.zarr", "--block", 2)


def test_hdf5_files_name_their_datasets():
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.h5", "w") as file:
        file["one"], file["deep/two"] = np.arange(6.0), np.arange(8)
        file["text"] = "hello"
    message = fail("reduce", "a.h5", "--block", 2)
    assert "expected a dataset, as in a.h5:/path, found none named: it holds " in message
    assert "a.h5:/deep/two" in message
    assert "found none at /three" in fail("reduce", "a.h5:/three", "--block", 2)
    assert "array of numbers" in fail("reduce", "a.h5:/text", "--block", 2)
    assert "[0.5 2.5 4.5 6.5]" in run("reduce", "a.h5:/deep/two", "--block", 2)
    data = Path("a.h5").read_bytes()
    Path("cut.h5").write_bytes(data[: len(data) // 3])
    assert "cut.h5:/one is a damaged HDF5 file" in fail("reduce", "cut.h5:/one", "--block", 2)
    np.save("b.npy", np.zeros(3))
    os.rename("b.npy", "b.h5")
    assert "expected an HDF5 file before the colon" in fail("reduce", "b.h5:/one", "--block", 2)


def test_folders_are_replaced_only_if_they_are_stores():
    pytest.importorskip("zarr")
    np.save("a.npy", np.zeros((8, 8)))
    os.mkdir("out.zarr")
    Path("out.zarr/precious.txt").write_text("precious")
    message = fail("reduce", "a.npy", "--block", 2, "-o", "out.zarr", "--force")
    assert "it exists and is no Zarr store" in message
    run("reduce", "a.npy", "--block", 2, "-o", "b.zarr", "-q")
    assert "exists already" in fail("reduce", "a.npy", "--block", 2, "-o", "b.zarr")
    run("reduce", "a.npy", "--block", 4, "-o", "b.zarr", "-q", "--force")
    with open_source(Path("b.zarr")) as source:
        assert source.shape == (2, 2)
    assert "twice" in fail("reduce", "b.zarr", "--block", 2, "-o", "b.zarr", "-f")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_blocks_of_a_volume_lie_where_their_voxels_do(suffix):
    affine = np.array([[2.0, 0.5, 0, 7], [0, 3, 0, -8], [0.25, 0, 4, 9], [0, 0, 0, 1]])
    array = np.asfortranarray(varied((8, 9, 10), "f4"))
    nibabel.save(nibabel.Nifti1Image(array, affine), f"a{suffix}")
    run("reduce", f"a{suffix}", "--block", 2, 3, 1, "-o", f"b{suffix}", "-q")
    run("filter", f"a{suffix}", "--size", 3, "-o", f"c{suffix}", "-q", "--memory", "20kB")
    coarse, same = nibabel.load(f"b{suffix}"), nibabel.load(f"c{suffix}")
    np.testing.assert_array_equal(np.asarray(coarse.dataobj), bx.block_reduce(array, (2, 3, 1)))
    np.testing.assert_array_equal(np.asarray(same.dataobj), bx.box_filter(array, 3))
    np.testing.assert_allclose(same.affine, affine)
    for block in [(0, 0, 0), (3, 2, 9)]:
        voxels = [
            (2 * block[0] + i, 3 * block[1] + j, block[2], 1) for i in (0, 1) for j in range(3)
        ]
        middle = np.mean([affine @ voxel for voxel in voxels], axis=0)
        np.testing.assert_allclose(coarse.affine @ (*block, 1), middle, rtol=1e-6)
