"""Drawings of regions: colours, outlines and names are where the regions are."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import boxel as bx
from boxel.plot import regions

LABELS = np.array([[5, 5, 0, 0], [5, 0, 0, 9], [0, 0, 9, 9]])


def test_regions_have_the_colours_of_their_values():
    ax = regions(LABELS, [0.25, 4.0], label="mean", title="two", cmap="gray")
    (mesh,) = ax.get_images()
    shown = mesh.get_array()
    assert shown.mask.tolist() == (LABELS == 0).tolist()
    assert shown[LABELS == 5].tolist() == [0.25] * 3
    assert shown[LABELS == 9].tolist() == [4.0] * 3
    assert mesh.colorbar.ax.get_ylabel() == "mean"
    assert ax.get_title() == "two"
    assert ax.get_xlim() == (-0.5, 3.5)
    assert ax.get_ylim() == (2.5, -0.5)
    assert ax.get_aspect() == 1
    assert mesh.get_alpha() == 1


def test_values_by_label_may_lack_some():
    ax = regions(LABELS, {9: 2.0, 77: 1.0})
    shown = ax.get_images()[0].get_array()
    assert shown.mask.tolist() == (LABELS != 9).tolist()


def test_without_values_neighbours_differ_and_there_is_no_colour_bar():
    ax = regions(LABELS)
    (mesh,) = ax.get_images()
    assert mesh.colorbar is None
    shown = mesh.get_array()
    assert shown[0, 0] != shown[1, 3]


def test_names_stand_at_the_centroids():
    ax = regions(LABELS)
    expected = bx.label_stats(LABELS)
    found = {text.get_text(): text.xy for text in ax.texts}
    assert found == {
        str(label): (x, y)
        for label, (y, x) in zip(
            expected["label"].tolist(), expected["centroid"].tolist(), strict=True
        )
    }
    many = np.arange(100).reshape(10, 10)
    assert len(regions(many).texts) == 0


def test_outlines_lie_between_labels():
    ax = regions(np.array([[1, 2], [1, 2]]))
    (lines,) = [each for each in ax.collections if isinstance(each, LineCollection)]
    assert [segment.tolist() for segment in lines.get_segments()] == [
        [[0.5, -0.5], [0.5, 0.5]],
        [[0.5, 0.5], [0.5, 1.5]],
    ]


def test_the_image_lies_below():
    image = np.arange(12.0).reshape(3, 4)
    ax = regions(LABELS, image=image)
    below, fill = ax.get_images()
    np.testing.assert_array_equal(below.get_array(), image)
    assert fill.get_alpha() < 1
    coloured = regions(LABELS, [1, 2], image=np.stack([image] * 3, axis=2) / 12)
    np.testing.assert_allclose(coloured.get_images()[0].get_array(), image / 12)


def test_a_given_axes_is_drawn_on_and_returned():
    ax = Figure().subplots()
    assert regions(LABELS, ax=ax) is ax


def test_large_and_empty_and_negative_labels():
    large = np.zeros((2100, 3000), np.int32)
    large[:1000, :1500] = -3
    ax = regions(large, {-3: 1.0})
    FigureCanvasAgg(ax.figure).draw()
    assert ax.get_xlim() == (-0.5, 2999.5)
    (mesh,) = ax.get_images()
    assert mesh.get_array().shape == (1050, 1500)
    assert mesh.get_array().count() == 500 * 750
    nothing = regions(np.zeros((3, 3), int))
    FigureCanvasAgg(nothing.figure).draw()
    assert nothing.get_images()[0].get_array().count() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(3, int),), "expected non-empty 2-D labels"),
        ((LABELS, [1, 2, 3]), "a value for each of 2 regions"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        regions(*arguments)
    with pytest.raises(ValueError, match="one shape"):
        regions(LABELS, image=np.ones((2, 2)))
    with pytest.raises(TypeError, match="labels must be integers"):
        regions(LABELS * 1.0)
