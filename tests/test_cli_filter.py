"""``boxel filter``: what it computes, prints and writes, and how it fails."""

import json
import os

import numpy as np
import pytest
import tifffile
from PIL import Image

import boxel as bx
from boxel._registry import MERGEABLE
from boxel.cli import filter_job
from boxel.cli.parameters import join_sizes
from boxel.files import read_image
from boxel.formats.npy import NpySink
from command_line import execute, fail, run, save
from image_files import sparse_image


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def filtered(*arguments):
    """Run ``boxel filter`` and return the array that it wrote."""
    run("filter", *arguments, "-o", "result.npy")
    result = np.load("result.npy")
    os.remove("result.npy")
    return result


def brute_force(image, size, function=np.mean):
    """Return a statistic of the centred boxes of odd size, the edge being reflected."""
    padded = np.pad(image, [(each // 2,) * 2 for each in size], mode="symmetric")
    boxes = np.lib.stride_tricks.sliding_window_view(padded, size)
    return function(boxes, axis=tuple(range(image.ndim, 2 * image.ndim)))


# ----------------------------------------------------------------------------- what it computes


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy"])
def test_mean_is_the_default(name):
    image = sparse_image((20, 31))
    result = filtered(save(name, image), "--size", 3)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, brute_force(image, (3, 3)), rtol=1e-14)


@pytest.mark.parametrize("statistic", ["min", "max", "var", "count_nonzero"])
def test_statistic(statistic):
    image = sparse_image((20, 31))
    save("a.png", image)
    result = filtered("a.png", "--size", 3, 5, "--statistic", statistic)
    expected = brute_force(image, (3, 5), getattr(np, statistic))
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "words",
    [
        ["--size", "3", "1", "5"],
        ["--size", "3x1x5"],
        ["--size", "3,1,5"],
        ["--size=3", "1", "5"],
        ["--size", "3 1 5"],
    ],
)
@pytest.mark.parametrize("image_first", [True, False])
def test_every_way_to_write_a_size(words, image_first):
    volume = sparse_image((7, 8, 9))
    save("a.npy", volume)
    result = filtered(*(["a.npy", *words] if image_first else [*words, "a.npy"]))
    np.testing.assert_allclose(result, brute_force(volume, (3, 1, 5)), rtol=1e-14)


def test_shifts_may_be_negative():
    assert join_sizes(["--origin", "-1", "0", "a"], {"--origin"}) == ["--origin", "-1,0", "a"]
    image = sparse_image((20, 31))
    save("a.png", image)
    for words in (["--origin", "-1", "2"], ["--origin=-1,2"], ["--origin", "-1x2"]):
        result = filtered("a.png", "--size", 3, 5, *words)
        np.testing.assert_array_equal(result, bx.box_filter(image, (3, 5), origin=(-1, 2)))
    assert not np.array_equal(result, bx.box_filter(image, (3, 5)))


@pytest.mark.parametrize("mode", bx.MODES)
@pytest.mark.parametrize("statistic", [name for name in bx.STATISTICS if name in MERGEABLE])
def test_modes_and_statistics_reach_box_filter(mode, statistic):
    image = sparse_image((20, 31)).astype(np.int16) - 3
    save("a.npy", image)
    result = filtered("a.npy", "--size", 4, "--mode", mode, "--statistic", statistic)
    expected = bx.box_filter(image, 4, statistic, mode=mode)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_options_reach_box_filter():
    image = sparse_image((20, 31), np.float32)
    image[3:12, 4:14] = np.nan
    save("a.npy", image)
    words = ["--mode", "wrap,constant", "--cval", "2.5", "--stride", "2x3", "--origin", "1"]
    words += ["--skipna", "--min-count", "2", "--fill-value", "-1", "--workers", "2"]
    result = filtered("a.npy", "--size", 4, 5, *words)
    expected = bx.box_filter(
        image, (4, 5), mode=("wrap", "constant"), cval=2.5, stride=(2, 3), origin=1, skipna=True,
        min_count=2, fill_value=-1,
    )  # fmt: skip
    assert (expected == -1).any()
    np.testing.assert_array_equal(result, expected)
    result = filtered("a.npy", "--size", 3, "--statistic", "std", "--ddof", 1)
    np.testing.assert_array_equal(result, bx.box_filter(image, 3, "std", ddof=1))
    assert np.isnan(result).any()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_dtype(dtype):
    image = sparse_image((20, 31))
    save("a.png", image)
    result = filtered("a.png", "--size", 3, "--dtype", dtype)
    assert result.dtype == dtype
    expected = brute_force(image, (3, 3))
    expected = np.rint(expected) if np.dtype(dtype).kind in "iu" else expected
    np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 2])
