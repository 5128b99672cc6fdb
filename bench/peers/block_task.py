"""What a block job asks of a peer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]


@dataclass(frozen=True)
class BlockTask:
    """One statistic over the blocks of one image."""

    image: Image
    block: tuple[int, ...]
    statistic: str
    dtype: str | None = None
    """The result's dtype, where the job demands another one than the statistic's own."""
    where: NDArray[np.bool_] | None = None
    skipna: bool = False
    boundary: str = "trim"

    @property
    def samples(self) -> int:
        return prod(self.block)

    @property
    def blocks(self) -> tuple[int, ...]:
        """The number of whole blocks along each axis."""
        return tuple(n // b for n, b in zip(self.image.shape, self.block, strict=True))

    @property
    def trimmed(self) -> Image:
        """The whole blocks' part of the image, as a view."""
        return self.trim(self.image)

    def trim(self, array: Image) -> Image:
        stops = (count * b for count, b in zip(self.blocks, self.block, strict=True))
        return array[tuple(slice(stop) for stop in stops)]

    @property
    def selects(self) -> bool:
        """Whether some samples are left out."""
        return self.where is not None or self.skipna

    @property
    def traits(self) -> set[str]:
        """Return the words under which a peer's notes on this task are kept."""
        named = {
            "selects": self.selects,
            "volume": self.image.ndim == 3,
            "strided": not self.image.flags.c_contiguous,
        }
        return {"any", self.statistic, *(name for name, holds in named.items() if holds)}

    @property
    def to_integer(self) -> bool:
        return self.dtype is not None and np.dtype(self.dtype).kind in "iu"

    def finish(self, result: Image) -> Image:
        """Round a mean to the integer dtype the job demands, if it does."""
        return np.rint(result).astype(self.dtype) if self.to_integer else result

    @cached_property
    def weights(self) -> Image:
        """`where` as numbers of the image's dtype: the form in which libraries can multiply it."""
        assert self.where is not None
        return self.where.astype(self.image.dtype)

    def filled_and_weights(self) -> tuple[Image, Image]:
        """Return the image with zeros for the samples left out, and 1 for those left in."""
        if self.where is not None:
            return self.image * self.weights, self.weights
        valid = ~np.isnan(self.image)
        return np.where(valid, self.image, self.image.dtype.type(0)), valid.astype(self.image.dtype)
