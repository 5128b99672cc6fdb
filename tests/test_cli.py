"""The command line: what it computes, prints and writes, and how it fails."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from html.parser import HTMLParser
from importlib import metadata

import click
import numpy as np
import pytest
import tifffile
from PIL import Image

import boxel as bx
from boxel.cli import density_job
from boxel.cli.app import COMMANDS, boxel
from boxel.cli.foreground import foreground, otsu_threshold
from boxel.cli.parameters import join_sizes, parse_bytes
from boxel.cli.running import Running
from boxel.files import read_image
from boxel.formats.npy import NpySink
from boxel.streaming.arrays import no_show
from command_line import execute, fail, make_runner, run, save
from image_files import cut, expected_density, png_bytes, sparse_image
from subprocesses import run_script


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def density_of(*arguments):
    """Run ``boxel density`` and return the map that it wrote."""
    run("density", *arguments, "-o", "result.npy")
    density = np.load("result.npy")
    os.remove("result.npy")
    return density


# ----------------------------------------------------------------------------- what it computes


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy"])
@pytest.mark.parametrize("dtype", ["?", "u1", "u2"])
def test_density_of_gray_images(name, dtype):
    image = sparse_image((20, 31), np.dtype(dtype))
    density = density_of(save(name, image), "--block", 3)
    assert density.dtype == np.float64
    np.testing.assert_allclose(density, expected_density(image != 0, (3, 3)), rtol=1e-15)


def test_density_of_a_jpeg():
    image = np.kron(sparse_image((5, 7)) > 0, np.full((8, 8), 200)).astype(np.uint8)
    save("a.jpg", image)
    with Image.open("a.jpg") as file:
        stored = np.asarray(file)
    density = density_of("a.jpg", "--block", 8, "--threshold", 100)
    np.testing.assert_allclose(density, expected_density(stored > 100, (8, 8)))
    assert set(np.unique(density)) == {0, 1}


@pytest.mark.parametrize(
    "words",
    [
        ["--block", "3", "5"],
        ["--block", "3x5"],
        ["--block", "3,5"],
        ["--block", "3, 5"],
        ["--block", "3 5"],
        ["--block=3x5"],
        ["--block=3", "5"],
    ],
)
@pytest.mark.parametrize("image_first", [True, False])
def test_every_way_to_write_a_block(words, image_first):
    image = sparse_image((20, 31))
    save("a.png", image)
    arguments = ["a.png", *words] if image_first else [*words, "a.png"]
    density = density_of(*arguments)
    np.testing.assert_allclose(density, expected_density(image != 0, (3, 5)))


def test_one_number_serves_every_axis():
    volume = sparse_image((7, 8, 9))
    save("a.npy", volume)
    np.testing.assert_array_equal(
        density_of("a.npy", "--block", 3), density_of("a.npy", "--block", 3, 3, 3)
    )
    np.testing.assert_allclose(
        density_of("--block", 2, 3, 4, "a.npy"), expected_density(volume != 0, (2, 3, 4))
    )
    line = save("line.npy", sparse_image((11,)))
    assert density_of(line, "--block", 4).shape == (3,)


def test_numbers_after_a_double_dash_are_file_names():
    image = sparse_image((20, 31))
    save("7.png", image)
    os.rename("7.png", "7")
    expected = expected_density(image != 0, (3, 3))
    np.testing.assert_allclose(density_of("7", "--block", 3), expected)
    run("density", "-o", "result.npy", "--block", 3, "--", "7")
    np.testing.assert_allclose(np.load("result.npy"), expected)


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        ([], []),
        (["--block", "3", "4", "a"], ["--block", "3,4", "a"]),
        (["--block", "3", "-o", "4"], ["--block", "3", "-o", "4"]),
        (["--block", "3", "--stride", "1", "2"], ["--block", "3", "--stride", "1,2"]),
        (["--block", "-1", "2"], ["--block", "-1,2"]),
        (["--block", "x", "2"], ["--block", "x", "2"]),
        (["--block=3", "4", "a", "5"], ["--block=3,4", "a", "5"]),
        (["--block", "3", "--", "4"], ["--block", "3", "--", "4"]),
        (["--workers", "3", "4"], ["--workers", "3", "4"]),
    ],
)
def test_join_sizes(words, joined):
    assert join_sizes(words, {"--block", "--stride"}) == joined


@pytest.mark.parametrize("boundary", ["partial", "trim", "pad"])
def test_options_reach_density_map(boundary):
    image = sparse_image((20, 31))
    save("a.png", image)
    density = density_of(
        "a.png", "--block", 4, 5, "--stride", "2x3", "--boundary", boundary, "--workers", 2
    )
    expected = bx.density_map(image, (4, 5), stride=(2, 3), boundary=boundary)
    np.testing.assert_array_equal(density, expected)


def test_dtype():
    save("a.npy", sparse_image((20, 31), np.float32))
    for options in [[], ["--threshold", 3]]:
        assert density_of("a.npy", "--block", 3, *options).dtype == np.float32
        chosen = density_of("a.npy", "--block", 3, "--dtype", "float64", *options)
        assert chosen.dtype == np.float64


@pytest.mark.parametrize("threshold", ["0", "17", "-3", "50.5", "1e1", "300"])
def test_threshold(threshold):
    image = sparse_image((20, 31))
    save("a.png", image)
    np.testing.assert_allclose(
        density_of("a.png", "--block", 3, "--threshold", threshold),
        expected_density(image.astype(float) > float(threshold), (3, 3)),
    )


def test_whole_thresholds_are_not_rounded():
    image = np.array([[2**63, 2**63 + 1]], dtype=np.uint64)
    save("a.npy", image)
    assert density_of("a.npy", "--block", 1, "--threshold", 2**63).tolist() == [[0, 1]]


def test_missing_samples_count_as_nonzero_but_never_as_above():
    save("a.npy", np.array([[np.nan, 0.0, 2.0]]))
    assert density_of("a.npy", "--block", 1).tolist() == [[1, 0, 1]]
    assert density_of("a.npy", "--block", 1, "--threshold", 1).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("threshold", [None, 60])
def test_a_colour_pixel_counts_if_any_channel_does(name, threshold):
    image = sparse_image((20, 31, 3))
    options = [] if threshold is None else ["--threshold", threshold]
    counts = (image > (threshold or 0)).any(axis=2)
    assert not counts.all()
    density = density_of(save(name, image), "--block", 3, *options)
    np.testing.assert_allclose(density, expected_density(counts, (3, 3)))


def test_alpha_is_ignored():
    image = np.zeros((6, 6, 4), np.uint8)
    image[..., 3] = 255
    save("opaque.png", image)
    assert not density_of("opaque.png", "--block", 3).any()
    image[:, :3] = (1, 0, 0, 0)
    save("transparent.png", image)
    assert density_of("transparent.png", "--block", 3).tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize("axis", [-1, 2, 0])
def test_channel_axis_of_an_npy_file(axis):
    image = sparse_image((20, 31, 3))
    save("a.npy", np.moveaxis(image, 2, axis))
    assert density_of("a.npy", "--block", 3).ndim == 3
    np.testing.assert_allclose(
        density_of("a.npy", "--block", 3, "--channel-axis", axis),
        expected_density(image.any(axis=2), (3, 3)),
    )


def test_empty_image():
    save("a.npy", np.zeros((0, 5)))
    assert density_of("a.npy", "--block", 3).shape == (0, 2)
    assert "none, the map is empty" in run("density", "a.npy", "--block", 3)
    summary = json.loads(run("density", "a.npy", "--block", 3, "--json"))
    assert summary["min"] is None


# ------------------------------------------------------------------------------------ otsu


def brute_force_otsu(image):
    """Return the largest variance between classes, over all thresholds, and those that reach it."""
    variances = {}
    for level in np.unique(image)[:-1]:
        dark, bright = image[image <= level].astype(float), image[image > level].astype(float)
        variances[level] = dark.size * bright.size * (dark.mean() - bright.mean()) ** 2
    best = max(variances.values())
    return [level for level, variance in variances.items() if np.isclose(variance, best)]


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i8"])
@pytest.mark.parametrize("seed", range(3))
def test_otsu_of_integers_is_exact(dtype, seed):
    random = np.random.default_rng(seed)
    image = np.concatenate([random.normal(60, 12, 800), random.normal(150, 20, 200)])
    image = image.clip(0, 255).astype(dtype).reshape(40, 25)
    threshold = otsu_threshold(image)
    reached = image[image <= threshold].max()
    assert reached in brute_force_otsu(image)


def test_otsu_of_floats_parts_two_clouds():
    random = np.random.default_rng(0)
    dark, bright = random.normal(-3, 0.1, 500), random.normal(7, 0.1, 100)
    image = np.concatenate([dark, bright, [np.nan, np.inf]])
    assert dark.max() < otsu_threshold(image) < bright.min()


def test_otsu_of_two_values():
    assert otsu_threshold(np.array([False, True])) == 0
    assert otsu_threshold(np.array([[-(2**62), 2**62]])) < 2**62
    threshold = otsu_threshold(np.array([0.0, 1.0]))
    assert 0 <= threshold < 1


@pytest.mark.parametrize("image", [np.zeros((3, 3)), np.zeros((0, 3)), np.full((2, 2), np.nan)])
def test_otsu_needs_two_values(image):
    with pytest.raises(ValueError, match="at least two different values"):
        otsu_threshold(image)


def test_threshold_otsu():
    image = np.where(sparse_image((20, 31)) > 0, 180, 40).astype(np.uint8)
    save("a.png", image)
    np.testing.assert_allclose(
        density_of("a.png", "--block", 3, "--threshold", "otsu"),
        expected_density(image > 100, (3, 3)),
    )
    assert "pixels above 40" in run("density", "a.png", "--block", 3, "--threshold", "OTSU")


def test_foreground_copies_nothing_without_need():
    image = sparse_image((5, 5))
    counted, threshold = foreground(image)
    assert counted is image
    assert threshold is None


# ------------------------------------------------------------------------------- what it writes


def test_outputs_keep_the_map():
    image = sparse_image((20, 31))
    save("a.png", image)
    expected = expected_density(image != 0, (3, 3))
    for dtype in ["float32", "float64"]:
        for name in ["map.npy", "map.tif", "map.TIFF"]:
            run("density", "a.png", "--block", 3, "--dtype", dtype, "-o", name, "--force")
            written = np.load(name) if name == "map.npy" else tifffile.imread(name)
            assert written.dtype == dtype
            np.testing.assert_array_equal(written, expected.astype(dtype))


@pytest.mark.parametrize(("bits", "top"), [(8, 255), (16, 65535)])
def test_png_map_has_gray_levels(bits, top):
    image = sparse_image((20, 31))
    save("a.png", image)
    run("density", "a.png", "--block", 3, "-o", "map.png", "--png-bits", bits)
    levels = read_image("map.png").array
    assert levels.dtype == f"uint{bits}"
    np.testing.assert_array_equal(levels, np.rint(expected_density(image != 0, (3, 3)) * top))


@pytest.mark.parametrize("colours", [False, True])
def test_plot(colours):
    save("a.png", sparse_image((20, 31, 3) if colours else (20, 31)))
    run("density", "a.png", "--block", 3, "--plot", "heat.png")
    with Image.open("heat.png") as file:
        picture = np.asarray(file.convert("RGB"))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    assert sorted(os.listdir()) == ["a.png", "heat.png"]


def test_plot_of_an_empty_density_and_odd_channels():
    save("zeros.png", np.zeros((6, 6), np.uint8))
    run("density", "zeros.png", "--block", 3, "--plot", "zeros.svg")
    save("a.npy", sparse_image((20, 31, 5)))
    run("density", "a.npy", "--block", 3, "--channel-axis", -1, "--plot", "heat.pdf")


def test_summary():
    save("a.png", np.eye(12, dtype=np.uint8))
    lines = run("density", "a.png", "--block", 6, "--stride", 3).splitlines()
    text = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in lines[:6]}
    assert text["image"] == "a.png, 12 x 12, uint8"
    assert text["counted"] == "nonzero pixels"
    assert text["blocks"] == "6 x 6 every 3 x 3, boundary partial"
    assert text["map"] == "3 x 3, float64"
    assert text["density"] == "0 to 0.1667, mean 0.09259"
    assert text["time"].endswith("ms for the map alone")
    assert lines[6] == ""
    assert lines[7:] == ["[[0.167 0.083 0.   ]", " [0.083 0.167 0.083]", " [0.    0.083 0.167]]"]


def test_summary_of_what_was_written_has_no_numbers():
    save("a.png", np.eye(12, dtype=np.uint8))
    lines = run("density", "a.png", "--block", 6, "-o", "map.npy").splitlines()
    assert lines[-1].split() == ["wrote", "map.npy"]


def test_large_maps_are_not_printed():
    save("a.png", sparse_image((60, 60)))
    assert "[" not in run("density", "a.png", "--block", 3)


def test_quiet_prints_nothing():
    save("a.png", sparse_image((20, 31)))
    assert run("density", "a.png", "--block", 3, "-o", "map.npy", "--quiet") == ""


def test_json():
    image = sparse_image((20, 31, 3))
    save("a.png", image)
    summary = json.loads(
        run("density", "a.png", "--block", 3, 4, "--threshold", 5, "-o", "map.npy", "--json")
    )
    density = expected_density((image > 5).any(axis=2), (3, 4))
    seconds = summary.pop("seconds")
    assert 0 < seconds < 60
    assert summary.pop("mean") == pytest.approx(density.mean())
    assert summary == {
        "image": "a.png",
        "image_shape": [20, 31, 3],
        "image_dtype": "uint8",
        "channel_axis": 2,
        "threshold": 5,
        "block": [3, 4],
        "stride": [3, 4],
        "boundary": "partial",
        "shape": [7, 8],
        "dtype": "float64",
        "min": density.min(),
        "max": density.max(),
        "not_finite": 0,
        "output": "map.npy",
        "plot": None,
    }


# ---------------------------------------------------------------------------------- how it fails


@pytest.mark.parametrize("option", ["-o", "--plot"])
def test_existing_outputs_are_refused_before_the_work(option, monkeypatch):
    save("a.png", sparse_image((20, 31)))
    with open("out.png", "w") as file:
        file.write("precious")
    with monkeypatch.context() as patched:
        patched.setattr(density_job, "open_image", None)
        message = fail("density", "a.png", "--block", 3, option, "out.png")
    assert message == "cannot write out.png: it exists already (--force replaces it)"
    with open("out.png") as file:
        assert file.read() == "precious"
    run("density", "a.png", "--block", 3, option, "out.png", "--force")
    with Image.open("out.png") as file:
        assert file.format == "PNG"


def test_the_input_is_never_replaced():
    image = sparse_image((20, 31))
    save("a.png", image)
    assert "found a.png twice" in fail("density", "a.png", "--block", 3, "-o", "./a.png", "--force")
    assert "found b.png twice" in fail(
        "density", "a.png", "--block", 3, "-o", "b.png", "--plot", "b.png"
    )


@pytest.mark.parametrize(
    "block",
    ["0", "-1", "2.5", "x", "", "3x", "3,,4,0", "1e3", "3 0", "9" * 5000, "\N{SUPERSCRIPT TWO}"],
)
@pytest.mark.parametrize("option", ["--block", "--stride"])
def test_bad_sizes(block, option):
    save("a.png", sparse_image((20, 31)))
    message = fail("density", "a.png", "--block", 3, option, block)
    assert "expected whole numbers from 1, such as 3 or 3x3, found" in message
    assert option in message


def test_wrong_number_of_sizes():
    save("a.png", sparse_image((20, 31)))
    message = fail("density", "a.png", "--block", 3, 3, 3)
    assert message == "expected 1 or 2 numbers for --block, found 3: the image is 20 x 31"
    assert "for --stride, found 3" in fail("density", "a.png", "--block", 3, "--stride", 1, 2, 3)
    save("a.npy", sparse_image((20, 31, 3)))
    assert fail("density", "a.npy", "--block", 3, 3).endswith(
        "the image is 20 x 31 x 3; if the last axis holds colours, add --channel-axis -1"
    )


def make_bad_files():
    """Write files that are no images; return part of the message that each deserves."""
    with open("text.png", "w") as file:
        file.write("not an image")
    with open("empty.npy", "w"):
        pass
    os.mkdir("folder.png")
    np.save("object.npy", np.array([{}]), allow_pickle=True)
    np.save("complex.npy", np.zeros((3, 3), complex))
    np.save("text.npy", np.array([["a", "b"]]))
    with open("bomb.png", "wb") as file:
        file.write(png_bytes(40_000, 40_000, bit_depth=8, colour_type=0, rows=b""))
    return {
        "nowhere.png": "nowhere.png: No such file or directory",
        "text.png": "HDF5 or .npy file or a Zarr folder, but text.png is none of these",
        "empty.npy": "empty.npy is empty",
        "folder.png": "folder.png is a folder",
        "object.npy": "holds Python objects, which are never loaded",
        "complex.npy": "found complex128",
        "text.npy": "found <U1",
        "bomb.png": "may be a decompression bomb",
    }


def test_bad_inputs():
    for name, message in make_bad_files().items():
        for options in [["-o", "map.npy"], ["--plot", "heat.png"], ["--threshold", "otsu"]]:
            assert message in fail("density", name, "--block", 3, *options)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.npy"])
def test_truncated_inputs(name, tmp_path):
    save(name, sparse_image((90, 140)))
    cut(tmp_path / name, 0.6)
    assert "damaged" in fail("density", name, "--block", 3, "-o", "map.npy")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "map.gif"], ".zarr, .h5 or .hdf5, but map.gif has suffix '.gif'"),
        (["-o", "map"], "map has no suffix"),
        (["--plot", "heat.npy"], "named .png, .pdf or .svg, but heat.npy has suffix '.npy'"),
        (["-o", "nowhere/map.npy"], "nowhere is not an existing folder"),
        (["-o", "a.png/map.npy"], "a.png is not an existing folder"),
        (["--plot", "nowhere/heat.png"], "nowhere is not an existing folder"),
        (["--threshold", "high"], "expected a finite number or 'otsu', found 'high'"),
        (["--threshold", "nan"], "expected a finite number or 'otsu', found 'nan'"),
        (["--channel-axis", "2"], "expected a --channel-axis from -2 to 1, found 2"),
        (["--boundary", "wrap"], "wrap"),
        (["--boundary", "exact"], "20"),
        (["--dtype", "int8"], "'int8' is not one of"),
        (["--png-bits", "12"], "'12' is not one of"),
        (["--workers", "0"], "workers"),
        (["--workers", "two"], "'two' is not a valid integer"),
        (["--blocks", "3"], "--blocks"),
        (["b.png"], "unexpected extra argument"),
    ],
)
def test_bad_options(options, message):
    save("a.png", sparse_image((20, 31)))
    assert message in fail("density", "a.png", "--block", 3, *options)


def test_missing_arguments():
    assert fail("density").endswith("(see 'boxel density --help')")
    save("a.png", sparse_image((20, 31)))
    assert "Missing option '--block'" in fail("density", "a.png")
    assert "No such command 'densities'" in fail("densities")


def test_maps_that_a_format_cannot_hold(monkeypatch):
    save("line.npy", sparse_image((20,)))
    save("volume.npy", sparse_image((5, 6, 7)))
    monkeypatch.setattr(density_job, "density_map", None)
    assert "2-D array for a .png" in fail("density", "volume.npy", "--block", 3, "-o", "map.png")
    assert "two or more axes for a .tif" in fail("density", "line.npy", "--block", 3, "-o", "m.tif")
    message = fail("density", "volume.npy", "--block", 3, "--plot", "heat.png")
    assert message == "expected a 2-D image for --plot, found 3 axes: the image is 5 x 6 x 7"


def test_maps_without_blocks_cannot_be_drawn():
    save("a.png", sparse_image((5, 6)))
    options = ["--block", "9", "--boundary", "trim"]
    assert "non-empty" in fail("density", "a.png", *options, "-o", "m.npy", "--plot", "heat.png")
    assert "non-empty" in fail("density", "a.png", *options, "-o", "map.png")
    assert density_of("a.png", *options).shape == (0, 0)


def test_unwritable_folder(tmp_path, monkeypatch):
    save("a.png", sparse_image((20, 31)))
    os.mkdir("locked")
    real_access = os.access

    def access(path, mode):
        return os.path.basename(path) != "locked" and real_access(path, mode)

    monkeypatch.setattr(os, "access", access)
    message = fail("density", "a.png", "--block", 3, "-o", "locked/map.npy")
    assert message == "cannot write locked/map.npy: locked is not writable"


def test_line_breaks_and_control_letters_stay_out_of_messages():
    message = fail("density", "two\nlines\x1b[31m.png", "--block", 3)
    assert message == r"two lines\x1b[31m.png: No such file or directory"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError("Unable to allocate 9 TiB"), "Unable to allocate 9 TiB"),
        (MemoryError(), "MemoryError"),
        (OSError(28, "No space left on device", "map.npy"), "map.npy: No space left on device"),
    ],
)
def test_what_the_machine_cannot_do(error, message, monkeypatch):
    def fail_to_write(*arguments, **options):
        raise error

    save("a.png", sparse_image((20, 31)))
    monkeypatch.setattr(NpySink, "write", fail_to_write)
    assert fail("density", "a.png", "--block", 3, "-o", "map.npy") == message


def test_bugs_keep_their_traceback(monkeypatch):
    def stumble(*arguments, **options):
        raise ZeroDivisionError

    save("a.png", sparse_image((20, 31)))
    monkeypatch.setattr(density_job, "density_map", stumble)
    result = make_runner().invoke(boxel, ["density", "a.png", "--block", "3"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_interrupt(monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    save("a.png", sparse_image((20, 31)))
    monkeypatch.setattr(density_job, "density_map", interrupt)
    result = make_runner().invoke(boxel, ["density", "a.png", "--block", "3", "-o", "map.npy"])
    assert result.exit_code == 128 + signal.SIGINT
    assert result.stderr.strip() == "boxel: interrupted"
    assert os.listdir() == ["a.png"]


def test_not_standalone_raises():
    with pytest.raises(FileNotFoundError):
        boxel.main(["density", "nowhere.png", "--block", "3"], standalone_mode=False)


# --------------------------------------------------------------------------- the other commands


def test_demo():
    text = run("demo", "--output-dir", "new/demo")
    pictures = ["cluster", "density", "filter", "regions", "unmix", "variance"]
    for name in pictures:
        with Image.open(f"new/demo/{name}.png") as file:
            assert min(file.size) > 500
            small = np.asarray(file.convert("RGB").resize((200, 100)))
        assert len(np.unique(small.reshape(-1, 3), axis=0)) > 20
        assert re.search(rf"^{name} .* m?s; {name}.png, ", text, re.MULTILINE)
    with Image.open("new/demo/cells.png") as file:
        image = np.asarray(file)
    density = np.load("new/demo/density.npy")
    expected = expected_density(image > otsu_threshold(image), (25, 25))
    np.testing.assert_allclose(density, expected)
    for part in ["720 x 960, uint8", "29 x 39, float64", "mean", "density.npy"]:
        assert part in text
    np.testing.assert_array_equal(
        np.load("new/demo/smooth.npy"), bx.box_filter(np.load("new/demo/bubbles.npy"), 5)
    )
    stats = bx.RunningStats(dtype="uint16").update_many(np.load("new/demo/frames.npy"))
    np.testing.assert_array_equal(np.load("new/demo/variance.npy"), stats.var(1))
    scene = image[240:420, 100:340]
    np.testing.assert_allclose(np.load("new/demo/unmixed.npy"), scene, atol=1e-6)
    with open("new/demo/clusters.csv") as file:
        clusters = {line.strip() for line in file}
    assert len({(each[0], each[-1]) for each in clusters if each != "item,cluster"}) == 5
    check_page("new/demo/index.html", pictures)
    again = text.splitlines()[-1].removeprefix("try: boxel ").split()
    run(*again)
    assert "cells.png: it exists already (--force replaces it)" in fail(
        "demo", "--output-dir", "new/demo"
    )


def check_page(path, pictures):
    """Check that a page is whole, holds all pictures and needs nothing else."""
    with open(path, encoding="utf-8") as file:
        page = file.read()
    opened, images, links = [], [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found = dict(attributes)
            images.extend(found[name] for name in ("src",) if name in found)
            links.extend(found[name] for name in ("href",) if name in found)
            if tag not in ("img", "meta"):
                opened.append(tag)

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Reader(convert_charrefs=True).feed(page)
    assert opened == []
    assert len(images) == len(pictures)
    assert all(image.startswith("data:image/png;base64,iVBOR") for image in images)
    assert sorted(links) == [f"#{name}" for name in pictures]
    for name in pictures:
        assert f'id="{name}"' in page
        assert f"boxel {name}" in page
    for word in ("http:", "https:", "<script"):
        assert word not in page


def test_demo_into_a_file():
    with open("file", "w"):
        pass
    assert fail("demo", "--output-dir", "file") == "file: File exists"


def test_info():
    text = run("info")
    assert bx.__version__ in text
    assert "workers" in text
    config = json.loads(run("info", "--json"))
    assert config["version"] == bx.__version__


def test_help_and_version():
    assert run("--version") == f"boxel {bx.__version__}\n"
    assert run() == run("--help")
    for command in ["density", "demo", "info"]:
        assert command in run("--help")
        assert run(command, "--help").startswith(f"Usage: boxel {command}")


# ----------------------------------------------------------------------------- as a real process


def test_process_that_succeeds():
    save("a.png", sparse_image((20, 31)))
    finished = execute("density", "a.png", "--block", 3, 3, "-o", "map.npy", "--plot", "heat.png")
    assert finished.returncode == 0
    assert finished.stderr == ""
    assert "7 x 11" in finished.stdout
    assert sorted(os.listdir()) == ["a.png", "heat.png", "map.npy"]


def test_process_that_fails():
    finished = execute("density", "nowhere.png", "--block", 3)
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert finished.stderr == "boxel: error: nowhere.png: No such file or directory\n"


def test_process_in_a_plain_locale():
    save("caf\N{LATIN SMALL LETTER E WITH ACUTE}.png", sparse_image((20, 31)))
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for command in [
        ["density", "caf\N{LATIN SMALL LETTER E WITH ACUTE}.png", "--block", 3],
        ["density", "nowher\N{LATIN SMALL LETTER E WITH ACUTE}.png", "--block", 3],
    ]:
        finished = execute(*command, env=environment)
        assert "Traceback" not in finished.stderr


def test_closed_pipe_is_no_traceback():
    save("a.png", sparse_image((20, 31)))
    process = subprocess.Popen(
        [sys.executable, "-m", "boxel", "density", "a.png", "--block", "3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    stderr = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) != 0
    assert stderr == ""


@pytest.mark.parametrize(
    ("package", "arguments", "extra"),
    [
        ("click", ["--help"], "cli"),
        ("PIL", ["density", "a.png", "--block", "3"], "cli"),
        ("tifffile", ["density", "a.tif", "--block", "3"], "cli"),
        ("matplotlib", ["density", "a.png", "--block", "3", "--plot", "heat.png"], "plot"),
        ("PIL", ["demo"], "cli"),
        ("matplotlib", ["demo"], "cli"),
    ],
)
def test_missing_package_names_the_extra(package, arguments, extra):
    for name in ["a.png", "a.tif"]:
        save(name, sparse_image((4, 4)))
    script = """
        import sys
        sys.modules[sys.argv.pop(1)] = None
        from boxel.__main__ import main
        try:
            main()
        except SystemExit as exit:
            print("code", exit.code)
    """
    before = sorted(os.listdir())
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), package, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stdout == "code 2\n"
    assert finished.stderr == (
        f"boxel: error: this needs {package}, which is not installed:"
        f" pip install 'boxel[{extra}]'\n"
    )
    assert sorted(os.listdir()) == before


def test_npy_needs_no_image_library():
    save("a.npy", sparse_image((20, 31)))
    script = """
        import sys
        for package in ("PIL", "tifffile", "matplotlib"):
            sys.modules[package] = None
        from boxel.__main__ import main
        sys.argv[1:] = ["density", "a.npy", "--block", "3", "-o", "map.npy", "-q"]
        main()
    """
    assert run_script(script) == ""
    assert os.path.exists("map.npy")


def test_help_is_quick_and_imports_little():
    script = """
        import sys
        from boxel.__main__ import main
        sys.argv[1:] = ["--help"]
        try:
            main()
        except SystemExit as exit:
            assert exit.code == 0
        heavy = {"PIL", "matplotlib", "tifffile", "tqdm", "scipy", "skimage", "zarr", "h5py"}
        heavy |= {"nibabel", "csv", "boxel.formats.table", "boxel.cli.density_job"}
        print("loaded", sorted(heavy & set(sys.modules)))
    """
    assert run_script(script).endswith("loaded []")
    quickest = min(processor_time("-m", "boxel", "--help") for _ in range(5))
    numpy_alone = min(processor_time("-c", "import numpy") for _ in range(5))
    # Importing NumPy is most of it, and no business of ours.
    assert quickest < numpy_alone + 0.15


def processor_time(*arguments):
    """Return what a process costs; unlike the time that passes, others' load hardly changes it."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = os.times()
    return (
        after.children_user - before.children_user + after.children_system - before.children_system
    )


