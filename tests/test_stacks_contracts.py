"""What voxel statistics promise besides their values: edge cases, errors, memory, real data."""

import math
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import boxel as bx
from agreement import assert_same_bits
from cases import DTYPES, FLOATS, INTEGERS, REFUSED_DTYPES, make_image
from subprocesses import PEAK, run_script
from test_contracts import instruction_sets

FUNCTIONS = {"mean": bx.voxel_mean, "var": bx.voxel_var, "std": bx.voxel_std}
SPREADS = {"var": bx.voxel_var, "std": bx.voxel_std}


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# Edge cases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_no_volumes(function, dtype):
    found = function(np.empty((3, 0, 2), dtype), axis=1)
    assert found.shape == (3, 2)
    assert np.isnan(found).all()
    assert np.isnan(function(np.empty(0, dtype)))
    out = np.ones((3, 2))
    assert function(np.empty((3, 0, 2), dtype), axis=1, out=out) is out
    assert np.isnan(out).all()
    assert (function(np.empty((3, 0), dtype), fill_value=-1) == -1).all()


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_no_volumes_with_options(function):
    stack = np.empty((3, 0, 2))
    options = {"where": np.empty((0, 1), bool), "weights": np.empty((3, 0, 2)), "keepdims": True}
    found = function(stack, 1, **options)
    assert found.shape == (3, 1, 2)
    assert np.isnan(found).all()
    masked = np.ma.array(stack, mask=np.ones(stack.shape, bool))
    assert np.isnan(function(masked, 1)).all()
    with pytest.raises(ValueError, match="where of shape"):
        function(stack, 1, where=np.ones((5, 1), bool))


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_no_voxels(function):
    assert function(np.empty((0, 4))).shape == (0,)
    assert function(np.empty((2, 0, 4)), axis=0).shape == (0, 4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_volume(dtype):
    stack = make_image(dtype, (7, 5, 1))
    mean, var = bx.voxel_mean_var(stack)
    np.testing.assert_array_equal(mean, stack[..., 0].astype(mean.dtype))
    assert (var == 0).all()
    assert np.isnan(bx.voxel_var(stack, ddof=1)).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ddof", [4, 5, 100, 4.5])
def test_too_few_degrees_of_freedom(ddof, dtype):
    for function in SPREADS.values():
        assert np.isnan(function(make_image(dtype, (30, 4)), ddof=ddof)).all()
    where = np.arange(4) < 3
    assert np.isnan(bx.voxel_var(make_image(dtype, (30, 4)), ddof=3, where=where)).all()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("place", [0, 1, 8, 19])
def test_an_infinity_stays_in_its_voxel(place, axis, dtype):
    stack = make_image(dtype, (20, 300))
    clean_mean, clean_var = bx.voxel_mean_var(stack, 0)
    stack[place, 123] = -math.inf
    turned = np.moveaxis(stack, 0, axis).copy()
    mean, var = bx.voxel_mean_var(turned, axis)
    assert mean[123] == -math.inf
    assert np.isnan(var[123])
    others = np.arange(300) != 123
    clean = bx.voxel_mean_var(np.moveaxis(stack[:, others], 0, axis).copy(), axis)
    np.testing.assert_allclose(mean[others], clean_mean[others], rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(var[others], clean_var[others], rtol=1e-5, atol=1e-12)
    assert_same_bits(mean[others], clean[0])
    assert_same_bits(var[others], clean[1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [3, 20, 65])
def test_constant_voxels_have_no_variance(width, dtype):
    constant = {"b": 1, "i": 100, "u": 200, "f": 0.1}[np.dtype(dtype).kind]
    stack = np.full((9, 40, width), constant, dtype)
    for axis in (0, 1, 2):
        mean, var = bx.voxel_mean_var(stack, axis)
        assert (mean == stack.dtype.type(constant)).all()
        assert (var == 0).all()


def test_the_largest_floats():
    largest = np.finfo(np.float64).max
    stack = np.full((5, 8), largest)
    stack[:, ::2] *= -1
    mean, var = bx.voxel_mean_var(stack)
    assert (mean == 0).all()
    assert np.isinf(var).all()
    assert (bx.voxel_mean(np.abs(stack)) == largest).all()


# Results ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_result_dtypes(dtype):
    expected = np.float32 if dtype in ("float16", "float32") else np.float64
    stack = make_image(dtype, (3, 4))
    for found in (*bx.voxel_mean_var(stack), bx.voxel_std(stack)):
        assert found.dtype == expected
    assert bx.voxel_mean(stack, dtype="float16").dtype == np.float16
    mean, var = bx.voxel_mean_var(stack, dtype={"mean": "uint8", "var": "float32"}, fill_value=0)
    assert (mean.dtype, var.dtype) == (np.uint8, np.float32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("out_dtype", ["float64", ">f4", "int32"])
def test_out(out_dtype, dtype):
    stack = make_image(dtype, (20, 6, 30))
    if np.issubdtype(dtype, np.integer):
        stack = stack % 100
    expected = bx.voxel_mean_var(stack, 1, dtype=np.dtype(out_dtype).newbyteorder("="))
    out = (np.empty((20, 30), out_dtype), np.empty((30, 20), out_dtype).T)
    found = bx.voxel_mean_var(stack, 1, out=out)
    for each, target, right in zip(found, out, expected, strict=True):
        assert each is target
        np.testing.assert_array_equal(target, right)
    kept = np.empty((20, 1, 30), out_dtype)
    assert bx.voxel_mean(stack, 1, out=kept, keepdims=True) is kept
    np.testing.assert_array_equal(kept[:, 0], expected[0])
    half = (None, np.empty((20, 30), out_dtype))
    assert bx.voxel_mean_var(stack, 1, out=half)[1] is half[1]


def test_out_within_the_stack():
    stack = make_image("float64", (20, 6, 30))
    expected = bx.voxel_var(stack, 1)
    out = stack[:, 0]
    assert bx.voxel_var(stack, 1, out=out) is out
    assert_same_bits(np.ascontiguousarray(out), expected)


def test_layout_of_the_result_is_that_of_the_stack():
    stack = np.asfortranarray(make_image("float32", (20, 6, 30)))
    assert bx.voxel_var(stack).flags.f_contiguous
    assert bx.voxel_var(stack, 0).flags.f_contiguous
    assert bx.voxel_var(stack.copy("C"), 0).flags.c_contiguous


def test_min_count_and_fill_value():
    stack = np.arange(12.0).reshape(3, 4)
    where = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool)
    np.testing.assert_array_equal(bx.voxel_mean(stack, where=where), [0.5, 4, math.nan])
    found = bx.voxel_mean(stack, where=where, min_count=2, fill_value=-1)
    np.testing.assert_array_equal(found, [0.5, -1, -1])
    found = bx.voxel_mean(stack, where=where, fill_value=7, dtype=np.int16)
    np.testing.assert_array_equal(found, [0, 4, 7])


def test_a_weight_for_each_volume():
    stack = make_image("float64", (4, 5, 6))
    weights = np.array([1.0, 0, 2, 3])
    mean, var = bx.voxel_mean_var(stack, 0, weights=weights[:, None, None])
    np.testing.assert_allclose(mean, np.average(stack, 0, weights), rtol=1e-13, atol=1e-13)
    spread = np.average((stack - np.average(stack, 0, weights)) ** 2, 0, weights)
    np.testing.assert_allclose(var, spread, rtol=1e-12)
    assert_same_bits(bx.voxel_mean(np.moveaxis(stack, 0, -1), weights=weights), mean)


# Errors -------------------------------------------------------------------------------------------

STACK = np.zeros((3, 4, 5))


@pytest.mark.parametrize("function", [*FUNCTIONS.values(), bx.voxel_mean_var])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"axis": 3}, np.exceptions.AxisError, "axis 3 is out of bounds for array of dimension 3"),
        ({"axis": (0, -4)}, np.exceptions.AxisError, "axis -4 is out of bounds"),
        ({"axis": (1, -2)}, ValueError, "axis must name each axis once, found (1, -2)"),
        ({"axis": 0.0}, TypeError, "axis must be an integer, found 0.0 (float)"),
        ({"axis": True}, TypeError, "axis must be an integer, found True (bool)"),
        ({"where": np.ones(4, bool)}, ValueError,
         "where of shape (4,) does not broadcast to the stack of shape (3, 4, 5)"),
        ({"where": np.ones(5)}, TypeError, "where must be a bool array"),
        ({"weights": np.ones(4)}, ValueError,
         "weights of shape (4,) does not broadcast to the stack of shape (3, 4, 5)"),
        ({"weights": [1, 2, -3.5, 1, 1]}, ValueError,
         "weights must be finite and not negative, found -3.5"),
        ({"weights": [1, 2, math.nan, 1, 1]}, ValueError, "found nan"),
        ({"skipna": 1}, TypeError, "skipna must be True or False"),
        ({"keepdims": "no"}, TypeError, "keepdims must be True or False"),
        ({"min_count": -1}, ValueError, "min_count must be at least 0, found -1"),
        ({"workers": 0}, ValueError, "workers"),
        ({"dtype": complex}, TypeError, "dtype complex128 is not supported"),
        ({"dtype": "floaty"}, TypeError, "unknown dtype 'floaty'"),
    ],
)  # fmt: skip
def test_errors(function, arguments, error, message):
    with pytest.raises(error) as raised:
        function(STACK, **arguments)
    assert message in str(raised.value)


