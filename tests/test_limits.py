"""No memory, sizes past 2^31 and 2^63, and calls without end: errors that leave all usable."""

import sys
from pathlib import Path

import numpy as np
import pytest

import boxel as bx
from subprocesses import run_script

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process")

LIMITED = """
import resource, numpy as np, boxel as bx

image = np.ones((1500, 2000), np.float32)
labels = np.arange(image.size, dtype=np.int64).reshape(image.shape) * 1000
fingerprints = np.random.default_rng(0).random((9000, 64)) < 0.2
with open("/proc/self/statm") as statm:
    used = int(statm.read().split()[0]) * resource.getpagesize()
small = np.ones((12, 12))
stats = bx.RunningStats().update(small)

JOBS = {
    "block_reduce": lambda: bx.block_reduce(image, 1, ("mean", "var", "sum"), workers=2),
    "median": lambda: bx.block_reduce(image, image.shape, "median"),
    "box_filter": lambda: bx.box_filter(image, 5, ("mean", "var", "sum"), workers=2),
    "label_stats": lambda: bx.label_stats(labels, image, ("mean", "var"), workers=2),
    "tanimoto": lambda: bx.linkage_from_fingerprints(fingerprints, workers=2),
    "RunningStats": lambda: stats.copy().merge(stats) and bx.RunningStats().update(image),
    "pyramid": lambda: bx.pyramid(image, 1, ("mean", "var", "sum"), levels=3),
}

def usable():
    assert bx.block_reduce(small, 4, "var", workers=2).sum() == 0
    assert bx.box_filter(small, 5, workers=2).sum() == 144
    assert bx.label_stats(small.astype(int), small)["count"].tolist() == [144]
    assert bx.linkage([1.0, 2.0, 3.0]).shape == (2, 4)
    assert stats.count == 1 and stats.mean.sum() == 144

for spare in (1, 4, 12, 20, 40):
    refused = []
    for name, job in JOBS.items():
        resource.setrlimit(resource.RLIMIT_AS, (used + (spare << 20), resource.RLIM_INFINITY))
        try:
            job()
        except MemoryError:
            refused.append(name)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        usable()
    print(spare, *refused)
"""


@only_linux
def test_what_does_not_fit_is_a_memory_error_and_all_stays_usable():
    lines = [line.split() for line in run_script(LIMITED, timeout=120).splitlines()]
    refused = {int(spare): set(names) for spare, *names in lines}
    assert refused[1] >= {"block_reduce", "box_filter", "label_stats", "tanimoto", "pyramid"}
    assert refused[40] >= {"tanimoto"}
    assert len(refused) == 5


# Shapes that cost nothing: every axis has stride 0 ------------------------------------------------


def huge(shape, dtype=np.uint8):
    return np.broadcast_to(np.ones((), dtype), shape)


TOO_LARGE = {
    "blocks": lambda: bx.block_reduce(huge((2**31, 2**31)), 1),
    "blocks of pairs": lambda: bx.block_reduce(huge((2**30, 2**30)), (2, 1), ("mean", "var")),
    "density": lambda: bx.density_map(huge((2**31, 2**31)), 2),
    "windows": lambda: bx.density_map(huge((2**31, 2**31)), 2, stride=1),
    "pyramid": lambda: bx.pyramid(huge((2**31, 2**31)), 2, levels=1),
    "boxes": lambda: bx.box_filter(huge((2**31, 2**31)), 3),
    "boxes of eight": lambda: bx.uniform_filter(huge((2**60,), np.float64), 3),
    "voxels": lambda: bx.voxel_var(huge((3, 2**30, 2**30)), 0),
    "one sample": lambda: bx.RunningStats().update(huge((2**31, 2**31))),
    "shape": lambda: bx.RunningStats((2**31, 2**31)).update(huge((2**31, 2**31))),
    "channels": lambda: bx.masked_mean(huge((2, 2**45)), np.ones(2, bool)),
    "expand": lambda: bx.expand(huge((2**21 * (2**22 - 1),), np.float64)),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_results_that_no_memory_holds_are_memory_errors(name):
    with pytest.raises((MemoryError, ValueError)) as caught:
        TOO_LARGE[name]()
    assert str(caught.value)


def test_products_past_2_63_are_errors_or_exact():
    with pytest.raises(ValueError, match=r"more than 9007199254740992"):
        bx.block_reduce(np.ones((2, 2)), (2**32, 2**32), boundary="pad")
    with pytest.raises(ValueError, match=r"more than 9007199254740992"):
        bx.box_filter(np.ones((2, 2)), (2**32, 2**32))
    for size in (2**31, 2**32 + 1, 2**62, 2**63, 2**64 + 1, 10**30):
        assert bx.block_reduce(np.ones((3, 3)), size, "sum") == 9
        assert bx.block_reduce(np.ones((3, 3)), size, "sum", boundary="trim").shape == (0, 0)
        assert bx.box_filter(np.ones(3), size, "sum", mode="valid").shape == (0,)
        assert bx.box_filter(np.ones(3), size, "sum", mode="shrink").tolist() == [3, 3, 3]
        assert bx.density_map(np.ones(3), 1, stride=size).tolist() == [1]
        assert bx.box_filter(np.arange(3.0), 1, stride=size).tolist() == [0]
    assert np.isnan(bx.block_reduce(np.ones(3), 3, "var", ddof=1e300))
    assert bx.block_reduce(np.ones(3), 3, "sum", min_count=10**30, fill_value=7) == 7


def test_origins_past_what_an_image_holds_are_refused():
    tiles = bx.RegionStats(("count", "bounding_box"))
    tiles.update(np.ones((2, 2), int), origin=(2**62 - 4, -(2**62)))
    assert tiles.result()["bounding_box"].tolist() == [[2**62 - 4, -(2**62), 2**62 - 2, 2 - 2**62]]
    with pytest.raises(ValueError, match="origin"):
        tiles.update(np.ones((2, 2), int), origin=(2**62 + 1, 0))


@only_linux
@pytest.mark.slow
def test_a_short_soak_keeps_its_memory():
    """Growth is noise in so short a run: `python tests/campaign --minutes 60` is the long one."""
    script = """
        import sys
        sys.path.insert(0, sys.argv[1])
        from campaign.soak import soak
        found = soak(11, cases=500)
        assert not found.failures, found.failures
        print(found.growth)
    """
    assert float(run_script(script, Path(__file__).parent, timeout=300)) < 64
