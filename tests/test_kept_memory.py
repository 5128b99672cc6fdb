"""Results in memory that is kept for the next ones."""

import gc
import pickle
import sys
import threading
import tracemalloc

import numpy as np
import pytest

import boxel as bx
from agreement import assert_same_bits
from boxel import _core
from subprocesses import run_script
from test_errors import assert_raises

MEBIBYTE = 2**20


@pytest.fixture(autouse=True)
def nothing_kept():
    usual = bx.get_kept_memory()
    bx.set_kept_memory(0)
    bx.set_kept_memory(64 * MEBIBYTE)
    yield
    bx.set_kept_memory(usual)


def place_of(array):
    return array.__array_interface__["data"][0]


def image_of(mebibytes):
    """Return an image whose means are as many MiB of float64."""
    return np.arange(mebibytes * MEBIBYTE // 8, dtype=np.float64).reshape(-1, 64)


def test_the_next_result_of_the_same_size_lies_where_the_last_one_lay():
    image = image_of(4)
    first = bx.box_filter(image, 3, "mean")
    expected = first.copy()
    place = place_of(first)
    del first
    assert _core.kept_memory() == image.nbytes
    second = bx.box_filter(image, 3, "mean")
    assert place_of(second) == place
    assert _core.kept_memory() == 0
    assert_same_bits(second, expected)


def test_a_result_that_lives_is_never_given_to_another():
    image = image_of(2)
    results = [bx.box_filter(image + k, 3, "mean") for k in range(5)]
    assert len({place_of(result) for result in results}) == 5
    for k, result in enumerate(results):
        assert_same_bits(result, bx.box_filter(image + k, 3, "mean"))


def test_a_view_keeps_the_memory_of_its_result():
    image = image_of(2)
    view = bx.box_filter(image, 3, "mean")[10:20]
    expected = view.copy()
    gc.collect()
    assert _core.kept_memory() == 0
    others = [bx.box_filter(image + 1, 3, "mean") for _ in range(3)]
    assert_same_bits(view, expected)
    del view
    assert _core.kept_memory() == image.nbytes
    del others


@pytest.mark.parametrize(
    ("freed", "asked", "taken"), [(8, 8, True), (8, 7, True), (8, 6, False), (7, 8, False)]
)
def test_memory_that_is_far_too_large_is_left(freed, asked, taken):
    result = _core.empty((freed * MEBIBYTE,), np.dtype("u1"))
    place = place_of(result)
    del result
    again = _core.empty((asked * MEBIBYTE,), np.dtype("u1"))
    assert (place_of(again) == place) == taken


def test_the_smallest_that_fits_is_taken():
    results = [_core.empty((k * MEBIBYTE,), np.dtype("u1")) for k in (10, 9, 11)]
    place = place_of(results[1])
    del results
    assert place_of(_core.empty((9 * MEBIBYTE,), np.dtype("u1"))) == place


def test_no_more_is_kept_than_was_said():
    bx.set_kept_memory(10 * MEBIBYTE)
    results = [_core.empty((4 * MEBIBYTE,), np.dtype("u1")) for _ in range(4)]
    places = [place_of(result) for result in results]
    while results:
        del results[0]
        assert _core.kept_memory() <= 10 * MEBIBYTE
    assert _core.kept_memory() == 8 * MEBIBYTE
    # What was freed first has been given back.
    assert place_of(_core.empty((4 * MEBIBYTE,), np.dtype("u1"))) in places[2:]
    large = _core.empty((11 * MEBIBYTE,), np.dtype("u1"))
    kept = _core.kept_memory()
    del large
    assert _core.kept_memory() == kept
    bx.set_kept_memory(0)
    assert _core.kept_memory() == 0


def test_small_results_are_numpys_own():
    result = bx.box_filter(np.ones((64, 64)), 3, "mean")
    del result
    assert _core.kept_memory() == 0


@pytest.mark.parametrize("order", ["C", "F"])
def test_results_own_their_data_and_can_be_resized_and_pickled(order):
    image = np.asarray(image_of(2), order=order)
    result = bx.box_filter(image, 3, "mean")
    assert result.strides == image.strides
    if order == "C":
        assert result.flags.owndata
        expected = result.copy()
        result.resize((2 * result.shape[0], 64), refcheck=False)
        assert_same_bits(result[: len(expected)], expected)
        assert not result[len(expected) :].any()
        result.resize((100, 64), refcheck=False)
        assert_same_bits(result, expected[:100])
    assert_same_bits(pickle.loads(pickle.dumps(result)), result)


def test_a_result_made_much_smaller_gives_its_memory_back():
    result = bx.box_filter(image_of(8), 3, "mean")
    expected = result[:2].copy()
    place = place_of(result)
    result.resize((2, 64), refcheck=False)
    assert place_of(result) != place
    assert _core.kept_memory() == 8 * MEBIBYTE
    assert_same_bits(result, expected)
    del result
    # What is small is not kept.
    assert _core.kept_memory() == 8 * MEBIBYTE


def test_the_smallest_image_whose_results_are_kept():
    image = np.ones(MEBIBYTE // 8, np.uint8)
    result = bx.box_filter(image, 3, "mean")
    assert result.nbytes == MEBIBYTE
    del result
    assert _core.kept_memory() == MEBIBYTE


def test_tracemalloc_sees_results():
    image = image_of(8)
    tracemalloc.start()
    try:
        result = bx.box_filter(image, 3, "mean")
        assert tracemalloc.get_traced_memory()[0] >= result.nbytes
        del result
        assert tracemalloc.get_traced_memory()[0] < MEBIBYTE
    finally:
        tracemalloc.stop()


def test_what_cannot_be_had_is_a_memory_error():
    with pytest.raises(MemoryError):
        _core.empty((2**62,), np.dtype("u1"))
    with pytest.raises(ValueError, match="negative"):
        _core.empty((-(2**30), -1), np.dtype("u1"))
    # NumPy is asked as before after that.
    array = np.empty(4 * MEBIBYTE, np.uint8)
    del array
    assert _core.kept_memory() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
def test_what_is_kept_is_given_back_where_memory_is_short():
    script = """
        import resource
        import numpy as np
        from boxel import _core
        kept = [_core.empty((60 * 2**20,), np.dtype("u1")) for _ in range(2)]
        del kept
        assert _core.kept_memory() == 120 * 2**20
        with open("/proc/self/statm") as sizes:
            used = int(next(sizes).split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 60 * 2**20,) * 2)
        found = _core.empty((100 * 2**20,), np.dtype("u1"))
        assert found.nbytes == 100 * 2**20
        assert _core.kept_memory() == 0
    """
    run_script(script)


def test_the_first_results_of_two_threads():
    # An import that lets other threads run, as a hook of Python does, held both up.
    script = """
        import builtins, threading, time
        import numpy as np
        import boxel as bx
        real = builtins.__import__
        def hook(*arguments, **options):
            time.sleep(0.01)
            return real(*arguments, **options)
        builtins.__import__ = hook
        image = np.ones((2048, 256))
        call = lambda: bx.box_filter(image, 3, "mean", workers=1)
        threads = [threading.Thread(target=call) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(int(call().sum()))
    """
    assert run_script(script) == str(2048 * 256)


def test_threads_take_and_free_beside_one_another():
    image = image_of(1)
    expected = bx.box_filter(image, 3, "sum", workers=1)
    wrong = []

    def work(k):
        for _ in range(20):
            result = bx.box_filter(image, 3, "sum", workers=1)
            if not np.array_equal(result, expected):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_child_has_memory_of_its_own():
    script = """
        import os
        import numpy as np
        import boxel as bx
        image = np.arange(2.0**18).reshape(-1, 64)
        expected_in_child = bx.box_filter(image + 1, 3, "mean").copy()
        kept = bx.box_filter(image, 3, "mean")
        expected = kept.copy()
        del kept
        child = os.fork()
        if child == 0:
            result = bx.box_filter(image + 1, 3, "mean")
            os._exit(0 if np.array_equal(result, expected_in_child) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert np.array_equal(bx.box_filter(image, 3, "mean"), expected)
    """
    run_script(script)


@pytest.mark.parametrize("n", [-1, -(2**70)])
def test_less_than_nothing_cannot_be_kept(n):
    assert_raises(ValueError, ["at least 0", str(n)], bx.set_kept_memory, n)


@pytest.mark.parametrize("n", [1.0, "1", None, True])
def test_bytes_are_counted_in_integers(n):
    assert_raises(TypeError, ["integer of bytes", type(n).__name__], bx.set_kept_memory, n)


def test_all_may_be_kept():
    bx.set_kept_memory(2**80)
    assert bx.get_kept_memory() == sys.maxsize


def test_the_environment_says_how_much_is_kept():
    script = "import boxel as bx; print(bx.get_kept_memory())"
    assert run_script(script, environment={"BOXEL_KEPT_MEMORY": "12345"}) == "12345"
    assert run_script(script, environment={"BOXEL_KEPT_MEMORY": ""}) == str(128 * MEBIBYTE)
    assert run_script(script, environment={"BOXEL_KEPT_MEMORY": "0"}) == "0"