@pytest.mark.parametrize("function", [*SPREADS.values(), bx.voxel_mean_var])
@pytest.mark.parametrize("ddof", [-1, math.nan, math.inf])
def test_ddof_out_of_range(function, ddof):
    with pytest.raises(ValueError, match="ddof must be a finite number of at least 0"):
        function(STACK, ddof=ddof)


@pytest.mark.parametrize("dtype", REFUSED_DTYPES)
def test_refused_dtypes(dtype):
    with pytest.raises(TypeError, match=r"stack has dtype .*; accepted are bool, int8"):
        bx.voxel_var(np.zeros((2, 3), dtype))


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.empty((3, 5)), ValueError, "out has shape (3, 5), the result has shape (3, 4)"),
        (np.empty((3, 4, 1)), ValueError, "out has shape (3, 4, 1), the result has shape (3, 4)"),
        (np.empty((3, 4), complex), TypeError, "out has dtype complex128"),
        ([1], TypeError, "out must be a numpy.ndarray, found list"),
        (np.broadcast_to(1.0, (3, 4)), ValueError, "out is read-only"),
    ],
)
def test_wrong_out(out, error, message):
    for call in (
        lambda: bx.voxel_var(STACK, out=out),
        lambda: bx.voxel_mean_var(STACK, out=(None, out)),
    ):
        with pytest.raises(error) as raised:
            call()
        assert message in str(raised.value)


