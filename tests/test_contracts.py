"""The ten contracts of the design; those that are long have a file of their own."""

import math
import time
from fractions import Fraction

import numpy as np
import pytest

import boxel as bx
import oracle
from agreement import assert_same_bits
from cases import (
    DTYPES,
    FLOATS,
    INTEGERS,
    LARGE_CASES,
    LAYOUTS,
    make_image,
    make_image_with_specials,
    make_weights,
    make_where,
)
from subprocesses import run_script

STATISTICS = tuple(oracle.STATISTICS)


# 1. Only what is in the box counts ----------------------------------------------------------------


@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf, 1e308])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_special_value_changes_its_own_block_alone(dtype, special):
    if abs(special) == 1e308 and dtype != "float64":
        special = float(np.finfo(dtype).max)
    clean = make_image(dtype, (7, 11))
    before = bx.block_reduce(clean, (2, 3), STATISTICS)
    for place in np.ndindex(clean.shape):
        image = clean.copy()
        image[place] = special
        block = (place[0] // 2, place[1] // 3)
        after = bx.block_reduce(image, (2, 3), STATISTICS)
        for name in STATISTICS:
            if math.isnan(special) and oracle.STATISTICS[name].result_kind in ("sum", "input"):
                assert np.isnan(after[name][block])
            after[name][block] = before[name][block]
            assert_same_bits(after[name], before[name])


@pytest.mark.parametrize("special", [math.nan, math.inf])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_special_value_left_out_changes_nothing(statistic, special):
    clean = make_image("float64", (7, 11))
    for place in [(0, 0), (3, 4), (6, 10)]:
        image = clean.copy()
        image[place] = special
        where = np.ones(clean.shape, dtype=bool)
        where[place] = False
        expected = bx.block_reduce(clean, (2, 3), statistic, where=where)
        assert_same_bits(bx.block_reduce(image, (2, 3), statistic, where=where), expected)
        masked = np.ma.MaskedArray(image, mask=~where)
        assert_same_bits(bx.block_reduce(masked, (2, 3), statistic), expected)
        if statistic not in ("median", "mode"):
            weights = where * 2.5
            expected = bx.block_reduce(clean, (2, 3), statistic, weights=weights)
            found = bx.block_reduce(image, (2, 3), statistic, weights=weights)
            assert_same_bits(found, expected)


@pytest.mark.parametrize("dtype", FLOATS)
def test_infinities(dtype):
    infinite = np.array([1, np.inf, -np.inf, 2, np.inf, -np.inf, np.inf, np.inf], dtype=dtype)
    found = bx.block_reduce(infinite, 2, ("sum", "mean", "var", "std", "min", "max"))
    np.testing.assert_array_equal(found["mean"], [np.inf, -np.inf, np.nan, np.inf])
    np.testing.assert_array_equal(found["sum"], [np.inf, -np.inf, np.nan, np.inf])
    np.testing.assert_array_equal(found["min"], [1, -np.inf, -np.inf, np.inf])
    np.testing.assert_array_equal(found["max"], [np.inf, 2, np.inf, np.inf])
    assert np.isnan(found["var"]).all()
    assert np.isnan(found["std"]).all()


# 2. Integers are exact ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "length"), [("uint8", 300), ("int8", 300), ("uint16", 70_000), ("int16", 70_000)]
)
@pytest.mark.parametrize("shape", ["row", "column", "square"])
def test_sums_past_the_next_wider_integer(shape, dtype, length):
    limits = np.iinfo(dtype)
    side = math.isqrt(length) + 1
    shape = {"row": (1, length), "column": (length, 1), "square": (side, side)}[shape]
    for value in (limits.min, limits.max):
        image = np.full(shape, value, dtype=dtype)
        found = bx.block_reduce(image, shape, ("sum", "mean", "var", "min", "max"))
        assert found["sum"].item() == value * image.size
        assert found["mean"].item() == value
        assert found["var"].item() == 0
        assert found["min"].item() == found["max"].item() == value


@pytest.mark.parametrize("shape", [(1 << 25, 1), (1, 1 << 25), (1 << 12, 1 << 13)])
def test_sum_of_uint8_past_32_bits(shape):
    image = np.full(shape, 255, dtype=np.uint8)
    found = bx.block_reduce(image, shape, "sum")
    assert found.dtype == np.uint64
    assert found.item() == 255 << 25
    assert bx.block_reduce(image, shape, "mean").item() == 255
    assert bx.block_reduce(image, shape, "count_nonzero").item() == 1 << 25
    assert bx.block_reduce(image, shape, "density").item() == 1


