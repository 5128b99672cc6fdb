"""Random choices of a case: arrays in any memory layout, options, and a record of the call."""

import itertools
import math

import numpy as np

import cases

WORKERS = (None, 1, 1, 2, 3, 5)
SHIFT = 3  # the most samples of padding before an array


class Draw:
    """The random numbers of one case; it remembers the calls made with them."""

    def __init__(self, *seed):
        self.random = np.random.default_rng(seed)
        self.calls = []

    def chance(self, probability):
        return bool(self.random.random() < probability)

    def integer(self, low, high):
        """Return an int from `low` to `high`, both included."""
        return int(self.random.integers(low, high, endpoint=True))

    def choose(self, items):
        return items[self.integer(0, len(items) - 1)]

    def subset(self, items, least=1):
        """Return at least `least` of the items in any order."""
        order = self.random.permutation(len(items))
        return tuple(items[index] for index in order[: self.integer(least, len(items))])

    def seed(self):
        return self.integer(0, 2**31)

    def workers(self):
        return self.choose(WORKERS)

    def call(self, function, *arguments, **options):
        """Call a function; its inputs must be the same afterwards, unless one is `out`."""
        self.calls.append((function.__name__, arguments, options))
        outputs = arrays_in(options.get("out"), options.get("output"))
        inputs = [
            array
            for array in arrays_in(*arguments, *options.values())
            if not any(np.may_share_memory(array, output) for output in outputs)
        ]
        before = [array.tobytes() for array in inputs]
        try:
            return function(*arguments, **options)
        finally:
            after = [array.tobytes() for array in inputs]
            assert after == before, "an input was changed"


def arrays_in(*values):
    """Return the arrays among values, dicts and sequences."""
    found = []
    for value in values:
        if isinstance(value, np.ndarray):
            found.append(np.ma.getdata(value))
            if np.ma.isMaskedArray(value):
                found.append(np.ma.getmaskarray(value))
        elif isinstance(value, dict):
            found += arrays_in(*value.values())
        elif isinstance(value, (list, tuple)):
            found += arrays_in(*value)
    return found


# Shapes and values --------------------------------------------------------------------------------


