"""Every bad input of box_filter has an error that says what was found and what was expected."""

import numpy as np
import pytest
from numpy.exceptions import AxisError

import box_oracle
import boxel as bx
from box_cases import MODES
from cases import DTYPES, REFUSED_DTYPES, make_image
from test_errors import assert_raises

IMAGE = np.arange(35, dtype=np.float32).reshape(5, 7)


# image --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", REFUSED_DTYPES)
def test_dtype_of_the_image(dtype):
    image = np.zeros((4, 4), dtype=dtype)
    words = [str(image.dtype) if image.dtype.names is None else "f0", "float64", "bool"]
    assert_raises(TypeError, words, bx.box_filter, image, 3)


def test_image_that_is_no_array():
    assert_raises(TypeError, [], bx.box_filter, None, 3)
    assert_raises(TypeError, [], bx.box_filter, "image", 3)
    assert_raises((TypeError, ValueError), [], bx.box_filter, [[1, 2], [3]], 3)


# size ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, -1, (3, 0), (-3, 3), np.int64(-2)])
def test_size_below_one(size):
    words = ["size", str(min(np.atleast_1d(size))), "1"]
    assert_raises(ValueError, words, bx.box_filter, IMAGE, size)


@pytest.mark.parametrize(
    "size", [3.0, True, "3", None, (3, 2.5), (3, True), np.float64(3), np.True_, [3, None],
             np.array([3.0, 3.0])],
)  # fmt: skip
def test_size_that_is_no_integer(size):
    assert_raises(TypeError, ["size", "integer"], bx.box_filter, IMAGE, size)


@pytest.mark.parametrize("size", [(), (3,), (3, 3, 3), [3]])
def test_size_of_wrong_length(size):
    assert_raises(ValueError, ["size", str(len(size)), "2"], bx.box_filter, IMAGE, size)


def test_size_of_wrong_length_for_axes():
    assert_raises(ValueError, ["size", "2", "1"], bx.box_filter, IMAGE, (3, 3), axes=0)
    assert_raises(ValueError, ["size"], bx.box_filter, IMAGE, (3,), axes=(0, 1))
    assert_raises(ValueError, ["size"], bx.box_filter, np.float64(1), (3,))


def test_size_is_asked_for():
    assert_raises(TypeError, ["size"], bx.box_filter, IMAGE)


# axes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", [2, -3, (0, 2), (5,)])
def test_axes_out_of_range(axes):
    found = str(max(np.atleast_1d(axes), key=abs))
    for kind in (AxisError, ValueError, IndexError):
        assert_raises(kind, [found, "2"], bx.box_filter, IMAGE, 3, axes=axes)


@pytest.mark.parametrize("axes", [(0, 0), (0, -2), [1, -1]])
def test_axes_that_repeat(axes):
    assert_raises(ValueError, ["axes"], bx.box_filter, IMAGE, 3, axes=axes)


@pytest.mark.parametrize("axes", [1.0, "0", (0, 1.5), True])
def test_axes_that_are_no_integers(axes):
    assert_raises(TypeError, ["axes"], bx.box_filter, IMAGE, 3, axes=axes)


# statistic ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("maen", "mean"), ("Mean", "mean"), ("count_nonzeros", "count_nonzero"), ("variance", "var")],
)
def test_unknown_statistic(wrong, meant):
    words = [repr(wrong), f"did you mean {meant!r}", *box_oracle.STATISTICS]
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, wrong)
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, ("mean", wrong))


@pytest.mark.parametrize("statistic", ["median", "mode"])
def test_statistics_of_blocks_only(statistic):
    words = [statistic, "blocks, pyramids and labels only"]
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, statistic)
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, ("mean", statistic))


def test_median_of_numpy_is_for_blocks_only():
    assert_raises(ValueError, ["median", "blocks"], bx.box_filter, IMAGE, 3, np.median)


@pytest.mark.parametrize("function", [np.nanmean, np.nansum, np.nanmin, np.nanvar])
def test_nan_functions_are_refused(function):
    assert_raises((TypeError, ValueError), ["skipna=True"], bx.box_filter, IMAGE, 3, function)


@pytest.mark.parametrize("statistic", [np.sort, np.ptp, 5, None, b"mean", ("mean", 5), (), {}])
def test_statistic_that_is_none(statistic):
    assert_raises((TypeError, ValueError), ["statistic"], bx.box_filter, IMAGE, 3, statistic)