@pytest.mark.parametrize("dtype", ["int32", "uint32"])
def test_sum_of_32_bit_integers_past_32_bits(dtype):
    limits = np.iinfo(dtype)
    for value in (limits.min, limits.max):
        image = np.full((5, 1001), value, dtype=dtype)
        assert bx.block_reduce(image, image.shape, "sum").item() == value * image.size
        assert bx.block_reduce(image, image.shape, "mean").item() == value


def test_sum_of_64_bit_integers_past_the_digits_of_a_float():
    image = np.array([2**53, 1, -(2**62), 2**62 + 1, 2**63 - 2, 1], dtype=np.int64)
    assert bx.block_reduce(image, 2, "sum").tolist() == [2**53 + 1, 1, 2**63 - 1]
    image = np.array([2**53, 1, 2**64 - 2, 1], dtype=np.uint64)
    assert bx.block_reduce(image, 2, "sum").tolist() == [2**53 + 1, 2**64 - 1]


def test_sum_wraps_past_64_bits():
    assert bx.block_reduce(np.full(3, 2**63 - 1), 3, "sum").item() == 2**63 - 3
    assert bx.block_reduce(np.full(3, 2**64 - 1, np.uint64), 3, "sum").item() == 2**64 - 3


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int32", "uint32"])
@pytest.mark.parametrize("block_size", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("axis", [0, 1])
def test_mean_of_wide_integers_is_rounded_once(axis, block_size, dtype):
    limits = np.iinfo(dtype)
    generator = np.random.default_rng(block_size)
    image = generator.integers(limits.min, limits.max, (2, 1000), dtype=dtype, endpoint=True)
    image[0, :100] = limits.max
    image[0, 100:200] = limits.min
    image = np.moveaxis(image, 1, axis)
    found = np.moveaxis(bx.block_reduce(image, block_size, axes=axis), axis, 1)
    rows = np.moveaxis(image, axis, 1).tolist()
    for row, means in zip(rows, found.tolist(), strict=True):
        blocks = [row[start : start + block_size] for start in range(0, 1000, block_size)]
        assert means == [float(Fraction(sum(block), len(block))) for block in blocks]


def test_mean_of_64_bit_integers_does_not_wrap():
    image = np.full(4, 2**63 - 1, dtype=np.int64)
    assert bx.block_reduce(image, 4).item() == float(2**63 - 1)
    image = np.full(5, 2**64 - 1, dtype=np.uint64)
    assert bx.block_reduce(image, 5).item() == float(2**64 - 1)
    image = np.array([-(2**63)] * 3, dtype=np.int64)
    assert bx.block_reduce(image, 3).item() == float(-(2**63))


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16"])
def test_variance_of_narrow_integers_is_rounded_once(dtype):
    image = make_image(dtype, (40, 41))
    for block_size in (2, 7, (40, 1), (1, 41), 41):
        found = bx.block_reduce(image, block_size, "var")
        sizes = oracle.one_per_axis(block_size, None, 2, 1)
        assert_same_bits(found, oracle.block_reduce(image, sizes, "var"))


# 3. Floats are accumulated wide: test_float_contracts.py ------------------------------------------
# 4. Variance is never negative, means lie within their samples: test_float_contracts.py -----------

# 5. Same bits for every number of workers and every instruction set -------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "float64"])
def test_same_bits_for_every_number_of_workers(dtype, statistic):
    for shape, block_size in [((300, 1021), (7, 5)), ((37, 90, 33), 3), ((1, 200_003), 200_003)]:
        image = make_image(dtype, shape)
        expected = bx.block_reduce(image, block_size, statistic, workers=1)
        for workers in (2, 3, 4, 5):
            found = bx.block_reduce(image, block_size, statistic, workers=workers)
            assert_same_bits(found, expected)


@pytest.mark.parametrize("workers", [2, 3, 5])
def test_same_bits_for_every_number_of_workers_with_options(workers):
    image = make_image_with_specials("float32", (301, 1021))
    options = {
        "where": make_where(image.shape),
        "weights": make_weights(image.shape),
        "skipna": True,
        "boundary": "pad",
    }
    names = tuple(name for name in STATISTICS if name not in ("median", "mode"))
    expected = bx.block_reduce(image, (7, 5), names, workers=1, **options)
    found = bx.block_reduce(image, (7, 5), names, workers=workers, **options)
    for name in names:
        assert_same_bits(found[name], expected[name])


def test_workers_set_once_for_all():
    before = bx.get_workers()
    image = make_image("float32", (300, 1021))
    expected = bx.block_reduce(image, 3, "var", workers=1)
    try:
        for workers in (1, 2, 3):
            bx.set_workers(workers)
            assert bx.get_workers() == workers
            assert_same_bits(bx.block_reduce(image, 3, "var"), expected)
        bx.set_workers(None)
        assert bx.get_workers() >= 1
    finally:
        bx.set_workers(before)


DIGESTS = """
    import hashlib, sys
    sys.path.insert(0, sys.argv[1])
    import boxel as bx
    import numpy as np
    from cases import DTYPES, FLOATS, LARGE_CASES, SLOT_CASES, SMALL_CASES
    from cases import make_image, make_image_with_specials, make_weights, make_where

    def digest(array):
        # The sign of a NaN is nothing that a computation decides.
        array = np.where(array != array, array.dtype.type(0), array).tobytes() + (
            array != array
        ).tobytes()
        return hashlib.sha256(array).hexdigest()[:12]

    names = [name for name in bx.STATISTICS if name not in ("median", "mode")]
    for dtype in DTYPES:
        for case in (*SMALL_CASES, *LARGE_CASES, *SLOT_CASES):
            image = make_image(dtype, case.shape)
            options = {"axes": case.axes, "workers": 2}
            for name in bx.STATISTICS:
                found = bx.block_reduce(image, case.block_size, name, **options)
                print(dtype, case, name, digest(found))
            if dtype in FLOATS:
                image = make_image_with_specials(dtype, case.shape)
                options["skipna"] = True
            options["where"] = make_where(case.shape)
            options["weights"] = make_weights(case.shape)
            options["min_count"] = 0
            options["fill_value"] = 1
            together = bx.block_reduce(image, case.block_size, names, **options)
            for name, found in together.items():
                print(dtype, case, "options", name, digest(found))
"""


def instruction_sets():
    """Return the levels of x86-64 that this processor can run."""
    flags = set()
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                if line.startswith("flags"):
                    flags = set(line.split(":")[1].split())
                    break
    except OSError:
        return []
    needed = {
        "x86-64-v2": {"sse4_2", "popcnt"},
        "x86-64-v3": {"avx2", "fma", "bmi2"},
        "x86-64-v4": {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"},
    }
    return [level for level, features in needed.items() if features <= flags]


def test_same_bits_for_every_instruction_set(request):
    levels = instruction_sets()
    if len(levels) < 2:
        pytest.skip("this processor runs fewer than two of the levels")
    printed = {
        level: run_script(
            DIGESTS, request.path.parent, environment={"BOXEL_ISA": level}, timeout=170
        ).splitlines()
        for level in levels
    }
    first = printed[levels[0]]
    assert len(first) > 12 * len(LARGE_CASES) * len(STATISTICS)
    for level in levels[1:]:
        different = [pair for pair in zip(first, printed[level], strict=True) if len(set(pair)) > 1]
        assert not different, f"{levels[0]} and {level}: {different[:5]}"


@pytest.mark.parametrize("level", instruction_sets())
def test_instruction_set_is_the_one_asked_for(level):
    script = "import boxel; print(boxel.show_config())"
    assert level in run_script(script, environment={"BOXEL_ISA": level})


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_have_the_same_bits_for_every_chunking(dtype):
    image = make_image(dtype, (36, 61))
    whole = bx.block_reduce(image, (4, 3), STATISTICS)
    for rows in (4, 8, 12, 36):
        parts = [
            bx.block_reduce(image[start : start + rows], (4, 3), STATISTICS)
            for start in range(0, 36, rows)
        ]
        for name in STATISTICS:
            assert_same_bits(np.concatenate([part[name] for part in parts]), whole[name])


# 6. Any array: layouts are in test_blocks_oracle.py; here are the sizes ---------------------------


@pytest.mark.slow
def test_more_than_two_to_the_31_samples_in_one_block():
    image = np.broadcast_to(np.uint8(3), (2**16, 2**15 + 1))
    assert image.size > 2**31
    found = bx.block_reduce(image, (2**16, 2**16), ("sum", "count_nonzero", "mean"))
    assert found["sum"].item() == 3 * image.size
    assert found["count_nonzero"].item() == image.size
    assert found["mean"].item() == 3


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(2**31 + 3,), (2**31 + 3, 1), (1, 2**31 + 3)])
def test_axis_longer_than_two_to_the_31(shape):
    image = np.broadcast_to(np.uint8(1), shape)
    found = bx.block_reduce(image, 2**30, "count_nonzero")
    assert found.ravel().tolist() == [2**30, 2**30, 3]


