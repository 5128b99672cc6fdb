"""Heatmaps and comparisons: what is drawn, where, and that nothing global is touched."""

import numpy as np
import pytest

from image_files import sparse_image
from subprocesses import run_script

pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from boxel import density_map
from boxel.plot import comparison, heatmap, save_figure, variance


def drawn_map(axes):
    (mesh,) = axes.get_images()
    return mesh


def extent_of(axes):
    return tuple(map(float, drawn_map(axes).get_extent()))


def colour_at(axes, x, y):
    """Return the colour, from 0 to 255, drawn at a position in data coordinates."""
    canvas = FigureCanvasAgg(axes.figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    column, row = axes.transData.transform((x, y))
    return pixels[pixels.shape[0] - 1 - round(row), round(column), :3].astype(int)


def test_map_is_drawn_in_image_pixels():
    density = np.linspace(0, 1, 12).reshape(3, 4)
    axes = heatmap(density, block_size=(5, 7), title="cells", label="cover")
    mesh = drawn_map(axes)
    np.testing.assert_array_equal(mesh.get_array(), density)
    assert extent_of(axes) == (-0.5, 27.5, 14.5, -0.5)
    assert axes.get_xlim() == (-0.5, 27.5)
    assert axes.get_ylim() == (14.5, -0.5)
    assert axes.get_aspect() == 1
    assert axes.get_title() == "cells"
    assert axes.get_xlabel() == "x (pixels)"
    assert axes.get_ylabel() == "y (pixels)"
    assert mesh.colorbar.ax.get_ylabel() == "cover"
    assert mesh.get_clim() == (0, 1)


def test_each_cell_is_drawn_over_its_block():
    density = np.zeros((3, 4))
    density[1, 2] = 1.0
    axes = heatmap(density, block_size=(5, 7), cmap="gray")
    assert colour_at(axes, x=17, y=7).tolist() == [255, 255, 255]
    for x, y in [(10, 7), (24, 7), (17, 2), (17, 12)]:
        assert colour_at(axes, x, y).tolist() == [0, 0, 0]


def test_edge_blocks_end_with_the_image():
    image = sparse_image((11, 17))
    density = density_map(image, (4, 5))
    axes = heatmap(density, image=image, block_size=(4, 5))
    assert extent_of(axes) == (-0.5, 19.5, 11.5, -0.5)
    assert axes.get_xlim() == (-0.5, 16.5)
    assert axes.get_ylim() == (10.5, -0.5)
    left, right = axes.figure.axes[:2]
    assert right is axes
    np.testing.assert_array_equal(left.get_images()[0].get_array(), image)
    left.set_xlim(2, 5)
    assert right.get_xlim() == (2, 5)


def test_block_size_follows_from_the_image():
    image = sparse_image((11, 17))
    axes = heatmap(density_map(image, (4, 5)), image=image)
    assert extent_of(axes) == (-0.5, 19.5, 11.5, -0.5)


@pytest.mark.parametrize(
    ("block", "stride", "extent"),
    [
        (9, 3, (2.5, 14.5, 11.5, 2.5)),
        (3, 9, (-3.5, 32.5, 23.5, -3.5)),
        (4, 4, (-0.5, 15.5, 11.5, -0.5)),
    ],
)
def test_strided_values_lie_in_the_middle_of_their_blocks(block, stride, extent):
    axes = heatmap(np.zeros((3, 4)), block_size=block, stride=stride)
    assert extent_of(axes) == extent


def test_given_axes_are_used():
    figure = Figure()
    first, second = figure.subplots(1, 2)
    assert heatmap(np.eye(3), ax=second) is second
    assert not first.get_images()
    assert len(second.get_images()) == 1


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_colour_images(dtype):
    image = np.zeros((20, 30, 3), dtype)
    image[..., 1] = 1 if dtype == "f4" else np.iinfo(dtype).max
    axes = heatmap(np.ones((4, 6)), image=image)
    assert colour_at(axes.figure.axes[0], 15, 10).tolist() == [0, 255, 0]


@pytest.mark.parametrize("dtype", ["?", "u1", "i8", "f2", "f8"])
def test_gray_images(dtype):
    image = np.zeros((20, 30), dtype)
    image[:, 15:] = 1
    axes = heatmap(np.ones((4, 6)), image=image)
    assert colour_at(axes.figure.axes[0], 7, 10).tolist() == [0, 0, 0]
    assert colour_at(axes.figure.axes[0], 22, 10).tolist() == [255, 255, 255]


def test_large_maps_are_averaged_before_drawing():
    density = np.zeros((10, 5000))
    density[:, 4998:] = 1.0
    axes = heatmap(density, block_size=2)
    mesh = drawn_map(axes)
    assert mesh.get_array().shape == (10, 1667)
    assert extent_of(axes) == (-0.5, 10001.5, 19.5, -0.5)
    assert axes.get_xlim() == (-0.5, 9999.5)
    np.testing.assert_allclose(mesh.get_array()[:, -2:], [[0, 1]] * 10)


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1)])
def test_extreme_shapes_are_drawn(tmp_path, shape):
    axes = heatmap(np.full(shape, 0.25), image=np.ones(shape))
    save_figure(axes.figure, tmp_path / "a.png")


