"""Hierarchical clustering: the trees, and every way to give the distances."""

import signal
import threading
import time

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import boxel as bx
import linkage_oracle as oracle
from boxel import _core
from distance_cases import (
    KINDS,
    SIZES,
    condensed,
    euclidean,
    grid,
    random_dissimilarities,
    with_ties,
)
from subprocesses import run_script

METHODS = oracle.METHODS
hypothesis.settings.register_profile("boxel", deadline=None, max_examples=100, derandomize=True)
hypothesis.settings.load_profile("boxel")


def assert_is_tree(tree, n):
    """Z is as SciPy defines it, apart from its distances."""
    assert type(tree) is np.ndarray
    assert tree.dtype == np.float64
    assert tree.shape == (max(n - 1, 0), 4)
    assert tree.flags.c_contiguous
    assert tree.flags.writeable
    ids = tree[:, :2]
    assert np.all(ids[:, 0] < ids[:, 1])
    assert np.all(ids[:, 1] < n + np.arange(len(tree)))
    np.testing.assert_array_equal(np.sort(ids, axis=None), np.arange(2 * len(tree)))
    sizes = [len(cluster) for cluster in oracle.members(tree)][n:]
    np.testing.assert_array_equal(tree[:, 3], sizes)


def assert_same_tree(found, expected):
    np.testing.assert_array_equal(found, expected)
    assert found.tobytes() == expected.tobytes()


def assert_follows(tree, square, method, rtol=1e-10):
    """Each row joins the two nearest clusters of its time, at their distance."""
    scale = rtol * square.max(initial=0)
    if method in oracle.SQUARED:  # an error of a square of 0 is as large as this
        scale = max(scale, rtol**0.5 * square.max(initial=0) / 10)
    for (_, _, height, _), (distance, least) in zip(
        tree, oracle.followed(tree, square, method), strict=True
    ):
        assert abs(height - distance) <= scale
        assert height <= least + scale


# Against the oracle -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["euclidean", "random"])
@pytest.mark.parametrize("n", SIZES)
def test_trees_without_ties(n, kind, method):
    square = KINDS[kind](n)
    tree = bx.linkage(square, method)
    assert_is_tree(tree, n)
    assert_same_tree(tree, oracle.naive_linkage(square, method))
    if n < 50:
        assert_follows(tree, square, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", SIZES)
def test_trees_in_float32(n, method):
    square = euclidean(n, seed=n).astype(np.float32)
    tree = bx.linkage(square, method)
    assert_is_tree(tree, n)
    assert_same_tree(tree, oracle.naive_linkage(square, method, np.float32))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["ties", "grid", "equal", "zero"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 3, 9, 40, 100])
def test_ties_go_to_the_smallest_observations(n, dtype, kind, method):
    square = KINDS[kind](n)
    tree = bx.linkage(square, method, dtype=dtype)
    assert_is_tree(tree, n)
    assert_same_tree(tree, oracle.naive_linkage(square, method, dtype))


@pytest.mark.parametrize("kind", ["ties", "grid", "equal", "zero", "random"])
@pytest.mark.parametrize("n", [256, 257, 300])
def test_single_linkage_of_many(n, kind):
    square = KINDS[kind](n)
    expected = oracle.naive_single_linkage(square)
    assert_same_tree(bx.linkage(square, "single"), expected)
    assert_same_tree(bx.linkage(condensed(square), "single", workers=4), expected)


def test_an_example_that_can_be_followed_by_hand():
    square = np.array([[0, 2, 6, 10], [2, 0, 5, 9], [6, 5, 0, 4], [10, 9, 4, 0]])
    heights = {
        "single": 5, "complete": 10, "average": 7.5, "weighted": 7.5,
    }  # fmt: skip
    for method, height in heights.items():
        expected = [[0, 1, 2, 2], [2, 3, 4, 2], [4, 5, height, 4]]
        np.testing.assert_array_equal(bx.linkage(square, method), expected)
    line = np.abs(np.subtract.outer([0.0, 2.0, 7.0, 11.0], [0.0, 2.0, 7.0, 11.0]))
    np.testing.assert_allclose(bx.linkage(line, "centroid")[:, 2], [2, 4, 8])
    np.testing.assert_allclose(bx.linkage(line, "median")[:, 2], [2, 4, 8])
    np.testing.assert_allclose(bx.linkage(line, "ward")[:, 2], [2, 4, 128**0.5])


