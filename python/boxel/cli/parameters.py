"""Types of command-line parameters that click does not have."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import click

__all__ = [
    "NamesCommand",
    "NamesOption",
    "SizesCommand",
    "SizesOption",
    "join_sizes",
    "parse_alpha",
    "parse_bytes",
    "parse_names",
    "parse_real",
    "parse_reals",
    "parse_shifts",
    "parse_sizes",
    "parse_threshold",
]

Value = TypeVar("Value")

_SEPARATORS = re.compile(r"[\s,x]+")
_NUMBERS = re.compile(r"[-+]?[0-9][-+0-9.,x]*")


class SizesOption(click.Option):
    """An option of a `SizesCommand` that may be followed by several numbers."""


class SizesCommand(click.Command):
    """A command whose `SizesOption` options take one or several numbers: ``--block 3 4``.

    click gives every option a fixed number of words. The words are therefore joined before click
    sees them; numbers right after such an option belong to it (``--`` ends them).
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Join the words of each `SizesOption`, then parse as usual."""
        options = {
            name for each in self.params if isinstance(each, SizesOption) for name in each.opts
        }
        return super().parse_args(ctx, join_sizes(args, options))


class NamesOption(click.Option):
    """An option of a `NamesCommand` that may be followed by several of its `names`."""

    def __init__(self, *args: Any, names: Collection[str], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.names = names


class NamesCommand(click.Command):
    """A command whose `NamesOption` options take several words: ``--statistics mean std``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Join the words of each `NamesOption`, then parse as usual."""
        for each in self.params:
            if isinstance(each, NamesOption):
                args = join_sizes(args, each.opts, each.names.__contains__)
        return super().parse_args(ctx, args)


def _is_number(word: str) -> bool:
    return _NUMBERS.fullmatch(word) is not None


def join_sizes(
    words: Sequence[str],
    options: Collection[str],
    belongs: Callable[[str], bool] = _is_number,
) -> list[str]:
    """Join the numbers that follow any of `options` into one word: ``--block 3 4`` to ``3,4``.

    Words other than numbers are joined if they belong there.
    """
    joined: list[str] = []
    inside = False
    for position, word in enumerate(words):
        if word == "--":
            return [*joined, *words[position:]]
        if not (inside and belongs(word)):
            joined.append(word)
            inside = word.partition("=")[0] in options
        elif joined[-1] in options:
            joined.append(word)
        else:
            joined[-1] += f",{word}"
    return joined


def parse_sizes(text: str) -> int | tuple[int, ...]:
    """Return one size for all axes (``3``) or one per axis (``3,4``, ``3x4`` or ``3 4``)."""
    words = _SEPARATORS.split(text.strip())
    if not all(re.fullmatch(r"\+?[0-9]{1,18}", word) and int(word) > 0 for word in words):
        raise click.BadParameter(f"expected whole numbers from 1, such as 3 or 3x3, found {text!r}")
    return _one_or_several([int(word) for word in words])


def parse_shifts(text: str) -> int | tuple[int, ...]:
    """Return one shift for all axes (``-1``) or one per axis (``-1,0``, ``-1x0`` or ``-1 0``)."""
    words = _SEPARATORS.split(text.strip())
    if not all(re.fullmatch(r"[-+]?[0-9]{1,18}", word) for word in words):
        raise click.BadParameter(f"expected whole numbers, such as 1 or -1,0, found {text!r}")
    return _one_or_several([int(word) for word in words])


def parse_reals(text: str) -> tuple[float, ...]:
    """Return one or several positive numbers (``0.5``, ``2,0.5`` or ``2 0.5``)."""
    try:
        numbers = tuple(float(word) for word in _SEPARATORS.split(text.strip()))
    except ValueError:
        numbers = ()
    if not numbers or not all(math.isfinite(each) and each > 0 for each in numbers):
        raise click.BadParameter(f"expected positive numbers, such as 0.5 or 2,0.5, found {text!r}")
    return numbers


def parse_names(text: str) -> str | tuple[str, ...]:
    """Return one name for all axes (``wrap``) or one per axis (``wrap,nearest``)."""
    return _one_or_several([word.strip() for word in text.split(",")])


def _one_or_several(values: Sequence[Value]) -> Value | tuple[Value, ...]:
    return values[0] if len(values) == 1 else tuple(values)


def parse_threshold(text: str) -> int | float | str:
    """Return a finite number (an int if it is whole) or ``"otsu"``."""
    if text.lower() == "otsu":
        return "otsu"
    try:
        number = _number(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise click.BadParameter(f"expected a finite number or 'otsu', found {text!r}")
    return number


def parse_alpha(text: str) -> float | str:
    """Return a number, or the word for a way to choose it."""
    try:
        return float(text)
    except ValueError:
        return text


def parse_real(text: str) -> int | float:
    """Return a number (an int if it is whole), which may be ``nan`` or ``inf``."""
    try:
        return _number(text)
    except ValueError:
        raise click.BadParameter(f"expected a number, found {text!r}") from None


def _number(text: str) -> int | float:
    # A float cannot hold every 64-bit sample that it may be compared with.
    return int(text) if re.fullmatch(r"[-+]?[0-9]{1,30}", text) else float(text)


_BYTES = re.compile(
    r"(?P<number>[0-9]{1,15}(\.[0-9]{1,6})?)\s*(?P<unit>[kmgt]i?)?b?", re.IGNORECASE
)
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}


def parse_bytes(text: str) -> int:
    """Return a number of bytes from text such as ``512MiB``, ``1.5G`` or ``4096``."""
    found = _BYTES.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f"expected a size such as 512MiB or 2GB, found {text!r}")
    unit = (found["unit"] or "").lower()
    base = 1024 if unit.endswith("i") else 1000
    size = int(float(found["number"]) * (base ** _POWERS[unit[0]] if unit else 1))
    if size < 1:
        raise click.BadParameter(f"expected a size of at least one byte, found {text!r}")
    return size
