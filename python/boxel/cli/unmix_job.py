"""The work behind ``boxel unmix``: read, unmix, write."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import boxel
from boxel import IllConditionedWarning, UnmixResult
from boxel.cli.outputs import check_outputs
from boxel.files import check_holds, read_image, write_array
from boxel.formats.table import suffix_of

__all__ = ["Job", "Result", "check", "run", "write"]


@dataclass(frozen=True)
class Job:
    """What the user asked for."""

    mixed: Path
    mixing: Path
    side: str
    method: str
    rtol: float | None
    alpha: float | str | None
    noise_std: float | None
    refine: int
    on_ill_conditioned: str
    output: Path | None
    png_bits: int
    plot: Path | None
    force: bool


@dataclass(frozen=True)
class Result:
    """What came of it."""

    mixed: NDArray[Any]
    mixing: NDArray[Any]
    unmixed: UnmixResult
    warning: str | None
    seconds: float


def check(job: Job) -> None:
    """Refuse outputs that cannot be written, before the work."""
    for source in (job.mixed, job.mixing):
        check_outputs(source, job.output, job.plot, force=job.force)


def run(job: Job) -> Result:
    """Read both files and undo the mixing."""
    mixed, _ = read_image(job.mixed)
    mixing, _ = read_image(job.mixing)
    if job.plot is not None and mixed.ndim != 2:
        raise ValueError(
            f"expected a mixture of two axes for --plot, found the shape {mixed.shape}"
        )
    if job.output is not None:
        check_holds(suffix_of(job.output), mixed.shape)
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", IllConditionedWarning)
        unmixed = boxel.unmix(
            mixed,
            mixing,
            side=job.side,
            method=job.method,
            rtol=job.rtol,
            alpha=job.alpha,
            noise_std=job.noise_std,
            refine=job.refine,
            on_ill_conditioned=job.on_ill_conditioned,
            full_output=True,
        )
    seconds = time.perf_counter() - start
    told = [str(each.message) for each in caught if each.category is IllConditionedWarning]
    return Result(mixed, mixing, unmixed, told[0] if told else None, seconds)


def write(job: Job, result: Result) -> None:
    """Write the outputs."""
    if job.output is not None:
        image = result.unmixed.x
        suffix = suffix_of(job.output)
        if suffix in (".png", ".jpg", ".jpeg"):
            image = to_levels(image, job.png_bits if suffix == ".png" else 8)
        write_array(job.output, image, overwrite=job.force)
    if job.plot is not None:
        draw(job.plot, job, result)


def to_levels(image: NDArray[Any], bits: int) -> NDArray[Any]:
    """Round to gray levels; what lies outside becomes black or white."""
    top = 2**bits - 1
    levels: NDArray[Any] = np.rint(np.clip(image, 0, top)).astype(f"uint{bits}")
    return levels


def draw(path: Path, job: Job, result: Result) -> None:
    """Draw mixture, image and singular values."""
    from boxel.plot import save_figure, unmixing

    found: Any = result.unmixed
    values = found.singular_values
    if values is None:
        values = np.linalg.svd(result.mixing.astype(np.float64), compute_uv=False)
    figure = unmixing(
        result.mixed,
        found.x,
        values,
        alpha=found.alpha,
        rank=found.rank,
        noise=found.precision,
    )
    save_figure(figure, path, overwrite=job.force)
