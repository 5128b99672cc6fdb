"""What the functions of regions share: labels, masks, and images whose leading axes they cover."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from boxel import _core
from boxel import _validate as check
from boxel._calls import Array, fill_bytes
from boxel._registry import ACCEPTED_DTYPE_NUMBERS, CODES, FILLABLE, MERGEABLE, result_dtype
from boxel._weights import checked_weights

GEOMETRY = ("bounding_box", "centroid")
"""What is known of a region without an image, besides its count."""

_LABEL_KINDS = "bui"
_DENSE_SPAN = (2**16, 2**26)

TILES_SPAN = 2**20
"""Of how many tiles there will be nothing is known: some megabytes for a dense table are little."""


class Pixels(NamedTuple):
    """Labels and what lies under them: the image has the labels' axes first, then its channels."""

    labels: Array
    image: Array | None
    masked: Array | None
    where: Array | None
    weights: Array | None
    counted: Array | None
    left_out: Array | None

    @property
    def trailing(self) -> tuple[int, ...]:
        """The shape of the channels."""
        return () if self.image is None else self.image.shape[self.labels.ndim :]

    @property
    def channels(self) -> int:
        """The number of channels, 1 where there is no axis for them."""
        return math.prod(self.trailing)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the image in the machine's byte order, bool without one."""
        if self.image is None:
            return np.dtype(bool)
        dtype = self.image.dtype
        return dtype if dtype.isnative else dtype.newbyteorder("=")


def label_array(labels: Any) -> tuple[Array, Array | None]:
    """Return an array of integer labels and the mask that came with it (True: left out)."""
    array, mask = check.image_array(labels, "labels")
    if array.dtype.kind not in _LABEL_KINDS:
        raise TypeError(
            f"labels must be integers, found dtype {array.dtype}: floats lose the identity of "
            "labels beyond 2**53. Where they are whole numbers, pass labels.astype(np.int64)"
        )
    return array, mask


def mask_array(mask: Any) -> Array:
    """Return a bool mask from a bool array, or from integers that are 0 and 1 or 0 and 255."""
    if isinstance(mask, np.ma.MaskedArray):
        raise TypeError("mask must be a plain array, found a masked array")
    check.in_memory(mask, "mask")
    array = np.asarray(mask)
    if array.dtype.kind == "b":
        return array
    if array.dtype.num not in ACCEPTED_DTYPE_NUMBERS or array.dtype.kind not in "iu":
        raise TypeError(
            "mask must be bool (True where a pixel counts), or integers that are 0 and 1 or 0 and "
            f"255; found dtype {array.dtype}. Compare first, as in mask=(mask > 0.5)"
        )
    if array.size:
        _check_mask_values(array)
    # Of no axes, a comparison is a scalar and no array.
    return np.asarray(array != 0)


def _check_mask_values(mask: Array) -> None:
    low, high = int(mask.min()), int(mask.max())
    if low >= 0 and high < 2:
        return
    if low >= 0 and high == 255 and np.count_nonzero(mask) == np.count_nonzero(mask == 255):
        return
    found = ", ".join(map(str, np.unique(mask)[:5].tolist()))
    raise ValueError(
        f"mask holds the values {found}; integer masks are 0 and 1 or 0 and 255. For regions with "
        "labels use label_stats"
    )


def pixels_of(
    labels: Array,
    image: Any,
    *,
    what: str,
    label_mask: Array | None = None,
    channel_axis: Any = None,
    where: Any = None,
    weights: Any = None,
    names: Sequence[str] = (),
    workers: int | None = None,
) -> Pixels:
    """Check the arrays of a call against each other; `what` is what the labels are called."""
    if image is None:
        return _without_image(labels, label_mask, channel_axis, where, weights)
    array, masked = check.image_array(image)
    shape = array.shape
    channels = _channel_axes(channel_axis, array.ndim)
    moved = _channels_last(array, channels)
    check_shapes(labels.shape, moved.shape, shape, channels, what)
    counted, per_sample = None, None
    if where is not None:
        if np.shape(where) == labels.shape:
            counted = check.where_array(where, labels.shape)
        else:
            per_sample = _channels_last(check.where_array(where, shape), channels)
    if weights is not None:
        if np.shape(weights) == labels.shape != moved.shape:
            added = (1,) * (moved.ndim - labels.ndim)
            weights = np.reshape(weights, labels.shape + added)
            weights = checked_weights(weights, moved.shape, names, workers)
        else:
            weights = _channels_last(checked_weights(weights, shape, names, workers), channels)
    return Pixels(
        labels,
        moved,
        None if masked is None else _channels_last(masked, channels),
        per_sample,
        weights,
        counted,
        label_mask,
    )


