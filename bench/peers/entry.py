"""An entry in a family's table of peers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, Protocol, TypeVar

from job import Call, Peer

from agreement import Agreement


class Task(Protocol):
    """What a job asks of a peer."""

    @property
    def statistic(self) -> str: ...

    @property
    def traits(self) -> set[str]:
        """Return the words under which a peer's notes on this task are kept."""


T = TypeVar("T", bound=Task)


@dataclass(frozen=True)
class Entry(Generic[T]):
    """A peer, and the tasks it can do."""

    name: str
    library: str
    statistics: frozenset[str]
    prepare: Callable[[T, int], Call]
    accepts: Callable[[T], bool] = lambda task: True
    notes: Mapping[str, str] = field(default_factory=dict)
    """What its time includes besides its own function, by the task's trait that asks for it."""
    agreement: Callable[[T], Agreement | None] = lambda task: None
    """How its result is compared, where that differs from the job's own comparison."""

    def can(self, task: T) -> bool:
        return task.statistic in self.statistics and self.accepts(task)

    def peer(self, task: T) -> Peer:
        return Peer(
            name=self.name,
            library=self.library,
            prepare=partial(self.prepare, task),
            included="; ".join(note for trait, note in self.notes.items() if trait in task.traits),
            agreement=self.agreement(task),
        )
