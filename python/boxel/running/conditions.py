"""When running statistics are good enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from boxel import _validate as check
from boxel.running.statistics import RunningStats

__all__ = ["StandardError"]


@dataclass(frozen=True)
class StandardError:
    """A bound on the standard error of the mean, as `collect` takes it.

    Parameters
    ----------
    threshold : float
        The error that is good enough, at least 0.
    relative : bool, default False
        Relative to the magnitude of each voxel's mean. Where both error and mean are 0, the
        relative error is 0.
    quantile : float, default 1.0
        The share of the voxels whose error must be within the threshold; 1 is all of them.

    Notes
    -----
    The error of a voxel with a single sample is not known, and no threshold covers it. Voxels
    without any sample (outside a mask) do not count.

    Examples
    --------
    >>> import boxel as bx
    >>> stats = bx.RunningStats().update_many([[1.0, 10.0], [3.0, 10.0]])
    >>> bx.StandardError(1.0).measure(stats)
    1.0
    >>> bx.StandardError(0.0, quantile=0.5)(stats)
    True
    """

    threshold: float
    relative: bool = False
    quantile: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no threshold or share."""
        threshold = check.real(self.threshold, "threshold")
        if not threshold >= 0:
            raise ValueError(f"threshold must be at least 0, found {self.threshold!r}")
        check.truth(self.relative, "relative")
        if not 0 < check.real(self.quantile, "quantile") <= 1:
            raise ValueError(f"quantile must be above 0 and at most 1, found {self.quantile!r}")

    def measure(self, stats: RunningStats) -> float:
        """Return the error that the given share of the voxels does not exceed.

        Parameters
        ----------
        stats : RunningStats
            With ``moments`` of at least 2.

        Returns
        -------
        float
            Infinite where it is not known.
        """
        if stats.shape is None:
            return math.inf
        error = stats.sem().astype(np.float64, copy=False)
        if self.relative:
            with np.errstate(invalid="ignore", divide="ignore"):
                error = np.where(error == 0, 0.0, error / np.abs(stats.mean))
        error = np.where(np.isnan(error), math.inf, error)[
            np.broadcast_to(stats.count, stats.shape) > 0
        ]
        if error.size == 0:
            return math.inf
        if self.quantile == 1:
            return float(error.max())
        return float(np.quantile(error, self.quantile, method="inverted_cdf"))

    def __call__(self, stats: RunningStats) -> bool:
        """Tell whether the error is within the threshold."""
        return self.measure(stats) <= self.threshold
