"""Hierarchical clustering from distances, and what is read from its trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from boxel import _core
from boxel import _distances as rules
from boxel import _validate as check
from boxel._config import check_workers, get_workers

LINKAGE_METHODS: tuple[str, ...] = _core.linkage_methods()
"""Names of the linkage methods."""

_CODES = {name: code for code, name in enumerate(LINKAGE_METHODS)}

Tree = NDArray[np.float64]


def linkage(
    distances: ArrayLike,
    method: str = "average",
    *,
    symmetry_rtol: float | None = None,
    overwrite: bool = False,
    dtype: DTypeLike | None = None,
    workers: int | None = None,
) -> Tree:
    """Cluster hierarchically, from distances and never from observations.

    Each observation begins as a cluster of its own. Again and again the two nearest clusters
    become one, until all are.

    Parameters
    ----------
    distances : array_like
        Either a square matrix of shape ``(n, n)``, or a condensed one of length ``n (n - 1) / 2``,
        which holds the part above the diagonal row by row as `scipy.spatial.distance.pdist` returns
        it. Bool, integers, float16, float32 or float64; finite and not negative. A square matrix
        must be symmetric (see `symmetry_rtol`) with zeros on the diagonal.
    method : {"single", "complete", "average", "weighted", "ward", "centroid", "median"}
        How far two clusters are apart: the least distance of their observations (``single``), the
        largest (``complete``) or the mean (``average``); the mean of the distances of the two parts
        a cluster was made from (``weighted``); the increase of the variance within, scaled as in
        SciPy (``ward``); the distance of centroids (``centroid``), or of points midway between
        those of the two parts (``median``). The last three mean what they say for Euclidean
        distances; others are taken, but have no such meaning. Default: "average".
    symmetry_rtol : float, optional
        How far ``d(i, j)`` and ``d(j, i)`` of a square matrix may lie apart, and its diagonal from
        0, relative to the largest distance. Within, their mean is taken. Default: the square root
        of the dtype's machine epsilon; 0 for integers.
    overwrite : bool, default: False
        Work in the memory of `distances`, whose values are lost. Nothing of the size of the matrix
        is allocated then, but a condensed one takes more time. Without effect if `distances` is no
        contiguous array of the dtype that is computed with, and for ``single``, which copies
        nothing.
    dtype : {float32, float64}, optional
        The type in which distances are held; float32 halves the memory. They are updated in
        float64. Default: float32 for float16 and float32 distances, else float64.
    workers : int, optional
        Threads to use at most; default `get_workers`. Only the reading of the matrix is shared
        among them. The result has the same bits for any number.

    Returns
    -------
    ndarray
        Z as SciPy defines it, float64 of shape ``(n - 1, 4)``: row ``r`` joins the clusters
        ``Z[r, 0] < Z[r, 1]`` at the distance ``Z[r, 2]`` into cluster ``n + r``, which has
        ``Z[r, 3]`` observations; clusters below n are the observations. Functions of
        `scipy.cluster.hierarchy` take it. For no or one observation it has no rows.

    Raises
    ------
    ValueError
        If `distances` is neither square nor condensed; holds NaN, infinities or negative values
        (the first place is named); is asymmetric (the worst pair is named); is not zero on the
        diagonal; or is a matrix of similarities. If `method` is unknown, or `overwrite` is asked
        for a read-only array.
    TypeError
        If `distances` has another dtype.
    MemoryError
        If the memory does not suffice: one matrix of shape ``(n, n)`` of `dtype`, unless
        `overwrite`; none for ``single``.

    Notes
    -----
    Distances are ascending for all methods but ``centroid`` and ``median``, which can join clusters
    at less than their parts were joined at. Rounding adds no such inversion.

    Of several pairs of clusters at the same distance, that with the smallest observations is
    joined first: a cluster goes by its first observation, and pairs are compared by the smaller,
    then by the larger of the two. For ``single`` it is pairs of observations that are compared so.
    The result is a function of the distances alone.

    The time is proportional to n^2 for ``single``, and for the others in practice. D. Müllner,
    "Modern hierarchical, agglomerative clustering algorithms", arXiv:1109.2378, describes the
    methods and algorithms. For ``ward``, see F. Murtagh and P. Legendre, Journal of Classification
    31 (2014): it is their Ward2.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> square = np.array([[0, 2, 6, 10], [2, 0, 5, 9], [6, 5, 0, 4], [10, 9, 4, 0]])
    >>> bx.linkage(square, "single")
    array([[0., 1., 2., 2.],
           [2., 3., 4., 2.],
           [4., 5., 5., 4.]])
    >>> bx.linkage(bx.condense(square), "average")[:, 2]
    array([2. , 4. , 7.5])
    """
    if method not in _CODES:
        method = check.choice(method, LINKAGE_METHODS, "method")
    threads = get_workers() if workers is None else check_workers(workers)
    if overwrite is not False:
        overwrite = check.truth(overwrite, "overwrite")
    matrix = rules.checked(distances, dtype, symmetry_rtol)
    values = matrix.values
    if overwrite and not values.flags.writeable:
        raise ValueError("overwrite=True needs distances that can be written, found read-only ones")
    if matrix.asymmetry > 0:
        values, overwrite = _symmetric(matrix, method, overwrite, threads)
    elif matrix.own and values.ndim == 2:
        overwrite = True
    return _core.linkage(values, matrix.n, _CODES[method], overwrite, matrix.largest, threads)


def _symmetric(
    matrix: rules.Distances, method: str, overwrite: bool, threads: int
) -> tuple[rules.Array, bool]:
    """Return means of mirror images, and whether they may be overwritten."""
    if method == "single":
        return _condensed(matrix, threads), False
    values = matrix.values if overwrite or matrix.own else matrix.values.copy()
    _core.symmetrise(values, threads)
    return values, True


def _condensed(matrix: rules.Distances, threads: int) -> rules.Array:
    condensed: rules.Array = _core.empty((matrix.n * (matrix.n - 1) // 2,), matrix.values.dtype)
    _core.condense(matrix.values, condensed, threads)
    return condensed


def condense(
    square: ArrayLike,
    *,
    symmetry_rtol: float | None = None,
    dtype: DTypeLike | None = None,
    workers: int | None = None,
) -> NDArray[Any]:
    """Turn a square distance matrix into a condensed one.

    Parameters
    ----------
    square : array_like
        Distances of shape ``(n, n)``, checked as `linkage` does.
    symmetry_rtol : float, optional
        As in `linkage`.
    dtype : {float32, float64}, optional
        Of the result. Default: float32 for float16 and float32 distances, else float64.
    workers : int, optional
        Threads to use at most; default `get_workers`.

    Returns
    -------
    ndarray
        The ``n (n - 1) / 2`` distances above the diagonal, row by row; means of mirror images where
        these differ within the tolerance.

    Raises
    ------
    ValueError, TypeError
        As `linkage`.

    Examples
    --------
    >>> import boxel as bx
    >>> bx.condense([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    array([1., 2., 3.])
    """
    threads = get_workers() if workers is None else check_workers(workers)
    if np.ndim(square) != 2:
        raise ValueError(f"square must have shape (n, n), found the shape {np.shape(square)}")
    return _condensed(rules.checked(square, dtype, symmetry_rtol), threads)


def expand(condensed: ArrayLike, *, workers: int | None = None) -> NDArray[Any]:
    """Turn a condensed distance matrix into a square one.

    Parameters
    ----------
    condensed : array_like
        The ``n (n - 1) / 2`` distances above the diagonal, row by row.
    workers : int, optional
        Threads to use at most; default `get_workers`.

    Returns
    -------
    ndarray
        Symmetric, of shape ``(n, n)``, with zeros on the diagonal; float32 for float16 and float32
        distances, else float64. The values are not checked.

    Raises
    ------
    ValueError
        If the length is no ``n (n - 1) / 2``.
    TypeError
        If the dtype is not real.

    Examples
    --------
    >>> import boxel as bx
    >>> bx.expand([1, 2, 3])
    array([[0., 1., 2.],
           [1., 0., 3.],
           [2., 3., 0.]])
    """
    threads = get_workers() if workers is None else check_workers(workers)
    if np.ndim(condensed) != 1:
        raise ValueError(
            f"condensed must have one axis of length n (n - 1) / 2, found the shape "
            f"{np.shape(condensed)}"
        )
    values, _ = rules.as_distances(condensed, None, "condensed")
    n = rules.observations(len(values), "condensed")
    square: rules.Array = _core.empty((n, n), values.dtype)
    _core.expand(values, square, threads)
    return square


def cophenetic_distances(Z: ArrayLike, *, workers: int | None = None) -> NDArray[np.float64]:
    """Return the distance at which each pair of observations becomes part of one cluster.

    Parameters
    ----------
    Z : array_like
        What `linkage` returned.
    workers : int, optional
        Threads to use at most; default `get_workers`.

    Returns
    -------
    ndarray
        A condensed float64 matrix; `expand` makes it square.

    Raises
    ------
    ValueError
        If `Z` describes no tree.

    Examples
    --------
    >>> import boxel as bx
    >>> bx.cophenetic_distances(bx.linkage([2, 6, 10, 5, 9, 4], "single"))
    array([2., 5., 5., 5., 5., 4.])
    """
    threads = get_workers() if workers is None else check_workers(workers)
    return _core.cophenetic_distances(rules.checked_tree(Z), threads)


def leaf_order(Z: ArrayLike) -> NDArray[np.int64]:
    """Return the observations in the order in which a dendrogram shows them.

    Parameters
    ----------
    Z : array_like
        What `linkage` returned.

    Returns
    -------
    ndarray
        The n observations: those below ``Z[r, 0]`` come before those below ``Z[r, 1]``, so that no
        lines cross.

    Raises
    ------
    ValueError
        If `Z` describes no tree.

    Examples
    --------
    >>> import boxel as bx
    >>> bx.leaf_order(bx.linkage([9, 1, 8, 7, 2, 6]))
    array([0, 2, 1, 3])
    """
    return _core.leaf_order(rules.checked_tree(Z))


def flat_clusters(
    Z: ArrayLike, *, n_clusters: int | None = None, distance: float | None = None
) -> NDArray[np.int64]:
    """Cut a tree into clusters.

    Parameters
    ----------
    Z : array_like
        What `linkage` returned.
    n_clusters : int, optional
        How many clusters to make, from 1 to n: the last ``n_clusters - 1`` joins are undone.
    distance : float, optional
        Where to cut: within a cluster, no join is at more than this. Give either this or
        `n_clusters`.

    Returns
    -------
    ndarray
        The cluster of each observation, int64. Clusters are numbered from 0 in order of their first
        observations.

    Raises
    ------
    ValueError
        If `Z` describes no tree, both or none of the options are given, or there are not as many
        observations as clusters asked for.

    Examples
    --------
    >>> import boxel as bx
    >>> Z = bx.linkage([2, 6, 10, 5, 9, 4])
    >>> bx.flat_clusters(Z, n_clusters=2)
    array([0, 0, 1, 1])
    >>> bx.flat_clusters(Z, distance=3)
    array([0, 0, 1, 2])
    """
    tree = rules.checked_tree(Z)
    if (n_clusters is None) == (distance is None):
        found = "neither" if distance is None else "both"
        raise ValueError(f"either n_clusters or distance must be given, found {found}")
    if distance is not None:
        limit = check.real(distance, "distance")
        if np.isnan(limit):
            raise ValueError("distance must be a number, found nan")
        return _core.flat_clusters(tree, tree[:, 2] > limit)
    n = len(tree) + 1
    number = check.at_least(n_clusters, 1, "n_clusters")
    if number > n:
        raise ValueError(f"n_clusters must be at most {n}, the observations, found {number}")
    return _core.flat_clusters(tree, np.arange(n - 1) >= n - number)
