"""The jobs of ``boxel demo``: samples, command lines, and what they found in words."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from boxel import expand, samples, tanimoto_distances
from boxel.cli.report import shape_text
from boxel.cli.running import Running
from boxel.files import read_image, replacing, write_array
from boxel.formats.source import Array

__all__ = ["STEPS", "Step", "inputs_of", "run_step"]


@dataclass(frozen=True)
class Step:
    """A job of the demo."""

    name: str
    title: str
    text: str
    words: tuple[str, ...]
    """The command line; files are named as in the folder of the demo."""
    code: str
    """The same in Python."""
    inputs: dict[str, Callable[[Path], None]]
    """What makes each of its sample files."""
    outputs: tuple[str, ...]
    describe: Callable[[dict[str, Any]], str]
    draw: Callable[[Path], None] | None = None
    """What makes its picture, where the command does not."""

    @property
    def picture(self) -> str:
        """The name of its picture."""
        return f"{self.name}.png"


def inputs_of(steps: Iterable[Step]) -> list[str]:
    """Return the names of all sample files, each once."""
    return list(dict.fromkeys(name for step in steps for name in step.inputs))


def run_step(step: Step, folder: Path, running: Running) -> dict[str, Any]:
    """Make the samples of a step, run its command and draw its picture; return its summary."""
    from boxel.cli.app import boxel

    for name, make in step.inputs.items():
        make(folder / name)
    files = {*inputs_of(STEPS), *step.outputs}
    words = [str(folder / word) if word in files else word for word in step.words]
    words += ["--json", "--force"]
    if running.workers is not None and step.name != "unmix":
        words += ["--workers", str(running.workers)]
    text = io.StringIO()
    with redirect_stdout(text):
        boxel.main(words, prog_name="boxel", standalone_mode=False)
    if step.draw is not None:
        step.draw(folder)
    found: dict[str, Any] = json.loads(text.getvalue())
    return {"job": step.name, "command": f"boxel {' '.join(step.words)}", **_short(found)}


def _short(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is long: thousands of numbers are in the files."""
    return {
        name: value if not isinstance(value, list) or len(value) < 8 else f"{len(value)} of them"
        for name, value in found.items()
    }


def _save(make: Callable[[], Array]) -> Callable[[Path], None]:
    return lambda path: write_array(path, make(), overwrite=True)


def _save_distances(path: Path) -> None:
    bits, names = samples.fingerprints()
    square = expand(tanimoto_distances(bits, condensed=True, dtype="float64"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[f"{each:.6f}" for each in row] for row in square.tolist()])
    with replacing(path) as stream:
        stream.write(text.getvalue().encode())


def _scene() -> Array:
    """Return a piece of the micrograph to be mixed."""
    return samples.cells()[240:420, 100:340].astype(np.float64)


def _draw_regions(folder: Path) -> None:
    """Draw each nucleus in the colour of its mean."""
    from boxel.plot import regions, save_figure

    image, labels = (read_image(folder / name).array for name in ("cells.png", "nuclei.tif"))
    with (folder / "nuclei.csv").open(newline="", encoding="utf-8") as stream:
        means = {int(row["label"]): float(row["mean"]) for row in csv.DictReader(stream)}
    part = np.s_[200:560, 240:720]
    axes: Any = regions(
        labels[part],
        means,
        image=image[part],
        title="mean brightness of each nucleus",
        label="mean gray level",
        cmap="plasma",
    )
    save_figure(axes.figure, folder / "regions.png", overwrite=True)


def _of_map(found: dict[str, Any]) -> str:
    image = f"{shape_text(found['image_shape'])}, {found['image_dtype']}"
    return f"{image} to {shape_text(found['shape'])}, {found['dtype']}, mean {found['mean']:.4g}"


def _of_variance(found: dict[str, Any]) -> str:
    return f"{found['samples']} frames of {shape_text(found['shape'])}, {found['sample_dtype']}"


def _of_regions(found: dict[str, Any]) -> str:
    return f"{found['regions'].removesuffix(' of them')} nuclei: count, mean and deviation of each"


def _of_unmixing(found: dict[str, Any]) -> str:
    return (
        f"{shape_text(found['shape'])} back from a mixture of condition number"
        f" {found['condition_number']:.0f}, {found['digits']:.1f} digits of it"
    )


