"""Laws of region statistics: permuted labels, split images, merges, geometry, contracts."""

import os
import subprocess
import sys
import threading

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import boxel as bx
import oracle
from agreement import assert_same_bits
from boxel import _core
from boxel._registry import MERGEABLE
from cases import DTYPES, make_image, make_where

hypothesis.settings.register_profile("boxel", deadline=None, max_examples=100, derandomize=True)
hypothesis.settings.load_profile("boxel")

MERGED = tuple(name for name in oracle.STATISTICS if name in MERGEABLE)
GEOMETRY = ("bounding_box", "centroid")
INTEGERS = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")

shapes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=12)


@st.composite
def labelled_images(draw, dtypes=INTEGERS):
    """Draw labels, which may lie far apart, and an image of integers."""
    shape = draw(shapes)
    channels = draw(st.sampled_from([(), (1,), (2,), (3,)]))
    values = draw(
        st.sampled_from([[0, 1, 2, 3], [-3, 0, 5, 10**12], [7], [2**62, -(2**62), 0], [1, 40000]])
    )
    which = draw(hnp.arrays(np.intp, shape, elements=st.integers(0, len(values) - 1)))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    return np.array(values, np.int64)[which], make_image(
        dtype, shape + channels, draw(st.integers(0, 99))
    )


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, column in expected.items():
        assert_same_bits(found[name], column)


@given(labelled_images(), st.randoms(use_true_random=False))
def test_permuting_labels_permutes_rows(case, random):
    labels, image = case
    names = np.unique(labels)
    renamed = np.array(random.sample(range(-50, 50), len(names)), np.int64)
    new_labels = renamed[np.searchsorted(names, labels)]
    before = bx.label_stats(labels, image, MERGED, index=names)
    after = bx.label_stats(new_labels, image, MERGED, index=renamed)
    for name in MERGED:
        assert_same_bits(after[name], before[name])


@given(labelled_images(), st.data())
def test_splitting_and_merging_gives_the_same_bits(case, data):
    labels, image = case
    whole = bx.label_stats(labels, image, (*MERGED, *GEOMETRY))
    axis = data.draw(st.integers(0, labels.ndim - 1))
    cut = data.draw(st.integers(0, labels.shape[axis]))
    halves = []
    for start, stop in ((0, cut), (cut, labels.shape[axis])):
        tile = (slice(None),) * axis + (slice(start, stop),)
        origin = [0] * labels.ndim
        origin[axis] = start
        halves.append(
            bx.RegionStats((*MERGED, *GEOMETRY)).update(labels[tile], image[tile], origin=origin)
        )
    one, other = halves
    for merged in (one + other, other + one):
        assert_same(merged.result(), whole)
    one += other
    assert_same(one.result(), whole)


@given(labelled_images())
def test_one_tile_after_another(case):
    labels, image = case
    stats = bx.RegionStats((*MERGED, *GEOMETRY))
    for row in range(len(labels)):
        origin = [row, *[0] * (labels.ndim - 1)]
        assert stats.update(labels[row : row + 1], image[row : row + 1], origin=origin) is stats
    assert_same(stats.result(), bx.label_stats(labels, image, (*MERGED, *GEOMETRY)))


@given(labelled_images(dtypes=DTYPES))
def test_means_lie_within_the_samples(case):
    labels, image = case
    found = bx.label_stats(labels, image, ("mean", "min", "max", "var"), background=None)
    assert (found["mean"] >= found["min"]).all()
    assert (found["mean"] <= found["max"]).all()
    assert (found["var"] >= 0).all()


@given(labelled_images(dtypes=DTYPES), st.integers(1, 3))
def test_repeating_pixels_keeps_means(case, times):
    labels, image = case
    axis = labels.ndim - 1
    one = bx.label_stats(labels, image, ("min", "max", "median", "mode"), background=None)
    many = bx.label_stats(
        np.repeat(labels, times, axis), np.repeat(image, times, axis),
        ("min", "max", "median", "mode"), background=None,
    )  # fmt: skip
    for name, column in one.items():
        # Which of two zeros is the median is not promised.
        np.testing.assert_array_equal(many[name], column)