def test_missing_values_are_left_blank():
    density = np.array([[0.0, np.nan], [1.0, 0.5]])
    axes = heatmap(density, cmap="gray")
    assert colour_at(axes, 1, 0).tolist() == [255, 255, 255]
    assert drawn_map(axes).get_clim() == (0, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"density": np.zeros(4)}, r"non-empty 2-D map, found the shape \(4,\)"),
        ({"density": np.zeros((0, 4))}, r"non-empty 2-D map, found the shape \(0, 4\)"),
        ({"density": np.zeros((2, 3, 4))}, "non-empty 2-D map"),
        ({"image": np.zeros((4, 4, 2))}, r"\(rows, columns, 3\), found \(4, 4, 2\)"),
        ({"image": np.zeros(4)}, r"\(rows, columns, 3\), found \(4,\)"),
        ({"image": np.zeros((4, 4)), "ax": Figure().subplots()}, "image or ax, found both"),
        ({"block_size": 0}, "whole numbers >= 1 for block_size, found 0"),
        ({"block_size": 2.5}, "whole numbers >= 1 for block_size, found 2.5"),
        ({"block_size": (1, 2, 3)}, "one or 2 whole numbers"),
        ({"stride": (1, -1)}, "whole numbers >= 1 for stride"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        heatmap(**{"density": np.zeros((2, 2)), **options})


# Comparisons --------------------------------------------------------------------------------------


def test_image_and_result_are_drawn_side_by_side():
    image, result = sparse_image((8, 12)), np.linspace(0, 5, 96).reshape(8, 12)
    left, right = comparison(image, result, title="smooth", label="mean", vmin=-1, vmax=7)
    np.testing.assert_array_equal(drawn_map(left).get_array(), image)
    np.testing.assert_array_equal(drawn_map(right).get_array(), result)
    assert (left.get_title(), right.get_title()) == ("image", "smooth")
    assert drawn_map(left).colorbar is not None
    assert drawn_map(right).colorbar.ax.get_ylabel() == "mean"
    assert drawn_map(right).get_clim() == (-1, 7)
    assert extent_of(left) == extent_of(right) == (-0.5, 11.5, 7.5, -0.5)
    left.set_xlim(2, 5)
    assert right.get_xlim() == (2, 5)


@pytest.mark.parametrize(
    ("shape", "options", "extent"),
    [
        # Boxes that lie wholly inside have their middle where the image has it.
        ((6, 8), {"size": (3, 5), "mode": "valid"}, (1.5, 9.5, 6.5, 0.5)),
        ((5, 12), {"size": (4, 9), "mode": ("valid", "wrap")}, (-0.5, 11.5, 6, 1)),
        ((8, 12), {"size": 3, "mode": "shrink"}, (-0.5, 11.5, 7.5, -0.5)),
        # A sample of every third pixel is drawn around it.
        ((3, 4), {"size": 3, "stride": 3}, (-1.5, 10.5, 7.5, -1.5)),
        ((3, 4), {"size": (2, 3), "stride": 3, "mode": "valid"}, (-0.5, 11.5, 8, -1)),
    ],
)
def test_results_lie_on_the_pixels_they_belong_to(shape, options, extent):
    left, right = comparison(np.zeros((8, 12)), np.zeros(shape), **options)
    assert extent_of(right) == extent
    assert right.get_xlim() == left.get_xlim() == (-0.5, 11.5)
    assert right.get_ylim() == left.get_ylim() == (7.5, -0.5)


def test_the_middle_slice_is_drawn_and_named():
    image = np.arange(7 * 9 * 4 * 5).reshape(7, 9, 4, 5)
    left, right = comparison(image, image + 1, title="more")
    np.testing.assert_array_equal(drawn_map(left).get_array(), image[3, 4])
    np.testing.assert_array_equal(drawn_map(right).get_array(), image[3, 4] + 1)
    assert left.get_title() == "image, slice [3, 4, :, :]"
    assert right.get_title() == "more, slice [3, 4, :, :]"


@pytest.mark.parametrize(("mode", "slices"), [("reflect", 10), ("valid", 8)])
def test_slices_of_image_and_result_belong_together(mode, slices):
    volume = np.arange(10.0)[:, None, None] + np.zeros((10, 4, 5))
    result = volume[1:9] if mode == "valid" else volume
    for stride in (1, 2):
        strided = result[::stride]
        left, right = comparison(
            volume,
            strided,
            size=(3, 1, 1),
            mode=(mode, "reflect", "reflect"),
            stride=(stride, 1, 1),
        )
        assert len(result) == slices
        assert drawn_map(left).get_array()[0, 0] == drawn_map(right).get_array()[0, 0]


def test_colours_are_averaged_in_the_result():
    image = sparse_image((3, 8, 12))
    result = image.astype(np.float64)
    left, right = comparison(image, result, channel_axis=0, label="mean")
    assert drawn_map(right).colorbar.ax.get_ylabel() == "mean, averaged over the colours"
    assert drawn_map(left).get_array().shape == (8, 12, 3)
    assert drawn_map(left).colorbar is None
    np.testing.assert_allclose(drawn_map(right).get_array(), result.mean(axis=0))


@pytest.mark.parametrize("dtype", ["?", "u1", "i8", "f2"])
def test_every_dtype_can_be_drawn(dtype):
    image = sparse_image((8, 12), np.dtype(dtype))
    left, _ = comparison(image, image)
    left.figure.canvas.draw()


def test_comparison_on_given_axes():
    pair = Figure().subplots(1, 2)
    assert comparison(np.eye(4), np.eye(4), axes=pair) == tuple(pair)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"result": np.zeros((4, 4, 4))}, r"shapes \(4, 4\) and \(4, 4, 4\)"),
        ({"result": np.zeros((0, 4))}, "not empty"),
        ({"image": np.zeros(4), "result": np.zeros(4)}, "two or more axes"),
        ({"channel_axis": 1}, "two or more axes"),
        ({"size": 0}, "one or 2 whole numbers >= 1 for size, found 0"),
        ({"stride": (1, 2, 3)}, "one or 2 whole numbers >= 1 for stride"),
        ({"mode": ("wrap",)}, "one or 2 modes, found 1"),
    ],
)
def test_wrong_arguments_of_a_comparison(options, message):
    with pytest.raises(ValueError, match=message):
        comparison(**{"image": np.zeros((4, 4)), "result": np.zeros((4, 4)), **options})


