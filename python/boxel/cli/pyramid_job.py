"""The work behind ``boxel pyramid``: read once, write every level."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from boxel import block_reduce
from boxel._registry import statistic_name
from boxel._validate import BOUNDARIES, choice
from boxel.blocks import tile_counts
from boxel.cli.inputs import Image, check_numbers, open_image
from boxel.cli.outputs import check_image_format, check_new, collecting, refuse_same_files
from boxel.cli.reduce_job import coarser_affine
from boxel.cli.running import Running
from boxel.formats.ome_zarr import Geometry, geometry_of, group_attributes, write_group
from boxel.formats.source import Array, lengths_of
from boxel.formats.staging import staged
from boxel.formats.table import suffix_of
from boxel.formats.zarr_arrays import ZarrSink
from boxel.pyramids import level_sizes
from boxel.streaming.blocks import statistic_dtype
from boxel.streaming.collecting import Collector
from boxel.streaming.levels import Level, level_cuts, stream_levels
from boxel.streaming.windows import Cut

__all__ = ["Job", "Result", "check", "level_paths", "run"]

Sizes = int | tuple[int, ...]

# Coarse levels are small: that their chunks are written in parts costs less than many chunks.
_LEAST_CHUNK = 16


@dataclass(frozen=True)
class Job:
    """What the user asked for."""

    image: Path
    output: Path
    factor: Sizes
    statistic: str
    levels: int | None
    min_size: int
    boundary: str
    skipna: bool
    dtype: str | None
    channel_axis: int | None
    axes: str | None
    pixel_size: tuple[float, ...] | None
    unit: str | None
    zarr_format: int
    running: Running


@dataclass(frozen=True)
class Result:
    """What came of it."""

    image: Image
    levels: list[Collector]
    outputs: list[Path]
    seconds: float


def check(job: Job) -> None:
    """Refuse outputs that cannot be written, before the work."""
    refuse_same_files([job.image, job.output])
    check_new(job.output, force=job.running.force or suffix_of(job.output) != ".zarr")
    if suffix_of(job.output) != ".zarr":
        for option, value in (
            ("--axes", job.axes), ("--pixel-size", job.pixel_size), ("--unit", job.unit)
        ):  # fmt: skip
            if value is not None:
                raise ValueError(f"{option} is for .zarr outputs, found {job.output}")


def level_paths(output: Path, levels: int) -> list[Path]:
    """Return the files of the levels: ``out-1.tif``, ``out-2.tif`` and so on for ``out.tif``."""
    suffix = output.name[len(output.name) - len(suffix_of(output)) :]
    stem = output.name[: len(output.name) - len(suffix)]
    return [output.with_name(f"{stem}-{number}{suffix}") for number in range(1, levels + 1)]


def run(job: Job) -> Result:
    """Read the image once, and write its levels."""
    statistic = statistic_name(job.statistic)
    with open_image(job.image, job.channel_axis) as image:
        is_ome = suffix_of(job.output) == ".zarr"
        geometry = None
        if is_ome:
            geometry = geometry_of(
                image.source, image.channel_axis, job.axes, job.pixel_size, job.unit
            )
        levels = _levels(job, image, geometry)
        dtype = statistic_dtype(statistic, image.dtype, job.dtype)
        if geometry is not None:
            dtype = _same_dtype(job, image)
        elif not levels:
            raise ValueError("expected levels, but the image is small enough: see --min-size")
        cuts = level_cuts(
            image.source, levels or [Level((1,) * image.ndim, image.shape)], dtype,
            job.running.memory, statistic=statistic, skipna=job.skipna, keeps_image=is_ome,
        )  # fmt: skip

        def compute(samples: Array, level: Level, out: Array) -> None:
            block_reduce(
                samples,
                level.sizes,
                statistic,
                boundary=job.boundary,
                skipna=job.skipna,
                dtype=dtype,
                out=out,
                workers=job.running.workers,
            )

        writing = (
            _files(job, image, levels, dtype)
            if geometry is None
            else _ome_zarr(job, image, levels, cuts, dtype, geometry)
        )
        with writing as (whole, collectors, outputs):
            start = time.perf_counter()
            with job.running.progress("pyramid") as show:
                if levels:
                    stream_levels(image.source, cuts, levels, compute, collectors, whole, show)
                elif whole is not None:
                    for cut in cuts:
                        whole.write(cut.inputs, image.source.read(cut.inputs))
            seconds = time.perf_counter() - start
        kept = collectors if whole is None else [whole, *collectors]
        return Result(image, kept, outputs, seconds)


def _levels(job: Job, image: Image, geometry: Geometry | None) -> list[Level]:
    """Return the levels below the image itself."""
    reduced = image.axes if geometry is None else geometry.spatial
    if isinstance(job.factor, tuple) and len(job.factor) != len(reduced):
        check_numbers(image, {"--factor": job.factor})
        raise ValueError(
            f"expected 1 or {len(reduced)} numbers for --factor, one for each of the axes in space,"
            f" found {len(job.factor)}"
        )
    boundary = choice(job.boundary, BOUNDARIES, "boundary")
    levels = []
    lengths = [image.shape[axis] for axis in reduced]
    for blocks in level_sizes(lengths, reduced, job.factor, job.levels, job.min_size, boundary):
        sizes = [1] * image.ndim
        for axis, size in zip(reduced, blocks, strict=True):
            sizes[axis] = size
        levels.append(Level(tuple(sizes), tile_counts(image.shape, tuple(sizes), boundary)))
    return levels


def _same_dtype(job: Job, image: Image) -> np.dtype[Any]:
    own = image.dtype.newbyteorder("=")
    if job.dtype is not None and np.dtype(job.dtype) != own:
        raise ValueError(
            f"expected all levels of an OME-Zarr image in its own dtype, {own}, found --dtype"
            f" {job.dtype}"
        )
    return own


Writing = tuple[Collector | None, list[Collector], list[Path]]


@contextmanager
def _files(
    job: Job, image: Image, levels: Sequence[Level], dtype: np.dtype[Any]
) -> Iterator[Writing]:
    """Open a numbered file for each level; they appear together."""
    check_image_format(job.output, image, dtype)
    paths = level_paths(job.output, len(levels))
    for path in paths:
        check_new(path, force=job.running.force)
    with ExitStack() as stack:
        collectors = [
            stack.enter_context(
                collecting(
                    path, job.running, level.shape, dtype, order=image.source.order,
                    channel_axis=image.channel_axis,
                    affine=coarser_affine(image.source, level.sizes),
                )
            )
            for path, level in zip(paths, levels, strict=True)
        ]  # fmt: skip
        yield None, collectors, paths


@contextmanager
def _ome_zarr(
    job: Job,
    image: Image,
    levels: Sequence[Level],
    cuts: Sequence[Cut],
    dtype: np.dtype[Any],
    geometry: Geometry,
) -> Iterator[Writing]:
    """Open a multiscale image, of which the image itself is the finest level."""
    axes = geometry.sorted_axes
    ordered = geometry.moved(axes)
    factors = [[1] * image.ndim, *([level.sizes[axis] for axis in axes] for level in levels)]
    name = job.output.name.removesuffix(".zarr").removesuffix(".ome")
    attributes = group_attributes(ordered, factors, name, job.statistic, job.zarr_format)
    names = list(ordered.names)
    together = lengths_of(cuts[0].inputs) if cuts else image.shape
    with staged(job.output) as folder:
        write_group(folder, attributes, job.zarr_format)
        collectors = []
        for number, shape in enumerate([image.shape, *(level.shape for level in levels)]):
            sink = ZarrSink(
                folder / str(number),
                tuple(shape[axis] for axis in axes),
                dtype,
                version=job.zarr_format,
                most_chunks=tuple(
                    max(together[axis] // factors[number][place], _LEAST_CHUNK)
                    for place, axis in enumerate(axes)
                ),
                dimensions=names,
            )
            summarizes = job.running.summarizes
            collectors.append(Collector(shape, dtype, sink=sink, axes=axes, summarize=summarizes))
        yield collectors[0], collectors[1:], [job.output]
