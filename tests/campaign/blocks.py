"""Cases of `block_reduce`, `density_map`, `pyramid` and of voxels over a stack."""

import math

import numpy as np

import boxel as bx
import cases
import oracle
from campaign.comparison import (
    Bounds,
    Guarded,
    Refusal,
    answer,
    assert_within,
    found_or_refused,
    integer_bounds,
)
from campaign.draws import (
    allocate,
    draw_image,
    draw_shape,
    draw_weights,
    draw_where,
)

STATISTICS = tuple(oracle.STATISTICS)
MERGEABLE = tuple(name for name in STATISTICS if name not in ("median", "mode"))
WEIGHTABLE = ("sum", "mean", "density", "var", "std", "count", "min", "max", "count_nonzero")
BY_FUNCTION = {"sum": np.sum, "mean": np.mean, "max": np.max, "var": np.var, "any": np.any}
SAMPLES = 140
MOST_PADDED = 100_000


def draw_dtype(draw):
    return draw.choose(cases.DTYPES)


def draw_sizes(draw, shape):
    """Draw a block size for each axis; some blocks are longer than their axis."""
    sizes = []
    for length in shape:
        most = max(1, length + 2) if draw.chance(0.3) else 4
        sizes.append(10**9 if draw.chance(0.01) else draw.integer(1, most))
    return sizes


def sizes_argument(draw, shape, most=None):
    """Return what to pass for sizes: one number, one per axis, and the axes they refer to."""
    sizes = draw_sizes(draw, shape) if most is None else most
    if shape and draw.chance(0.25):
        axes = draw.subset(range(len(shape)))
        given = tuple(sizes[axis] for axis in axes)
        signed = tuple(axis - len(shape) if draw.chance(0.3) else axis for axis in axes)
        if len(axes) == 1 and draw.chance(0.5):
            return given[0], signed[0]
        return given, signed
    if shape and draw.chance(0.4):
        return sizes[0], None
    return tuple(sizes), None


def draw_statistics(draw, known, weighted):
    """Draw one name, one function, or a tuple of names."""
    names = WEIGHTABLE if weighted else known
    name = draw.choose(names)
    if draw.chance(0.2):
        return draw.subset(names)[:4]
    if name in BY_FUNCTION and draw.chance(0.2):
        return BY_FUNCTION[name]
    return name


def names_of(statistic):
    if isinstance(statistic, tuple):
        return statistic
    if callable(statistic):
        return (next(name for name, each in BY_FUNCTION.items() if each is statistic),)
    return (statistic,)


