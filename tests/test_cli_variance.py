"""``boxel variance``: files in, variance out, checkpoints."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("PIL")
pytest.importorskip("tifffile")
pytest.importorskip("matplotlib")
pytest.importorskip("nibabel")

import nibabel
import nibabel.testing

import boxel as bx
from boxel.files import read_image
from command_line import execute, fail, run, save

STACK = np.random.default_rng(0).integers(0, 4000, (9, 4, 5, 6)).astype(np.int16)
FILES = [f"volume-{k}.npy" for k in range(9)]


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def files():
    for name, volume in zip(FILES, STACK, strict=True):
        np.save(name, volume)
    return FILES


def test_one_sample_in_each_file(files):
    text = run("variance", *files, "-o", "var.npy", "--mean", "mean.npy", "--ddof", 1)
    np.testing.assert_allclose(np.load("var.npy"), STACK.var(axis=0, ddof=1), rtol=1e-14)
    np.testing.assert_allclose(np.load("mean.npy"), STACK.mean(axis=0), rtol=1e-15)
    for words in ("9 of 4 x 5 x 6, int16, in 9 files", "ddof 1", "var.npy, mean.npy"):
        assert words in text


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("suffix", [".npy", ".tif", ".nii", ".nii.gz"])
def test_several_samples_in_a_file(axis, suffix):
    stack = np.moveaxis(STACK, 0, axis)
    name = f"stack{suffix}"
    if suffix.startswith(".nii"):
        nibabel.save(nibabel.Nifti1Image(stack, np.eye(4)), name)
    else:
        save(name, stack)
    run("variance", name, "--axis", axis, "-o", "var.npy", "--quiet")
    np.testing.assert_allclose(np.load("var.npy"), STACK.var(axis=0), rtol=1e-14)


def test_several_samples_in_several_files():
    save("a.npy", STACK[:2])
    save("b.tif", STACK[2:])
    run("variance", "a.npy", "b.tif", "--axis", 0, "-o", "var.tif", "-q")
    np.testing.assert_allclose(read_image("var.tif").array, STACK.var(axis=0), rtol=1e-14)


def test_real_fmri():
    """nibabel's sample: int16, big-endian, scaled."""
    path = Path(nibabel.testing.data_path) / "functional.nii"
    run("variance", path, "--axis", -1, "-o", "var.npy", "--plot", "plot.png", "-q")
    volumes = np.asarray(nibabel.load(path).dataobj)
    wanted = volumes.astype(np.longdouble).var(axis=-1)
    np.testing.assert_allclose(np.load("var.npy"), wanted.astype(np.float64), rtol=1e-12)
    assert os.path.getsize("plot.png") > 10_000


def test_json(files):
    record = json.loads(run("variance", *files, "-o", "var.npy", "--json"))
    assert record["files"] == files
    assert record["samples"] == 9
    assert record["resumed"] == 0
    assert record["sample_dtype"] == "int16"
    assert record["shape"] == [4, 5, 6]
    assert record["max"] == pytest.approx(STACK.var(axis=0).max())


def test_nan_and_dtype():
    floats = STACK.astype(np.float32)
    floats[2, 0, 0, 0] = np.nan
    for name, volume in zip(FILES, floats, strict=True):
        np.save(name, volume)
    run("variance", *FILES, "-o", "var.npy", "-q")
    assert np.isnan(np.load("var.npy")).sum() == 1
    assert np.load("var.npy").dtype == np.float32
    run("variance", *FILES, "-o", "var.npy", "-q", "-f", "--skipna", "--dtype", "float64")
    wanted = np.nanvar(floats.astype(np.float64), axis=0)
    np.testing.assert_allclose(np.load("var.npy"), wanted, rtol=1e-12)