@pytest.mark.parametrize("method", ["centroid", "median"])
def test_real_inversions_are_kept(method):
    # In an equilateral triangle a corner is nearer to the middle of an edge than to its ends.
    tree = bx.linkage(np.ones(3), method)
    np.testing.assert_allclose(tree, [[0, 1, 1, 2], [2, 3, 0.75**0.5, 3]])
    square = euclidean(60, dimensions=10)
    assert np.any(np.diff(bx.linkage(square, method)[:, 2]) < 0)


@st.composite
def metrics(draw):
    n = draw(st.integers(2, 20))
    dimensions = draw(st.integers(1, 3))
    whole = draw(st.booleans())  # whole numbers have ties
    numbers = st.integers(-3, 3) if whole else st.floats(-1e3, 1e3)
    points = draw(
        st.lists(
            st.lists(numbers, min_size=dimensions, max_size=dimensions), min_size=n, max_size=n
        )
    )
    coordinates = np.array(points, float)
    differences = np.abs(coordinates[:, np.newaxis] - coordinates)
    # Squares of what is not Euclidean can become negative, which is for another test.
    return np.sqrt((differences**2).sum(axis=-1))


@given(metrics(), st.sampled_from(METHODS), st.sampled_from(["float32", "float64"]))
def test_random_metrics(square, method, dtype):
    tree = bx.linkage(square, method, dtype=dtype)
    assert_is_tree(tree, len(square))
    if method in oracle.MONOTONE:
        assert np.all(np.diff(tree[:, 2]) >= 0)
    if dtype == "float64":
        assert_follows(tree, square, method)
    assert_same_tree(tree, oracle.naive_linkage(square.astype(dtype), method, dtype))


