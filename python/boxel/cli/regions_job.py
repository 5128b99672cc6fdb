"""The work behind ``boxel regions``: read an image and its regions, compute, write."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxel import label_stats, masked_stats
from boxel.cli.inputs import Source, read_source
from boxel.cli.outputs import check_new, refuse_same_files
from boxel.files import read_image, replacing

__all__ = ["Job", "Result", "check", "run", "table_of", "write"]

Array = NDArray[Any]
_COLOURS = ("red", "green", "blue")


@dataclass(frozen=True)
class Job:
    """What the user asked for."""

    image: Path
    mask: Path | None
    labels: Path | None
    statistics: tuple[str, ...]
    background: int | None
    ddof: float
    skipna: bool
    channel_axis: int | None
    csv: Path | None
    workers: int | None
    force: bool


@dataclass(frozen=True)
class Result:
    """What came of it: rows of a table, and the names of its columns."""

    source: Source
    columns: dict[str, Array]
    seconds: float


def check(job: Job) -> None:
    """Refuse what cannot be done, before the work."""
    if (job.mask is None) == (job.labels is None):
        found = "neither" if job.mask is None else "both"
        raise ValueError(f"expected --mask or --labels, found {found}")
    refuse_same_files([job.image, job.csv])
    refuse_same_files([job.mask or job.labels, job.csv])
    if job.csv is not None:
        check_new(job.csv, (".csv",), force=job.force)


def run(job: Job) -> Result:
    """Read the image and its regions, and compute the table."""
    source = read_source(job.image, job.channel_axis)
    if job.mask is not None:
        mask = _plane(job.mask, "mask")
        start = time.perf_counter()
        found: Mapping[str, Any] = masked_stats(
            source.image,
            mask,
            job.statistics,
            channel_axis=source.channel_axis,
            skipna=job.skipna,
            ddof=job.ddof,
            workers=job.workers,
        )
        seconds = time.perf_counter() - start
        return Result(
            source, {name: np.asarray(each)[None] for name, each in found.items()}, seconds
        )
    assert job.labels is not None
    labels = _plane(job.labels, "labels")
    start = time.perf_counter()
    found = label_stats(
        labels,
        source.image,
        job.statistics,
        background=job.background,
        channel_axis=source.channel_axis,
        skipna=job.skipna,
        ddof=job.ddof,
        workers=job.workers,
    )
    return Result(source, dict(found), time.perf_counter() - start)


def _plane(path: Path, what: str) -> Array:
    """Read a mask or labels, which have no colours."""
    image, channel_axis = read_image(path)
    if channel_axis is not None:
        raise ValueError(f"expected {what} without colours, found {path} with them")
    return image


def table_of(result: Result) -> tuple[list[str], list[list[Any]]]:
    """Return the header and the rows of the result: one column per number."""
    header: list[str] = []
    columns: list[list[Any]] = []
    for name, column in result.columns.items():
        flat = column.reshape(len(column), -1)
        header.extend(_headers(name, column, result.source))
        columns.extend(flat[:, place].tolist() for place in range(flat.shape[1]))
    return header, [list(row) for row in zip(*columns, strict=True)]


def _headers(name: str, column: Array, source: Source) -> list[str]:
    trailing = column.shape[1:]
    if not trailing:
        return [name]
    if name == "bounding_box":
        axes = range(trailing[0] // 2)
        return [f"{name}_{end}_{axis}" for end in ("start", "stop") for axis in axes]
    if name != "centroid" and source.channel_axis is not None and trailing == (len(_COLOURS),):
        return [f"{name}_{colour}" for colour in _COLOURS]
    return [f"{name}_{'_'.join(map(str, place))}" for place in np.ndindex(trailing)]


def write(job: Job, result: Result) -> None:
    """Write the table."""
    if job.csv is None:
        return
    header, rows = table_of(result)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(_plain(rows))
    with replacing(job.csv) as stream:
        stream.write(text.getvalue().encode())


def _plain(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    # All digits of a float, so that the file holds what was computed.
    return [[repr(each) if isinstance(each, float) else each for each in row] for row in rows]
