"""boxel.dask: the results of the calls in memory, whatever the chunks, from a local graph."""

import inspect
import itertools

import numpy as np
import pytest

import boxel as bx
from cases import DTYPES

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

import boxel.dask as bd  # noqa: E402
from boxel.dask import _voxels  # noqa: E402

CHUNKS = [(41, 37), (16, 16), (7, 37), (9, 5)]
UNEVEN = ((3, 20, 1, 17), (30, 7))


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


def some_image(dtype="uint8", shape=(41, 37), seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return (rng.normal(size=shape) * 50).astype(dtype)
    return rng.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)


def in_pieces(image, chunks):
    """Return a dask array whose chunks have memory of their own, as those from a store have."""
    return da.from_array(image, chunks).map_blocks(np.copy, dtype=image.dtype)


def assert_same(lazy, expected, **tolerance):
    """Compare values, dtype and shape; and what was known of the shape before."""
    if isinstance(expected, dict):
        assert list(lazy) == list(expected)
        for name, found in dask.compute(lazy)[0].items():
            compare(lazy[name], found, expected[name], tolerance)
        return
    if isinstance(expected, (tuple, list)):
        assert len(lazy) == len(expected)
        for each, found, wanted in zip(lazy, dask.compute(*lazy), expected, strict=True):
            compare(each, found, wanted, tolerance)
        return
    compare(lazy, lazy.compute(), expected, tolerance)


def compare(lazy, found, expected, tolerance):
    assert isinstance(lazy, da.Array)
    assert lazy.dtype == found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert all(a == b or a != a for a, b in zip(lazy.shape, found.shape, strict=True))
    if tolerance:
        np.testing.assert_allclose(found, expected, **tolerance)
    else:
        np.testing.assert_array_equal(found, expected)


def test_same_names_and_parameters():
    for name in bd.__all__:
        ours = inspect.signature(getattr(bd, name)).parameters
        theirs = set(inspect.signature(getattr(bx, name)).parameters) - {"out"}
        if name != "pyramid":  # which passes them on
            assert set(ours) == theirs, name


# Blocks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [*CHUNKS[1:], UNEVEN], ids=str)
@pytest.mark.parametrize("size", [3, 8, (1, 40), 60], ids=str)
@pytest.mark.parametrize("boundary", ["partial", "trim", "pad"])
def test_blocks_do_not_depend_on_chunks(chunks, size, boundary):
    image = some_image()
    names = ("mean", "max", "var", "median")
    lazy = bd.block_reduce(in_pieces(image, chunks), size, names, boundary=boundary)
    assert_same(lazy, bx.block_reduce(image, size, names, boundary=boundary))


def test_blocks_that_are_exact():
    image = some_image(shape=(40, 36))
    lazy = bd.block_reduce(da.from_array(image, 7), 4, boundary="exact")
    assert_same(lazy, bx.block_reduce(image, 4))
    with pytest.raises(ValueError, match="boundary='exact', but axis 0"):
        bd.block_reduce(da.from_array(image, 7), 3, boundary="exact")


@pytest.mark.parametrize("dtype", DTYPES)
def test_blocks_of_every_dtype(dtype):
    image = some_image(dtype)
    # Sums of float64 may be rounded in another order.
    tolerance = {"rtol": 1e-14, "atol": 1e-12} if dtype == "float64" else {}
    lazy = da.from_array(image, (13, 9))
    for name in bx.STATISTICS:
        assert_same(bd.block_reduce(lazy, 5, name), bx.block_reduce(image, 5, name), **tolerance)


@pytest.mark.parametrize("stride", [1, 2, 7])
@pytest.mark.parametrize("boundary", ["partial", "trim", "pad"])
def test_overlapping_blocks(stride, boundary):
    image = some_image() * (some_image(seed=1) > 60)
    for chunks, size in itertools.product([(16, 16), (9, 5)], [4, 12]):
        lazy = bd.density_map(in_pieces(image, chunks), size, stride=stride, boundary=boundary)
        assert_same(lazy, bx.density_map(image, size, stride=stride, boundary=boundary))


