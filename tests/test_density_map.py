"""density_map: tiles, and windows that overlap or leave gaps."""

import numpy as np
import pytest

import boxel as bx
import oracle
from agreement import assert_same_bits
from cases import (
    BOUNDARIES,
    DTYPES,
    EMPTY_CASES,
    LARGE_CASES,
    LAYOUT_CASES,
    LAYOUTS,
    SMALL_CASES,
    make_image,
    make_image_with_specials,
    make_where,
)

WINDOWS = (
    # shape, block_size, stride
    ((), (), ()),
    ((9,), 3, 1),
    ((9,), 3, 2),
    ((9,), 2, 5),
    ((8,), 1, 4),
    ((7,), 2, 4),
    ((4,), 9, 2),
    ((1,), 1, 1),
    ((0,), 3, 2),
    ((11,), 4, 4),
    ((7, 11), 3, 1),
    ((7, 11), (2, 3), (1, 2)),
    ((7, 11), (3, 2), (2, 5)),
    ((12, 10), (4, 4), 2),
    ((5, 9), (5, 3), (5, 3)),
    ((6, 0), 2, 1),
    ((5, 6, 7), 2, 1),
    ((5, 6, 7), (3, 1, 2), (2, 1, 3)),
    ((3, 4, 3, 5), 2, (1, 2, 3, 1)),
)


def exact_raises(shape, block_size, stride):
    sizes = oracle.one_per_axis(block_size, None, len(shape), 1)
    strides = oracle.one_per_axis(stride, None, len(shape), 1)
    triples = zip(shape, sizes, strides, strict=True)
    return any(n and (n < b or (n - b) % s) for n, b, s in triples)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_tiles(boundary, dtype):
    for case in SMALL_CASES + EMPTY_CASES:
        if case.axes is not None or (boundary == "exact" and not case.divides()):
            continue
        image = make_image(dtype, case.shape)
        found = bx.density_map(image, case.block_size, boundary=boundary)
        assert_same_bits(found, oracle.density_map(image, case.sizes(), boundary=boundary))
        same = bx.block_reduce(image, case.block_size, "density", boundary=boundary)
        assert_same_bits(found, same)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize(("shape", "block_size", "stride"), WINDOWS)
def test_windows(shape, block_size, stride, boundary, dtype):
    image = make_image(dtype, shape)
    if boundary == "exact" and exact_raises(shape, block_size, stride):
        with pytest.raises(ValueError, match="axis"):
            bx.density_map(image, block_size, stride=stride, boundary=boundary)
        return
    found = bx.density_map(image, block_size, stride=stride, boundary=boundary)
    expected = oracle.density_map(image, block_size, stride=stride, boundary=boundary)
    assert_same_bits(found, expected)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("stride", [None, 1, 2, 3, 7])
def test_empty_axes_are_covered_by_no_window(stride, boundary):
    for shape, expected in (((0,), (0,)), ((0, 9), (0, 3 if stride in (None, 3) else None))):
        if None in expected and boundary == "exact":
            continue
        found = bx.density_map(np.zeros(shape), 3, stride=stride, boundary=boundary)
        assert found.shape[0] == 0
        assert expected[-1] in (None, found.shape[-1])


@pytest.mark.parametrize("boundary", ["partial", "trim", "pad"])
@pytest.mark.parametrize(("shape", "block_size", "stride"), WINDOWS)
def test_windows_under_a_mask(shape, block_size, stride, boundary):
    image = make_image("uint8", shape)
    where = make_where(shape)
    options = {"stride": stride, "boundary": boundary, "where": where}
    found = bx.density_map(image, block_size, **options)
    assert_same_bits(found, oracle.density_map(image, block_size, **options))
    masked = np.ma.MaskedArray(image, mask=~where)
    del options["where"]
    assert_same_bits(bx.density_map(masked, block_size, **options), found)


@pytest.mark.parametrize("stride", [None, 1, 2])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_layouts(dtype, layout, stride):
    for case in LAYOUT_CASES:
        image = make_image(dtype, case.shape)
        found = bx.density_map(LAYOUTS[layout](image), case.block_size, stride=stride)
        assert_same_bits(found, bx.density_map(image, case.block_size, stride=stride))
        if layout == "C":
            expected = oracle.density_map(image, case.sizes(), stride=stride)
            assert_same_bits(found, expected)


