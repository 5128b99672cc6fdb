"""Count the instructions of ten core calls, which no noise of a machine changes.

``python bench/instructions.py --check`` compares them with the counts in ``instructions.json`` and
fails where one has grown by more than 3 %; ``--update`` writes them there. They are counted by
valgrind's callgrind with the kernels of x86-64-v3, so that they do not depend on the processor.
They do depend on the compiler and on the versions of Python and NumPy, and are compared only where
these are the ones that they were stored with.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import core_calls

import boxel as bx

HERE = Path(__file__).parent
STORED = HERE / "instructions.json"
ALLOWED = 1.03
INSTRUCTION_SET = "x86-64-v3"
# Called between two of the calls that are counted.
MARKER = "*::read_words(*"


def made_with() -> dict[str, str]:
    """Return what the counts depend on besides boxel."""
    config = bx.show_config(file=io.StringIO())
    made = {key: str(config[key]) for key in ("compiler", "numpy")}
    made["python"] = ".".join(str(config["python"]).split(".")[:2])
    return made


def counted() -> dict[str, int]:
    """Run the calls under callgrind, which takes about half a minute."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        command = [
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}",
            f"--dump-before={MARKER}", sys.executable, str(HERE / "core_calls.py"),
        ]  # fmt: skip
        environment = {
            **os.environ,
            "BOXEL_ISA": INSTRUCTION_SET,
            "PYTHONHASHSEED": "0",
            "OPENBLAS_NUM_THREADS": "1",
        }
        finished = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        if finished.returncode:
            raise RuntimeError(f"callgrind failed:\n{finished.stderr[-2000:]}")
        # The first part holds what came before the first marker, the last one what came after.
        parts = sorted(profile.parent.glob("profile.*"), key=lambda path: int(path.suffix[1:]))
        counts = [total(path) for path in parts[1:]]
    names = list(core_calls.core_calls())
    if len(counts) != len(names):
        raise RuntimeError(f"{len(names)} counts were expected, found {len(counts)}")
    return dict(zip(names, counts, strict=True))


def total(path: Path) -> int:
    match = re.search(r"^totals: (\d+)", path.read_text(encoding="utf-8"), re.M)
    if match is None:
        raise RuntimeError(f"{path.name} has no total")
    return int(match[1])


def check(counts: dict[str, int]) -> bool:
    """Print the counts beside the stored ones; return whether none has grown too much."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    if stored["made_with"] != made_with():
        print(f"not compared: stored with {stored['made_with']}, found {made_with()}")
        return True
    grown = False
    for name, count in counts.items():
        ratio = count / stored["counts"][name]
        grown |= ratio > ALLOWED
        print(f"{'GROWN' if ratio > ALLOWED else 'ok':5}  {ratio:.3f}  {count:>12,}  {name}")
    return not grown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="compare with the stored counts")
    action.add_argument("--update", action="store_true", help="store the counts")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("not counted: valgrind is not installed")
        return 0
    if INSTRUCTION_SET not in bx.show_config(file=io.StringIO())["instruction_sets"]:
        print(f"not counted: this processor does not run {INSTRUCTION_SET}")
        return 0
    counts = counted()
    if options.update:
        document = {"made_with": made_with(), "counts": counts}
        STORED.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        return 0
    return 0 if check(counts) else 1


if __name__ == "__main__":
    sys.exit(main())
