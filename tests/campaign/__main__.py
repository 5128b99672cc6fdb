"""Run the campaign: ``python tests/campaign --cases 100000 --seed 0``."""

import argparse
import collections
import sys
import warnings
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from campaign import run, soak  # noqa: E402


def long_run(seed, minutes):
    """Soak; print the memory now and then."""
    found = soak.soak(
        seed,
        minutes=minutes,
        look=lambda case, mebibytes: print(
            f"{case:9} cases {mebibytes:8.1f} MiB resident", flush=True
        ),
    )
    print(*found.failures, sep="\n")
    print(
        f"{found.cases} cases, {len(found.failures)} differences, {found.growth:+.1f} MiB after "
        "the warm-up"
    )
    return 1 if found.failures else 0


def main():
    parser = argparse.ArgumentParser(description="Compare random calls with exact answers.")
    parser.add_argument("--cases", type=int, default=100000, help="how many cases to run")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--seed", type=int, default=0, help="another seed is another campaign")
    parser.add_argument("--case", type=int, help="run this case alone")
    parser.add_argument("--family", choices=sorted(run.FAMILIES), help="run this family alone")
    parser.add_argument("--minutes", type=float, help="run cases for so long, watching the memory")
    options = parser.parse_args()
    warnings.simplefilter("error")
    if options.minutes:
        return long_run(options.seed, options.minutes)
    chosen = range(options.first, options.first + options.cases)
    if options.case is not None:
        chosen = [options.case]
    if options.family:
        chosen = (case for case in chosen if run.family_of(case) == options.family)
    counts, seconds, failures = collections.Counter(), collections.Counter(), 0
    for case, took, failure in run.run(options.seed, chosen):
        name = run.family_of(case)
        counts[name] += 1
        seconds[name] += took
        if failure:
            failures += 1
            print(failure, flush=True)
    for name, count in counts.items():
        print(f"{name:24}{count:8} cases{1000 * seconds[name] / count:8.1f} ms each")
    print(f"{counts.total()} cases, {failures} differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