def test_channels_are_filtered_alone(axis):
    image = sparse_image((20, 31, 3))
    expected = np.stack([brute_force(image[..., k], (3, 5)) for k in range(3)], axis=axis)
    save("a.npy", np.moveaxis(image, 2, axis))
    result = filtered("a.npy", "--size", 3, 5, "--channel-axis", axis)
    np.testing.assert_allclose(result, expected, rtol=1e-14)
    save("a.png", image)
    in_a_file = filtered("a.png", "--size", 3, 5)
    np.testing.assert_allclose(np.moveaxis(in_a_file, 2, axis), expected, rtol=1e-14)


def test_axes_of_an_npy_file_are_no_channels():
    volume = sparse_image((7, 8, 3))
    save("a.npy", volume)
    np.testing.assert_allclose(filtered("a.npy", "--size", 3), brute_force(volume, (3, 3, 3)))


def test_boxes_larger_than_the_image():
    image = sparse_image((5, 6))
    save("a.png", image)
    assert filtered("a.png", "--size", 9, "--mode", "valid").shape == (0, 0)
    assert "none, the result is empty" in run("filter", "a.png", "--size", 9, "--mode", "valid")
    whole = filtered("a.png", "--size", 99, "--mode", "shrink")
    np.testing.assert_allclose(whole, np.full((5, 6), image.mean()))


# ------------------------------------------------------------------------------- what it writes


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_png_keeps_the_values(dtype):
    image = sparse_image((20, 31), np.dtype(dtype))
    save("a.png", image)
    run("filter", "a.png", "--size", 3, "--statistic", "max", "-o", "max.png")
    written = read_image("max.png").array
    assert written.dtype == dtype
    np.testing.assert_array_equal(written, brute_force(image, (3, 3), np.max))


@pytest.mark.parametrize("name", ["b.png", "b.tif"])
def test_colours_stay_colours(name):
    image = sparse_image((20, 31, 3))
    save("a.png", image)
    run("filter", "a.png", "--size", 3, "--dtype", "uint8", "-o", name)
    loaded = read_image(name)
    assert loaded.channel_axis == -1
    expected = np.stack([brute_force(image[..., k], (3, 3)) for k in range(3)], axis=-1)
    np.testing.assert_array_equal(loaded.array, np.rint(expected))


def test_tiff_keeps_type_and_axes():
    volume = sparse_image((7, 8, 9), np.float32)
    save("a.tif", volume)
    run("filter", "a.tif", "--size", 3, 3, 3, "-o", "b.tif")
    written = tifffile.imread("b.tif")
    assert written.dtype == np.float32
    np.testing.assert_allclose(written, brute_force(volume.astype(float), (3, 3, 3)), rtol=1e-6)


@pytest.mark.parametrize("shape", [(20, 31), (7, 20, 31), (20, 31, 3)])
@pytest.mark.parametrize("options", [[], ["--mode", "valid", "--stride", "2"]])
def test_plot(shape, options):
    save("a.npy", sparse_image(shape))
    run("filter", "a.npy", "--size", 3, *options, "--plot", "both.png")
    with Image.open("both.png") as file:
        picture = np.asarray(file.convert("RGB"))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    assert sorted(os.listdir()) == ["a.npy", "both.png"]


def test_plot_of_colours():
    save("a.png", sparse_image((20, 31, 3)))
    run("filter", "a.png", "--size", 3, "--plot", "both.pdf")


def test_summary():
    save("a.png", np.eye(4, dtype=np.uint8) * 9)
    lines = run("filter", "a.png", "--size", 3, "--mode", "valid").splitlines()
    text = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in lines[:5]}
    assert text["image"] == "a.png, 4 x 4, uint8"
    assert text["boxes"] == "3 x 3, mode valid"
    assert text["result"] == "2 x 2, float64"
    assert text["mean"] == "2 to 3, mean 2.5"
    assert text["time"].endswith("ms for the filter alone")
    assert lines[5:] == ["", "[[3. 2.]", " [2. 3.]]"]


def test_summary_tells_what_is_not_finite():
    save("a.npy", np.array([[1.0, np.nan, 3, 4, 5, 6], [1, 2, 3, 4, 5, np.inf]]))
    options = ["a.npy", "--size", 1, "--statistic", "max"]
    assert "max     1 to 6, mean 3.4, 2 not finite" in run("filter", *options)
    summary = json.loads(run("filter", *options, "--json"))
    assert (summary["min"], summary["max"], summary["not_finite"]) == (1, 6, 2)
    save("b.npy", np.full((3, 3), np.nan))
    assert "none is finite" in run("filter", "b.npy", "--size", 1)


