"""What earlier versions saved and pickled stays readable, with the same values."""

import json
import pickle

import numpy as np
import pytest

import boxel as bx
import stored_states

FOLDERS = sorted(stored_states.DATA.glob("states-*"))
FILES = [path for folder in FOLDERS for path in sorted(folder.iterdir())]
STATES = [path for path in FILES if path.suffix == ".stats"]
PICKLES = [path for path in FILES if path.suffix == ".pickle" and path.stem != "unmixer"]


def name_of(path):
    return f"{path.parent.name}/{path.name}"


def assert_as_stored(stats, path):
    text = (path.parent / "expected.json").read_text(encoding="utf-8")
    expected = json.loads(text)[path.stem]
    found = stored_states.readings_of(stats)
    assert set(found) >= set(expected)
    assert found["repr"].split(",")[0] == expected.pop("repr").split(",")[0]
    for name, stored in expected.items():
        assert found[name]["dtype"] == stored["dtype"], name
        values, before = (
            [float.fromhex(each) for each in side["values"]] for side in (found[name], stored)
        )
        # Another version may round what it reads in another way; what it has read is the same.
        rtol = 3e-7 if stored["dtype"] == "float32" else 1e-14
        np.testing.assert_allclose(values, before, rtol=rtol, atol=rtol, err_msg=name)


def test_there_are_files():
    assert any(folder.name == "states-0.1.0" for folder in FOLDERS)
    assert {path.stem for path in STATES} == {path.stem for path in PICKLES}
    assert {path.stem for path in STATES} >= {"float64", "int64", "weighted", "untouched"}


@pytest.mark.parametrize("path", STATES, ids=name_of)
def test_files_of_running_stats(path):
    stats = bx.RunningStats.load(path)
    assert_as_stored(stats, path)
    goes_on(stats)


@pytest.mark.parametrize("path", PICKLES, ids=name_of)
def test_pickles_of_running_stats(path):
    stats = pickle.loads(path.read_bytes())
    assert_as_stored(stats, path)
    goes_on(stats)


def goes_on(stats):
    """It takes in more samples, and merges with what is made now."""
    before = np.array(stats.count)
    sample = np.ones(stored_states.SHAPE, stats.dtype)
    stats.update(sample)
    np.testing.assert_array_equal(stats.count, before + 1)
    options = {name: getattr(stats, name) for name in ("moments", "dtype", "skipna", "extremes")}
    fresh = bx.RunningStats(**options).update(sample)
    np.testing.assert_array_equal((stats + fresh).count, before + 2)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_pickles_of_unmixers(folder):
    unmixer = pickle.loads((folder / "unmixer.pickle").read_bytes())
    image = np.arange(6.0).reshape(2, 3)
    mixed = bx.mix(image, np.array([[3.0, 1.0, 0.5], [1.0, 4.0, 1.0], [0.25, 1.0, 5.0]]))
    np.testing.assert_allclose(unmixer.apply(mixed), image, rtol=1e-13, atol=1e-13)


def test_kinds_of_now_are_read_as_they_were_made(tmp_path):
    """The comparison would see a digit that changed."""
    for kind in stored_states.KINDS:
        stats = stored_states.make(kind)
        stats.save(tmp_path / f"{kind}.stats")
        expected = {kind: stored_states.readings_of(stats)}
        (tmp_path / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
        assert_as_stored(bx.RunningStats.load(tmp_path / f"{kind}.stats"), tmp_path / kind)
    changed = stored_states.make("weighted-int32").update(np.full((2, 3), 9, np.int32))
    expected = {"x": stored_states.readings_of(changed)}
    (tmp_path / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
    another = stored_states.make("weighted-int32").update(np.full((2, 3), 8, np.int32))
    with pytest.raises(AssertionError, match="mean"):
        assert_as_stored(another, tmp_path / "x")