# mode, cval ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("relfect", "reflect"), ("Wrap", "wrap"), ("nearst", "nearest"), ("shrinking", "shrink"),
     ("constants", "constant"), ("miror", "mirror"), ("invalid", "valid")],
)  # fmt: skip
def test_unknown_mode(wrong, meant):
    words = ["mode", repr(wrong), f"did you mean {meant!r}", *MODES]
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, mode=wrong)
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, mode=("reflect", wrong))


@pytest.mark.parametrize("wrong", ["qqq", "", "linear_ramp"])
def test_mode_like_nothing_known(wrong):
    assert_raises(ValueError, ["mode", repr(wrong), *MODES], bx.box_filter, IMAGE, 3, mode=wrong)


@pytest.mark.parametrize(
    ("theirs", "here"),
    [("symmetric", "reflect"), ("edge", "nearest"), ("replicate", "nearest"),
     ("reflect_101", "mirror"), ("reflect101", "mirror"), ("border_replicate", "nearest"),
     ("BORDER_REPLICATE", "nearest"), ("BORDER_REFLECT_101", "mirror"),
     ("BORDER_REFLECT", "reflect"), ("BORDER_WRAP", "wrap"), ("BORDER_CONSTANT", "constant")],
)  # fmt: skip
def test_modes_of_numpy_and_opencv_are_explained(theirs, here):
    words = [repr(theirs), repr(here)]
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, mode=theirs)
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, mode=("wrap", theirs))
    # The one it is called here comes first, before the list of all.
    with pytest.raises(ValueError, match="mode") as caught:
        bx.box_filter(IMAGE, 3, mode=theirs)
    others = [mode for mode in MODES if mode != here and repr(mode) in str(caught.value)]
    message = str(caught.value).replace(repr(theirs), "")
    assert all(message.index(repr(here)) < message.index(repr(mode)) for mode in others)


@pytest.mark.parametrize("mode", [None, 1, np.pad, ("reflect", None), (1, 2)])
def test_mode_that_is_no_name(mode):
    assert_raises((TypeError, ValueError), ["mode"], bx.box_filter, IMAGE, 3, mode=mode)


@pytest.mark.parametrize("mode", [(), ("wrap",), ("wrap", "wrap", "reflect"), ["valid"]])
def test_modes_of_wrong_length(mode):
    assert_raises(ValueError, ["mode", str(len(mode)), "2"], bx.box_filter, IMAGE, 3, mode=mode)


def test_modes_of_wrong_length_for_axes():
    options = {"axes": 0, "mode": ("wrap", "wrap")}
    assert_raises(ValueError, ["mode", "2", "1"], bx.box_filter, IMAGE, 3, **options)


@pytest.mark.parametrize(
    "mode", [("constant", "shrink"), ("shrink", "constant"), ["grid-constant", "shrink"]]
)
def test_modes_that_contradict_each_other_at_the_corners(mode):
    assert_raises(ValueError, ["mode", "constant", "shrink"], bx.box_filter, IMAGE, 3, mode=mode)


@pytest.mark.parametrize(
    ("dtype", "cval"),
    [("uint8", -1), ("uint8", 256), ("int8", 128), ("int16", 0.5), ("int32", np.nan),
     ("uint64", 2**64), ("int64", np.inf), ("bool", 2), ("float16", 1e6), ("float32", 1e300)],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["constant", "grid-constant", ("wrap", "constant")])
def test_cval_that_does_not_fit(mode, dtype, cval):
    image = make_image(dtype, (5, 7))
    assert_raises(ValueError, ["cval", dtype], bx.box_filter, image, 3, mode=mode, cval=cval)


@pytest.mark.parametrize("cval", ["0", None, 1j, (0, 1)])
def test_cval_that_is_no_number(cval):
    kinds = (TypeError, ValueError)
    assert_raises(kinds, ["cval"], bx.box_filter, IMAGE, 3, mode="constant", cval=cval)


# origin, stride -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "origin", "low", "high"),
    [(3, 2, -1, 1), (3, -2, -1, 1), (4, 2, -2, 1), (4, -3, -2, 1), (1, 1, 0, 0), (1, -1, 0, 0),
     (9, 5, -4, 4), ((3, 4), (0, 2), -2, 1), ((5, 4), (-3, 0), -2, 2), (3, 2**70, -1, 1)],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["reflect", "valid", "shrink"])
