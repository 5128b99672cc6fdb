"""The families of calls, and how a case of one is run."""

import time
import traceback

from campaign import blocks, boxes, clustering, large, mixing, refusals, regions, running
from campaign.draws import Draw, describe_call

FAMILIES = {
    "block_reduce": (blocks.block_reduce, 8),
    "density_map": (blocks.density_map, 3),
    "pyramid": (blocks.pyramid, 3),
    "voxels": (blocks.voxels, 5),
    "large_blocks": (large.large_blocks, 2),
    "box_filter": (boxes.box_filter, 8),
    "uniform_filter": (boxes.uniform_filter, 3),
    "large_boxes": (large.large_boxes, 2),
    "volumes_in_units": (large.volumes_in_units, 2),
    "running_stats": (running.running_stats, 4),
    "label_stats": (regions.label_stats, 5),
    "masked_stats": (regions.masked_stats, 4),
    "region_tiles": (regions.region_tiles, 2),
    "geometry": (regions.geometry, 1),
    "linkage": (clustering.linkage, 5),
    "forms": (clustering.forms, 1),
    "tanimoto": (clustering.tanimoto, 2),
    "refusals": (refusals.refusals, 2),
    "mix": (mixing.mix, 1),
    "unmix": (mixing.unmix, 1),
}
"""Each family with its share of the cases."""

_TURNS = tuple(name for name, (_, share) in FAMILIES.items() for _ in range(share))

ROUND = len(_TURNS)
"""Of so many cases in a row, each family has its share."""


def family_of(case):
    """Return the family that a case belongs to: they take turns."""
    return _TURNS[case % len(_TURNS)]


def run_case(seed, case):
    """Run a case; return None, or what differed in which call."""
    name = family_of(case)
    draw = Draw(seed, case)
    try:
        FAMILIES[name][0](draw)
    except Exception as error:
        text = " ".join((str(error).strip() or traceback.format_exc(limit=-3)).split())
        calls = " ; ".join(describe_call(*each) for each in draw.calls[-3:])
        return f"--seed {seed} --case {case} {name}: {type(error).__name__}: {text} in {calls}"
    return None


def run(seed, cases, *, until=None):
    """Yield (case, seconds, failure) for each case, until a moment of the monotonic clock."""
    for case in cases:
        began = time.perf_counter()
        if until is not None and time.monotonic() >= until:
            return
        failure = run_case(seed, case)
        yield case, time.perf_counter() - began, failure
