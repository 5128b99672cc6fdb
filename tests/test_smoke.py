"""Every public function once for every dtype, against NumPy alone, in a few seconds.

It is what runs where all tests would take too long: on an emulated old processor
(`.ci/old-processor`), which also says by BOXEL_EXPECTED_SETS which kernels must be there.
"""

import ast
import inspect
import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

import boxel as bx
from cases import DTYPES, FLOATS
from distance_cases import condensed, euclidean, random_fingerprints
from linkage_oracle import naive_cophenetic, naive_linkage

SHAPE = (4, 6, 84)
BLOCK = (2, 3, 7)
DISTANCE_DTYPES = ("float32", "float64")

every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def make_image(dtype, shape=SHAPE):
    """Return small whole numbers with zeros and ties, negative ones where there are any."""
    numbers = np.random.default_rng(3).integers(0, 6, shape)
    if np.dtype(dtype).kind in "if":
        numbers -= 3
    return (numbers > 1).astype(bool) if dtype == "bool" else numbers.astype(dtype)


def modes(samples):
    """Return the most frequent value of each row, the smallest of several."""
    found = []
    for row in samples:
        values, counts = np.unique(row, return_counts=True)
        found.append(values[np.argmax(counts)])
    return np.array(found)


def reference(statistic, samples):
    """Return the statistic of the last axis of a (boxes, samples) array, in float64 or exactly."""
    wide = samples.astype(np.float64)
    return {
        "sum": lambda: wide.sum(axis=-1),
        "mean": lambda: wide.mean(axis=-1),
        "min": lambda: wide.min(axis=-1),
        "max": lambda: wide.max(axis=-1),
        "count": lambda: np.full(len(wide), wide.shape[-1]),
        "count_nonzero": lambda: np.count_nonzero(wide, axis=-1),
        "density": lambda: np.count_nonzero(wide, axis=-1) / wide.shape[-1],
        "any": lambda: wide.any(axis=-1),
        "all": lambda: wide.all(axis=-1),
        "var": lambda: wide.var(axis=-1),
        "std": lambda: wide.std(axis=-1),
        "median": lambda: np.median(wide, axis=-1),
        "mode": lambda: modes(wide),
    }[statistic]()


