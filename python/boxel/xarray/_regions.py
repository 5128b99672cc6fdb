"""Statistics under masks and of labelled regions, by dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from boxel.xarray._coordinates import rebuilt
from boxel.xarray._dimensions import check_aligned, for_dims, laid_out
from boxel.xarray._modules import functions_for, is_lazy, xr

__all__ = ["label_stats", "masked_stats"]


def _covering(
    array: xr.DataArray, over: Any, options: Mapping[str, Any], name: str
) -> tuple[xr.DataArray, dict[str, Any]]:
    """Return the array with the dimensions of a mask or of labels first, and options laid so."""
    if not isinstance(over, xr.DataArray):
        raise TypeError(f"{name} must be a DataArray, found {type(over).__name__}")
    strange = [dim for dim in over.dims if dim not in array.dims]
    if strange:
        raise ValueError(f"{name} has the dimensions {strange}, found only {array.dims}")
    check_aligned(array, over, name)
    moved = array.transpose(*over.dims, ...)
    laid = {
        # On the pixels alone if it has their dimensions, else on every sample.
        each: laid_out(over if _within(options[each], over) else moved, options[each], each)
        for each in ("where", "weights")
        if options.get(each) is not None
    }
    return moved, {**options, **laid}


def _within(option: Any, over: xr.DataArray) -> bool:
    return isinstance(option, xr.DataArray) and set(option.dims) == set(over.dims)


def masked_stats(
    array: xr.DataArray, mask: xr.DataArray, statistics: Any, options: Mapping[str, Any]
) -> xr.Dataset:
    """Return a Dataset of statistics along the channels."""
    moved, laid = _covering(array, mask, options, "mask")
    data, over = moved.variable.data, mask.variable.data
    found = functions_for(data, over).masked_stats(data, over, statistics, **laid)
    channels = moved.dims[mask.ndim :]
    return xr.Dataset(
        {
            name: rebuilt(array, list(mask.dims), channels, each).rename(name)
            for name, each in found.items()
        },
        attrs=array.attrs,
    )


def label_stats(
    array: xr.DataArray,
    labels: xr.DataArray,
    statistics: Any,
    index: Any,
    background: int | None,
    options: Mapping[str, Any],
) -> xr.Dataset:
    """Return a Dataset of statistics along the labels and the channels."""
    moved, laid = _covering(array, labels, options, "labels")
    if "spacing" in laid:
        laid["spacing"] = for_dims(labels, laid["spacing"], labels.dims, "spacing", 1.0)
    data, over = moved.variable.data, labels.variable.data
    if index is None and is_lazy(over):
        raise ValueError(
            "the labels are lazy, so that nothing tells how many regions there are: pass index= "
            "with the labels to report, or labels.compute()"
        )
    if index is None and is_lazy(data):
        index = np.unique(over)
        index = index[index != background] if background is not None else index
    found = dict(
        functions_for(data, over).label_stats(
            over, data, statistics, index=index, background=background, **laid
        )
    )
    numbers = found.pop("label")
    coords = {"label": numbers if index is None else np.atleast_1d(np.asarray(index))}
    names = [str(dim) for dim in labels.dims]
    own = {
        "bounding_box": ("bound", [f"{name}_{end}" for end in ("start", "stop") for name in names]),
        "centroid": ("axis", names),
    }
    variables: dict[str, Any] = {}
    for name, column in found.items():
        if name in own:
            dim, words = own[name]
            variables[name] = xr.DataArray(column, {dim: words}, ("label", dim))
            continue
        channels = moved.dims[labels.ndim :]
        like = rebuilt(array, list(labels.dims), channels, column[0] if len(column) else 0)
        variables[name] = xr.DataArray(
            column,
            dict(like.coords) if len(column) else None,
            ("label", *channels),
            attrs=array.attrs,
        )
    return xr.Dataset(variables, coords, attrs=array.attrs)
