"""boxel for xarray: ``import boxel.xarray`` gives every DataArray an accessor ``.boxel``.

Dimensions go by their names, coordinates and attributes come along, and arrays that are chunked
with dask stay lazy.

Examples
--------
>>> import numpy as np
>>> import xarray as xr
>>> import boxel.xarray
>>> image = xr.DataArray(np.arange(20.0).reshape(4, 5), dims=("y", "x"), coords={"x": range(5)})
>>> smaller = image.boxel.block_reduce({"y": 2, "x": 2})
>>> smaller.x.values
array([0.5, 2.5, 4. ])
"""

from boxel.xarray._accessor import BoxelAccessor

__all__ = ["BoxelAccessor"]
