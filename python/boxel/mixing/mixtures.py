"""`mix`: applying a mixing matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boxel import _validate as check
from boxel.mixing.operands import (
    SIDES,
    checked_image,
    checked_matrix,
    refuse_unchained,
    result_dtype,
)

__all__ = ["mix"]


def mix(image: ArrayLike, mixing: ArrayLike, *, side: str = "right") -> NDArray[Any]:
    """Mix the channels of an image linearly: a matrix product that never wraps.

    Parameters
    ----------
    image : array_like of shape (..., rows, unknowns)
        The image, or a stack of images: bool, integers or floats. For ``side="left"`` its shape
        is ``(..., unknowns, columns)``.
    mixing : array_like of shape (unknowns, channels)
        The matrix; ``(channels, unknowns)`` for ``side="left"``.
    side : {"right", "left"}, default: "right"
        Return ``image @ mixing`` or ``mixing @ image``.

    Returns
    -------
    ndarray
        The mixture: float32 if NumPy would make float16 or float32 of both, else float64, also of
        integers. Sums are in float64.

    Raises
    ------
    TypeError
        If a dtype is not accepted.
    ValueError
        If the shapes do not chain, or an input is empty, masked, or holds NaN or infinity.

    See Also
    --------
    unmix : The other direction.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> image = np.full((1, 2), 200, np.uint8)
    >>> mixing = np.array([[2, 0, 1], [1, 1, 0]], np.uint8)
    >>> image @ mixing
    array([[ 88, 200, 200]], dtype=uint8)
    >>> bx.mix(image, mixing)
    array([[600., 200., 200.]])
    """
    side = check.choice(side, SIDES, "side")
    matrix = checked_matrix(mixing)
    samples = checked_image(image, "image")
    refuse_unchained(samples.shape, matrix.shape, side, "image", forward=True)
    dtype = result_dtype(samples.dtype, matrix.dtype)
    left, right = (samples, matrix) if side == "right" else (matrix, samples)
    product: NDArray[Any] = left.astype(np.float64, copy=False) @ right.astype(
        np.float64, copy=False
    )
    return product.astype(dtype, copy=False)
