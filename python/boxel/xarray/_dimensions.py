"""Arguments by dimension, as the functions for arrays take them by axis."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from boxel.xarray._modules import xr

__all__ = ["axes_of", "by_axis", "check_aligned", "dims_of", "for_dims", "laid_out"]


def dims_of(array: xr.DataArray, dims: Any, name: str) -> list[Hashable]:
    """Return dimensions of an array as a list, all of them for None."""
    if dims is None:
        return list(array.dims)
    given = [dims] if isinstance(dims, Hashable) else list(dims)
    for dim in given:
        if dim not in array.dims:
            raise ValueError(f"{name} names the dimension {dim!r}, found only {array.dims}")
    if len(set(given)) != len(given):
        raise ValueError(f"{name} must name each dimension once, found {given}")
    return given


def axes_of(array: xr.DataArray, dims: Iterable[Hashable]) -> tuple[int, ...]:
    """Return the axes of dimensions."""
    return tuple([array.dims.index(dim) for dim in dims])


def by_axis(array: xr.DataArray, value: Any, name: str) -> tuple[list[Hashable], Any]:
    """Return dimensions, and what a mapping holds for each; one value is for all dimensions."""
    if isinstance(value, Mapping):
        dims = dims_of(array, list(value), name)
        return dims, tuple([value[dim] for dim in dims])
    if isinstance(value, Sequence) and not isinstance(value, str):
        raise TypeError(f"{name} must be one value or a mapping by dimension, found {value!r}")
    return list(array.dims), value


def for_dims(
    array: xr.DataArray, value: Any, dims: Sequence[Hashable], name: str, default: Any
) -> Any:
    """Return an option for each of some dimensions: from a mapping, or one for all."""
    if not isinstance(value, Mapping):
        return value
    others = set(dims_of(array, list(value), name)) - set(dims)
    if others:
        raise ValueError(f"{name} names {sorted(map(str, others))}, along which nothing is done")
    return tuple([value.get(dim, default) for dim in dims])


def laid_out(array: xr.DataArray, other: Any, name: str) -> Any:
    """Return an option (where, weights) with the axes of the array; arrays go by position."""
    if not isinstance(other, xr.DataArray):
        return other
    strange = [dim for dim in other.dims if dim not in array.dims]
    if strange:
        raise ValueError(f"{name} has the dimensions {strange}, found only {array.dims}")
    check_aligned(array, other, name)
    data = other.transpose(*[dim for dim in array.dims if dim in other.dims]).variable.data
    return data[tuple([slice(None) if dim in other.dims else np.newaxis for dim in array.dims])]


def check_aligned(array: xr.DataArray, other: xr.DataArray, name: str) -> None:
    """Refuse arrays whose coordinates say that they are of other places."""
    try:
        xr.align(array, other, join="exact")
    except ValueError as error:
        raise ValueError(f"{name} is not aligned with the array: {error}") from error
