"""The obvious, slow answers for clustering: loops over whole matrices, step by step as defined."""

import numpy as np

METHODS = ("single", "complete", "average", "weighted", "ward", "centroid", "median")
SQUARED = ("ward", "centroid", "median")
MONOTONE = ("single", "complete", "average", "weighted", "ward")


def merged(method, x, y, between, a, b, c):
    """Return distances from clusters of sizes `c` to a merged one (squares where SQUARED).

    `x` and `y` are those to its parts, of sizes `a` and `b`, which are `between` apart. These are
    the formulas that boxel documents, so that equal input rounds to equal bits; the bounds are
    those that hold for exact numbers.
    """
    low, high = np.minimum(x, y), np.maximum(x, y)
    if method == "single":
        return low
    if method == "complete":
        return high
    if method in ("average", "weighted"):
        weight = a / (a + b) if method == "average" else 0.5
        return np.clip(y + (x - y) * weight, low, high)
    if method == "ward":
        return np.maximum(((a + c) * x + (b + c) * y - c * between) / (a + b + c), low)
    weight = a / (a + b) if method == "centroid" else 0.5
    other = 1 - weight
    return np.maximum(weight * x + other * y - weight * other * between, 0)


def textbook(method, x, y, between, a, b, c):
    """Return the same by the coefficients of Lance and Williams, without bounds."""
    alpha, beta, gamma = {
        "single": ((0.5, 0.5), 0, -0.5),
        "complete": ((0.5, 0.5), 0, 0.5),
        "average": ((a / (a + b), b / (a + b)), 0, 0),
        "weighted": ((0.5, 0.5), 0, 0),
        "ward": (((a + c) / (a + b + c), (b + c) / (a + b + c)), -c / (a + b + c), 0),
        "centroid": ((a / (a + b), b / (a + b)), -a * b / (a + b) ** 2, 0),
        "median": ((0.5, 0.5), -0.25, 0),
    }[method]
    return alpha[0] * x + alpha[1] * y + beta * between + gamma * np.abs(x - y)


def naive_linkage(square, method, dtype=np.float64):
    """Cluster by looking through the whole matrix for the first least distance, again and again.

    A cluster has the index of its first observation.
    """
    if method == "single":
        return naive_single_linkage(np.array(square, dtype))
    squares = method in SQUARED
    matrix = np.array(square, dtype)
    if squares:
        matrix = matrix * matrix
    n = len(matrix)
    hidden = np.tril(np.ones((n, n), bool))  # below the diagonal, and clusters that are no more
    ids, sizes = np.arange(n), np.ones(n)
    tree = np.empty((max(n - 1, 0), 4))
    for row in range(n - 1):
        candidates = np.where(hidden, np.inf, matrix)
        i, j = divmod(int(np.argmin(candidates)), n)
        between = np.float64(matrix[i, j])
        distances = merged(
            method, *matrix[[i, j]].astype(np.float64), between, sizes[i], sizes[j], sizes
        )
        matrix[i] = matrix[:, i] = distances
        hidden[j] = hidden[:, j] = True
        sizes[i] += sizes[j]
        height = np.sqrt(between) if squares else between
        tree[row] = *sorted((ids[i], ids[j])), height, sizes[i]
        ids[i] = n + row
    return tree


def naive_single_linkage(square):
    """Cluster by going through all pairs of observations, from near to far."""
    n = len(square)
    pairs = sorted((square[i, j], i, j) for i in range(n) for j in range(i + 1, n))
    clusters = [(leaf, {leaf}) for leaf in range(n)]  # of each observation
    tree = []
    for distance, i, j in pairs:
        (one, first), (other, second) = clusters[i], clusters[j]
        if one != other:
            union = (n + len(tree), first | second)
            tree.append((min(one, other), max(one, other), distance, len(union[1])))
            for leaf in union[1]:
                clusters[leaf] = union
    return np.array(tree, np.float64).reshape(-1, 4)


def followed(tree, square, method):
    """Yield, for each row of a tree, the distance of the two and the least distance of all then.

    The distances are those that the rows before imply, by the textbook's formulas.
    """
    squares = method in SQUARED
    n = len(tree) + 1
    matrix = np.full((2 * n - 1, 2 * n - 1), np.inf)
    matrix[:n, :n] = np.array(square, np.float64) ** (2 if squares else 1)
    np.fill_diagonal(matrix, np.inf)
    sizes = np.ones(2 * n - 1)
    for row, (first, second, _height, _size) in enumerate(tree):
        i, j, new = int(first), int(second), n + row
        between = matrix[i, j]
        yield (
            (np.sqrt(max(between, 0)), np.sqrt(max(matrix.min(), 0)))
            if squares
            else (
                between,
                matrix.min(),
            )
        )
        live = np.isfinite(matrix[i]) & np.isfinite(matrix[j])
        distances = textbook(
            method, matrix[i, live], matrix[j, live], between, sizes[i], sizes[j], sizes[live]
        )
        matrix[new, live] = matrix[live, new] = distances
        sizes[new] = sizes[i] + sizes[j]
        for gone in (i, j):
            matrix[gone] = matrix[:, gone] = np.inf


def members(tree):
    """Return the set of observations of each cluster."""
    n = len(tree) + 1
    sets = [frozenset([leaf]) for leaf in range(n)]
    for first, second, _distance, _size in tree:
        sets.append(sets[int(first)] | sets[int(second)])
    return sets


def naive_cophenetic(tree):
    """Return the square matrix of the distances at which pairs join."""
    n = len(tree) + 1
    sets = members(tree)
    square = np.zeros((n, n))
    for first, second, distance, _size in tree:
        for i in sets[int(first)]:
            for j in sets[int(second)]:
                square[i, j] = square[j, i] = distance
    return square


def naive_flat(tree, limit):
    """Return labels of the largest clusters within which nothing joins above `limit`."""
    n = len(tree) + 1
    sets = members(tree)
    highest = [-np.inf] * n
    for first, second, distance, _size in tree:
        highest.append(max(highest[int(first)], highest[int(second)], distance))
    whole = [frozenset()] * n
    for cluster, most in zip(sets, highest, strict=True):
        if most <= limit:
            for leaf in cluster:
                whole[leaf] = max(whole[leaf], cluster, key=len)
    firsts = sorted({min(cluster) for cluster in whole})
    return np.array([firsts.index(min(cluster)) for cluster in whole])


def naive_tanimoto(first, second, empty_distance=0.0):
    """Return float64 distances of bool fingerprints, by counting."""
    distances = np.empty((len(first), len(second)))
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            union = np.count_nonzero(a | b)
            both = np.count_nonzero(a & b)
            distances[i, j] = (union - both) / union if union else empty_distance
    return distances
