"""Compare two runs of the benchmarks: ``python bench/compare.py before.json after.json``.

Both were written by ``python bench --json FILE``, of two commits on one machine. Times are compared
as shares of the read roofline that was measured beside each of them, which takes out what the
machine did meanwhile. The exit code is 1 where a job became slower than ``--allow`` says.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any


def shares(path: Path) -> dict[str, float]:
    """Return boxel's time in each job over the time to read its input at the roofline."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found = {}
    for job in document["jobs"]:
        for contestant in job["contestants"]:
            if contestant["library"] == "boxel" and contestant["median"]:
                roof = statistics.median(job["read_seconds"])
                found[job["name"]] = contestant["median"] / roof
    return found


def compare(before: dict[str, float], after: dict[str, float], allowed: float) -> bool:
    """Print the ratio of each job; return whether none is slower than allowed."""
    slower = False
    print(f"{'':6}  {'time':>6}  job (time of the second run over that of the first)")
    for name in sorted(before.keys() & after.keys()):
        ratio = after[name] / before[name]
        slower |= ratio > allowed
        print(f"{'SLOWER' if ratio > allowed else '':6}  {ratio:5.2f}x  {name}")
    for name in sorted(before.keys() ^ after.keys()):
        print(f"{'':6}  {'':>6}  {name}: only in the {'first' if name in before else 'second'} run")
    return not slower


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument(
        "--allow", type=float, default=1.15, metavar="RATIO", help="default: %(default)s"
    )
    options = parser.parse_args()
    agreed = compare(shares(options.before), shares(options.after), options.allow)
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
