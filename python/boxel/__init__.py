"""Statistics over boxes of pixels and voxels, as fast as memory delivers them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from boxel._config import get_workers, set_workers, show_config
from boxel._registry import MODES, STATISTICS
from boxel._version import __version__
from boxel.blocks import block_reduce, density_map
from boxel.filters import box_filter, uniform_filter
from boxel.pyramids import pyramid

if TYPE_CHECKING:
    from boxel.mixing import (
        IllConditionedError,
        IllConditionedWarning,
        Unmixer,
        UnmixResult,
        mix,
        unmix,
    )

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

_LATE = {
    "IllConditionedError": "boxel.mixing",
    "IllConditionedWarning": "boxel.mixing",
    "UnmixResult": "boxel.mixing",
    "Unmixer": "boxel.mixing",
    "mix": "boxel.mixing",
    "unmix": "boxel.mixing",
}
"""Where to find what is imported when it is first asked for: importing boxel takes milliseconds."""


def __getattr__(name: str) -> Any:
    if name in _LATE:
        value = getattr(import_module(_LATE[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
