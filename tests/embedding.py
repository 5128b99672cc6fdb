"""What a host sees of a call: pauses of Python, results in threads and forks, traced memory."""

import concurrent.futures
import gc
import threading
import time
import tracemalloc

import numpy as np

from agreement import assert_same_bits
from subprocesses import run_script


def longest_standstill(call):
    """Return the longest time in which Python could not run, as a part of a call's time."""
    times = []

    def timed():
        times.append(time.perf_counter())
        call()
        times.append(time.perf_counter())

    thread = threading.Thread(target=timed)
    ticks = [time.perf_counter()]
    thread.start()
    while thread.is_alive():
        ticks.append(time.perf_counter())
        time.sleep(0.0005)
    thread.join()
    started, ended = times
    inside = [tick for tick in ticks if started <= tick <= ended]
    return max(np.diff([started, *inside, ended])) / (ended - started)


def assert_right_in_threads(call, images, rounds):
    """Assert that call(image, workers) finds the same results in eight threads at once."""
    expected = [call(image, None) for image in images]

    def find(index):
        return index, call(images[index], 1 + index % 4)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for index, found in pool.map(find, list(range(len(images))) * rounds):
            for name in found:
                assert_same_bits(found[name], expected[index][name])


FORKS = """
    import os, sys, warnings
    import boxel as bx
    import numpy as np
    warnings.simplefilter("ignore", DeprecationWarning)
    image = np.arange(4_000_000.0).reshape(2000, 2000)
    call = getattr(bx, sys.argv[1])
    expected = call(image, 4, workers=2)
    for _ in range(3):
        child = os.fork()
        if child == 0:
            same = (call(image, 4, workers=2) == expected).all()
            os._exit(0 if same else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert (call(image, 4, workers=2) == expected).all()
    print("same")
"""


def assert_right_after_forks(function):
    """Assert that a function of boxel finds the same in a process that forks and in its child."""
    assert run_script(FORKS, function) == "same"


def traced_peak(call):
    """Return the most memory that tracemalloc sees during a call, in bytes."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def traced_growth(call, calls):
    """Return how much memory tracemalloc sees after so many calls more than after fifty."""

    def held_after(count):
        for _ in range(count):
            call()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        # NumPy keeps some small arrays for the next call: those are there after the first round.
        before = held_after(50)
        return held_after(calls) - before
    finally:
        tracemalloc.stop()
