"""Reading images, and writing arrays that appear complete or not at all."""

import os
import pickle
import stat
import sys
import zlib

import numpy as np
import pytest

from image_files import cut, png_bytes, sparse_image
from subprocesses import run_script

pytest.importorskip("PIL")
tifffile = pytest.importorskip("tifffile")

from PIL import Image  # noqa: E402

from boxel import files, samples  # noqa: E402
from boxel._extras import require  # noqa: E402
from boxel.files import read_image, to_gray, write_array  # noqa: E402


def check_read(path, expected, channel_axis=None):
    array, found_axis = read_image(path)
    assert type(array) is np.ndarray
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array, expected)
    assert found_axis == channel_axis


# ------------------------------------------------------------------------------------ reading


@pytest.mark.parametrize("dtype", ["?", "u1", "<u2", ">i4", "<f2", ">f8"])
@pytest.mark.parametrize("shape", [(), (5,), (4, 6), (3, 4, 5), (0, 3)])
def test_npy_keeps_dtype_and_shape(tmp_path, dtype, shape):
    array = sparse_image(shape, np.dtype(dtype))
    np.save(tmp_path / "a.npy", array)
    check_read(tmp_path / "a.npy", array)


def test_npy_is_memory_mapped(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 4)))
    array, _ = read_image(tmp_path / "a.npy")
    assert isinstance(array.base, np.memmap)
    assert not array.flags.writeable