@pytest.mark.parametrize("out", [np.empty((3, 4)), (np.empty((3, 4)),), "ab"])
def test_out_of_mean_and_var_is_a_pair(out):
    with pytest.raises(TypeError, match=r"out must be a pair \(mean, var\)"):
        bx.voxel_mean_var(STACK, out=out)


def test_one_array_for_both_results():
    out = np.empty((3, 4))
    with pytest.raises(ValueError, match="different array"):
        bx.voxel_mean_var(STACK, out=(out, out))


def test_results_must_not_lie_upon_each_other():
    memory = np.empty((4, 4))
    for out in ((memory[:3], memory[1:]), (memory[:3], memory[:3]), (memory[2::-1], memory[:3])):
        with pytest.raises(ValueError, match="share memory"):
            bx.voxel_mean_var(STACK, out=out)
    interleaved = np.empty((3, 4, 2))
    mean, var = bx.voxel_mean_var(STACK, out=(interleaved[..., 0], interleaved[..., 1]))
    assert_same_bits(mean.copy(), bx.voxel_mean(STACK))
    assert_same_bits(var.copy(), bx.voxel_var(STACK))


def test_a_voxel_without_samples_and_integers():
    for stack in (np.zeros((2, 0)), np.zeros((2, 3))):
        with pytest.raises(ValueError, match="int64 cannot hold NaN"):
            bx.voxel_mean(stack, dtype=np.int64, where=np.zeros(stack.shape, bool))


# Same bits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_same_bits_for_every_number_of_workers(dtype, axis):
    shape = (20, 150, 1501) if axis == 0 else (150, 1501, 20)
    stack = make_image(dtype, shape)
    one, two, five = (bx.voxel_mean_var(stack, axis, workers=n) for n in (1, 2, 5))
    for each in (two, five):
        assert_same_bits(each[0], one[0])
        assert_same_bits(each[1], one[1])


DIGESTS = """
    import hashlib
    import sys
    sys.path.insert(0, sys.argv[1])
    import boxel as bx
    from cases import DTYPES, make_image
    from test_stacks_oracle import WIDTHS
    for dtype in DTYPES:
        for width in WIDTHS:
            stack = make_image(dtype, (3, 67, width))
            for axis in (2, 1, 0):
                for found in (*bx.voxel_mean_var(stack, axis), bx.voxel_std(stack, axis)):
                    print(dtype, width, axis, hashlib.sha256(found.tobytes()).hexdigest())
"""


def test_same_bits_for_every_instruction_set(request):
    levels = instruction_sets()
    if len(levels) < 2:
        pytest.skip("this processor runs fewer than two of the levels")
    printed = [
        run_script(DIGESTS, request.path.parent, environment={"BOXEL_ISA": level}, timeout=170)
        for level in levels
    ]
    assert len(printed[0].splitlines()) > 1000
    assert all(each == printed[0] for each in printed)


