"""Cases of `RunningStats`: samples in any order and parts, against exact moments."""

import pickle
import tempfile
from pathlib import Path

import numpy as np

import boxel as bx
import cases
import moment_oracle
from campaign.draws import describe, draw_shape, draw_where, lay_out

WITH_DDOF = ("var", "std", "sem")
READINGS = ("mean", "var", "std", "sem", "skewness", "kurtosis")
KEPT = {1: 1, 2: 4, 3: 5, 4: 6}


def draw_stack(draw, dtype, shape):
    """Draw samples whose moments the tolerances below are meant for."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return draw.random.random(shape) < 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if draw.chance(0.3):
            return draw.random.integers(max(limits.min, -3), 4, shape, dtype)
        return draw.random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return (draw.random.normal(0, 8, shape) + draw.choose((0, 100))).astype(dtype)


def castable(dtype):
    """Return the dtypes of statistics that take samples of a dtype."""
    wide = "float16" if dtype == "bool" else dtype
    return (dtype, dtype, "float64", np.promote_types(dtype, wide).name)


class Ledger:
    """The samples that were taken in, with their weights and whether they count."""

    def __init__(self, shape):
        self.shape = shape
        self.samples, self.included, self.weights = [], [], []
        self.weighted = False

    def add(self, sample, included, weights):
        self.samples.append(np.array(sample))
        self.included.append(np.broadcast_to(included, self.shape))
        self.weights.append(np.broadcast_to(np.asarray(weights, np.float64), self.shape))


def draw_options(draw, stack, counting):
    """Draw where and weights of some samples, and which of them count how much."""
    options = {}
    shape = stack.shape
    included, weights = np.broadcast_to(True, shape), np.broadcast_to(1.0, shape)
    if counting != "uniform" and draw.chance(0.6):
        options["where"] = draw_where(draw, shape[1:])
        included = np.broadcast_to(options["where"], shape)
    if counting == "weighted" and draw.chance(0.7):
        options["weights"] = draw.choose((0.5, 1.0, 3.0))
        weights = np.broadcast_to(options["weights"], shape)
    return options, included, weights


def take_in(draw, stats, ledger, dtype, counting, skipna):
    """Take in one sample or a few."""
    many = draw.chance(0.6)
    stack = draw_stack(draw, dtype, (draw.integer(1, 5) if many else 1, *ledger.shape))
    if skipna and stack.dtype.kind == "f":
        stack[draw.random.random(stack.shape) < 0.2] = np.nan
    options, included, weights = draw_options(draw, stack, counting)
    if many and isinstance(options.get("weights"), float):
        options["weights"] = np.full(len(stack), options["weights"])
    if many:
        axis = draw.integer(0, len(ledger.shape))
        given = lay_out(draw, np.moveaxis(stack, 0, axis))
        if "where" in options:
            options["where"] = np.expand_dims(np.broadcast_to(options["where"], ledger.shape), axis)
        draw.call(stats.update_many, given, axis=axis, **options)
    else:
        draw.call(stats.update, lay_out(draw, stack[0]), **options)
    for sample, keeps, load in zip(stack, included, weights, strict=True):
        ledger.add(sample, keeps & ~np.isnan(sample) if skipna else keeps, load)
    ledger.weighted |= "weights" in options


def stored_and_read(draw, stats):
    """Return the statistics after a pickle, a file, a copy or nothing."""
    way = draw.choose(("none", "none", "pickle", "file", "copy"))
    if way == "pickle":
        return pickle.loads(pickle.dumps(stats))
    if way == "file":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "stats"
            stats.save(path)
            return bx.RunningStats.load(path)
    return stats.copy() if way == "copy" else stats


def running_stats(draw):
    dtype = draw.choose(cases.DTYPES)
    kept = draw.choose(castable(dtype))
    shape = draw_shape(draw, 5, most_axes=3)
    moments = draw.integer(1, 4)
    counting = draw.choose(("uniform", "counted", "weighted"))
    skipna = draw.chance(0.3)
    extremes = draw.chance(0.3)
    options = {"moments": moments, "dtype": kept, "skipna": skipna, "extremes": extremes}
    ledger = Ledger(shape)
    parts = []
    for _ in range(draw.integer(1, 3)):
        part = bx.RunningStats(shape if draw.chance(0.5) else None, **options)
        for _ in range(draw.integer(1, 4)):
            take_in(draw, part, ledger, dtype, counting, skipna)
        parts.append(stored_and_read(draw, part))
    stats = parts[0]
    for part in parts[1:]:
        stats = stats + part if draw.chance(0.5) else stats.merge(part)
    draw.calls.insert(0, ("RunningStats", (describe(shape),), options))
    assert_right(draw, stats, ledger)


def assert_right(draw, stats, ledger):
    """Compare everything that is kept with exact moments."""
    stack = np.array(ledger.samples)
    included = np.array(ledger.included)
    weights = np.array(ledger.weights) if ledger.weighted else None
    counts = moment_oracle.of_voxels("count", stack, weights, included)
    np.testing.assert_array_equal(np.broadcast_to(stats.count, ledger.shape), counts)
    if stats.extremes:
        assert_extremes(stats, stack, included, counts)
    widened = stack.dtype.name in ("int64", "uint64") and (
        stats.dtype == np.float64 or stats.moments > 2 or ledger.weighted
    )
    taken = stack.astype(np.float64) if widened else stack
    single = stats.dtype in (np.float16, np.float32)
    finite = np.where(np.isnan(stack), 0, stack).astype(np.float64)
    largest = float(np.abs(finite).max(initial=0))
    for statistic in READINGS[: KEPT[stats.moments]]:
        ddof = draw.choose((0, 1, 2.5)) if statistic in WITH_DDOF else 0
        value = getattr(stats, statistic)
        found = value if statistic == "mean" else value(ddof) if ddof else value(
            *([0] if statistic in WITH_DDOF else [])
        )  # fmt: skip
        wanted = moment_oracle.of_voxels(statistic, taken, weights, included, ddof)
        # The third and fourth moments of a few samples can cancel; they have no unit.
        scale = {"mean": largest, "skewness": 20, "kurtosis": 20}.get(statistic, 0)
        rtol = 3e-7 if single else 5e-12
        np.testing.assert_allclose(
            found, wanted, rtol=rtol, atol=rtol * scale, err_msg=f"{statistic} ddof={ddof}"
        )


def assert_extremes(stats, stack, included, counts):
    if not counts.all():
        return
    least, greatest = stack.min(axis=0), stack.max(axis=0)
    if not included.all():
        flat = stack.reshape(len(stack), -1)
        kept = included.reshape(flat.shape)
        pairs = [(column[keep].min(), column[keep].max()) for column, keep in
                 zip(flat.T, kept.T, strict=True)]  # fmt: skip
        least, greatest = (np.reshape(each, stack.shape[1:]) for each in
                           zip(*pairs, strict=True)) if pairs else (least, greatest)  # fmt: skip
    np.testing.assert_array_equal(stats.min, least)
    np.testing.assert_array_equal(stats.max, greatest)
