"""Files larger than memory: the same bits as in memory, within the memory that was allowed."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("tifffile")

import tifffile

import boxel as bx
from boxel.cli.foreground import foreground, otsu_threshold
from boxel.formats import open_source
from boxel.streaming import boxes
from boxel.streaming.arrays import array_cuts, stream_array
from boxel.streaming.blocks import block_axes
from boxel.streaming.collecting import Collector, Summary
from boxel.streaming.pipeline import run as run_parts
from boxel.streaming.windows import Axis, bytes_text, cut_windows
from command_line import fail, make_runner, run
from image_files import same_bits, varied
from subprocesses import PEAK, run_script


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# ------------------------------------------------------------------------------- where it is cut

TRIALS = 25


def a_case(seed):
    random = np.random.default_rng(seed)
    axes = int(random.integers(1, 5))
    longest = {1: 30_000, 2: 400, 3: 60, 4: 20}[axes]
    shape = tuple(map(int, random.integers(1, longest, axes)))
    dtype = random.choice(["f8", "f8", "f4", "i4", "f2"])
    image = varied(shape, dtype, seed)
    if random.random() < 0.3:
        image = np.asfortranarray(image)
    sizes = tuple(map(int, random.integers(1, 12, axes)))
    statistic = str(random.choice(["sum", "mean", "var", "std", "min"]))
    return random, image, sizes, statistic


def streamed(image, axes, expected, compute, random, read=None):
    """Stream through as little memory as will do, or a little more; return the result."""
    np.save("image.npy", image)
    with open_source(Path("image.npy")) as source:
        for share in random.permutation([64, 16, 4]):
            try:
                memory = max(64, image.nbytes // int(share))
                cuts = array_cuts(source, axes(source), expected.dtype, memory)
            except ValueError:
                continue
            result = Collector(expected.shape, expected.dtype, keep=True)
            options = {} if read is None else {"read": read}
            stream_array(source, cuts, compute(axes(source)), result, **options)
            return result.values, len(cuts)
    return None, 0


def cuts_of_blocks(seed):
    """Compare streamed blocks with those in memory; return the number of cuts."""
    random, image, sizes, statistic = a_case(seed)
    boundary = str(random.choice(["partial", "trim", "pad"]))
    options = {"boundary": boundary, "skipna": bool(random.random() < 0.2)}
    expected = bx.block_reduce(image, sizes, statistic, **options)
    if expected.size == 0:
        return 0

    def axes(source):
        return block_axes(
            image.shape, sizes, sizes, expected.shape, source.order,
            statistic=statistic, dtype=source.dtype, skipna=options["skipna"],
        )  # fmt: skip

    def compute(_):
        return lambda cut, part, out: bx.block_reduce(part, sizes, statistic, **options)

    found, cuts = streamed(image, axes, expected, compute, random)
    if found is not None:
        same_bits(found, expected)
    return cuts


@pytest.mark.parametrize("start", range(4))
def test_blocks_have_the_bits_of_the_call_in_memory(start):
    seeds = range(start * TRIALS, (start + 1) * TRIALS)
    assert max(map(cuts_of_blocks, seeds)) > 10


MODES = ["reflect", "mirror", "nearest", "wrap", "valid", "shrink"]


def cuts_of_boxes(seed):
    """Compare streamed boxes with those in memory; return the number of cuts."""
    random, image, sizes, statistic = a_case(seed)
    modes = [str(random.choice(MODES)) for _ in sizes]
    if "shrink" not in modes:
        modes = ["constant" if mode == "nearest" else mode for mode in modes]
    steps = tuple(map(int, random.integers(1, 4, len(sizes))))
    origins = [int(random.integers(-(size // 2), (size - 1) // 2 + 1)) for size in sizes]
    expected = bx.box_filter(
        image, sizes, statistic, mode=modes, origin=origins, stride=steps, cval=3
    )
    if expected.size == 0:
        return 0

    def axes(source):
        return boxes.box_axes(
            image.shape, sizes, steps, origins, modes, source.order,
            statistic=statistic, dtype=source.dtype,
        )  # fmt: skip

    def compute(axes):
        def filtered(cut, part, out):
            used = boxes.modes_of(axes, cut, modes)
            at = [0 if mode == "valid" else o for mode, o in zip(used, origins, strict=True)]
            found = bx.box_filter(
                part, sizes, statistic, mode=used, origin=at, stride=steps, cval=3
            )
            assert found.shape == boxes.filtered_shape(axes, cut, sizes, used)
            return found[boxes.kept_outputs(axes, cut)]

        return filtered

    found, cuts = streamed(image, axes, expected, compute, random, boxes.read_wrapped)
    if found is not None:
        same_bits(found, expected)
    return cuts


@pytest.mark.parametrize("start", range(4))
def test_boxes_have_the_bits_of_the_call_in_memory(start):
    seeds = range(start * TRIALS, (start + 1) * TRIALS)
    assert max(map(cuts_of_boxes, seeds)) > 10


def test_cuts_cover_every_output_once_and_keep_to_the_memory():
    axes = [Axis(37, 370, 10, 10), Axis(11, 11), Axis(5, 50, 10, 10, least=2, unit=2)]

    def cost(samples, outputs):
        return int(np.prod(samples))

    for memory in [370 * 11 * 50, 9000, 1200, 300]:
        seen = np.zeros((37, 11, 5), int)
        for cut in cut_windows(axes, (0, 1, 2), cost, memory):
            seen[cut.outputs] += 1
            assert np.prod([each.stop - each.start for each in cut.inputs]) <= memory * 2.5
        assert (seen == 1).all()
    with pytest.raises(ValueError, match="expected --memory of at least 200 bytes"):
        cut_windows(axes, (0, 1, 2), cost, 100)


def test_sizes_are_written_as_people_do():
    assert [bytes_text(size) for size in (3, 2048, 5 << 20, 3 << 30)] == [
        "3 bytes", "2 KiB", "5 MiB", "3 GiB",
    ]  # fmt: skip


@pytest.mark.parametrize("stage", ["read", "compute", "write"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt(), ValueError("bad")])
def test_what_one_stage_raises_stops_all(stage, error):
    done = []

    def step(name):
        def act(part, *rest):
            if name == stage and part == 3:
                raise error
            done.append((name, part))
            return part

        return act

    with pytest.raises(type(error)):
        run_parts(range(100), step("read"), step("compute"), step("write"), lambda share: None)
    assert len(done) < 20


def test_a_summary_of_parts_is_that_of_the_whole():
    values = varied((50, 40), "f8")
    values[3, 4:9] = np.nan
    values[5, 5] = np.inf
    summary = Summary()
    for part in np.array_split(values, 7):
        summary.take(part)
    finite = values[np.isfinite(values)]
    assert (summary.least, summary.greatest) == (finite.min(), finite.max())
    assert summary.not_finite == 6
    assert summary.mean == pytest.approx(finite.mean(), rel=1e-12)


# ----------------------------------------------------------------------------------- commands

VOLUME = varied((30, 60, 70), "f8")
TINY = "100kB"


@pytest.fixture
def volume():
    np.save("volume.npy", VOLUME)
    return "volume.npy"


@pytest.mark.parametrize("statistic", ["mean", "sum", "std", "median", "max"])
def test_reduce_is_the_same_for_any_memory(volume, statistic):
    options = ["--block", "4", "5", "6", "--statistic", statistic, "-q", "-o"]
    run("reduce", volume, *options, "whole.npy")
    run("reduce", volume, *options, "parts.npy", "--memory", TINY)
    expected = bx.block_reduce(VOLUME, (4, 5, 6), statistic)
    for name in ("whole.npy", "parts.npy"):
        same_bits(np.load(name), expected)


@pytest.mark.parametrize("mode", ["reflect", "wrap", "shrink", "valid", "constant,nearest,mirror"])
def test_filter_is_the_same_for_any_memory(volume, mode):
    run("filter", volume, "--size", 5, "--mode", mode, "-o", "parts.npy", "--memory", "300kB")
    modes = mode.split(",") if "," in mode else mode
    same_bits(np.load("parts.npy"), bx.box_filter(VOLUME, 5, mode=modes))


@pytest.mark.parametrize("options", [[], ["--stride", "2", "3", "4"], ["--threshold", "otsu"]])
@pytest.mark.parametrize("boundary", ["partial", "trim", "pad"])
def test_density_is_the_same_for_any_memory(volume, options, boundary):
    options = [*options, "--boundary", boundary, "--block", 6, "-o", "parts.npy", "--json"]
    record = json.loads(run("density", volume, *options, "--memory", TINY))
    counted, stride = VOLUME, None
    if "otsu" in options:
        assert record["threshold"] == otsu_threshold(VOLUME)
        counted, _ = foreground(VOLUME, threshold="otsu")
    if "--stride" in options:
        stride = (2, 3, 4)
    expected = bx.density_map(counted, 6, stride=stride, boundary=boundary)
    same_bits(np.load("parts.npy"), expected)
    assert record["mean"] == pytest.approx(expected.mean())


def test_density_of_colours_is_the_same_for_any_memory():
    image = varied((120, 90, 3), "u1")
    tifffile.imwrite("a.tif", image, photometric="rgb", compression="zlib", tile=(32, 32))
    options = ["--block", "7", "--threshold", "otsu", "-q", "-o"]
    run("density", "a.tif", *options, "whole.png")
    run("density", "a.tif", *options, "parts.png", "--memory", "30kB")
    assert Path("whole.png").read_bytes() == Path("parts.png").read_bytes()


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_variance_is_the_same_for_any_memory(dtype, axis):
    stack = varied((21, 12, 30), dtype)
    np.save("stack.npy", stack)
    options = ["--axis", axis, "-q", "--ddof", 1]
    run("variance", "stack.npy", *options, "-o", "whole.npy", "--mean", "whole-mean.npy")
    run("variance", "stack.npy", *options, "-o", "parts.npy", "--mean", "parts-mean.npy",
        "--memory", "8kB")  # fmt: skip
    expected = bx.RunningStats(dtype=dtype).update_many(stack, axis=axis)
    for name in ("whole", "parts"):
        same_bits(np.load(f"{name}.npy"), expected.var(1))
        same_bits(np.load(f"{name}-mean.npy"), expected.mean)


def test_variance_of_many_files_part_by_part():
    stack = varied((7, 9, 40), "f8")
    for number, sample in enumerate(stack):
        np.save(f"{number}.npy", sample)
    names = [f"{number}.npy" for number in range(7)]
    run("variance", *names, "-o", "var.npy", "-q", "--memory", "4kB")
    expected = bx.RunningStats()
    for sample in stack:
        expected.update(sample)
    same_bits(np.load("var.npy"), expected.var())
    np.save("6.npy", stack[6, :5])
    message = fail("variance", *names, "-o", "v.npy", "--memory", "4kB")
    assert message == "6.npy: a sample of the stack has shape (5, 40), expected (9, 40) as in 0.npy"
    for shape in [(10, 40), (9, 41), (9,), (9, 40, 1)]:
        np.save("6.npy", np.zeros(shape))
        for memory in ("4kB", "1GB"):
            message = fail("variance", *names, "-o", "v.npy", "--memory", memory)
            assert message.startswith(f"6.npy: a sample of the stack has shape {shape}")
    np.save("6.npy", stack[6])
    message = fail("variance", *names, "--checkpoint", "run.state", "--memory", "4kB")
    assert "--checkpoint needs the statistics of all voxels in memory" in message


def region_rows(*options):
    return json.loads(run("regions", *options, "--json"))["regions"]


def test_regions_are_the_same_for_any_memory(monkeypatch):
    labels = np.random.default_rng(1).integers(0, 40, (64, 80)).astype("i4")
    image = varied((64, 80, 3), "u1")
    np.save("labels.npy", labels)
    np.save("image.npy", image)
    np.save("mask.npy", labels > 20)
    names = "count,mean,sum,std,min,max,centroid,bounding_box"
    options = ["image.npy", "--labels", "labels.npy", "--statistics", names]
    monkeypatch.setattr("boxel.cli.regions_job._HELD_BYTES", 0)
    assert region_rows(*options, "--memory", "20kB") == region_rows(*options)
    options = ["image.npy", "--mask", "mask.npy"]
    assert region_rows(*options, "--memory", "20kB") == region_rows(*options)
    message = fail(*["regions", *options], "--statistics", "median", "--memory", "20kB")
    assert "median and mode need all samples of a region: expected --memory of at least" in message


def wide_samples(shape, dtype):
    """Return samples whose sums depend on every addition, and cancel."""
    random = np.random.default_rng(2)
    if np.dtype(dtype).kind != "f":
        return random.integers(0, 2**15, shape).astype(dtype)
    image = random.normal(50, 10, shape) * 10.0 ** random.integers(-3, 9, shape)
    return np.where(random.random(shape) < 0.5, image, -image).astype(dtype)


def stored(values):
    """Return columns of numbers as a file holds them: rounded to nothing coarser."""
    return np.concatenate([each.reshape(len(each), -1) for each in values], axis=1)


# Large enough to be cut into pieces with states of their own; chunks are cut by the tiles.
LARGE = (1511, 1451)


@pytest.mark.parametrize("statistics", [("mean", "count", "std", "max", "centroid"), ("sum",)])
@pytest.mark.parametrize("dtype", ["f4", "f8", "u2"])
@pytest.mark.parametrize(
    ("order", "label_order", "channels", "channel_axis", "options"),
    [
        ("C", "C", (), None, {}),
        ("F", "C", (), None, {"skipna": True}),
        ("C", "F", (2,), 2, {}),
        ("C", "C", (2,), 0, {"skipna": True}),
        ("C", "C", (2,), 1, {}),
        ("F", "C", (2,), 1, {}),
    ],
)
def test_regions_have_the_bits_of_the_call_in_memory(
    monkeypatch, order, label_order, channels, channel_axis, options, dtype, statistics
):
    labels = np.random.default_rng(1).integers(0, 9, LARGE).astype("u1")
    labels[:, 400:1300] = 5
    image = wide_samples((*LARGE, *channels), dtype)
    if "skipna" in options and dtype != "u2":
        image[3, 7] = np.nan
    if channels:
        image = np.moveaxis(image, -1, channel_axis)
    np.save("labels.npy", np.array(labels, order=label_order))
    np.save("image.npy", np.array(image, order=order))
    monkeypatch.setattr("boxel.cli.regions_job._HELD_BYTES", 0)
    words = ["regions", "image.npy", "--labels", "labels.npy", "--statistics", ",".join(statistics)]
    words += ["--skipna"] if options else []
    words += [] if channel_axis is None else ["--channel-axis", str(channel_axis)]
    run(*words, "--memory", "5MB", "--csv", "small.csv")
    run(*words, "--csv", "large.csv")
    assert Path("small.csv").read_text() == Path("large.csv").read_text()
    # The pixels in the order of the file, one behind the other.
    pixels = np.moveaxis(image, channel_axis, -1) if channels else image
    axes = (1, 0) if order == "F" else (0, 1)
    pixels = np.ascontiguousarray(pixels.transpose(*axes, *range(2, pixels.ndim)))
    expected = bx.label_stats(
        np.ascontiguousarray(labels.transpose(axes)), pixels, statistics, **options
    )
    if order == "F" and "centroid" in expected:
        expected["centroid"] = expected["centroid"][:, ::-1]
    found = np.loadtxt("small.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(found, stored(expected.values()))


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
def test_a_mask_has_the_bits_of_the_call_in_memory(monkeypatch, dtype):
    mask = np.random.default_rng(1).random(LARGE) < 0.7
    image = wide_samples(LARGE, dtype)
    np.save("mask.npy", mask)
    np.save("image.npy", image)
    monkeypatch.setattr("boxel.cli.regions_job._HELD_BYTES", 0)
    words = ["image.npy", "--mask", "mask.npy", "--statistics", "mean,std,sum", "--memory", "5MB"]
    expected = bx.masked_stats(image, mask, ("mean", "std", "sum"))
    assert region_rows(*words) == [{name: float(each) for name, each in expected.items()}]


def test_sums_of_packed_samples_do_not_follow_the_tiles(monkeypatch):
    image = np.zeros((64, 2048), "f4")
    image[0] = 1
    image[40, :4], image[40, 4:8] = 1e20, -1e20
    labels = np.ones(image.shape, "u1")
    labels[:, ::2], labels[:, ::3] = 2, 3
    far = labels.astype("i4") + np.where(labels == 3, 2**20, 0).astype("i4")
    np.save("image.npy", image)
    monkeypatch.setattr("boxel.cli.regions_job._HELD_BYTES", 0)
    for number, each in enumerate((labels, far)):
        np.save(f"{number}.npy", each)
        words = ["image.npy", "--labels", f"{number}.npy", "--statistics", "sum"]
        assert region_rows(*words, "--memory", "200kB") == region_rows(*words)


@pytest.mark.parametrize("memory", ["20kB", "1GB"])
def test_bad_regions_are_refused_for_any_memory(monkeypatch, memory):
    image = varied((64, 80), "f8")
    np.save("image.npy", image)
    np.save("labels.npy", np.ones(image.shape))
    np.save("mask.npy", np.ones(image.shape, bool))
    monkeypatch.setattr("boxel.cli.regions_job._HELD_BYTES", 0)
    labels = ["regions", "image.npy", "--labels", "labels.npy", "--memory", memory]
    assert "labels must be integers" in fail(*labels, "--statistics", "mean")
    mask = ["regions", "image.npy", "--mask", "mask.npy", "--memory", memory]
    assert "ddof" in fail(*mask, "--statistics", "std", "--ddof", "-1")
    assert "unknown statistic 'centroid'" in fail(*mask, "--statistics", "mean,centroid")


def test_regions_of_a_single_pixel():
    np.save("image.npy", np.array(5.0))
    np.save("labels.npy", np.array(1, "u1"))
    assert region_rows("image.npy", "--labels", "labels.npy", "--statistics", "mean") == [
        {"label": 1, "mean": 5.0}
    ]


def test_masks_of_two_kinds_in_one_file(monkeypatch):
    mask = np.zeros((64, 80), "u1")
    mask[3, 3], mask[50, 50] = 1, 255
    np.save("mask.npy", mask)
    np.save("image.npy", varied((64, 80), "u1"))
    monkeypatch.setattr("boxel.cli.regions_job._HELD_BYTES", 0)
    for memory in ("1kB", "1GB"):
        message = fail("regions", "image.npy", "--mask", "mask.npy", "--memory", memory)
        assert "mask holds the values 0, 1, 255" in message


def test_memory_that_does_not_do(volume):
    message = fail("reduce", volume, "--block", 30, "--memory", "1kB")
    assert message.startswith("expected --memory of at least ")
    least = message.split("at least ")[1].split(" for")[0].replace(" ", "")
    run("reduce", volume, "--block", 30, "--memory", least, "-q")
    assert "expected a size such as 512MiB" in fail("reduce", volume, "--block", 2, "--memory", "x")
    message = fail("filter", volume, "--size", 3, "--plot", "a.png", "--memory", "1MB")
    assert "--plot needs the whole image and its result in memory" in message


def test_interrupted_while_it_streams(volume, monkeypatch):
    calls = []

    def stumble(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return bx.block_reduce(*arguments, **options)

    monkeypatch.setattr("boxel.cli.reduce_job.block_reduce", stumble)
    words = ["reduce", volume, "--block", "3", "-o", "out.npy", "--memory", TINY]
    from boxel.cli.app import boxel

    result = make_runner().invoke(boxel, words)
    assert result.exit_code == 130
    assert result.stderr.strip() == "boxel: interrupted"
    assert os.listdir() == [volume]


@pytest.mark.parametrize("name", ["out.npy", "out.tif", "out.zarr", "out.h5"])
@pytest.mark.skipif(os.name == "nt", reason="needs a limit on file sizes")
def test_a_disk_that_fills_up_while_it_streams(volume, name):
    if "zarr" in name:
        pytest.importorskip("zarr")
    if "h5" in name:
        pytest.importorskip("h5py")
    script = """
        import resource, sys
        from boxel.__main__ import main
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        sys.argv[1:] = ["filter", "volume.npy", "--size", "3", "-o", sys.argv[1]]
        sys.argv += ["--memory", "1MB"]
        sys.stderr = sys.stdout
        try:
            main()
        except SystemExit as exit:
            print("code", exit.code)
    """
    lines = run_script(script, name).splitlines()
    assert lines[-1] == "code 2"
    assert len(lines) == 2
    assert lines[0].startswith("boxel: error: ")
    assert os.listdir() == [volume]


def test_no_room_on_the_disk_is_found_before_the_work(volume, monkeypatch):
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(100, 0, 100))
    monkeypatch.setattr("boxel.cli.filter_job.stream_array", None)
    message = fail("filter", volume, "--size", 3, "-o", "out.npy")
    assert message.startswith("cannot write out.npy: it needs 1008000 bytes, and the disk has 100")


PEAK_SCRIPT = (
    PEAK
    + """
import sys
from boxel.__main__ import main
try:
    main()
except SystemExit:
    print(peak())
"""
)


def peak_of(*words):
    """Return the memory that a command took at most, in MiB."""
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", PEAK_SCRIPT, *map(str, words)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


def write_large(name, planes):
    from numpy.lib.format import open_memmap

    stored = open_memmap(name, "w+", dtype="f4", shape=(planes, 512, 1024))
    stored[...] = np.arange(1024, dtype="f4")
    del stored


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
@pytest.mark.parametrize("words", [("reduce", "--block", 2), ("filter", "--size", 5)])
def test_resident_memory(words):
    write_large("large.npy", 128)  # 256 MiB
    words = (words[0], "large.npy", *words[1:], "-o", "out.npy", "-q", "--memory", "32MiB")
    assert peak_of(*words) < 32 + 150


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
@pytest.mark.parametrize("words", [("reduce", "--block", 2), ("filter", "--size", 5)])
def test_resident_memory_of_a_large_file(words):
    write_large("large.npy", 1024)  # 2 GiB
    words = (words[0], "large.npy", *words[1:], "-o", "out.npy", "-q", "--memory", "512MiB")
    assert peak_of(*words) < 512 + 200
