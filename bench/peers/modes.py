"""Agreement of block modes where libraries break ties differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agreement import DisagreementError, check_shapes
from peers.block_task import BlockTask
from peers.blocks_numpy import split


@dataclass(frozen=True)
class EquallyFrequent:
    """Both values occur equally often in the block; which of them is taken is up to the library."""

    task: BlockTask

    def check(
        self, ours: Sequence[NDArray[np.generic]], theirs: Sequence[NDArray[np.generic]]
    ) -> None:
        check_shapes(ours, theirs)
        differing = np.nonzero(ours[0] != theirs[0])
        blocks = self.blocks_at(differing)
        mine = np.count_nonzero(blocks == ours[0][differing][:, np.newaxis], axis=1)
        other = np.count_nonzero(blocks == theirs[0][differing][:, np.newaxis], axis=1)
        wrong = np.flatnonzero(mine != other)
        if wrong.size:
            first = wrong[0]
            place = tuple(int(axis[first]) for axis in differing)
            raise DisagreementError(
                f"{theirs[0][place]} at {place} occurs {other[first]} times where boxel's "
                f"{ours[0][place]} occurs {mine[first]} times; {wrong.size} such blocks"
            )

    def blocks_at(self, places: tuple[NDArray[np.intp], ...]) -> NDArray[Any]:
        """Return the samples of the blocks at these places, one row each."""
        view, axes = split(self.task.trimmed, self.task.block)
        kept = tuple(range(0, view.ndim, 2))
        gathered = view.transpose(kept + axes)[places]
        return np.asarray(gathered.reshape(-1, self.task.samples))

    def describe(self) -> str:
        return "equal up to ties"
