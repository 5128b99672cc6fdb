"""The work behind ``boxel cluster``: read distances, cluster, write."""

from __future__ import annotations

import csv
import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxel import flat_clusters, linkage
from boxel._extras import require
from boxel.cli.outputs import check_new, refuse_same_files
from boxel.files import replacing, write_array

__all__ = ["Job", "Result", "check", "read_distances", "run", "write"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Job:
    """What the user asked for."""

    distances: Path
    method: str
    clusters: int | None
    distance: float | None
    output: Path | None
    linkage: Path | None
    plot: Path | None
    workers: int | None
    force: bool


@dataclass(frozen=True)
class Result:
    """What came of it."""

    names: list[str]
    shape: tuple[int, ...]
    dtype: str
    tree: NDArray[np.float64]
    labels: NDArray[np.int64] | None
    seconds: float


def check(job: Job) -> None:
    """Refuse what cannot be done, before the work."""
    if job.clusters is not None and job.distance is not None:
        raise ValueError("expected --clusters or --distance, found both")
    if job.output is not None and job.clusters is None and job.distance is None:
        raise ValueError("expected --clusters or --distance with -o, found neither")
    refuse_same_files([job.distances, job.output, job.linkage, job.plot])
    if job.output is not None:
        check_new(job.output, (".csv",), force=job.force)
    if job.linkage is not None:
        check_new(job.linkage, (".npy",), force=job.force)
    if job.plot is not None:
        require("matplotlib", extra="plot")
        from boxel.plot import PLOT_SUFFIXES

        check_new(job.plot, PLOT_SUFFIXES, force=job.force)


def read_distances(path: Path) -> tuple[Array, list[str] | None]:
    """Return the distances in a ``.npy`` or ``.csv`` file, and the names of the items if any.

    In a CSV file, names stand in the first line, in the first column, or both.
    """
    if path.suffix.lower() == ".npy":
        return np.load(path, mmap_mode="r", allow_pickle=False), None
    if path.suffix.lower() != ".csv":
        found = f"suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise ValueError(f"expected distances in a .npy or .csv file, but {path} has {found}")
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = [row for row in csv.reader(stream) if row]
    if not rows:
        raise ValueError(f"{path}: expected distances, found an empty file")
    if len(rows) > 1 and all(len(row) == 1 for row in rows):
        other = next((mark for mark in (";", "\t") if all(mark in row[0] for row in rows)), None)
        if other is not None:
            raise ValueError(f"{path}: expected commas between the values, found {other!r}")
    return _parsed(rows, path)


def _parsed(rows: list[list[str]], path: Path) -> tuple[Array, list[str] | None]:
    """Tell names from distances, by what they look like and by how many there are."""
    names: list[str] | None = None
    line = 1
    if rows and _has_header(rows):
        names, rows, line = rows[0], rows[1:], 2
    if rows and _has_names(rows):
        column = [row[0] for row in rows]
        rows = [row[1:] for row in rows]
        if names is not None and len(names) == len(rows) + 1:
            names = names[1:]  # without the corner
        if names is not None and names != column:
            raise ValueError(f"{path}: expected the same names in the first line and column")
        names = column
    width = len(rows[0]) if rows else 0
    values = np.empty((len(rows), width))
    for number, row in enumerate(rows):
        if len(row) != width:
            raise ValueError(
                f"{path}: expected {width} distances in line {line + number}, found {len(row)}"
            )
        wrong = [text for text in row if not _is_number(text)]
        if wrong:
            raise ValueError(
                f"{path}: expected numbers in line {line + number}, found {wrong[0]!r}"
            )
        values[number] = [float(text) for text in row]
    if names is not None and len(names) != width:
        raise ValueError(f"{path}: expected as many names as columns, {width}, found {len(names)}")
    is_condensed = 1 in values.shape and values.size > 1
    return (values.ravel() if is_condensed else values), names


def _has_header(rows: list[list[str]]) -> bool:
    first = rows[0]
    texts = [not _is_number(text) for text in first]
    named = all(texts[1:] or texts)
    return named or len(rows) == len(first) + 1 or (len(rows) == len(first) and texts[0])


def _has_names(rows: list[list[str]]) -> bool:
    return not all(_is_number(row[0]) for row in rows) or len(rows[0]) == len(rows) + 1


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def run(job: Job) -> Result:
    """Read the distances and cluster them."""
    distances, names = read_distances(job.distances)
    if distances.shape == (0, 0):
        raise ValueError(f"{job.distances}: expected distances, found none")
    start = time.perf_counter()
    tree = linkage(distances, job.method, workers=job.workers)
    seconds = time.perf_counter() - start
    n = len(tree) + 1
    labels = None
    if job.clusters is not None or job.distance is not None:
        labels = flat_clusters(tree, n_clusters=job.clusters, distance=job.distance)
    return Result(
        names or [str(item) for item in range(n)],
        distances.shape,
        str(distances.dtype),
        tree,
        labels,
        seconds,
    )


def write(job: Job, result: Result) -> None:
    """Write the outputs."""
    if job.output is not None and result.labels is not None:
        with replacing(job.output) as stream:
            lines = [("item", "cluster"), *zip(result.names, result.labels.tolist(), strict=True)]
            stream.write(_csv_text(lines).encode())
    if job.linkage is not None:
        write_array(job.linkage, result.tree, overwrite=job.force)
    if job.plot is not None:
        from boxel.plot import dendrogram, save_figure

        axes: Any = dendrogram(
            result.tree,
            labels=result.names,
            n_clusters=job.clusters,
            distance=job.distance,
            title=f"{job.method} linkage of {len(result.names)} items",
        )
        save_figure(axes.figure, job.plot, overwrite=job.force)


def _csv_text(rows: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
