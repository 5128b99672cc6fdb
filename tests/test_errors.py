"""Every bad input has an error that says what was found and what was expected."""

import re

import numpy as np
import pytest
from numpy.exceptions import AxisError

import boxel as bx
from cases import BOUNDARIES, DTYPES, REFUSED_DTYPES, make_image

IMAGE = np.arange(35, dtype=np.float32).reshape(5, 7)


def assert_raises(kind, words, call, *args, **options):
    """The error is of the kind, and its message holds every one of the words."""
    with pytest.raises(kind) as caught:
        call(*args, **options)
    message = str(caught.value)
    missing = [word for word in words if not re.search(re.escape(word), message, re.IGNORECASE)]
    assert not missing, f"{message!r} says nothing of {missing}"
    assert not re.search(r"\.(cpp|hpp|h|py):\d+|std::|pybind", message), message


# image --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", REFUSED_DTYPES)
def test_dtype_of_the_image(dtype):
    image = np.zeros((4, 4), dtype=dtype)
    words = [str(image.dtype) if image.dtype.names is None else "f0", "float64", "bool"]
    for call in (bx.block_reduce, bx.density_map):
        assert_raises(TypeError, words, call, image, 2)
    assert_raises(TypeError, words, bx.pyramid, image)


def test_long_double_is_refused_or_is_float64():
    dtype = np.dtype(np.longdouble)
    if dtype.itemsize == 8:
        pytest.skip("long double is float64 here")
    assert_raises(TypeError, [str(dtype)], bx.block_reduce, np.zeros((4, 4), dtype), 2)


def test_image_that_is_no_array():
    assert_raises(TypeError, [], bx.block_reduce, None, 2)
    assert_raises(TypeError, [], bx.block_reduce, "image", 2)
    assert_raises((TypeError, ValueError), [], bx.block_reduce, [[1, 2], [3]], 2)


# block_size ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("block_size", [0, -1, (2, 0), (-3, 2), np.int64(-2)])
def test_block_size_below_one(block_size):
    found = str(min(np.atleast_1d(block_size)))
    for call in (bx.block_reduce, bx.density_map):
        assert_raises(ValueError, ["block_size", found], call, IMAGE, block_size)


@pytest.mark.parametrize(
    "block_size", [2.0, True, "2", None, (2, 2.5), (2, True), np.float64(2), np.True_, [2, None],
                   np.array([2.0, 2.0])],
)  # fmt: skip
def test_block_size_that_is_no_integer(block_size):
    for call in (bx.block_reduce, bx.density_map):
        assert_raises(TypeError, ["block_size"], call, IMAGE, block_size)


@pytest.mark.parametrize("block_size", [(), (2,), (2, 2, 2), [2]])
def test_block_size_of_wrong_length(block_size):
    words = ["block_size", str(len(block_size)), "2"]
    for call in (bx.block_reduce, bx.density_map):
        assert_raises(ValueError, words, call, IMAGE, block_size)


def test_block_size_of_wrong_length_for_axes():
    assert_raises(ValueError, ["block_size", "2", "1"], bx.block_reduce, IMAGE, (2, 2), axes=0)
    assert_raises(ValueError, ["block_size"], bx.block_reduce, IMAGE, (2,), axes=(0, 1))
    assert_raises(ValueError, ["block_size"], bx.block_reduce, np.float64(1), (2,))


def test_block_size_past_64_bits():
    assert_raises((ValueError, OverflowError), [], bx.block_reduce, IMAGE, -(2**70))


# axes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", [2, -3, (0, 2), (5,)])
def test_axes_out_of_range(axes):
    found = str(max(np.atleast_1d(axes), key=abs))
    for kind in (AxisError, ValueError, IndexError):
        assert_raises(kind, [found, "2"], bx.block_reduce, IMAGE, 2, axes=axes)
        assert_raises(kind, [found, "2"], bx.pyramid, IMAGE, 2, axes=axes)


@pytest.mark.parametrize("axes", [(0, 0), (0, -2), [1, -1]])
def test_axes_that_repeat(axes):
    assert_raises(ValueError, ["axes"], bx.block_reduce, IMAGE, 2, axes=axes)
    assert_raises(ValueError, ["axes"], bx.pyramid, IMAGE, 2, axes=axes)


