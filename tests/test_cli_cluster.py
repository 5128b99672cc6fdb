"""``boxel cluster``: what it reads, prints and writes, and how it fails."""

import csv
import json
import os

import numpy as np
import pytest

from distance_cases import condensed, euclidean

pytest.importorskip("click")
pytest.importorskip("matplotlib")

from click.testing import CliRunner

import boxel as bx
from boxel.cli.app import boxel
from boxel.cli.cluster_job import read_distances

SQUARE = np.array([[0, 2, 6, 10], [2, 0, 5, 9], [6, 5, 0, 4], [10, 9, 4, 0.0]])
NAMES = ["ant", "bee", "cat", "dog"]


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    result = CliRunner().invoke(boxel, ["cluster", *map(str, arguments)])
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def fail(*arguments):
    before = sorted(os.listdir())
    result = CliRunner().invoke(boxel, ["cluster", *map(str, arguments)])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("boxel: error: ")
    assert result.stderr.count("\n") == 1
    assert sorted(os.listdir()) == before
    return result.stderr


def write_csv(name, rows):
    with open(name, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    return name


def read_csv(name):
    with open(name, newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


# Reading ------------------------------------------------------------------------------------------


def layouts():
    numbers = ["1", "2", "3", "4"]
    rows = SQUARE.tolist()
    yield "none", rows, None
    for kind, names in (("names", NAMES), ("numbers", numbers)):
        column = [[name, *row] for name, row in zip(names, rows, strict=True)]
        yield f"{kind} in the first line", [names, *rows], names
        yield f"{kind} in the first column", column, names
        yield f"{kind} in both", [["", *names], *column], names
        if kind == "names":
            yield f"{kind} in both without a corner", [names, *column], names


LAYOUTS = tuple(layouts())


@pytest.mark.parametrize(("_layout", "rows", "names"), LAYOUTS, ids=[each[0] for each in LAYOUTS])
def test_csv_layouts(_layout, rows, names, tmp_path):
    distances, found = read_distances(tmp_path / write_csv("d.csv", rows))
    np.testing.assert_array_equal(distances, SQUARE)
    assert found == names


@pytest.mark.parametrize("as_line", [True, False])
def test_condensed_csv(as_line, tmp_path):
    upper = condensed(SQUARE)
    rows = [upper.tolist()] if as_line else [[each] for each in upper]
    distances, names = read_distances(tmp_path / write_csv("d.csv", rows))
    np.testing.assert_array_equal(distances, upper)
    assert names is None


@pytest.mark.parametrize("method", bx.LINKAGE_METHODS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_npy_files(dtype, method):
    square = euclidean(25).astype(dtype)
    expected = bx.linkage(square, method)
    for name, array in (("square.npy", square), ("condensed.npy", condensed(square))):
        np.save(name, array)
        run(name, "--method", method, "--linkage", "Z.npy", "--force")
        np.testing.assert_array_equal(np.load("Z.npy"), expected)
        np.testing.assert_array_equal(np.load(name), array)


# Outputs ------------------------------------------------------------------------------------------


def test_all_outputs():
    write_csv("d.csv", [NAMES, *SQUARE.tolist()])
    printed = run(
        "d.csv", "--clusters", 2, "-o", "labels.csv", "--linkage", "Z.npy", "--plot", "tree.svg"
    )
    assert read_csv("labels.csv") == [
        ["item", "cluster"], ["ant", "0"], ["bee", "0"], ["cat", "1"], ["dog", "1"],
    ]  # fmt: skip
    np.testing.assert_array_equal(np.load("Z.npy"), bx.linkage(SQUARE))
    assert os.path.getsize("tree.svg") > 1000
    lines = dict(line.split(maxsplit=1) for line in printed.splitlines())
    assert lines["distances"] == "d.csv, 4 x 4, float64"
    assert lines["clusters"] == "2, of 2, 2 items"
    assert lines["joined"] == "at 2 to 7.5"
    assert lines["wrote"] == "labels.csv, Z.npy, tree.svg"


def test_cut_by_distance_and_names_by_number():
    np.save("d.npy", SQUARE)
    run("d.npy", "--distance", 3, "-o", "labels.csv", "-q")
    assert read_csv("labels.csv")[1:] == [["0", "0"], ["1", "0"], ["2", "1"], ["3", "2"]]


def test_json():
    write_csv("d.csv", [NAMES, *SQUARE.tolist()])
    record = json.loads(run("d.csv", "--clusters", 2, "--json"))
    assert record["labels"] == {"ant": 0, "bee": 0, "cat": 1, "dog": 1}
    assert record["clusters"] == 2
    assert record["items"] == 4
    assert record["plot"] is None
    assert json.loads(run("d.csv", "--json"))["labels"] is None


def test_one_item():
    np.save("d.npy", np.zeros((1, 1)))
    assert "joined     nothing" in run("d.npy", "--plot", "tree.png", "--clusters", 1)


# Errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[0, 1], [2, 0]], "symmetric"),
        ([[1, 0.5], [0.5, 1]], "similarity"),
        ([[0, 1, 2], [1, 0, "far"], [2, 3, 0]], "line 2, found 'far'"),
        ([[0, 1, 2], [1, 0], [2, 3, 0]], "3 distances in line 2, found 2"),
        ([["a", "b"], ["a", 0, 1], ["c", 1, 0]], "same names"),
        ([["a", "b", "c"], [0, 1], [1, 0]], "names"),
        ([[0, 1, 2, 3], [4, 5, 6, 7]], "(2, 4)"),
        ([[0, "nan"], ["nan", 0]], "nan"),
        ([["0;1"], ["1;0"]], "commas between the values, found ';'"),
        ([["a\tb"], ["0\t1"], ["1\t0"]], "commas"),
        ([], "empty file"),
    ],
)
def test_wrong_csv_files(rows, words):
    assert words in fail(write_csv("d.csv", rows))


def test_wrong_options():
    np.save("d.npy", SQUARE)
    for arguments, words in [
        (["--clusters", 2, "--distance", 3], "found both"),
        (["-o", "labels.csv"], "found neither"),
        (["--clusters", 2, "-o", "labels.txt"], "labels.txt"),
        (["--clusters", 5, "-o", "labels.csv"], "at most 4"),
        (["--linkage", "Z.csv"], "Z.csv"),
        (["--linkage", "d.npy"], "different files"),
        (["--plot", "tree.gif"], "tree.gif"),
        (["--method", "nearest"], "'single'"),
        (["--workers", 0], "workers"),
    ]:
        assert words in fail("d.npy", *arguments)
    np.save("none.npy", np.zeros((0, 0)))
    assert "found none" in fail("none.npy")
    assert "d.txt" in fail("d.txt")
    assert "missing.npy" in fail("missing.npy")
    np.save("observations.npy", np.zeros((5, 3)))
    assert "observations are not taken" in fail("observations.npy")
    run("d.npy", "--linkage", "Z.npy")
    assert "--force" in fail("d.npy", "--linkage", "Z.npy")
