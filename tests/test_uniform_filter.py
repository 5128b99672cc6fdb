"""uniform_filter: a drop-in for SciPy's whose integers are truncated once."""

import inspect
import itertools

import numpy as np
import pytest

import box_oracle
import boxel as bx
from agreement import assert_same_bits
from box_agreement import assert_box_agrees
from box_cases import SMALL_BOXES
from cases import DTYPES, FLOATS, INTEGERS, LAYOUTS, REFUSED_DTYPES, make_image
from test_errors import assert_raises

IMAGE = np.arange(35, dtype=np.float32).reshape(5, 7)
MODES = box_oracle.SCIPY_MODES
# SciPy's has no stride.
CASES = [case for case in SMALL_BOXES if case.stride == 1 and case.shape]


def geometry(case):
    return {"axes": case.axes, "origin": case.origin}


# The same call ------------------------------------------------------------------------------------


def test_signature_is_that_of_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    theirs = inspect.signature(ndimage.uniform_filter).parameters
    ours = inspect.signature(bx.uniform_filter).parameters
    assert list(ours) == [*theirs, "workers"]
    for name, parameter in theirs.items():
        assert ours[name].default == parameter.default, name
        assert ours[name].kind == parameter.kind, name
    assert ours["workers"].kind is inspect.Parameter.KEYWORD_ONLY


def test_arguments_by_position():
    image = make_image("float64", (5, 7))
    out = np.zeros(image.shape)
    found = bx.uniform_filter(image, (2, 3), out, ("constant", "wrap"), 1.5, (0, -1))
    assert found is out
    named = {"mode": ("constant", "wrap"), "cval": 1.5, "origin": (0, -1)}
    assert_same_bits(out, bx.uniform_filter(input=image, size=(2, 3), output=None, **named))
    assert_box_agrees(out, image, (2, 3), "mean", **named)
    assert_same_bits(bx.uniform_filter(image), bx.uniform_filter(image, 3))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("mode", MODES)
def test_floats_are_box_means(mode, dtype):
    for case in CASES:
        image = make_image(dtype, case.shape)
        found = bx.uniform_filter(image, case.size, mode=mode, **geometry(case))
        options = {"mode": mode, "dtype": dtype, **geometry(case)}
        assert_box_agrees(found, image, case.size, "mean", **options)
        assert_same_bits(found, bx.box_filter(image, case.size, **options))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8"])
@pytest.mark.parametrize("mode", [*MODES, *box_oracle.ALIASES])
def test_floats_are_those_of_scipy(mode, dtype):
    ndimage = pytest.importorskip("scipy.ndimage")
    for case in CASES:
        image = make_image(dtype, case.shape)
        if dtype == "int32":
            image = image // 2**10
        size = case.size
        options = {"mode": mode, "cval": 2, **geometry(case)}
        if isinstance(case.axes, int):
            options["axes"] = (case.axes,)
        output = np.float32 if dtype == "float32" else np.float64
        expected = ndimage.uniform_filter(image, size, output=output, **options)
        found = bx.uniform_filter(image, size, output=output, **options)
        assert found.dtype == expected.dtype
        scale = float(np.abs(image.astype(np.float64)).max())
        rtol = 1e-6 if output is np.float32 else 1e-13
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=4 * rtol * scale)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int16", "int32", "uint32"])
@pytest.mark.parametrize("mode", MODES)
def test_integers_along_one_axis_are_those_of_scipy(mode, dtype):
    ndimage = pytest.importorskip("scipy.ndimage")
    image = make_image(dtype, (6, 9))
    for axis, size in itertools.product((0, 1), (1, 2, 3, 8, 20)):
        for origin in {-(size // 2), 0, (size - 1) // 2}:
            options = {"axes": (axis,), "mode": mode, "origin": origin, "cval": 1}
            expected = ndimage.uniform_filter(image, size, **options)
            found = bx.uniform_filter(image, size, **options)
            assert_same_bits(found, expected)


def test_integers_are_truncated_once_where_scipy_truncates_along_every_axis():
    ndimage = pytest.importorskip("scipy.ndimage")
    image = np.diag([3, 3, 3]).astype(np.uint8)
    image[0, 1] = 2
    # The sum is 11. Columns cut first give 1, 1, 1 and so do rows: nothing is left of the 2.
    assert bx.uniform_filter(image)[1, 1] == 11 // 9
    image = np.full((3, 3), 2, dtype=np.uint8)
    image[0] = 1
    image[1, 1] = 5
    # The sum is 18, the means of the columns 1.67, 2.67 and 1.67.
    assert bx.uniform_filter(image)[1, 1] == 2
    assert ndimage.uniform_filter(image)[1, 1] == 1


# Integers: the exact mean, truncated once ---------------------------------------------------------


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("mode", MODES)
def test_integers_are_truncated_exact_means(mode, dtype):
    for case in CASES:
        image = make_image(dtype, case.shape)
        found = bx.uniform_filter(image, case.size, mode=mode, cval=1, **geometry(case))
        options = {"mode": mode, "cval": 1, **geometry(case)}
        assert_same_bits(found, box_oracle.uniform_filter(image, case.size, **options))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "uint64"])
