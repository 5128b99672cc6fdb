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

from boxel import RegionStats, get_workers, label_stats, masked_stats
from boxel._calls import statistic_names
from boxel._region_calls import GEOMETRY, label_array, mask_array
from boxel._registry import MERGEABLE
from boxel._validate import degrees_of_freedom
from boxel.cli.inputs import Image, open_image
from boxel.cli.outputs import check_new, refuse_same_files
from boxel.cli.running import Running
from boxel.files import replacing
from boxel.formats.source import Array, Window
from boxel.regions import region_names
from boxel.streaming.blocks import is_exact
from boxel.streaming.pipeline import PARTS_AT_ONCE, Show
from boxel.streaming.pipeline import run as run_parts
from boxel.streaming.regions import PixelPieces
from boxel.streaming.windows import Axis, Cut, bytes_text, cut_windows

__all__ = ["Job", "Result", "check", "run", "table_of", "write"]

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
        names = _names(job)
        start = time.perf_counter()
        cuts = _cuts(job, image, regions, names)
        if cuts is None:
            columns = _at_once(job, image, regions)
        else:
            with job.running.progress("regions") as show:
                columns = _by_tiles(job, image, regions, cuts, show)
        return Result(image, columns, time.perf_counter() - start)


def _names(job: Job) -> tuple[str, ...]:
    if job.labels is None:
        return statistic_names(job.statistics)[0]
    return region_names(job.statistics, with_image=True)


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
    if _covered(image, regions) != regions.shape or 0 in image.shape or regions.ndim == 0:
        return None  # refused, or nothing to do
    if size <= memory:
        return None
    channels = math.prod(image.shape) // math.prod(regions.shape)
    pixel = channels * image.dtype.itemsize + regions.dtype.itemsize

    def cost(samples: Sequence[int], outputs: Sequence[int]) -> int:
        return math.prod(outputs) * pixel * PARTS_AT_ONCE

    axes = [Axis(length, length) for length in regions.shape]
    held = sum(each.held_bytes for each in sources) + _HELD_BYTES
    cuts = cut_windows(axes, _label_order(image, regions), cost, memory, held=held)
    return cuts if len(cuts) > 1 else None


def _covered(image: Image, regions: Image) -> tuple[int, ...]:
    """Return the shape of the axes that labels cover."""
    pixels = [image.shape[axis] for axis in image.axes]
    return tuple(pixels if image.channel_axis is not None else pixels[: regions.ndim])


def _label_order(image: Image, regions: Image) -> list[int]:
    """Return the axes of the labels in the order in which the image's file holds them."""
    number = {axis: place for place, axis in enumerate(image.axes)}
    order = [number[axis] for axis in image.source.order if axis in number]
    return [each for each in order if each < regions.ndim]


def _at_once(job: Job, image: Image, regions: Image) -> dict[str, Array]:
    options: dict[str, Any] = {
        "channel_axis": image.channel_axis,
        "skipna": job.skipna,
        "ddof": job.ddof,
        "workers": job.running.workers,
    }
    order = _label_order(image, regions)
    samples = image.source.whole()
    pixel_axes, channel_axes = _image_axes(image, order)
    places = sorted(image.source.order.index(axis) for axis in pixel_axes)
    if places and places[-1] - places[0] >= len(places):
        # Channels between the axes of the pixels: these are to follow one another.
        samples = _laid_out(samples, pixel_axes + channel_axes)
    labels = regions.source.whole()
    if len(order) == labels.ndim:
        labels = _laid_out(labels, order)
    if job.labels is None:
        found = masked_stats(samples, labels, job.statistics, **options)
        return {name: np.asarray(each)[None] for name, each in found.items()}
    return label_stats(labels, samples, job.statistics, background=job.background, **options)


def _laid_out(array: Array, order: Sequence[int]) -> Array:
    """Return an array whose axes lie in memory in that order, which sums of floats follow."""
    return np.asarray(array.transpose(order), order="C").transpose(np.argsort(order))


def _image_axes(image: Image, label_order: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the axes of the image under those of the labels, and those of the channels."""
    pixel_axes = [image.axes[axis] for axis in label_order]
    return pixel_axes, [axis for axis in range(image.ndim) if axis not in pixel_axes]


def _by_tiles(
    job: Job, image: Image, regions: Image, cuts: Sequence[Cut], show: Show
) -> dict[str, Array]:
    names = _names(job)
    ddof = degrees_of_freedom(job.ddof)
    is_mask = job.labels is None
    background = 0 if is_mask else job.background
    order = _label_order(image, regions)
    pixel_axes, channel_axes = _image_axes(image, order)
    channels = tuple(image.shape[axis] for axis in channel_axes)
    # Sums of floats follow the order of the pixels; all else is the same for tiles in any order.
    ordered = [name for name in names if name not in GEOMETRY and not is_exact(name, image.dtype)]
    tiled = [name for name in names if name not in ordered]
    pieces = None if not ordered else PixelPieces(
        ordered, math.prod(regions.shape), channels, background=background, skipna=job.skipna,
        is_mask=is_mask, workers=job.running.workers or get_workers(),
    )  # fmt: skip
    stats = None if not tiled else RegionStats(
        ["count", *tiled], background=background, channel_axis=image.channel_axis,
        skipna=job.skipna,
    )  # fmt: skip
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
        else:
            labels, _ = label_array(labels)
        if pieces is not None:
            in_order = samples.transpose(pixel_axes + channel_axes)
            pieces.take(labels.transpose(order).reshape(-1), in_order.reshape(-1, *channels))
        if stats is not None:
            origin = [each.start for each in cut.outputs]
            stats.update(labels, samples, origin=origin, workers=job.running.workers)

    run_parts(cuts, read, take, lambda cut, nothing: None, show)
    index = np.ones(1, np.int64) if is_mask else None
    found = {} if pieces is None else pieces.columns(index, ddof=ddof)
    if stats is not None:
        found |= stats.result(index=index, ddof=ddof)
    listed = names if is_mask else ("label", *names)
    return {name: found[name] for name in listed}


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
