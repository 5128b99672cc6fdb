"""Images and mixing matrices: what is accepted, which side is meant, and at which scale to work.

Everything after this module sees one form: rows of samples times a matrix on their right, in
float64. A matrix on the left is the transpose of that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxel import _validate as check

__all__ = ["SIDES", "Frames", "checked_image", "checked_matrix", "result_dtype"]

Array = NDArray[Any]

SIDES = ("right", "left")
"""Where the mixing matrix stands: ``image @ mixing`` or ``mixing @ image``."""

# Squares and products of numbers within 2^+-200 stay far from overflow and underflow.
_SAFE_EXPONENT = 200


def checked_image(image: Any, name: str) -> Array:
    """Return an image, or a stack of them, of an accepted dtype, with samples that are finite."""
    array = _plain_array(image, name)
    if array.ndim < 2:
        raise ValueError(
            f"{name} must have at least two axes, (..., rows, columns), found the shape"
            f" {array.shape}"
        )
    return _filled(array, name)


def checked_matrix(mixing: Any) -> Array:
    """Return a mixing matrix of an accepted dtype, with entries that are finite."""
    array = _plain_array(mixing, "mixing")
    if array.ndim != 2:
        raise ValueError(f"mixing must be a matrix, with two axes, found the shape {array.shape}")
    return _filled(array, "mixing")


def _plain_array(value: Any, name: str) -> Array:
    array, mask = check.image_array(value, name)
    if mask is not None and mask.any():
        raise ValueError(f"{name} must not be masked: every sample of a row is part of the mixture")
    return array


def _filled(array: Array, name: str) -> Array:
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, found the shape {array.shape}")
    # Both are NaN if any sample is.
    if array.dtype.kind == "f" and not (np.isfinite(array.min()) and np.isfinite(array.max())):
        place = tuple(int(index) for index in np.argwhere(~np.isfinite(array))[0])
        count = int(array.size - np.isfinite(array).sum())
        raise ValueError(
            f"{name} must be finite, found {array[place]} at {place}"
            + (f", one of {count} such samples" if count > 1 else "")
        )
    return array


def refuse_unchained(
    shape: tuple[int, ...], matrix_shape: tuple[int, int], side: str, name: str, *, forward: bool
) -> None:
    """Raise unless the matrix mixes (or mixed, if not `forward`) images of this shape."""
    if _chains(shape, matrix_shape, side, forward):
        return
    axis, index = (-1, 0 if forward else 1) if side == "right" else (-2, 1 if forward else 0)
    ways = [
        (other, turned)
        for other in (side, *(each for each in SIDES if each != side))
        for turned in (False, True)
        if _chains(shape, matrix_shape[::-1] if turned else matrix_shape, other, forward)
    ]
    hints = [
        " and ".join(
            (["mixing.T"] if turned else []) + ([f"side={other!r}"] if other != side else [])
        )
        for other, turned in ways
    ]
    product = "image @ mixing" if side == "right" else "mixing @ image"
    raise ValueError(
        f"{name} of shape {shape} and mixing of shape {matrix_shape} do not chain as {product}: "
        f"axis {axis} of {name} has length {shape[axis]}, the mixing has {matrix_shape[index]} "
        f"{('rows', 'columns')[index]}; "
        + (f"they would with {' or with '.join(hints)}" if hints else "no transpose would help")
    )


def _chains(
    shape: tuple[int, ...], matrix_shape: tuple[int, int], side: str, forward: bool
) -> bool:
    if side == "right":
        return shape[-1] == matrix_shape[0 if forward else 1]
    return shape[-2] == matrix_shape[1 if forward else 0]


def result_dtype(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """Return NumPy's common dtype, but float64 for integers and never less than float32."""
    common = np.result_type(*dtypes)
    return np.dtype(np.float32 if common in (np.float16, np.float32) else np.float64)


def safe_exponents(array: Array) -> Array | None:
    """Return the power of two of each matrix of a stack, None if all are at a safe scale."""
    largest = np.maximum(
        array.max(axis=(-2, -1), keepdims=True), -array.min(axis=(-2, -1), keepdims=True)
    )
    exponents: Array = np.frexp(largest)[1]
    return exponents if np.abs(exponents).max() > _SAFE_EXPONENT else None


@dataclass(frozen=True)
class Frames:
    """Images as frames of rows in float64, and the way back."""

    rows: Array
    """``(frames, rows, columns)``, within a safe scale."""
    exponents: Array | None
    """Powers of two taken out of each frame, ``(frames, 1, 1)``."""
    leading: tuple[int, ...]
    """The stack's own axes."""
    side: str

    @classmethod
    def of(cls, image: Array, side: str) -> Frames:
        """Bring the axis that is mixed to the end, and all others into frames and rows."""
        turned = image if side == "right" else image.swapaxes(-1, -2)
        frames = math.prod(image.shape[:-2])
        rows = turned.reshape(frames, *turned.shape[-2:]).astype(np.float64, copy=False)
        exponents = safe_exponents(rows)
        if exponents is not None:
            rows = np.ldexp(rows, -exponents)
        return cls(rows, exponents, image.shape[:-2], side)

    @cached_property
    def flat(self) -> Array:
        """The rows of all frames, one after the other."""
        return self.rows.reshape(-1, self.rows.shape[-1])

    def scaled(self, noise_std: float) -> Array:
        """Return a noise of the caller's scale in that of each frame."""
        if self.exponents is None:
            return np.full(len(self.rows), noise_std)
        result: Array = np.ldexp(noise_std, -self.exponents.ravel())
        return result

    def unscaled(self, noise_std: Array) -> Array:
        """Return the noise of each frame in the caller's scale."""
        if self.exponents is not None:
            noise_std = np.ldexp(noise_std, self.exponents.ravel())
        return noise_std

    def per_frame(self, values: Array, *, each: bool) -> Any:
        """Return values with an axis of frames in the caller's shape, or the first if all agree."""
        if not each or not self.leading:
            first = values[0]
            return first if first.ndim else float(first)
        return values.reshape(*self.leading, *values.shape[1:])

    def restored(self, rows: Array, exponent: int, dtype: np.dtype[Any]) -> Array:
        """Return a result in the caller's shape, scale and dtype.

        `rows` has a row for each row of the frames; `exponent` is the power of two to divide by.
        """
        result = rows.reshape(*self.rows.shape[:2], -1)
        if self.exponents is not None or exponent:
            scale = -exponent if self.exponents is None else self.exponents - exponent
            result = np.ldexp(result, scale)
        result = result.astype(dtype, copy=False).reshape(*self.leading, *result.shape[-2:])
        return result if self.side == "right" else result.swapaxes(-1, -2)