@given(labelled_images(dtypes=DTYPES))
def test_a_mask_is_a_label(case):
    labels, image = case
    wanted = labels.flat[0]
    names = tuple(oracle.STATISTICS)
    by_mask = bx.masked_stats(image, labels == wanted, names)
    by_label = bx.label_stats(labels, image, names, index=[wanted])
    for name in names:
        assert by_mask[name].dtype == by_label[name].dtype
        if image.dtype.kind == "f" and name in ("sum", "mean", "var", "std"):
            np.testing.assert_allclose(by_mask[name], by_label[name][0], rtol=2e-6, atol=1e-6)
        else:
            np.testing.assert_array_equal(by_mask[name], by_label[name][0])


@given(labelled_images(dtypes=DTYPES))
def test_masked_mean_is_that_of_boolean_indexing(case):
    labels, image = case
    mask = labels == labels.flat[0]
    chosen = image[mask].astype(np.float64)
    found = bx.masked_mean(image, mask)
    assert found.dtype == oracle.result_dtype("mean", image.dtype)
    rtol = 1e-12 if found.dtype == np.float64 else 1e-6
    scale = np.abs(chosen).max(initial=1)
    np.testing.assert_allclose(found, chosen.mean(axis=0), rtol=rtol, atol=rtol * scale)


# Geometry -----------------------------------------------------------------------------------------


@given(labelled_images(), st.data())
def test_geometry(case, data):
    labels, _ = case
    spacing = data.draw(st.sampled_from([None, 0.5, (2.0,) * labels.ndim]))
    found = bx.label_stats(labels, spacing=spacing, background=None)
    assert list(found) == ["label", "count", *GEOMETRY]
    for row, label in enumerate(found["label"]):
        places = np.argwhere(labels == label)
        assert found["count"][row] == len(places)
        expected = np.concatenate([places.min(axis=0), places.max(axis=0) + 1])
        np.testing.assert_array_equal(found["bounding_box"][row], expected)
        unit = 1 if spacing is None else np.array(spacing)
        np.testing.assert_allclose(found["centroid"][row], places.mean(axis=0) * unit, rtol=1e-15)


@pytest.mark.parametrize("order", ["C", "F"])
def test_geometry_of_other_layouts(order):
    labels = np.random.default_rng(1).integers(0, 9, (30, 1, 40, 7))
    expected = bx.label_stats(labels)
    assert_same(bx.label_stats(np.array(labels, order=order)), expected)
    assert_same(bx.label_stats(labels[::-1].copy()[::-1]), expected)
    assert_same(bx.label_stats(labels.astype(">i4")), expected)


def test_geometry_of_what_is_left_out():
    labels = np.ones((5, 6), int)
    where = np.zeros((5, 6), bool)
    where[1:3, 2:5] = True
    for found in (
        bx.label_stats(labels, where=where),
        bx.label_stats(np.ma.array(labels, mask=~where)),
    ):
        assert found["count"].tolist() == [6]
        assert found["bounding_box"].tolist() == [[1, 2, 3, 5]]
        assert found["centroid"].tolist() == [[1.5, 3.0]]
    missing = bx.label_stats(labels, index=[4, 1])
    assert missing["count"].tolist() == [0, 30]
    assert np.isnan(missing["centroid"][0]).all()
    assert missing["bounding_box"][0].tolist() == [0, 0, 0, 0]


def test_centroids_far_from_the_origin_are_exact():
    stats = bx.RegionStats(("count", "centroid", "bounding_box"))
    stats.update(np.array([[1, 1]]), origin=(2**40, 2**50))
    found = stats.result()
    assert found["centroid"].tolist() == [[2.0**40, 2**50 + 0.5]]
    assert found["bounding_box"].tolist() == [[2**40, 2**50, 2**40 + 1, 2**50 + 2]]


# Results ------------------------------------------------------------------------------------------


def test_every_label_that_occurs_has_a_row():
    labels = np.array([1, 1, 2, 2, 3])
    image = np.array([1.0, 2.0, np.nan, np.nan, 5.0])
    found = bx.label_stats(labels, image, ("count", "sum", "mean"), skipna=True)
    assert found["label"].tolist() == [1, 2, 3]
    assert found["count"].tolist() == [2, 0, 1]
    assert found["sum"].tolist() == [3.0, 0.0, 5.0]
    assert np.isnan(found["mean"][1])
    found = bx.label_stats(labels, image, "count", where=np.array([True, False, True, True, False]))
    assert found["label"].tolist() == [1, 2, 3]
    assert found["count"].tolist() == [1, 2, 0]


