"""Calls from many threads and processes at once, forks, and how many threads there are then."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import boxel as bx
from agreement import assert_same_bits
from cases import make_image
from distance_cases import euclidean
from subprocesses import run_script

CALLERS = 16
CALLS = 320

# The most threads that a process had, as /proc shows them, while a function ran.
# On two processors at most, so that a bound by their number means something.
MOST_THREADS = """
import os, threading, time
from contextlib import contextmanager

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])

@contextmanager
def most_threads(found):
    stopped = threading.Event()
    def look():
        while not stopped.wait(0.0005):
            found.append(len(os.listdir("/proc/self/task")) - 1)
    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield
    finally:
        stopped.set()
        looker.join()
        # The system forgets a joined thread a little later.
        while os.path.exists(f"/proc/self/task/{looker.native_id}"):
            time.sleep(0.0005)
"""

# NumPy's own threads are none of boxel's.
ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, forks")


def shared_inputs():
    """Return read-only arrays that all threads share."""
    inputs = {
        "image": make_image("float32", (300, 400)),
        "stack": make_image("uint16", (40, 30, 50)),
        "labels": make_image("uint8", (300, 400)) % 7,
        "distances": euclidean(60),
        "bits": np.random.default_rng(0).random((40, 256)) < 0.2,
    }
    for array in inputs.values():
        array.flags.writeable = False
    return inputs


def jobs_on(inputs):
    """Return calls by number; each may write to an output of its own."""
    image, stack = inputs["image"], inputs["stack"]

    def into(function, shape, dtype="float64", **options):
        return lambda: function(out=np.empty(shape, dtype), **options)

    return (
        into(lambda **o: bx.block_reduce(image, 3, **o), (100, 134), "float32", workers=2),
        into(lambda **o: bx.box_filter(image, 9, "var", **o), (300, 400), "float32", workers=3),
        into(lambda **o: bx.voxel_var(stack, 0, **o), (30, 50), workers=2),
        lambda: bx.block_reduce(image, 16, "median", workers=2),
        lambda: bx.uniform_filter(stack, 5),
        lambda: bx.label_stats(inputs["labels"], image, ("mean", "var"), workers=2)["var"],
        lambda: bx.linkage(inputs["distances"]),
        lambda: bx.tanimoto_distances(inputs["bits"], workers=2),
        lambda: bx.pyramid(image, 2, levels=2)[1],
        lambda: bx.RunningStats().update_many(stack).var(),
    )


def test_hundreds_of_calls_from_many_threads():
    jobs = jobs_on(shared_inputs())
    expected = [job() for job in jobs]
    together = threading.Barrier(CALLERS)

    def call(number):
        if number < CALLERS:
            together.wait()
        return jobs[number % len(jobs)]()

    with ThreadPoolExecutor(CALLERS) as pool:
        found = list(pool.map(call, range(CALLS)))
    for number, result in enumerate(found):
        assert_same_bits(result, expected[number % len(jobs)])


def test_one_running_stats_takes_samples_from_many_threads():
    stats = bx.RunningStats(dtype="int32")
    samples = make_image("int16", (CALLS, 6, 7)).astype(np.int32)

    def take(sample):
        stats.update(sample)
        return stats.var().shape, stats.count

    with ThreadPoolExecutor(CALLERS) as pool:
        counts = [count for _, count in pool.map(take, samples)]
    assert stats.count == CALLS == max(counts)
    assert_same_bits(stats.var(), bx.voxel_var(samples, 0))


@only_linux
def test_callers_share_the_threads_beside_them():
    """Threads of a call end with it; a pool of callers has as many more as a single caller has."""
    script = (
        MOST_THREADS
        + """
import sys, time
from concurrent.futures import ThreadPoolExecutor
import numpy as np, boxel as bx

image = np.ones((700, 900), np.float32)
callers, workers = map(int, sys.argv[1:])
found = []
with ThreadPoolExecutor(callers) as pool, most_threads(found):
    list(pool.map(lambda _: bx.box_filter(image, 15, "var", workers=workers), range(60)))
# The system forgets a thread a little after it has been joined.
until = time.monotonic() + 30
while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < until:
    time.sleep(0.01)
print(max(found), len(os.listdir("/proc/self/task")))
"""
    )
    usable = min(2, len(os.sched_getaffinity(0)))
    for callers, workers in ((1, 1), (6, 1), (1, 3), (6, 3)):
        most, after = map(
            int, run_script(script, callers, workers, environment=ONE_BLAS_THREAD).split()
        )
        assert most <= 1 + callers + (max(workers, usable) - 1 if workers > 1 else 0)
        assert after == 1
    assert most > 1 + callers  # what was measured last has seen workers at all


@only_linux
def test_dask_has_few_more_threads_than_its_own():
    pytest.importorskip("dask")
    script = (
        MOST_THREADS
        + """
