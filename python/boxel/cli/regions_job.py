"""The work behind ``boxel regions``: read an image and its regions, compute, write."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from boxel import RegionStats, label_stats, masked_stats
from boxel._region_calls import GEOMETRY, mask_array
from boxel._registry import MERGEABLE
from boxel.cli.inputs import Image, open_image
from boxel.cli.outputs import check_new, refuse_same_files
from boxel.cli.running import Running
from boxel.files import replacing
from boxel.formats.source import Array, Window
from boxel.regions import region_names
from boxel.streaming.blocks import is_exact
from boxel.streaming.pipeline import PARTS_AT_ONCE, Show
from boxel.streaming.pipeline import run as run_parts
from boxel.streaming.windows import Axis, Cut, bytes_text, cut_windows

__all__ = ["Job", "Result", "check", "run", "table_of", "write"]

# Sums of floats follow the tiles: these do not depend on the memory, and nor do the sums.
_TILE_SAMPLES = 1 << 19
# Labels are widened, and there is a table.
_HELD_BYTES = 1 << 24
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
    running: Running


@dataclass(frozen=True)
class Result:
    """What came of it: rows of a table, and the names of its columns."""

    image: Image
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
        check_new(job.csv, (".csv",), force=job.running.force)


def run(job: Job) -> Result:
    """Read the image and its regions, and compute the table."""
    path = job.mask if job.labels is None else job.labels
    assert path is not None
    what = "mask" if job.labels is None else "labels"
    with open_image(job.image, job.channel_axis) as image, open_image(path) as regions:
        if regions.channel_axis is not None:
            raise ValueError(f"expected {what} without colours, found {path} with them")
        names = region_names(job.statistics, with_image=True)
        start = time.perf_counter()
        cuts = _cuts(job, image, regions, names)
        if cuts is None:
            columns = _at_once(job, image.source.whole(), regions.source.whole(), image)
        else:
            with job.running.progress("regions") as show:
                columns = _by_tiles(job, image, regions, cuts, show)
        return Result(image, columns, time.perf_counter() - start)


def _cuts(job: Job, image: Image, regions: Image, names: tuple[str, ...]) -> list[Cut] | None:
    """Return the tiles of the regions, or None if all is taken at once."""
    sources = (image.source, regions.source)
    size = sum(each.nbytes for each in sources)
    memory = job.running.memory
    if not all(name in MERGEABLE or name in GEOMETRY for name in names):
        if size > memory:
            raise ValueError(
                "median and mode need all samples of a region: expected --memory of at least"
                f" {bytes_text(size)}, found {bytes_text(memory)}"
            )
        return None
    channels = math.prod(image.shape) // max(1, math.prod(regions.shape))
    pixel = channels * image.dtype.itemsize + regions.dtype.itemsize
    exact = all(name in GEOMETRY or is_exact(name, image.dtype) for name in names)
    if _covered(image, regions) != regions.shape or 0 in image.shape or regions.ndim == 0:
        return None  # refused, or nothing to do
    if exact and size <= memory:
        return None

    def cost(samples: Sequence[int], outputs: Sequence[int]) -> int:
        return math.prod(outputs) * pixel * PARTS_AT_ONCE

    axes = [Axis(length, length) for length in regions.shape]
    order = [each for each in _pixel_order(image) if each < regions.ndim]
    held = sum(each.held_bytes for each in sources) + _HELD_BYTES
    if exact:
        cuts = cut_windows(axes, order, cost, memory, held=held)
    else:
        most = max(1, _TILE_SAMPLES // max(1, channels)) * pixel * PARTS_AT_ONCE
        cuts = cut_windows(axes, order, cost, most, preferred=most)
        if most + held > memory:
            raise ValueError(
                f"expected --memory of at least {bytes_text(most + held)}, found"
                f" {bytes_text(memory)}"
            )
    return cuts if len(cuts) > 1 else None


def _covered(image: Image, regions: Image) -> tuple[int, ...]:
    """Return the shape of the axes that labels cover."""
    pixels = [image.shape[axis] for axis in image.axes]
    return tuple(pixels if image.channel_axis is not None else pixels[: regions.ndim])


def _pixel_order(image: Image) -> list[int]:
    """Return the order of the pixels' axes, numbered as those of the labels are."""
    number = {axis: place for place, axis in enumerate(image.axes)}
    return [number[axis] for axis in image.source.order if axis in number]


def _at_once(job: Job, image: Array, regions: Array, opened: Image) -> dict[str, Array]:
    options: dict[str, Any] = {
        "channel_axis": opened.channel_axis,
        "skipna": job.skipna,
        "ddof": job.ddof,
        "workers": job.running.workers,
    }
    if job.labels is None:
        found = masked_stats(image, regions, job.statistics, **options)
        return {name: np.asarray(each)[None] for name, each in found.items()}
    return label_stats(regions, image, job.statistics, background=job.background, **options)


def _by_tiles(
    job: Job, image: Image, regions: Image, cuts: Sequence[Cut], show: Show
) -> dict[str, Array]:
    is_mask = job.labels is None
    stats = RegionStats(
        job.statistics,
        background=0 if is_mask else job.background,
        channel_axis=image.channel_axis,
        skipna=job.skipna,
    )
    seen: set[int] = set()

    def read(cut: Cut) -> tuple[Array, Array]:
        return regions.source.read(cut.outputs), image.source.read(_under(image, cut.outputs))

    def take(cut: Cut, tile: tuple[Array, Array]) -> None:
        labels, samples = tile
        if is_mask:
            # Each tile may be one of zeros and ones, or one of zeros and 255: not all of both.
            seen.add(int(labels.max(initial=0)))
            if {1, 255} <= seen and labels.dtype.kind != "b":
                raise ValueError(
                    "mask holds the values 0, 1, 255; integer masks are 0 and 1 or 0 and 255. For"
                    " regions with labels use --labels"
                )
            labels = mask_array(labels)
        origin = [each.start for each in cut.outputs]
        stats.update(labels, samples, origin=origin, workers=job.running.workers)

    run_parts(cuts, read, take, lambda cut, nothing: None, show)
    found = stats.result(index=[1] if is_mask else None, ddof=job.ddof)
    if is_mask:
        del found["label"]
    return found


def _under(image: Image, window: Window) -> Window:
    """Return the window of the image under one of the labels."""
    under = [slice(0, length) for length in image.shape]
    # Labels may cover fewer axes than the pixels have: what is behind them are channels.
    for axis, part in zip(image.axes, window, strict=False):
        under[axis] = part
    return tuple(under)


def table_of(result: Result) -> tuple[list[str], list[list[Any]]]:
    """Return the header and the rows of the result: one column per number."""
    header: list[str] = []
    columns: list[list[Any]] = []
    for name, column in result.columns.items():
        flat = column.reshape(len(column), -1)
        header.extend(_headers(name, column, result.image))
        columns.extend(flat[:, place].tolist() for place in range(flat.shape[1]))
    return header, [list(row) for row in zip(*columns, strict=True)]


def _headers(name: str, column: Array, image: Image) -> list[str]:
    trailing = column.shape[1:]
    if not trailing:
        return [name]
    if name == "bounding_box":
        axes = range(trailing[0] // 2)
        return [f"{name}_{end}_{axis}" for end in ("start", "stop") for axis in axes]
    if name != "centroid" and image.channel_axis is not None and trailing == (len(_COLOURS),):
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
