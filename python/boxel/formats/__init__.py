"""Files that hold arrays, read and written window by window.

`source` and `sink` say what every format can do; `npy`, `tiff`, `nifti`, `zarr_arrays`, `hdf5` and
`pictures` do it; `table` finds the format of a path, and is the only list of them.
"""

from boxel.formats.sink import Sink
from boxel.formats.source import Source, Window
from boxel.formats.staging import replacing
from boxel.formats.table import create, open_source

__all__ = ["Sink", "Source", "Window", "create", "open_source", "replacing"]
