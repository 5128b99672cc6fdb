"""Contract 9: what lets a host embed boxel: signals, threads, memory, the GIL."""

import sys

import numpy as np
import pytest

import boxel as bx
from cases import make_image
from embedding import (
    assert_right_after_forks,
    assert_right_in_threads,
    longest_standstill,
    traced_growth,
    traced_peak,
)
from subprocesses import assert_interrupted, run_script

# 9. Embeddable ------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("statistic", ["sum", "var", "median"])
def test_gil_is_released(statistic, workers):
    rows = 2**13 if statistic == "median" else 2**19
    image = np.broadcast_to(np.linspace(0, 1, 2**10), (rows, 2**10))

    def call():
        bx.block_reduce(image, (2**6, 2**3), statistic, workers=workers)

    longest = longest_standstill(call)
    assert longest < 0.5, f"Python stood still for {longest:.0%} of the call"


def test_calls_from_many_threads_at_once():
    images = [make_image("float32", (200, 301), seed=seed) for seed in range(12)]
    names = ("mean", "var", "median", "max")
    assert_right_in_threads(
        lambda image, workers: bx.block_reduce(image, (3, 4), names, workers=workers), images, 10
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_fork_after_use():
    assert_right_after_forks("block_reduce")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_multiprocessing_pool_after_use():
    printed = run_script(
        """
        import multiprocessing, warnings
        import boxel as bx
        import numpy as np
        warnings.simplefilter("ignore", DeprecationWarning)
        image = np.arange(4_000_000.0).reshape(2000, 2000)
        expected = bx.block_reduce(image, 4, workers=2)

        def call(index):
            return bool((bx.block_reduce(image, 4, workers=2) == expected).all())

        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(all(pool.map(call, range(4))))
        """
    )
    assert printed == "True"


def test_import_changes_nothing_around_it():
    printed = run_script(
        """
        import locale, os, signal, sys, threading, warnings
        import numpy as np

        def affinity():
            return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None

        def threads():
            return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1

        def surroundings():
            handled = [s for s in signal.valid_signals() if s not in (signal.SIGKILL,)]
            tiny = np.float64(5e-324)
            return {
                "environment": dict(os.environ),
                "threads": (threading.active_count(), threads()),
                "affinity": affinity(),
                "signals": {s: signal.getsignal(s) for s in handled},
                "locale": locale.setlocale(locale.LC_ALL),
                "errors": np.geterr(),
                "warnings": list(warnings.filters),
                "subnormals": (tiny * 1 > 0, tiny / 2 == 0, np.float32(1e-40) * 1 > 0),
                "rounding": (1.0 + 2.0**-53, 1.0 + 2.0**-52),
                "directory": os.getcwd(),
                "recursion": sys.getrecursionlimit(),
                "switch": sys.getswitchinterval(),
                "printing": np.get_printoptions(),
            }

        before = surroundings()
        import boxel
        after = surroundings()
        print([key for key in before if before[key] != after[key]])
        """
    )
    assert printed == "[]"


def test_import_brings_no_other_library():
    printed = run_script(
        """
        import sys
        import numpy
        import boxel
        heavy = ("scipy", "skimage", "astropy", "dask", "xarray", "zarr", "matplotlib", "tifffile")
        print([name for name in heavy if name in sys.modules])
        """
    )
    assert printed == "[]"


def test_import_is_quick(tmp_path):
    script = """
        import time
        import numpy
        started = time.perf_counter()
        import boxel
        print(time.perf_counter() - started)
    """
    # Users have the compiled modules that their installer wrote.
    environment = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    run_script(script, environment=environment)
    # It takes half of this alone: other processes delay it, and seldom twenty times in a row.
    times = (float(run_script(script, environment=environment)) for _ in range(20))
    assert any(seconds < 0.015 for seconds in times)


LONG_CALL = """
    import signal
    import sys
    import boxel as bx
    import numpy as np
    # A process that was started in the background ignores interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    image = np.broadcast_to(np.linspace(0, 1, 2**10), (2**26, 2**10))
    block_size = {"one": (2**26, 2**10), "many": (2**12, 2**10)}[sys.argv[1]]
    print("begun", flush=True)
    try:
        bx.block_reduce(image, block_size, sys.argv[3], workers=int(sys.argv[2]))
    except KeyboardInterrupt:
        # What follows an interrupted call is right.
        found = bx.block_reduce(np.arange(8.0), 2, workers=2)
        print("interrupted", found.tolist(), flush=True)
    else:
        print("finished", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ on Windows")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("statistic", ["sum", "var"])
@pytest.mark.parametrize("blocks", ["one", "many"])
def test_control_c_ends_a_long_call(blocks, statistic, workers):
    assert_interrupted(LONG_CALL, blocks, str(workers), statistic)


def test_a_result_too_large_for_memory_is_a_memory_error():
    image = np.broadcast_to(np.float64(1), (2**22, 2**22))
    with pytest.raises(MemoryError):
        bx.block_reduce(image, 1)


MEMORY = """
    import resource, sys
    sys.path.insert(0, sys.argv[1])
    import boxel as bx
    import numpy as np
    from cases import LAYOUTS
    layout, statistic, option = sys.argv[2:5]

    megabyte = 2**20
    image = np.zeros((4096, 4096), dtype=np.float32)
    image = {
        "C": lambda: image,
        "F": lambda: image.T,
        "reversed": lambda: image[::-1, ::-1],
        "every other": lambda: np.zeros((4096, 8192), dtype=np.float32)[:, ::2],
        "byte-swapped": lambda: image.view(image.dtype.newbyteorder("S")),
        "unaligned": lambda: np.zeros(image.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(
            image.shape
        ),
    }[layout]()
    image[...] = 1
    options = {
        "plain": {},
        "where": {"where": np.ones(image.shape, dtype=bool)},
        "row of weights": {"weights": np.ones(4096)},
        "skipna": {"skipna": True},
        "pad": {"boundary": "pad"},
    }[option]
    bx.block_reduce(image[:64, :64], 7, statistic, boundary=options.get("boundary", "partial"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bx.block_reduce(image, 63, statistic, workers=2, **options)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print((after - before) * 1024 / megabyte)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
@pytest.mark.parametrize(
    ("layout", "statistic", "option"),
    [
        *[(layout, "mean", "plain") for layout in
          ("C", "F", "reversed", "every other", "byte-swapped", "unaligned")],
        ("C", "var", "plain"),
        ("C", "median", "plain"),
        ("C", "mean", "where"),
        ("C", "mean", "row of weights"),
        ("F", "mean", "skipna"),
        ("C", "mean", "pad"),
        ("every other", "mode", "pad"),
    ],
)  # fmt: skip
def test_memory_is_not_that_of_a_copy(request, layout, statistic, option):
    grown = float(run_script(MEMORY, request.path.parent, layout, statistic, option))
    # The image has 64 MB; a copy of it, or a mask of the same shape (16 MB), would show.
    assert grown < 8, f"{grown} MB more for an image of 64 MB"


def test_memory_that_numpy_sees_is_that_of_the_result():
    image = np.ones((512, 512), dtype=np.float32)
    bx.block_reduce(image, 2, ("mean", "var"))
    peak = traced_peak(lambda: bx.block_reduce(image, 2, ("mean", "var")))
    result = 2 * 256 * 256 * 4
    assert result <= peak < result + 50_000


def test_memory_is_given_back():
    image = np.ones((300, 300), dtype=np.float32)
    options = {"where": np.ones(image.shape, dtype=bool), "weights": np.ones(300)}

    def call():
        bx.block_reduce(image, 3, ("mean", "var"), **options)

    assert traced_growth(call, 500) < 5000


def test_a_daemon_thread_in_a_call_lets_the_interpreter_end():
    # It asks for the GIL while there is none any more; C++ must not end the process for that.
    script = """
        import threading, time
        import numpy as np
        import boxel as bx
        image = np.ones((2048, 256))
        out = np.empty_like(image)

        def call():
            while True:
                bx.box_filter(image, 3, "mean", out=out)

        for _ in range(2):
            threading.Thread(target=call, daemon=True).start()
        time.sleep(0.05)
        print("ended")
    """
    for _ in range(3):
        assert run_script(script) == "ended"


def test_calls_while_the_interpreter_ends():
    # What was registered before boxel was imported runs after boxel has seen the end begin.
    script = """
        import atexit
        import numpy as np

        def last():
            print(bx.box_filter(np.ones((2048, 256)), 3, "mean", workers=2).min())

        atexit.register(last)
        import boxel as bx
    """
    assert run_script(script) == "1.0"