def test_the_index_names_the_background():
    labels = np.array([0, 0, 1])
    assert bx.label_stats(labels, labels, "count", index=[0, 1])["count"].tolist() == [2, 1]
    assert bx.label_stats(labels, labels, "count", index=2)["count"].tolist() == [0]
    assert bx.label_stats(labels, labels, "count")["label"].tolist() == [1]
    assert bx.label_stats(labels, labels, "count", background=1)["label"].tolist() == [0]


def test_columns_are_ready_for_pandas():
    pandas = pytest.importorskip("pandas")
    labels = np.array([[1, 2], [2, 2]])
    table = pandas.DataFrame(bx.label_stats(labels, labels * 1.5, ("count", "mean", "std")))
    assert table.shape == (2, 4)


def test_single_results():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    found = bx.masked_stats(image, image > 5, ("mean", "count", "max"))
    assert isinstance(found["mean"], np.float64)
    assert isinstance(found["count"], np.int64)
    assert isinstance(found["max"], np.uint8)
    assert isinstance(bx.masked_mean(image, image > 5), np.float64)
    assert bx.masked_mean(image[..., None], image > 5).shape == (1,)


@pytest.mark.parametrize("channel_axis", [0, 1, 2, -1, -3])
def test_channels_anywhere(channel_axis):
    image = make_image("uint8", (9, 11, 3))
    labels = np.random.default_rng(2).integers(0, 4, (9, 11))
    moved = np.ascontiguousarray(np.moveaxis(image, -1, channel_axis))
    names = (*MERGED, "median")
    expected = bx.label_stats(labels, image, names)
    for axes in (channel_axis, [channel_axis]):
        assert_same(bx.label_stats(labels, moved, names, channel_axis=axes), expected)
    expected = bx.masked_mean(image, labels > 1)
    assert_same_bits(bx.masked_mean(moved, labels > 1, channel_axis=channel_axis), expected)


def test_several_channel_axes():
    image = make_image("int16", (2, 9, 3, 11))
    labels = np.random.default_rng(2).integers(0, 4, (9, 11))
    expected = bx.label_stats(labels, np.moveaxis(image, (2, 0), (2, 3)), "sum")["sum"]
    found = bx.label_stats(labels, image, "sum", channel_axis=(2, 0))["sum"]
    assert found.shape == (3, 3, 2)
    assert_same_bits(found, expected)


def test_empty_arrays():
    for shape in ((0,), (0, 5), (4, 0), (0, 0, 3)):
        found = bx.label_stats(np.zeros(shape, int), np.zeros(shape), ("count", "mean", "median"))
        assert [len(column) for column in found.values()] == [0, 0, 0, 0]
        assert np.isnan(bx.masked_mean(np.zeros((*shape, 3)), np.zeros(shape, bool))).all()
    found = bx.label_stats(np.ones((2, 2), int), np.zeros((2, 2, 0)), ("count", "mean"))
    assert found["mean"].shape in {(1, 0), (0, 0)}
    indexed = bx.label_stats(np.zeros((0, 5), int), np.zeros((0, 5)), index=[3])
    assert indexed["count"].tolist() == [0]


# Contracts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["random", "blobs", "mask", "sparse"])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
def test_same_bits_for_every_number_of_workers(dtype, kind):
    shape = (1700, 2000)
    generator = np.random.default_rng(8)
    labels = {
        "random": generator.integers(0, 50, shape),
        "blobs": np.arange(shape[0])[:, None] // 100 * 20 + np.arange(shape[1]) // 100,
        "mask": (generator.random(shape) < 0.5).astype(int),
        "sparse": generator.integers(0, 5, shape) * 10**12,
    }[kind]
    image = (generator.normal(size=shape) * 100).astype(dtype)
    names = ("count", "sum", "mean", "var", "max", "median", *GEOMETRY)
    expected = bx.label_stats(labels, image, names, workers=1)
    for workers in (2, 3, 8):
        assert_same(bx.label_stats(labels, image, names, workers=workers), expected)
    mask = labels == labels.max()
    single = bx.masked_stats(image, mask, names[:5], workers=1)
    several = bx.masked_stats(image, mask, names[:5], workers=4)
    assert all(single[name].tobytes() == several[name].tobytes() for name in names[:5])