@pytest.mark.parametrize("axes", [1.0, "0", (0, 1.5), True])
def test_axes_that_are_no_integers(axes):
    assert_raises(TypeError, ["axes"], bx.block_reduce, IMAGE, 2, axes=axes)


def test_axes_of_a_zero_dimensional_image():
    assert_raises(AxisError, ["0"], bx.block_reduce, np.float64(1), 1, axes=0)


# statistic, boundary ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("maen", "mean"), ("Mean", "mean"), ("medain", "median"), ("count_nonzeros", "count_nonzero"),
     ("variance", "var"), ("sums", "sum")],
)  # fmt: skip
def test_unknown_statistic(wrong, meant):
    words = [repr(wrong), f"did you mean {meant!r}", *bx.STATISTICS]
    assert_raises(ValueError, words, bx.block_reduce, IMAGE, 2, wrong)
    assert_raises(ValueError, words, bx.block_reduce, IMAGE, 2, ("mean", wrong))
    assert_raises(ValueError, words, bx.pyramid, IMAGE, 2, wrong)


def test_statistic_like_nothing_known():
    assert_raises(ValueError, ["'qqq'", *bx.STATISTICS], bx.block_reduce, IMAGE, 2, "qqq")
    assert_raises(ValueError, ["''", *bx.STATISTICS], bx.block_reduce, IMAGE, 2, "")


@pytest.mark.parametrize(
    "function", [np.nanmean, np.nansum, np.nanmin, np.nanmax, np.nanvar, np.nanstd, np.nanmedian]
)
def test_nan_functions_are_refused(function):
    words = ["skipna=True"]
    assert_raises((TypeError, ValueError), words, bx.block_reduce, IMAGE, 2, function)


@pytest.mark.parametrize("statistic", [np.sort, np.ptp, 5, None, 1.5, b"mean", ("mean", 5), {}])
def test_statistic_that_is_none(statistic):
    assert_raises((TypeError, ValueError), ["statistic"], bx.block_reduce, IMAGE, 2, statistic)


def test_no_statistics():
    assert_raises(ValueError, ["statistic"], bx.block_reduce, IMAGE, 2, ())


@pytest.mark.parametrize(("wrong", "meant"), [("partail", "partial"), ("Trim", "trim")])
def test_unknown_boundary(wrong, meant):
    words = ["boundary", repr(wrong), f"did you mean {meant!r}", *BOUNDARIES]
    assert_raises(ValueError, words, bx.block_reduce, IMAGE, 2, boundary=wrong)
    assert_raises(ValueError, words, bx.density_map, IMAGE, 2, boundary=wrong)
    assert_raises(ValueError, words, bx.pyramid, IMAGE, 2, boundary=wrong)


@pytest.mark.parametrize("boundary", [None, 1, np.pad])
def test_boundary_that_is_no_name(boundary):
    kinds = (TypeError, ValueError)
    assert_raises(kinds, ["boundary"], bx.block_reduce, IMAGE, 2, boundary=boundary)


def test_boundary_exact_names_axis_length_and_block():
    options = {"boundary": "exact"}
    assert_raises(ValueError, ["exact", "axis 0", "5", "2"], bx.block_reduce, IMAGE, 2, **options)
    words = ["axis 1", "7", "3"]
    assert_raises(ValueError, words, bx.block_reduce, IMAGE, (5, 3), **options)
    assert_raises(ValueError, words, bx.block_reduce, IMAGE, 3, axes=-1, **options)
    assert_raises(ValueError, ["axis 0", "5", "10"], bx.block_reduce, IMAGE, (10, 7), **options)
    assert_raises(ValueError, ["axis 0", "5", "2"], bx.density_map, IMAGE, 2, **options)


@pytest.mark.parametrize(
    ("dtype", "cval"),
    [("uint8", -1), ("uint8", 256), ("int8", 128), ("int16", 0.5), ("int32", np.nan),
     ("uint64", 2**64), ("int64", np.inf), ("bool", 2), ("float16", 1e6), ("float32", 1e300)],
)  # fmt: skip
def test_cval_that_does_not_fit(dtype, cval):
    image = make_image(dtype, (5, 7))
    words = ["cval", dtype]
    assert_raises(ValueError, words, bx.block_reduce, image, 2, boundary="pad", cval=cval)
    assert_raises(ValueError, words, bx.pyramid, image, 2, boundary="pad", cval=cval)


