"""`RunningStats` as plain arrays and numbers, and their file.

A file is an ``.npz`` archive: a header in JSON, and one array for each row of the state. Rows go by
their names, so that later versions can read what this one wrote.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from boxel._registry import ACCEPTED_DTYPES
from boxel.files import replacing
from boxel.running.state import Array, Counting, Layout, Spec, State

__all__ = ["Contents", "packed", "read", "unpacked", "write"]

_FORMAT = "boxel.RunningStats"
_VERSION = 1
_HEADER = "header"


class Contents(NamedTuple):
    """What `RunningStats` consist of."""

    spec: Spec
    skipna: bool
    shape: tuple[int, ...] | None
    state: State | None


def packed(contents: Contents) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return a header of plain values, and the rows by name."""
    spec, state = contents.spec, contents.state
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "dtype": spec.dtype.name,
        "moments": spec.moments,
        "extremes": spec.extremes,
        "skipna": contents.skipna,
        "shape": None if contents.shape is None else list(contents.shape),
        "state": None,
    }
    if state is None:
        return header, {}
    header["state"] = {
        "order": list(state.layout.order),
        "counting": state.counting.name.lower(),
        "taken": state.taken,
    }
    return header, dict(state.named_rows())


def unpacked(header: Mapping[str, Any], rows: Mapping[str, Array]) -> Contents:
    """Return the contents of a header and rows; a ValueError where they do not belong together."""
    if header.get("format") != _FORMAT:
        raise ValueError("expected the format of RunningStats, found another")
    if header.get("version") != _VERSION:
        raise ValueError(
            f"expected version {_VERSION} of the format, found {header.get('version')!r}: it was "
            "written by another version of boxel"
        )
    try:
        spec = _spec_of(header)
        shape = None if header["shape"] is None else tuple(map(int, header["shape"]))
        state = None if header["state"] is None else _state_of(spec, shape, header["state"], rows)
        return Contents(spec, bool(header["skipna"]), shape, state)
    except (KeyError, TypeError) as error:
        raise ValueError(f"expected a whole header, found none of {error}") from error


def _spec_of(header: Mapping[str, Any]) -> Spec:
    if header["dtype"] not in ACCEPTED_DTYPES or header["moments"] not in (1, 2, 3, 4):
        raise ValueError(f"unknown dtype or moments: {header['dtype']}, {header['moments']}")
    return Spec(np.dtype(header["dtype"]), int(header["moments"]), bool(header["extremes"]))


def _state_of(
    spec: Spec, shape: tuple[int, ...] | None, header: Mapping[str, Any], rows: Mapping[str, Array]
) -> State:
    order = tuple(map(int, header["order"]))
    if shape is None or min(shape, default=0) < 0 or sorted(order) != list(range(len(shape))):
        raise ValueError(f"expected an order of the axes of {shape}, found {order}")
    taken = int(header["taken"])
    if taken < 0:
        raise ValueError(f"expected a number of samples, found {taken}")
    counting = Counting[header["counting"].upper()]
    voxels = math.prod(shape)
    states = []
    for dtype, names in spec.rows(counting):
        for name in names:
            _check_row(name, rows[name], dtype, voxels)
        states.append(np.stack([rows[name].astype(dtype, copy=False) for name in names]))
    state = State(spec, Layout(shape, order), counting, states, 0)
    state.taken = taken
    return state


def _check_row(name: str, row: Array, dtype: str, voxels: int) -> None:
    if row.dtype.newbyteorder("=") != np.dtype(dtype) or row.shape != (voxels,):
        raise ValueError(
            f"expected {voxels} values of {dtype} as {name!r}, found {row.dtype} of shape "
            f"{row.shape}"
        )


def write(
    path: str | os.PathLike[str], contents: Contents, notes: Mapping[str, Any] | None = None
) -> None:
    """Write a file that appears complete or not at all; `notes` are kept beside the contents."""
    header, rows = packed(contents)
    text = json.dumps({**header, "notes": dict(notes or {})})
    encoded = np.frombuffer(text.encode(), np.uint8)
    with replacing(path) as stream:
        np.savez(stream, allow_pickle=False, **{_HEADER: encoded}, **rows)


def _refuse_compressed(stream: BinaryIO) -> None:
    """Refuse what may unfold into far more than the file: `write` compresses nothing."""
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"expected plain members, found {member.filename} compressed")
    stream.seek(0)


def read(path: str | os.PathLike[str]) -> tuple[Contents, dict[str, Any]]:
    """Read a file that `write` wrote: contents and notes."""
    path = Path(path)
    with path.open("rb") as stream:
        try:
            _refuse_compressed(stream)
            # Every array is read whole, which compares its checksum.
            with np.load(stream, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            header = json.loads(arrays.pop(_HEADER).tobytes())
            return unpacked(header, arrays), dict(header["notes"])
        except (
            KeyError, TypeError, AttributeError, ValueError, EOFError, OSError, zipfile.BadZipFile,
            zlib.error, NotImplementedError, MemoryError, OverflowError, SyntaxError,
        ) as error:  # fmt: skip
            raise ValueError(
                f"{path} is not a complete file of RunningStats ({error or type(error).__name__})"
            ) from error
