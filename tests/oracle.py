"""The obvious, slow answer for block statistics: Python loops and exact rational arithmetic.

Every block's samples are gathered into a Python list, every value is computed exactly (integers
and fractions, never floats) and rounded once, at the end. Each statistic also states how far
float64 arithmetic may honestly be from the exact value; zero means that only the correctly rounded
value will do.
"""

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

UNIT_ROUNDOFF = 2.0**-53


class Samples(NamedTuple):
    """The samples of one block that count: each value with its weight (1 where none is given)."""

    values: list
    weights: list
    weighted: bool
    dtype: np.dtype

    @property
    def are_exact(self):
        """Whether sums of these samples are promised without rounding."""
        return self.dtype.kind in "biu" and not self.weighted


class Statistic(NamedTuple):
    """One row of the table: the exact value, the rounding allowed, and what an empty block gives.

    `empty` is the value of a block without samples when `min_count` is 0 (None: `fill_value`).
    `result_kind` says which rule gives the result dtype.
    """

    value: Callable
    rounding: Callable
    result_kind: str
    heeds_min_count: bool = True
    empty: object = None


# Values -------------------------------------------------------------------------------------------


def exact(value):
    """Turn a finite Python number into an int or a Fraction, without rounding."""
    return int(value) if isinstance(value, (bool, int)) else Fraction(value)


def non_finite_total(values):
    """Return what NaN and infinities make of a sum, or None where all values are finite."""
    specials = {value for value in values if isinstance(value, float) and not math.isfinite(value)}
    if not specials:
        return None
    if len(specials) == 1 and not any(math.isnan(value) for value in specials):
        return specials.pop()
    return math.nan


def has_nan(values):
    return any(value != value for value in values)


def total(samples):
    special = non_finite_total(samples.values)
    if special is not None:
        return special
    return sum(
        weight * exact(value) for value, weight in zip(samples.values, samples.weights, strict=True)
    )


def mean(samples, ddof=0):
    numerator = total(samples)
    if isinstance(numerator, float):
        return numerator
    return Fraction(numerator) / sum(samples.weights)


def sum_(samples, ddof=0):
    value = total(samples)
    if not samples.are_exact:
        return value
    return wrap_to_64_bits(value, signed=samples.dtype.kind != "u")


def wrap_to_64_bits(value, *, signed):
    value %= 2**64
    return value - 2**64 if signed and value >= 2**63 else value


def minimum(samples, ddof=0):
    return math.nan if has_nan(samples.values) else min(samples.values)


def maximum(samples, ddof=0):
    return math.nan if has_nan(samples.values) else max(samples.values)


def count(samples, ddof=0):
    return len(samples.values)


def count_nonzero(samples, ddof=0):
    return sum(value != 0 for value in samples.values)


def density(samples, ddof=0):
    pairs = zip(samples.values, samples.weights, strict=True)
    return Fraction(sum(weight for value, weight in pairs if value != 0)) / sum(samples.weights)


def any_(samples, ddof=0):
    return any(value != 0 for value in samples.values)


def all_(samples, ddof=0):
    return all(value != 0 for value in samples.values)


def degrees_of_freedom(samples, ddof):
    weight = sum(samples.weights)
    squares = sum(weight * weight for weight in samples.weights)
    return weight - Fraction(ddof) * squares / weight


def var(samples, ddof=0):
    centre = mean(samples)
    if isinstance(centre, float) or len(samples.values) - ddof <= 0:
        return math.nan
    divisor = degrees_of_freedom(samples, ddof)
    if divisor <= 0:
        return math.nan
    pairs = zip(samples.values, samples.weights, strict=True)
    return sum(weight * (exact(value) - centre) ** 2 for value, weight in pairs) / divisor


def std(samples, ddof=0):
    variance = var(samples, ddof)
    return variance if isinstance(variance, float) else square_root(variance)


