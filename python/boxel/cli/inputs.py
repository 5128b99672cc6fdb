"""Open the image of a command, and check what was asked against its axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from boxel._registry import ACCEPTED_DTYPES
from boxel.cli.report import shape_text
from boxel.formats import Source, open_source
from boxel.formats.source import Array
from boxel.streaming.windows import bytes_text

__all__ = ["Image", "check_numbers", "open_image"]


@dataclass(frozen=True)
class Image:
    """An image in a file and the axis of its colours, if it has one."""

    source: Source
    channel_axis: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.source.shape

    @property
    def ndim(self) -> int:
        """Its number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Its dtype."""
        return self.source.dtype

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes along which pixels lie."""
        return tuple(axis for axis in range(self.ndim) if axis != self.channel_axis)

    def per_axis(self, values: int | tuple[Any, ...] | str, channel: Any) -> tuple[Any, ...]:
        """Return one value for each axis from one for all pixels' axes or one for each."""
        given = iter(values if isinstance(values, tuple) else (values,) * len(self.axes))
        return tuple(
            channel if axis == self.channel_axis else next(given) for axis in range(self.ndim)
        )

    def whole(self, memory: int, result_bytes: int, why: str) -> Array:
        """Read all samples, if they fit into memory together with the result."""
        needed = self.source.nbytes + result_bytes
        if needed > memory:
            raise ValueError(
                f"{why} needs the whole image and its result in memory: expected --memory of at"
                f" least {bytes_text(needed)}, found {bytes_text(memory)}"
            )
        return self.source.whole()


@contextmanager
def open_image(path: Path, channel_axis: int | None = None) -> Iterator[Image]:
    """Open an image; the colours are where the file says, unless the user says it."""
    with open_source(path) as source:
        if source.dtype.newbyteorder("=").name not in ACCEPTED_DTYPES:
            raise TypeError(
                f"expected an image of bool, integers or floats, but {path} holds what boxel does"
                f" not take: found {source.dtype}"
            )
        axis = source.channel_axis if channel_axis is None else channel_axis
        yield Image(source, None if axis is None else _normalized(axis, source.ndim))


def check_numbers(image: Image, options: Mapping[str, Any], what: str = "numbers") -> None:
    """Refuse an option that has several values but not one per axis."""
    dimensions = len(image.axes)
    for option, values in options.items():
        if isinstance(values, tuple) and len(values) != dimensions:
            raise ValueError(
                f"expected {f'1 or {dimensions}' if dimensions > 1 else '1'} {what} for {option},"
                f" found {len(values)}: the image is {shape_text(image.shape)}"
                f"{_colour_hint(image, len(values))}"
            )


def _normalized(axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise ValueError(f"expected a --channel-axis from {-ndim} to {ndim - 1}, found {axis}")
    return axis % ndim


def _colour_hint(image: Image, values: int) -> str:
    shape = image.shape
    if image.channel_axis is not None or values != len(shape) - 1 or shape[-1] not in (3, 4):
        return ""
    return "; if the last axis holds colours, add --channel-axis -1"
