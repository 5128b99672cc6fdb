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
def modes() -> tuple[tuple[str, str], ...]: ...
def reduce_blocks(
    image: npt.NDArray[Any],
    statistics: tuple[int, ...],
    outputs: tuple[npt.NDArray[Any], ...],
    fills: tuple[bytes | None, ...],
    cval: tuple[float, int],
    where: npt.NDArray[np.bool_] | None,
    masked: npt.NDArray[np.bool_] | None,
    skipna: bool,
    min_count: int,
    ddof: float,
    workers: int,
    sizes: tuple[int, ...],
    steps: tuple[int, ...],
    padded: bool,
    weights: npt.NDArray[Any] | None,
) -> None: ...
def filter_boxes(
    image: npt.NDArray[Any],
    statistics: tuple[int, ...],
    outputs: tuple[npt.NDArray[Any], ...],
    fills: tuple[bytes | None, ...],
    cval: tuple[float, int],
    where: npt.NDArray[np.bool_] | None,
    masked: npt.NDArray[np.bool_] | None,
    skipna: bool,
    min_count: int,
    ddof: float,
    workers: int,
    sizes: tuple[int, ...],
    lows: tuple[int, ...],
    strides: tuple[int, ...],
    modes: tuple[int, ...],
    whole_means: bool,
) -> None: ...
