"""What the numbers were measured on."""

from __future__ import annotations

import io
import os
import platform
from pathlib import Path
from typing import Any

from libraries import versions

import boxel as bx


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_average() -> float | None:
    """Return the processes that wanted to run in the last minute, on average."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def boxel_config() -> dict[str, str]:
    # It prints as well as returns; the report prints it in its own form.
    config = bx.show_config(file=io.StringIO())
    return {key: str(value) for key, value in config.items()}


def describe() -> dict[str, Any]:
    """Return the machine, the versions and boxel's own configuration, ready for JSON."""
    return {
        "cpu": cpu_model(),
        "architecture": platform.machine(),
        "usable_cpus": usable_cpus(),
        "load_average": load_average(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": versions(),
        "boxel_config": boxel_config(),
    }