@pytest.mark.parametrize("make", [da.from_array, in_pieces])
def test_large_chunks_are_computed_in_parts(make):
    """Within and along their borders; chunks of one array in memory are one again."""
    image = some_image(shape=(1500, 1300))
    lazy = make(image, (700, 650))
    assert_same(bd.block_reduce(lazy, 9, ("sum", "var")), bx.block_reduce(image, 9, ("sum", "var")))
    where = np.arange(1300) % 3 > 0
    assert_same(
        bd.density_map(lazy, 11, stride=4, where=da.from_array(where, 77)),
        bx.density_map(image, 11, stride=4, where=where),
    )


def test_where_weights_and_masks():
    image, where = some_image("float32"), some_image(seed=2) > 30
    image[3:5, 7] = np.nan
    weights = np.random.default_rng(3).random(37)
    lazy = da.from_array(image, (16, 10))
    options = {"skipna": True, "min_count": 9, "fill_value": -1.0}
    expected = bx.block_reduce(image, 5, where=where, **options)
    for each in (where, da.from_array(where, 9), da.from_array(where, (41, 1))):
        assert_same(bd.block_reduce(lazy, 5, where=each, **options), expected)
    expected = bx.block_reduce(image, 5, "var", weights=weights, ddof=1)
    for each in (weights, da.from_array(weights, 9)):
        lazy_var = bd.block_reduce(lazy, 5, "var", weights=each, ddof=1)
        assert_same(lazy_var, expected, rtol=1e-6)
    column = da.from_array(where[:, :1], 9)
    expected = bx.block_reduce(image, 5, where=where[:, :1])
    assert_same(bd.block_reduce(lazy, 5, where=column), expected)
    masked = np.ma.masked_less(some_image(), 30)
    assert_same(bd.block_reduce(da.from_array(masked, 9), 5), bx.block_reduce(masked, 5))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32"])
@pytest.mark.parametrize("boundary", ["partial", "trim"])
def test_blocks_of_many_chunks_are_merged_in_a_tree(dtype, boundary):
    image = some_image(dtype, (41, 37, 3))
    where = some_image(seed=4, shape=(41, 37, 1)) > 30
    where[:25, :20] = False
    lazy = da.from_array(image, (5, 6, 2))
    names = tuple(name for name in bx.STATISTICS if name not in ("median", "mode"))
    # Not those that have no value in an integer where a block is empty.
    some = ("sum", "mean", "var", "count", "any", "density")
    tolerance = {"rtol": 1e-6} if dtype in ("float32", "int64") else {}
    for size, wanted, options in (
        (50, names, {}),
        ((25, 20, 1), names, {"ddof": 1}),
        ((25, 20, 1), some, {"where": where, "min_count": 10, "fill_value": 1}),
        ((25, 20, 1), some, {"where": where, "min_count": 0}),
        ((25, 20, 2), ("max", "mean"), {"where": where, "fill_value": 1, "dtype": "int16"}),
    ):
        if boundary == "trim" and size == 50:
            continue
        found = bd.block_reduce(lazy, size, wanted, boundary=boundary, **options)
        expected = bx.block_reduce(image, size, wanted, boundary=boundary, **options)
        assert_same(found, expected, **tolerance)
        graph = found[wanted[0]].dask
        image_keys = {key for key in graph.to_dict() if key[0] == lazy.name}
        for needed in graph.get_all_dependencies().values():
            assert len(image_keys & set(needed)) <= 1
    weights = np.random.default_rng(3).random((41, 1, 3))
    found = bd.block_reduce(lazy, 41, "std", weights=weights)
    assert_same(found, bx.block_reduce(image, 41, "std", weights=weights), rtol=1e-6)


def test_pyramids():
    image = some_image(shape=(50, 40, 3))
    lazy = da.from_array(image, (16, 9, 2))
    for options in ({}, {"axes": (0, 1), "levels": 2, "dtype": "uint8"}, {"boundary": "trim"}):
        assert_same(bd.pyramid(lazy, **options), bx.pyramid(image, **options))


# Boxes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", bx.MODES)
@pytest.mark.parametrize("size", [3, 8, (1, 25), (60, 100)], ids=str)
def test_boxes_do_not_depend_on_chunks(mode, size):
    image = some_image()
    for chunks, stride in [(CHUNKS[1], 1), (CHUNKS[3], 3), (UNEVEN, 2)]:
        lazy = in_pieces(image, chunks)
        options = {"mode": mode, "stride": stride, "cval": 3}
        names = ("sum", "max", "var")
        lazy_result = bd.box_filter(lazy, size, names, **options)
        assert_same(lazy_result, bx.box_filter(image, size, names, **options))


