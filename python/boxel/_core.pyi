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
def shortest_row() -> int: ...
def chunk_bytes() -> int: ...
def usable_workers() -> int: ...
def read_roofline(words: npt.NDArray[np.uint64]) -> int: ...
def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, np.dtype[Any]]: ...
def least_kept() -> int: ...
def set_kept_memory(bytes: int) -> None: ...
def kept_memory_limit() -> int: ...
def kept_memory() -> int: ...
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
def span_states(
    spec: tuple[np.dtype[Any], int, bool, int],
) -> tuple[tuple[str, tuple[str, ...]], ...]: ...
def take_into_span(
    spec: tuple[np.dtype[Any], int, bool, int],
    states: tuple[npt.NDArray[Any], ...],
    samples: npt.NDArray[Any],
    where: npt.NDArray[np.bool_] | None,
    masked: npt.NDArray[np.bool_] | None,
    weights: npt.NDArray[Any] | None,
    skipna: bool,
    taken: int,
    workers: int,
) -> None: ...
def merge_spans(
    spec: tuple[np.dtype[Any], int, bool, int],
    states: tuple[npt.NDArray[Any], ...],
    others: tuple[npt.NDArray[Any], ...],
    held: float,
    added: float,
    workers: int,
) -> None: ...
def finish_span(
    spec: tuple[np.dtype[Any], int, bool, int],
    states: tuple[npt.NDArray[Any], ...],
    statistic: int,
    count: float,
    ddof: float,
    out: npt.NDArray[Any],
    workers: int,
) -> None: ...

class _RegionTable:
    def __init__(
        self,
        statistics: tuple[int, ...],
        dtype: np.dtype[Any],
        weighted: bool,
        channels: int,
        geometry_axes: int,
        background: int | None,
        dense_span: int,
    ) -> None: ...
    def update(
        self,
        labels: npt.NDArray[Any],
        image: npt.NDArray[Any] | None,
        where: npt.NDArray[np.bool_] | None,
        masked: npt.NDArray[np.bool_] | None,
        weights: npt.NDArray[Any] | None,
        counted: npt.NDArray[np.bool_] | None,
        left_out: npt.NDArray[np.bool_] | None,
        skipna: bool,
        origin: tuple[int, ...],
        workers: int,
        is_mask: bool,
        ends_piece: bool | None,
    ) -> None: ...
    def merge(self, other: _RegionTable) -> None: ...
    def labels(self) -> npt.NDArray[Any]: ...
    def rows(
        self,
    ) -> tuple[
        npt.NDArray[np.uint64],
        npt.NDArray[np.bool_],
        tuple[npt.NDArray[Any], ...],
        npt.NDArray[np.int64],
        npt.NDArray[np.int64],
    ]: ...
    def restore(
        self,
        bits: npt.NDArray[np.uint64],
        negative: npt.NDArray[np.bool_],
        states: tuple[npt.NDArray[Any], ...],
        pixels: npt.NDArray[np.int64],
        extents: npt.NDArray[np.int64],
    ) -> None: ...
    def write(
        self,
        labels: npt.NDArray[Any],
        statistics: tuple[int, ...],
        outputs: tuple[npt.NDArray[Any], ...],
        fills: tuple[bytes | None, ...],
        ddof: float,
    ) -> None: ...
    def geometry(
        self, labels: npt.NDArray[Any]
    ) -> tuple[
        npt.NDArray[np.int64],
        npt.NDArray[np.int64],
        npt.NDArray[np.int64],
        npt.NDArray[np.float64],
    ]: ...

def region_pieces(pixels: int, channels: int, is_mask: bool) -> tuple[int, tuple[int, ...]]: ...
def select_regions(
    labels: npt.NDArray[Any],
    image: npt.NDArray[Any] | None,
    where: npt.NDArray[np.bool_] | None,
    masked: npt.NDArray[np.bool_] | None,
    counted: npt.NDArray[np.bool_] | None,
    left_out: npt.NDArray[np.bool_] | None,
    skipna: bool,
    workers: int,
    wanted: npt.NDArray[Any],
    statistics: tuple[int, ...],
    outputs: tuple[npt.NDArray[Any], ...],
    fills: tuple[bytes | None, ...],
) -> None: ...
def linkage_methods() -> tuple[str, ...]: ...
def inspect_condensed(distances: npt.NDArray[Any]) -> tuple[int, float]: ...
def inspect_square(
    distances: npt.NDArray[Any],
) -> tuple[tuple[int, int], float, float, tuple[int, int], float, float, int]: ...
def condense(square: npt.NDArray[Any], condensed: npt.NDArray[Any], workers: int) -> None: ...
def expand(condensed: npt.NDArray[Any], square: npt.NDArray[Any], workers: int) -> None: ...
def symmetrise(square: npt.NDArray[Any], workers: int) -> None: ...
def linkage(
    distances: npt.NDArray[Any],
    n: int,
    method: int,
    overwrite: bool,
    largest: float,
    workers: int,
) -> npt.NDArray[np.float64]: ...
def cophenetic_distances(
    tree: npt.NDArray[np.float64], workers: int
) -> npt.NDArray[np.float64]: ...
def leaf_order(tree: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]: ...
def flat_clusters(
    tree: npt.NDArray[np.float64], cut: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]: ...
def tanimoto_distances(
    fingerprints: npt.NDArray[np.uint64],
    others: npt.NDArray[np.uint64] | None,
    distances: npt.NDArray[Any],
    empty_distance: float,
    workers: int,
) -> None: ...
def tanimoto_single_linkage(
    fingerprints: npt.NDArray[np.uint64], empty_distance: float, workers: int
) -> npt.NDArray[np.float64]: ...
