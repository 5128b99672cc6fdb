"""Mixing matrices for the tests, and the exact answer in rational arithmetic."""

from fractions import Fraction

import numpy as np


def hilbert(size):
    return 1 / (np.arange(size)[:, None] + np.arange(size) + 1.0)


def vandermonde(size):
    return np.vander(np.linspace(0.1, 1, size))


def graded(size):
    """Return a matrix whose rows and columns fall off by ten decades."""
    random = np.random.default_rng(3)
    fall = np.logspace(0, -5, size)
    return fall[:, None] * (np.eye(size) + random.random((size, size))) * fall


def with_condition(size, condition, seed=0):
    """Return a random matrix of this condition number."""
    random = np.random.default_rng(seed)
    left, _ = np.linalg.qr(random.standard_normal((size, size)))
    right, _ = np.linalg.qr(random.standard_normal((size, size)))
    return (left * np.geomspace(1, 1 / condition, size)) @ right


def of_rank(shape, rank, seed=0):
    random = np.random.default_rng(seed)
    return random.random((shape[0], rank)) @ random.random((rank, shape[1]))


def fractions(array):
    return [[Fraction(float(value)) for value in row] for row in np.asarray(array)]


def product(left, right):
    columns = list(zip(*right, strict=True))
    return [
        [sum((a * b for a, b in zip(row, column, strict=True)), Fraction()) for column in columns]
        for row in left
    ]


def transposed(matrix):
    return [list(row) for row in zip(*matrix, strict=True)]


def solved(rows, matrix):
    """Return the exact X of X B = M for a square B, by Gauss-Jordan elimination."""
    system = [list(a) + list(b) for a, b in zip(transposed(matrix), transposed(rows), strict=True)]
    size = len(system)
    for column in range(size):
        pivot = next(row for row in range(column, size) if system[row][column])
        system[column], system[pivot] = system[pivot], system[column]
        factor = 1 / system[column][column]
        system[column] = [value * factor for value in system[column]]
        for row in range(size):
            if row != column and system[row][column]:
                share = system[row][column]
                system[row] = [
                    a - share * b for a, b in zip(system[row], system[column], strict=True)
                ]
    return transposed([row[size:] for row in system])


def exact_solution(mixed, mixing):
    """Return the exact solution (or least-squares, or least) of X B = M, as fractions."""
    rows, matrix = fractions(mixed), fractions(mixing)
    turned = transposed(matrix)
    unknowns, channels = np.shape(mixing)
    if unknowns <= channels:
        return solved(product(rows, turned), product(matrix, turned))
    return product(solved(rows, product(turned, matrix)), turned)


def exact_ridge(mixed, mixing, alpha):
    """Return the exact X that minimises ||X B - M||^2 + alpha^2 ||X||^2."""
    rows, matrix = fractions(mixed), fractions(mixing)
    gram = product(matrix, transposed(matrix))
    for index, row in enumerate(gram):
        row[index] += Fraction(alpha) ** 2
    return solved(product(rows, transposed(matrix)), gram)


def relative_error(found, exact):
    """Return the error relative to the exact norm, without rounding the difference."""
    pairs = [
        (Fraction(float(a)), b)
        for row, other in zip(np.asarray(found), exact, strict=True)
        for a, b in zip(row, other, strict=True)
    ]
    error = sum((a - b) ** 2 for a, b in pairs)
    return float(error / sum(b**2 for _, b in pairs)) ** 0.5


def distance(found, truth):
    return float(np.linalg.norm(found - truth) / np.linalg.norm(truth))


def rms(image, truth):
    return float(np.sqrt(np.mean((np.asarray(image) - np.asarray(truth, float)) ** 2)))
