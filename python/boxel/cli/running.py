"""How a command runs: what it may use, what it may replace, and what it shows meanwhile."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, Self

from boxel._extras import require
from boxel.cli.report import print_json
from boxel.streaming.arrays import no_show
from boxel.streaming.pipeline import Show

__all__ = ["Rules", "Running"]


class Taken:
    """Options that several commands share, taken out of all that one was given."""

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Self:
        """Take these options out of all that a command was given."""
        names = [field.name for field in fields(cls) if field.name in options]  # type: ignore[arg-type]
        return cls(**{name: options.pop(name) for name in names})


@dataclass(frozen=True)
class Rules(Taken):
    """Which samples of a box count, and what becomes of their statistic."""

    cval: float = 0
    skipna: bool = False
    min_count: int = 1
    fill_value: float = math.nan
    ddof: float = 0
    dtype: str | None = None


@dataclass(frozen=True)
class Running(Taken):
    """What all commands on files are told."""

    workers: int | None = None
    memory: int = 1 << 30
    force: bool = False
    quiet: bool = False
    as_json: bool = False

    @property
    def summarizes(self) -> bool:
        """Whether anything is said of the results."""
        return self.as_json or not self.quiet

    def tell(self, record: Callable[[], Any], summary: Callable[[], None]) -> None:
        """Print the record as JSON, or the summary for people, or nothing."""
        if self.as_json:
            print_json(record())
        elif not self.quiet:
            summary()

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
