"""``boxel regions``: what it computes, prints and writes, and how it fails."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import boxel as bx
from boxel._registry import STATISTICS
from boxel.cli.parameters import join_sizes
from command_line import execute, fail, run, save

GENERATOR = np.random.default_rng(5)
COLOUR = GENERATOR.integers(0, 256, (20, 30, 3), dtype=np.uint8)
GRAY = COLOUR[..., 0].copy()
LABELS = (np.arange(20)[:, None] // 10 * 3 + np.arange(30) // 10).astype(np.uint8)
MASK = LABELS == 4


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, array in (
        ("colour.png", COLOUR), ("gray.npy", GRAY), ("labels.tif", LABELS), ("labels.npy", LABELS),
        ("mask.png", MASK), ("mask.npy", MASK),
    ):  # fmt: skip
        save(name, array)


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("mask", ["mask.png", "mask.npy"])
def test_mean_colour_under_a_mask(mask):
    text = run("regions", "colour.png", "--mask", mask)
    expected = COLOUR[MASK].mean(axis=0)
    for value in expected:
        assert f"{value:.6g}" in text
    assert "mean_red" in text
    assert mask in text


def test_a_table_of_labels():
    text = run("regions", "gray.npy", "--labels", "labels.tif")
    lines = [line.split() for line in text.splitlines()]
    start = lines.index(["label", "count", "mean"])
    expected = bx.label_stats(LABELS, GRAY)
    assert len(lines) == start + 1 + 5
    for line, label, count, mean in zip(lines[start + 1 :], *expected.values(), strict=True):
        assert line == [str(label), str(count), f"{mean:.6g}"]
    assert "5 regions" in text


def test_the_table_in_a_file_has_all_digits():
    run(
        "regions", "colour.png", "--labels", "labels.npy", "--csv", "out.csv",
        "--statistics", "mean", "std", "centroid", "bounding_box", "min", "-q",
    )  # fmt: skip
    names = ("mean", "std", "centroid", "bounding_box", "min")
    expected = bx.label_stats(LABELS, COLOUR, names)
    rows = rows_of("out.csv")
    assert [int(row["label"]) for row in rows] == expected["label"].tolist()
    for place, colour in enumerate(("red", "green", "blue")):
        for name in ("mean", "std", "min"):
            found = [float(row[f"{name}_{colour}"]) for row in rows]
            assert found == expected[name][:, place].tolist()
    assert [float(row["centroid_1"]) for row in rows] == expected["centroid"][:, 1].tolist()
    assert [int(row["bounding_box_stop_1"]) for row in rows] == [20, 30, 10, 20, 30]


@pytest.mark.parametrize("name", STATISTICS)
def test_every_statistic(name):
    run("regions", "gray.npy", "--labels", "labels.npy", "--statistics", name, "--csv", "out.csv")
    expected = bx.label_stats(LABELS, GRAY, name)[name]
    assert [row[name] for row in rows_of("out.csv")] == list(map(repr, expected.tolist()))


@pytest.mark.parametrize(
    "words",
    [
        ["--statistics", "mean", "std", "gray.npy"],
        ["gray.npy", "--statistics", "mean,std"],
        ["gray.npy", "--statistics=mean", "std"],
    ],
)
def test_every_way_to_write_statistics(words):
    text = run("regions", *words, "--labels", "labels.npy", "--json")
    assert list(json.loads(text)["regions"][0]) == ["label", "mean", "std"]


def test_only_names_are_joined():
    joined = join_sizes(
        ["--statistics", "mean", "std", "a.png"], ["--statistics"], {"mean", "std"}.__contains__
    )
    assert joined == ["--statistics", "mean,std", "a.png"]


def test_json():
    record = json.loads(run("regions", "colour.png", "--labels", "labels.npy", "--json"))
    assert record["image_shape"] == [20, 30, 3]
    assert [row["label"] for row in record["regions"]] == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(
        [row["mean_green"] for row in record["regions"]],
        bx.label_stats(LABELS, COLOUR)["mean"][:, 1],
    )
    nothing = save("none.npy", np.zeros((20, 30), bool))
    record = json.loads(run("regions", "colour.png", "--mask", nothing, "--json"))
    assert record["regions"][0]["mean_red"] is None


def test_options():
    options = ("regions", "gray.npy", "--labels", "labels.npy", "--json")
    every = json.loads(run(*options, "--background", "none"))["regions"]
    assert [row["label"] for row in every] == [0, 1, 2, 3, 4, 5]
    less = json.loads(run(*options, "--background", "3"))["regions"]
    assert [row["label"] for row in less] == [0, 1, 2, 4, 5]
    sample = json.loads(run(*options, "--statistics", "var", "--ddof", "1"))["regions"]
    assert sample[0]["var"] == bx.label_stats(LABELS, GRAY, "var", ddof=1)["var"][0]
    save("hole.npy", np.where(LABELS == 1, np.nan, 2.0))
    skipped = json.loads(run("regions", "hole.npy", "--labels", "labels.npy", "--skipna", "--json"))
    assert skipped["regions"][0] == {"label": 1, "count": 0, "mean": None}


def test_many_regions_are_not_all_printed():
    save("many.npy", np.arange(600, dtype=np.int32).reshape(20, 30))
    text = run("regions", "gray.npy", "--labels", "many.npy")
    assert "... and 579 more" in text
    assert len(text.splitlines()) < 35


def test_channels_first():
    save("first.npy", np.moveaxis(COLOUR, -1, 0))
    record = json.loads(
        run("regions", "first.npy", "--mask", "mask.npy", "--channel-axis", "0", "--json")
    )
    assert record["regions"][0]["mean_blue"] == COLOUR[MASK].mean(axis=0)[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["colour.png"], "expected --mask or --labels, found neither"),
        (["colour.png", "--mask", "mask.png", "--labels", "labels.npy"], "found both"),
        (["colour.png", "--mask", "none.png"], "none.png"),
        (["colour.png", "--mask", "colour.png"], "expected mask without colours"),
        (["gray.npy", "--labels", "labels.npy", "--statistics", "mena"], "did you mean 'mean'"),
        (["gray.npy", "--mask", "labels.npy"], "0 and 1 or 0 and 255"),
        (["gray.npy", "--labels", "labels.npy", "--background", "x"], "--background"),
        (["gray.npy", "--labels", "labels.npy", "--csv", "out.txt"], ".csv"),
        (["gray.npy", "--labels", "labels.npy", "--csv", "gray.npy"], "different files"),
        (["gray.npy", "--mask", "mask.npy", "--statistics", "centroid"], "centroid"),
        (["gray.npy", "--labels", "float.npy"], "labels must be integers"),
        (["gray.npy", "--labels", "turned.npy"], "transposed"),
    ],
)
def test_errors(arguments, words):
    save("float.npy", LABELS.astype(float))
    save("turned.npy", LABELS.T)
    assert words in fail("regions", *arguments)


def test_existing_files_are_kept():
    save("out.csv.npy", GRAY)
    run("regions", "gray.npy", "--mask", "mask.npy", "--csv", "out.csv")
    before = Path("out.csv").read_bytes()
    assert "--force" in fail("regions", "gray.npy", "--labels", "labels.npy", "--csv", "out.csv")
    assert Path("out.csv").read_bytes() == before
    run("regions", "gray.npy", "--labels", "labels.npy", "--csv", "out.csv", "--force")
    assert len(rows_of("out.csv")) == 5


def test_from_a_shell():
    done = execute("regions", "gray.npy", "--mask", "mask.npy")
    assert done.returncode == 0, done.stderr
    assert "mean" in done.stdout
