"""What the functions that compute statistics of boxes share: outputs, fills, weights, the call."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from boxel import _core
from boxel import _validate as check
from boxel._config import check_workers, get_workers
from boxel._registry import CODES, FILLABLE, result_dtype, statistic_name

Array: TypeAlias = npt.NDArray[Any]
Statistic: TypeAlias = str | Callable[..., Any]
Statistics: TypeAlias = tuple[Statistic, ...] | list[Statistic]

Kernel: TypeAlias = Callable[..., None]
"""Called with image, codes, outputs, fills, cval, where, masked, skipna, min_count, ddof, workers
and what is its own."""

NO_VALUE: Any = object()
"""Where None is a value that a caller may have passed."""

_NO_CVAL = (0.0, 0)
NAN = math.nan
# No box holds more samples; counts beyond are cut to it.
_MOST = 2**63 - 1
# Arrays made by slicing need far less to be told apart.
_OVERLAP_WORK = 10000
_LEAST_KEPT = _core.least_kept()
_nan_bytes: dict[int, bytes | None] = {}


def statistic_names(statistic: Any) -> tuple[tuple[str, ...], bool]:
    """Return the names of what is asked for, and whether that is a single statistic."""
    if not isinstance(statistic, (tuple, list)):
        return (statistic_name(statistic),), True
    names = tuple(dict.fromkeys([statistic_name(each) for each in statistic]))
    if not names:
        raise ValueError("statistic must hold at least one name, found an empty tuple")
    return names, False


def empty_like(image: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an uninitialised array whose axes lie in memory in the order of the image's."""
    # No result is more than eight times as large as its image: small calls need not ask for more.
    empty = _core.empty if image.nbytes >= _LEAST_KEPT // 8 else np.empty
    if image.flags.c_contiguous or image.ndim < 2:
        return empty(shape, dtype)
    # Broadcast axes (stride 0) say nothing about the order and go first, as the slowest.
    strides = [abs(stride) or math.inf for stride in image.strides]
    order = sorted(range(image.ndim), key=lambda axis: -strides[axis])
    allocated = empty(tuple([shape[axis] for axis in order]), dtype)
    return allocated.transpose(np.argsort(order))


def _nan_fill(dtype: np.dtype[Any]) -> bytes | None:
    """Return NaN as bytes of `dtype`, None where it has none."""
    if dtype.num not in _nan_bytes:
        _nan_bytes[dtype.num] = dtype.type(NAN).tobytes() if dtype.kind == "f" else None
    return _nan_bytes[dtype.num]


def fill_bytes(fill_value: Any, dtype: np.dtype[Any]) -> bytes | None:
    """Return a fill as bytes of `dtype`, None where it is NaN and the dtype has none."""
    if fill_value is NAN or check.is_nan(fill_value):
        return _nan_fill(dtype)
    scalar = check.scalar_of(fill_value, dtype, "fill_value")
    return bytes(scalar.tobytes())


def _cval_pair(cval: Any, dtype: np.dtype[Any]) -> tuple[float, int]:
    """Return cval as a double and as 64 bits of two's complement."""
    scalar = check.scalar_of(cval, dtype, "cval")
    if dtype.kind == "f":
        return float(scalar), 0
    number = int(scalar)
    return float(number), number & 0xFFFFFFFFFFFFFFFF


def _wanted_dtypes(dtype: Any, names: Sequence[str]) -> list[np.dtype[Any] | None]:
    if dtype is None:
        return [None] * len(names)
    if isinstance(dtype, Mapping):
        unknown = set(dtype) - set(names)
        if unknown:
            raise ValueError(
                f"dtype names {sorted(map(str, unknown))}, which are not among the statistics "
                f"{list(names)}"
            )
        return [
            check.output_dtype(dtype[name]) if dtype.get(name) is not None else None
            for name in names
        ]
    return [check.output_dtype(dtype)] * len(names)


def _given_outputs(out: Any, names: Sequence[str], single: bool) -> list[Any]:
    if out is None:
        return [None] * len(names)
    if single:
        return [out]
    if isinstance(out, Mapping):
        unknown = set(out) - set(names)
        if unknown:
            raise ValueError(
                f"out names {sorted(map(str, unknown))}, which are not among the statistics "
                f"{list(names)}"
            )
        return [out.get(name) for name in names]
    if isinstance(out, (tuple, list)):
        if len(out) != len(names):
            raise ValueError(
                f"out must hold one array for each of {len(names)} statistics, found {len(out)}"
            )
        return list(out)
    raise TypeError(
        "out must be a dict or a sequence of arrays where several statistics are asked for, "
        f"found {type(out).__name__}"
    )