def _without_image(
    labels: Array, label_mask: Array | None, channel_axis: Any, where: Any, weights: Any
) -> Pixels:
    for name, value in (("channel_axis", channel_axis), ("weights", weights)):
        if value is not None:
            raise ValueError(f"{name} has no meaning without an image")
    counted = None if where is None else check.where_array(where, labels.shape, "labels")
    return Pixels(labels, None, None, None, None, counted, label_mask)


def _channel_axes(channel_axis: Any, ndim: int) -> tuple[int, ...]:
    if channel_axis is None:
        return ()
    given = channel_axis if isinstance(channel_axis, Iterable) else (channel_axis,)
    return check.axis_tuple(given, ndim, "channel_axis")


def _channels_last(array: Array, channels: tuple[int, ...]) -> Array:
    if not channels:
        return array
    return np.moveaxis(array, channels, range(array.ndim - len(channels), array.ndim))


def check_shapes(
    covered: tuple[int, ...],
    moved: tuple[int, ...],
    shape: tuple[int, ...],
    channels: tuple[int, ...],
    what: str,
) -> None:
    """Refuse labels that do not cover the leading axes of the image."""
    leading = moved[: len(moved) - len(channels)] if channels else moved[: len(covered)]
    if covered == leading:
        return
    given = f" with channel_axis={channels[0] if len(channels) == 1 else channels}"
    raise ValueError(
        f"{what} of shape {covered} does not cover the leading axes of the image of shape {shape}"
        f"{given if channels else ''}{_likely_fix(covered, moved, channels, what)}"
    )


def _likely_fix(
    covered: tuple[int, ...], moved: tuple[int, ...], channels: tuple[int, ...], what: str
) -> str:
    pixels = moved[: len(moved) - len(channels)]
    if len(covered) > 1 and covered[::-1] == pixels[: len(covered)]:
        return f"; it looks transposed: pass {what}.T"
    own_channels = len(covered) > 1 and covered[:-1] == pixels[: len(covered) - 1]
    if own_channels and (channels or covered[-1] in (1, 3, 4)):
        return f"; it has an axis of channels itself: pass {what}[..., 0]"
    if not channels and covered == moved[1:]:
        return "; the channels seem to come first: pass channel_axis=0"
    return ""


def has_geometry(names: Sequence[str]) -> bool:
    """Tell whether a name asks where the pixels of regions lie."""
    return any(name in GEOMETRY for name in names)


def dense_span_of(pixels: int) -> int:
    """Return how far apart labels of so many pixels may lie to be found without a hash table."""
    return min(max(pixels, _DENSE_SPAN[0]), _DENSE_SPAN[1])


def new_table(
    pixels: Pixels,
    names: Sequence[str],
    background: int | None,
    *,
    geometry: bool,
    dense_span: int | None = None,
) -> _core._RegionTable:
    """Return a table for regions of such pixels; it always counts.

    Labels within `dense_span` of each other are found without a hash table; default as many as
    there are pixels.
    """
    if dense_span is None:
        dense_span = dense_span_of(pixels.labels.size)
    codes = dict.fromkeys([CODES["count"], *(CODES[name] for name in names if name in MERGEABLE)])
    return _core._RegionTable(
        tuple(codes), pixels.dtype, pixels.weights is not None, pixels.channels,
        pixels.labels.ndim if geometry else 0, background, dense_span,
    )  # fmt: skip


def take(
    table: _core._RegionTable,
    pixels: Pixels,
    *,
    skipna: bool,
    origin: tuple[int, ...] = (),
    workers: int,
    is_mask: bool = False,
    ends_piece: bool | None = None,
) -> None:
    """Take pixels into a table; the labels of a mask are bool.

    `ends_piece`: they are a part of a piece of an image, in whole chunks, or the end of it (see
    `_core.region_pieces`).
    """
    table.update(
        pixels.labels, pixels.image, pixels.where, pixels.masked, pixels.weights, pixels.counted,
        pixels.left_out, skipna, origin, workers, is_mask, ends_piece,
    )  # fmt: skip


def _outputs(
    names: Sequence[str],
    rows: int,
    channels: int,
    dtype: np.dtype[Any],
    weighted: bool,
    fill_value: Any,
) -> tuple[tuple[int, ...], tuple[Array, ...], tuple[bytes | None, ...]]:
    codes = tuple([CODES[name] for name in names])
    dtypes = [result_dtype(code, dtype, weighted) for code in codes]
    return (
        codes,
        tuple([np.empty((rows, channels), each) for each in dtypes]),
        tuple(
            [
                fill_bytes(fill_value, each) if name in FILLABLE else None
                for name, each in zip(names, dtypes, strict=True)
            ]
        ),
    )


