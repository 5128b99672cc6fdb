"""Parts of chunked arrays: which pieces of which chunks a task reads, and what they make up.

A task names the region of an array that it needs, as ranges along each axis. Of chunks that lie
wholly or for the most part in it, the task gets the chunk; of others only the strip in question
travels, cut off by a task of its own where the chunk is.
"""

from __future__ import annotations

import itertools
import math
import operator
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from boxel._calls import Array, empty_like
from boxel._extras import require

__all__ = [
    "Part",
    "Pieces",
    "Range",
    "Ranges",
    "Source",
    "Strips",
    "da",
    "is_dask",
    "part_of",
    "pieces_of",
    "wholes_of",
]

if TYPE_CHECKING:
    import dask.array as da
else:
    da = require("dask.array", extra="dask")

Range: TypeAlias = tuple[int, int]
_Placed: TypeAlias = tuple[Array, tuple[slice, ...]]
"""A piece, and where it goes."""

Ranges: TypeAlias = tuple[Range, ...]
"""What is read along an axis, one range after another."""


def is_dask(value: Any) -> bool:
    """Tell whether a value is a dask array."""
    return isinstance(value, da.Array)


@dataclass(frozen=True)
class Part:
    """How the arrays that a task gets make up what it reads of one source."""

    lengths: tuple[tuple[int, ...], ...]
    """Of the pieces along each axis of the source."""

    cuts: tuple[tuple[slice, ...] | None, ...]
    """What to take of each array, in C order of the pieces; None is all."""

    repeated: tuple[bool, ...]
    """Where one sample stands for a whole axis of the image."""

    def pieces(self, arrays: Sequence[Array]) -> Pieces:
        """Return the pieces of the arrays."""
        cut = [
            array if cut is None else array[cut]
            for array, cut in zip(arrays, self.cuts, strict=True)
        ]
        if len(cut) > 1:
            ends = [list(itertools.accumulate(each, initial=0)) for each in self.lengths]
            starts = itertools.product(*[each[:-1] for each in ends])
            one = _seen_as_one(
                tuple([each[-1] for each in ends]), list(zip(cut, starts, strict=True))
            )
            if one is not None:
                return Pieces(tuple([(length,) for length in one.shape]), self.repeated, [one])
        return Pieces(self.lengths, self.repeated, cut)


class Pieces:
    """Arrays side by side, of which any part can be had as one array."""

    def __init__(
        self,
        lengths: tuple[tuple[int, ...], ...],
        repeated: tuple[bool, ...],
        arrays: Sequence[Array],
    ) -> None:
        self.lengths = lengths
        self._repeated = repeated
        self._ends = [list(itertools.accumulate(each)) for each in lengths]
        self._arrays = arrays

    @property
    def nbytes(self) -> int:
        """The bytes of all pieces."""
        return sum(array.nbytes for array in self._arrays)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all pieces together."""
        return tuple([ends[-1] for ends in self._ends])

    @property
    def are_one(self) -> bool:
        """Whether all pieces can be had without a copy."""
        return len(self._arrays) == 1

    def whole(self) -> Array:
        """Return all that there is."""
        return self._part([(0, ends[-1]) for ends in self._ends])

    def part(self, region: Sequence[Range]) -> Array:
        """Return the part within a range along each axis of the image: a view, if it can be."""
        own = region[len(region) - len(self._repeated) :]
        return self._part(
            [(0, 1) if one else each for each, one in zip(own, self._repeated, strict=True)]
        )

    def _part(self, region: Sequence[Range]) -> Array:
        steps = [list(_overlaps(*each)) for each in zip(self._ends, region, strict=True)]
        counts = [len(ends) for ends in self._ends]
        found: list[_Placed] = []
        for step in itertools.product(*steps):
            array = self._arrays[_flat([each.piece for each in step], counts)]
            place: Any = (..., *[each.inside for each in step])
            inside = array[place]
            found.append((inside, tuple([each.outside for each in step])))
        if len(found) == 1:
            return found[0][0]
        return _assembled(tuple([stop - start for start, stop in region]), found)


def pieces_of(parts: Sequence[Part | None], arrays: Sequence[Any]) -> list[Pieces | None]:
    """Return what a task reads of each source, None where there is no source."""
    return [
        None if part is None else part.pieces(each)
        for part, each in zip(parts, arrays, strict=True)
    ]


def wholes_of(parts: Sequence[Part | None], arrays: Sequence[Any]) -> list[Array | None]:
    """Return the same as one array for each source."""
    return [None if each is None else each.whole() for each in pieces_of(parts, arrays)]


def part_of(pieces: Pieces | None, region: Sequence[Range]) -> Array | None:
    """Return the part within a region of the image, None where there is no source."""
    return None if pieces is None else pieces.part(region)


def _flat(place: Sequence[int], counts: Sequence[int]) -> int:
    index = 0
    for each, count in zip(place, counts, strict=True):
        index = index * count + each
    return index


class _Overlap(NamedTuple):
    """A piece that a range overlaps."""

    piece: int
    inside: slice
    """Where they overlap, in the piece ..."""
    outside: slice
    """... and in the range."""


def _overlaps(ends: Sequence[int], region: Range) -> Iterator[_Overlap]:
    """Yield the pieces, which end at `ends`, that a range overlaps; of an empty range one."""
    start, stop = region
    if start == stop:
        yield _Overlap(0, slice(0, 0), slice(0, 0))
    piece = bisect_right(ends, start)
    at = start
    while at < stop:
        begin = ends[piece - 1] if piece else 0
        end = min(stop, ends[piece])
        if end > at:
            yield _Overlap(piece, slice(at - begin, end - begin), slice(at - start, end - start))
        at, piece = end, piece + 1


def _owner(array: Array) -> Any:
    """Return the array whose memory a view shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _seen_as_one(
    shape: tuple[int, ...], found: Sequence[tuple[Array, tuple[int, ...]]]
) -> Array | None:
    """Return a view of pieces that lie in one array as they do here; None if they do not.

    So do the chunks of an array in memory that was handed to dask: no copy is needed.
    """
    first = found[0][0]
    strides = list(first.strides)
    for array, _ in found:
        if type(array) is not np.ndarray or array.dtype != first.dtype or 0 in array.shape:
            return None
        if _owner(array) is not _owner(first):
            return None
        for axis, length in enumerate(array.shape):
            if length > first.shape[axis] == 1:
                strides[axis] = array.strides[axis]
    start = first.__array_interface__["data"][0]
    for array, place in found:
        offset = sum([each * stride for each, stride in zip(place, strides, strict=True)])
        alike = all(
            length == 1 or own == stride
            for length, own, stride in zip(array.shape, array.strides, strides, strict=True)
        )
        if not alike or array.__array_interface__["data"][0] != start + offset:
            return None
    return as_strided(first, shape, strides, writeable=False)


