"""Progress of `collect` as a bar in the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from boxel._extras import require

if TYPE_CHECKING:
    from boxel.running.collecting import Progress

__all__ = ["progress_bar"]

Report = Callable[["Progress"], Any]


@contextmanager
def progress_bar(progress: Report | bool | None) -> Iterator[Report | None]:
    """Hand out what to call with the progress: the caller's function, a bar, or nothing."""
    if progress is None or progress is False:
        yield None
    elif progress is not True:
        if not callable(progress):
            raise TypeError(
                f"progress must be a function, True or None, found {type(progress).__name__}"
            )
        yield progress
    else:
        tqdm = require("tqdm", extra="cli")
        with tqdm.tqdm(unit=" samples") as bar:
            yield lambda step: _show(bar, step)


def _show(bar: Any, step: Progress) -> None:
    bar.total = expected_count(step)
    if step.error is not None:
        bar.set_postfix_str(f"error {step.error:.3g}, wanted {step.threshold:.3g}", refresh=False)
    bar.update(step.count - bar.n)
    bar.refresh()


def expected_count(step: Progress) -> int | None:
    """Return how many samples it will take: errors fall with the root of the number."""
    if step.error is None or not step.threshold or not math.isfinite(step.error):
        return step.max_count
    needed = max(step.count, math.ceil(step.count * (step.error / step.threshold) ** 2))
    return needed if step.max_count is None else min(needed, step.max_count)
