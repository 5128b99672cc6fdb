"""`RegionStats` as plain arrays and numbers, which a pickle keeps and a cluster can send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from boxel import _core
from boxel import _region_calls as calls
from boxel._registry import ACCEPTED_DTYPES, MERGEABLE

__all__ = ["Contents", "empty_table", "packed", "unpacked"]

_FORMAT = "boxel.RegionStats"
_VERSION = 1


class Contents(NamedTuple):
    """What `RegionStats` consist of."""

    statistics: tuple[str, ...] | None
    background: int | None
    channel_axis: Any
    skipna: bool
    names: tuple[str, ...]
    known: tuple[np.dtype[Any], tuple[int, ...], bool] | None
    ndim: int
    table: _core._RegionTable | None


def empty_table(contents: Contents) -> _core._RegionTable:
    """Return a table without regions for the kind of image of these contents."""
    assert contents.known is not None
    dtype, trailing, weighted = contents.known
    shape = (0,) * contents.ndim
    image = np.empty(shape + trailing, dtype)
    pixels = calls.Pixels(
        np.empty(shape, np.int64), image, None, None, image if weighted else None, None, None
    )
    return calls.new_table(
        pixels, contents.names, contents.background, dense_span=calls.TILES_SPAN,
        geometry=calls.has_geometry(contents.names),
    )  # fmt: skip


def packed(contents: Contents) -> dict[str, Any]:
    """Return plain values and arrays."""
    header = {"format": _FORMAT, "version": _VERSION, **contents._asdict(), "table": None}
    if contents.known is not None:
        dtype, trailing, weighted = contents.known
        header["known"] = (dtype.name, trailing, weighted)
    rows = () if contents.table is None else contents.table.rows()
    return {"header": header, "rows": rows}


def unpacked(pickled: Mapping[str, Any]) -> Contents:
    """Return the contents of a pickle; a ValueError where its parts do not belong together."""
    try:
        header, rows = dict(pickled["header"]), pickled["rows"]
        if header.pop("format") != _FORMAT:
            raise ValueError("expected the format of RegionStats, found another")
        version = header.pop("version")
        if version != _VERSION:
            raise ValueError(
                f"expected version {_VERSION} of RegionStats, found {version!r}: they come from "
                "another version of boxel"
            )
        contents = _checked(Contents(**header))
        if contents.known is None:
            return contents
        table = empty_table(contents)
        table.restore(*rows)
        return contents._replace(table=table)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            "expected whole RegionStats, found parts missing or of another type"
        ) from error


def _checked(contents: Contents) -> Contents:
    """Return contents with a dtype; refuse what no RegionStats has."""
    for name in (*contents.names, *(contents.statistics or ())):
        if name not in MERGEABLE and name not in calls.GEOMETRY:
            raise ValueError(f"expected statistics that merge, found {name!r}")
    calls.background_label(contents.background)
    if contents.known is None:
        return contents
    dtype, trailing, weighted = contents.known
    if dtype not in ACCEPTED_DTYPES or min(trailing, default=0) < 0 or not contents.names:
        raise ValueError(f"expected a dtype and channels, found {dtype!r} and {trailing!r}")
    if not 0 <= contents.ndim <= 64:
        raise ValueError(f"expected a number of axes, found {contents.ndim!r}")
    known = (np.dtype(dtype), tuple(map(int, trailing)), bool(weighted))
    return contents._replace(known=known)
