"""Scripts run in an interpreter of their own."""

import os
import signal
import subprocess
import sys
import textwrap
import time

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


def assert_interrupted(script, *arguments):
    """Send Ctrl-C to a script that has begun: it must soon say what it computes after that."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline().strip() == "begun"
        time.sleep(0.5)
        assert process.poll() is None, "the call was too short to be interrupted"
        process.send_signal(signal.SIGINT)
        sent = time.perf_counter()
        printed, errors = process.communicate(timeout=20)
        waited = time.perf_counter() - sent
    finally:
        process.kill()
        process.communicate()
    assert printed.strip() == "interrupted [0.5, 2.5, 4.5, 6.5]", errors
    assert waited < 2
