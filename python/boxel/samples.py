"""Sample images, made with NumPy alone: the same on every machine, and nothing to download."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "activity",
    "bubbles",
    "cell_labels",
    "cells",
    "fingerprints",
    "mixing_matrix",
]

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
    return _micrograph(shape, seed)[0].copy()


def cell_labels(shape: tuple[int, int] = (720, 960), *, seed: int = 5) -> NDArray[np.int32]:
    """Return which nucleus of `cells` each pixel belongs to.

    Parameters
    ----------
    shape, seed
        As for `cells`.

    Returns
    -------
    ndarray of int32
        The number of the nucleus, from 1 on; 0 where there is none.
    """
    return _micrograph(shape, seed)[1].copy()


def _micrograph(shape: tuple[int, int], seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the image and the labels of its nuclei."""
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"expected two lengths of at least 1 for shape, found {shape}")
    random = _Random(seed)
    crowding = _smooth_field(shape, 150, random) ** 3
    image = 9.0 + 16.0 * crowding + 5.0 * _smooth_field(shape, 60, random)
    texture = _smooth_field(shape, 4, random)
    labels = np.zeros(shape, np.int32)
    for number, (row, column) in enumerate(_scatter(crowding, random), 1):
        _add_nucleus(image, labels, number, texture, row, column, random)
    return _expose(image, random), labels


def bubbles(shape: tuple[int, int, int] = (48, 160, 200), *, seed: int = 2) -> NDArray[np.float32]:
    """Make a noisy volume of bubbles, bright and dark, such as a scanner sees.

    Parameters
    ----------
    shape : tuple of int, default: (48, 160, 200)
        Three lengths, each at least 1.
    seed : int, default: 2
        Another seed gives another volume.

    Returns
    -------
    ndarray of float32
        The volume; the noise is about as strong as the contrast.
    """
    random = _Random(seed)
    volume = np.full(shape, 0.5)
    for _ in range(max(1, math.prod(shape) // 10_000)):
        centre = [random.uniform(0, length) for length in shape]
        radius, brightness = random.uniform(5, 13), random.uniform(-0.4, 0.9)
        reach = radius + 8
        patch = tuple(
            slice(max(int(at - reach), 0), min(int(at + reach) + 1, length))
            for at, length in zip(centre, shape, strict=True)
        )
        grid = np.ogrid[patch]
        distance = np.sqrt(sum((place - at) ** 2 for place, at in zip(grid, centre, strict=True)))
        volume[patch] += brightness / (1.0 + np.exp((distance - radius) * 1.5))
    volume += 0.45 * random.normals(volume.size).reshape(shape)
    return volume.astype(np.float32)


def activity(
    count: int = 60, shape: tuple[int, int] = (180, 240), *, seed: int = 7
) -> NDArray[np.uint16]:
    """Make frames of a micrograph in which a few cells flicker, which no single frame shows.

    Parameters
    ----------
    count : int, default: 60
        Frames.
    shape : tuple of int, default: (180, 240)
        Rows and columns of a frame.
    seed : int, default: 7
        Another seed gives other frames.

    Returns
    -------
    ndarray of uint16
        The frames, one after another.
    """
    scene, labels = _micrograph(shape, seed)
    random = _Random(seed + 1)
    numbers = int(labels.max())
    active = random.uniforms(numbers + 1) < 0.18
    active[0] = False
    phases, speeds = random.uniforms(numbers + 1), 1 + 3 * random.uniforms(numbers + 1)
    base = 400.0 + 8.0 * scene
    frames = np.empty((count, *shape), np.uint16)
    for frame in range(count):
        wave = np.sin(2 * np.pi * (speeds * frame / count + phases))
        glow = np.where(active, 0.16 * wave, 0.0)[labels]
        noise = random.normals(base.size).reshape(shape)
        frames[frame] = np.rint(base * (1 + glow) + noise * 0.9 * np.sqrt(base))
    return frames


def mixing_matrix(channels: int = 240, *, seed: int = 3) -> Field:
    """Make a square matrix that scrambles the columns of an image.

    Parameters
    ----------
    channels : int, default: 240
        Columns of the image.
    seed : int, default: 3
        Another seed gives another matrix.

    Returns
    -------
    ndarray of float64
        Numbers from 0 to 1.
    """
    return _Random(seed).uniforms(channels * channels).reshape(channels, channels)


def fingerprints(
    families: int = 5, members: int = 7, bits: int = 1024, *, seed: int = 4
) -> tuple[NDArray[np.bool_], list[str]]:
    """Make molecular fingerprints of families of compounds that share most of their features.

    Parameters
    ----------
    families : int, default: 5
        How many families.
    members : int, default: 7
        How many compounds in each.
    bits : int, default: 1024
        Features of a compound.
    seed : int, default: 4
        Another seed gives others.

    Returns
    -------
    fingerprints : ndarray of bool
        One row for each compound.
    names : list of str
        Their names: a letter for the family, and a number.
    """
    random = _Random(seed)
    rows, names = [], []
    for family in range(families):
        scaffold = random.uniforms(bits) < 0.12
        spread = random.uniform(0.1, 0.45)
        for member in range(members):
            lost = random.uniforms(bits) < spread * random.uniform(0.6, 1.2)
            gained = random.uniforms(bits) < 0.05 * spread
            rows.append((scaffold & ~lost) | gained)
            names.append(f"{chr(ord('A') + family % 26)}{member + 1}")
    return np.array(rows), names


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


def _add_nucleus(
    image: Field,
    labels: NDArray[np.int32],
    number: int,
    texture: Field,
    row: float,
    column: float,
    random: _Random,
) -> None:
    """Brighten an ellipse with a soft edge, and label what lies within it."""
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
    labels[patch][(distance < 0) & (labels[patch] == 0)] = number


def _expose(image: Field, random: _Random) -> NDArray[np.uint8]:
    """Add the noise of photons and of the camera, and round to gray levels."""
    noise = random.normals(image.size).reshape(image.shape)
    noisy = image + noise * np.sqrt(0.35 * image + 4.0)
    exposed: NDArray[np.uint8] = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return exposed