def run(
    image: Array,
    mask: Array | None,
    names: tuple[str, ...],
    counts: tuple[int, ...],
    kernel: Kernel,
    geometry: tuple[Any, ...],
    *,
    single: bool = True,
    cval: Any = NO_VALUE,
    out_name: str = "out",
    where: Any = None,
    weights: Array | None = None,
    skipna: bool = False,
    min_count: int = 1,
    fill_value: Any = NAN,
    ddof: Any = 0,
    dtype: Any = None,
    out: Any = None,
    workers: int | None = None,
) -> list[Array]:
    """Check what all statistics of boxes share, and run a kernel into new or given arrays.

    `counts` is the shape of the results, `geometry` what the kernel takes of its own; `cval` stands
    for samples beyond the border, unless it is `NO_VALUE`; `weights` have been checked.
    """
    threads = get_workers() if workers is None else check_workers(workers)
    if where is not None:
        where = check.where_array(where, image.shape)
    if mask is not None:
        mask = check.broadcast(mask, image.shape, "the mask")
    if type(min_count) is not int or min_count != 1:
        min_count = min(check.at_least(min_count, 0, "min_count"), _MOST)
    degrees = 0.0 if type(ddof) is int and ddof == 0 else check.degrees_of_freedom(ddof)
    if skipna is not False:
        skipna = check.truth(skipna, "skipna")
    beyond = _NO_CVAL if cval is NO_VALUE else _cval_pair(cval, image.dtype)

    codes = _codes(names)
    if dtype is None and out is None and fill_value is NAN:
        dtypes, fills = _defaults(codes, image.dtype, weights is not None)
        results = [empty_like(image, counts, each) for each in dtypes]
        targets = tuple(results)
    else:
        results, fills = _prepared(
            image, codes, names, counts, weights is not None, single, dtype, out, fill_value,
            out_name,
        )  # fmt: skip
        inputs = (image, mask, where, weights)
        targets = tuple([_apart(result, inputs) for result in results])
    kernel(
        image, codes, targets, fills, beyond, where, mask, skipna, min_count, degrees, threads,
        *geometry,
    )  # fmt: skip
    if out is not None:
        for result, target in zip(results, targets, strict=True):
            if target is not result:
                result[...] = target
    return results


@functools.cache
def _codes(names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple([CODES[name] for name in names])


@functools.lru_cache(maxsize=1024)
def _defaults(
    codes: tuple[int, ...], image: np.dtype[Any], weighted: bool
) -> tuple[list[np.dtype[Any]], tuple[bytes | None, ...]]:
    """Return dtypes and fills of results of which nothing special is asked; small calls need it."""
    dtypes = [result_dtype(code, image, weighted) for code in codes]
    return dtypes, tuple([_nan_fill(each) for each in dtypes])


def _prepared(
    image: Array,
    codes: tuple[int, ...],
    names: Sequence[str],
    counts: tuple[int, ...],
    weighted: bool,
    single: bool,
    dtype: Any,
    out: Any,
    fill_value: Any,
    out_name: str,
) -> tuple[list[Array], tuple[bytes | None, ...]]:
    """Return new or given arrays for the results, and what fills blocks without a value."""
    results: list[Array] = []
    fills: list[bytes | None] = []
    given = _given_outputs(out, names, single)
    for code, name, wanted, target in zip(
        codes, names, _wanted_dtypes(dtype, names), given, strict=True
    ):
        if target is None:
            result = wanted or result_dtype(code, image.dtype, weighted)
            results.append(empty_like(image, counts, result))
        else:
            results.append(check.check_output(target, counts, wanted, out_name))
        native = results[-1].dtype.newbyteorder("=")
        fills.append(fill_bytes(fill_value, native) if name in FILLABLE else None)
    if any(_overlap(one, other) for one, other in itertools.combinations(results, 2)):
        raise ValueError(
            "out must hold a different array for each statistic, found two that share memory"
        )
    return results, tuple(fills)


def _overlap(one: Array, other: Array) -> bool:
    """Tell whether two results share an element; those that lie between each other's do not."""
    if one is other:
        return True
    try:
        # The stub of NumPy knows two of the numbers.
        return np.shares_memory(one, other, max_work=_OVERLAP_WORK)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return False


def _apart(result: Array, inputs: Sequence[Array | None]) -> Array:
    """Return `result`, or a new array like it if it overlaps an input."""
    if any(array is not None and np.may_share_memory(result, array) for array in inputs):
        return _core.empty(result.shape, result.dtype)
    return result
