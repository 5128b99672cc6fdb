"""Calls with something wrong in them: a ValueError or a TypeError, and nothing has changed."""

import math

import numpy as np

import boxel as bx
import cases
from campaign.blocks import draw_dtype
from campaign.draws import allocate, draw_image

NAN = math.nan
IMAGES = (1j, "text", None, object(), np.zeros(3, "M8[s]"), np.zeros(2, "i4,f8"), [[1], [1, 2]])
SHAPE = (4, 6)
SIZES = (0, -1, 2.5, "3", (2, 2, 2), None, True, NAN, 1j, (2, 0))
AXES = (2, -3, (0, 0), "x", 1.0, (0, 5))
WORKERS = (0, -1, 1.5, True, "2")
STATISTICS = ("meen", "", 3, (), np.linalg.norm, None, ("mean", "x"), np.nanmean)
OUTPUTS = ("wrong shape", "complex", "read-only", "repeated", [1.0], 3)
WHERES = (np.ones(SHAPE), np.ones(5, bool), np.ones((3, *SHAPE), bool), 1, "all")
WEIGHTS = (-1.0, NAN, math.inf, 1j, np.ones(5), "heavy", np.full(SHAPE, -0.5))
COMMON = {
    "image": IMAGES,
    "where": WHERES,
    "skipna": (1, "yes", None),
    "min_count": (-1, 1.5, NAN, True, "1"),
    "fill_value": ("0", 1j, None, [1]),
    "ddof": (-1, NAN, math.inf, "0", None, True, 1j),
    "dtype": ("complex64", "O", "nothing", "M8[s]", 3.5),
    "out": OUTPUTS,
    "workers": WORKERS,
}
MODES = ("edge", "", 3, None, ("reflect",), ["wrap", "no"])
FUNCTIONS = {
    "block_reduce": (
        bx.block_reduce,
        {"block_size": 2},
        {
            **COMMON, "block_size": SIZES, "statistic": STATISTICS, "axes": AXES,
            "boundary": MODES, "weights": WEIGHTS,
        },
    ),
    "density_map": (
        bx.density_map,
        {"block_size": 2},
        {
            "image": IMAGES, "block_size": SIZES, "stride": SIZES[:5], "boundary": MODES,
            "where": WHERES, "dtype": COMMON["dtype"], "out": OUTPUTS, "workers": WORKERS,
        },
    ),
    "box_filter": (
        bx.box_filter,
        {"size": 3},
        {
            **COMMON, "size": SIZES, "statistic": (*STATISTICS, "median", "mode"), "axes": AXES,
            "mode": MODES, "origin": (2, -2, 0.0, "x", (0, 0, 0)), "stride": SIZES,
        },
    ),
    "voxel_var": (
        bx.voxel_var,
        {"axis": 0},
        {
            **{("stack" if name == "image" else name): bad for name, bad in COMMON.items()},
            "axis": AXES, "weights": WEIGHTS, "keepdims": (1, None, "no"),
        },
    ),
    "label_stats": (
        bx.label_stats,
        {"labels": np.ones(SHAPE, np.uint8)},
        {
            "labels": (np.ones(SHAPE), np.ones((2, 2), int), "x", 1j),
            "image": IMAGES[:2] + IMAGES[3:], "statistics": STATISTICS[:5] + STATISTICS[6:],
            "index": (1.5, [[1]], "x", [NAN]), "background": (1.5, "0", 2**64, True),
            "channel_axis": AXES, "where": WHERES, "weights": WEIGHTS,
            "skipna": COMMON["skipna"], "ddof": COMMON["ddof"], "workers": WORKERS,
        },
    ),
    "linkage": (
        bx.linkage,
        {},
        {
            "distances": (
                np.ones(4), np.ones((2, 3)), np.eye(3), -np.ones(3), [NAN], 1j, "x", None,
                np.ones((2, 2, 2)), [[0, 1], [3, 0]],
            ),
            "method": ("averge", 3, None), "symmetry_rtol": (-1, NAN, "0"),
            "overwrite": (1, None), "dtype": ("float16", "int32", "x"), "workers": WORKERS,
        },
    ),
}  # fmt: skip


def draw_output(draw, kind, shape):
    """Return an output that does not fit; a value that is no name of one stays as it is."""
    if kind == "wrong shape":
        return np.zeros((*shape, 1))
    if kind == "complex":
        return np.zeros(shape, complex)
    if kind == "read-only":
        output = np.zeros(shape)
        output.flags.writeable = False
        return output
    return np.broadcast_to(np.zeros(()), shape) if kind == "repeated" else kind


def refusals(draw):
    name = draw.choose(tuple(FUNCTIONS))
    function, arguments, spoils = FUNCTIONS[name]
    arguments = dict(arguments)
    if name == "linkage":
        arguments["distances"] = np.arange(1.0, 7.0)
    else:
        given = "stack" if name == "voxel_var" else "image"
        arguments[given] = draw_image(draw, draw_dtype(draw), SHAPE, masked=0)
    wrong = draw.choose(tuple(spoils))
    arguments[wrong] = draw.choose(spoils[wrong])
    output = None
    if wrong == "out":
        shape = {"block_reduce": (2, 3), "density_map": (2, 3), "voxel_var": (6,)}.get(name, SHAPE)
        arguments["out"] = draw_output(draw, arguments["out"], shape)
    elif "out" in spoils and draw.chance(0.3):
        # Whatever else is wrong, a given output is left as it was.
        output, memory = allocate(draw, SHAPE, draw.choose(cases.DTYPES))
        arguments["out"] = output
        before = memory.tobytes()
    message = ""
    try:
        draw.call(function, **arguments)
    except (ValueError, TypeError) as error:
        message = str(error)
    assert message, f"{wrong} was not refused, or without a message"
    assert "incompatible function arguments" not in message, message
    assert output is None or memory.tobytes() == before, "the output changed"