def _assembled(shape: tuple[int, ...], found: Sequence[tuple[Array, tuple[slice, ...]]]) -> Array:
    """Return arrays side by side as one; masked, if one of them is."""
    first = found[0][0]
    whole = empty_like(np.asarray(first), shape, first.dtype)
    mask = None
    for array, place in found:
        whole[place] = np.ma.getdata(array)
        hidden = np.ma.getmask(array)
        if hidden is not np.ma.nomask:
            mask = np.zeros(shape, bool) if mask is None else mask
            mask[place] = hidden
    return whole if mask is None else np.ma.MaskedArray(whole, mask)


class Strips:
    """The tasks that cut strips off chunks; each is cut once."""

    def __init__(self, name: str) -> None:
        self.name = f"{name}-strip"
        self.tasks: dict[Any, Any] = {}

    def key(self, chunk: tuple[Any, ...], cut: tuple[slice, ...]) -> tuple[Any, ...]:
        """Return the key of a strip of a chunk."""
        bounds = [number for each in cut for number in (each.start, each.stop)]
        key = (self.name, *chunk, *bounds)
        self.tasks[key] = (operator.itemgetter(cut), chunk)
        return key


class Source:
    """An array that broadcasts to the image, and whose chunks tasks read."""

    def __init__(self, array: Any, shape: tuple[int, ...], name: str, image: str = "image") -> None:
        self.array = array
        try:
            fits = np.broadcast_shapes(array.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"{name} of shape {array.shape} does not broadcast to the {image} of shape {shape}"
            )
        check_known(array, name)
        own = shape[len(shape) - array.ndim :]
        self._repeated = tuple(
            [length == 1 != full for length, full in zip(array.shape, own, strict=True)]
        )
        self._name = array.name
        self._chunks = array.chunks
        self._ends = [list(itertools.accumulate(each)) for each in array.chunks]

    def read(self, region: Sequence[Ranges], strips: Strips) -> tuple[Part, list[Any]]:
        """Return how to read a region of the image, and the keys of what holds it."""
        own = region[len(region) - self.array.ndim :]
        pieces = [
            list(self._along(axis, ((0, 1),) if one else ranges))
            for axis, (ranges, one) in enumerate(zip(own, self._repeated, strict=True))
        ]
        lengths = tuple([tuple([stop - start for _, start, stop in each]) for each in pieces])
        keys, cuts = [], []
        for place in itertools.product(*pieces):
            key, cut = self._piece(place, strips)
            keys.append(key)
            cuts.append(cut)
        return Part(lengths, tuple(cuts), self._repeated), keys

    def _along(self, axis: int, ranges: Ranges) -> Iterator[tuple[int, int, int]]:
        """Yield chunks along an axis, each with the first and the last that is read of it."""
        ends = self._ends[axis]
        for start, stop in ranges:
            for found in _overlaps(ends, (start, stop)):
                yield found.piece, found.inside.start, found.inside.stop

    def _piece(
        self, place: Sequence[tuple[int, int, int]], strips: Strips
    ) -> tuple[tuple[Any, ...], tuple[slice, ...] | None]:
        chunk = (self._name, *[index for index, _, _ in place])
        lengths = [axis[index] for axis, (index, _, _) in zip(self._chunks, place, strict=True)]
        taken = [stop - start for _, start, stop in place]
        if taken == lengths:
            return chunk, None
        cut = tuple([slice(start, stop) for _, start, stop in place])
        if 2 * math.prod(taken) > math.prod(lengths):
            return chunk, cut
        return strips.key(chunk, cut), None


def check_known(array: Any, name: str) -> None:
    """Refuse arrays that do not know how long their chunks are."""
    if any(length != length for chunks in array.chunks for length in chunks):
        raise ValueError(
            f"{name} has chunks of unknown size; call {name}.compute_chunk_sizes() first"
        )
