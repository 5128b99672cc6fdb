"""Pickles and files as every release writes them, kept so that later ones can be seen to read them.

``python tests/stored_states.py`` writes those of the version at hand into a new folder of
``tests/data``. It is done once, for a release: the files never change afterwards.
"""

import json
import pickle
import sys
from pathlib import Path

import numpy as np

import boxel as bx

DATA = Path(__file__).parent / "data"
# Protocol 4 is known to every Python that boxel supports.
PROTOCOL = 4
SHAPE = (2, 3)
READINGS = {
    "mean": 1, "var": 2, "std": 2, "sem": 2, "skewness": 3, "kurtosis": 4,
}  # fmt: skip

KINDS = {
    "float64": {"moments": 4, "extremes": True},
    "float32-skipna": {"moments": 2, "dtype": "float32", "skipna": True},
    "float16-mean": {"moments": 1, "dtype": "float16"},
    "uint8": {"moments": 2, "dtype": "uint8", "extremes": True},
    "int64": {"moments": 2, "dtype": "int64"},
    "uint16-moments": {"moments": 4, "dtype": "uint16"},
    "bool": {"moments": 2, "dtype": "bool"},
    "counted": {"moments": 3, "dtype": "float64"},
    "weighted": {"moments": 4, "dtype": "float64"},
    "weighted-int32": {"moments": 2, "dtype": "int32", "extremes": True},
    "untouched": {"moments": 2},
    "shape-only": {"shape": SHAPE, "moments": 3, "skipna": True},
}


def make(kind):
    """Return running statistics of a few samples."""
    options = KINDS[kind]
    stats = bx.RunningStats(**options)
    if kind in ("untouched", "shape-only"):
        return stats
    random = np.random.default_rng(len(kind))
    stack = random.integers(0, 2 if kind == "bool" else 200, (7, *SHAPE)).astype(stats.dtype)
    given = {}
    if kind == "counted":
        given["where"] = random.random(stack.shape) < 0.8
    if kind.startswith("weighted"):
        given["weights"] = random.integers(1, 5, stack.shape) / 4
    if kind == "float32-skipna":
        stack[2, 1] = np.nan
    stats.update_many(np.asfortranarray(stack), **given)
    return stats


def readings_of(stats):
    """Return what can be read from statistics, as values that JSON holds exactly."""
    found = {"repr": repr(stats)}
    if stats.shape is None:
        return found
    values = {"count": np.broadcast_to(stats.count, stats.shape)}
    for name, moments in READINGS.items():
        if moments <= stats.moments:
            value = getattr(stats, name)
            values[name] = value() if callable(value) else value
    if stats.extremes:
        values |= {"min": stats.min, "max": stats.max}
    for name, value in values.items():
        hexadecimal = [float(each).hex() for each in np.ravel(value)]
        found[name] = {"dtype": value.dtype.name, "values": hexadecimal}
    return found


def unmixer():
    return bx.Unmixer(np.array([[3.0, 1.0, 0.5], [1.0, 4.0, 1.0], [0.25, 1.0, 5.0]]))


def main():
    folder = DATA / f"states-{bx.__version__}"
    folder.mkdir()
    expected = {}
    for kind in KINDS:
        stats = make(kind)
        stats.save(folder / f"{kind}.stats")
        (folder / f"{kind}.pickle").write_bytes(pickle.dumps(stats, PROTOCOL))
        expected[kind] = readings_of(stats)
    (folder / "unmixer.pickle").write_bytes(pickle.dumps(unmixer(), PROTOCOL))
    text = json.dumps(expected, indent=1)
    (folder / "expected.json").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