def test_integers_are_printed_in_full():
    save("a.npy", np.array([[2**53 + 1, 2**53 + 3]]))
    text = run("filter", "a.npy", "--size", 1, "--statistic", "max")
    assert f"max     {2**53 + 1} to {2**53 + 3}, mean" in text
    summary = json.loads(run("filter", "a.npy", "--size", 1, "--statistic", "max", "--json"))
    assert summary["max"] == 2**53 + 3


def test_json():
    image = sparse_image((20, 31, 3))
    save("a.png", image)
    words = ["--size", 3, 4, "--stride", 2, "--mode", "wrap,nearest", "--statistic", "sum"]
    summary = json.loads(run("filter", "a.png", *words, "-o", "sum.npy", "--json"))
    assert 0 < summary.pop("seconds") < 60
    written = np.load("sum.npy")
    assert summary.pop("mean") == pytest.approx(written.mean())
    assert summary == {
        "image": "a.png",
        "image_shape": [20, 31, 3],
        "image_dtype": "uint8",
        "channel_axis": 2,
        "statistic": "sum",
        "size": [3, 4],
        "mode": ["wrap", "nearest"],
        "origin": 0,
        "stride": 2,
        "shape": [10, 16, 3],
        "dtype": "uint64",
        "min": written.min(),
        "max": written.max(),
        "not_finite": 0,
        "output": "sum.npy",
        "plot": None,
    }


def test_quiet_prints_nothing():
    save("a.png", sparse_image((20, 31)))
    assert run("filter", "a.png", "--size", 3, "-o", "b.npy", "--quiet") == ""


def test_help_lists_what_there_is():
    text = " ".join(run("filter", "--help").split())
    assert f"One of {', '.join(name for name in bx.STATISTICS if name in MERGEABLE)}." in text
    assert f"one of {', '.join(bx.MODES)};" in text


# ---------------------------------------------------------------------------------- how it fails


@pytest.mark.parametrize(
    ("dtype", "options", "message"),
    [
        ("u1", [], "add --dtype uint8, which rounds and saturates"),
        ("u2", [], "add --dtype uint16, which rounds"),
        ("f4", [], "add --dtype uint8 or uint16, which rounds"),
        ("i4", ["--statistic", "max"], "add --dtype uint8 or uint16"),
        ("u1", ["--statistic", "any"], "add --dtype uint8, which"),
        ("u1", ["--dtype", "float32"], "add --dtype uint8"),
    ],
)
def test_png_that_cannot_hold_the_result(dtype, options, message, monkeypatch):
    save("a.npy", sparse_image((20, 31), np.dtype(dtype)))
    monkeypatch.setattr(filter_job, "box_filter", None)
    text = fail("filter", "a.npy", "--size", 3, *options, "-o", "b.png")
    assert text.startswith("expected uint8 or uint16 for a .png file, found ")
    assert message in text
    assert text.endswith(", which rounds and saturates")


def test_the_advice_for_png_works():
    for name, dtype, advice in [("u1.png", "u1", "uint8"), ("u2.tif", "u2", "uint16")]:
        save(name, sparse_image((20, 31), np.dtype(dtype)))
        run("filter", name, "--size", 3, "--dtype", advice, "-o", f"{advice}.png")
    save("rgb.tif", sparse_image((20, 31, 3), np.uint16))
    message = fail("filter", "rgb.tif", "--size", 3, "--dtype", "uint16", "-o", "rgb.png")
    assert message.startswith("expected uint8 for a .png file of colours, found uint16")


def test_results_that_a_format_cannot_hold(monkeypatch):
    save("line.npy", sparse_image((20,)))
    save("volume.npy", sparse_image((5, 6, 7)))
    monkeypatch.setattr(filter_job, "box_filter", None)
    assert "2-D array for a .png" in fail("filter", "volume.npy", "--size", 3, "-o", "b.png")
    assert "two or more axes for a .tif" in fail("filter", "line.npy", "--size", 3, "-o", "b.tif")
    message = fail("filter", "line.npy", "--size", 3, "--plot", "b.png")
    assert message == "expected an image of two or more axes for --plot: the image is 20"


def test_empty_results_cannot_be_drawn():
    save("a.png", sparse_image((5, 6)))
    message = fail("filter", "a.png", "--size", 9, "--mode", "valid", "--plot", "b.png")
    assert message == "expected a non-empty result for --plot, found 0 x 0"


@pytest.mark.parametrize("option", ["-o", "--plot"])
def test_existing_outputs_are_refused_before_the_work(option, monkeypatch):
    save("a.png", sparse_image((20, 31)))
    with open("out.png", "w") as file:
        file.write("precious")
    with monkeypatch.context() as patched:
        patched.setattr(filter_job, "open_image", None)
        message = fail("filter", "a.png", "--size", 3, option, "out.png")
        assert "found a.png twice" in fail("filter", "a.png", "--size", 3, option, "./a.png")
    assert message == "cannot write out.png: it exists already (--force replaces it)"
    with open("out.png") as file:
        assert file.read() == "precious"
    run("filter", "a.png", "--size", 3, "--dtype", "uint8", option, "out.png", "--force")
    with Image.open("out.png") as file:
        assert file.format == "PNG"


