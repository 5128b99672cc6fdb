"""Run the selected jobs and report on them."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import jobs
import report
from contest import Measurement, run_job
from job import Job
from libraries import pin_threads
from machine import describe, load_average
from roofline import Rooflines

ROUNDS = 9
QUICK_ROUNDS = 3


def main(options: argparse.Namespace) -> int:
    """Do what the command line asks; return 1 if a contestant disagreed or failed."""
    try:
        selected = jobs.select(options.job)
    except jobs.UnknownJobError as unknown:
        print(unknown, file=sys.stderr)
        return 2
    if options.list:
        print(list_text(selected))
        return 0
    return run(selected, options)


def list_text(selected: list[Job]) -> str:
    rows = [[job.name, job.title, "; ".join(bar.text for bar in job.bars)] for job in selected]
    return report.table(("job", "what", "bars"), rows)


def run(selected: list[Job], options: argparse.Namespace) -> int:
    pin_threads(options.workers)
    machine = describe()
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    # Small inputs stay in cache, where a comparison with the memory's roofline says nothing.
    judge = not options.quick
    print(report.machine_text(machine))
    print(f"Workers: {options.workers}; rounds: {rounds}{'' if judge else '; quick: small inputs'}")
    roofs = Rooflines(options.workers, options.quick)
    print(report.roofline_text(roofs), flush=True)
    measurements = []
    for job in selected:
        measured = run_job(job, options.workers, rounds, options.quick, roofs)
        measured.forget_calls()
        measurements.append(measured)
        print(f"\n{report.measurement_text(measured, judge)}", flush=True)
    print(f"\n{report.summary_text(measurements, judge)}")
    print(f"Load average after the run: {report.load_text(load_average())}")
    if options.json is not None:
        document = document_of(measurements, machine, options.workers, rounds, judge)
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return report_errors(measurements)


def document_of(
    measurements: list[Measurement], machine: dict[str, Any], workers: int, rounds: int, judge: bool
) -> dict[str, Any]:
    return {
        "machine": machine,
        "workers": workers,
        "rounds": rounds,
        "judged": judge,
        "jobs": [report.as_json(measured, judge) for measured in measurements],
    }


def report_errors(measurements: list[Measurement]) -> int:
    errors = [error for measured in measurements for error in measured.errors]
    for error in errors:
        print(f"ERROR: {error}", file=sys.stderr)
    return 1 if errors else 0