def test_offsets_beyond_two_to_the_31_bytes():
    # Memory that is never touched is never allocated: three rows lie a gigabyte apart.
    memory = np.zeros((3, 2**30), dtype=np.uint8)
    memory[:, :4] = np.arange(12).reshape(3, 4)
    near = memory[:, :4]
    expected = bx.block_reduce(near.copy(), (3, 2), "sum")
    assert_same_bits(bx.block_reduce(near, (3, 2), "sum"), expected)
    backwards = near[::-1, ::-1]
    assert_same_bits(bx.block_reduce(backwards, (3, 2), "sum"), expected[:, ::-1])


# 7. Result types ----------------------------------------------------------------------------------

KINDS_OF_INPUT = {"b": "bool", "i": "signed", "u": "unsigned"}
FLOAT_RESULTS = {
    "bool": "float64", "signed": "float64", "unsigned": "float64",
    "float16": "float32", "float32": "float32", "float64": "float64",
}  # fmt: skip
RESULT_DTYPES = {
    "sum": {**FLOAT_RESULTS, "bool": "int64", "signed": "int64", "unsigned": "uint64"},
    **dict.fromkeys(("mean", "density", "var", "std"), FLOAT_RESULTS),
    **dict.fromkeys(("count", "count_nonzero"), dict.fromkeys(FLOAT_RESULTS, "int64")),
    **dict.fromkeys(("any", "all"), dict.fromkeys(FLOAT_RESULTS, "bool")),
}


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_result_dtype(dtype, statistic):
    native = np.dtype(dtype)
    if statistic in ("min", "max", "median", "mode"):
        expected = native
    else:
        expected = np.dtype(RESULT_DTYPES[statistic][KINDS_OF_INPUT.get(native.kind, dtype)])
    for order in "=S":
        image = np.ones((3, 4), native.newbyteorder(order))
        found = bx.block_reduce(image, 2, statistic).dtype
        assert found == expected
        assert found.isnative
        assert oracle.result_dtype(statistic, dtype) == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_result_dtype_of_a_weighted_sum_is_float(dtype):
    found = bx.block_reduce(np.ones((3, 4), dtype), 2, "sum", weights=np.ones(4))
    assert found.dtype == (np.float32 if dtype in ("float16", "float32") else np.float64)