def draw_shape(draw, most_samples, most_axes=4, least_axes=0):
    """Draw a shape: some are empty, some have one long axis."""
    ndim = draw.choose([ndim for ndim in (0, 1, 1, 2, 2, 2, 3, 3, 4, 5) if
                        least_axes <= ndim <= most_axes])  # fmt: skip
    left = most_samples
    shape = [1] * ndim
    for axis in draw.random.permutation(ndim):
        longest = max(1, left if draw.chance(0.15) else int(left ** (1 / ndim)) + 2)
        shape[axis] = min(draw.integer(1, longest), left)
        left = max(1, left // shape[axis])
    if ndim and draw.chance(0.03):
        shape[draw.integer(0, ndim - 1)] = 0
    return tuple(shape)


def draw_values(draw, dtype, shape):
    """Draw samples: ordinary ones, special ones, constants, large offsets, wide ranges."""
    dtype = np.dtype(dtype)
    seed = draw.seed()
    if dtype.kind != "f":
        if draw.chance(0.1):
            return np.full(shape, draw.choose(cases.make_image(dtype, (8,), seed)), dtype)
        return cases.make_image(dtype, shape, seed)
    kind = draw.choose(("ordinary", "ordinary", "specials", "constant", "offset", "wide"))
    if kind == "specials":
        return cases.make_image_with_specials(dtype, shape, seed)
    if kind == "constant":
        return np.full(shape, draw.random.normal(0, 100), dtype)
    if kind == "offset":
        offset = {"float16": 1024, "float32": 1e6, "float64": 1e9}[dtype.name]
        return (draw.random.normal(0, 3, shape) + offset).astype(dtype)
    if kind == "wide":
        exponents = {"float16": 4, "float32": 30, "float64": 60}[dtype.name]
        powers = draw.random.integers(-exponents, exponents, shape).astype(np.float64)
        return (draw.random.normal(0, 1, shape) * 10**powers).astype(dtype)
    return cases.make_image(dtype, shape, seed)


def draw_where(draw, shape):
    """Draw a mask that broadcasts to a shape."""
    where = np.asarray(draw.random.random(broadcasting_shape(draw, shape)) < draw.choose(
        (0.1, 0.5, 0.9, 1.0)))  # fmt: skip
    return lay_out(draw, where)


def draw_weights(draw, shape):
    """Draw weights of any dtype that broadcast to a shape."""
    dtype = draw.choose(cases.DTYPES)
    weights = cases.make_weights(broadcasting_shape(draw, shape), draw.seed(), dtype)
    return lay_out(draw, weights)


def broadcasting_shape(draw, shape):
    if draw.chance(0.7):
        return shape
    shape = shape[draw.integer(0, len(shape)) :]
    return tuple(1 if draw.chance(0.3) else length for length in shape)


# Layouts ------------------------------------------------------------------------------------------


def repeat_some_axes(draw, values):
    """Return values of which some axes repeat one sample."""
    kept = tuple(slice(1) if draw.chance(0.5) else slice(None) for _ in values.shape)
    return np.broadcast_to(values[kept], values.shape)


def lay_out(draw, values, writeable=False):
    """Return an array of the same values somewhere in a larger piece of memory.

    Axes lie in any order, forward or backward, with gaps; samples may be unaligned or of the other
    byte order, and what lies around them would show if it were read.
    """
    if draw.chance(0.3):
        return np.array(values, order="C")
    repeated = [stride == 0 and length > 1 for stride, length in
                zip(values.strides, values.shape, strict=True)]  # fmt: skip
    if any(repeated) and not writeable:
        core = values[tuple(slice(1) if each else slice(None) for each in repeated)]
        return np.broadcast_to(lay_out(draw, core), values.shape)
    view, _ = allocate(draw, values.shape, values.dtype)
    view[...] = values
    if not writeable and draw.chance(0.15):
        view.flags.writeable = False
    return view


def allocate(draw, shape, dtype):
    """Return a strided view and the memory around it."""
    dtype = np.dtype(dtype)
    if draw.chance(0.2):
        dtype = dtype.newbyteorder("S")
    order = draw.random.permutation(len(shape))
    steps = [draw.choose((1, 1, 1, -1, 2, -3)) for _ in shape]
    starts = [draw.choose((0, 0, 1, SHIFT)) for _ in shape]
    lengths = [
        start + max(length * abs(step), 1) + draw.choose((0, 0, 1))
        for length, step, start in zip(shape, steps, starts, strict=True)
    ]
    stored = [lengths[axis] for axis in order]
    memory = cases.spoiled(math.prod(stored), dtype.newbyteorder("=")).astype(dtype)
    if draw.chance(0.15):
        unaligned = np.zeros(memory.nbytes + 1, np.uint8)[1:].view(dtype)
        unaligned[...] = memory
        memory = unaligned
    view = memory.reshape(stored).transpose(np.argsort(order))
    for axis, (length, step, start) in enumerate(zip(shape, steps, starts, strict=True)):
        taken = slice(start, start + length * abs(step), abs(step))
        view = view[(slice(None),) * axis + (taken,)]
        if step < 0:
            view = np.flip(view, axis)
    assert view.shape == tuple(shape)
    return view, memory


def draw_image(draw, dtype, shape, masked=0.1):
    """Draw an image in any layout, now and then a masked array."""
    values = draw_values(draw, dtype, shape)
    if draw.chance(0.1):
        values = repeat_some_axes(draw, values)
    image = lay_out(draw, values)
    if draw.chance(masked):
        image = np.ma.array(image, mask=lay_out(draw, draw.random.random(shape) < 0.3))
    return image


def describe(value):
    """Return what a call was given, in one line."""
    if np.ma.isMaskedArray(value):
        return f"masked({describe(value.data)})"
    if isinstance(value, np.ndarray):
        frozen = "" if value.flags.writeable else " read-only"
        return f"<{value.dtype.str} {value.shape} strides {value.strides}{frozen}>"
    if isinstance(value, (list, tuple)) and arrays_in(value):
        return f"[{', '.join(map(describe, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {describe(each)}' for name, each in value.items())}}}"
    return getattr(value, "__name__", None) or repr(value)


def describe_call(name, arguments, options):
    given = itertools.chain(
        map(describe, arguments), (f"{name}={describe(each)}" for name, each in options.items())
    )
    return f"{name}({', '.join(given)})"