@pytest.mark.parametrize("cval", ["0", None, 1j, (0, 1)])
def test_cval_that_is_no_number(cval):
    kinds = (TypeError, ValueError)
    assert_raises(kinds, ["cval"], bx.block_reduce, IMAGE, 2, boundary="pad", cval=cval)


def test_padding_of_more_samples_than_can_be_counted():
    image = np.ones((2, 2), dtype=np.uint8)
    kinds = (ValueError, OverflowError)
    assert_raises(kinds, [], bx.block_reduce, image, 2**40, "count", boundary="pad")


# where, weights -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES if dtype != "bool"])
def test_where_of_other_dtypes(dtype):
    where = np.ones(IMAGE.shape, dtype=dtype)
    for call in (bx.block_reduce, bx.density_map):
        assert_raises(TypeError, ["where", dtype, "bool"], call, IMAGE, 2, where=where)


@pytest.mark.parametrize("shape", [(5,), (7, 5), (5, 8), (1, 5, 7), (3, 5, 7), (0,)])
def test_where_that_does_not_broadcast(shape):
    where = np.ones(shape, dtype=bool)
    words = ["where", str(shape), "(5, 7)"]
    for call in (bx.block_reduce, bx.density_map):
        assert_raises(ValueError, words, call, IMAGE, 2, where=where)