@pytest.mark.parametrize("mode", [("wrap", "nearest"), ("valid", "constant"), ("mirror", "shrink")])
def test_boxes_with_origins_and_axes(mode):
    image = some_image(shape=(20, 30, 4))
    lazy = in_pieces(image, (7, 8, 3))
    for origin in (0, (2, -1), (-2, 1)):
        options = {"axes": (0, 1), "mode": mode, "origin": origin}
        assert_same(bd.box_filter(lazy, (5, 3), **options), bx.box_filter(image, (5, 3), **options))


@pytest.mark.parametrize("dtype", DTYPES)
def test_boxes_of_every_dtype(dtype):
    image = some_image(dtype)
    lazy = da.from_array(image, (13, 9))
    tolerance = {"rtol": 1e-13, "atol": 1e-11} if dtype == "float64" else {}
    for name in ("mean", "sum", "std", "min", "count_nonzero"):
        assert_same(bd.box_filter(lazy, 5, name), bx.box_filter(image, 5, name), **tolerance)
    assert_same(bd.uniform_filter(lazy, 4), bx.uniform_filter(image, 4), **tolerance)


@pytest.mark.parametrize("mode", ["reflect", "mirror", "nearest", "wrap", "constant"])
def test_uniform_filter(mode):
    image = some_image("int16") - 50
    options = {"mode": mode, "cval": -7, "origin": -1}
    lazy = bd.uniform_filter(in_pieces(image, (7, 10)), 4, **options)
    assert_same(lazy, bx.uniform_filter(image, 4, **options))
    lazy = bd.uniform_filter(da.from_array(image, (7, 10)), 4, "float32", axes=1, mode=mode)
    assert_same(lazy, bx.uniform_filter(image, 4, "float32", axes=1, mode=mode))


def test_boxes_with_masks():
    image, where = some_image(), some_image(seed=2) > 30
    lazy = da.from_array(image, (16, 10))
    expected = bx.box_filter(image, 5, where=where, mode="wrap", min_count=3)
    for each in (where, da.from_array(where, 9)):
        assert_same(bd.box_filter(lazy, 5, where=each, mode="wrap", min_count=3), expected)
    masked = np.ma.masked_less(image, 30)
    assert_same(bd.box_filter(da.from_array(masked, 9), 5), bx.box_filter(masked, 5))


def test_a_nan_stays_in_its_boxes_across_chunks():
    image = np.zeros((20, 20))
    image[9, 9] = np.nan
    found = bd.box_filter(da.from_array(image, 10), 3).compute()
    assert np.argwhere(np.isnan(found)).tolist() == [
        [row, column] for row in (8, 9, 10) for column in (8, 9, 10)
    ]


# Voxels -------------------------------------------------------------------------------------------

STACK_CHUNKS = [(12, 9, 11), (4, 9, 5), (5, 4, 4), (1, 5, 11)]
AXES = [-1, 0, (0, 2), (2, 1), None]


@pytest.fixture(params=["at once", "by tiles", "in a tree"])
def taken(request, monkeypatch):
    """Chunks of the same voxels taken in each of the ways there are."""
    if request.param == "in a tree":
        monkeypatch.setattr(_voxels, "_TAKEN_AT_ONCE", 0)
    if request.param == "by tiles":
        monkeypatch.setattr(_voxels, "_TILE_BYTES", 100)
    return request.param


def in_own_memory(stack, chunks):
    """Return a dask array whose chunks are no views of one array."""
    return da.from_array(stack, chunks).map_blocks(np.copy)


