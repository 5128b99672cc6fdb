"""Run the command line: ``python -m boxel`` and the ``boxel`` script."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the ``boxel`` command line and exit."""
    try:
        from boxel.cli.app import boxel
    except ImportError as error:
        print(f"boxel: error: {error}", file=sys.stderr)
        sys.exit(2)
    boxel(prog_name="boxel")


if __name__ == "__main__":
    main()