def columns(
    table: _core._RegionTable,
    labels: Array,
    names: Sequence[str],
    pixels: tuple[np.dtype[Any], tuple[int, ...], bool],
    *,
    ddof: float,
    fill_value: Any,
    describe: str = "region",
) -> dict[str, Array]:
    """Return what a table says of each label, for statistics whose states merge.

    `pixels` are the dtype of the image, the shape of its channels, and whether it is weighted.
    """
    dtype, trailing, weighted = pixels
    names = list(dict.fromkeys(["count", *names]))
    rows = len(labels)
    codes, outputs, fills = _outputs(names, rows, math.prod(trailing), dtype, weighted, fill_value)
    table.write(labels, codes[:1], outputs[:1], fills[:1], 0.0)
    check_filled(names, outputs, fills, outputs[0], labels, describe)
    table.write(labels, codes[1:], outputs[1:], fills[1:], ddof)
    return {
        name: output.reshape(rows, *trailing) for name, output in zip(names, outputs, strict=True)
    }


def check_filled(
    names: Sequence[str],
    outputs: Sequence[Array],
    fills: Sequence[bytes | None],
    counts: Array,
    labels: Array,
    describe: str,
) -> None:
    """Refuse statistics that have no value for a region without samples, nor a fill."""
    if counts.all():
        return
    for name, output, fill in zip(names, outputs, fills, strict=True):
        if name in FILLABLE and name != "sum" and fill is None:
            empty = int(np.argmin(counts.all(axis=1)))
            found = f"{describe} {labels[empty]}" if describe == "region" else describe
            raise ValueError(
                f"statistic {name!r} has no value for {found}, which holds no sample that counts, "
                f"and {output.dtype} cannot hold NaN; pass fill_value="
            )


def selected(
    pixels: Pixels,
    labels: Array,
    names: Sequence[str],
    counts: Array,
    *,
    skipna: bool,
    fill_value: Any,
    workers: int,
    describe: str = "region",
) -> dict[str, Array]:
    """Return statistics that need all samples of a region at once."""
    rows = len(labels)
    codes, outputs, fills = _outputs(names, rows, pixels.channels, pixels.dtype, False, fill_value)
    counts = counts.reshape(rows, pixels.channels)
    check_filled(names, outputs, fills, counts, labels, describe)
    _core.select_regions(
        pixels.labels, pixels.image, pixels.where, pixels.masked, pixels.counted, pixels.left_out,
        skipna, workers, labels, codes, outputs, fills,
    )  # fmt: skip
    return {
        name: output.reshape(rows, *pixels.trailing)
        for name, output in zip(names, outputs, strict=True)
    }


def geometry_columns(
    table: _core._RegionTable, labels: Array, ndim: int, spacing: tuple[float, ...] | None
) -> tuple[Array, dict[str, Array]]:
    """Return the number of pixels of each label, and where they lie."""
    if ndim == 0:
        raise ValueError("labels of zero dimensions have no bounding box and no centroid")
    counts, lows, highs, centroids = table.geometry(labels)
    if spacing is not None:
        centroids *= spacing
    return counts, {
        "bounding_box": np.concatenate([lows, highs], axis=1),
        "centroid": centroids,
    }


def spacing_of(spacing: Any, ndim: int) -> tuple[float, ...] | None:
    """Return the distance of pixels along each axis."""
    if spacing is None:
        return None
    given = tuple(spacing) if isinstance(spacing, Iterable) else (spacing,) * ndim
    numbers = tuple([check.real(each, "spacing") for each in given])
    if len(numbers) != ndim:
        raise ValueError(
            f"spacing must be a number or one for each of {ndim} axes, found {len(numbers)}"
        )
    if not all(math.isfinite(each) and each > 0 for each in numbers):
        raise ValueError(f"spacing must be positive and finite, found {spacing!r}")
    return numbers


def index_array(index: Any) -> Array:
    """Return the labels that are asked for as int64 or uint64, in the order given."""
    check.in_memory(index, "index")
    array = np.asarray(index)
    if array.size == 0 and array.dtype.kind == "f":
        array = array.astype(np.int64)  # an empty list
    if array.dtype.kind not in _LABEL_KINDS:
        raise TypeError(f"index must hold integer labels, found dtype {array.dtype}")
    if array.ndim > 1:
        raise ValueError(f"index must be one label or a sequence, found shape {array.shape}")
    wide = np.uint64 if array.dtype.kind == "u" and array.dtype.itemsize == 8 else np.int64
    return np.atleast_1d(array).astype(wide, order="C")


def background_label(background: Any) -> int | None:
    """Return the label that is no region."""
    if background is None:
        return None
    number = check.integer(background, "background")
    if not -(2**63) <= number < 2**64:
        refuse_background(number)
    return number


def refuse_background(number: int) -> NoReturn:
    """Raise for a background that no label can be."""
    raise ValueError(f"background must fit int64 or uint64, found {number}")