# Memory -------------------------------------------------------------------------------------------

MEMORY = (
    PEAK
    + """
import sys
import numpy as np
import boxel as bx
option, axis, layout = sys.argv[1], int(sys.argv[2]), sys.argv[3]
shape = (128, 128, 64, 16) if axis else (16, 128, 128, 64)
stack = np.ones(shape, np.float32)  # 64 MB
stack = {
    "C": stack,
    "F": stack.T,
    "swapped": stack.view(">f4"),
    "negative": stack[::-1, ::-1],
}[layout]
axis = -1 - axis if layout == "F" else axis
options = {
    "plain": {},
    "where": {"where": np.ones(stack.shape, bool)},
    "weights": {"weights": np.ones(()), },
    "skipna": {"skipna": True},
    "out": {"out": (np.ones(stack.size // 16).reshape(stack.sum(axis).shape), None)},
}[option]
bx.voxel_mean_var(stack[:2, :2, :2, :2], axis, **{**options, "where": True, "out": None})
before = peak()
bx.voxel_mean_var(stack, axis, workers=2, **options)
print(peak() - before)
"""
)


@pytest.mark.skipif(sys.platform != "linux", reason="VmHWM is Linux's")
@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize(
    ("option", "layout"),
    [("plain", "C"), ("plain", "F"), ("plain", "swapped"), ("plain", "negative"), ("where", "C"),
     ("weights", "C"), ("skipna", "C"), ("out", "C")],
)  # fmt: skip
def test_memory_is_that_of_the_results(option, layout, axis):
    grown = float(run_script(MEMORY, option, axis, layout))
    # The stack has 64 MB, the results 4 MB each; a copy or a float64 temporary would show.
    assert grown < 16, f"{grown} MB more for a stack of 64 MB"


# Real data ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["<", ">"], ids=["little-endian", "big-endian"])
def functional(request):
    """Return 4-D MRI volumes that come with nibabel: int16 in Fortran order, either byte order."""
    nibabel = pytest.importorskip("nibabel")
    path = Path(nibabel.__file__).parent / "tests" / "data" / "functional.nii"
    stored = nibabel.load(path).dataobj.get_unscaled()
    return stored.astype(stored.dtype.newbyteorder(request.param))


def test_functional_mri(functional):
    assert functional.shape == (17, 21, 3, 20)
    assert functional.dtype in ("<i2", ">i2")
    mean, var = bx.voxel_mean_var(functional, ddof=1)
    wide = functional.astype(np.longdouble)
    np.testing.assert_array_equal(mean, wide.mean(axis=-1).astype(np.float64))
    np.testing.assert_allclose(var, wide.var(axis=-1, ddof=1).astype(np.float64), rtol=1e-15)
    assert var.max() > 0
    native = np.ascontiguousarray(functional.astype(np.int16))
    for turned, axis in ((native, -1), (np.moveaxis(native, -1, 0).copy(), 0)):
        assert_same_bits(bx.voxel_var(turned, axis, ddof=1), np.ascontiguousarray(var))


def test_functional_mri_masked(functional):
    brain = bx.voxel_mean(functional) > bx.voxel_mean(functional, axis=None)
    found = bx.voxel_var(functional, axis=(0, 1, 2), where=brain[..., None])
    expected = [functional[..., k][brain].astype(np.longdouble).var() for k in range(len(found))]
    np.testing.assert_allclose(found, np.array(expected, np.float64), rtol=1e-14)


# Peers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [-1, 0, 1, (0, 1), None], ids=str)
@pytest.mark.parametrize("dtype", [*INTEGERS, "float64"])
def test_numpy_agrees(dtype, axis):
    stack = make_image(dtype, (6, 30, 20)).astype(dtype)
    if dtype in ("int64", "uint64"):
        stack >>= 40
    for name, function in FUNCTIONS.items():
        expected = getattr(np, name)(stack.astype(np.float64), axis=axis)
        np.testing.assert_allclose(function(stack, axis), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("axis", [-1, 0])
def test_numpy_agrees_where_nan_is_left_out(axis):
    stack = make_image("float64", (6, 30, 20))
    stack[np.random.default_rng(0).random(stack.shape) < 0.2] = math.nan
    for name, function in FUNCTIONS.items():
        expected = getattr(np, f"nan{name}")(stack, axis=axis)
        np.testing.assert_allclose(function(stack, axis, skipna=True), expected, rtol=1e-12)
