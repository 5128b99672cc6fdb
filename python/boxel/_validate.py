"""The rules for what callers pass, and the messages for what breaks them.

Every function returns the normalised value or raises ValueError or TypeError that names what was
found and what was expected; nothing has been computed by then.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.exceptions import AxisError

from boxel._registry import ACCEPTED_DTYPE_NUMBERS, ACCEPTED_DTYPES, did_you_mean

Array = np.ndarray[Any, np.dtype[Any]]

BOUNDARIES = ("partial", "trim", "exact", "pad")

# No axis is longer: larger sizes mean the same and would not fit the kernels' integers.
_LONGEST = 2**62
# Numbers of samples are exact in float64 up to here.
_LARGEST_VOLUME = 2**53


def _is_bool(value: object) -> bool:
    return isinstance(value, (bool, np.bool_))


def integer(value: Any, name: str) -> int:
    """Return `value` as an int; floats and bools are no integers."""
    if not _is_bool(value):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise TypeError(f"{name} must be an integer, found {value!r} ({type(value).__name__})")


def at_least(value: Any, least: int, name: str) -> int:
    """Return `value` as an int that is not below `least`."""
    number = integer(value, name)
    if number < least:
        raise ValueError(f"{name} must be at least {least}, found {number}")
    return number


def refuse_dtype(dtype: np.dtype[Any], name: str) -> NoReturn:
    """Raise for a dtype that no kernel takes."""
    raise TypeError(
        f"{name} has dtype {dtype}, which is not supported; "
        f"accepted are {', '.join(ACCEPTED_DTYPES)}"
    )


def in_memory(value: Any, name: str) -> None:
    """Refuse lazy arrays, which NumPy would compute in silence."""
    if type(value) is np.ndarray:
        return
    graph = getattr(value, "__dask_graph__", None)
    if callable(graph) and graph() is not None:
        kind = type(value)
        raise TypeError(
            f"{name} must be in memory, found a lazy {kind.__module__.partition('.')[0]} "
            f"{kind.__name__}: boxel.dask has the functions that work chunk by chunk (and "
            f"boxel.xarray those of a DataArray); or pass {name}.compute()"
        )


def image_array(image: Any, name: str = "image") -> tuple[Array, Array | None]:
    """Return an array of an accepted dtype and the mask that came with it (True: left out)."""
    mask = None
    if type(image) is not np.ndarray:
        if isinstance(image, np.ma.MaskedArray):
            found = np.ma.getmask(image)
            mask = None if found is np.ma.nomask else np.asarray(found)
            image = image.data
        in_memory(image, name)
        image = np.asarray(image)
    if image.dtype.num not in ACCEPTED_DTYPE_NUMBERS:
        refuse_dtype(image.dtype, name)
    return image, mask


def axis_tuple(axes: Any, ndim: int, name: str = "axes") -> tuple[int, ...]:
    """Return `axes` as distinct non-negative ints; None is all of them."""
    if axes is None:
        return tuple(range(ndim))
    given = tuple(axes) if isinstance(axes, Iterable) else (axes,)
    result = []
    for axis in given:
        result.append(one_axis(axis, ndim, name))
    if len(set(result)) != len(result):
        raise ValueError(f"{name} must name each axis once, found {given}")
    return tuple(result)


def one_axis(axis: Any, ndim: int, name: str) -> int:
    """Return an axis as a non-negative int."""
    number = integer(axis, name)
    if not -ndim <= number < ndim:
        raise AxisError(number, ndim, name)
    return number % ndim


def per_axis(
    value: Any, axes: tuple[int, ...], ndim: int, name: str, other: int = 1
) -> tuple[int, ...]:
    """Return one int of at least 1 for each of `ndim` axes, `other` where `axes` names none."""
    if type(value) is int and 1 <= value <= _LONGEST and len(axes) == ndim:
        return (value,) * ndim
    sizes = [other] * ndim
    for axis, size in zip(axes, _given_integers(value, len(axes), name), strict=True):
        sizes[axis] = min(at_least(size, 1, name), _LONGEST)
    return tuple(sizes)


def _given_integers(value: Any, count: int, name: str) -> Sequence[Any]:
    """Return `count` values from one or as many; they have not been looked at."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        if not (isinstance(value, np.ndarray) and value.ndim == 0):
            given = tuple(value)
            if len(given) != count:
                raise ValueError(
                    f"{name} must be an integer or one integer for each of {count} axes, "
                    f"found {len(given)}: {given}"
                )
            return given
        value = value[()]
    return (value,) * count


