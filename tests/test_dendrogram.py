"""Dendrograms: lines at the right places, colours of clusters, names that can be read."""

import itertools

import numpy as np
import pytest

import boxel as bx
import linkage_oracle as oracle
from distance_cases import euclidean, with_ties

pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba

from boxel.plot import dendrogram, save_figure


def lines_of(axes):
    (collection,) = axes.collections
    return [np.asarray(path) for path in collection.get_segments()]


def colours_of(axes):
    return [tuple(each) for each in axes.collections[0].get_colors()]


def names_of(axes):
    return [tick.get_text() for tick in axes.get_yticklabels()]


@pytest.mark.parametrize("method", bx.LINKAGE_METHODS)
@pytest.mark.parametrize("distances", [euclidean, with_ties])
def test_lines(distances, method):
    tree = bx.linkage(distances(12), method)
    axes = dendrogram(tree)
    place = {leaf: float(index) for index, leaf in enumerate(bx.leaf_order(tree).tolist())}
    height = dict.fromkeys(place, 0.0)
    for row, line in enumerate(lines_of(axes)):
        first, second = tree[row, :2].astype(int).tolist()
        x, y = line.T
        np.testing.assert_allclose(x, [height[first], tree[row, 2], tree[row, 2], height[second]])
        np.testing.assert_allclose(y, [place[first], place[first], place[second], place[second]])
        place[12 + row] = (place[first] + place[second]) / 2
        height[12 + row] = tree[row, 2]
    left, right = axes.get_xlim()
    assert left >= tree[:, 2].max()
    assert right == 0


def test_colours_are_those_of_the_flat_clusters():
    tree = bx.linkage(euclidean(40))
    labels = bx.flat_clusters(tree, n_clusters=6)
    axes = dendrogram(tree, n_clusters=6)
    of_cluster = {}
    for cluster, colour in zip(oracle.members(tree)[40:], colours_of(axes), strict=True):
        found = {int(labels[leaf]) for leaf in cluster}
        if len(found) > 1:
            assert colour == to_rgba("0.55")
        else:
            assert of_cluster.setdefault(found.pop(), colour) == colour
    assert len(set(of_cluster.values())) == len(of_cluster) > 2
    (cut,) = axes.lines
    heights = np.sort(tree[:, 2])
    assert heights[-6] < cut.get_xdata()[0] < heights[-5]
    assert dendrogram(tree, distance=1.25).lines[0].get_xdata()[0] == 1.25
    assert len(dendrogram(tree).lines) == 0


def test_names():
    tree = bx.linkage(euclidean(5))
    labels = ["e", "d", "c", "b", "a"]
    expected = [labels[leaf] for leaf in bx.leaf_order(tree)]
    assert names_of(dendrogram(tree, labels=labels, title="five")) == expected
    assert names_of(dendrogram(tree)) == [str(leaf) for leaf in bx.leaf_order(tree)]
    assert dendrogram(tree, title="five").get_title() == "five"


@pytest.mark.parametrize("n", [2, 10, 40, 80, 1000])
def test_names_do_not_overlap(n):
    axes = dendrogram(bx.linkage(euclidean(n)), n_clusters=min(n, 12))
    canvas = FigureCanvasAgg(axes.figure)
    canvas.draw()
    boxes = [tick.get_window_extent() for tick in axes.get_yticklabels()]
    assert len(boxes) == n if n <= 80 else 0 < len(boxes) <= 12
    for one, other in itertools.pairwise(boxes):
        assert not one.overlaps(other)
    width, height = canvas.get_width_height()
    assert all(box.x0 >= 0 and box.x1 <= width and 0 <= box.y0 <= height for box in boxes)


def test_many_observations_are_named_by_cluster():
    square = np.kron(1 - np.eye(4), np.ones((50, 50))) * 9 + euclidean(200) / 10
    axes = dendrogram(bx.linkage(square), n_clusters=4)
    assert sorted(names_of(axes)) == [f"cluster {k}: 50" for k in range(4)]
    assert axes.get_ylabel() == "200 observations"
    assert names_of(dendrogram(bx.linkage(square))) == []


def test_one_observation(tmp_path):
    axes = dendrogram(bx.linkage([]), n_clusters=1)
    assert names_of(axes) == ["0"]
    save_figure(axes.figure, tmp_path / "one.png")


def test_given_axes_are_used():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    assert dendrogram(bx.linkage(euclidean(5)), ax=axes) is axes


def test_errors():
    tree = bx.linkage(euclidean(5))
    with pytest.raises(ValueError, match="5 observations, found 2"):
        dendrogram(tree, labels=["a", "b"])
    with pytest.raises(ValueError, match="both"):
        dendrogram(tree, n_clusters=2, distance=1)
    with pytest.raises(ValueError, match="Z"):
        dendrogram(np.zeros((3, 3)))
