"""OME-Zarr multiscale images: what the axes are called, and where the pixels of each level lie.

Version 0.4 of the specification (ngff.openmicroscopy.org) for Zarr version 2, 0.5 for version 3.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from boxel._version import __version__
from boxel.formats.source import Source

__all__ = ["VERSIONS", "Geometry", "geometry_of", "group_attributes", "write_group"]

VERSIONS = {2: "0.4", 3: "0.5"}
"""The version of OME-Zarr for each of Zarr."""

_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
_ORDER = "tczyx"
_USUAL = {2: "yx", 3: "zyx", 4: "czyx", 5: "tczyx"}


@dataclass(frozen=True)
class Geometry:
    """The axes of an image: their names, the distances of pixels, and their units."""

    names: str
    pixel_sizes: tuple[float, ...]
    units: tuple[str | None, ...]
    origin: tuple[float, ...]

    @property
    def spatial(self) -> tuple[int, ...]:
        """The axes that grow coarser from level to level."""
        return tuple(axis for axis, name in enumerate(self.names) if _TYPES[name] == "space")

    def moved(self, axes: Sequence[int]) -> Geometry:
        """Return the same with its axes in another order."""
        return replace(
            self,
            names="".join(self.names[axis] for axis in axes),
            pixel_sizes=tuple(self.pixel_sizes[axis] for axis in axes),
            units=tuple(self.units[axis] for axis in axes),
            origin=tuple(self.origin[axis] for axis in axes),
        )

    @property
    def sorted_axes(self) -> tuple[int, ...]:
        """The axes in the order that the specification asks for."""
        return tuple(
            sorted(range(len(self.names)), key=lambda axis: _ORDER.index(self.names[axis]))
        )


def geometry_of(
    source: Source,
    channel_axis: int | None,
    names: str | None = None,
    pixel_size: Sequence[float] | None = None,
    unit: str | None = None,
) -> Geometry:
    """Return the axes of an image as the user says, else as the file says, else the usual ones."""
    count = source.ndim
    image = getattr(source, "image", None)
    found = _read(image, count) if image is not None else None
    if names is None:
        names = found.names if found else _names(count, channel_axis)
    _check_names(names, source.shape)
    geometry = found or Geometry(names, (1.0,) * count, (None,) * count, (0.0,) * count)
    geometry = replace(geometry, names=names)
    spatial = geometry.spatial
    if pixel_size is not None:
        if len(pixel_size) not in (1, len(spatial)):
            raise ValueError(
                f"expected 1 or {len(spatial)} numbers for --pixel-size, one for each of the axes"
                f" {', '.join(names[axis] for axis in spatial)}, found {len(pixel_size)}"
            )
        sizes = list(geometry.pixel_sizes)
        given = list(pixel_size) * (len(spatial) if len(pixel_size) == 1 else 1)
        for axis, size in zip(spatial, given, strict=True):
            sizes[axis] = float(size)
        geometry = replace(geometry, pixel_sizes=tuple(sizes))
    if unit is not None:
        units = [unit if at in spatial else old for at, old in enumerate(geometry.units)]
        geometry = replace(geometry, units=tuple(units))
    return geometry


def _names(count: int, channel_axis: int | None) -> str:
    pixels = count - (channel_axis is not None)
    usual = {1: "x", 2: "yx", 3: "zyx", 4: "tzyx"} if channel_axis is not None else _USUAL
    if pixels not in usual:
        raise ValueError(f"expected 2 to 5 axes for an OME-Zarr image, found {count}")
    names = list(usual[pixels])
    if channel_axis is not None:
        names.insert(channel_axis, "c")
    return "".join(names)


def _check_names(names: str, shape: tuple[int, ...]) -> None:
    space = sum(_TYPES.get(name) == "space" for name in names)
    if (
        len(names) != len(shape)
        or len(set(names)) != len(names)
        or not set(names) <= set(_ORDER)
        or space not in (2, 3)
    ):
        raise ValueError(
            f"expected one of the letters t, c, z, y and x for each of the {len(shape)} axes, two"
            f" or three of them of z, y and x, found {names!r}"
        )


def _read(image: dict[str, Any], count: int) -> Geometry | None:
    """Return what a multiscale image says of the axes of its finest level."""
    axes = image.get("axes", [])
    names = "".join(str(axis["name"] if isinstance(axis, dict) else axis) for axis in axes)
    if len(names) != count or not set(names) <= set(_ORDER):
        return None
    units = tuple(axis.get("unit") if isinstance(axis, dict) else None for axis in axes)
    sizes, origin = [1.0] * count, [0.0] * count
    own = image["datasets"][0].get("coordinateTransformations", [])
    for change in [*own, *image.get("coordinateTransformations", [])]:
        if change.get("type") == "scale" and len(change.get("scale", ())) == count:
            scale = [float(each) for each in change["scale"]]
            sizes = [a * b for a, b in zip(sizes, scale, strict=True)]
            origin = [a * b for a, b in zip(origin, scale, strict=True)]
        if change.get("type") == "translation" and len(change.get("translation", ())) == count:
            origin = [a + float(b) for a, b in zip(origin, change["translation"], strict=True)]
    return Geometry(names, tuple(sizes), units, tuple(origin))


def group_attributes(
    geometry: Geometry, factors: Sequence[Sequence[int]], name: str, statistic: str, version: int
) -> dict[str, Any]:
    """Return the attributes of a multiscale image, whose levels are so much coarser than it.

    A pixel of a level lies in the middle of those that it stands for: half of its own size, less
    half of the size of the finest pixels, away from the first of these.
    """
    axes: list[dict[str, Any]] = []
    for letter, unit in zip(geometry.names, geometry.units, strict=True):
        axes.append({"name": letter, "type": _TYPES[letter]})
        if unit is not None:
            axes[-1]["unit"] = unit
    datasets = []
    for level, steps in enumerate(factors):
        pixels = list(zip(geometry.pixel_sizes, geometry.origin, steps, strict=True))
        scale = [size * step for size, _, step in pixels]
        translation = [start + size * (step - 1) / 2 for size, start, step in pixels]
        changes: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
        changes.append({"type": "translation", "translation": translation})
        datasets.append({"path": str(level), "coordinateTransformations": changes})
    image: dict[str, Any] = {
        "name": name,
        "axes": axes,
        "datasets": datasets,
        "type": statistic,
        "metadata": {
            "description": "every level from the finest one",
            "method": "boxel.pyramid",
            "version": __version__,
        },
    }
    if version == 2:
        return {"multiscales": [{"version": VERSIONS[2], **image}]}
    return {"ome": {"version": VERSIONS[3], "multiscales": [image]}}


def write_group(path: Path, attributes: dict[str, Any], version: int) -> None:
    """Make a Zarr group with attributes."""
    path.mkdir()
    if version == 2:
        documents = {".zgroup": {"zarr_format": 2}, ".zattrs": attributes}
    else:
        group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        documents = {"zarr.json": group}
    for name, document in documents.items():
        (path / name).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