def draw_cval(draw, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return draw.choose((0, 0.0, 2.5, -1, math.nan, math.inf))
    return draw.choose((0, 1) if dtype.kind == "b" else (0, 1, 3, 100))


def draw_fill(draw):
    return draw.choose((math.nan, math.nan, 0, 1, 1.0))


def draw_sample_options(draw, image, *, weighted, min_count=True):
    """Draw which samples count, and what boxes without enough of them hold."""
    options = {}
    if draw.chance(0.25):
        options["where"] = draw_where(draw, image.shape)
    if weighted:
        options["weights"] = draw_weights(draw, image.shape)
    if draw.chance(0.25):
        options["skipna"] = draw.chance(0.8)
    if min_count and draw.chance(0.25):
        options["min_count"] = draw.choose((0, 1, 2, 5, 10**30))
    if draw.chance(0.4):
        options["fill_value"] = draw_fill(draw)
    if draw.chance(0.3):
        options["ddof"] = draw.choose((0, 1, 1, 2, 0.5))
    return options


def compare(draw, function, arguments, options, names, ask, *, single, image=None):
    """Ask the oracle for every statistic, and make the call with or without `dtype` and `out`."""
    wanted = {name: None for name in names}
    if draw.chance(0.2):
        wanted = {name: np.dtype(draw_dtype(draw)) for name in names}
        if not single and draw.chance(0.5):
            options = {**options, "dtype": wanted}
        else:
            wanted = dict.fromkeys(names, wanted[names[0]])
            options = {**options, "dtype": wanted[names[0]]}
    given = not any(wanted.values()) and draw.chance(0.25)
    if given:
        wanted = {name: np.dtype(draw_dtype(draw)) for name in names}
    expected = {name: answer(lambda name=name: asked(ask, name, wanted[name])) for name in names}
    outputs = {}
    refused = any(isinstance(each, Refusal) for each in expected.values())
    if given and not refused:
        for name in names:
            # Only one of several can lie upon the image, as no two may overlap.
            place = image if single or name == names[0] else None
            outputs[name] = draw_output(draw, expected[name][0].shape, wanted[name], place)
        views = {name: output.view for name, output in outputs.items()}
        options = {**options, "out": views[names[0]] if single else views}
    elif given:
        options = {**options, "dtype": wanted[names[0]] if single else wanted}
    options["workers"] = draw.workers()
    found = found_or_refused(lambda: draw.call(function, *arguments, **options), expected.values())
    if found is None:
        return
    if single:
        found = {names[0]: found}
    assert list(found) == list(names)
    for name in names:
        assert_within(found[name], *expected[name])
    for name, output in outputs.items():
        assert found[name] is output.view
        output.assert_nothing_else_changed()


def asked(ask, name, dtype):
    """Return the value and its rounding, or bounds where it is rounded to float64 before."""
    value, allowed = ask(name, dtype)
    fractional = oracle.STATISTICS[name].result_kind == "float" or np.any(allowed > 0)
    if dtype is None or dtype.kind not in "iu" or not fractional:
        return value, allowed
    wide, allowed = ask(name, np.dtype(np.float64))
    bounds = integer_bounds(wide, allowed, dtype)
    return Bounds(*(np.where(np.isnan(wide), value, bound) for bound in bounds)), None


def draw_output(draw, shape, dtype, image):
    """Return an output in its own memory, or one that lies upon the image."""
    plain = isinstance(image, np.ndarray) and not np.ma.isMaskedArray(image)
    if plain and image.dtype == dtype and image.flags.writeable and draw.chance(0.7):
        fits = len(shape) == image.ndim and all(
            a <= b for a, b in zip(shape, image.shape, strict=True)
        )
        repeats = any(stride == 0 for stride in image.strides)
        if fits and not repeats:
            return Upon(image[(..., *(slice(length) for length in shape))])
    return Guarded(*allocate(draw, shape, dtype))


class Upon:
    """An output that overlaps an input."""

    def __init__(self, view):
        self.view = view

    def assert_nothing_else_changed(self):
        pass


def block_reduce(draw):
    image = draw_image(draw, draw_dtype(draw), draw_shape(draw, SAMPLES))
    weighted = draw.chance(0.2)
    statistic = draw_statistics(draw, STATISTICS, weighted)
    names = names_of(statistic)
    sizes, axes = sizes_argument(draw, image.shape)
    options = draw_sample_options(draw, image, weighted=weighted)
    options["axes"] = axes
    options["boundary"] = draw.choose(cases.BOUNDARIES)
    if options["boundary"] == "pad":
        sizes = np.minimum(sizes, 12).tolist()
        options["cval"] = draw_cval(draw, image.dtype)

    def ask(name, dtype):
        return oracle.block_reduce_with_rounding(image, sizes, name, dtype=dtype, **options)

    compare(
        draw, bx.block_reduce, (image, sizes, statistic), options, names, ask,
        single=not isinstance(statistic, tuple), image=image,
    )  # fmt: skip


def density_map(draw):
    image = draw_image(draw, draw_dtype(draw), draw_shape(draw, SAMPLES))
    sizes = [min(size, 40) for size in draw_sizes(draw, image.shape)]
    options = {"boundary": draw.choose(cases.BOUNDARIES)}
    if draw.chance(0.6):
        options["stride"] = [draw.choose((1, 1, 2, 3, 7)) for _ in sizes]
    if draw.chance(0.3):
        options["where"] = draw_where(draw, image.shape)

    def ask(name, dtype):
        found = oracle.density_map(image, sizes, dtype=dtype, **options)
        return found, np.zeros(found.shape)

    compare(draw, bx.density_map, (image, sizes), options, ("density",), ask, single=True)


def draw_pyramid_options(draw, shape):
    """Draw factors and when to stop."""
    factors = [draw.choose((1, 2, 2, 3)) for _ in shape]
    if shape:
        factors[draw.integer(0, len(shape) - 1)] = draw.choose((2, 3))
    options = {}
    if draw.chance(0.5) or not shape:
        options["levels"] = draw.integer(0, 2)
    if draw.chance(0.3):
        options["min_size"] = draw.integer(1, 4)
    kind = draw.choose(("one", "tuple", "list"))
    if kind == "list":
        factor = [tuple(factors), 2, 3]
        if "levels" not in options and draw.chance(0.5):
            factor = factor[:1]
        return factor, options
    return (tuple(factors) if kind == "tuple" else 2), options


def pyramid(draw):
    image = draw_image(draw, draw_dtype(draw), draw_shape(draw, SAMPLES, most_axes=3))
    weighted = draw.chance(0.2)
    name = draw.choose(WEIGHTABLE if weighted else STATISTICS)
    factor, options = draw_pyramid_options(draw, image.shape)
    boundary = draw.choose(cases.BOUNDARIES)
    if 0 in image.shape:
        options["levels"] = 1
    options |= draw_sample_options(draw, image, weighted=weighted)
    options["boundary"] = boundary
    sizes = answer(
        lambda: oracle.pyramid_sizes(
            image.shape, factor, levels=options.get("levels"),
            min_size=options.get("min_size", 1), boundary=boundary,
        )
    )  # fmt: skip
    if isinstance(sizes, Refusal):
        found_or_refused(lambda: draw.call(bx.pyramid, image, factor, name, **options), [sizes])
        return
    if boundary == "pad" and any(math.prod(size) > MOST_PADDED for size in sizes):
        return  # the oracle lists each sample of the padding
    empty = "levels" in options and boundary == "trim" and any(
        0 < length < size for each in sizes for length, size in
        zip(image.shape, each, strict=True)
    )  # fmt: skip
    sample_options = {
        key: value for key, value in options.items() if key not in ("levels", "min_size")
    }
    expected = [
        answer(lambda size=size: oracle.block_reduce_with_rounding(
            image, size, name, **sample_options))
        for size in sizes
    ]  # fmt: skip
    if empty:
        expected.append(Refusal("would be empty"))
    options["workers"] = draw.workers()
    found = found_or_refused(
        lambda: draw.call(bx.pyramid, image, factor, name, **options), expected
    )
    if found is not None:
        assert len(found) == len(expected)
        for level, right in zip(found, expected, strict=True):
            assert_within(level, *right)


VOXEL_FUNCTIONS = {"mean": bx.voxel_mean, "var": bx.voxel_var, "std": bx.voxel_std}


def draw_span(draw, shape):
    """Draw the axes of the samples, as given and as a set."""
    if draw.chance(0.2):
        return None, set(range(len(shape)))
    if shape and draw.chance(0.6):
        axis = draw.integer(-len(shape), len(shape) - 1)
        return axis, {axis % len(shape)}
    axes = draw.subset(range(len(shape)), least=0)
    return axes, set(axes)


def voxels(draw):
    """`voxel_mean`, `voxel_var`, `voxel_std` and `voxel_mean_var`."""
    image = draw_image(draw, draw_dtype(draw), draw_shape(draw, SAMPLES))
    names = draw.choose((("mean",), ("var",), ("std",), ("mean", "var")))
    axis, spanned = draw_span(draw, image.shape)
    options = draw_sample_options(draw, image, weighted=draw.chance(0.2))
    if names == ("mean",):
        options.pop("ddof", None)
    sizes = [max(length, 1) if axis in spanned else 1 for axis, length in enumerate(image.shape)]
    keepdims = draw.chance(0.4)
    left = [1 if axis in spanned else length for axis, length in enumerate(image.shape)]
    final = left if keepdims else [n for axis, n in enumerate(left) if axis not in spanned]
    empty = any(image.shape[axis] == 0 for axis in spanned)

    def ask(name, dtype):
        if empty:
            return oracle.block_reduce_with_rounding(
                np.zeros(left, image.dtype), [1] * len(left), name, dtype=dtype,
                **{**options, "where": np.False_, "weights": None},
            )  # fmt: skip
        return oracle.block_reduce_with_rounding(image, sizes, name, dtype=dtype, **options)

    def reshaped(name, dtype):
        return tuple(each.reshape(final) for each in ask(name, dtype))

    def function(*arguments, **given):
        if names != ("mean", "var"):
            return VOXEL_FUNCTIONS[names[0]](*arguments, **given)
        if "out" in given:
            given["out"] = tuple(given["out"].values())
        return dict(zip(names, bx.voxel_mean_var(*arguments, **given), strict=True))

    function.__name__ = "voxel_" + "_".join(names)
    compare(
        draw, function, (image, axis), {**options, "keepdims": keepdims}, names, reshaped,
        single=len(names) == 1,
    )  # fmt: skip