def test_origin_outside_the_box(mode, size, origin, low, high):
    found = str(max(np.atleast_1d(np.array(origin, dtype=object)), key=abs))
    words = ["origin", found, str(low), str(high)]
    assert_raises(ValueError, words, bx.box_filter, IMAGE, size, origin=origin, mode=mode)


@pytest.mark.parametrize("origin", [1.0, True, "1", None, (0, 0.5), (0, None), np.float64(0)])
def test_origin_that_is_no_integer(origin):
    assert_raises(TypeError, ["origin"], bx.box_filter, IMAGE, 3, origin=origin)


@pytest.mark.parametrize("origin", [(), (0,), (0, 0, 0)])
def test_origin_of_wrong_length(origin):
    words = ["origin", str(len(origin)), "2"]
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, origin=origin)


def test_origin_of_wrong_length_for_axes():
    assert_raises(ValueError, ["origin", "2", "1"], bx.box_filter, IMAGE, 3, axes=0, origin=(0, 0))


@pytest.mark.parametrize("stride", [0, -1, (1, 0)])
def test_stride_below_one(stride):
    words = ["stride", str(min(np.atleast_1d(stride))), "1"]
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, stride=stride)


@pytest.mark.parametrize("stride", [1.0, True, "1", None, (1, 1.5)])
def test_stride_that_is_no_integer(stride):
    assert_raises(TypeError, ["stride"], bx.box_filter, IMAGE, 3, stride=stride)


@pytest.mark.parametrize("stride", [(), (1,), (1, 1, 1)])
def test_stride_of_wrong_length(stride):
    words = ["stride", str(len(stride)), "2"]
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, stride=stride)


# where, skipna ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES if dtype != "bool"])
def test_where_of_other_dtypes(dtype):
    where = np.ones(IMAGE.shape, dtype=dtype)
    assert_raises(TypeError, ["where", dtype, "bool"], bx.box_filter, IMAGE, 3, where=where)


@pytest.mark.parametrize("shape", [(5,), (7, 5), (5, 8), (1, 5, 7), (0,)])
def test_where_that_does_not_broadcast(shape):
    where = np.ones(shape, dtype=bool)
    words = ["where", str(shape), "(5, 7)"]
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, where=where)


@pytest.mark.parametrize("skipna", [1, None, "yes"])
def test_skipna_that_is_no_bool(skipna):
    assert_raises(TypeError, ["skipna"], bx.box_filter, IMAGE, 3, skipna=skipna)


def test_boxes_have_no_weights():
    assert_raises(TypeError, ["weights"], bx.box_filter, IMAGE, 3, weights=np.ones(7))


# numbers ------------------------------------------------------------------------------------------


def test_negative_min_count():
    assert_raises(ValueError, ["min_count", "-1"], bx.box_filter, IMAGE, 3, min_count=-1)


@pytest.mark.parametrize("min_count", [1.5, "1", None, True])
def test_min_count_that_is_no_integer(min_count):
    assert_raises(TypeError, ["min_count"], bx.box_filter, IMAGE, 3, min_count=min_count)


@pytest.mark.parametrize("ddof", [-1, -0.5, np.nan, np.inf])
def test_ddof_out_of_range(ddof):
    assert_raises(ValueError, ["ddof", str(ddof)], bx.box_filter, IMAGE, 3, "var", ddof=ddof)


@pytest.mark.parametrize("ddof", ["1", None, 1j, [1]])
def test_ddof_that_is_no_number(ddof):
    assert_raises(TypeError, ["ddof"], bx.box_filter, IMAGE, 3, "var", ddof=ddof)


@pytest.mark.parametrize("fill_value", ["0", 1j, [1, 2]])
def test_fill_value_that_is_no_number(fill_value):
    assert_raises(TypeError, ["fill_value"], bx.box_filter, IMAGE, 3, fill_value=fill_value)


@pytest.mark.parametrize("statistic", ["min", "sum", ("mean", "max")])
def test_integer_result_without_a_value(statistic):
    image = np.ones((4, 4), dtype=np.int16)
    where = image == 0
    assert_raises(ValueError, ["fill_value"], bx.box_filter, image, 3, statistic, where=where)
    assert_raises(ValueError, ["fill_value"], bx.box_filter, image, 3, statistic, min_count=10)