@pytest.mark.parametrize("weight", [-1.0, -1e-300, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_weights_that_are_negative_or_not_finite(dtype, weight):
    if dtype == "float16" and weight == -1e-300:
        weight = -1e-7
    elif dtype == "float32" and weight == -1e-300:
        weight = -1e-40
    for place in ((0, 0), (2, 3), (4, 6)):
        weights = np.ones(IMAGE.shape, dtype=dtype)
        weights[place] = weight
        assert_raises(ValueError, ["weights"], bx.block_reduce, IMAGE, 2, weights=weights)
    assert_raises(ValueError, ["weights"], bx.block_reduce, IMAGE, 2, weights=weight)


def test_negative_integer_weights():
    weights = np.array([1, 2, 3, -4, 5, 6, 7], dtype=np.int8)
    assert_raises(ValueError, ["weights", "-4"], bx.block_reduce, IMAGE, 2, weights=weights)


@pytest.mark.parametrize("shape", [(5,), (7, 5), (1, 5, 7)])
def test_weights_that_do_not_broadcast(shape):
    words = ["weights", str(shape), "(5, 7)"]
    assert_raises(ValueError, words, bx.block_reduce, IMAGE, 2, weights=np.ones(shape))


@pytest.mark.parametrize("dtype", ["complex128", "object", "U3"])
def test_weights_that_are_not_real(dtype):
    weights = np.ones(7, dtype=dtype)
    assert_raises(TypeError, ["weights"], bx.block_reduce, IMAGE, 2, weights=weights)


@pytest.mark.parametrize("statistic", ["median", "mode"])
def test_weights_of_statistics_without_them(statistic):
    words = ["weights", statistic]
    for asked in (statistic, ("mean", statistic)):
        assert_raises(ValueError, words, bx.block_reduce, IMAGE, 2, asked, weights=np.ones(7))


# numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("min_count", [-1, -100])
def test_negative_min_count(min_count):
    words = ["min_count", str(min_count)]
    assert_raises(ValueError, words, bx.block_reduce, IMAGE, 2, min_count=min_count)


@pytest.mark.parametrize("min_count", [1.5, "1", None, True])
def test_min_count_that_is_no_integer(min_count):
    assert_raises(TypeError, ["min_count"], bx.block_reduce, IMAGE, 2, min_count=min_count)


@pytest.mark.parametrize("ddof", [-1, -0.5, np.nan, np.inf])
def test_ddof_out_of_range(ddof):
    words = ["ddof", str(ddof)]
    assert_raises(ValueError, words, bx.block_reduce, IMAGE, 2, "var", ddof=ddof)


@pytest.mark.parametrize("ddof", ["1", None, 1j, [1]])
def test_ddof_that_is_no_number(ddof):
    assert_raises(TypeError, ["ddof"], bx.block_reduce, IMAGE, 2, "var", ddof=ddof)


@pytest.mark.parametrize("fill_value", ["0", 1j, [1, 2]])
def test_fill_value_that_is_no_number(fill_value):
    assert_raises(TypeError, ["fill_value"], bx.block_reduce, IMAGE, 2, fill_value=fill_value)


@pytest.mark.parametrize("statistic", ["min", "sum"])
def test_integer_result_without_a_value(statistic):
    image = np.ones((4, 4), dtype=np.int16)
    where = image == 0
    words = ["fill_value", "min_count"]
    call = bx.block_reduce
    assert_raises(ValueError, ["fill_value"], call, image, 2, statistic, where=where)
    assert_raises(ValueError, ["fill_value"], call, image, 2, ("mean", statistic), where=where)
    assert_raises(ValueError, words[:1], call, image, 2, statistic, min_count=5)


def test_nan_into_integers():
    image = np.array([1.0, np.nan])
    words = ["fill_value", "int16"]
    assert_raises(ValueError, words, bx.block_reduce, image, 1, dtype=np.int16)


@pytest.mark.parametrize("workers", [0, -1])
def test_workers_below_one(workers):
    words = ["workers", str(workers)]
    assert_raises(ValueError, words, bx.block_reduce, IMAGE, 2, workers=workers)
    assert_raises(ValueError, words, bx.density_map, IMAGE, 2, workers=workers)
    assert_raises(ValueError, words, bx.pyramid, IMAGE, 2, workers=workers)
    assert_raises(ValueError, [str(workers)], bx.set_workers, workers)


@pytest.mark.parametrize("workers", [1.0, "2", True])
def test_workers_that_are_no_integer(workers):
    assert_raises(TypeError, ["workers"], bx.block_reduce, IMAGE, 2, workers=workers)
    assert_raises(TypeError, [], bx.set_workers, workers)


# dtype, out ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["complex64", "S3", "M8[s]", object])
def test_result_dtype_that_is_refused(dtype):
    for call in (bx.block_reduce, bx.density_map):
        assert_raises(TypeError, ["dtype", str(np.dtype(dtype))], call, IMAGE, 2, dtype=dtype)


def test_dtypes_of_unknown_statistics():
    names = ("mean", "max")
    kinds = (ValueError, KeyError)
    assert_raises(kinds, ["min"], bx.block_reduce, IMAGE, 2, names, dtype={"min": "f4"})


@pytest.mark.parametrize("shape", [(3,), (3, 3), (4, 3), (1, 3, 4), ()])
def test_out_of_wrong_shape(shape):
    out = np.zeros(shape, dtype=np.float32)
    words = ["out", str(shape), "(3, 4)"]
    for call in (bx.block_reduce, bx.density_map):
        assert_raises(ValueError, words, call, IMAGE, 2, out=out)


def test_out_of_another_dtype_than_asked_for():
    out = np.zeros((3, 4), dtype=np.float64)
    words = ["out", "float64", "int8"]
    kinds = (TypeError, ValueError)
    assert_raises(kinds, words, bx.block_reduce, IMAGE, 2, out=out, dtype=np.int8)


@pytest.mark.parametrize("dtype", ["complex64", "object", "S3"])
def test_out_of_a_refused_dtype(dtype):
    out = np.zeros((3, 4), dtype=dtype)
    assert_raises(TypeError, ["out"], bx.block_reduce, IMAGE, 2, out=out)


def test_out_that_is_read_only():
    out = np.zeros((3, 4), dtype=np.float32)
    out.flags.writeable = False
    for call in (bx.block_reduce, bx.density_map):
        assert_raises(ValueError, ["out", "read-only"], call, IMAGE, 2, out=out)


@pytest.mark.parametrize("out", [[[0.0] * 4] * 3, "out", 5, (np.zeros((3, 4)),)])
def test_out_that_is_no_array(out):
    assert_raises((TypeError, ValueError), ["out"], bx.block_reduce, IMAGE, 2, out=out)


def test_out_of_many_statistics():
    names = ("mean", "max")
    good = np.zeros((3, 4), dtype=np.float32)
    kinds = (TypeError, ValueError, KeyError)
    for out in (good, [good], [good, good.copy(), good.copy()], {"mean": good, "min": good}):
        assert_raises(kinds, ["out"], bx.block_reduce, IMAGE, 2, names, out=out)
    out = {"mean": good, "max": np.zeros((3, 3), dtype=np.float32)}
    assert_raises(
        ValueError, ["out", "(3, 3)", "(3, 4)"], bx.block_reduce, IMAGE, 2, names, out=out
    )


# density_map, pyramid -----------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [0, -1, (1, 0)])
def test_stride_below_one(stride):
    words = ["stride", str(min(np.atleast_1d(stride)))]
    assert_raises(ValueError, words, bx.density_map, IMAGE, 2, stride=stride)


@pytest.mark.parametrize("stride", [1.0, True, "1", (1, 1.5)])
def test_stride_that_is_no_integer(stride):
    assert_raises(TypeError, ["stride"], bx.density_map, IMAGE, 2, stride=stride)


@pytest.mark.parametrize("stride", [(1,), (1, 1, 1)])
def test_stride_of_wrong_length(stride):
    assert_raises(ValueError, ["stride", "2"], bx.density_map, IMAGE, 2, stride=stride)


def test_exact_windows():
    words = ["axis 0", "5", "2", "4"]
    options = {"stride": 2, "boundary": "exact"}
    assert_raises(ValueError, ["axis 0", "5", "2"], bx.density_map, IMAGE, (2, 3), **options)
    options = {"stride": 4, "boundary": "exact"}
    assert_raises(ValueError, words, bx.density_map, IMAGE, (2, 3), **options)
    assert_raises(ValueError, ["axis 1", "7", "8"], bx.density_map, IMAGE, (5, 8), **options)


@pytest.mark.parametrize("factor", [0, -1, (2, 0), [2, 0], [(2, 2), (2, -1)]])
def test_factor_below_one(factor):
    assert_raises(ValueError, ["factor"], bx.pyramid, IMAGE, factor)


@pytest.mark.parametrize("factor", [2.0, True, "2", None, (2, 2.5), [2, 2.5]])
def test_factor_that_is_no_integer(factor):
    assert_raises(TypeError, ["factor"], bx.pyramid, IMAGE, factor)


@pytest.mark.parametrize("factor", [(2,), (2, 2, 2), (), [(2, 2, 2)]])
def test_factor_of_wrong_length(factor):
    assert_raises(ValueError, ["factor"], bx.pyramid, IMAGE, factor)


@pytest.mark.parametrize("factor", [1, (1, 1)])
def test_factor_that_never_ends(factor):
    assert_raises(ValueError, ["factor", "levels"], bx.pyramid, IMAGE, factor)


@pytest.mark.parametrize("levels", [-1, -5])
def test_negative_levels(levels):
    assert_raises(ValueError, ["levels", str(levels)], bx.pyramid, IMAGE, levels=levels)


@pytest.mark.parametrize("levels", [1.0, "2", True])
def test_levels_that_are_no_integer(levels):
    assert_raises(TypeError, ["levels"], bx.pyramid, IMAGE, levels=levels)


def test_more_levels_than_factors():
    assert_raises(ValueError, ["levels", "3", "2"], bx.pyramid, IMAGE, [2, 2], levels=3)


def test_more_levels_than_the_image_has():
    options = {"levels": 4, "boundary": "trim"}
    assert_raises(ValueError, ["level 3", "trim"], bx.pyramid, IMAGE, **options)
    options = {"levels": 2, "boundary": "exact"}
    assert_raises(ValueError, ["axis"], bx.pyramid, np.zeros((6, 6)), **options)


@pytest.mark.parametrize("min_size", [0, -1])
def test_min_size_below_one(min_size):
    assert_raises(ValueError, ["min_size", str(min_size)], bx.pyramid, IMAGE, min_size=min_size)


@pytest.mark.parametrize("min_size", [1.5, "1", None])
def test_min_size_that_is_no_integer(min_size):
    assert_raises(TypeError, ["min_size"], bx.pyramid, IMAGE, min_size=min_size)


# keywords -----------------------------------------------------------------------------------------


def test_options_are_keywords_only():
    with pytest.raises(TypeError):
        bx.block_reduce(IMAGE, 2, "mean", None)
    with pytest.raises(TypeError):
        bx.density_map(IMAGE, 2, 1)
    with pytest.raises(TypeError):
        bx.pyramid(IMAGE, 2, "mean", 3)


def test_unknown_keyword():
    with pytest.raises(TypeError, match="blocksize"):
        bx.block_reduce(IMAGE, blocksize=2)
