"""Files and pickles of `RunningStats`."""

import copy
import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

import boxel as bx
from cases import DTYPES
from image_files import cut
from subprocesses import run_script


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sums.state"


def make(dtype="float64", moments=2, counting="uniform", **options):
    rng = np.random.default_rng(0)
    stack = rng.integers(0, 2, (6, 3, 4)).astype(dtype)
    stats = bx.RunningStats(moments=moments, dtype=dtype, **options)
    given = {"uniform": {}, "counted": {"where": stack > 0}, "weighted": {"weights": 0.5}}[counting]
    return stats.update_many(np.asfortranarray(stack), **given)


def assert_same(one, other):
    for name in ("shape", "moments", "dtype", "skipna", "extremes", "nbytes"):
        assert getattr(one, name) == getattr(other, name)
    np.testing.assert_array_equal(one.count, other.count)
    if one.shape is None:
        return
    assert one.mean.tobytes() == other.mean.tobytes()
    if one.moments > 1:
        assert one.var(1).tobytes() == other.var(1).tobytes()
        assert one.sem().tobytes() == other.sem().tobytes()
    if one.moments > 3:
        assert one.kurtosis().tobytes() == other.kurtosis().tobytes()
    if one.extremes and (np.asarray(one.count) > 0).all():
        assert one.max.tobytes() == other.max.tobytes()


def round_trips(stats, path):
    stats.save(path)
    yield bx.RunningStats.load(path)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        yield pickle.loads(pickle.dumps(stats, protocol))
    yield copy.deepcopy(stats)
    yield copy.copy(stats)
    yield stats.copy()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("counting", ["uniform", "counted", "weighted"])
@pytest.mark.parametrize("moments", [1, 2, 4])
def test_round_trips_keep_every_bit(dtype, counting, moments, path):
    stats = make(dtype, moments, counting, extremes=True)
    for found in round_trips(stats, path):
        assert_same(found, stats)
        # They go on alike, and apart.
        sample = np.ones((3, 4), dtype)
        assert_same(found.copy().update(sample), stats.copy().update(sample))
        found.update(sample)
        found.update(sample)
        assert np.all(found.count != stats.count)


@pytest.mark.parametrize("shape", [None, (), (2, 0), (3,)])
def test_round_trips_without_samples(shape, path):
    stats = bx.RunningStats(shape, moments=3, skipna=True)
    for found in round_trips(stats, path):
        assert_same(found, stats)


def test_a_file_is_replaced_as_a_whole(path, monkeypatch):
    stats = make()
    stats.save(path)
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="no space"):
        stats.update(np.ones((3, 4))).save(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
    with pytest.raises(FileNotFoundError):
        stats.save(path.parent / "missing" / "x.state")


@pytest.mark.parametrize("fraction", [0, 0.01, 0.3, 0.6, 0.9, 0.99])
def test_files_cut_short_are_refused(fraction, path):
    make(moments=4).save(path)
    cut(path, fraction)
    with pytest.raises(ValueError, match="not a complete file of RunningStats"):
        bx.RunningStats.load(path)


def test_changed_bytes_are_refused(path):
    """Every byte of the rows is covered by a checksum."""
    make().save(path)
    data = path.read_bytes()
    place = data.index(b"m2.npy") + 200
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.raises(ValueError, match="not a complete file"):
        bx.RunningStats.load(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"PK\x03\x04", pickle.dumps({"a": 1}), b"\x93NUMPY" + bytes(40)],
)
def test_foreign_files_are_refused(content, path):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a complete file of RunningStats"):
        bx.RunningStats.load(path)


def test_missing_files_are_os_errors(path):
    with pytest.raises(FileNotFoundError):
        bx.RunningStats.load(path)


def test_foreign_archives_are_refused(path):
    for arrays in ({"a": np.ones(3)}, {"header": np.ones(3)}, {"header": np.array(["x"], object)}):
        with path.open("wb") as stream:
            np.savez(stream, **arrays)
        with pytest.raises(ValueError, match="not a complete file of RunningStats"):
            bx.RunningStats.load(path)


def test_nothing_is_unpickled(path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(path.parent / "trap"),)

    make().save(path)
    trapped = io.BytesIO()
    np.save(trapped, np.array([Trap()], object), allow_pickle=True)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name in members:
        with zipfile.ZipFile(path, "w") as archive:
            for other, data in members.items():
                archive.writestr(other, trapped.getvalue() if other == name else data)
        with pytest.raises(ValueError, match="not a complete file"):
            bx.RunningStats.load(path)
    assert not (path.parent / "trap").exists()


def rewritten(path, **changes):
    with np.load(path) as archive:
        arrays = dict(archive)
    header = json.loads(arrays["header"].tobytes())
    for name, value in changes.items():
        if name in header:
            header[name] = value
        else:
            header["state"][name] = value
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version 1 of the format, found 2"),
        ({"format": "other"}, "found another"),
        ({"dtype": "complex128"}, "unknown dtype"),
        ({"moments": 7}, "unknown dtype or moments"),
        ({"moments": 4}, "m3"),
        ({"shape": [3, 5]}, "expected 15 values"),
        ({"shape": [-3, -4]}, "order of the axes"),
        ({"order": [0, 0]}, "order of the axes"),
        ({"counting": "guessed"}, "GUESSED"),
        ({"taken": -1}, "number of samples"),
    ],
)
def test_headers_that_do_not_fit_are_refused(changes, message, path):
    make().save(path)
    rewritten(path, **changes)
    with pytest.raises(ValueError, match=message):
        bx.RunningStats.load(path)


def test_files_of_the_other_byte_order(path):
    stats = make(moments=4)
    stats.save(path)
    with np.load(path) as archive:
        swapped = {
            name: array.astype(array.dtype.newbyteorder()) if name != "header" else array
            for name, array in archive.items()
        }
    with path.open("wb") as stream:
        np.savez(stream, **swapped)
    assert_same(bx.RunningStats.load(path), stats)


def test_rows_have_their_lasting_names(path):
    """Files of this version must stay readable: these names never change their meaning."""
    names = {
        (2, "float64", "uniform"): {"origin", "offset", "m2"},
        (4, "float64", "uniform"): {"origin", "offset", "m2", "m3", "m4"},
        (2, "float64", "counted"): {"count", "n", "origin", "offset", "m2"},
        (2, "int16", "uniform"): {"sum", "square_high", "square_low"},
        (1, "int16", "uniform"): {"high", "low"},
        (2, "int16", "weighted"): {"n", "origin", "offset", "m2", "samples", "weight_squares"},
    }
    for (moments, dtype, counting), rows in names.items():
        make(dtype, moments, counting).save(path)
        with np.load(path) as archive:
            assert set(archive.files) == rows | {"header"}


def test_workers_of_another_process_merge(path):
    make().save(path)
    script = """
        import sys, numpy as np, boxel as bx
        stats = bx.RunningStats.load(sys.argv[1])
        stats.update(np.full((3, 4), 7.0)).save(sys.argv[1])
    """
    run_script(script, path)
    wanted = make().update(np.full((3, 4), 7.0))
    assert_same(bx.RunningStats.load(path), wanted)
