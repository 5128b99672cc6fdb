"""Runs of the command line, and files for them."""

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("PIL")
pytest.importorskip("tifffile")
pytest.importorskip("matplotlib")

import tifffile
from click.testing import CliRunner
from PIL import Image

from boxel.cli.app import boxel


def make_runner():
    try:
        return CliRunner(mix_stderr=False)
    except TypeError:  # click 8.2 always keeps the streams apart
        return CliRunner()


def run(*arguments):
    """Run a command that must succeed and say nothing on stderr; return what it printed."""
    result = make_runner().invoke(boxel, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def fail(*arguments):
    """Run a command that must fail in the one way that is allowed; return its message."""
    before = sorted(os.listdir())
    result = make_runner().invoke(boxel, [str(argument) for argument in arguments])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit)
    prefix, line = "boxel: error: ", result.stderr
    assert line.startswith(prefix)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert sorted(os.listdir()) == before
    return line[len(prefix) : -1]


def execute(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "boxel", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def save(name, array):
    """Save an array in the format of the name."""
    if name.endswith(".npy"):
        np.save(name, array)
    elif name.endswith(".tif"):
        colour = array.ndim == 3 and array.shape[-1] == 3
        tifffile.imwrite(name, array, photometric="rgb" if colour else "minisblack")
    else:
        Image.fromarray(array).save(name)
    return name
