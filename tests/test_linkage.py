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
    np.testing.assert_allclose(
        tree[finite, 2] / most[0, 1].astype(float), ratios[finite], rtol=1e-6
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_distances_beside_large_ones(dtype, method):
    """Squares of them are not 0 where the distances are not."""
    small, smaller = {"float32": (1e-28, 1e-30), "float64": (1e-200, 1e-240)}[dtype]
    distances = np.array([smaller, 1, 1, 1, 1, small], dtype)  # two pairs, far apart
    tree = bx.linkage(distances, method)
    np.testing.assert_array_equal(tree[:, :2], [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_allclose(tree[:2, 2], [smaller, small], rtol=1e-6)


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


# Unusual distances --------------------------------------------------------------------------------


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