@pytest.mark.parametrize("dtype", ["?", "u1", "u2"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_gray_files(tmp_path, dtype, suffix):
    array = sparse_image((9, 14), np.dtype(dtype))
    Image.fromarray(array).save(tmp_path / f"a.{suffix}")
    check_read(tmp_path / f"a.{suffix}", array)


def test_png_colours(tmp_path):
    array = sparse_image((9, 14, 3))
    Image.fromarray(array).save(tmp_path / "a.png")
    check_read(tmp_path / "a.png", array, -1)


@pytest.mark.parametrize("alpha", [0, 255])
def test_png_alpha_is_left_out(tmp_path, alpha):
    colours = sparse_image((9, 14, 3))
    alphas = np.full((9, 14, 1), alpha, np.uint8)
    Image.fromarray(np.dstack([colours, alphas])).save(tmp_path / "rgba.png")
    check_read(tmp_path / "rgba.png", colours, -1)
    Image.fromarray(np.dstack([colours[..., :1], alphas])).save(tmp_path / "la.png")
    check_read(tmp_path / "la.png", colours[..., 0])


def test_png_palette_becomes_the_colours_it_shows(tmp_path):
    indices = np.array([[0, 1], [2, 0]], np.uint8)
    image = Image.fromarray(indices)
    image.putpalette([10, 20, 30, 0, 0, 0, 255, 0, 7])
    image.save(tmp_path / "a.png")
    colours = np.array([[10, 20, 30], [0, 0, 0], [255, 0, 7]], np.uint8)
    check_read(tmp_path / "a.png", colours[indices], -1)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg(tmp_path, mode):
    shape = (16, 24) if mode == "L" else (16, 24, len(mode))
    Image.fromarray(sparse_image(shape), mode=None if mode != "CMYK" else mode).save(
        tmp_path / "a.jpg", quality=95
    )
    array, axis = read_image(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        expected = np.asarray(image if mode == "L" else image.convert("RGB"))
    np.testing.assert_array_equal(array, expected)
    assert axis == (None if mode == "L" else -1)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8"])
@pytest.mark.parametrize("shape", [(9, 14), (3, 9, 14), (2, 3, 9, 14)])
def test_tiff_stacks(tmp_path, dtype, shape):
    array = sparse_image(shape, np.dtype(dtype))
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack")
    check_read(tmp_path / "a.tif", array)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_colours(tmp_path, compression):
    array = sparse_image((9, 14, 3))
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", compression=compression)
    check_read(tmp_path / "a.tif", array, -1)


def test_tiff_planar_colours(tmp_path):
    array = sparse_image((3, 9, 14))
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", planarconfig="separate")
    check_read(tmp_path / "a.tif", array, -3)


def test_tiff_alpha_is_left_out_and_other_samples_kept(tmp_path):
    array = sparse_image((9, 14, 4))
    tifffile.imwrite(tmp_path / "rgba.tif", array, photometric="rgb", extrasamples=["unassalpha"])
    check_read(tmp_path / "rgba.tif", array[..., :3], -1)
    tifffile.imwrite(tmp_path / "four.tif", array, photometric="rgb", extrasamples=["unspecified"])
    check_read(tmp_path / "four.tif", array, -1)
    tifffile.imwrite(
        tmp_path / "la.tif",
        array[..., :2],
        photometric="minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"],
    )
    check_read(tmp_path / "la.tif", array[..., 0])


def test_contents_decide_not_the_suffix(tmp_path):
    array = sparse_image((9, 14))
    Image.fromarray(array).save(tmp_path / "a.tif", format="PNG")
    check_read(tmp_path / "a.tif", array)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_image(tmp_path / "nowhere.png")


def test_folder(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_image(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_refused_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(ValueError, match="a device or a pipe"):
        read_image(tmp_path / "pipe.npy")


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "is empty"), (b"hello, world", "is none of these"), (b"\x89PN", "is none of these")],
)
def test_other_files(tmp_path, data, message):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(
        ValueError,
        match=f"HDF5 or .npy file or a Zarr folder, but .*{message}",
    ):
        read_image(tmp_path / "a.png")


class Touch:
    """An object whose unpickling makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_pickles_are_refused_and_never_run(tmp_path):
    bait = tmp_path / "bait"
    np.save(tmp_path / "a.npy", np.array([Touch(bait)], dtype=object), allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Touch(bait)))
    with pytest.raises(ValueError, match="holds Python objects"):
        read_image(tmp_path / "a.npy")
    with pytest.raises(ValueError, match="is none of these"):
        read_image(tmp_path / "b.npy")
    assert not bait.exists()


def write_sample(path, array):
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.stem == "tiles":
        tifffile.imwrite(path, array, tile=(32, 32), compression="zlib")
    else:
        Image.fromarray(array).save(path)


@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("name", ["a.npy", "a.png", "a.jpg", "a.tif", "tiles.tif"])
def test_truncated_files(tmp_path, name, fraction):
    write_sample(tmp_path / name, sparse_image((90, 140)))
    read_image(tmp_path / name)
    cut(tmp_path / name, fraction)
    with pytest.raises(ValueError, match="damaged"):
        read_image(tmp_path / name)


def test_tiff_that_lost_whole_pages(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for page in range(4):
            writer.write(sparse_image((30, 40), seed=page), contiguous=False, metadata=None)
    with tifffile.TiffFile(path) as file:
        third = file.pages[2].offset
    path.write_bytes(path.read_bytes()[:third])
    with pytest.raises(ValueError, match="damaged TIFF"):
        read_image(path)


@pytest.mark.parametrize("name", ["a.npy", "a.png", "a.jpg", "a.tif", "tiles.tif"])
def test_flipped_bytes_read_or_raise_value_error(tmp_path, name):
    write_sample(tmp_path / name, sparse_image((40, 50)))
    data = (tmp_path / name).read_bytes()
    random = np.random.default_rng(1)
    messages = []
    for _ in range(60):
        damaged = bytearray(data)
        for position in random.integers(8, min(len(data), 400), size=3):
            damaged[position] = random.integers(256)
        (tmp_path / "damaged").write_bytes(damaged)
        try:
            read_image(tmp_path / "damaged")
        except (ValueError, MemoryError) as error:
            messages.append(str(error))
    assert messages
    assert all("damaged" in message for message in messages)


@pytest.mark.parametrize(("colour_type", "samples_per_pixel"), [(2, 3), (4, 2), (6, 4)])
def test_deep_colour_png_is_refused_not_cut_to_8_bits(tmp_path, colour_type, samples_per_pixel):
    rows = (b"\0" + b"\0\1" * samples_per_pixel * 2) * 2
    data = png_bytes(2, 2, bit_depth=16, colour_type=colour_type, rows=rows)
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ValueError, match="16-bit PNG with colour or alpha"):
        read_image(tmp_path / "a.png")


def test_animated_png_is_refused(tmp_path):
    frames = [Image.fromarray(sparse_image((9, 14), seed=seed)) for seed in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match="animation of 3"):
        read_image(tmp_path / "a.png")


def test_decompression_bomb(tmp_path):
    data = png_bytes(40_000, 40_000, bit_depth=8, colour_type=0, rows=b"")
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ValueError, match="may be a decompression bomb: Pillow reads at most 178"):
        read_image(tmp_path / "a.png")


def test_size_that_pillow_only_warns_about(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    array = sparse_image((9, 14))
    Image.fromarray(array).save(tmp_path / "a.png")
    check_read(tmp_path / "a.png", array)


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="needs the size of the memory")
def test_tiff_that_claims_more_than_the_memory(tmp_path):
    image = sparse_image((16, 16))
    tifffile.imwrite(tmp_path / "a.tif", image, compression="zlib", metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            file.pages[0].tags[tag].overwrite(50_000_000)
    with pytest.raises(MemoryError, match=r"cannot hold .*decodes to 2500000000000000 bytes"):
        read_image(tmp_path / "a.tif")


def test_tiff_that_needs_another_package(tmp_path, monkeypatch):
    Image.fromarray(sparse_image((90, 140))).save(tmp_path / "a.tif", compression="tiff_lzw")
    if "imagecodecs" in sys.modules or tifffile.TIFF.DECOMPRESSORS.get(5) is not None:
        check_read(tmp_path / "a.tif", sparse_image((90, 140)))
        return
    with pytest.raises(ValueError, match="pip install imagecodecs"):
        read_image(tmp_path / "a.tif")


# ------------------------------------------------------------------------------------ writing


@pytest.mark.parametrize("dtype", ["?", "u1", ">u2", "i8", "f2", "f4", "f8"])
def test_npy_round_trip(tmp_path, dtype):
    array = sparse_image((3, 4, 5), np.dtype(dtype))
    write_array(tmp_path / "a.npy", array)
    check_read(tmp_path / "a.npy", array)


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2"])
def test_png_round_trip(tmp_path, dtype):
    array = sparse_image((9, 14), np.dtype(dtype)).T
    write_array(tmp_path / "a.PNG", array)
    check_read(tmp_path / "a.PNG", array.astype(array.dtype.newbyteorder("=")))


@pytest.mark.parametrize("dtype", ["f2", "<f4", ">f4", "f8"])
@pytest.mark.parametrize("shape", [(9, 14), (4, 9, 3), (1, 1)])
def test_tiff_round_trip(tmp_path, dtype, shape):
    array = sparse_image(shape, np.dtype(dtype)) / np.dtype(dtype).type(100)
    write_array(tmp_path / "a.tif", array)
    stored = array.astype(np.float32 if dtype != "f8" else np.float64)
    check_read(tmp_path / "a.tif", stored)


@pytest.mark.parametrize("axis", [2, -1, 0])
@pytest.mark.parametrize(("name", "dtype"), [("a.png", "u1"), ("a.tif", "u2"), ("a.tif", "f4")])
def test_colours_round_trip(tmp_path, name, dtype, axis):
    array = sparse_image((9, 14, 3), np.dtype(dtype))
    write_array(tmp_path / name, np.moveaxis(array, 2, axis), channel_axis=axis)
    check_read(tmp_path / name, array, -1)


def test_npy_keeps_its_axes_and_other_channels_are_no_colours(tmp_path):
    array = sparse_image((3, 9, 14))
    write_array(tmp_path / "a.npy", array, channel_axis=0)
    check_read(tmp_path / "a.npy", array)
    array = sparse_image((9, 14, 5))
    write_array(tmp_path / "a.tif", array, channel_axis=2)
    check_read(tmp_path / "a.tif", array)


def test_deep_colours_do_not_fit_into_a_png(tmp_path):
    with pytest.raises(ValueError, match="of colours, found uint16"):
        write_array(tmp_path / "a.png", sparse_image((9, 14, 3), np.uint16), channel_axis=2)
    with pytest.raises(ValueError, match=r"expected a 2-D array for a .png file"):
        write_array(tmp_path / "a.png", sparse_image((9, 14, 5)), channel_axis=2)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("a.png", np.zeros((2, 2)), "expected uint8 or uint16 for a .png file, found float64"),
        (
            "a.png",
            np.zeros((2, 2, 2), np.uint8),
            r"2-D array for a .png file, found .* \(2, 2, 2\)",
        ),
        ("a.png", np.zeros((0, 2), np.uint8), "non-empty array"),
        ("a.tif", np.zeros(3), "two or more axes"),
        ("a.tif", np.zeros((0, 3)), "non-empty array"),
        ("a.npy", np.array([{}]), "for a .npy file, found object"),
        (
            "a.jpg",
            np.zeros((2, 2)),
            "expected uint8 .* found float64; .npy, .tif, .* would hold it",
        ),
        ("a.gif", np.zeros((2, 2)), "named .npy, .png, .* but .* suffix '.gif'"),
        ("a", np.zeros((2, 2)), "has no suffix"),
    ],
)
def test_what_a_format_cannot_hold(tmp_path, name, array, message):
    with pytest.raises(ValueError, match=message):
        write_array(tmp_path / name, array)
    assert os.listdir(tmp_path) == []


def test_existing_file_is_kept_unless_overwrite(tmp_path):
    path = tmp_path / "a.npy"
    path.write_text("precious")
    path.chmod(0o640)
    with pytest.raises(FileExistsError, match="exists already"):
        write_array(path, np.zeros(3))
    assert path.read_text() == "precious"
    write_array(path, np.zeros(3), overwrite=True)
    check_read(path, np.zeros(3))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["a.npy"]


@pytest.mark.skipif(os.name == "nt", reason="needs a umask")
def test_new_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").write_text("")
    write_array(tmp_path / "a.npy", np.zeros(3))
    assert (tmp_path / "a.npy").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_link_is_followed(tmp_path):
    (tmp_path / "real.npy").write_text("old")
    (tmp_path / "link.npy").symlink_to(tmp_path / "real.npy")
    write_array(tmp_path / "link.npy", np.ones(3), overwrite=True)
    assert (tmp_path / "link.npy").is_symlink()
    check_read(tmp_path / "real.npy", np.ones(3))


def test_missing_and_wrong_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not an existing folder"):
        write_array(tmp_path / "nowhere" / "a.npy", np.zeros(3))
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match="is not an existing folder"):
        write_array(tmp_path / "file" / "a.npy", np.zeros(3))
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(IsADirectoryError, match="not a regular file"):
        write_array(tmp_path / "folder.npy", np.zeros(3), overwrite=True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_unwritable_folder(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="is not writable"):
        write_array(folder / "a.npy", np.zeros(3))


def test_unwritable_folder_as_any_user(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: os.fspath(path) != str(tmp_path))
    with pytest.raises(PermissionError, match="is not writable"):
        write_array(tmp_path / "a.npy", np.zeros(3))


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_failure_while_writing_leaves_everything_as_it_was(tmp_path, error):
    path = tmp_path / "a.npy"
    path.write_text("precious")
    with pytest.raises(type(error)), files.replacing(path) as stream:  # noqa: PT012
        stream.write(b"half of it")
        raise error
    assert path.read_text() == "precious"
    assert os.listdir(tmp_path) == ["a.npy"]


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on file sizes")
@pytest.mark.parametrize("name", ["a.npy", "a.png", "a.tif"])
def test_disk_that_fills_up(tmp_path, name):
    script = """
        import resource, sys
        import numpy as np
        from boxel.files import write_array
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        array = np.random.default_rng(0).integers(0, 65536, (300, 300)).astype(np.uint16)
        try:
            write_array(sys.argv[1], array)
        except OSError as error:
            print("refused:", error)
    """
    assert run_script(script, tmp_path / name).startswith("refused:")
    assert os.listdir(tmp_path) == []


def test_gray_levels():
    fractions = np.array([0.0, 0.49 / 255, 0.51 / 255, 0.5, 1.0])
    gray = to_gray(fractions)
    assert gray.dtype == np.uint8
    assert gray.tolist() == [0, 0, 1, 128, 255]
    deep = to_gray(fractions.astype(np.float32), bits=16)
    assert deep.dtype == np.uint16
    assert deep.tolist() == [0, 126, 131, 32768, 65535]


@pytest.mark.parametrize("value", [np.nan, -0.01, 1.01, np.inf])
def test_gray_levels_of_other_values(value):
    with pytest.raises(ValueError, match="expected values from 0 to 1"):
        to_gray(np.array([0.5, value]))


def test_gray_levels_of_other_depths():
    with pytest.raises(ValueError, match="expected 8 or 16 bits, found 12"):
        to_gray(np.zeros(3), bits=12)


# ------------------------------------------------------------------------------------ extras


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(ImportError, match=r"tifffile, .* pip install 'boxel\[cli\]'") as caught:
        require("tifffile", extra="cli")
    assert caught.value.name == "tifffile"


def test_broken_package_keeps_its_own_reason(tmp_path, monkeypatch):
    (tmp_path / "fragile.py").write_text("import what_it_needs")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="No module named 'what_it_needs'"):
        require("fragile", extra="cli")


@pytest.mark.parametrize(("package", "name"), [("PIL", "a.png"), ("tifffile", "a.tif")])
def test_reading_without_the_package(tmp_path, monkeypatch, package, name):
    write_sample(tmp_path / name, sparse_image((4, 4)))
    for module in [each for each in sys.modules if each.partition(".")[0] == package]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'boxel\[cli\]'"):
        read_image(tmp_path / name)
    np.save(tmp_path / "a.npy", np.zeros(3))
    check_read(tmp_path / "a.npy", np.zeros(3))


# ------------------------------------------------------------------------------------ samples


def test_sample_is_the_same_everywhere():
    image = samples.cells()
    assert image.shape == (720, 960)
    assert image.dtype == np.uint8
    assert zlib.crc32(image.tobytes()) == 2561146820


def test_samples_of_other_seeds_and_shapes():
    assert not np.array_equal(samples.cells((60, 80), seed=1), samples.cells((60, 80), seed=2))
    assert samples.cells((1, 37)).shape == (1, 37)
    for shape in [(0, 5), (5,), (3, 4, 5)]:
        with pytest.raises(ValueError, match="two lengths of at least 1"):
            samples.cells(shape)