def test_failure_while_writing_leaves_nothing(monkeypatch):
    def fail_to_write(*arguments, **options):
        raise OSError(28, "No space left on device", "b.npy")

    save("a.png", sparse_image((20, 31)))
    monkeypatch.setattr(NpySink, "write", fail_to_write)
    message = fail("filter", "a.png", "--size", 3, "-o", "b.npy")
    assert message == "b.npy: No space left on device"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "0"], "expected whole numbers from 1, such as 3 or 3x3, found '0'"),
        (["--size", "2.5"], "expected whole numbers from 1"),
        (["--stride", "-1"], "expected whole numbers from 1"),
        (["--origin", "0.5"], "expected whole numbers, such as 1 or -1,0, found '0.5'"),
        (["--origin", "x"], "expected whole numbers, such as"),
        (["--origin", "2"], "origin"),
        (["--origin", "-1", "0", "0"], "expected 1 or 2 numbers for --origin, found 3"),
        (["--stride", "1", "1", "1"], "expected 1 or 2 numbers for --stride, found 3"),
        (["--mode", "wrap,wrap,wrap"], "expected 1 or 2 names for --mode, found 3"),
        (["--mode", "reflekt"], "did you mean 'reflect'?"),
        (["--mode", "symmetric"], "reflect"),
        (["--statistic", "meen"], "did you mean 'mean'?"),
        (["--statistic", "median"], "median"),
        (["--cval", "zero"], "expected a number, found 'zero'"),
        (["--mode", "constant", "--cval", "300"], "cval 300 does not fit dtype uint8"),
        (["--min-count", "-1"], "min_count"),
        (["--ddof", "-1", "--statistic", "var"], "ddof"),
        (["--dtype", "complex64"], "'complex64' is not one of"),
        (["--channel-axis", "2"], "expected a --channel-axis from -2 to 1, found 2"),
        (["--workers", "0"], "workers"),
        (["-o", "b.gif"], ".zarr, .h5 or .hdf5, but b.gif has suffix '.gif'"),
        (["--plot", "b.npy"], "named .png, .pdf or .svg, but b.npy has suffix '.npy'"),
        (["-o", "nowhere/b.npy"], "nowhere is not an existing folder"),
        (["--block", "3"], "--block"),
        (["b.png"], "unexpected extra argument"),
    ],
)
def test_bad_options(options, message):
    save("a.png", sparse_image((20, 31)))
    assert message in fail("filter", "a.png", "--size", 3, *options)


def test_missing_arguments():
    assert fail("filter").endswith("(see 'boxel filter --help')")
    save("a.png", sparse_image((20, 31)))
    assert "Missing option '--size'" in fail("filter", "a.png")
    assert "nowhere.png: No such file" in fail("filter", "nowhere.png", "--size", 3)


def test_wrong_number_of_sizes():
    save("a.png", sparse_image((20, 31)))
    message = fail("filter", "a.png", "--size", 3, 3, 3)
    assert message == "expected 1 or 2 numbers for --size, found 3: the image is 20 x 31"
    save("a.npy", sparse_image((20, 31, 3)))
    assert fail("filter", "a.npy", "--size", 3, 3).endswith(
        "the image is 20 x 31 x 3; if the last axis holds colours, add --channel-axis -1"
    )


def test_samples_that_no_statistic_takes():
    np.save("a.npy", np.zeros((3, 3), complex))
    assert "complex128" in fail("filter", "a.npy", "--size", 3, "-o", "b.npy")


def test_missing_values_in_integers_need_a_value():
    save("a.npy", np.array([[np.nan, 1.0], [2.0, 3.0]]))
    options = ["a.npy", "--size", 1, "--dtype", "int16"]
    assert "fill_value" in fail("filter", *options, "-o", "b.npy")
    assert filtered(*options, "--fill-value", -7).tolist() == [[-7, 1], [2, 3]]


# ----------------------------------------------------------------------------- as a real process


def test_process():
    save("a.npy", sparse_image((9, 20, 31)))
    finished = execute(
        "filter", "a.npy", "--size", 3, 3, 3, "--statistic", "mean", "--mode", "reflect",
        "-o", "b.npy", "--plot", "b.png",
    )  # fmt: skip
    assert (finished.returncode, finished.stderr) == (0, "")
    assert sorted(os.listdir()) == ["a.npy", "b.npy", "b.png"]
    finished = execute("filter", "nowhere.png", "--size", 3)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == "boxel: error: nowhere.png: No such file or directory\n"