def test_nan_into_integers():
    image = np.array([1.0, np.nan])
    words = ["fill_value", "int16"]
    assert_raises(ValueError, words, bx.box_filter, image, 1, dtype=np.int16)


@pytest.mark.parametrize("workers", [0, -1])
def test_workers_below_one(workers):
    assert_raises(ValueError, ["workers", str(workers)], bx.box_filter, IMAGE, 3, workers=workers)


@pytest.mark.parametrize("workers", [1.0, "2", True])
def test_workers_that_are_no_integer(workers):
    assert_raises(TypeError, ["workers"], bx.box_filter, IMAGE, 3, workers=workers)


# dtype, out ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["complex64", "S3", "M8[s]", object])
def test_result_dtype_that_is_refused(dtype):
    words = ["dtype", str(np.dtype(dtype))]
    assert_raises(TypeError, words, bx.box_filter, IMAGE, 3, dtype=dtype)


def test_dtypes_of_unknown_statistics():
    names = ("mean", "max")
    kinds = (ValueError, KeyError)
    assert_raises(kinds, ["min"], bx.box_filter, IMAGE, 3, names, dtype={"min": "f4"})


@pytest.mark.parametrize("shape", [(5,), (7, 5), (3, 5), (1, 5, 7), ()])
def test_out_of_wrong_shape(shape):
    out = np.zeros(shape, dtype=np.float32)
    assert_raises(ValueError, ["out", str(shape), "(5, 7)"], bx.box_filter, IMAGE, 3, out=out)


def test_out_of_the_shape_of_another_mode_or_stride():
    out = np.zeros((5, 7), dtype=np.float32)
    words = ["out", "(5, 7)", "(3, 5)"]
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, mode="valid", out=out)
    words = ["out", "(5, 7)", "(3, 4)"]
    assert_raises(ValueError, words, bx.box_filter, IMAGE, 3, stride=2, out=out)


def test_out_of_another_dtype_than_asked_for():
    out = np.zeros((5, 7), dtype=np.float64)
    words = ["out", "float64", "int8"]
    kinds = (TypeError, ValueError)
    assert_raises(kinds, words, bx.box_filter, IMAGE, 3, out=out, dtype=np.int8)


@pytest.mark.parametrize("dtype", ["complex64", "object", "S3"])
def test_out_of_a_refused_dtype(dtype):
    out = np.zeros((5, 7), dtype=dtype)
    assert_raises(TypeError, ["out"], bx.box_filter, IMAGE, 3, out=out)


def test_out_that_is_read_only():
    out = np.zeros((5, 7), dtype=np.float32)
    out.flags.writeable = False
    assert_raises(ValueError, ["out", "read-only"], bx.box_filter, IMAGE, 3, out=out)


def test_out_whose_elements_share_memory():
    out = np.lib.stride_tricks.as_strided(np.zeros(7, dtype=np.float32), (5, 7), (0, 4))
    assert_raises(ValueError, ["out", "share memory"], bx.box_filter, IMAGE, 3, out=out)


@pytest.mark.parametrize("out", [[[0.0] * 7] * 5, "out", 5, (np.zeros((5, 7)),)])
def test_out_that_is_no_array(out):
    assert_raises((TypeError, ValueError), ["out"], bx.box_filter, IMAGE, 3, out=out)


def test_out_of_many_statistics():
    names = ("mean", "max")
    good = np.zeros((5, 7), dtype=np.float32)
    kinds = (TypeError, ValueError, KeyError)
    for out in (
        good, [good], [good, good], [good, good.copy(), good.copy()], {"mean": good, "min": good}
    ):  # fmt: skip
        assert_raises(kinds, ["out"], bx.box_filter, IMAGE, 3, names, out=out)


# keywords -----------------------------------------------------------------------------------------


def test_options_are_keywords_only():
    with pytest.raises(TypeError):
        bx.box_filter(IMAGE, 3, "mean", None)


@pytest.mark.parametrize("keyword", ["boundary", "block_size", "border", "skip_na"])
def test_unknown_keyword(keyword):
    with pytest.raises(TypeError, match=keyword):
        bx.box_filter(IMAGE, 3, **{keyword: 1})
