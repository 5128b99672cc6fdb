"""Coordinates of results: the centres of blocks, and what becomes of those that have none."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from boxel.xarray._modules import functions_for, xr

__all__ = ["rebuilt", "results", "sliced", "windowed"]

_NUMBERS = "iuf"
_TIMES = "mM"
# Bits of the lower half of a time: sums of either half of 2^33 times fit 64 bits.
_HALF = 30


class Windows(NamedTuple):
    """Windows along a dimension."""

    size: int
    step: int
    number: int


def rebuilt(
    array: xr.DataArray,
    changed: Sequence[Hashable],
    dims: Sequence[Hashable],
    data: Any,
    change: Callable[[xr.DataArray], Any] | None = None,
) -> xr.DataArray:
    """Return an array with new data; coordinates along changed dimensions are changed, or dropped.

    `change` returns the dims and values of a coordinate's new form, None where it has none.
    """
    touched = [name for name, each in array.coords.items() if set(each.dims) & set(changed)]
    kept = array.drop_vars(touched).isel(dict.fromkeys(changed, 0)) if _filled(array) else None
    coords = {} if kept is None else dict(kept.coords)
    result = xr.DataArray(data, coords=coords, dims=dims, name=array.name, attrs=array.attrs)
    made = {}
    for name in touched if change is not None else ():
        assert change is not None
        found = change(array.coords[name].reset_coords(drop=True))
        if found is not None:
            made[name] = (*found, array.coords[name].attrs)
    return result.assign_coords(made)


def _filled(array: xr.DataArray) -> bool:
    """Tell whether there is a sample, and so a place along each dimension."""
    return bool(np.all(array.shape))


def results(
    array: xr.DataArray,
    found: Any,
    changed: Sequence[Hashable],
    dims: Sequence[Hashable],
    change: Callable[[xr.DataArray], Any],
) -> Any:
    """Return an array with new data, or a Dataset of those of several statistics."""
    if not isinstance(found, Mapping):
        return rebuilt(array, changed, dims, found, change)
    variables = {
        name: rebuilt(array, changed, dims, each, change).rename(name)
        for name, each in found.items()
    }
    return xr.Dataset(variables, attrs=array.attrs)


def windowed(
    array: xr.DataArray,
    found: Any,
    dims: Iterable[Hashable],
    sizes: Sequence[int],
    steps: Sequence[int],
    counts: Sequence[int],
) -> Any:
    """Return results of windows along some dimensions, with their centres as coordinates."""
    windows = {
        str(dim): Windows(size, step, count)
        for dim, size, step, count in zip(array.dims, sizes, steps, counts, strict=True)
    }
    return results(array, found, list(dims), array.dims, centred(windows))


def centred(windows: Mapping[str, Windows]) -> Callable[[xr.DataArray], Any]:
    """Return what makes window centres of a coordinate: the means of its values in each window.

    Numbers and times have means; coordinates of other dtypes do not.
    """

    def change(coord: xr.DataArray) -> Any:
        values = coord.variable.data
        if values.dtype.kind not in _NUMBERS + _TIMES:
            return None
        own = [windows.get(str(dim), Windows(1, 1, length)) for dim, length in coord.sizes.items()]
        if values.dtype.kind in _NUMBERS:
            return coord.dims, _reduced(values, own, "mean")
        whole = _whole_means(values.view(np.int64), own)
        missing = _reduced(np.isnat(values), own, "any")
        return coord.dims, np.where(
            missing, np.array("NaT", values.dtype), whole.view(values.dtype)
        )

    return change


def _whole_means(values: Any, windows: Sequence[Windows]) -> Any:
    """Return means of int64, rounded to the nearest: nanoseconds since 1970 have no exact float."""
    high = _reduced(values >> _HALF, windows, "sum")
    low = _reduced(values & (2**_HALF - 1), windows, "sum")
    count = _reduced(values, windows, "count")
    rest = (high % count) * 2**_HALF + low
    return ((high // count) << _HALF) + (rest + count // 2) // count


def _reduced(values: Any, windows: Sequence[Windows], statistic: str) -> Any:
    """Return a statistic of each window; what lies beyond the border does not count."""
    sizes = tuple([each.size for each in windows])
    steps = tuple([each.step for each in windows])
    if sizes == steps:
        found = functions_for(values).block_reduce(values, sizes, statistic)
    else:
        found = functions_for(values).box_filter(
            values, sizes, statistic, mode="shrink", origin=[-(size // 2) for size in sizes],
            stride=steps,
        )  # fmt: skip
    return found[tuple([slice(each.number) for each in windows])]


def sliced(slices: Mapping[str, slice]) -> Callable[[xr.DataArray], Any]:
    """Return what takes the values of a coordinate at the samples that results belong to."""

    def change(coord: xr.DataArray) -> Any:
        place = {dim: each for dim, each in slices.items() if dim in coord.dims}
        found = coord.isel(place)
        return found.dims, found.variable.data

    return change
