"""`RunningStats`: statistics of every voxel over samples that come one by one."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from boxel import _validate as check
from boxel._config import get_workers
from boxel.running import intake, storage
from boxel.running.readings import standard_error, standardised_moment
from boxel.running.state import Array, Counting, Layout, Samples, Spec, State

__all__ = ["RunningStats"]

_MEGABYTE = 1 << 20


class RunningStats:
    """Mean, variance and more of each voxel, over samples that need not be kept.

    Samples come one at a time (`update`) or many (`update_many`), in any dtype and memory layout;
    what is kept is a few numbers for each voxel, however many samples there are. Statistics of
    parts merge into those of the whole.

    Parameters
    ----------
    shape : tuple of int, optional
        The shape of a sample. Default: that of the first one.
    moments : {1, 2, 3, 4}, default 2
        The highest moment to keep: mean, variance, skewness, kurtosis.
    dtype : dtype, default float64
        The dtype that every sample casts to without loss, in NumPy's sense (``np.can_cast``); every
        dtype does to float64. An integer dtype makes sums exact: with `moments` up to 2, mean and
        variance are rounded once, the same bits in whatever order and parts the samples came. With
        float16 or float32, results are float32; floats are always accumulated in float64.
    skipna : bool, default False
        Leave NaN out. Otherwise a NaN makes the results of its voxel NaN.
    extremes : bool, default False
        Keep the minimum and the maximum, too.

    Attributes
    ----------
    count : int or ndarray of int64
        The number of samples: one number as long as all voxels have had the same, that is without
        `where`, masked arrays, weights and skipna; else one for each voxel.
    mean : ndarray
    min, max : ndarray
    shape, moments, dtype, skipna, extremes
        As given; `shape` is None until it is known.
    nbytes : int
        The memory that the statistics take.

    Notes
    -----
    Means and variances are updated and merged by differences (Chan, Golub and LeVeque, 1979; West,
    1979, with weights; Pebay, 2008, for the higher moments): a variance is never negative, exactly
    0 for constant samples, and right at any offset. An infinity makes the mean of its voxel
    infinite and the variance NaN. More than 2^53 samples are not told apart.

    With moments 3 and 4, or weights, integers are taken as float64, too: their third powers would
    not fit 64 bits.

    Weights are reliabilities: the variance is ``M2 / (W - ddof * W2 / W)``, with W the sum of the
    weights and W2 that of their squares; they do not count samples.

    Updates and readings may come from several threads: each waits for the one before.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> stats = bx.RunningStats()
    >>> for sample in ([1.0, 10.0], [2.0, 10.0], [6.0, 10.0]):
    ...     stats.update(sample)
    RunningStats(shape=(2,), count=1, moments=2, dtype=float64, 48 bytes)
    RunningStats(shape=(2,), count=2, moments=2, dtype=float64, 48 bytes)
    RunningStats(shape=(2,), count=3, moments=2, dtype=float64, 48 bytes)
    >>> stats.mean, stats.var(ddof=1)
    (array([ 3., 10.]), array([7., 0.]))
    """

    def __init__(
        self,
        shape: int | Sequence[int] | None = None,
        *,
        moments: int = 2,
        dtype: npt.DTypeLike = "float64",
        skipna: bool = False,
        extremes: bool = False,
    ) -> None:
        power = check.integer(moments, "moments")
        if not 1 <= power <= 4:
            raise ValueError(f"moments must be 1, 2, 3 or 4, found {power}")
        kept = check.output_dtype(dtype)
        self._spec = Spec(kept, power, check.truth(extremes, "extremes"))
        self._skipna = check.truth(skipna, "skipna")
        self._shape = None if shape is None else _shape_of(shape)
        self._state: State | None = None
        self._lock = threading.Lock()

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of a sample, None until it is known."""
        return self._shape

    @property
    def moments(self) -> int:
        """The highest moment that is kept."""
        return self._spec.moments

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that samples cast to."""
        return self._spec.dtype

    @property
    def skipna(self) -> bool:
        """Whether NaN is left out."""
        return self._skipna

    @property
    def extremes(self) -> bool:
        """Whether minimum and maximum are kept."""
        return self._spec.extremes

    @property
    def nbytes(self) -> int:
        """The memory that the statistics take, in bytes."""
        return 0 if self._state is None else self._state.nbytes

    def update(
        self,
        sample: npt.ArrayLike,
        *,
        where: npt.ArrayLike | None = None,
        weights: npt.ArrayLike | None = None,
    ) -> RunningStats:
        """Take in one sample of every voxel.

        Parameters
        ----------
        sample : array_like
            Of the shape of all others. What a masked array masks is left out.
        where : array_like of bool, optional
            True where the sample counts; broadcast to it.
        weights : array_like, optional
            How much the sample counts, finite and not negative; a number, or broadcast to the
            sample. What has the weight 0 is left out.

        Returns
        -------
        RunningStats
            This object.

        Raises
        ------
        ValueError, TypeError
            If the sample does not fit; the statistics are then as before.
        """
        array, mask = check.image_array(sample, "sample")
        self._check_shape(array.shape, "sample")
        self._take(intake.one_sample(array, mask, where, weights))
        return self

    def update_many(
        self,
        stack: npt.ArrayLike,
        *,
        axis: int = 0,
        where: npt.ArrayLike | None = None,
        weights: npt.ArrayLike | None = None,
    ) -> RunningStats:
        """Take in the samples that lie along an axis of a stack.

        That is faster than one at a time, because the statistics are written once for many samples,
        and takes no more memory; the stack may be a memory-mapped file.

        Parameters
        ----------
        stack : array_like
            The samples. What a masked array masks is left out.
        axis : int, default 0
            The axis along which they lie.
        where : array_like of bool, optional
            True where a sample counts; broadcast to the stack.
        weights : array_like, optional
            As for `update`, broadcast to the stack; or one-dimensional, a weight for each sample.

        Returns
        -------
        RunningStats
            This object.

        Raises
        ------
        ValueError, TypeError
            If the stack does not fit; the statistics are then as before. Interrupted by Ctrl-C,
            they hold whole samples, and `count` says how many.
        """
        array, mask = check.image_array(stack, "stack")
        along = check.one_axis(axis, array.ndim, "axis")
        self._check_shape(array.shape[:along] + array.shape[along + 1 :], "a sample of the stack")
        self._take(intake.stacked_samples(array, mask, along, where, weights))
        return self

    def merge(self, other: RunningStats) -> RunningStats:
        """Merge in the statistics of other samples of the same voxels.

        Parameters
        ----------
        other : RunningStats
            With the same shape, moments, dtype, skipna and extremes; it is left as it is.

        Returns
        -------
        RunningStats
            This object, as if it had taken in the other's samples after its own (to rounding; to
            the bit where integers are summed exactly).

        Raises
        ------
        ValueError, TypeError
            If the two do not fit; nothing has changed then.
        """
        if not isinstance(other, RunningStats):
            raise TypeError(f"expected RunningStats to merge, found {type(other).__name__}")
        if other is self:
            other = self.copy()
        self._check_mergeable(other)
        first, second = sorted((self, other), key=id)
        with first._lock, second._lock:
            merged = other._state
            if merged is None or merged.taken == 0:
                self._shape = self._shape if self._shape is not None else other._shape
            elif self._state is None or self._state.taken == 0:
                self._state = merged.copy()
                self._shape = other._shape
            else:
                self._state.merge(merged, get_workers())
        return self

    def __add__(self, other: RunningStats) -> RunningStats:
        """Return the statistics of both."""
        if not isinstance(other, RunningStats):
            return NotImplemented
        return self.copy().merge(other)

    def __iadd__(self, other: RunningStats) -> RunningStats:
        """Merge in the statistics of other samples."""
        if not isinstance(other, RunningStats):
            return NotImplemented
        return self.merge(other)

    def copy(self) -> RunningStats:
        """Return statistics that share nothing with these.

        Returns
        -------
        RunningStats
        """
        with self._lock:
            return self._like(None if self._state is None else self._state.copy())

    def reset(self) -> RunningStats:
        """Forget all samples; the shape stays.

        Returns
        -------
        RunningStats
            This object.
        """
        with self._lock:
            self._state = None
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the statistics to a file, which `load` reads.

        The file appears complete or not at all. It is a ``.npz`` archive of plain arrays, whatever
        its name: nothing in it is ever executed.

        Parameters
        ----------
        path : path-like
            The file to create or replace.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        with self._lock:
            storage.write(
                path, storage.Contents(self._spec, self._skipna, self._shape, self._state)
            )

    @staticmethod
    def load(path: str | os.PathLike[str]) -> RunningStats:
        """Read statistics that `save` wrote.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        RunningStats
            With the same bits.

        Raises
        ------
        OSError
            If the file cannot be opened.
        ValueError
            If it is another file, is cut off or damaged, or comes from a later version.
        """
        return RunningStats.of_contents(storage.read(path)[0])

    @property
    def count(self) -> int | Array:
        """The number of samples, of all voxels or of each."""
        with self._lock:
            if self._state is None:
                return 0
            if self._state.counting is Counting.UNIFORM:
                return self._state.taken
            return self._state.counts(get_workers())

    @property
    def mean(self) -> Array:
        """The mean of each voxel; NaN where it has no sample."""
        with self._reading() as state:
            return state.finish("mean", self._spec.floating, get_workers())

    def var(self, ddof: float = 0) -> Array:
        """Return the variance of each voxel.

        Parameters
        ----------
        ddof : float, default 0
            Delta degrees of freedom: the divisor is ``count - ddof``, the variance NaN where that
            is not positive.

        Returns
        -------
        ndarray
            float64; float32 for samples of float16 and float32.

        Raises
        ------
        ValueError
            If ``moments=1``.
        """
        return self._spread("var", ddof)

    def std(self, ddof: float = 0) -> Array:
        """Return the standard deviation of each voxel, the root of `var`.

        Parameters
        ----------
        ddof : float, default 0
            As for `var`.

        Returns
        -------
        ndarray

        Raises
        ------
        ValueError
            If ``moments=1``.
        """
        return self._spread("std", ddof)

    def sem(self, ddof: float = 1) -> Array:
        """Return the standard error of each voxel's mean.

        Parameters
        ----------
        ddof : float, default 1
            As for `var`.

        Returns
        -------
        ndarray
            The standard deviation over the root of the number of samples; with weights, of
            ``W**2 / W2``, the number of equal weights that would say as much.

        Raises
        ------
        ValueError
            If ``moments=1``.
        """
        self._need(2, "sem")
        degrees = check.degrees_of_freedom(ddof)
        with self._reading() as state:
            return standard_error(state, degrees, get_workers())

    def skewness(self) -> Array:
        """Return the skewness of each voxel, ``m3 / m2**1.5`` with ``mk = Mk / count``.

        Returns
        -------
        ndarray
            NaN where all samples are equal, or there is none.

        Raises
        ------
        ValueError
            If `moments` is below 3.
        """
        self._need(3, "skewness")
        with self._reading() as state:
            return standardised_moment(state, 3)

    def kurtosis(self) -> Array:
        """Return the excess kurtosis of each voxel, ``m4 / m2**2 - 3`` with ``mk = Mk / count``.

        Returns
        -------
        ndarray
            0 for a normal distribution (Fisher's definition, SciPy's default); NaN where all
            samples are equal, or there is none.

        Raises
        ------
        ValueError
            If `moments` is below 4.
        """
        self._need(4, "kurtosis")
        with self._reading() as state:
            excess: Array = standardised_moment(state, 4) - self._spec.floating.type(3)
            return excess

    @property
    def min(self) -> Array:
        """The least sample of each voxel."""
        return self._extreme("min")

    @property
    def max(self) -> Array:
        """The greatest sample of each voxel."""
        return self._extreme("max")

    def __repr__(self) -> str:
        """Return the shape, the count and the memory."""
        count = self.count
        if isinstance(count, np.ndarray):
            least, most = (count.min(), count.max()) if count.size else (0, 0)
            text = str(least) if least == most else f"{least} to {most}"
        else:
            text = str(count)
        size = self.nbytes
        memory = f"{size} bytes" if size < _MEGABYTE else f"{size / _MEGABYTE:.1f} MiB"
        more = f"{', skipna' if self._skipna else ''}{', extremes' if self.extremes else ''}"
        return (
            f"RunningStats(shape={self._shape}, count={text}, moments={self.moments}, "
            f"dtype={self.dtype}{more}, {memory})"
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle keeps: plain arrays and numbers."""
        with self._lock:
            header, rows = storage.packed(self.contents())
            return {"header": header, "rows": {name: row.copy() for name, row in rows.items()}}

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        """Take over what a pickle kept."""
        self._adopt(storage.unpacked(pickled["header"], pickled["rows"]))

    def contents(self) -> storage.Contents:
        """Return what files keep of these statistics; not a copy."""
        return storage.Contents(self._spec, self._skipna, self._shape, self._state)

    @staticmethod
    def of_contents(contents: storage.Contents) -> RunningStats:
        """Return statistics with these contents."""
        made = RunningStats.__new__(RunningStats)
        made._adopt(contents)
        return made

    def _adopt(self, contents: storage.Contents) -> None:
        self._spec, self._skipna, self._shape, self._state = contents
        self._lock = threading.Lock()

    def _like(self, state: State | None) -> RunningStats:
        return RunningStats.of_contents(self.contents()._replace(state=state))

    def _check_shape(self, shape: tuple[int, ...], name: str) -> None:
        if self._shape is not None and shape != self._shape:
            raise ValueError(f"{name} has shape {shape}, the statistics have shape {self._shape}")

    def _check_mergeable(self, other: RunningStats) -> None:
        for name in ("moments", "dtype", "skipna", "extremes"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                raise ValueError(
                    f"statistics with {name}={ours} and {name}={theirs} do not merge: make both "
                    "alike"
                )
        if None not in (self._shape, other._shape) and self._shape != other._shape:
            raise ValueError(
                f"statistics of shapes {self._shape} and {other._shape} do not merge: they are "
                "of different voxels"
            )

    def _take(self, samples: Samples) -> None:
        spec = self._spec
        intake.check_castable(samples, spec)
        with self._lock:
            shape = samples.values.shape[1:]
            self._check_shape(shape, "sample")
            counting = intake.counting_of(samples, spec, self._skipna)
            if self._state is None:
                self._state = State.empty(spec, Layout.of_samples(samples.values), counting)
                self._shape = shape
            self._state.raise_to(counting)
            for part in intake.parts(samples):
                read = replace(part, values=intake.readable(part.values, spec))
                self._state.take(read, self._skipna, get_workers())

    @contextmanager
    def _reading(self) -> Iterator[State]:
        """Hand out the state while no update can change it."""
        with self._lock:
            if self._state is not None:
                yield self._state
            elif self._shape is not None:
                layout = Layout.of_shape(self._shape)
                yield State(self._spec, layout, Counting.UNIFORM, (), 0)
            else:
                raise ValueError("no sample has come in, and so the shape is not known")

    def _need(self, moments: int, what: str) -> None:
        if self.moments < moments:
            raise ValueError(
                f"{what} needs moments={moments}, these statistics keep moments={self.moments}"
            )

    def _spread(self, statistic: str, ddof: float) -> Array:
        self._need(2, statistic)
        degrees = check.degrees_of_freedom(ddof)
        with self._reading() as state:
            return state.finish(statistic, self._spec.floating, get_workers(), ddof=degrees)

    def _extreme(self, name: str) -> Array:
        if not self.extremes:
            raise ValueError(f"{name} is not kept; RunningStats(extremes=True) keeps it")
        with self._reading() as state:
            if self.dtype.kind != "f" and not state.counts(get_workers()).all():
                raise ValueError(
                    f"{name} has no value where a voxel has no sample, and {self.dtype} cannot "
                    "hold NaN; see count"
                )
            return state.finish(name, self.dtype, get_workers())


def _shape_of(shape: int | Sequence[int]) -> tuple[int, ...]:
    lengths = shape if isinstance(shape, Sequence) else (shape,)
    return tuple([check.at_least(length, 0, "shape") for length in lengths])
