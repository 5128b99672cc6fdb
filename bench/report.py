"""Tables for people, JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from bars import Bar
from contest import Contestant, Measurement
from roofline import Rooflines

COLUMNS = (
    "contestant",
    "median",
    "spread",
    "boxel is",
    "of read roof",
    "of roof incl. output",
    "agrees to",
    "included in the time",
)


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.2f} us"
    return f"{seconds * 1e3:.2f} ms"


def ratio(value: float | None, suffix: str = "") -> str:
    return "-" if value is None else f"{value:.2f}{suffix}"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def rate(nbytes: int, seconds: float) -> str:
    return f"{nbytes / seconds / 1e9:.1f} GB/s"


def size(nbytes: int) -> str:
    return f"{nbytes / 2**20:.1f} MiB" if nbytes >= 2**20 else f"{nbytes} bytes"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a Markdown table that also reads well as plain text."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def load_text(load: float | None) -> str:
    return "unknown" if load is None else f"{load:.2f}"


def machine_text(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    config = ", ".join(f"{key}: {value}" for key, value in machine["boxel_config"].items())
    return "\n".join(
        [
            f"CPU: {machine['cpu']}, {machine['usable_cpus']} usable ({machine['architecture']})",
            f"System: {machine['system']}, Python {machine['python']}, "
            f"load average before the run: {load_text(machine['load_average'])}",
            f"Versions: {versions}",
            f"boxel: {config}",
        ]
    )


def roofline_text(roofs: Rooflines) -> str:
    trials = ", ".join(
        f"{name} {rate(roofs.nbytes, seconds)}" for name, seconds in roofs.trials.items()
    )
    return (
        f"Read roofline over {size(roofs.nbytes)}: {roofs.reader} is the fastest of: {trials}. "
        "It is measured again before every timed call."
    )


def measurement_text(measured: Measurement, judge: bool) -> str:
    head = f"{measured.job.name}: {measured.job.title}; {measured.inputs}"
    sizes = f"({size(measured.bytes_in)} in, {size(measured.bytes_out)} out)"
    rows = [contestant_row(measured, c) for c in measured.contestants]
    parts = [f"{head} {sizes}", table(COLUMNS, rows)]
    if measured.read_seconds:
        read = rate(measured.roof_bytes, median(measured.read_seconds))
        copy = rate(measured.roof_bytes, median(measured.copy_seconds))
        parts.append(f"rooflines in these rounds: read {read}, copy {copy}")
    if judge:
        parts += [f"{verdict}: {text}" for verdict, text in verdicts(measured)]
    return "\n".join(parts)


def contestant_row(measured: Measurement, contestant: Contestant) -> list[str]:
    if contestant.missing is not None:
        middle = [contestant.missing, "-", "-", "-", "-"]
    elif contestant.error is not None:
        middle = ["ERROR", "-", "-", "-", "-"]
    else:
        middle = [
            duration(contestant.median),
            percent(contestant.spread),
            ratio(measured.speedup_over(contestant), "x"),
            ratio(measured.of_read_roof(contestant)),
            ratio(measured.of_full_roof(contestant)),
        ]
    return [contestant.name, *middle, contestant.tolerance, contestant.included]


def verdicts(measured: Measurement) -> list[tuple[str, str]]:
    """Return MET, MISSED or UNKNOWN with its explanation, for each bar that applies."""
    return [verdict(bar, measured) for bar in measured.job.bars if bar.applies_to(measured)]


def verdict(bar: Bar, measured: Measurement) -> tuple[str, str]:
    value = bar.measure(measured)
    if value is None:
        return "UNKNOWN", f"{bar.text}: not measured"
    word = "MET" if bar.at_least <= value <= bar.at_most else "MISSED"
    return word, f"{bar.text}: {'at the roof' if math.isinf(value) else f'{value:.2f}'}"


def summary_row(measured: Measurement, judge: bool) -> list[str]:
    best = measured.best()
    judged = [f"{word} {text}" for word, text in verdicts(measured)] if judge else ["not judged"]
    return [
        measured.job.name,
        "ERROR" if measured.ours.error else duration(measured.ours.median),
        "-" if best is None else f"{best.name} {duration(best.median)}",
        ratio(measured.speedup_over_best(), "x"),
        ratio(measured.worker_speedup(), "x"),
        ratio(measured.of_read_roof(measured.ours)),
        ratio(measured.of_full_roof(measured.ours)),
        "; ".join(judged) or "-",
    ]


def summary_text(measurements: Sequence[Measurement], judge: bool) -> str:
    header = (
        "job",
        "boxel",
        "best peer",
        "boxel is",
        "of one worker",
        "of read roof",
        "of roof incl. output",
        "bars",
    )
    return table(header, [summary_row(measured, judge) for measured in measurements])


def as_json(measured: Measurement, judge: bool) -> dict[str, Any]:
    return {
        "name": measured.job.name,
        "title": measured.job.title,
        "inputs": measured.inputs,
        "bytes_in": measured.bytes_in,
        "bytes_out": measured.bytes_out,
        "roof_bytes": measured.roof_bytes,
        "read_seconds": measured.read_seconds,
        "copy_seconds": measured.copy_seconds,
        "contestants": [contestant_json(measured, c) for c in measured.contestants],
        "bars": [
            {"verdict": word, "text": text} for word, text in (verdicts(measured) if judge else [])
        ],
    }


def contestant_json(measured: Measurement, contestant: Contestant) -> dict[str, Any]:
    return {
        "name": contestant.name,
        "library": contestant.library,
        "median": contestant.median,
        "seconds": contestant.seconds,
        "missing": contestant.missing,
        "error": contestant.error,
        "agrees_to": contestant.tolerance,
        "included": contestant.included,
        "of_read_roof": measured.of_read_roof(contestant),
        "of_roof_including_output": measured.of_full_roof(contestant),
    }