@pytest.mark.parametrize("stride", [None, 1, 3])
def test_nan_is_nonzero_and_minus_zero_is_zero(stride):
    image = make_image_with_specials("float32", (9, 14))
    found = bx.density_map(image, 2, stride=stride)
    assert_same_bits(found, oracle.density_map(image, 2, stride=stride))
    assert bx.density_map(np.array([np.nan, -0.0, 0.0, np.inf]), 4).item() == 0.5
    assert bx.density_map(np.array([1e-45], np.float32), 1).item() == 1


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("case", [case for case in LARGE_CASES if case.axes is None], ids=str)
def test_large_images(case, workers):
    image = make_image("uint8", case.shape)
    counts, nonzero = np.ones(case.shape, np.int64), (image != 0).astype(np.int64)
    for axis, size in enumerate(case.sizes()):
        starts = range(0, case.shape[axis], size)
        counts = np.add.reduceat(counts, starts, axis=axis)
        nonzero = np.add.reduceat(nonzero, starts, axis=axis)
    found = bx.density_map(image, case.block_size, workers=workers)
    assert_same_bits(found, nonzero / counts)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (2, 5), (8, 8), (9, 31)])
def test_every_position_is_a_valid_convolution(dtype, size):
    signal = pytest.importorskip("scipy.signal")
    image = make_image(dtype, (40, 53))
    kernel = np.ones(size, dtype=np.int64)
    counts = signal.convolve2d((image != 0).astype(np.int64), kernel, "valid")
    found = bx.density_map(image, size, stride=1, boundary="trim", dtype=np.float64)
    assert_same_bits(found, counts / kernel.size)
    for stride in (2, 3, (1, 4)):
        rows, columns = np.broadcast_to(stride, 2)
        found = bx.density_map(image, size, stride=stride, boundary="trim", dtype=np.float64)
        assert_same_bits(found, np.ascontiguousarray(counts[::rows, ::columns]) / kernel.size)


def test_padded_windows_are_a_convolution_of_a_padded_image():
    signal = pytest.importorskip("scipy.signal")
    image = make_image("uint8", (40, 53))
    found = bx.density_map(image, 7, stride=5, boundary="pad")
    padded = np.pad(image != 0, [(0, 7), (0, 7)]).astype(np.int64)
    counts = signal.convolve2d(padded, np.ones((7, 7), np.int64), "valid")[::5, ::5]
    rows, columns = found.shape
    assert_same_bits(found, np.ascontiguousarray(counts[:rows, :columns]) / 49)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "float16", ">f8"])
@pytest.mark.parametrize("stride", [None, 1])
def test_dtype_and_out(stride, dtype):
    image = make_image("uint8", (7, 11))
    expected = oracle.density_map(image, 3, stride=stride, dtype=np.dtype(dtype))
    found = bx.density_map(image, 3, stride=stride, dtype=dtype)
    assert_same_bits(found, expected)
    out = np.zeros(expected.shape, dtype)
    assert bx.density_map(image, 3, stride=stride, out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("stride", [2, 1])
def test_out_overlapping_the_image(stride):
    image = make_image("float64", (9, 12))
    expected = bx.density_map(image, 2, stride=stride)
    rows, columns = expected.shape
    for view in (np.s_[:rows, :columns], np.s_[-rows:, -columns:]):
        memory = image.copy()
        bx.density_map(memory, 2, stride=stride, out=memory[view])
        np.testing.assert_array_equal(memory[view], expected)


def test_windows_far_larger_than_the_image():
    image = make_image("uint8", (5, 7))
    expected = np.array([[np.count_nonzero(image) / image.size]])
    assert_same_bits(bx.density_map(image, 2**70), expected)
    assert_same_bits(bx.density_map(image, 2**70, stride=2**70), expected)
    assert_same_bits(bx.density_map(image, 8, stride=2**70), expected)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers(workers):
    image = make_image("uint8", (300, 1021))
    for stride in (None, 1, 3):
        expected = bx.density_map(image, 5, stride=stride, workers=1)
        assert_same_bits(bx.density_map(image, 5, stride=stride, workers=workers), expected)
