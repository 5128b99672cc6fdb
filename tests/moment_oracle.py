"""Moments of a few samples in rational arithmetic."""

import math
from fractions import Fraction

import numpy as np


def exact_moments(values, weights=None):
    """Return count, mean, M2, M3, M4, W and W2 of finite samples as exact numbers."""
    values = [
        Fraction(float(v)) if isinstance(v, np.floating) else Fraction(int(v)) for v in values
    ]
    weights = (
        [Fraction(1)] * len(values) if weights is None else [Fraction(float(w)) for w in weights]
    )
    kept = [(v, w) for v, w in zip(values, weights, strict=True) if w > 0]
    total = sum((w for _, w in kept), Fraction(0))
    mean = sum((w * v for v, w in kept), Fraction(0)) / total if kept else None
    powers = [
        sum((w * (v - mean) ** k for v, w in kept), Fraction(0)) if kept else None
        for k in (2, 3, 4)
    ]
    return len(kept), mean, *powers, total, sum((w * w for _, w in kept), Fraction(0))


def root(x):
    """Return the root of a fraction to nearly 100 digits."""
    scale = 10**200
    return Fraction(math.isqrt(x.numerator * scale // x.denominator), 10**100)


def expected(statistic, values, weights=None, ddof=0):
    """Return a statistic of one voxel as a float."""
    count, mean, m2, m3, m4, total, squares = exact_moments(values, weights)
    if statistic == "count":
        return count
    if count == 0:
        return math.nan
    if statistic == "mean":
        return float(mean)
    if statistic in ("skewness", "kurtosis"):
        if m2 == 0:
            return math.nan
        if statistic == "skewness":
            return float(m3 / total / (m2 / total * root(m2 / total)))
        return float(m4 / total / (m2 / total) ** 2 - 3)
    freedom = total - Fraction(ddof) * squares / total
    if count - ddof <= 0 or freedom <= 0:
        return math.nan
    variance = m2 / freedom
    if statistic == "var":
        return float(variance)
    if statistic == "std":
        return float(root(variance))
    assert statistic == "sem"
    return float(root(variance * squares) / total)


def of_voxels(statistic, stack, weights=None, include=None, ddof=0):
    """Return a statistic along the first axis, voxel by voxel."""
    flat = stack.reshape(len(stack), -1)
    by_voxel = np.empty(flat.shape[1], np.int64 if statistic == "count" else np.float64)
    every = np.ones(stack.shape, bool) if include is None else np.broadcast_to(include, stack.shape)
    every = every.reshape(flat.shape)
    loads = None if weights is None else np.broadcast_to(weights, stack.shape).reshape(flat.shape)
    for voxel in range(flat.shape[1]):
        chosen = every[:, voxel]
        mine = None if loads is None else loads[chosen, voxel]
        by_voxel[voxel] = expected(statistic, flat[chosen, voxel], mine, ddof)
    return by_voxel.reshape(stack.shape[1:])
