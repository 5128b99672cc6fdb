"""How many workers a call may use, how much memory is kept, what this installation is made of."""

from __future__ import annotations

import operator
import os
import sys
from typing import Any, TextIO

import numpy as np

from boxel import _core
from boxel._version import __version__

_workers: int | None = None


def _integer(value: Any, expected: str) -> int:
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{expected}, found a bool")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{expected}, found {type(value).__name__}") from None


def check_workers(workers: Any) -> int:
    """Return `workers` as a positive int, or raise what tells why it is none."""
    count = _integer(workers, "workers must be an integer of at least 1 or None")
    if count < 1:
        raise ValueError(f"workers must be at least 1, found {count}")
    # More threads than any machine has processors is a slip of the pen, not a wish.
    return min(count, 1024)


def set_workers(n: int | None) -> None:
    """Set how many threads a call uses when it is given ``workers=None``.

    Parameters
    ----------
    n : int or None
        At least 1. None returns to the default: the environment variable ``BOXEL_WORKERS`` if it is
        set, else the processors that this process may use (its CPU affinity and cgroup quota).

    Raises
    ------
    TypeError, ValueError
        If `n` is not an integer of at least 1.

    Examples
    --------
    >>> import boxel as bx
    >>> bx.set_workers(2)
    >>> bx.get_workers()
    2
    >>> bx.set_workers(None)
    """
    global _workers
    _workers = None if n is None else check_workers(n)


def get_workers() -> int:
    """Return how many threads a call uses when it is given ``workers=None``.

    Returns
    -------
    int
        The number set by `set_workers`, else by ``BOXEL_WORKERS``, else the processors that this
        process may use.
    """
    global _workers
    if _workers is None:
        _workers = _default_workers()
    return _workers


def _default_workers() -> int:
    text = os.environ.get("BOXEL_WORKERS", "").strip()
    if not text:
        return _core.usable_workers()
    try:
        return check_workers(int(text))
    except ValueError:
        raise ValueError(
            f"BOXEL_WORKERS must be an integer of at least 1, found {text!r}"
        ) from None


def set_kept_memory(n: int) -> None:
    """Set how many bytes of freed results are kept for the next results.

    Fresh memory is cleared by the system, page by page: for a filter that takes up to a quarter
    of its time. Large results (of blocks, boxes, voxels, distances; from 1 MiB) that are freed
    are kept, as the C library does with smaller ones, and taken by the next result of about
    their size.

    Parameters
    ----------
    n : int
        Bytes; 0 keeps nothing. What is kept beyond `n` is given back at once. At import it is the
        environment variable ``BOXEL_KEPT_MEMORY`` if that is set, else 128 MiB.

    Raises
    ------
    TypeError, ValueError
        If `n` is not an integer of at least 0.

    Examples
    --------
    >>> import boxel as bx
    >>> usual = bx.get_kept_memory()
    >>> bx.set_kept_memory(0)
    >>> bx.get_kept_memory()
    0
    >>> bx.set_kept_memory(usual)
    """
    size = _integer(n, "kept memory must be an integer of bytes")
    if size < 0:
        raise ValueError(f"kept memory must be at least 0 bytes, found {size}")
    _core.set_kept_memory(min(size, sys.maxsize))


def get_kept_memory() -> int:
    """Return how many bytes of freed results are kept at most.

    Returns
    -------
    int
        Bytes, as set by `set_kept_memory` or ``BOXEL_KEPT_MEMORY``.
    """
    return _core.kept_memory_limit()


def show_config(file: TextIO | None = None) -> dict[str, Any]:
    """Print and return what this installation is made of and what it uses.

    Parameters
    ----------
    file : text file, optional
        Where to print; default standard output.

    Returns
    -------
    dict
        ``version``, ``compiler``, ``instruction_sets`` (those this processor can run),
        ``instruction_set`` (the one in use; the environment variable ``BOXEL_ISA`` forces one at
        import), ``workers``, ``kept_memory`` (bytes, at most), ``numpy`` and ``python``.

    Examples
    --------
    >>> import io
    >>> import boxel as bx
    >>> bx.show_config(file=io.StringIO())["version"] == bx.__version__
    True
    """
    config = {
        "version": __version__,
        "compiler": _core.compiler(),
        "instruction_sets": _core.instruction_sets(),
        "instruction_set": _core.instruction_set(),
        "workers": get_workers(),
        "kept_memory": get_kept_memory(),
        "numpy": np.__version__,
        "python": sys.version.split()[0],
    }
    width = max(len(key) for key in config)
    for key, value in config.items():
        text = ", ".join(value) if isinstance(value, tuple) else value
        print(f"{key:<{width}}  {text}", file=file)
    return config


def _keep_memory_of_environment() -> None:
    text = os.environ.get("BOXEL_KEPT_MEMORY", "").strip()
    if not text:
        return
    try:
        set_kept_memory(int(text))
    except ValueError:
        raise ValueError(
            f"BOXEL_KEPT_MEMORY must be an integer of at least 0 (bytes), found {text!r}"
        ) from None


_keep_memory_of_environment()