@pytest.mark.parametrize("interval", [0, 1000])
@pytest.mark.parametrize("done", [1, 4, 8])
def test_a_run_that_failed_goes_on_where_it_was(files, done, interval):
    """The result is that of a run that was not interrupted, to the bit."""
    for name, volume in zip(FILES, np.random.default_rng(1).random(STACK.shape), strict=True):
        np.save(name, volume)
    run("variance", *files, "-o", "whole.npy", "-q")
    kept = Path(files[done]).read_bytes()
    Path(files[done]).write_bytes(kept[:-9])
    command = ["variance", *files, "-o", "var.npy", "--checkpoint", "run.state"]
    command += ["--resume", "--checkpoint-interval", interval]
    failed = execute(*command)
    assert failed.returncode == 2
    assert files[done] in failed.stderr
    assert not os.path.exists("var.npy")
    Path(files[done]).write_bytes(kept)
    text = run(*command)
    assert f"{done} from the checkpoint" in text
    assert Path("var.npy").read_bytes() == Path("whole.npy").read_bytes()
    # Once more, nothing is left to do.
    assert "9 from the checkpoint" in run(*command, "-f")
    assert Path("var.npy").read_bytes() == Path("whole.npy").read_bytes()


def test_a_run_that_was_killed_goes_on_where_it_was():
    """Killed without a chance to say goodbye, in the middle of a file."""
    stack = np.random.default_rng(2).random((4800, 100, 100))
    np.save("stack.npy", stack)
    command = ["variance", "stack.npy", "--axis", "0", "-o", "var.npy", "--checkpoint", "run.state"]
    command += ["--resume", "--checkpoint-interval", "0", "--workers", "1"]
    running = subprocess.Popen([sys.executable, "-m", "boxel", *command])
    while not os.path.exists("run.state") and running.poll() is None:
        time.sleep(0.001)
    running.send_signal(signal.SIGKILL)
    running.wait()
    text = run(*command, "-f")
    assert " from the checkpoint" in text
    whole = bx.RunningStats().update_many(stack)
    assert np.load("var.npy").tobytes() == whole.var().tobytes()


def test_the_plot_shows_mean_and_variance(files):
    run("variance", *files, "--plot", "plot.svg", "-q")
    text = Path("plot.svg").read_text()
    assert "mean, slice [2, :, :]" in text
    assert "variance, slice [2, :, :]" in text


def test_bad_input(files):
    message = fail("variance", files[0])
    assert "expected several files, or --axis" in message
    assert "needs --checkpoint" in fail("variance", *files, "--resume")
    assert "--axis from -3 to 2" in fail("variance", *files, "--axis", 3)
    assert "no-file.npy" in fail("variance", files[0], "no-file.npy")
    np.save("flat.npy", np.zeros((4, 5), np.int16))
    message = fail("variance", files[0], "flat.npy")
    assert message.startswith("flat.npy: a sample of the stack has shape (4, 5)")
    np.save("floats.npy", STACK[0] / 2)
    message = fail("variance", files[0], "floats.npy")
    assert message.endswith("(--dtype float64 takes every file)")
    assert "found volume-0.npy twice" in fail("variance", *files, "-o", files[0], "-f")
    np.save("there.npy", 1)
    assert "exists already" in fail("variance", *files, "-o", "there.npy")
    assert "exists already" in fail("variance", *files, "--checkpoint", "there.npy")
    assert "expected an output named" in fail("variance", *files, "-o", "var.png")
    assert "unknown dtype 'int61'" in fail("variance", *files, "--dtype", "int61")
    np.save("empty.npy", np.zeros((0, 3)))
    assert "the files hold none" in fail("variance", "empty.npy", "--axis", 0)


def test_checkpoints_that_do_not_fit(files):
    options = ["--checkpoint", "run.state"]
    run("variance", *files[:3], *options, "-q")
    message = fail("variance", *files[1:], *options, "--resume")
    assert "expected the files that run.state holds first: volume-0.npy" in message
    assert "go on in the same way" in fail("variance", *files, *options, "--resume", "--axis", 0)
    assert "go on in the same way" in fail("variance", *files, *options, "--resume", "--skipna")
    bx.RunningStats().update(STACK[0]).save("other.state")
    message = fail("variance", *files, "--checkpoint", "other.state", "--resume")
    assert "was not written by 'boxel variance --checkpoint'" in message
    Path("text.state").write_text("text")
    message = fail("variance", *files, "--checkpoint", "text.state", "--resume")
    assert "not a complete file of RunningStats" in message
