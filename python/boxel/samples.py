"""Sample images, made with NumPy alone: the same on every machine, and nothing to download."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cells"]

Field = NDArray[np.float64]


def cells(shape: tuple[int, int] = (720, 960), *, seed: int = 5) -> NDArray[np.uint8]:
    """Make a synthetic fluorescence micrograph of cell nuclei.

    Bright, textured nuclei crowd together in some places and are scarce in others, on a dim and
    uneven background with the noise of a camera.

    Parameters
    ----------
    shape : tuple of int, default: (720, 960)
        Rows and columns, each at least 1.
    seed : int, default: 5
        Another seed gives another image.

    Returns
    -------
    ndarray of uint8
        The image.
    """
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"expected two lengths of at least 1 for shape, found {shape}")
    random = _Random(seed)
    crowding = _smooth_field(shape, 150, random) ** 3
    image = 9.0 + 16.0 * crowding + 5.0 * _smooth_field(shape, 60, random)
    texture = _smooth_field(shape, 4, random)
    for row, column in _scatter(crowding, random):
        _add_nucleus(image, texture, row, column, random)
    return _expose(image, random)


class _Random:
    """Random numbers from the raw bits of PCG64.

    NumPy promises that these bits stay the same in every version, which it does not for the
    distributions of its generators.
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * float(self.uniforms(1)[0])

    def uniforms(self, count: int) -> Field:
        raw: Any = self._bits.random_raw(count)
        fractions: Field = (raw >> np.uint64(11)) * 2.0**-53
        return fractions

    def normals(self, count: int) -> Field:
        radius = np.sqrt(-2.0 * np.log1p(-self.uniforms(count)))
        normals: Field = radius * np.cos(2.0 * np.pi * self.uniforms(count))
        return normals


def _smooth_field(shape: tuple[int, int], scale: int, random: _Random) -> Field:
    """Return values from 0 to 1 that vary over distances of about `scale` pixels."""
    rows, columns = (length // scale + 2 for length in shape)
    knots = random.uniforms(rows * columns).reshape(rows, columns)
    (top, down), (left, right) = (_blend(length, scale) for length in shape)
    field = knots[top] * (1 - down[:, None]) + knots[top + 1] * down[:, None]
    blended: Field = field[:, left] * (1 - right) + field[:, left + 1] * right
    return blended


def _blend(length: int, scale: int) -> tuple[NDArray[np.intp], Field]:
    position = np.arange(length) / scale
    knot = position.astype(np.intp)
    fraction = position - knot
    return knot, fraction * fraction * (3.0 - 2.0 * fraction)


def _scatter(crowding: Field, random: _Random) -> Field:
    """Throw centres onto the image; the more crowded the place, the closer they may lie."""
    rows, columns = crowding.shape
    row, column, luck = random.uniforms(3 * (rows * columns // 25 + 1)).reshape(3, -1)
    row, column = row * rows, column * columns
    crowd = crowding[row.astype(np.intp), column.astype(np.intp)]
    wanted = luck < 0.008 + crowd
    room = 10.0 + 20.0 * (1.0 - crowd) ** 2
    centres = np.empty((0, 2))
    for centre, free in zip(np.stack([row, column], axis=1)[wanted], room[wanted], strict=True):
        if ((centres - centre) ** 2).sum(axis=1).min(initial=np.inf) > free**2:
            centres = np.vstack([centres, centre])
    return centres


def _add_nucleus(image: Field, texture: Field, row: float, column: float, random: _Random) -> None:
    """Brighten an ellipse with a soft edge."""
    long, short = random.uniform(6.0, 9.5), random.uniform(4.5, 6.5)
    angle, brightness = random.uniform(0, math.pi), random.uniform(70, 190)
    reach = 16
    top, left = max(int(row) - reach, 0), max(int(column) - reach, 0)
    patch = (slice(top, int(row) + reach), slice(left, int(column) + reach))
    below = image[patch]
    y = top + np.arange(below.shape[0])[:, None]
    x = left + np.arange(below.shape[1])
    along = (x - column) * math.cos(angle) + (y - row) * math.sin(angle)
    across = (y - row) * math.cos(angle) - (x - column) * math.sin(angle)
    distance = (np.hypot(along / long, across / short) - 1.0) * short
    glow = 1.0 / (1.0 + np.exp(np.minimum(distance * 1.6, 60.0)))
    below += brightness * (0.55 + 0.6 * texture[patch]) * glow


def _expose(image: Field, random: _Random) -> NDArray[np.uint8]:
    """Add the noise of photons and of the camera, and round to gray levels."""
    noise = random.normals(image.size).reshape(image.shape)
    noisy = image + noise * np.sqrt(0.35 * image + 4.0)
    exposed: NDArray[np.uint8] = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return exposed
