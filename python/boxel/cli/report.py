"""What the commands print."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import click
import numpy as np

from boxel.streaming.collecting import SMALL, Collector

__all__ = [
    "describe_time",
    "describe_values",
    "image_record",
    "image_text",
    "print_json",
    "print_result",
    "print_rows",
    "result_record",
    "shape_text",
    "sizes_text",
]


class Described(Protocol):
    """What has a shape and a dtype."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype."""


def print_result(
    rows: Mapping[str, str],
    what: str,
    result: Collector,
    seconds: float,
    outputs: Sequence[Path | None],
) -> None:
    """Print rows, time and outputs; and the result, if it goes nowhere else and is small."""
    rows = {**rows, "time": f"{describe_time(seconds)} for the {what} alone"}
    written = [click.format_filename(path) for path in outputs if path is not None]
    if written:
        rows["wrote"] = ", ".join(written)
    print_rows(rows)
    numbers = None if written else _small_array(result)
    if numbers is not None:
        click.echo(f"\n{numbers}")


def print_json(record: Any) -> None:
    """Print a record as JSON."""
    click.echo(json.dumps(record, indent=2))


def image_record(path: Path, image: Described, channel_axis: int | None) -> dict[str, Any]:
    """Return what ``--json`` says of an image."""
    return {
        "image": click.format_filename(path),
        "image_shape": list(image.shape),
        "image_dtype": str(image.dtype),
        "channel_axis": channel_axis,
    }


def result_record(
    result: Collector, seconds: float, output: Path | None, plot: Path | None
) -> dict[str, Any]:
    """Return what ``--json`` says of a result."""
    return {
        "shape": list(result.shape),
        "dtype": str(result.dtype),
        "min": result.summary.least,
        "max": result.summary.greatest,
        "mean": result.summary.mean,
        "not_finite": result.summary.not_finite,
        "seconds": seconds,
        "output": None if output is None else click.format_filename(output),
        "plot": None if plot is None else click.format_filename(plot),
    }


def image_text(path: Path, image: Described, channel_axis: int | None) -> str:
    """Return what an image is, such as ``cells.png, 720 x 960, uint8``."""
    colours = "" if channel_axis is None else f", colours on axis {channel_axis}"
    return f"{click.format_filename(path)}, {shape_text(image.shape)}, {image.dtype}{colours}"


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape the way people write it, such as ``720 x 960``."""
    return " x ".join(map(str, shape)) or "one sample"


def sizes_text(
    sizes: int | tuple[int, ...], stride: int | tuple[int, ...] | None, dimensions: int
) -> str:
    """Return sizes and a stride, such as ``48 x 48 every 12 x 12``."""
    texts = [
        shape_text((each,) * dimensions if isinstance(each, int) else each)
        for each in (sizes, stride)
        if each is not None
    ]
    return " every ".join(texts)


def describe_time(seconds: float) -> str:
    """Return a duration in ms or s."""
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def describe_values(result: Collector, what: str) -> str:
    """Return the range and mean of the finite values, and how many are not finite."""
    if 0 in result.shape:
        return f"none, the {what} is empty"
    summary = result.summary
    if summary.mean is None:
        return "none is finite"
    least, greatest = _number_text(summary.least), _number_text(summary.greatest)
    others = f", {summary.not_finite} not finite" if summary.not_finite else ""
    return f"{least} to {greatest}, mean {_number_text(summary.mean)}{others}"


def _number_text(number: int | float | None) -> str:
    if number is None:
        return "nothing"
    return str(int(number)) if isinstance(number, int) else f"{number:.4g}"


def print_rows(rows: Mapping[str, str]) -> None:
    """Print names and values in two columns."""
    width = max(map(len, rows))
    for name, value in rows.items():
        click.echo(f"{name:<{width}}  {value}")


def _small_array(result: Collector) -> str | None:
    """Return a result as numbers, or None if it is too large to read."""
    values = result.values
    if values is None or values.size == 0 or values.size > SMALL:
        return None
    return np.array2string(values, precision=3, suppress_small=True, max_line_width=120)
