"""The libraries the peers come from: loading, thread counts and versions, each named once."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

DISTRIBUTIONS = {
    "boxel": "boxel",
    "numpy": "numpy",
    "scipy": "scipy",
    "skimage": "scikit-image",
    "cv2": "opencv-python-headless",
    "torch": "torch",
    "tensorstore": "tensorstore",
    "tinybrain": "tinybrain",
    "SimpleITK": "SimpleITK",
    "xarray": "xarray",
    "dask": "dask",
    "fastcluster": "fastcluster",
    "rdkit": "rdkit",
    "bottleneck": "bottleneck",
    "numbagg": "numbagg",
    "sklearn": "scikit-learn",
    "welford": "welford",
    "cc3d": "connected-components-3d",
}


class MissingLibraryError(Exception):
    """A peer's library cannot be imported here."""


def load(name: str) -> Any:
    """Import a library; typed as Any because most peers ship no complete type information."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == name.partition(".")[0]
        reason = "not installed" if absent else f"import failed: {error}"
        raise MissingLibraryError(reason) from error


def is_available(name: str) -> bool:
    try:
        load(name)
    except MissingLibraryError:
        return False
    return True


def pin_threads(workers: int) -> None:
    """Give every library that keeps its own thread pool the same number of threads."""
    if is_available("cv2"):
        load("cv2").setNumThreads(workers)
    if is_available("torch"):
        load("torch").set_num_threads(workers)
    if is_available("SimpleITK"):
        load("SimpleITK").ProcessObject.SetGlobalDefaultNumberOfThreads(workers)


def versions() -> dict[str, str]:
    """Return the version of each library, or why there is none."""
    found = {}
    for name, distribution in DISTRIBUTIONS.items():
        try:
            module = load(name)
        except MissingLibraryError as missing:
            found[distribution] = str(missing)
            continue
        try:
            found[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            # The same module may come from a sister distribution (opencv-python, a source tree).
            found[distribution] = str(getattr(module, "__version__", "unknown version"))
    return found
