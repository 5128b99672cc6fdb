"""Statistics over boxes of pixels and voxels, as fast as memory delivers them."""

import importlib
import typing

from boxel._config import (
    get_kept_memory,
    get_workers,
    set_kept_memory,
    set_workers,
    show_config,
)
from boxel._registry import MODES, STATISTICS
from boxel._version import __version__
from boxel.blocks import block_reduce, density_map
from boxel.filters import box_filter, uniform_filter
from boxel.pyramids import pyramid
from boxel.region_tiles import RegionStats
from boxel.regions import label_stats, masked_mean, masked_stats
from boxel.stacks import voxel_mean, voxel_mean_var, voxel_std, voxel_var

if typing.TYPE_CHECKING:
    from boxel.clustering import (
        LINKAGE_METHODS,
        condense,
        cophenetic_distances,
        expand,
        flat_clusters,
        leaf_order,
        linkage,
    )
    from boxel.fingerprints import linkage_from_fingerprints, tanimoto_distances
    from boxel.mixing import (
        IllConditionedError,
        IllConditionedWarning,
        Unmixer,
        UnmixResult,
        mix,
        unmix,
    )
    from boxel.running import (
        Collected,
        CollectionError,
        Progress,
        RunningStats,
        StandardError,
        collect,
    )

__all__ = [
    "LINKAGE_METHODS",
    "MODES",
    "STATISTICS",
    "Collected",
    "CollectionError",
    "IllConditionedError",
    "IllConditionedWarning",
    "Progress",
    "RegionStats",
    "RunningStats",
    "StandardError",
    "UnmixResult",
    "Unmixer",
    "__version__",
    "block_reduce",
    "box_filter",
    "collect",
    "condense",
    "cophenetic_distances",
    "density_map",
    "expand",
    "flat_clusters",
    "get_kept_memory",
    "get_workers",
    "label_stats",
    "leaf_order",
    "linkage",
    "linkage_from_fingerprints",
    "masked_mean",
    "masked_stats",
    "mix",
    "pyramid",
    "set_kept_memory",
    "set_workers",
    "show_config",
    "tanimoto_distances",
    "uniform_filter",
    "unmix",
    "voxel_mean",
    "voxel_mean_var",
    "voxel_std",
    "voxel_var",
]

_LATE = {
    "LINKAGE_METHODS": "boxel.clustering",
    "Collected": "boxel.running",
    "CollectionError": "boxel.running",
    "IllConditionedError": "boxel.mixing",
    "IllConditionedWarning": "boxel.mixing",
    "Progress": "boxel.running",
    "RunningStats": "boxel.running",
    "StandardError": "boxel.running",
    "UnmixResult": "boxel.mixing",
    "Unmixer": "boxel.mixing",
    "collect": "boxel.running",
    "condense": "boxel.clustering",
    "cophenetic_distances": "boxel.clustering",
    "expand": "boxel.clustering",
    "flat_clusters": "boxel.clustering",
    "leaf_order": "boxel.clustering",
    "linkage": "boxel.clustering",
    "linkage_from_fingerprints": "boxel.fingerprints",
    "mix": "boxel.mixing",
    "tanimoto_distances": "boxel.fingerprints",
    "unmix": "boxel.mixing",
}
"""Where to find what is imported when it is first asked for: importing boxel takes milliseconds."""


def __getattr__(name: str) -> typing.Any:
    if name in _LATE:
        value = getattr(importlib.import_module(_LATE[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
