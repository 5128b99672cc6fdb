"""What the commands print."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "describe_map",
    "describe_time",
    "map_range",
    "print_json",
    "print_rows",
    "shape_text",
    "small_map",
]

_SMALL = 144  # cells of a map that still reads well as numbers


def print_rows(rows: Mapping[str, str]) -> None:
    """Print names and values in two columns."""
    width = max(map(len, rows))
    for name, value in rows.items():
        click.echo(f"{name:<{width}}  {value}")


def print_json(record: Mapping[str, Any]) -> None:
    """Print a record as JSON."""
    click.echo(json.dumps(record, indent=2))


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape the way people write it, such as ``720 x 960``."""
    return " x ".join(map(str, shape)) or "one sample"


def describe_time(seconds: float) -> str:
    """Return a duration in ms or s."""
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def map_range(density: NDArray[Any]) -> dict[str, float | None]:
    """Return the least, greatest and mean value of a map; None each if it is empty."""
    if density.size == 0:
        return {"min": None, "max": None, "mean": None}
    mean = density.mean(dtype=np.float64)
    return {"min": float(density.min()), "max": float(density.max()), "mean": float(mean)}


def describe_map(density: NDArray[Any]) -> str:
    """Return the range of values of a map, or that there are none."""
    if density.size == 0:
        return "none, the map is empty"
    mean = density.mean(dtype=np.float64)
    return f"{density.min():.4g} to {density.max():.4g}, mean {mean:.4g}"


def small_map(density: NDArray[Any]) -> str | None:
    """Return a map as numbers, or None if it is too large to read."""
    if density.size == 0 or density.size > _SMALL:
        return None
    return np.array2string(density, precision=3, suppress_small=True, max_line_width=120)