def test_means_just_below_an_integer(dtype):
    limits = np.iinfo(dtype)
    for value in (limits.max, limits.min + 1, limits.max // 2 + 2, 3):
        for size in (3, 9, 48):
            image = np.full((size, 2 * size), value, dtype=dtype)
            image[0, 0] -= 1
            exact = value * size * size - 1
            cut = exact // size**2 if exact > 0 else -(-exact // size**2)
            found = bx.uniform_filter(image, size, mode="wrap")
            holds = box_oracle.touched((0, 0), image.shape, (size, size), ("wrap", "wrap"))
            assert set(found[holds].tolist()) == {cut}
            assert set(found[~holds].tolist()) == {value}


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_negative_means_are_truncated_toward_zero(dtype):
    image = np.array([-1, 0, 0, -1, -1, 0, -1, -1, -1], dtype=dtype)
    assert bx.uniform_filter(image, 3).tolist() == [0, 0, 0, 0, 0, 0, 0, -1, -1]


def test_bool_is_true_where_the_whole_box_is():
    image = make_image("bool", (40, 50)) | make_image("bool", (40, 50), seed=1)
    for size, mode in itertools.product((2, 3, (1, 5)), MODES):
        found = bx.uniform_filter(image, size, mode=mode, cval=True)
        assert_same_bits(found, bx.box_filter(image, size, "all", mode=mode, cval=True))
        assert found.any()
        assert not found.all()


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_in_long_lines(dtype):
    image = make_image(dtype, (40, 130))
    exact = image.astype(object) if dtype != "bool" else image.astype(int).astype(object)
    for size in ((3, 3), (16, 1), (1, 101), (7, 64)):
        rows, columns = (
            box_oracle.multiplicities(length, side, "reflect")
            for length, side in zip(image.shape, size, strict=True)
        )
        sums = rows.dot(exact).dot(columns.T)
        volume = size[0] * size[1]
        expected = np.where(sums < 0, -(-sums // volume), sums // volume).astype(dtype)
        assert_same_bits(bx.uniform_filter(image, size), expected)


@pytest.mark.parametrize("output", INTEGERS[1:])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "uint64", "float32", "float64"])
def test_integers_saturate(dtype, output):
    image = make_image(dtype, (6, 7))
    if image.dtype.kind == "f":
        # Eighths, never near to an integer on average: rounding cannot move them over it.
        image = (np.round(image) * 4 + 0.125) * 1000
    found = bx.uniform_filter(image, (2, 3), output=output)
    expected = box_oracle.uniform_filter(image, (2, 3), output=output)
    if image.dtype.kind != "f":
        assert_same_bits(found, expected)
    else:
        means = box_oracle.exact_means(image, (2, 3))
        clear = np.array([abs(mean - round(mean)) > 1e-6 for mean in means.ravel()])
        assert clear.any()
        assert found.dtype == expected.dtype
        assert found.ravel()[clear].tolist() == expected.ravel()[clear].tolist()


# output -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_output_has_the_dtype_of_the_input(dtype):
    for order in "=S":
        image = make_image(dtype, (5, 7)).astype(np.dtype(dtype).newbyteorder(order))
        found = bx.uniform_filter(image)
        assert type(found) is np.ndarray
        assert found.shape == image.shape
        assert found.dtype == np.dtype(dtype)
        assert found.dtype.isnative
        assert not np.shares_memory(found, image)


@pytest.mark.parametrize("output", [np.float32, np.dtype("float32"), "float32", "f4"])
def test_spellings_of_a_dtype(output):
    image = make_image("uint8", (5, 7))
    found = bx.uniform_filter(image, output=output)
    assert found.dtype == np.float32
    assert_box_agrees(found, image, 3, "mean", dtype="float32")


@pytest.mark.parametrize("output", [float, int, bool])
def test_types_of_python(output):
    image = make_image("uint8", (5, 7)) % 2
    assert bx.uniform_filter(image, output=output).dtype == np.dtype(output)


@pytest.mark.parametrize("output", FLOATS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_floats_are_rounded_once(dtype, output):
    image = make_image(dtype, (5, 7))
    with np.errstate(over="ignore"):
        found = bx.uniform_filter(image, (2, 3), output=output)
        assert_box_agrees(found, image, (2, 3), "mean", dtype=output)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout != "read-only"])