@pytest.mark.parametrize("axis", AXES, ids=str)
def test_voxels_do_not_depend_on_chunks(axis, taken):
    stack = some_image("int16", (12, 9, 11)) - 50
    where = stack > -20
    for chunks in STACK_CHUNKS:
        make = da.from_array if taken == "at once" else in_own_memory
        lazy = make(stack, chunks)
        for options in (
            {},
            {"ddof": 1, "keepdims": True},
            {"where": where, "min_count": 4, "fill_value": -1.0},
        ):
            expected = bx.voxel_mean_var(stack, axis, **options)
            assert_same(bd.voxel_mean_var(lazy, axis, **options), expected)
        rounded = bd.voxel_mean(lazy, axis, dtype="int8")
        assert_same(rounded, bx.voxel_mean(stack, axis, dtype="int8"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_voxels_of_every_dtype(dtype, taken):
    stack = some_image(dtype, (12, 9, 11))
    lazy = in_own_memory(stack, (5, 4, 11))
    exact = np.dtype(dtype).kind != "f" and stack.itemsize < 8
    tolerance = {} if exact else {"rtol": 1e-13 if stack.itemsize == 8 else 1e-6}
    for function in ("voxel_mean", "voxel_var", "voxel_std"):
        for axis in (0, (0, 1)):
            expected = getattr(bx, function)(stack, axis)
            assert_same(getattr(bd, function)(lazy, axis), expected, **tolerance)


def test_voxels_with_weights_masks_and_nan(taken):
    stack = some_image("float32", (12, 9, 11))
    stack[3, 4, 5] = np.nan
    weights = np.random.default_rng(5).random(11)
    for chunks, axis in itertools.product(STACK_CHUNKS[:3], AXES):
        lazy = in_own_memory(stack, chunks)
        for options in ({"skipna": True}, {"weights": weights, "ddof": 0.5}, {}):
            expected = bx.voxel_std(stack, axis, **options)
            assert_same(bd.voxel_std(lazy, axis, **options), expected, rtol=1e-6)
        masked = np.ma.masked_greater(stack, 60)
        lazy_mean = bd.voxel_mean(da.from_array(masked, chunks), axis)
        assert_same(lazy_mean, bx.voxel_mean(masked, axis), rtol=1e-6)


@pytest.mark.parametrize("length", [3, 8])
def test_variance_at_an_offset_over_many_chunks(taken, length):
    stack = 1e9 + np.random.default_rng(6).normal(size=(64, 5))
    found = bd.voxel_var(in_own_memory(stack, (length, 5)), 0, ddof=1).compute()
    np.testing.assert_allclose(found, (stack - 1e9).var(axis=0, ddof=1), rtol=1e-6)
    constant = da.full((50, 4), 0.1, chunks=(7, 3))
    assert bd.voxel_var(constant, 0).compute().tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("length", [100, 10_000])
def test_a_line(taken, length):
    line = some_image("int32", length)
    lazy = in_own_memory(line, 2 * length // 5)
    assert_same(bd.voxel_mean_var(lazy, None), bx.voxel_mean_var(line, None))
    where = line > 20
    assert_same(bd.voxel_var(lazy, where=where), bx.voxel_var(line, where=where))


def test_of_no_samples_there_is_the_fill_value(taken):
    stack = some_image("float32", (12, 5))
    options = {"where": np.zeros((12, 5), bool), "min_count": 0, "fill_value": -3.0}
    found = bd.voxel_var(in_own_memory(stack, (4, 5)), 0, **options)
    assert_same(found, bx.voxel_var(stack, 0, **options))
    assert found.compute().tolist() == [-3] * 5


# Regions ------------------------------------------------------------------------------------------

REGION_CHUNKS = [((30, 40), (30, 40, 3)), ((7, 11), (10, 40, 2)), ((10, 10), (10, 10, 3))]


@pytest.mark.parametrize(("label_chunks", "image_chunks"), REGION_CHUNKS, ids=str)
def test_regions_do_not_depend_on_chunks(label_chunks, image_chunks):
    labels = some_image("int64", (30, 40)) % 5
    image = some_image("uint8", (30, 40, 3), seed=1)
    names = ("count", "mean", "var", "min", "bounding_box", "centroid", "sum", "any")
    lazy_labels = da.from_array(labels, label_chunks)
    lazy_image = da.from_array(image, image_chunks)
    for options in (
        {},
        {"index": [3, 0, 9, 3], "fill_value": 7},
        {"where": labels != 2, "fill_value": 3},
        {"where": image < 70, "background": None},
        {"spacing": (0.5, 2), "ddof": 1},
    ):
        expected = bx.label_stats(labels, image, names, **options)
        for pair in ((lazy_labels, lazy_image), (lazy_labels, image), (labels, lazy_image)):
            assert_same(bd.label_stats(*pair, names, **options), expected)
    assert_same(bd.label_stats(lazy_labels), bx.label_stats(labels))
    names = ("mean", "max", "var")
    expected = {
        name: np.asarray(value)
        for name, value in bx.masked_stats(image, labels == 3, names).items()
    }
    assert_same(bd.masked_stats(lazy_image, lazy_labels == 3, names), expected)
    assert_same(bd.masked_stats(lazy_image, labels == 3, names), expected)


def test_regions_with_weights_channels_and_wide_labels():
    labels = some_image("uint64", (30, 40)) % 3 + np.uint64(2**63)
    image = some_image("float32", (3, 30, 40), seed=1)
    weights = np.random.default_rng(5).random((30, 40))
    lazy = (da.from_array(labels, 13), da.from_array(image, (2, 8, 40)))
    for options in ({}, {"weights": weights}, {"weights": da.from_array(weights, 9)}):
        plain = {name: np.asarray(value) for name, value in options.items()}
        expected = bx.label_stats(labels, image, channel_axis=0, **plain)
        assert_same(bd.label_stats(*lazy, channel_axis=0, **options), expected, rtol=1e-6)
    found = bd.masked_mean(lazy[1], labels == labels[0, 0], channel_axis=0)
    expected = bx.masked_mean(image, labels == labels[0, 0], channel_axis=0)
    assert_same(found, expected, rtol=1e-6)
    nothing = bd.masked_mean(lazy[1][0], np.zeros((30, 40), bool)).compute()
    assert nothing.shape == ()
    assert np.isnan(nothing)


# Graphs -------------------------------------------------------------------------------------------


def chunks_read(result, image):
    """Yield the key of each chunk of the result and the chunks of the image it depends on."""
    graph = {key: set(found) for key, found in result.dask.get_all_dependencies().items()}

    def reached(key):
        if key[0] == image.name:
            return {key[1:]}
        return set().union(*[reached(each) for each in graph[key]])

    for key in itertools.chain.from_iterable([result.__dask_keys__()]):
        for each in np.ravel(np.array(flattened(key), dtype=object)):
            yield each[1:], reached(tuple(each))


def flattened(keys):
    if isinstance(keys, list):
        found = np.empty(0, object)
        for each in keys:
            found = np.append(found, flattened(each))
        return found
    alone = np.empty(1, object)
    alone[0] = keys
    return alone


@pytest.mark.parametrize(
    "make",
    [
        lambda image: bd.block_reduce(image, 7),
        lambda image: bd.density_map(image, 9, stride=2),
        lambda image: bd.box_filter(image, 15, "var"),
        lambda image: bd.box_filter(image, 15, ("mean", "min"), mode="constant")["min"],
        lambda image: bd.uniform_filter(image, 3),
    ],
)
def test_tasks_touch_their_own_chunk_and_adjoining_ones(make):
    image = da.from_array(some_image(shape=(160, 160)), 16)
    read = dict(chunks_read(make(image), image))
    assert len(read) == 100
    for place, chunks in read.items():
        assert 1 <= len(chunks) <= 9
        assert all(abs(a - b) <= 1 for each in chunks for a, b in zip(each, place, strict=True))


def test_blocks_within_chunks_need_no_others():
    image = da.from_array(some_image(shape=(160, 160)), 16)
    for place, chunks in chunks_read(bd.block_reduce(image, 8), image):
        assert chunks == {place}


def test_only_strips_are_exchanged():
    image = da.from_array(some_image(shape=(160, 160)), 16)
    result = bd.box_filter(image, 3)
    strips = [each for each in result.dask.to_dict() if "-strip" in each[0]]
    with dask.config.set(scheduler="synchronous"):
        sizes = [dask.get(result.dask.to_dict(), each).size for each in strips[:8]]
    assert strips
    assert max(sizes) <= 16


def test_trees_merge_a_few_at_a_time():
    stack = da.from_array(some_image(shape=(300, 4)), (1, 4))
    graph = bd.voxel_var(stack, 0).dask
    widths = [len(found) for found in graph.get_all_dependencies().values()]
    assert max(widths) <= 8
    assert_same(bd.voxel_var(stack, 0), bx.voxel_var(some_image(shape=(300, 4)), 0))


def test_few_chunks_of_the_same_voxels_are_taken_by_one_task():
    stack = np.random.default_rng(8).normal(size=(6, 40, 50))
    lazy = in_own_memory(stack, (2, 20, 50))
    found = bd.voxel_mean_var(lazy, 0, ddof=1)
    tasks = [key for key in found[0].dask.to_dict() if "voxels" in str(key)]
    assert not [key for key in tasks if "take" in str(key) or "merge" in str(key)]
    # The same groups of samples as in memory, and therefore the same bits.
    assert_same(found, bx.voxel_mean_var(stack, 0, ddof=1))


@pytest.mark.parametrize(
    ("shape", "chunks", "weighted"),
    [
        ((17, 4), (1, 4), False),  # many chunks
        ((400, 4), (100, 4), False),  # of many samples
        ((6, 1 << 22), (2, 1 << 22), True),  # of many bytes, with their weights
    ],
)
def test_states_of_many_or_large_chunks_are_merged(shape, chunks, weighted):
    stack = da.zeros(shape, chunks=chunks)
    found = bd.voxel_var(stack, 0, weights=stack + 1 if weighted else None)
    assert any("merge" in str(key) for key in found.dask.to_dict())


def test_nothing_is_computed_early():
    def fail(block):
        raise AssertionError("computed")

    image = da.from_array(some_image("int64"), 16).map_blocks(
        fail, dtype="int64", meta=np.empty((0, 0), int)
    )
    assert bd.block_reduce(image, 4).shape == (11, 10)
    assert bd.box_filter(image, 4).dtype == np.float64
    assert bd.voxel_mean(image, 0).shape == (37,)
    assert bd.label_stats(image, image, index=[1, 2])["mean"].shape == (2,)
    assert [level.shape for level in bd.pyramid(image, 8)] == [(6, 5), (1, 1)]


def test_equal_calls_have_equal_names():
    image = da.from_array(some_image(), 16)
    assert bd.block_reduce(image, 4).name == bd.block_reduce(image, 4).name
    names = {
        bd.block_reduce(image, 4).name,
        bd.block_reduce(image, 4, where=some_image() > 5).name,
        bd.block_reduce(image, 4, where=some_image() > 6).name,
        bd.block_reduce(image, 4, min_count=2).name,
        bd.block_reduce(image, 4, "var").name,
        bd.block_reduce(image, 4, "var", ddof=1).name,
        bd.block_reduce(image, (4, 2), "var").name,
    }
    assert len(names) == 7
    assert bd.box_filter(image, 3).name != bd.box_filter(image, 3, mode="wrap").name
    labels = da.from_array(some_image(), 16)
    index = np.arange(3000)
    other = np.where(index == 1500, 7, index)
    found = {bd.label_stats(labels, index=each)["count"].name for each in (index, other)}
    assert len(found) == 2


def test_empty_arrays_and_none_dimensional_ones():
    empty = np.zeros((0, 5), np.float32)
    lazy = da.from_array(empty, (1, 2))
    assert_same(bd.block_reduce(lazy, 2), bx.block_reduce(empty, 2))
    assert_same(bd.box_filter(lazy, 3), bx.box_filter(empty, 3))
    assert_same(bd.voxel_mean(lazy, 0), bx.voxel_mean(empty, 0))
    assert_same(bd.voxel_mean(lazy, 1), bx.voxel_mean(empty, 1))
    small = some_image(shape=(2, 2))
    lazy = da.from_array(small, 1)
    assert_same(
        bd.block_reduce(lazy, 3, boundary="trim"), bx.block_reduce(small, 3, boundary="trim")
    )
    assert_same(bd.box_filter(lazy, 3, mode="valid"), bx.box_filter(small, 3, mode="valid"))
    dot = np.array(4, np.int8)
    assert_same(bd.block_reduce(da.from_array(dot, ()), ()), bx.block_reduce(dot, ()))


# Errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: bd.block_reduce(np.ones(3), 2), TypeError, "boxel.block_reduce takes arrays in"),
        (lambda x: bd.masked_mean(np.ones(3), np.ones(3, bool)), TypeError, "must be a dask array"),
        (lambda x: bd.block_reduce(x, 0), ValueError, "block_size must be at least 1"),
        (lambda x: bd.block_reduce(x, 2, "meen"), ValueError, "did you mean 'mean'"),
        (lambda x: bd.block_reduce(x, 2, min_count=-1), ValueError, "min_count"),
        (lambda x: bd.block_reduce(x, 2, cval=1.5, boundary="pad"), ValueError, "cval 1.5"),
        (lambda x: bd.block_reduce(x, 2, dtype="complex64"), TypeError, "complex64"),
        (lambda x: bd.block_reduce(x.astype(complex), 2), TypeError, "complex128"),
        (lambda x: bd.block_reduce(x, 2, where=x), TypeError, "where must be a bool"),
        (lambda x: bd.block_reduce(x, 2, where=x[:3] > 1), ValueError, "does not broadcast"),
        (lambda x: bd.block_reduce(x, 2, "median", weights=x), ValueError, "weights have no"),
        (lambda x: bd.block_reduce(x[x > 3], 2), ValueError, "compute_chunk_sizes"),
        (lambda x: bd.box_filter(x, 3, "median"), ValueError, "not for boxes"),
        (lambda x: bd.box_filter(x, 3, mode="same"), ValueError, "unknown mode"),
        (lambda x: bd.box_filter(x, 3, mode="constant", cval=300), ValueError, "cval 300"),
        (lambda x: bd.uniform_filter(x, 3, mode="valid"), ValueError, "not one of SciPy's"),
        (lambda x: bd.uniform_filter(x, 3, np.ones((9, 9))), TypeError, "output must be a dtype"),
        (lambda x: bd.voxel_mean(x, 5), ValueError, "axis"),
        (lambda x: bd.voxel_var(x, ddof=-1), ValueError, "ddof"),
        (lambda x: bd.label_stats(x, x, "median"), ValueError, "needs all samples"),
        (lambda x: bd.label_stats(x, x[:4]), ValueError, "does not cover"),
        (lambda x: bd.label_stats(x * 1.0, x), TypeError, "labels must be integers"),
        (lambda x: bd.label_stats(x, statistics="mean"), ValueError, "needs an image"),
        (lambda x: bd.masked_mean(x, x.astype(float)), TypeError, "mask must be bool"),
    ],
)
def test_errors_come_before_any_work(call, error, message):
    with pytest.raises(error, match=message):
        call(da.from_array(some_image(shape=(9, 9)), 4))


def test_values_of_weights_are_checked_when_they_are_there():
    image = da.from_array(some_image(shape=(9, 9)), 4)
    lazy = bd.block_reduce(image, 2, weights=da.full((9, 9), -1.0, chunks=3))
    with pytest.raises(ValueError, match="not negative"):
        lazy.compute()


X = da.ones((6, 6), chunks=3, dtype="uint8")
ONES = np.ones((6, 6), np.uint8)


@pytest.mark.parametrize(
    "call",
    [
        lambda: bx.block_reduce(X, 2),
        lambda: bx.block_reduce(ONES, 2, where=X > 0),
        lambda: bx.block_reduce(ONES, 2, weights=X),
        lambda: bx.density_map(X, 2),
        lambda: bx.pyramid(X),
        lambda: bx.box_filter(X, 2),
        lambda: bx.uniform_filter(X),
        lambda: bx.voxel_mean(X),
        lambda: bx.voxel_mean_var(X),
        lambda: bx.masked_mean(X, ONES),
        lambda: bx.masked_mean(ONES, X),
        lambda: bx.label_stats(X, ONES),
        lambda: bx.label_stats(ONES, X),
        lambda: bx.RunningStats().update(X),
        lambda: bx.RegionStats().update(ONES, X),
        lambda: bx.mix(X, ONES),
        lambda: bx.unmix(ONES, X),
        lambda: bx.linkage(X),
        lambda: bx.leaf_order(X),
        lambda: bx.tanimoto_distances(X),
    ],
)
def test_functions_of_numpy_arrays_do_not_compute_in_silence(call):
    with pytest.raises(TypeError, match="must be in memory, found a lazy dask Array"):
        call()
