"""Tanimoto distances of fingerprints, and their clustering."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from boxel import _core
from boxel import _distances as rules
from boxel import _validate as check
from boxel._config import check_workers, get_workers
from boxel.clustering import LINKAGE_METHODS, Tree, expand, linkage

Words = NDArray[np.uint64]

_MOST_BITS = 2**24  # float32 holds all smaller numbers of bits, so equal ratios are equal
_TELLING_BYTES = 8  # rows this short may hold zeros and ones by chance


def tanimoto_distances(
    fingerprints: ArrayLike,
    other: ArrayLike | None = None,
    *,
    condensed: bool | None = None,
    empty_distance: float = 0.0,
    dtype: DTypeLike = "float32",
    workers: int | None = None,
) -> NDArray[Any]:
    """Compute the Tanimoto (Jaccard) distances of fingerprints.

    The distance of two fingerprints is the share of the bits set in either that are not set in
    both, ``(union - intersection) / union``: 1 minus their Tanimoto similarity, rounded once.

    Parameters
    ----------
    fingerprints : array_like
        One row per fingerprint: bool of shape ``(n, bits)``; or packed bits, uint8 of shape
        ``(n, bits / 8)`` (as `numpy.packbits` makes them) or uint64 of shape ``(n, bits / 64)``.
        The order of the bits does not matter.
    other : array_like, optional
        A second set, of the same dtype and number of columns.
    condensed : bool, optional
        Whether to return a condensed matrix instead of a square one. Default: True, unless `other`
        is given, which has no condensed form.
    empty_distance : float, default: 0.0
        The distance of two fingerprints without any bit, for which the formula has no value.
    dtype : {float32, float64}, default: "float32"
        Of the result. For up to 2048 bits, float32 tells all distances apart.
    workers : int, optional
        Threads to use at most; default `get_workers`. The result has the same bits for any number.

    Returns
    -------
    ndarray
        A condensed matrix of length ``n (n - 1) / 2`` for `linkage`, a square one of shape
        ``(n, n)`` with zeros on the diagonal, or the distances of all rows to all rows of `other`.

    Raises
    ------
    TypeError
        If the fingerprints are of another dtype.
    ValueError
        If their shapes are wrong or do not match, or uint8 fingerprints look unpacked.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> fingerprints = np.array([[1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 0, 1]], bool)
    >>> bx.tanimoto_distances(fingerprints, dtype="float64")
    array([0.5       , 1.        , 0.66666667])
    >>> bx.tanimoto_distances(fingerprints, fingerprints[:1])
    array([[0. ],
           [0.5],
           [1. ]], dtype=float32)
    """
    threads = get_workers() if workers is None else check_workers(workers)
    empty = _checked_empty(empty_distance)
    result_dtype = rules.storage_dtype(dtype)
    words = packed(fingerprints, "fingerprints")
    if condensed is not None:
        condensed = check.truth(condensed, "condensed")
    if other is not None:
        if condensed:
            raise ValueError("distances to other fingerprints have no condensed form")
        columns = _matching(fingerprints, other)
        between: NDArray[Any] = _core.empty((len(words), len(columns)), result_dtype)
        _core.tanimoto_distances(words, columns, between, empty, threads)
        return between
    distances: NDArray[Any] = _core.empty((len(words) * (len(words) - 1) // 2,), result_dtype)
    _core.tanimoto_distances(words, None, distances, empty, threads)
    if condensed is False:
        return expand(distances, workers=threads) if len(words) else distances.reshape(0, 0)
    return distances


def linkage_from_fingerprints(
    fingerprints: ArrayLike,
    method: str = "average",
    *,
    empty_distance: float = 0.0,
    workers: int | None = None,
) -> Tree:
    """Cluster fingerprints by their Tanimoto distances.

    Parameters
    ----------
    fingerprints : array_like
        As in `tanimoto_distances`.
    method : str, default: "average"
        As in `linkage`. Tanimoto distances are not Euclidean, so ``ward``, ``centroid`` and
        ``median`` are computed but mean nothing in particular.
    empty_distance : float, default: 0.0
        The distance of two fingerprints without any bit.
    workers : int, optional
        Threads to use at most; default `get_workers`. The result has the same bits for any number.

    Returns
    -------
    ndarray
        Z, as from `linkage`.

    Raises
    ------
    TypeError, ValueError
        As `tanimoto_distances`; or if `method` is unknown.
    MemoryError
        If the memory does not suffice. ``single`` never holds the distances, only two copies of the
        fingerprints; the others need ``6 n^2`` bytes.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> fingerprints = np.array([[1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 0, 1]], bool)
    >>> bx.linkage_from_fingerprints(fingerprints, "single")[:, 2]
    array([0.5       , 0.66666669])
    """
    name = check.choice(method, LINKAGE_METHODS, "method")
    threads = get_workers() if workers is None else check_workers(workers)
    empty = _checked_empty(empty_distance)
    if name == "single":
        words = packed(fingerprints, "fingerprints")
        return _core.tanimoto_single_linkage(words, empty, threads)
    distances = tanimoto_distances(fingerprints, empty_distance=empty, workers=threads)
    return linkage(distances, name, workers=threads)


def packed(fingerprints: ArrayLike, name: str) -> Words:
    """Return fingerprints as rows of 64-bit words, without a copy if they are that already."""
    rules.refuse_masked(fingerprints, f"{name} must not be masked: every bit counts")
    check.in_memory(fingerprints, "fingerprints")
    array = np.asarray(fingerprints)
    if array.dtype.kind != "b" and array.dtype.newbyteorder("=") not in (np.uint8, np.uint64):
        raise TypeError(
            f"{name} must be bool, or packed bits as uint8 or uint64, found dtype {array.dtype}; "
            "if each element is one bit, pass fingerprints != 0"
        )
    if array.ndim != 2:
        raise ValueError(f"{name} must have one row each, found the shape {array.shape}")
    if array.dtype == np.uint8 and array.shape[1] > _TELLING_BYTES and _looks_unpacked(array):
        raise ValueError(
            f"{name} are uint8 and hold only 0 and 1, so they seem not to be packed; pass "
            "fingerprints != 0, or pack them with numpy.packbits(fingerprints, axis=1)"
        )
    if array.dtype.kind == "b":
        array = np.packbits(array, axis=1)
    if array.dtype == np.uint8:
        bytes_each = -(-array.shape[1] // 8) * 8
        if bytes_each != array.shape[1] or not array.flags.c_contiguous:
            padded = np.zeros((len(array), bytes_each), np.uint8)
            padded[:, : array.shape[1]] = array
            array = padded
        array = array.view(np.uint64) if bytes_each else array.astype(np.uint64)
    words: Words = np.ascontiguousarray(array, np.uint64)
    if words.shape[1] * 64 > _MOST_BITS:
        raise ValueError(f"{name} may have up to {_MOST_BITS} bits, found {words.shape[1] * 64}")
    return words


def _looks_unpacked(array: NDArray[Any]) -> bool:
    return bool(array.size) and int(array.max()) == 1


def _matching(fingerprints: ArrayLike, other: ArrayLike) -> Words:
    """Return the words of `other` if its rows mean the same as those of `fingerprints`."""
    check.in_memory(fingerprints, "fingerprints")
    check.in_memory(other, "other")
    first, second = np.asarray(fingerprints), np.asarray(other)
    words = packed(second, "other")
    if first.dtype != second.dtype or first.shape[1] != second.shape[1]:
        raise ValueError(
            "other must have the dtype and the columns of fingerprints, found "
            f"{second.dtype} with {second.shape[1]} and {first.dtype} with {first.shape[1]}"
        )
    return words


def _checked_empty(empty_distance: Any) -> float:
    number = check.real(empty_distance, "empty_distance")
    if not 0 <= number < math.inf:
        raise ValueError(
            f"empty_distance must be finite and not negative, found {empty_distance!r}"
        )
    return number
