"""Scripts run in an interpreter of their own."""

import os
import subprocess
import sys
import textwrap

# Not getrusage: its peak is that of the parent where this was larger when the script began.
PEAK = """
def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
"""


def run_script(script, *arguments, timeout=60, environment=None):
    """Run a Python script; return what it printed, or fail with what it said on stderr."""
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()
