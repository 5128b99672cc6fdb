"""Statistics that stay open: samples of every voxel come in a few at a time.

`state` keeps the rows of numbers that the compiled core works on, `statistics` is what users hold,
`storage` writes it to files, `conditions` says when it is good enough, `collecting` draws samples
until then.
"""

from boxel.running.collecting import Collected, CollectionError, Progress, collect
from boxel.running.conditions import StandardError
from boxel.running.statistics import RunningStats

__all__ = [
    "Collected",
    "CollectionError",
    "Progress",
    "RunningStats",
    "StandardError",
    "collect",
]