def test_output_is_an_array(layout, dtype):
    image = make_image(dtype, (6, 9))
    expected = bx.uniform_filter(image, (2, 3))
    output = LAYOUTS[layout](np.zeros(image.shape, dtype))
    assert bx.uniform_filter(image, (2, 3), output=output) is output
    np.testing.assert_array_equal(output, expected)


@pytest.mark.parametrize("output", DTYPES)
def test_dtype_of_an_output_array(output):
    image = np.arange(35, dtype=np.float32).reshape(5, 7) + 0.25
    array = np.zeros(image.shape, output)
    bx.uniform_filter(image, (1, 3), output=array, mode="nearest")
    expected = box_oracle.uniform_filter(image, (1, 3), output=output, mode="nearest")
    np.testing.assert_allclose(array.astype(np.float64), expected.astype(np.float64), rtol=2e-3)
    if array.dtype.kind != "f":
        means = box_oracle.exact_means(image, (1, 3), mode="nearest")
        clear = np.array([abs(mean - round(mean)) > 1e-6 for mean in means.ravel()])
        np.testing.assert_array_equal(array.ravel()[clear], expected.ravel()[clear])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", MODES)
def test_output_that_is_the_input(mode, dtype):
    for shape in ((6, 9), (40, 301)):
        image = make_image(dtype, shape)
        expected = bx.uniform_filter(image, (2, 5), mode=mode)
        for turn in (np.s_[:], np.s_[::-1], np.s_[:, ::-1]):
            memory = image.copy()
            output = memory[turn]
            assert bx.uniform_filter(memory, (2, 5), mode=mode, output=output) is output
            np.testing.assert_array_equal(output, expected)


# Any array ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, dtype):
    image = make_image(dtype, (7, 19))
    found = bx.uniform_filter(LAYOUTS[layout](image), (2, 5))
    if dtype in INTEGERS:
        assert_same_bits(found, bx.uniform_filter(image, (2, 5)))
    else:
        assert_box_agrees(found, image, (2, 5), "mean", dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_zero_dimensional_and_empty_input(dtype):
    image = np.array(make_image(dtype, (1,))[0])
    found = bx.uniform_filter(image)
    assert_same_bits(found, image)
    assert not np.shares_memory(found, image)
    for shape in ((0,), (0, 5), (3, 0, 4)):
        found = bx.uniform_filter(np.empty(shape, dtype))
        assert found.shape == shape
        assert found.dtype == np.dtype(dtype)


def test_no_axes_are_a_copy():
    for dtype in DTYPES:
        image = make_image(dtype, (5, 7))
        found = bx.uniform_filter(image, axes=())
        assert_same_bits(found, image)
        assert not np.shares_memory(found, image)
        assert_same_bits(bx.uniform_filter(image, 1), image)


def test_array_likes():
    found = bx.uniform_filter([[1, 2, 3], [4, 5, 6]], (1, 2))
    assert_same_bits(found, np.array([[1, 1, 2], [4, 4, 5]]))
    found = bx.uniform_filter([[1, 2, 3], [4, 5, 6]], 2, origin=-1)
    assert_same_bits(found, np.array([[3, 4, 4], [4, 5, 6]]))


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_and_infinities_stay_in_their_boxes(dtype, special):
    image = make_image(dtype, (6, 40))
    clean = bx.uniform_filter(image, (3, 5))
    image[2, 20] = special
    found = bx.uniform_filter(image, (3, 5))
    held = box_oracle.touched((2, 20), image.shape, (3, 5), ("reflect", "reflect"))
    np.testing.assert_array_equal(found[held], np.full(held.sum(), special, dtype))
    assert_same_bits(found[~held], clean[~held])


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
def test_same_bits_for_every_number_of_workers(dtype):
    image = make_image(dtype, (300, 1021))
    expected = bx.uniform_filter(image, (7, 5), workers=1)
    for workers in (2, 3):
        assert_same_bits(bx.uniform_filter(image, (7, 5), workers=workers), expected)


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["valid", "shrink"])
def test_modes_that_are_not_scipys_point_to_box_filter(mode):
    for modes in (mode, ("reflect", mode)):
        assert_raises(ValueError, [mode, "box_filter"], bx.uniform_filter, IMAGE, mode=modes)


def test_unknown_modes():
    words = ["mode", "'relfect'", "did you mean 'reflect'", *MODES]
    assert_raises(ValueError, words, bx.uniform_filter, IMAGE, mode="relfect")
    words = ["'symmetric'", "'reflect'"]
    assert_raises(ValueError, words, bx.uniform_filter, IMAGE, mode="symmetric")
    assert_raises(ValueError, ["'edge'", "'nearest'"], bx.uniform_filter, IMAGE, mode="edge")
    assert_raises(ValueError, ["mode", "2"], bx.uniform_filter, IMAGE, mode=("wrap",))


