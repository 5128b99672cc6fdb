"""Which modules do the work."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from boxel._extras import require

if TYPE_CHECKING:
    import xarray as xr
else:
    xr = require("xarray", extra="xarray")

__all__ = ["functions_for", "is_lazy", "xr"]


def is_lazy(data: Any) -> bool:
    """Tell whether data are chunked by dask."""
    graph = getattr(data, "__dask_graph__", None)
    return callable(graph) and graph() is not None


def functions_for(*data: Any) -> ModuleType:
    """Return the module with the functions for such data."""
    lazy = any(is_lazy(each) for each in data)
    return importlib.import_module("boxel.dask" if lazy else "boxel")