@given(
    st.integers(3, 30),
    st.integers(0, 2**32 - 1),
    st.floats(1e-3, 1e3),
    st.sampled_from(["average", "weighted", "ward", "complete"]),
    st.sampled_from(["float32", "float64"]),
)
def test_rounding_makes_no_inversion(n, seed, distance, method, dtype):
    # All pairs are equally far apart but for the last bits: each mean could round to below them.
    random = np.random.default_rng(seed)
    distances = distance * (1 + np.finfo(dtype).eps * random.integers(0, 3, n * (n - 1) // 2))
    tree = bx.linkage(distances, method, dtype=dtype)
    assert np.all(np.diff(tree[:, 2]) >= 0)


# Ways to give the distances -----------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 3, 50, 131, 700])
def test_all_ways_give_the_same_bits(n, dtype, method):
    square = random_dissimilarities(n).astype(dtype)
    upper = condensed(square)
    expected = bx.linkage(upper, method, workers=1)
    ways = {
        "square": bx.linkage(square, method),
        "workers": bx.linkage(upper, method, workers=3),
        "Fortran": bx.linkage(np.asfortranarray(square), method),
        "strided": bx.linkage(np.repeat(np.repeat(square, 2, 0), 2, 1)[::2, ::2], method),
        "reversed": bx.linkage(upper[::-1].copy()[::-1], method),
        "byte order": bx.linkage(square.astype(square.dtype.newbyteorder()), method),
        "overwritten square": bx.linkage(square.copy(), method, overwrite=True),
        "overwritten condensed": bx.linkage(upper.copy(), method, overwrite=True),
    }
    if n < 100:
        ways["list"] = bx.linkage(square.tolist(), method, dtype=dtype)
    for way, tree in ways.items():
        assert tree.tobytes() == expected.tobytes(), way


@pytest.mark.parametrize("method", METHODS)
def test_input_is_left_alone(method):
    square = euclidean(60)
    square.flags.writeable = False
    upper = condensed(square)
    before = upper.copy()
    bx.linkage(square, method)
    bx.linkage(upper, method)
    bx.linkage(square.astype(np.float32), method, dtype="float64")
    np.testing.assert_array_equal(upper, before)


def test_a_file_in_memory_is_left_alone(tmp_path):
    square = euclidean(20)
    np.save(tmp_path / "d.npy", square)
    mapped = np.load(tmp_path / "d.npy", mmap_mode="r+")
    tree = bx.linkage(mapped, "ward")
    mapped.flush()
    np.testing.assert_array_equal(np.load(tmp_path / "d.npy"), square)
    assert_same_tree(tree, bx.linkage(square, "ward"))


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i4", "u8", "f2", "f4", "f8", ">f4", ">i2"])
def test_dtypes(dtype):
    square = with_ties(30, levels=2 if dtype == "?" else 9).astype(dtype)
    storage = np.float32 if dtype in ("f2", "f4", ">f4") else np.float64
    for method in METHODS:
        expected = bx.linkage(square.astype(storage), method)
        assert_same_tree(bx.linkage(square, method), expected)
        assert_same_tree(bx.linkage(condensed(square), method), expected)


def test_dtype_chooses_the_storage():
    square = euclidean(40)
    in_float32 = bx.linkage(square.astype(np.float32))
    assert_same_tree(bx.linkage(square, dtype="float32"), in_float32)
    assert_same_tree(bx.linkage(square, dtype=np.float32), in_float32)
    exact = bx.linkage(square.astype(np.float32), dtype=np.float64)
    assert not np.array_equal(exact, in_float32)
    np.testing.assert_allclose(exact, in_float32, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_few_observations(method):
    for nothing in (np.zeros((0, 0)), np.zeros((1, 1)), np.zeros(0), [], [[0.0]]):
        assert bx.linkage(nothing, method).shape == (0, 4)
    np.testing.assert_array_equal(bx.linkage([3.5], method), [[0, 1, 3.5, 2]])
    np.testing.assert_array_equal(bx.linkage([[0, 3], [3, 0]], method), [[0, 1, 3, 2]])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_and_small_distances(dtype, method):
    square = euclidean(60)
    expected = bx.linkage(square.astype(dtype), method)
    exponent = np.finfo(dtype).maxexp - 8
    for scale in (2.0**exponent, 2.0**-exponent):
        tree = bx.linkage((square * scale).astype(dtype), method)
        np.testing.assert_array_equal(tree[:, :2], expected[:, :2])
        np.testing.assert_allclose(tree[:, 2] / scale, expected[:, 2], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_smallest_and_the_largest_numbers(dtype, method):
    square = with_ties(30, levels=5)
    expected = bx.linkage(square, method)
    least = float(np.finfo(dtype).smallest_subnormal)
    tree = bx.linkage((square * least).astype(dtype), method)
    heights = expected[:, 2] * least
    if method in ("single", "complete"):
        np.testing.assert_array_equal(tree[:, [0, 1, 3]], expected[:, [0, 1, 3]])
        np.testing.assert_array_equal(tree[:, 2], heights)
    assert_is_tree(tree, 30)
    np.testing.assert_allclose(np.sort(tree[:, 2]), np.sort(heights), rtol=0, atol=4 * least)
    most = np.full((5, 5), np.finfo(dtype).max, dtype)
    np.fill_diagonal(most, 0)
    tree = bx.linkage(most, method)
    ratios = bx.linkage((most > 0).astype(dtype), method)[:, 2]
    finite = ratios <= 1  # what exceeds the largest number is infinite
    np.testing.assert_allclose(tree[finite, 2] / most[0, 1].astype(float), ratios[finite], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_distances_beside_large_ones(dtype, method):
    """Squares of them are not 0 where the distances are not."""
    small, smaller = {"float32": (1e-28, 1e-30), "float64": (1e-200, 1e-240)}[dtype]
    distances = np.array([smaller, 1, 1, 1, 1, small], dtype)  # two pairs, far apart
    tree = bx.linkage(distances, method)
    np.testing.assert_array_equal(tree[:, :2], [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_allclose(tree[:2, 2], [smaller, small], rtol=1e-6)


# Symmetry -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("overwrite", [False, True])
def test_small_asymmetry_is_averaged(overwrite, method):
    square = euclidean(50)
    noisy = square + 1e-9 * np.random.default_rng(1).random((50, 50))
    mean = noisy / 2 + noisy.T / 2
    np.fill_diagonal(mean, 0)
    expected = bx.linkage(condensed(mean), method)
    given = noisy.copy()
    assert_same_tree(bx.linkage(given, method, overwrite=overwrite), expected)
    assert overwrite or np.array_equal(given, noisy)
    np.testing.assert_array_equal(bx.condense(noisy), condensed(mean))


def test_tolerance_of_asymmetry():
    for dtype in ("float16", "float32", "float64"):
        square = np.array([[0, 8, 4], [8, 0, 4], [4, 4, 0]], dtype)
        tolerated = np.finfo(dtype).eps ** 0.5 * 8
        for error, fine in ((0.9, True), (1.2, False)):
            wrong = square.copy()
            wrong[2, 0] += error * tolerated
            if fine:
                bx.linkage(wrong)
            else:
                with pytest.raises(ValueError, match=r"found 4.0 at \(0, 2\).* at \(2, 0\)"):
                    bx.linkage(wrong)
    with pytest.raises(ValueError, match=r"symmetric, found 1.0 at \(0, 1\) and 2.0 at \(1, 0\)"):
        bx.linkage([[0, 1], [2, 0]])
    assert bx.linkage([[0, 1], [2, 0]], symmetry_rtol=0.5)[0, 2] == 1.5
    with pytest.raises(ValueError, match="symmetry_rtol"):
        bx.linkage(np.array([[0, 1], [1 + 1e-15, 0]]), symmetry_rtol=0)


def test_the_worst_pair_is_named():
    square = euclidean(150)
    square[3, 7] += 0.01
    square[100, 140] += 0.02
    square[149, 0] += 0.01
    with pytest.raises(ValueError, match=r"at \(100, 140\) and .* at \(140, 100\)"):
        bx.linkage(square)


# Errors -------------------------------------------------------------------------------------------


def check_message(words, call, *arguments, kind=ValueError, **options):
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 5, 70, 150])
def test_distances_must_be_finite_and_not_negative(n, dtype, value):
    square = euclidean(n).astype(dtype)
    i, j = n // 3, n - 1
    wrong = square.copy()
    wrong[i, j] = wrong[j, i] = value
    place = np.flatnonzero(condensed(wrong) != condensed(square))[0]
    check_message([f"found {value}", f"({i}, {j})"], bx.linkage, wrong)
    check_message(
        [f"found {value}", f"[{place}]", f"({i}, {j})"], bx.linkage, condensed(wrong), "single"
    )
    wrong[i, j] = square[i, j]
    check_message([f"found {value}", f"({j}, {i})"], bx.linkage, wrong)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_negative_by_rounding_is_named_with_the_cure(dtype):
    wrong = euclidean(4).astype(dtype)
    wrong[1, 2] = wrong[2, 1] = -np.finfo(dtype).eps  # as 1 - similarity can be
    for matrix in (wrong, condensed(wrong)):
        check_message(["found -", "np.maximum(distances, 0)"], bx.linkage, matrix)
    wrong[1, 2] = wrong[2, 1] = -0.125
    wrong[1, 3] = wrong[3, 1] = np.nan
    for matrix in (wrong, condensed(wrong)):
        with pytest.raises(ValueError, match=r"found -0.125 at .*[)\]]$"):
            bx.linkage(matrix)
    with pytest.raises(ValueError, match="found inf at"):
        bx.linkage([np.inf, np.nan, 0])


def test_diagonal_must_be_zero():
    square = euclidean(20)
    square[7, 7] = 0.5
    check_message(["diagonal", "zero", "0.5", "(7, 7)"], bx.linkage, square)
    square[7, 7] = -1e-12
    assert_same_tree(bx.linkage(square), bx.linkage(condensed(square)))
    square[7, 7] = np.nan
    check_message(["nan", "(7, 7)"], bx.linkage, square)


@pytest.mark.parametrize("lowest", [0.0, -1.0])
def test_similarities_are_named_with_the_cure(lowest):
    similarities = 1 - random_dissimilarities(30) * (1 - lowest)
    np.fill_diagonal(similarities, 1)
    for dtype in ("float32", "float64"):
        check_message(["similarity", "1 - S"], bx.linkage, similarities.astype(dtype))
        check_message(["similarity", "1 - S"], bx.condense, similarities.astype(dtype))
    check_message(["similarity", "1 - S"], bx.linkage, np.eye(4, dtype=int))
    similarities[2, 3] = similarities[3, 2] = 3  # more similar than equal: something else is wrong
    with pytest.raises(ValueError, match=r"diagonal|finite"):
        bx.linkage(similarities)


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (1, 6), (6, 1), (2, 2, 2), ()])
def test_observations_are_refused(shape):
    check_message([str(shape), "(n, n)", "observations"], bx.linkage, np.zeros(shape))


def test_square_observations_are_refused():
    check_message(["diagonal"], bx.linkage, np.random.default_rng(0).random((5, 5)))


@pytest.mark.parametrize("length", [2, 4, 5, 7, 4999, 5001])
def test_condensed_length(length):
    check_message([f"length {length}", "n (n - 1) / 2"], bx.linkage, np.zeros(length))


def test_long_condensed_lengths_are_not_rounded():
    n = 3_000_000_001
    from boxel._distances import observations, pair_at

    assert observations(n * (n - 1) // 2) == n
    with pytest.raises(ValueError, match=str(n)):
        observations(n * (n - 1) // 2 + 1)
    assert pair_at(n, n * (n - 1) // 2 - 1) == (n - 2, n - 1)
    assert [pair_at(4, place) for place in range(6)] == [
        (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3),
    ]  # fmt: skip


def test_other_errors():
    square = euclidean(5)
    check_message(["'averge'", "average"], bx.linkage, square, "averge")
    check_message(["method"], bx.linkage, square, 3, kind=TypeError)
    check_message(["complex128", "float64"], bx.linkage, square.astype(complex), kind=TypeError)
    check_message(["object"], bx.linkage, square.astype(object), kind=TypeError)
    check_message(["found None"], bx.linkage, None, kind=TypeError)
    check_message(["found a set"], bx.linkage, {1.0}, kind=TypeError)
    check_message(["dtype", "float16"], bx.linkage, square, dtype="float16", kind=TypeError)
    check_message(["dtype"], bx.linkage, square, dtype="nonsense", kind=TypeError)
    check_message(["workers"], bx.linkage, square, workers=0)
    check_message(["overwrite", "yes"], bx.linkage, square, overwrite="yes", kind=TypeError)
    check_message(["symmetry_rtol"], bx.linkage, square, symmetry_rtol=-1)
    check_message(["inf"], bx.linkage, square * 1e300, dtype="float32")
    square.flags.writeable = False
    check_message(["read-only"], bx.linkage, square, overwrite=True)
    masked = np.ma.masked_greater(euclidean(5), 1)
    check_message(["masked"], bx.linkage, masked)


# As a citizen of a process ------------------------------------------------------------------------


def test_calls_from_many_threads():
    squares = [euclidean(200, seed=seed) for seed in range(4)]
    expected = [bx.linkage(square, "ward") for square in squares]
    found = [None] * 4

    def cluster(index):
        for _ in range(5):
            found[index] = bx.linkage(squares[index], "ward", workers=2)

    threads = [threading.Thread(target=cluster, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(found, expected, strict=True):
        assert_same_tree(one, other)


def test_other_threads_run_meanwhile():
    distances = condensed(euclidean(3000))
    done = threading.Event()
    thread = threading.Thread(target=lambda: (bx.linkage(distances, workers=1), done.set()))
    thread.start()
    turns = 0
    while not done.is_set():
        time.sleep(0.001)
        turns += 1
    thread.join()
    assert turns > 5


def cluster_for_long(distances, method, **options):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        bx.linkage(distances, method, workers=1, **options)


@pytest.fixture
def interruptible():
    # A process that was started in the background ignores interrupts.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("method", ["average", "single", "centroid"])
def test_interrupt(method):
    distances = np.random.default_rng(0).random(12_000 * 11_999 // 2, np.float32)
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(0.3, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        cluster_for_long(distances, method)
    # Within a second where nothing else runs; the machine may be busy.
    assert time.monotonic() - sent[0] < 10


def test_too_little_memory_is_a_memory_error():
    run_script(
        """
        import resource
        import numpy as np
        import boxel as bx
        distances = np.ones(6000 * 5999 // 2, np.float32)
        bx.linkage(distances[:10])
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, used + 2**26))
        try:
            bx.linkage(distances, "average", workers=1)
        except MemoryError:
            pass
        else:
            raise SystemExit("no MemoryError")
        assert bx.linkage(distances, "single", workers=1)[-1, 2] == 1
        assert bx.linkage(distances[: 2000 * 1999 // 2], "average", workers=1)[-1, 2] == 1
        """
    )


@pytest.mark.parametrize("isa", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
def test_same_bits_on_every_instruction_set(isa):
    if isa not in _core.instruction_sets():
        pytest.skip(f"this processor does not run {isa}")
    script = """
        import hashlib
        import numpy as np
        import boxel as bx
        digest = hashlib.sha256()
        random = np.random.default_rng(3)
        for n in (2, 3, 33, 150, 333):
            for dtype in (np.float32, np.float64):
                distances = random.random(n * (n - 1) // 2).astype(dtype)
                for method in bx.LINKAGE_METHODS:
                    digest.update(bx.linkage(distances, method).tobytes())
                    digest.update(bx.linkage(distances.round(1), method).tobytes())
        for bits in (1, 64, 100, 700, 2048):
            fingerprints = random.random((150, bits)) < 0.1
            digest.update(bx.tanimoto_distances(fingerprints).tobytes())
            digest.update(bx.linkage_from_fingerprints(fingerprints, "single").tobytes())
        print(bx.show_config()["instruction_set"], digest.hexdigest())
    """
    forced = run_script(script, environment={"BOXEL_ISA": isa}).splitlines()[-1]
    default = run_script(script).splitlines()[-1]
    assert forced.split()[0] == isa
    assert forced.split()[1] == default.split()[1]


# Peers --------------------------------------------------------------------------------------------


def peers():
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    found = {"scipy": hierarchy.linkage}
    try:
        import fastcluster
    except ImportError:
        return found
    return {**found, "fastcluster": fastcluster.linkage}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [2, 10, 100, 600])
def test_like_other_libraries(n, method):
    distances = condensed(euclidean(n, dimensions=4))
    tree = bx.linkage(distances, method)
    for name, linkage in peers().items():
        other = linkage(distances, method)
        np.testing.assert_array_equal(tree[:, [0, 1, 3]], other[:, [0, 1, 3]], name)
        np.testing.assert_allclose(tree[:, 2], other[:, 2], rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("method", METHODS)
def test_scipy_takes_the_tree(method):
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    tree = bx.linkage(euclidean(80), method)
    assert hierarchy.is_valid_linkage(tree)
    np.testing.assert_allclose(hierarchy.cophenet(tree), bx.cophenetic_distances(tree))
    np.testing.assert_array_equal(hierarchy.leaves_list(tree), bx.leaf_order(tree))
    if method in oracle.MONOTONE:
        labels = hierarchy.fcluster(tree, 7, "maxclust")
        ours = bx.flat_clusters(tree, n_clusters=7)
        assert len(set(zip(labels, ours, strict=True))) == 7
    labels = hierarchy.fcluster(tree, 1.0, "distance")
    ours = bx.flat_clusters(tree, distance=1.0)
    assert len(set(zip(labels, ours, strict=True))) == labels.max() == ours.max() + 1


def test_the_classic_trap():
    """What other libraries do with a square matrix is another tree; here there is only one."""
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    square = euclidean(30, seed=2)
    with pytest.warns(hierarchy.ClusterWarning):
        wrong = hierarchy.linkage(square, "average")
    right = hierarchy.linkage(condensed(square), "average")
    tree = bx.linkage(square, "average")
    np.testing.assert_allclose(tree, right, rtol=1e-12)
    assert not np.allclose(wrong, right)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["single", "average", "centroid"])
def test_many_observations(method):
    n = 20_000
    random = np.random.default_rng(4)
    points = random.normal(size=(n, 3)).astype(np.float32)
    distances = np.empty(n * (n - 1) // 2, np.float32)
    place = 0
    for i in range(n - 1):
        difference = points[i + 1 :] - points[i]
        distances[place : place + n - 1 - i] = np.sqrt((difference**2).sum(axis=1))
        place += n - 1 - i
    tree = bx.linkage(distances, method)
    assert tree.shape == (n - 1, 4)
    if method in oracle.MONOTONE:
        assert np.all(np.diff(tree[:, 2]) >= 0)
    fastcluster = pytest.importorskip("fastcluster")
    other = fastcluster.linkage(distances, method)
    # float32 rounds what is computed, so that a few pairs change places: the heights stay alike.
    np.testing.assert_allclose(np.sort(tree[:, 2]), np.sort(other[:, 2]), rtol=2e-2)
    assert np.median(np.abs(np.sort(tree[:, 2]) / np.sort(other[:, 2]) - 1)) < 1e-5
    if method == "single":
        np.testing.assert_array_equal(tree[:, 2], other[:, 2])
    np.testing.assert_array_equal(bx.linkage(distances, method, overwrite=True), tree)


@pytest.mark.parametrize("method", oracle.SQUARED)
def test_distances_that_are_not_euclidean(method):
    for seed in range(20):
        square = random_dissimilarities(40, seed) ** 4  # far from a metric
        tree = bx.linkage(square, method)
        assert_is_tree(tree, 40)
        assert np.all(np.isfinite(tree))
        assert_same_tree(tree, oracle.naive_linkage(square, method))


def test_grid_clusters_are_neighbours():
    tree = bx.linkage(grid(64), "average")
    for cluster in oracle.members(tree):
        assert max(cluster) - min(cluster) == len(cluster) - 1