def origins(
    value: Any, sizes: tuple[int, ...], axes: tuple[int, ...], name: str = "origin"
) -> tuple[int, ...]:
    """Return the origin of a box along each axis: the box holds the sample it belongs to."""
    result = [0] * len(sizes)
    for axis, given in zip(axes, _given_integers(value, len(axes), name), strict=True):
        origin = integer(given, name)
        low, high = -(sizes[axis] // 2), (sizes[axis] - 1) // 2
        if not low <= origin <= high:
            raise ValueError(
                f"{name} {origin} along axis {axis} puts the box of size {sizes[axis]} beside its "
                f"own sample; expected {low} to {high}"
            )
        result[axis] = origin
    return tuple(result)


def padded_volume(sizes: tuple[int, ...], what: str) -> None:
    """Refuse boxes that reach beyond the image, if their samples could not be counted."""
    volume = math.prod(sizes)
    if volume > _LARGEST_VOLUME:
        raise ValueError(
            f"{what} {sizes} makes boxes of {volume} samples, more than {_LARGEST_VOLUME}"
        )


def truth(value: Any, name: str) -> bool:
    """Return `value` as a bool, if it is one."""
    if _is_bool(value):
        return bool(value)
    raise TypeError(f"{name} must be True or False, found {value!r} ({type(value).__name__})")


def choice(value: Any, known: tuple[str, ...], name: str) -> str:
    """Return `value` if it is one of the known words."""
    if isinstance(value, str):
        if value in known:
            return value
        raise ValueError(f"unknown {name} {value!r}; {did_you_mean(value, known)}")
    raise TypeError(
        f"{name} must be one of {', '.join(map(repr, known))}, found {type(value).__name__}"
    )


def output_dtype(dtype: Any, name: str = "dtype") -> np.dtype[Any]:
    """Return a dtype that results can be cast to, in native byte order."""
    try:
        result: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        raise TypeError(
            f"unknown {name} {dtype!r}; {did_you_mean(dtype, ACCEPTED_DTYPES)}"
        ) from None
    if result.num not in ACCEPTED_DTYPE_NUMBERS:
        raise TypeError(
            f"{name} {result} is not supported; accepted are {', '.join(ACCEPTED_DTYPES)}"
        )
    return result.newbyteorder("=")


def broadcast(array: Array, shape: tuple[int, ...], name: str, image: str = "image") -> Array:
    """Return a view of `array` with the image's shape."""
    if array.shape == shape:
        return array
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(
            f"{name} of shape {array.shape} does not broadcast to the {image} of shape {shape}"
        ) from None


def where_array(where: Any, shape: tuple[int, ...], image: str = "image") -> Array:
    """Return a bool view with the image's shape."""
    if isinstance(where, np.ma.MaskedArray):
        raise TypeError("where must be a plain bool array, found a masked array")
    in_memory(where, "where")
    array = np.asarray(where)
    if array.dtype != np.bool_:
        raise TypeError(
            f"where must be a bool array (True where a sample counts), found dtype {array.dtype}; "
            "compare first, as in where=(mask != 0)"
        )
    return broadcast(array, shape, "where", image)


def weights_array(weights: Any, shape: tuple[int, ...], image: str = "image") -> Array:
    """Return a real view with the image's shape; its values are checked elsewhere."""
    array, mask = image_array(weights, "weights")
    if mask is not None and mask.any():
        raise ValueError("weights must not be masked; give masked samples the weight 0")
    return broadcast(array, shape, "weights", image)


def real(value: Any, name: str) -> float:
    """Return `value` as a float."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if _is_bool(value) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a real number, found {value!r} ({type(value).__name__})")
    return float(value)


def degrees_of_freedom(ddof: Any) -> float:
    """Return `ddof` as a finite float that is not negative."""
    number = real(ddof, "ddof")
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"ddof must be a finite number of at least 0, found {ddof!r}")
    return number


def scalar_of(value: Any, dtype: np.dtype[Any], name: str) -> Any:
    """Return `value` as a scalar of `dtype`, exactly as given; refuse what does not fit."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)):
        raise TypeError(f"{name} must be a real number, found {value!r} ({type(value).__name__})")
    if dtype.kind == "f":
        return _float_scalar(value, dtype, name)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if isinstance(value, (float, np.floating)) and not float(value).is_integer():
        raise ValueError(f"{name} {value!r} does not fit dtype {dtype}, which holds integers only")
    number = int(value)
    if not low <= number <= high:
        raise ValueError(
            f"{name} {value!r} does not fit dtype {dtype}, which holds {low} to {high}"
        )
    return dtype.type(number)


def _float_scalar(value: Any, dtype: np.dtype[Any], name: str) -> Any:
    try:
        with np.errstate(over="ignore"):
            scalar = dtype.type(value)
            overflows = bool(np.isinf(scalar)) and not math.isinf(value)
    except OverflowError:
        overflows = True
    if overflows:
        raise ValueError(
            f"{name} {value!r:.40} does not fit dtype {dtype}, which holds up to "
            f"{np.finfo(dtype).max:.6g}"
        )
    return scalar


def is_nan(value: Any) -> bool:
    """Tell whether a scalar is NaN."""
    try:
        return math.isnan(value)
    except (TypeError, ValueError, OverflowError):
        return False


def check_output(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any] | None, name: str) -> Array:
    """Return `out` if a result of this shape (and dtype, if one was asked for) can go there."""
    if type(out) is not np.ndarray:
        raise TypeError(f"{name} must be a numpy.ndarray, found {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"{name} has shape {out.shape}, the result has shape {shape}")
    if out.dtype.num not in ACCEPTED_DTYPE_NUMBERS:
        refuse_dtype(out.dtype, name)
    if dtype is not None and out.dtype.newbyteorder("=") != dtype:
        raise ValueError(f"{name} has dtype {out.dtype}, but dtype={dtype} was asked for")
    if not out.flags.writeable:
        raise ValueError(f"{name} is read-only")
    if out.size and any(
        stride == 0 and length > 1 for stride, length in zip(out.strides, out.shape, strict=True)
    ):
        raise ValueError(f"{name} has elements that share memory (a broadcast array?)")
    return out