@pytest.mark.parametrize("dtype", REFUSED_DTYPES)
def test_input_of_a_refused_dtype(dtype):
    image = np.zeros((4, 4), dtype=dtype)
    words = [str(image.dtype) if image.dtype.names is None else "f0", "float64", "bool"]
    assert_raises(TypeError, words, bx.uniform_filter, image)


def test_masked_input_points_to_box_filter():
    image = np.ma.MaskedArray(IMAGE, mask=IMAGE > 20)
    assert_raises(TypeError, ["mask", "box_filter", "where"], bx.uniform_filter, image)
    assert_raises(TypeError, ["box_filter"], bx.uniform_filter, np.ma.MaskedArray(IMAGE))


@pytest.mark.parametrize("output", INTEGERS)
def test_nan_has_no_integer(output):
    image = IMAGE.copy()
    image[2, 3] = np.nan
    assert_raises(ValueError, [output], bx.uniform_filter, image, output=output)
    before = image.tobytes()
    array = np.zeros(image.shape, output)
    assert_raises(ValueError, [output], bx.uniform_filter, image, output=array)
    assert image.tobytes() == before


@pytest.mark.parametrize("special", [np.inf, -np.inf])
@pytest.mark.parametrize("output", [name for name in INTEGERS if name != "bool"])
def test_infinities_saturate_integers(output, special):
    image = IMAGE.copy()
    image[2, 3] = special
    limits = np.iinfo(output)
    expected = limits.max if special > 0 else limits.min
    assert (bx.uniform_filter(image, output=output)[1:4, 2:5] == expected).all()


@pytest.mark.parametrize("size", [0, -1, (3, 0)])
def test_size_below_one(size):
    words = ["size", str(min(np.atleast_1d(size)))]
    assert_raises(ValueError, words, bx.uniform_filter, IMAGE, size)


@pytest.mark.parametrize("size", [2.0, True, "3", None, (3, 2.5)])
def test_size_that_is_no_integer(size):
    assert_raises(TypeError, ["size"], bx.uniform_filter, IMAGE, size)


@pytest.mark.parametrize("size", [(3,), (3, 3, 3)])
def test_size_of_wrong_length(size):
    assert_raises(ValueError, ["size", str(len(size)), "2"], bx.uniform_filter, IMAGE, size)


@pytest.mark.parametrize(("size", "origin"), [(3, 2), (4, -3), ((3, 1), (0, 1))])
def test_origin_outside_the_box(size, origin):
    assert_raises(ValueError, ["origin"], bx.uniform_filter, IMAGE, size, origin=origin)


def test_origin_and_axes_that_are_wrong():
    assert_raises(TypeError, ["origin"], bx.uniform_filter, IMAGE, origin=0.5)
    assert_raises(ValueError, ["origin", "3", "2"], bx.uniform_filter, IMAGE, origin=(0, 0, 0))
    assert_raises(ValueError, ["2"], bx.uniform_filter, IMAGE, axes=2)
    assert_raises(ValueError, ["axes"], bx.uniform_filter, IMAGE, axes=(0, 0))
    assert_raises(TypeError, ["axes"], bx.uniform_filter, IMAGE, axes=0.5)
    assert_raises(ValueError, ["workers"], bx.uniform_filter, IMAGE, workers=0)


@pytest.mark.parametrize("shape", [(5,), (7, 5), (1, 5, 7), ()])
def test_output_of_wrong_shape(shape):
    words = ["output", str(shape), "(5, 7)"]
    assert_raises(ValueError, words, bx.uniform_filter, IMAGE, output=np.zeros(shape))


@pytest.mark.parametrize("output", ["complex64", "S3", "M8[s]", object, "float23", [1, 2], 5])
def test_output_of_a_refused_dtype(output):
    assert_raises(TypeError, ["output"], bx.uniform_filter, IMAGE, output=output)


@pytest.mark.parametrize("dtype", ["complex64", "object"])
def test_output_array_of_a_refused_dtype(dtype):
    output = np.zeros((5, 7), dtype)
    assert_raises(TypeError, ["output", dtype], bx.uniform_filter, IMAGE, output=output)


def test_output_that_is_read_only():
    output = np.zeros((5, 7))
    output.flags.writeable = False
    assert_raises(ValueError, ["output", "read-only"], bx.uniform_filter, IMAGE, output=output)


def test_axes_and_workers_are_keywords_only():
    with pytest.raises(TypeError):
        bx.uniform_filter(IMAGE, 3, None, "reflect", 0.0, 0, (0,))