import dask, dask.array as da, numpy as np, boxel as bx

image = da.ones((6000, 500), chunks=(100, 500), dtype=np.float32)
filtered = image.map_blocks(lambda block: bx.box_filter(block, 15, "var", workers=4))
found = []
with most_threads(found), dask.config.set(scheduler="threads", num_workers=5):
    filtered.compute()
print(max(found))
"""
    )
    most = int(run_script(script, environment=ONE_BLAS_THREAD, timeout=120))
    usable = min(2, len(os.sched_getaffinity(0)))
    # The main thread, five of dask's, and the threads that all tasks share.
    assert 6 <= most <= 1 + 5 + max(4, usable) - 1


@only_linux
def test_joblib_adds_no_threads_to_its_own_where_told_so():
    pytest.importorskip("joblib")
    script = (
        MOST_THREADS
        + """
import joblib, numpy as np, boxel as bx

image = np.ones((500, 600), np.float32)
expected = bx.box_filter(image, 15, "var").sum()

def call(_):
    found = []
    with most_threads(found):
        total = sum(bx.box_filter(image, 15, "var").sum() for _ in range(40))
    return max(found), total == 40 * expected

for backend in ("threading", "loky"):
    found = joblib.Parallel(n_jobs=3, backend=backend)(joblib.delayed(call)(n) for n in range(6))
    assert all(same for _, same in found)
    print(max(threads for threads, _ in found))
"""
    )
    limited = run_script(script, environment={"BOXEL_WORKERS": "1", **ONE_BLAS_THREAD}, timeout=120)
    in_threads, in_processes = map(int, limited.split())
    # Three callers and three more threads of joblib, and one that counts for each caller.
    assert in_threads <= 1 + 3 + 3 + 3 - 1
    assert in_processes <= 2


SERVER = """
import os, sys, signal
import numpy as np
import boxel as bx

def answer(seed):
    image = np.random.default_rng(seed).random((300, 500))
    found = bx.block_reduce(image, 4, ("mean", "var"), workers=2)
    return float(found["mean"].sum() + found["var"].sum())

warm = answer(0)  # the parent has used threads before it forks
children = []
for number in range(4):
    request, to_child = os.pipe()
    from_child, reply = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(to_child); os.close(from_child)
        with os.fdopen(request) as lines, os.fdopen(reply, "w", buffering=1) as out:
            for line in lines:
                if line == "stop\\n":  # the siblings hold this end open, too
                    os._exit(0)
                print(repr(answer(int(line))), file=out)
        os._exit(1)
    os.close(request); os.close(reply)
    children.append((pid, os.fdopen(to_child, "w", buffering=1), os.fdopen(from_child)))

for seed in range(12):  # the parent goes on working beside its children
    _, to_child, from_child = children[seed % 4]
    print(seed, file=to_child)
    mine = answer(seed)
    assert float(from_child.readline()) == mine
for pid, to_child, _ in children:
    print("stop", file=to_child)
    assert os.waitpid(pid, 0)[1] == 0
assert answer(0) == warm
print("served")
"""


@only_linux
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_server_that_forks_before_it_serves():
    assert run_script(SERVER) == "served"


POOL = """
import multiprocessing, sys
import numpy as np
import boxel as bx

def call(seed):
    image = np.random.default_rng(seed).random((200, 300))
    return bx.box_filter(image, 5, "var", workers=2).sum()

if __name__ == "__main__":
    expected = [call(seed) for seed in range(6)]
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        assert pool.map(call, range(6)) == expected
    print("same")
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method, tmp_path):
    if sys.platform == "win32" and method != "spawn":
        pytest.skip("Windows has no fork")
    path = tmp_path / "pool.py"
    path.write_text(POOL, encoding="utf-8")
    finished = subprocess.run(
        [sys.executable, path, method], capture_output=True, text=True, timeout=120, check=False
    )
    assert finished.stdout.strip() == "same", finished.stderr


def test_sub_interpreters_are_refused():
    """What pybind11 alone would do there is wait for ever."""
    interpreters = pytest.importorskip("_xxsubinterpreters" if sys.version_info < (3, 13)
                                       else "_interpreters")  # fmt: skip
    if not hasattr(interpreters, "run_string"):
        pytest.skip("no sub-interpreters to try with")
    script = """
        import sys, warnings
        interpreters = __import__(sys.argv[1])
        own = interpreters.create()
        code = "import warnings; warnings.simplefilter('ignore'); import numpy; import boxel"
        try:
            failed = interpreters.run_string(own, code)
        except Exception as error:
            failed = error
        print(failed)
        interpreters.destroy(own)
    """
    printed = run_script(script, interpreters.__name__)
    assert "ImportError" in printed
    assert "interpreters" in printed or "more than once" in printed
