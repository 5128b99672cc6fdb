"""Check and write what the commands produce."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from boxel._extras import require
from boxel.files import ARRAY_SUFFIXES, check_output, to_gray, write_array

__all__ = ["check_new", "check_outputs", "refuse_same_files", "write_map"]


def check_outputs(image: Path, output: Path | None, plot: Path | None, *, force: bool) -> None:
    """Refuse outputs that cannot be written, before the work."""
    refuse_same_files([image, output, plot])
    if output is not None:
        check_new(output, force=force)
    if plot is not None:
        require("matplotlib", extra="plot")
        from boxel.plot import PLOT_SUFFIXES

        check_new(plot, PLOT_SUFFIXES, force=force)


def check_new(path: Path, suffixes: Sequence[str] = ARRAY_SUFFIXES, *, force: bool) -> None:
    """Refuse an output that cannot be written, before the work."""
    try:
        check_output(path, suffixes, overwrite=force)
    except FileExistsError as error:
        raise FileExistsError(f"{error} (--force replaces it)") from error


def refuse_same_files(paths: Sequence[Path | None]) -> None:
    """Refuse outputs that would replace the input or one another."""
    given = [path for path in paths if path is not None]
    for first, second in combinations(given, 2):
        if os.path.realpath(first) == os.path.realpath(second):
            raise ValueError(f"expected different files for input and outputs, found {first} twice")


def write_map(path: Path, density: NDArray[Any], *, png_bits: int, force: bool) -> None:
    """Write a density map in the format of the path's suffix."""
    values = to_gray(density, bits=png_bits) if path.suffix.lower() == ".png" else density
    write_array(path, values, overwrite=force)
