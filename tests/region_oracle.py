"""The obvious, slow answer for statistics of regions: boolean indexing and exact arithmetic.

Built on the table of the block oracle, which knows every statistic of a list of samples.
"""

import math

import numpy as np

import oracle


def gather(image, chosen, weights, skipna):
    """Collect the samples of one region and channel that count."""
    weighted = weights is not None
    values = image[chosen].tolist()
    heavy = weights[chosen].tolist() if weighted else [1] * len(values)
    kept = [
        (value, oracle.exact(weight))
        for value, weight in zip(values, heavy, strict=True)
        if weight > 0 and not (skipna and value != value)
    ]
    return oracle.Samples(
        [value for value, _ in kept], [weight for _, weight in kept], weighted, image.dtype
    )


def value_of(name, samples, ddof, fill_value, dtype):
    """Return a statistic as it is stored, and the error that float64 arithmetic may make."""
    row = oracle.STATISTICS[name]
    if not samples.values:
        return oracle.store(row.empty, dtype, fill_value), 0.0
    value = row.value(samples, ddof)
    if name == "median" and samples.dtype.kind in "biu":
        value = round(value)
    with np.errstate(over="ignore"):
        return oracle.store(value, dtype, fill_value), row.rounding(samples, ddof)


def label_stats(
    labels, image, name, *, index=None, background=0, where=None, weights=None, skipna=False,
    ddof=0, fill_value=math.nan,
):  # fmt: skip
    """Return the labels, one statistic of each region, and the errors allowed."""
    occurring = np.ones(labels.shape, bool)
    if np.ma.isMaskedArray(labels):
        occurring = ~np.ma.getmaskarray(labels)
        labels = labels.data
    masked = (
        np.ma.getmaskarray(image) if np.ma.isMaskedArray(image) else np.zeros(image.shape, bool)
    )
    image = oracle.native(np.ma.getdata(image))
    labels = oracle.native(labels)
    trailing = image.shape[labels.ndim :]
    added = labels.shape + (1,) * len(trailing)
    counted = np.broadcast_to(True, image.shape)
    if where is not None:
        spread = where.reshape(added) if where.shape == labels.shape else where
        counted = np.broadcast_to(spread, image.shape)
    if weights is not None:
        spread = weights.reshape(added) if weights.shape == labels.shape else weights
        weights = np.broadcast_to(oracle.native(spread), image.shape)
    if index is None:
        found = set(labels.ravel().tolist()) if labels.ndim else {labels.item()}
        index = sorted(found - {background})
    dtype = oracle.result_dtype(name, image.dtype, weighted=weights is not None)
    values = np.zeros((len(index), *trailing), dtype)
    allowed = np.zeros((len(index), *trailing))
    for row, label in enumerate(index):
        for channel in np.ndindex(trailing):
            place = (..., *channel)
            chosen = (labels == label) & occurring & counted[place] & ~masked[place]
            samples = gather(
                image[place], chosen, None if weights is None else weights[place], skipna
            )
            values[(row, *channel)], allowed[(row, *channel)] = value_of(
                name, samples, ddof, fill_value, dtype
            )
    return np.array(index), values, allowed
