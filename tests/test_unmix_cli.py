"""``boxel unmix``, and the drawings of unmixings."""

import json

import numpy as np
import pytest

from mixtures import with_condition

pytest.importorskip("click")
pytest.importorskip("PIL")
pytest.importorskip("tifffile")
pytest.importorskip("matplotlib")

import boxel as bx
from boxel.cli.app import boxel
from boxel.files import read_image, write_array
from boxel.plot import save_figure, singular_values, unmixing
from command_line import fail, make_runner, run

IMAGE = np.arange(60, dtype=np.uint8).reshape(12, 5)
MIXING = with_condition(5, 50.0)


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def files():
    """Write a mixture of floats, one of gray levels, and their matrix."""
    np.save("mixed.npy", bx.mix(IMAGE, MIXING))
    np.save("matrix.npy", MIXING)
    np.save("ones.npy", np.ones((5, 5)))
    write_array("levels.png", IMAGE)


def run_with_warning(*arguments):
    result = make_runner().invoke(boxel, [str(argument) for argument in arguments])
    assert result.exit_code == 0
    assert result.stderr.startswith("boxel: warning: ")
    assert result.stderr.count("\n") == 1
    return result.stdout, result.stderr


@pytest.mark.usefixtures("files")
def test_image_is_recovered_and_reported():
    text = run("unmix", "mixed.npy", "--mixing", "matrix.npy", "-o", "x.npy")
    np.testing.assert_allclose(np.load("x.npy"), IMAGE, atol=1e-11)
    for words in ("12 x 5, float64", "on the right", "digits survive", "noise gain", "wrote"):
        assert words in text
    for name in ("x.png", "x.tif"):
        run("unmix", "mixed.npy", "--mixing", "matrix.npy", "-o", name)
        np.testing.assert_allclose(read_image(name).array, IMAGE, atol=1e-11)


@pytest.mark.usefixtures("files")
def test_left_side_and_options():
    np.save("turned.npy", bx.mix(IMAGE.T, MIXING.T, side="left"))
    np.save("matrix_turned.npy", MIXING.T)
    run("unmix", "turned.npy", "--mixing", "matrix_turned.npy", "--side", "left", "-o", "x.npy")
    np.testing.assert_allclose(np.load("x.npy"), IMAGE.T, atol=1e-11)
    for options, expected in [
        (["--alpha", "0.5"], {"alpha": 0.5}),
        (["--alpha", "gcv"], {"alpha": "gcv"}),
        (["--method", "ridge", "--noise-std", "0.1"], {"method": "ridge", "noise_std": 0.1}),
        (["--method", "svd", "--rtol", "1e-9"], {"method": "svd", "rtol": 1e-9}),
        (["--refine", "0"], {"refine": 0}),
    ]:
        run("unmix", "mixed.npy", "--mixing", "matrix.npy", *options, "-f", "-o", "x.npy")
        wanted = bx.unmix(np.load("mixed.npy"), MIXING, **expected)
        np.testing.assert_allclose(np.load("x.npy"), wanted, rtol=1e-12)


@pytest.mark.usefixtures("files")
def test_warnings_and_errors_of_ill_conditioned_mixings():
    _, message = run_with_warning("unmix", "levels.png", "--mixing", "ones.npy")
    assert "rank 1" in message
    message = fail(
        "unmix",
        "levels.png",
        "--mixing",
        "ones.npy",
        "--on-ill-conditioned",
        "raise",
        "-o",
        "x.npy",
    )
    assert "rank 1" in message
    text = run("unmix", "levels.png", "--mixing", "ones.npy", "--on-ill-conditioned", "regularize")
    assert "by ridge" in text


