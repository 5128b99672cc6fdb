"""Open statistics of chunks merged in a tree: no task holds more than a few of them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from boxel.dask._graph import Along, Graph, chunks_of

__all__ = ["CHUNKS_TOGETHER", "add_tree", "merged_in_tree"]

CHUNKS_TOGETHER = 16
"""As many chunks in one task are no harm."""

_MERGED_TOGETHER = 8


def add_tree(
    graph: Graph, place: tuple[int, ...], key: Any, chunks: Sequence[Sequence[Along]], job: Any
) -> None:
    """Add the task `key`, which finishes what ``job.take`` returns for each of the chunks."""
    states = []
    for index, along in chunks_of(chunks):
        parts, keys = graph.read([each.ranges for each in along])
        taken = (f"{graph.name}-take", *place, *index)
        plans = [each.plan for each in along]
        graph.tasks[taken] = (functools.partial(job.take, plans, parts), keys)
        states.append(taken)
    root = merged_in_tree(graph.tasks, f"{graph.name}-merge", place, states)
    graph.tasks[key] = (job.finish, root)


def merged_in_tree(
    tasks: dict[Any, Any], name: str, place: tuple[int, ...], keys: Sequence[Any]
) -> Any:
    """Add tasks that merge states in the order given, and return the key of the last.

    The order does not depend on which worker is done first: results have the same bits each time.
    """
    level = 0
    while len(keys) > 1:
        merged = []
        for start in range(0, len(keys), _MERGED_TOGETHER):
            key = (name, level, start // _MERGED_TOGETHER, *place)
            tasks[key] = (_merge, list(keys[start : start + _MERGED_TOGETHER]))
            merged.append(key)
        keys, level = merged, level + 1
    return keys[0]


def _merge(states: Sequence[Any]) -> Any:
    merged = states[0].copy()
    for state in states[1:]:
        merged.merge(state)
    return merged