def _of_clusters(found: dict[str, Any]) -> str:
    return f"{found['items']} compounds in {found['clusters']} families, {found['method']} linkage"


STEPS = (
    Step(
        name="density",
        title="How much of each part of an image is covered?",
        text="A micrograph of cell nuclei. Pixels above Otsu's threshold count as cell, and each"
        " block of 25 x 25 pixels becomes the fraction that counts. Blocks at the edge divide by"
        " the pixels that are there.",
        words=(
            "density", "cells.png", "--block", "25", "--threshold", "otsu", "-o", "density.npy",
            "--plot", "density.png",
        ),
        code="bx.density_map(image > threshold, 25)",
        inputs={"cells.png": _save(samples.cells)},
        outputs=("density.png", "density.npy"),
        describe=_of_map,
    ),
    Step(
        name="filter",
        title="What lies in the box around every voxel?",
        text="A noisy volume of bubbles, and the mean of the box of 5 x 5 x 5 voxels around every"
        " voxel. A NaN would stay in the boxes that hold it, and nothing drifts along a line.",
        words=("filter", "bubbles.npy", "--size", "5", "-o", "smooth.npy", "--plot", "filter.png"),
        code="bx.box_filter(volume, 5)",
        inputs={"bubbles.npy": _save(samples.bubbles)},
        outputs=("filter.png", "smooth.npy"),
        describe=_of_map,
    ),
    Step(
        name="variance",
        title="Which voxels change from frame to frame?",
        text="Sixty frames of a micrograph in which some cells flicker. The mean does not show"
        " which; the variance of each pixel does. Frames are taken in one by one, so that their"
        " number does not matter.",
        words=(
            "variance", "frames.npy", "--axis", "0", "--ddof", "1", "-o", "variance.npy",
            "--plot", "variance.png",
        ),
        code="stats = bx.RunningStats(dtype='uint16')\nfor frame in frames:\n"
        "    stats.update(frame)\nstats.var(ddof=1)",
        inputs={"frames.npy": _save(samples.activity)},
        outputs=("variance.png", "variance.npy"),
        describe=_of_variance,
    ),
    Step(
        name="regions",
        title="What are the statistics of each region?",
        text="Count, mean and standard deviation of the gray levels of every nucleus, from one"
        " pass over image and labels. Each nucleus is drawn in the colour of its mean.",
        words=(
            "regions", "cells.png", "--labels", "nuclei.tif", "--statistics", "count", "mean",
            "std", "--csv", "nuclei.csv",
        ),
        code="bx.label_stats(labels, image, ('count', 'mean', 'std'))",
        inputs={"nuclei.tif": _save(samples.cell_labels)},
        outputs=("regions.png", "nuclei.csv"),
        describe=_of_regions,
        draw=_draw_regions,
    ),
    Step(
        name="unmix",
        title="Which image was it before it was mixed?",
        text="Every column of the mixture is a sum of all columns of an image, with known weights."
        " The image comes back, with a report of how far to trust it: what the singular values"
        " leave of the digits.",
        words=(
            "unmix", "mixed.npy", "--mixing", "mixing.npy", "-o", "unmixed.npy", "--plot",
            "unmix.png",
        ),
        code="result = bx.unmix(mixed, mixing, full_output=True)\nresult.x, result.digits",
        inputs={
            "mixing.npy": _save(samples.mixing_matrix),
            "mixed.npy": _save(lambda: _scene() @ samples.mixing_matrix()),
        },
        outputs=("unmix.png", "unmixed.npy"),
        describe=_of_unmixing,
    ),
    Step(
        name="cluster",
        title="Which compounds belong together?",
        text="Tanimoto distances between the fingerprints of 35 compounds, average linkage, and"
        " the tree cut into five clusters.",
        words=(
            "cluster", "distances.csv", "--clusters", "5", "-o", "clusters.csv", "--plot",
            "cluster.png",
        ),
        code="Z = bx.linkage_from_fingerprints(bits)\nbx.flat_clusters(Z, n_clusters=5)",
        inputs={"distances.csv": _save_distances},
        outputs=("cluster.png", "clusters.csv"),
        describe=_of_clusters,
    ),
)  # fmt: skip
