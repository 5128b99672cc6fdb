"""Statistics over boxes of pixels and voxels, as fast as memory delivers them."""

from boxel._config import get_workers, set_workers, show_config
from boxel._registry import MODES, STATISTICS
from boxel._version import __version__
from boxel.blocks import block_reduce, density_map
from boxel.filters import box_filter, uniform_filter
from boxel.mixing import (
    IllConditionedError,
    IllConditionedWarning,
    Unmixer,
    UnmixResult,
    mix,
    unmix,
)
from boxel.pyramids import pyramid

__all__ = [
    "MODES",
    "STATISTICS",
    "IllConditionedError",
    "IllConditionedWarning",
    "UnmixResult",
    "Unmixer",
    "__version__",
    "block_reduce",
    "box_filter",
    "density_map",
    "get_workers",
    "mix",
    "pyramid",
    "set_workers",
    "show_config",
    "uniform_filter",
    "unmix",
]
