"""What a box job asks of a peer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agreement import DisagreementError, Tolerance

Image = NDArray[Any]

LARGEST_DIRECT = 100


@dataclass(frozen=True)
class BoxTask:
    """One statistic over a box that slides over one image, with `reflect` beyond the border."""

    image: Image
    size: tuple[int, ...]
    statistic: str
    dtype: str | None = None
    """The result's dtype, where the job demands another one than the statistic's own."""
    mode: str = "reflect"
    """Either `reflect` or `valid`."""

    @property
    def samples(self) -> int:
        return prod(self.size)

    @property
    def traits(self) -> set[str]:
        """Return the words under which a peer's notes on this task are kept."""
        return {"any", self.statistic, *({"to integers"} if self.to_integer else ())}

    @property
    def is_planar(self) -> bool:
        return self.image.ndim == 2

    @property
    def is_line(self) -> bool:
        return self.image.ndim == 1

    @property
    def is_odd(self) -> bool:
        return all(size % 2 == 1 for size in self.size)

    @property
    def is_float(self) -> bool:
        return self.image.dtype.kind == "f"

    @property
    def is_small(self) -> bool:
        """Whether adding up every box anew takes seconds at most, and few roundings."""
        return self.samples <= LARGEST_DIRECT

    @property
    def to_integer(self) -> bool:
        return self.dtype is not None and np.dtype(self.dtype).kind in "iu"

    @property
    def nonzero(self) -> Image:
        """The mask of nonzero samples, as floats that libraries can average."""
        return np.not_equal(self.image, 0).astype(np.float32)

    def finish(self, result: Image) -> Image:
        """Round to the integer dtype and cut off the border, if the job demands it."""
        if self.to_integer and result.dtype.kind == "f":
            result = np.rint(result).astype(self.dtype)
        return inside(result, self.image.shape, self.size) if self.mode == "valid" else result


def inside(result: Image, shape: tuple[int, ...], size: tuple[int, ...]) -> Image:
    """Return the results whose boxes lie wholly in an image of that shape."""
    return result[tuple(slice(s // 2, n - (s - 1) // 2) for n, s in zip(shape, size, strict=True))]


@dataclass(frozen=True)
class Inside:
    """Compare only boxes that lie wholly inside: at the border the library does something else."""

    task: BoxTask
    tolerance: Tolerance

    def check(
        self, ours: Sequence[NDArray[np.generic]], theirs: Sequence[NDArray[np.generic]]
    ) -> None:
        self.tolerance.check(self._cut(ours), self._cut(theirs))

    def _cut(self, arrays: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        shape = self.task.image.shape
        whole = tuple(n - s + 1 for n, s in zip(shape, self.task.size, strict=True))
        cut = []
        for array in arrays:
            if array.shape not in (shape, whole):
                raise DisagreementError(f"result of shape {array.shape}, expected {shape}")
            cut.append(array if array.shape == whole else inside(array, shape, self.task.size))
        return cut

    def describe(self) -> str:
        return f"{self.tolerance.describe()}, border aside"