def assert_agrees(found, expected, image):
    """Within the rounding of the result's dtype and of the reference; integers and bool exactly."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    if found.dtype.kind == "f":
        epsilon = float(np.finfo(found.dtype).eps)
        np.testing.assert_allclose(found, expected, rtol=64 * epsilon, atol=64 * epsilon)
    elif expected.dtype.kind == "f" and not np.array_equal(expected, np.round(expected)):
        assert found.dtype == image.dtype  # the middle of two integers, rounded as the docs say
        assert np.abs(found.astype(float) - expected).max() <= 0.5
    else:
        np.testing.assert_array_equal(found, expected)


def blocks_of(image, sizes):
    """Return the samples of each block, and the shape of the blocks."""
    counts = [length // size for length, size in zip(image.shape, sizes, strict=True)]
    split = image.reshape([n for pair in zip(counts, sizes, strict=True) for n in pair])
    axes = range(image.ndim)
    apart = split.transpose([2 * axis for axis in axes] + [2 * axis + 1 for axis in axes])
    return apart.reshape(int(np.prod(counts)), -1), counts


def layouts(image):
    """Yield the image in another order, with gaps, backwards and in the other byte order."""
    yield np.asfortranarray(image)
    wide = np.zeros((*image.shape[:-1], 2 * image.shape[-1]), image.dtype)
    wide[..., ::2] = image
    yield wide[..., ::2]
    yield np.ascontiguousarray(image[:, ::-1])[:, ::-1]
    yield image.astype(image.dtype.newbyteorder())


def test_this_processor_has_the_kernels_that_it_should():
    expected = os.environ.get("BOXEL_EXPECTED_SETS")
    if expected is None:
        pytest.skip("BOXEL_EXPECTED_SETS is not set: any processor will do")
    config = bx.show_config(file=io.StringIO())
    assert config["instruction_sets"] == tuple(expected.split(","))
    assert config["instruction_set"] == config["instruction_sets"][-1]


def test_every_public_function_and_class_is_called_here():
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "bx"
    }
    # What others return or raise.
    made = {name for name in bx.__all__ if name.endswith(("Error", "Warning", "Result"))}
    made |= {"Collected", "Progress"}
    wanted = {name for name in bx.__all__ if inspect.isroutine(getattr(bx, name))}
    wanted |= {name for name in bx.__all__ if inspect.isclass(getattr(bx, name))} - made
    assert wanted - {"StandardError"} <= called


# Blocks -------------------------------------------------------------------------------------------


@every_dtype
def test_blocks(dtype):
    image = make_image(dtype)
    samples, counts = blocks_of(image, BLOCK)
    for statistic in bx.STATISTICS:
        expected = reference(statistic, samples).reshape(counts)
        assert_agrees(bx.block_reduce(image, BLOCK, statistic), expected, image)
    expected = reference("var", samples).reshape(counts)
    for layout in layouts(image):
        assert_agrees(bx.block_reduce(layout, BLOCK, "var"), expected, image)


@every_dtype
def test_masked_and_weighted_blocks(dtype):
    image = make_image(dtype)
    where = np.random.default_rng(4).random(SHAPE) < 0.7
    weights = np.random.default_rng(5).integers(0, 3, SHAPE)
    samples, counts = blocks_of(image, BLOCK)
    kept, shares = blocks_of(where, BLOCK)[0], blocks_of(weights, BLOCK)[0]
    for statistic in bx.STATISTICS:
        rows = zip(samples, kept, strict=True)
        parts = [reference(statistic, row[keep][np.newaxis]) for row, keep in rows]
        found = bx.block_reduce(image, BLOCK, statistic, where=where)
        assert_agrees(found, np.array(parts).reshape(counts), image)
    found = bx.block_reduce(image, BLOCK, ("mean", "var"), weights=weights)
    wide = samples.astype(float)
    mean = (wide * shares).sum(axis=-1) / shares.sum(axis=-1)
    var = ((wide - mean[:, np.newaxis]) ** 2 * shares).sum(axis=-1) / shares.sum(axis=-1)
    assert_agrees(found["mean"], mean.reshape(counts), image)
    assert_agrees(found["var"], var.reshape(counts), image)


@every_dtype
def test_density_maps_and_pyramids(dtype):
    image = make_image(dtype)
    samples, counts = blocks_of(image, BLOCK)
    assert_agrees(
        bx.density_map(image, BLOCK), reference("density", samples).reshape(counts), image
    )
    levels = bx.pyramid(image, (2, 1, 2), ("mean", "max"), levels=2)
    for level, sizes in zip(levels, ((2, 1, 2), (4, 1, 4)), strict=True):
        samples, counts = blocks_of(image, sizes)
        for statistic, found in level.items():
            assert_agrees(found, reference(statistic, samples).reshape(counts), image)


# Boxes --------------------------------------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("mode", ["valid", "reflect"])
def test_boxes(dtype, mode):
    image = make_image(dtype, (5, 9, 70))
    size = (3, 5, 7)
    borders = [(n // 2, n // 2) if mode == "reflect" else (0, 0) for n in size]
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(image, borders, mode="symmetric"), size
    )
    counts = windows.shape[:3]
    samples = windows.reshape(int(np.prod(counts)), -1)
    statistics = [name for name in bx.STATISTICS if name not in ("median", "mode")]
    for statistic, found in bx.box_filter(image, size, tuple(statistics), mode=mode).items():
        expected = reference(statistic, samples).reshape(counts)
        assert_agrees(found, expected, image)
    if mode == "reflect":
        mean = reference("mean", samples).reshape(counts)
        found = bx.uniform_filter(image, size)
        assert found.dtype == image.dtype
        if dtype in FLOATS:
            np.testing.assert_allclose(
                found, mean, rtol=2e-3 if dtype == "float16" else 1e-6, atol=1e-15
            )
        else:
            np.testing.assert_array_equal(found, np.trunc(mean).astype(dtype))


# Stacks -------------------------------------------------------------------------------------------


@every_dtype
@pytest.mark.parametrize("axis", [0, -1])
def test_stacks(dtype, axis):
    stack = make_image(dtype, (12, 5, 16))
    samples = np.moveaxis(stack, axis, -1)
    shape = samples.shape[:-1]
    samples = samples.reshape(-1, samples.shape[-1])
    mean, var, std = (reference(name, samples).reshape(shape) for name in ("mean", "var", "std"))
    assert_agrees(bx.voxel_mean(stack, axis), mean, stack)
    assert_agrees(bx.voxel_var(stack, axis), var, stack)
    assert_agrees(bx.voxel_std(stack, axis), std, stack)
    for found, expected in zip(bx.voxel_mean_var(stack, axis), (mean, var), strict=True):
        assert_agrees(found, expected, stack)


@every_dtype
def test_running_statistics(dtype):
    stack = make_image(dtype, (12, 5, 16))
    one, other = (bx.RunningStats(moments=4, extremes=True) for _ in range(2))
    one.update_many(stack[:7])
    for sample in stack[7:]:
        other.update(sample)
    stats = pickle.loads(pickle.dumps(one.merge(other)))
    samples = stack.reshape(12, -1).T
    for name, found in (
        ("mean", stats.mean), ("var", stats.var()), ("std", stats.std()),
        ("min", stats.min), ("max", stats.max),
    ):  # fmt: skip
        np.testing.assert_allclose(
            found, reference(name, samples).reshape(5, 16), rtol=1e-13, atol=1e-14
        )
    deviations = samples - samples.mean(axis=-1, keepdims=True, dtype=float)
    variances = (deviations**2).mean(axis=-1)
    spread = variances > 0  # of bool samples, all of a voxel may be equal
    skewness = (deviations**3).mean(axis=-1)[spread] / variances[spread] ** 1.5
    np.testing.assert_allclose(stats.skewness().ravel()[spread], skewness, rtol=1e-12, atol=1e-13)
    collected = bx.collect(iter(stack))
    np.testing.assert_allclose(
        collected.stats.mean, reference("mean", samples).reshape(5, 16), rtol=1e-13, atol=1e-14
    )


# Regions ------------------------------------------------------------------------------------------


@every_dtype
def test_regions(dtype):
    image = make_image(dtype, (24, 30, 3))
    labels = np.random.default_rng(6).integers(0, 5, (6, 10)).repeat(4, 0).repeat(3, 1)
    mask = labels > 2
    found = bx.label_stats(labels, image, bx.STATISTICS)
    assert found["label"].tolist() == [1, 2, 3, 4]
    under = bx.masked_stats(image, mask, bx.STATISTICS)
    whole = [name for name in bx.STATISTICS if name not in ("median", "mode")]
    tiles = bx.RegionStats(whole)
    tiles.update(labels[:10], image[:10])
    tiles.update(labels[10:], image[10:], origin=(10, 0))
    tiled = tiles.result()
    for statistic in bx.STATISTICS:
        regions = [reference(statistic, image[labels == label].T) for label in (1, 2, 3, 4)]
        assert_agrees(found[statistic], regions, image)
        assert_agrees(under[statistic], reference(statistic, image[mask].T), image)
        if statistic in whole:
            assert_agrees(tiled[statistic], regions, image)
    assert_agrees(bx.masked_mean(image, mask), reference("mean", image[mask].T), image)


# Clusters and mixtures ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DISTANCE_DTYPES)
@pytest.mark.parametrize("method", bx.LINKAGE_METHODS)
def test_clusters(dtype, method):
    square = euclidean(24).astype(dtype)
    tree = bx.linkage(condensed(square), method)
    np.testing.assert_array_equal(tree, naive_linkage(square, method, dtype))
    np.testing.assert_array_equal(tree, bx.linkage(square, method))
    np.testing.assert_array_equal(bx.cophenetic_distances(tree), condensed(naive_cophenetic(tree)))
    assert sorted(bx.leaf_order(tree)) == list(range(24))
    assert len(set(bx.flat_clusters(tree, n_clusters=7))) == 7


@pytest.mark.parametrize("dtype", [name for name in DTYPES if name != "bool"])
def test_forms_of_distances(dtype):
    square = np.abs(make_image(dtype, (40, 40)))
    square = np.triu(square, 1) + np.triu(square, 1).T
    found = bx.condense(square)
    np.testing.assert_array_equal(found, condensed(square))
    np.testing.assert_array_equal(bx.expand(found), square)


@pytest.mark.parametrize("dtype", DISTANCE_DTYPES)
def test_fingerprints(dtype):
    bits = random_fingerprints(40, 1024)
    both = (bits[:, np.newaxis] & bits).sum(axis=-1)
    either = (bits[:, np.newaxis] | bits).sum(axis=-1)
    distances = np.where(either > 0, (either - both) / np.maximum(either, 1), 0).astype(dtype)
    packed = np.packbits(bits, axis=1)
    for fingerprints in (bits, packed, packed.view(np.uint64)):
        found = bx.tanimoto_distances(fingerprints, dtype=dtype)
        np.testing.assert_array_equal(found, condensed(distances))
    tree = bx.linkage_from_fingerprints(packed, "single")
    assert tree.shape == (39, 4)
    np.testing.assert_allclose(tree[:, 2], naive_linkage(distances, "single")[:, 2], rtol=1e-6)


@every_dtype
def test_mixtures(dtype):
    image = make_image(dtype, (20, 3))
    mixing = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
    mixed = bx.mix(image, mixing)
    np.testing.assert_allclose(mixed, image.astype(float) @ mixing, rtol=1e-6)
    np.testing.assert_allclose(bx.unmix(mixed, mixing), image, atol=1e-5)
    np.testing.assert_allclose(bx.Unmixer(mixing).apply(mixed), image, atol=1e-5)


# Configuration ------------------------------------------------------------------------------------


def test_workers_do_not_change_results():
    image = make_image("float32", (64, 64, 160))
    bx.set_workers(None)
    default = bx.get_workers()
    bx.set_workers(2)
    try:
        found = bx.box_filter(image, 3, "var"), bx.block_reduce(image, 2, "var")
    finally:
        bx.set_workers(None)
    assert bx.get_workers() == default
    assert found[0].tobytes() == bx.box_filter(image, 3, "var", workers=1).tobytes()
    assert found[1].tobytes() == bx.block_reduce(image, 2, "var", workers=1).tobytes()


def test_kept_memory_does_not_change_results():
    image = make_image("float32", (64, 64, 160))
    usual = bx.get_kept_memory()
    found = []
    try:
        for kept in (0, usual, usual):
            bx.set_kept_memory(kept)
            found.append(bx.box_filter(image, 3, "mean").tobytes())
    finally:
        bx.set_kept_memory(usual)
    assert found[0] == found[1] == found[2]
