"""Read the image of a command, and check what was asked against its axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from boxel.cli.report import shape_text
from boxel.files import read_image

__all__ = ["Source", "check_numbers", "read_source"]


@dataclass(frozen=True)
class Source:
    """An image and the axis of its colours, if it has one."""

    image: NDArray[Any]
    channel_axis: int | None

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes along which pixels lie."""
        return tuple(axis for axis in range(self.image.ndim) if axis != self.channel_axis)


def read_source(path: Path, channel_axis: int | None) -> Source:
    """Read an image; the colours are where the file says, unless the user says it."""
    image, found = read_image(path)
    axis = found if channel_axis is None else channel_axis
    return Source(image, None if axis is None else _normalized(axis, image))


def check_numbers(source: Source, options: Mapping[str, Any], what: str = "numbers") -> None:
    """Refuse an option that has several values but not one per axis."""
    dimensions = len(source.axes)
    for option, values in options.items():
        if isinstance(values, tuple) and len(values) != dimensions:
            raise ValueError(
                f"expected {f'1 or {dimensions}' if dimensions > 1 else '1'} {what} for {option},"
                f" found {len(values)}: the image is {shape_text(source.image.shape)}"
                f"{_colour_hint(source, len(values))}"
            )


def _normalized(axis: int, image: NDArray[Any]) -> int:
    if not -image.ndim <= axis < image.ndim:
        raise ValueError(
            f"expected a --channel-axis from {-image.ndim} to {image.ndim - 1}, found {axis}"
        )
    return axis % image.ndim


def _colour_hint(source: Source, values: int) -> str:
    shape = source.image.shape
    if source.channel_axis is not None or values != len(shape) - 1 or shape[-1] not in (3, 4):
        return ""
    return "; if the last axis holds colours, add --channel-axis -1"
