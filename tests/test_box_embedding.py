"""Contract 9 for sliding boxes: signals, threads, memory, the GIL."""

import math
import sys
import textwrap

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
from subprocesses import PEAK, assert_interrupted, run_script

# 9. Embeddable ------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("statistic", ["mean", "var"])
def test_gil_is_released(statistic, workers):
    # A busy machine may stop the whole process for a while, so that one round of three is enough.
    image = np.broadcast_to(np.linspace(0, 1, 2**10, dtype=np.float32), (2**15, 2**10))
    out = np.empty((2**14, 2**9), dtype=np.float32)

    def call():
        bx.box_filter(image, 31, statistic, stride=2, out=out, workers=workers)

    longest = min(longest_standstill(call) for _ in range(3))
    assert longest < 0.5, f"Python stood still for {longest:.0%} of the call"


def test_calls_from_many_threads_at_once():
    images = [make_image("float32", (200, 301), seed=seed) for seed in range(8)]
    names = ("mean", "var", "max")
    assert_right_in_threads(
        lambda image, workers: bx.box_filter(image, (3, 4), names, workers=workers), images, 6
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_fork_after_use():
    assert_right_after_forks("box_filter")


LONG_CALL = """
    import signal
    import sys
    import boxel as bx
    import numpy as np
    # A process that was started in the background ignores interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    image = np.broadcast_to(np.linspace(0, 1, 2**10), (2**26, 2**10))
    # Every sample is in a box, few boxes are asked for.
    options = {"mode": "valid", "stride": (2**4, 2**9), "dtype": np.float32}
    print("begun", flush=True)
    try:
        bx.box_filter(image, (2**4, 2**9), sys.argv[2], workers=int(sys.argv[1]), **options)
    except KeyboardInterrupt:
        # What follows an interrupted call is right.
        found = bx.box_filter(np.arange(8.0), 2, workers=2, mode="valid", stride=2)
        print("interrupted", found.tolist(), flush=True)
    else:
        print("finished", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ on Windows")
@pytest.mark.parametrize(("workers", "statistic"), [(1, "max"), (2, "sum"), (1, "var")])
def test_control_c_ends_a_long_call(statistic, workers):
    assert_interrupted(LONG_CALL, str(workers), statistic)


def test_a_result_too_large_for_memory_is_a_memory_error():
    image = np.broadcast_to(np.float64(1), (2**22, 2**22))
    with pytest.raises(MemoryError):
        bx.box_filter(image, 3)


MEMORY = """
    import sys
    sys.path.insert(0, sys.argv[1])
    import boxel as bx
    import numpy as np
    from cases import LAYOUTS
    layout, statistic, mode, size, option = sys.argv[2:7]

    side = 3072
    image = np.zeros((side, side), dtype=np.float32)
    image = {
        "C": lambda: image,
        "F": lambda: image.T,
        "reversed": lambda: image[::-1, ::-1],
        "every other": lambda: np.zeros((side, 2 * side), dtype=np.float32)[:, ::2],
        "byte-swapped": lambda: image.view(image.dtype.newbyteorder("S")),
        "unaligned": lambda: np.zeros(image.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(
            image.shape
        ),
    }[layout]()
    image[...] = 1
    where = np.ones(image.shape, dtype=bool)
    options = {"plain": {}, "where": {"where": where}, "skipna": {"skipna": True}}[option]
    # The result's own memory is there before, every page of it.
    out = np.full(image.shape, 7, dtype=np.float32, order="F" if layout == "F" else "C")
    size = int(size)
    small = {name: value[:200, :200] for name, value in options.items() if name == "where"}
    if mode != "valid":
        small["out"], options["out"] = out[:200, :200], out
    else:
        small["out"], options["out"] = (
            out[: 201 - size, : 201 - size], out[: side + 1 - size, : side + 1 - size]
        )
    bx.box_filter(image[:200, :200], size, statistic, mode=mode, **{**options, **small})
    before = peak()
    bx.box_filter(image, size, statistic, mode=mode, workers=2, **options)
    print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("layout", "statistic", "mode", "size", "option"),
    [
        *[(layout, "mean", "reflect", 9, "plain") for layout in
          ("C", "F", "reversed", "every other", "byte-swapped", "unaligned")],
        ("C", "mean", "valid", 101, "plain"),
        ("C", "var", "reflect", 9, "plain"),
        ("C", "max", "wrap", 101, "plain"),
        ("C", "mean", "shrink", 9, "where"),
        ("F", "mean", "constant", 9, "skipna"),
        ("C", "var", "mirror", 9, "where"),
    ],
)  # fmt: skip
def test_memory_is_not_that_of_a_copy(request, layout, statistic, mode, size, option):
    arguments = (layout, statistic, mode, size, option)
    grown = float(run_script(PEAK + textwrap.dedent(MEMORY), request.path.parent, *arguments))
    # The image has 36 MB, and so has the result: half a copy would show, or a mask (9 MB).
    assert grown < 8, f"{grown} MB more for an image of 36 MB"


LONG_LINES = """
    import sys
    import boxel as bx
    import numpy as np
    shape, size = eval(sys.argv[1]), eval(sys.argv[2])
    image = np.ones(shape, dtype=np.float32)
    out = np.full(shape, 7, dtype=np.float32)
    part = tuple(slice(2000) for _ in shape)
    bx.box_filter(image[part], size, sys.argv[3], out=out[part], workers=2)
    before = peak()
    bx.box_filter(image, size, sys.argv[3], out=out, workers=2)
    print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("statistic", ["mean", "max"])
@pytest.mark.parametrize(
    ("shape", "size"),
    [((2**23,), 9), ((3, 2**21), (3, 9)), ((2**21, 3), (9, 3)), ((2, 2**20, 3), (1, 9, 1))],
)
def test_memory_does_not_grow_with_the_line(shape, size, statistic):
    grown = float(run_script(PEAK + textwrap.dedent(LONG_LINES), shape, size, statistic))
    assert grown < 8, f"{grown} MB more for an image of {math.prod(shape) >> 18} MB"


def test_memory_that_numpy_sees_is_that_of_the_result():
    image = np.ones((512, 512), dtype=np.float32)
    bx.box_filter(image, 5, ("mean", "var"))
    peak = traced_peak(lambda: bx.box_filter(image, 5, ("mean", "var")))
    result = 2 * 512 * 512 * 4
    assert result <= peak < result + 50_000


def test_memory_is_given_back():
    image = np.ones((100, 100), dtype=np.float32)
    where = np.ones(image.shape, dtype=bool)

    def call():
        bx.box_filter(image, 3, ("mean", "var"), where=where)

    assert traced_growth(call, 300) < 5000
