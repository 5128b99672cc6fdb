"""The compiled core of boxel; not public: use the functions of the package."""

from typing import Any

import numpy as np
import numpy.typing as npt

def registry() -> tuple[tuple[str, str, bool, bool], ...]: ...
def dtype_names() -> tuple[str, ...]: ...
def result_dtype(statistic: int, input: np.dtype[Any], weighted: bool) -> str: ...
def compiler() -> str: ...
def instruction_sets() -> tuple[str, ...]: ...
def instruction_set() -> str: ...
def usable_workers() -> int: ...
def read_roofline(words: npt.NDArray[np.uint64]) -> int: ...
def reduce_blocks(
    image: npt.NDArray[Any],
    statistics: tuple[int, ...],
    outputs: tuple[npt.NDArray[Any], ...],
    sizes: tuple[int, ...],
    steps: tuple[int, ...],
    fills: tuple[bytes | None, ...],
    padded: bool,
    cval: tuple[float, int],
    where: npt.NDArray[np.bool_] | None,
    masked: npt.NDArray[np.bool_] | None,
    weights: npt.NDArray[Any] | None,
    skipna: bool,
    min_count: int,
    ddof: float,
    workers: int,
) -> None: ...
