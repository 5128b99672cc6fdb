"""Measure boxel against its peers and against the memory's rooflines: ``python bench``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measure boxel against its peers and against the memory's rooflines.",
    )
    parser.add_argument(
        "--job",
        nargs="+",
        default=["*"],
        metavar="NAME",
        help="jobs to run; a shell pattern such as 'density*' is welcome",
    )
    parser.add_argument("--list", action="store_true", help="list the jobs and stop")
    parser.add_argument(
        "--quick", action="store_true", help="small inputs and few rounds; bars are not judged"
    )
    parser.add_argument(
        "--workers", type=positive, default=1, metavar="N", help="threads of every contestant"
    )
    parser.add_argument(
        "--rounds", type=positive, default=None, metavar="N", help="rounds of each job"
    )
    parser.add_argument(
        "--json", type=Path, default=None, metavar="FILE", help="also write every sample as JSON"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(options.workers)
    # BLAS and OpenMP read their thread counts when they are loaded, so NumPy is imported only now.
    import suite

    return suite.main(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
