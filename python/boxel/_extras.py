"""Import the optional packages that boxel's extras install."""

from __future__ import annotations

import importlib
from types import ModuleType


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional module, or say which extra of boxel installs it.

    Parameters
    ----------
    module : str
        Dotted name of the module, for example ``"PIL.Image"``.
    extra : str
        The extra of boxel that brings the module, for example ``"cli"``.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    ImportError
        If the package is not installed, naming the extra to install; or if it is installed but
        broken, with the reason it gave.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # A package that is there but misses one of its own dependencies is another problem,
        # which installing the extra again would not explain.
        if str(error.name).partition(".")[0] != package:
            raise
        message = f"this needs {package}, which is not installed: pip install 'boxel[{extra}]'"
        raise ImportError(message, name=package) from error