# 8. Bad input is in test_errors.py; here is what a failed call leaves -----------------------------


def test_a_failed_call_leaves_its_inputs_as_they_were():
    image = make_image_with_specials("float64", (40, 50))
    before = image.tobytes()
    with pytest.raises(ValueError, match="fill_value"):
        bx.block_reduce(image, 2, "mean", dtype=np.int8)
    # The values that have no integer are met while `out` is written over the image.
    out = image.view(np.int8)[:20, :25]
    with pytest.raises(ValueError, match="fill_value"):
        bx.block_reduce(image, 2, "mean", out=out)
    assert image.tobytes() == before


@pytest.mark.parametrize("options", [{"weights": -1.0}, {"ddof": -1}, {"min_count": -1}])
def test_a_refused_call_does_not_touch_out(options):
    out = np.full((2, 2), 77.0)
    with pytest.raises(ValueError, match=r"weights|ddof|min_count"):
        bx.block_reduce(np.ones((4, 4)), 2, "var", out=out, **options)
    assert (out == 77).all()


# 9. Embeddable: test_embedding.py -----------------------------------------------------------------

# 10. Small calls are cheap ------------------------------------------------------------------------


def best_time(call, repeats=2000, rounds=15):
    best = math.inf
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(repeats // rounds):
            call()
        best = min(best, (time.perf_counter() - started) / (repeats // rounds))
    return best


def test_small_calls_are_cheap():
    image = np.random.default_rng(0).integers(0, 2, (12, 12)).astype(np.uint8)

    def idiom():
        return (image.reshape(4, 3, 4, 3) != 0).mean(axis=(1, 3))

    np.testing.assert_array_equal(bx.density_map(image, 3), idiom())
    # The contract is "less than the NumPy idiom"; the factor and the trials are for a busy machine.
    ratios = []
    while not ratios or (min(ratios) >= 1.5 and len(ratios) < 5):
        ratios.append(best_time(lambda: bx.density_map(image, 3)) / best_time(idiom))
    assert min(ratios) < 1.5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_small_calls_of_every_layout_are_cheap(layout):
    image = LAYOUTS[layout](make_image("float32", (12, 12)))
    assert best_time(lambda: bx.block_reduce(image, 3)) < 100e-6
