"""How a command runs: what it may use, what it may replace, and what it shows meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from boxel._extras import require
from boxel.streaming.arrays import no_show
from boxel.streaming.pipeline import Show

__all__ = ["Running"]


@dataclass(frozen=True)
class Running:
    """What all commands on files are told."""

    workers: int | None = None
    memory: int = 1 << 30
    force: bool = False
    quiet: bool = False
    as_json: bool = False

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Self:
        """Take these options out of all that a command was given."""
        names = [name for name in cls.__dataclass_fields__ if name in options]
        return cls(**{name: options.pop(name) for name in names})

    @property
    def summarizes(self) -> bool:
        """Whether anything is said of the results."""
        return self.as_json or not self.quiet

    @contextmanager
    def progress(self, what: str) -> Iterator[Show]:
        """Hand out what to call with shares of the work; a bar tells people the time left."""
        if self.quiet or not sys.stderr.isatty():
            yield no_show
            return
        tqdm = require("tqdm", extra="cli")
        # Not for work that is done before anybody has read what it is.
        with tqdm.tqdm(
            total=1.0,
            desc=what,
            leave=False,
            delay=0.5,
            bar_format="{l_bar}{bar}| {elapsed}<{remaining}",
        ) as bar:
            yield bar.update