SCRIPT = """
import hashlib, sys
import numpy as np
import boxel as bx
generator = np.random.default_rng(4)
digest = hashlib.sha256()
for labels in (generator.integers(0, 9, (300, 401)), np.arange(120300).reshape(300, 401) // 150,
               generator.integers(0, 7, (300, 401)) * 10**13, generator.random((300, 401)) < 0.4):
    for dtype in ("bool", "int8", "uint8", "int16", "uint32", "int64", "float32", "float64"):
        for channels in ((), (2,), (3,), (5,)):
            image = (generator.normal(size=labels.shape + channels) * 50).astype(dtype)
            found = bx.label_stats(labels, image, ("count", "sum", "mean", "var", "min", "any"))
            if labels.dtype == bool:
                found |= bx.masked_stats(image, labels, ("sum", "mean", "std", "max"))
            for column in found.values():
                digest.update(np.ascontiguousarray(column).tobytes())
print(digest.hexdigest())
"""


def test_same_bits_on_every_instruction_set():
    digests = set()
    for name in _core.instruction_sets():
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env={**os.environ, "BOXEL_ISA": name},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        digests.add(done.stdout)
    assert len(digests) == 1


def test_inputs_are_not_changed():
    labels = np.random.default_rng(1).integers(0, 5, (30, 40))
    image = make_image("float32", (30, 40, 3))
    where = make_where((30, 40))
    copies = [array.copy() for array in (labels, image, where)]
    for array in (labels, image, where):
        array.flags.writeable = False
    bx.label_stats(labels, image, tuple(oracle.STATISTICS), where=where)
    bx.masked_stats(image, where, tuple(oracle.STATISTICS))
    for array, copy in zip((labels, image, where), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_calls_from_many_threads():
    labels = np.random.default_rng(1).integers(0, 50, (300, 400))
    image = make_image("uint8", (300, 400, 3))
    expected = bx.label_stats(labels, image)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(bx.label_stats(labels, image)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    for each in found:
        assert_same(each, expected)


def test_nothing_of_the_size_of_the_image_is_allocated():
    script = """
import re
import numpy as np
import boxel as bx
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
image = np.ones((3000, 4000, 3), np.float32)
labels = np.ones((3000, 4000), np.int32)
mask = labels == 1
bx.masked_mean(image[:9], mask[:9]); bx.label_stats(labels[:9], image[:9])
before = peak()
bx.masked_stats(image, mask, ("mean", "std", "max")); bx.label_stats(labels, image, ("mean", "std"))
print(peak() - before)
"""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 8 * 2**20


def test_copies_and_resets():
    labels = np.array([1, 2, 2])
    stats = bx.RegionStats("sum").update(labels, labels)
    twin = stats.copy()
    stats.update(labels, labels)
    assert twin.result()["sum"].tolist() == [1, 4]
    assert stats.result()["sum"].tolist() == [2, 8]
    stats.merge(stats)
    assert stats.result()["sum"].tolist() == [4, 16]
    assert stats.labels.tolist() == [1, 2]
    assert len(stats) == 2
    stats.reset()
    assert len(stats) == 0
    assert repr(stats) == "RegionStats(0 regions)"
    stats.merge(twin)
    twin.merge(bx.RegionStats("sum"))
    assert stats.result()["sum"].tolist() == twin.result()["sum"].tolist() == [1, 4]
    stats.reset()
    stats.update(labels, labels.astype(float))
    assert "float64" in repr(stats)


def test_weighted_and_skipping_tiles():
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 4, (40, 30))
    image = np.where(generator.random((40, 30)) < 0.2, np.nan, generator.normal(size=(40, 30)))
    weights = generator.random((40, 30))
    names = ("count", "mean", "var", "density")
    whole = bx.label_stats(labels, image, names, weights=weights, skipna=True)
    stats = bx.RegionStats(names, skipna=True)
    for start in range(0, 40, 7):
        rows = slice(start, start + 7)
        stats.update(labels[rows], image[rows], weights=weights[rows])
    for name, column in stats.result().items():
        np.testing.assert_allclose(column, whole[name], rtol=1e-12)