def test_every_command_is_listed_as_it_says_of_itself():
    text = run("--help")
    context = click.Context(boxel, info_name="boxel")
    shared = {"--json", "--quiet", "--help"}
    for name in COMMANDS:
        loaded = boxel.get_command(context, name)
        assert loaded.name == name
        assert re.search(rf"^  {name} ", text, re.MULTILINE)
        options = {each for parameter in loaded.params for each in parameter.opts} | {"--help"}
        assert shared <= options, name
        if name != "info":
            assert "--force" in options
        if name not in ("info", "unmix"):
            assert "--workers" in options
        if name in ("density", "reduce", "filter", "pyramid", "variance", "regions"):
            assert "--memory" in options
        assert "Examples:" in run(name, "--help")
    assert boxel.get_command(context, "densities") is None


def test_shell_completion(monkeypatch):
    environment = {**os.environ, "_BOXEL_COMPLETE": "bash_complete", "COMP_WORDS": "boxel fil",
                   "COMP_CWORD": "1"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", "from boxel.__main__ import main; main()"],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["plain,filter"]


def test_progress_is_for_terminals(monkeypatch):
    running = Running()
    with running.progress("x") as show:
        assert show is no_show
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Running(quiet=True).progress("x") as show:
        assert show is no_show
    with running.progress("x") as show:
        assert show is not no_show
        show(0.5)


def test_info_on_files():
    save("a.npy", sparse_image((20, 31)))
    save("b.tif", sparse_image((20, 31, 3)))
    text = run("info", "a.npy", "b.tif")
    assert "a.npy, 20 x 31, uint8\n" in text
    assert "620 bytes in memory" in text
    assert "b.tif, 20 x 31 x 3, uint8, colours on axis 2" in text
    records = json.loads(run("info", "a.npy", "b.tif", "--json"))
    assert [each["image_shape"] for each in records] == [[20, 31], [20, 31, 3]]
    assert "No such file" in fail("info", "nowhere.npy")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4096", 4096),
        ("512MiB", 512 << 20),
        ("2GB", 2 * 10**9),
        ("1.5 k", 1500),
        ("1 TiB", 1 << 40),
    ],
)
def test_sizes_of_memory(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "0", "much", "-1MiB", "1EiB", "1e9"])
def test_bad_sizes_of_memory(text):
    save("a.npy", sparse_image((4, 4)))
    words = ["density", "a.npy", "--block", 2, f"--memory={text}"]
    assert "expected a size" in fail(*words)


def test_entry_point():
    try:
        metadata.distribution("boxel")
    except metadata.PackageNotFoundError:
        pytest.skip("boxel is run from its sources, not installed")
    (script,) = metadata.entry_points(group="console_scripts", name="boxel")
    assert script.value == "boxel.__main__:main"
