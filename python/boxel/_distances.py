"""The rules for distance matrices and trees, and the messages for what breaks them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxel import _core
from boxel import _validate as check

Array = NDArray[Any]

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
ACCEPTED = "bool, integers, float16, float32, float64"

_NEAR = 1e-3  # how near to 1 the diagonal of a similarity matrix is
_UNLIKE = "observations are not taken: compute their distances first"


class Distances(NamedTuple):
    """A matrix of distances that was found to be one."""

    values: Array
    """Contiguous float32 or float64, square or condensed; a square one may be asymmetric."""
    n: int
    largest: float
    asymmetry: float
    """The largest difference between a distance and its mirror image."""
    own: bool
    """Whether nobody else holds the values."""


def storage_dtype(dtype: Any) -> np.dtype[Any]:
    """Return float32 or float64 if that is what `dtype` means."""
    try:
        result: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        result = np.dtype(object)
    if result not in (FLOAT32, FLOAT64):
        raise TypeError(f"dtype must be float32 or float64, found {dtype!r}")
    return result


def as_distances(
    distances: Any,
    dtype: np.dtype[Any] | None,
    name: str = "distances",
) -> tuple[Array, bool]:
    """Return a contiguous array of float32 or float64, and whether nobody else holds it."""
    if (
        type(distances) is np.ndarray
        and distances.ndim == 1
        and dtype is None
        and distances.dtype in (FLOAT64, FLOAT32)
        and distances.flags.c_contiguous
    ):
        return distances, False  # small calls take this way
    refuse_masked(distances, f"{name} must not be masked: every pair needs a distance")
    check.in_memory(distances, name)
    array: Array = np.asarray(distances)
    if array.ndim == 0 and array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be an array of real numbers, found {_kind_of(distances)}")
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[0] != array.shape[1]):
        raise ValueError(
            f"{name} must be a square matrix of shape (n, n) or a condensed one of length "
            f"n (n - 1) / 2, found the shape {array.shape}; {_UNLIKE}"
        )
    kind = array.dtype.kind
    if kind not in "biuf" or array.dtype.itemsize > 8:
        if array.size:
            raise TypeError(f"{name} must be real ({ACCEPTED}), found dtype {array.dtype}")
        array = array.astype(np.float64)
    if dtype is None:
        dtype = FLOAT32 if kind == "f" and array.dtype.itemsize < 8 else FLOAT64
    if array.dtype == dtype and array.dtype.isnative and array.flags.c_contiguous:
        return array, isinstance(distances, (list, tuple))
    with np.errstate(over="ignore"):  # an infinite distance is refused later, with its place
        return np.ascontiguousarray(array, dtype), True


def refuse_masked(given: Any, message: str) -> None:
    """Raise if some of an array is masked."""
    # NumPy imports its masked arrays when they are first named, which takes tens of milliseconds.
    if isinstance(given, np.ndarray) and type(given) is not np.ndarray and np.ma.is_masked(given):
        raise ValueError(message)


def _kind_of(given: Any) -> str:
    return "None" if given is None else f"a {type(given).__name__}"


def observations(length: int, name: str = "distances") -> int:
    """Return the n of a condensed matrix of `length` = n (n - 1) / 2."""
    n = (1 + math.isqrt(1 + 8 * length)) // 2
    pairs = n * (n - 1) // 2
    if pairs != length:
        raise ValueError(
            f"a condensed matrix holds n (n - 1) / 2 distances, found {name} of length {length}; "
            f"n = {n} has {pairs} and n = {n + 1} has {pairs + n}"
        )
    return n


def checked(distances: Any, dtype: Any, symmetry_rtol: Any) -> Distances:
    """Return the matrix, square or condensed, if it holds distances."""
    values, own = as_distances(distances, None if dtype is None else storage_dtype(dtype))
    if values.ndim == 2:
        return checked_square(distances, values, symmetry_rtol, own)
    if symmetry_rtol is not None:
        tolerance(values.dtype, symmetry_rtol)  # without effect here, but no less wrong
    n = observations(len(values))
    place, largest = _core.inspect_condensed(values)
    if place >= 0:
        i, j = pair_at(n, place)
        raise ValueError(
            f"distances must be finite and not negative, found {values[place]} at [{place}], "
            f"the pair ({i}, {j}){_cure(values, values[place])}"
        )
    return Distances(values, n, largest, 0.0, own)


def pair_at(n: int, place: int) -> tuple[int, int]:
    """Return the pair at a place of a condensed matrix."""
    after = n * (n - 1) // 2 - place  # pairs from this one on: rows i, i + 1, ... hold them
    i = n - 1 - (1 + math.isqrt(8 * after - 7)) // 2
    return i, place - i * (2 * n - i - 1) // 2 + i + 1


def tolerance(dtype: np.dtype[Any], symmetry_rtol: Any) -> float:
    """Return how far apart mirror images may lie, relative to the largest distance."""
    if symmetry_rtol is None:
        return 0.0 if dtype.kind != "f" else float(np.finfo(dtype).eps) ** 0.5
    number = check.real(symmetry_rtol, "symmetry_rtol")
    if not 0 <= number < math.inf:
        raise ValueError(f"symmetry_rtol must be finite and not negative, found {symmetry_rtol!r}")
    return number


def checked_square(given: Any, values: Array, symmetry_rtol: Any, own: bool) -> Distances:
    """Return a square matrix if it holds distances."""
    dtype = getattr(given, "dtype", values.dtype)
    rtol = tolerance(dtype, symmetry_rtol)
    invalid, largest, asymmetry, worst, low, high, place = _core.inspect_square(values)
    n = len(values)
    if n > 0 and max(abs(low - 1), abs(high - 1)) <= _NEAR:
        _refuse_similarities(values)
    if invalid[0] >= 0:
        raise ValueError(
            f"distances must be finite and not negative, found {values[invalid]} at {invalid}"
            f"{_cure(values, values[invalid])}"
        )
    if max(abs(low), abs(high)) > rtol * largest:
        raise ValueError(
            "the diagonal of a distance matrix is zero, found "
            f"{values[place, place]} at ({place}, {place})"
        )
    if asymmetry > rtol * largest:
        i, j = worst
        raise ValueError(
            f"distances must be symmetric, found {values[i, j]} at ({i}, {j}) and {values[j, i]} "
            f"at ({j}, {i}); tolerated is a difference of {rtol:.2g} (symmetry_rtol) times the "
            f"largest distance, {rtol * largest:.2g}"
        )
    return Distances(values, n, largest, asymmetry, own)


def _cure(values: Array, invalid: Any) -> str:
    """Return what to do about a value that rounding made negative, as in 1 - similarity."""
    largest = float(np.max(values, where=np.isfinite(values), initial=0))
    if -tolerance(values.dtype, None) * largest <= invalid < 0:
        return "; if that is rounding, pass np.maximum(distances, 0)"
    return ""


def _refuse_similarities(values: Array) -> None:
    """Raise if a matrix with ones on the diagonal holds similarities."""
    if np.all(np.abs(values) <= 1 + _NEAR):
        raise ValueError(
            "this looks like a similarity matrix: the diagonal is 1 and nothing is larger; "
            "distances are 0 on the diagonal, so pass 1 - S instead of S"
        )


def checked_tree(tree: Any) -> NDArray[np.float64]:
    """Return Z as a contiguous float64 array if it describes a tree."""
    check.in_memory(tree, "Z")
    array = np.asarray(tree)
    if array.ndim != 2 or array.shape[1] != 4 or array.dtype.kind not in "biuf":
        raise ValueError(
            "Z must be what linkage returned, real numbers of shape (n - 1, 4), found the shape "
            f"{array.shape} and dtype {array.dtype}"
        )
    result: NDArray[np.float64] = np.ascontiguousarray(array, np.float64)
    ids = result[:, :2]
    n = len(result) + 1
    below = n + np.arange(n - 1)
    wrong = ~((ids >= 0) & (ids < below[:, np.newaxis]) & (ids == np.floor(ids)))
    if wrong.any():
        row = int(np.argmax(wrong.any(axis=1)))
        raise ValueError(
            f"row {row} of Z must join clusters from 0 to {n + row - 1}, found {ids[row, 0]:g} "
            f"and {ids[row, 1]:g}"
        )
    times = np.bincount(ids.astype(np.intp).ravel(), minlength=2 * n - 2)
    if not np.all(result[:, 2:] >= 0):  # nor NaN
        row = int(np.argmin(np.all(result[:, 2:] >= 0, axis=1)))
        raise ValueError(
            f"row {row} of Z must hold a distance and a number of observations, found "
            f"{result[row, 2]:g} and {result[row, 3]:g}"
        )
    if times.size and times.max() > 1:
        raise ValueError(
            f"Z must join each cluster once, found cluster {int(np.argmax(times > 1))} "
            f"{int(times.max())} times"
        )
    return result