# Files and surroundings ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "start"), [("a.png", b"\x89PNG"), ("a.PDF", b"%PDF"), ("a.svg", b"<?xml")]
)
def test_save_figure(tmp_path, name, start):
    axes = heatmap(np.eye(4))
    save_figure(axes.figure, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(FileExistsError, match="exists already"):
        save_figure(axes.figure, tmp_path / name)
    save_figure(axes.figure, tmp_path / name, overwrite=True)


def test_save_figure_refuses_other_suffixes(tmp_path):
    with pytest.raises(ValueError, match=r"named .png, .pdf or .svg, but .* suffix '.npy'"):
        save_figure(Figure(), tmp_path / "a.npy")


def test_nothing_global_is_touched(tmp_path):
    script = """
        import sys
        import numpy as np
        import matplotlib
        matplotlib.use("svg")
        before = dict(matplotlib.rcParams)
        from boxel.plot import heatmap, save_figure
        save_figure(heatmap(np.eye(4), image=np.eye(12)).figure, sys.argv[1])
        assert matplotlib.get_backend() == "svg", matplotlib.get_backend()
        assert dict(matplotlib.rcParams) == before
        assert "matplotlib.pyplot" not in sys.modules
    """
    run_script(script, tmp_path / "a.png", environment={"DISPLAY": ""})


def test_without_matplotlib_the_extra_is_named():
    script = """
        import sys
        sys.modules["matplotlib"] = None
        from boxel.plot import heatmap
        try:
            heatmap([[0.5]])
        except ImportError as error:
            print(error)
    """
    message = run_script(script)
    assert message == "this needs matplotlib, which is not installed: pip install 'boxel[plot]'"


# Variances ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "plane"),
    [
        ((4, 5), ""),
        ((5, 8, 9), ", slice [2, :, :]"),
        ((9, 8, 5), ", slice [:, :, 2]"),
        ((7, 3, 7), ", slice [:, 1, :]"),
        ((6, 6, 6), ", slice [3, :, :]"),
        ((2, 9, 3, 8), ", slice [1, :, 1, :]"),
    ],
)
def test_variance_shows_the_middle_slice_of_the_longest_axes(shape, plane):
    rng = np.random.default_rng(0)
    mean, spread = rng.random(shape), rng.random(shape)
    left, right = variance(mean, spread, label="mm^2")
    assert left.get_title() == f"mean{plane}"
    assert right.get_title() == f"variance{plane}"
    parts = plane.partition("[")[2].rstrip("]").split(", ") if plane else []
    index = tuple(slice(None) if part == ":" else int(part) for part in parts)
    for ax, values in ((left, mean), (right, spread)):
        np.testing.assert_array_equal(ax.get_images()[0].get_array(), values[index])


def test_variance_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"one shape, found \(4, 5\) and \(5, 4\)"):
        variance(np.zeros((4, 5)), np.zeros((5, 4)))
    with pytest.raises(ValueError, match="two or more axes"):
        variance(np.zeros(4), np.zeros(4))


def test_every_colour_bar_has_a_label():
    image = np.arange(30.0).reshape(5, 6)
    left, right = comparison(image, image, label="double")
    assert drawn_map(left).colorbar.ax.get_ylabel() == "image"
    assert drawn_map(right).colorbar.ax.get_ylabel() == "double"
    left, right = variance(image, image)
    assert drawn_map(left).colorbar.ax.get_ylabel() == "mean"
    assert drawn_map(right).colorbar.ax.get_ylabel() == "variance"