def square_root(value):
    """Return the root of a Fraction, to far more digits than a float64 has."""
    scale = 2 ** max(0, 128 - (value.numerator.bit_length() - value.denominator.bit_length()))
    return Fraction(math.isqrt(value.numerator * scale**2 // value.denominator), scale)


def median(samples, ddof=0):
    if has_nan(samples.values):
        return math.nan
    ordered = sorted(samples.values)
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    special = non_finite_total(middle)
    return special if special is not None else Fraction(sum(map(exact, middle))) / len(middle)


def mode(samples, ddof=0):
    if has_nan(samples.values):
        return math.nan
    counts = {}
    for value in samples.values:
        counts[value] = counts.get(value, 0) + 1
    return min(counts, key=lambda value: (-counts[value], value))


# Roundings allowed --------------------------------------------------------------------------------


def no_rounding(samples, ddof=0):
    return 0.0


def magnitude(samples):
    """Return the sum of the weighted absolute values, which bounds every order of summation."""
    if non_finite_total(samples.values) is not None:
        return 0.0
    pairs = zip(samples.values, samples.weights, strict=True)
    return to_float(sum(weight * abs(exact(value)) for value, weight in pairs))


def roundings(samples):
    """Return the relative error of adding the samples one by one: the worst order there is."""
    return (len(samples.values) + 3) * UNIT_ROUNDOFF


def sum_rounding(samples, ddof=0):
    return 0.0 if samples.are_exact else roundings(samples) * magnitude(samples)


def mean_rounding(samples, ddof=0):
    # A mean may be built from differences, which are up to twice as large as the samples.
    return 2 * sum_rounding(samples) / to_float(sum(samples.weights))


def density_rounding(samples, ddof=0):
    return roundings(samples) * to_float(density(samples)) if samples.weighted else 0.0


def var_rounding(samples, ddof=0):
    variance = var(samples, ddof)
    if isinstance(variance, float):
        return 0.0
    if samples.are_exact and samples.dtype.itemsize <= 2:
        # A fractional ddof leaves no integer to divide by: one more rounding.
        return 0.0 if ddof == int(ddof) else 2 * UNIT_ROUNDOFF * to_float(variance)
    spread = to_float(var(samples))
    root_mean_square = math.hypot(to_float(mean(samples)), math.sqrt(spread))
    divisor = degrees_of_freedom(samples, ddof)
    weight = sum(samples.weights)
    amplification = to_float(weight / divisor)
    if samples.weighted:
        # What is lost in W2 is magnified where W - ddof * W2 / W is a small difference.
        amplification *= to_float((2 * weight - divisor) / divisor)
    return 4 * roundings(samples) * math.sqrt(spread) * root_mean_square * amplification


def std_rounding(samples, ddof=0):
    variance = var(samples, ddof)
    if isinstance(variance, float) or variance == 0:
        return 0.0
    root = to_float(square_root(variance))
    return var_rounding(samples, ddof) / root + UNIT_ROUNDOFF * root


def midpoint_rounding(samples, ddof=0):
    if samples.dtype.kind in "biu":
        return 0.0
    value = median(samples)
    return UNIT_ROUNDOFF * abs(to_float(value)) if isinstance(value, Fraction) else 0.0


STATISTICS = {
    "sum": Statistic(sum_, sum_rounding, "sum", empty=0),
    "mean": Statistic(mean, mean_rounding, "float"),
    "min": Statistic(minimum, no_rounding, "input"),
    "max": Statistic(maximum, no_rounding, "input"),
    "count": Statistic(count, no_rounding, "count", heeds_min_count=False, empty=0),
    "count_nonzero": Statistic(count_nonzero, no_rounding, "count", heeds_min_count=False, empty=0),
    "density": Statistic(density, density_rounding, "float"),
    "any": Statistic(any_, no_rounding, "bool", heeds_min_count=False, empty=False),
    "all": Statistic(all_, no_rounding, "bool", heeds_min_count=False, empty=True),
    "var": Statistic(var, var_rounding, "float"),
    "std": Statistic(std, std_rounding, "float"),
    "median": Statistic(median, midpoint_rounding, "input"),
    "mode": Statistic(mode, no_rounding, "input"),
}


# Storing ------------------------------------------------------------------------------------------


def result_dtype(statistic, dtype, *, weighted=False):
    """Return the dtype of a statistic when none is asked for."""
    dtype = np.dtype(dtype).newbyteorder("=")
    wide = np.dtype(np.float32 if dtype in (np.float16, np.float32) else np.float64)
    kind = STATISTICS[statistic].result_kind
    if kind == "sum" and not weighted and dtype.kind in "biu":
        return np.dtype(np.uint64 if dtype.kind == "u" else np.int64)
    fixed = {"sum": wide, "float": wide, "count": np.dtype(np.int64), "bool": np.dtype(np.bool_)}
    return fixed.get(kind, dtype)


def to_float(value):
    """Round an exact number once to float64; what is too large becomes infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def store(value, dtype, fill_value):
    """Round a value into a dtype: to nearest, half to even, saturating in the integers."""
    if value is None:
        value = fill_value
    if dtype.kind == "f":
        return to_float(value)
    if value != value:
        value = fill_value
    if value != value:
        raise ValueError(f"a block has no value for {dtype} and no fill_value was given")
    if dtype.kind == "b":
        return value != 0
    limits = np.iinfo(dtype)
    if isinstance(value, float) and math.isinf(value):
        return limits.max if value > 0 else limits.min
    return min(max(round(Fraction(value)), limits.min), limits.max)


# Boxes --------------------------------------------------------------------------------------------


def ceil_divide(numerator, denominator):
    return -(-numerator // denominator)


def window_count(length, size, stride, boundary):
    """Return how many windows one axis has."""
    if boundary == "exact" and length and (length < size or (length - size) % stride):
        raise ValueError(f"length {length} is not covered by size {size}, stride {stride}")
    if boundary in ("trim", "exact"):
        return (length - size) // stride + 1 if length >= size else 0
    if length <= size:
        return min(length, 1)
    return min(ceil_divide(length - size, stride) + 1, ceil_divide(length, stride))


def one_per_axis(value, axes, ndim, default):
    """Spread one int, or one per named axis, over all axes; the others get the default."""
    axes = range(ndim) if axes is None else np.atleast_1d(axes)
    values = [value] * len(axes) if np.ndim(value) == 0 else list(value)
    spread = [default] * ndim
    for axis, item in zip(axes, values, strict=True):
        spread[axis] = int(item)
    return spread


def native(image):
    """Return the image as a plain contiguous array, so that the oracle meets only one layout."""
    image = np.asarray(image)
    return np.array(image, dtype=image.dtype.newbyteorder("="), order="C")


def gather(image, where, weights, window, padding, cval, skipna):
    """Collect the samples of one window that count."""
    weighted = weights is not None
    values = image[window].ravel().tolist() + [cval] * padding
    kept = where[window].ravel().tolist() + [True] * padding
    heavy = weights[window].ravel().tolist() + [1] * padding if weighted else [1] * len(values)
    chosen = [
        (value, exact(weight))
        for value, weight, keep in zip(values, heavy, kept, strict=True)
        if keep and weight > 0 and not (skipna and value != value)
    ]
    return Samples(
        [value for value, _ in chosen], [weight for _, weight in chosen], weighted, image.dtype
    )


def reduce_windows(
    image, sizes, strides, statistic, *, boundary, cval, where, weights, skipna, min_count,
    fill_value, ddof, dtype,
):  # fmt: skip
    """Reduce the windows of an image; return the rounded values and the errors allowed."""
    if np.ma.isMaskedArray(image):
        unmasked = ~np.ma.getmaskarray(image)
        where = unmasked if where is None else unmasked & where
        image = image.data
    image = native(image)
    where = np.broadcast_to(True if where is None else where, image.shape)
    if weights is not None:
        weights = np.broadcast_to(native(weights), image.shape)
    cval = np.array(cval, dtype=image.dtype).item()
    row = STATISTICS[statistic]
    default = result_dtype(statistic, image.dtype, weighted=weights is not None)
    dtype = default if dtype is None else np.dtype(dtype)
    counts = [
        window_count(length, size, stride, boundary)
        for length, size, stride in zip(image.shape, sizes, strides, strict=True)
    ]
    result = np.zeros(counts, dtype=dtype.newbyteorder("="))
    allowed = np.zeros(counts)
    for block in itertools.product(*map(range, counts)):
        window = tuple(
            slice(index * stride, min(index * stride + size, length))
            for index, size, stride, length in zip(block, sizes, strides, image.shape, strict=True)
        )
        padding = math.prod(sizes) - image[window].size if boundary == "pad" else 0
        samples = gather(image, where, weights, window, padding, cval, skipna)
        if row.heeds_min_count and len(samples.values) < min_count:
            value = None
        elif not samples.values:
            value = row.empty
        else:
            value = row.value(samples, ddof)
            allowed[block] = row.rounding(samples, ddof)
            if statistic == "median" and image.dtype.kind in "biu" and result.dtype.kind != "f":
                # The midpoint of two integers is an integer again, also of two booleans.
                value = round(value)
        with np.errstate(over="ignore"):
            result[block] = store(value, result.dtype, fill_value)
    return result, allowed


def block_reduce_with_rounding(
    image, block_size, statistic="mean", *, axes=None, boundary="partial", cval=0, where=None,
    weights=None, skipna=False, min_count=1, fill_value=math.nan, ddof=0, dtype=None,
):  # fmt: skip
    """Return the block statistics and, for each, the error that float64 arithmetic may make."""
    sizes = one_per_axis(block_size, axes, np.ndim(image), 1)
    return reduce_windows(
        image, sizes, sizes, statistic, boundary=boundary, cval=cval, where=where, weights=weights,
        skipna=skipna, min_count=min_count, fill_value=fill_value, ddof=ddof, dtype=dtype,
    )  # fmt: skip


def block_reduce(image, block_size, statistic="mean", **options):
    """Return the block statistics."""
    return block_reduce_with_rounding(image, block_size, statistic, **options)[0]


def density_map(image, block_size, *, stride=None, boundary="partial", where=None, dtype=None):
    """Return the fraction of nonzero samples in each window."""
    sizes = one_per_axis(block_size, None, np.ndim(image), 1)
    strides = sizes if stride is None else one_per_axis(stride, None, np.ndim(image), 1)
    return reduce_windows(
        image, sizes, strides, "density", boundary=boundary, cval=0, where=where, weights=None,
        skipna=False, min_count=1, fill_value=math.nan, ddof=0, dtype=dtype,
    )[0]  # fmt: skip


def pyramid_sizes(shape, factor, *, levels=None, min_size=1, axes=None, boundary="partial"):
    """Return the block size of every level, one int per axis of the image."""
    ndim = len(shape)
    chosen = range(ndim) if axes is None else [int(axis) % ndim for axis in np.atleast_1d(axes)]
    sizes = [1] * ndim
    found = []
    while levels is None or len(found) < levels:
        if isinstance(factor, list) and len(found) == len(factor):
            break
        step = factor[len(found)] if isinstance(factor, list) else factor
        step = one_per_axis(step, axes, ndim, 1)
        now = [window_count(*args, boundary) for args in zip(shape, sizes, sizes, strict=True)]
        if levels is None and not any(now[a] > min_size and step[a] > 1 for a in chosen):
            break
        following = [size * by for size, by in zip(sizes, step, strict=True)]
        lengths_and_sizes = list(zip(shape, following, strict=True))
        if levels is None and boundary == "trim" and any(n < b for n, b in lengths_and_sizes):
            break
        if levels is None and boundary == "exact" and any(n % b for n, b in lengths_and_sizes):
            break
        sizes = following
        found.append(tuple(sizes))
    return found


def pyramid(
    image, factor=2, statistic="mean", *, levels=None, min_size=1, axes=None, boundary="partial",
    **options,
):  # fmt: skip
    """Return every level of a pyramid, each reduced from the image itself."""
    sizes = pyramid_sizes(
        np.shape(image), factor, levels=levels, min_size=min_size, axes=axes, boundary=boundary
    )
    return [block_reduce(image, size, statistic, boundary=boundary, **options) for size in sizes]