@pytest.mark.usefixtures("files")
def test_json():
    record = json.loads(run("unmix", "mixed.npy", "--mixing", "matrix.npy", "--json"))
    expected = bx.unmix(np.load("mixed.npy"), MIXING, full_output=True)
    assert record["method"] == "lu"
    assert record["noise_gain"] == pytest.approx(expected.noise_gain.tolist())
    assert record["forward_error_bound"] == pytest.approx(expected.forward_error_bound, rel=0.5)
    assert record["warning"] is None
    text, _ = run_with_warning("unmix", "levels.png", "--mixing", "ones.npy", "--json")
    assert json.loads(text)["condition_number"] is None or json.loads(text)["rank"] == 1


@pytest.mark.usefixtures("files")
def test_quiet():
    assert run("unmix", "mixed.npy", "--mixing", "matrix.npy", "-q") == ""


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_plot(suffix):
    run("unmix", "mixed.npy", "--mixing", "matrix.npy", "--plot", f"report.{suffix}")
    text, _ = run_with_warning(
        "unmix", "levels.png", "--mixing", "ones.npy", "--plot", f"ones.{suffix}"
    )
    assert f"ones.{suffix}" in text


@pytest.mark.usefixtures("files")
def test_errors():
    assert "No such file" in fail("unmix", "mixed.npy", "--mixing", "nowhere.npy")
    np.save("other.npy", np.ones((5, 4)))
    assert "do not chain" in fail("unmix", "mixed.npy", "--mixing", "other.npy", "-o", "x.npy")
    assert "unknown alpha" in fail("unmix", "mixed.npy", "--mixing", "ones.npy", "--alpha", "x")
    assert "found mixed.npy twice" in fail(
        "unmix", "mixed.npy", "--mixing", "ones.npy", "-o", "mixed.npy", "-f"
    )
    np.save("stack.npy", np.ones((2, 3, 5)))
    words = fail("unmix", "stack.npy", "--mixing", "matrix.npy", "--plot", "x.png")
    assert "two axes for --plot" in words
    assert "2-D array for a .png" in fail(
        "unmix", "stack.npy", "--mixing", "matrix.npy", "-o", "x.png"
    )


# ---------------------------------------------------------------------------------------- drawings


def test_singular_values_are_drawn():
    values = np.array([1.0, 0.1, 100.0, 0.0])
    axes = singular_values(values, alpha=0.5, rank=3, noise=1e-3, title="matrix")
    kept, lost, alpha, noise = axes.get_lines()
    np.testing.assert_array_equal(kept.get_xydata(), [[1, 100], [2, 1], [3, 0.1]])
    (number, height) = lost.get_xydata()[0]
    assert number == 4
    assert 0 < height < 1e-10
    assert set(alpha.get_ydata()) == {0.5}
    assert set(noise.get_ydata()) == {0.1}
    assert axes.get_yscale() == "log"
    assert axes.get_title() == "matrix"


def test_singular_values_on_given_axes(tmp_path):
    figure = unmixing(IMAGE, IMAGE, np.ones(3)).axes[0].figure
    axes = figure.axes[0]
    assert singular_values([3, 2, 1], ax=axes) is axes
    save_figure(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_unmixing_is_drawn():
    figure = unmixing(2 * IMAGE, IMAGE.astype(float), [2.0, 1.0])
    left, middle, right, *_ = figure.axes
    np.testing.assert_array_equal(left.get_images()[0].get_array(), 2 * IMAGE)
    np.testing.assert_array_equal(middle.get_images()[0].get_array(), IMAGE)
    assert [ax.get_title() for ax in (left, middle)] == ["mixed", "recovered"]
    np.testing.assert_array_equal(right.get_lines()[0].get_ydata(), [2, 1])


@pytest.mark.parametrize("values", [[], [[1.0]], [np.nan], [-1.0], ["a"]])
def test_values_that_cannot_be_drawn(values):
    with pytest.raises(ValueError, match="singular values"):
        singular_values(values)


@pytest.mark.parametrize("image", [np.ones(3), np.ones((2, 0)), np.ones((2, 2, 2))])
def test_images_that_cannot_be_drawn(image):
    with pytest.raises(ValueError, match="2-D image"):
        unmixing(image, IMAGE, [1.0])
