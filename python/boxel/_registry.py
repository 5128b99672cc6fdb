"""The statistics and dtypes of the compiled core, as Python asks for them.

Nothing is listed here: names, NumPy equivalents and result dtypes are read from the core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from boxel import _core

_ROWS = _core.registry()

STATISTICS: tuple[str, ...] = tuple(name for name, _, _, _ in _ROWS)
"""Names of all statistics."""

MERGEABLE: frozenset[str] = frozenset(name for name, _, mergeable, _ in _ROWS if mergeable)
"""Statistics whose states merge; the others need all samples of a block at once."""

FILLABLE: frozenset[str] = frozenset(name for name, _, _, fillable in _ROWS if fillable)
"""Statistics that have no value of their own for a block with too few samples."""

_MODE_ROWS = _core.modes()

MODES: tuple[str, ...] = tuple(name for name, _ in _MODE_ROWS)
"""Names of what can lie beyond the border of an axis along which boxes slide."""

MODE_CODES: dict[str, int] = {
    name: code
    for code, (mode, aliases) in enumerate(_MODE_ROWS)
    for name in (mode, *aliases.split())
}

CODES: dict[str, int] = {name: code for code, name in enumerate(STATISTICS)}

ACCEPTED_DTYPES: tuple[str, ...] = _core.dtype_names()

ACCEPTED_DTYPE_NUMBERS: frozenset[int] = frozenset(
    [np.dtype(name).num for name in ACCEPTED_DTYPES]
    + [np.dtype(c_type).num for c_type in ("long", "ulong", "longlong", "ulonglong")]
    + [np.dtype(c_type).num for c_type in ("intc", "uintc")]
)

_FUNCTIONS: dict[Callable[..., Any], str] = {
    getattr(np, alias): name for name, aliases, _, _ in _ROWS for alias in aliases.split()
}

_NAN_FUNCTIONS: dict[Callable[..., Any], str] = {
    getattr(np, f"nan{name}"): name for name in STATISTICS if hasattr(np, f"nan{name}")
}


# What other libraries call the same; their "reflect" is ambiguous, and so these are only explained.
_FOREIGN_MODES = {
    "symmetric": ("reflect", "NumPy's"),
    "edge": ("nearest", "NumPy's"),
    "replicate": ("nearest", "OpenCV's and MATLAB's"),
    "border_replicate": ("nearest", "OpenCV's"),
    "reflect101": ("mirror", "OpenCV's"),
    "reflect_101": ("mirror", "OpenCV's"),
    "border_reflect_101": ("mirror", "OpenCV's"),
    "border_reflect": ("reflect", "OpenCV's"),
    "border_wrap": ("wrap", "OpenCV's"),
    "border_constant": ("constant", "OpenCV's"),
    "circular": ("wrap", "MATLAB's"),
    "border": ("constant", "a common"),
    "zeros": ("constant", "PyTorch's"),
    "same": ("constant", "SciPy's signal and MATLAB's"),
}


def mode_code(mode: object) -> int:
    """Return the code of a mode given by its name or by one of SciPy's aliases."""
    if not isinstance(mode, str):
        raise TypeError(
            f"mode must be one of {', '.join(map(repr, MODES))}, or one of them for each axis, "
            f"found {type(mode).__name__}"
        )
    if mode in MODE_CODES:
        return MODE_CODES[mode]
    if mode.lower() in _FOREIGN_MODES:
        ours, owner = _FOREIGN_MODES[mode.lower()]
        raise ValueError(
            f"unknown mode {mode!r}: {owner} name for what is {ours!r} here. "
            f"Known: {', '.join(MODES)}"
        )
    raise ValueError(f"unknown mode {mode!r}; {did_you_mean(mode, MODES)}")


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return a clause that lists `known` and points to the nearest match."""
    import difflib  # here: a tenth of the time to import boxel, for a misspelt word

    names = list(known)
    matches = difflib.get_close_matches(str(word).lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean {matches[0]!r}? " if matches else ""
    return f"{hint}Known: {', '.join(names)}"


def statistic_name(statistic: object) -> str:
    """Return the canonical name of a statistic given by name or by its NumPy function."""
    if isinstance(statistic, str):
        if statistic in CODES:
            return statistic
        raise ValueError(f"unknown statistic {statistic!r}; {did_you_mean(statistic, STATISTICS)}")
    if callable(statistic):
        if statistic in _FUNCTIONS:
            return _FUNCTIONS[statistic]
        if statistic in _NAN_FUNCTIONS:
            name = _NAN_FUNCTIONS[statistic]
            raise ValueError(
                f"np.nan{name} is not a statistic of its own: pass {name!r} with skipna=True"
            )
        called = getattr(statistic, "__name__", repr(statistic))
        raise ValueError(
            f"no statistic matches the function {called!r}; {did_you_mean(called, STATISTICS)}"
        )
    raise TypeError(
        "statistic must be a name, a NumPy function or a tuple of these, "
        f"found {type(statistic).__name__}"
    )


def result_dtype(code: int, image: np.dtype[Any], weighted: bool) -> np.dtype[Any]:
    """Return the dtype of a statistic's result where none is asked for."""
    return np.dtype(_core.result_dtype(code, image, weighted))
