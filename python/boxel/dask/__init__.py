"""The functions of boxel for dask arrays: lazy, chunk by chunk, on one machine or many.

They have the names and the parameters of those for arrays in memory (but for ``out``), and their
results: blocks and boxes are computed whole, whatever the chunks; statistics of voxels and regions
over many chunks are merged in a tree. Only what lies near the border of a chunk travels to
the task of another.
"""

from boxel.dask._blocks import block_reduce, density_map, pyramid
from boxel.dask._boxes import box_filter, uniform_filter
from boxel.dask._regions import label_stats, masked_mean, masked_stats
from boxel.dask._voxels import voxel_mean, voxel_mean_var, voxel_std, voxel_var

__all__ = [
    "block_reduce",
    "box_filter",
    "density_map",
    "label_stats",
    "masked_mean",
    "masked_stats",
    "pyramid",
    "uniform_filter",
    "voxel_mean",
    "voxel_mean_var",
    "voxel_std",
    "voxel_var",
]
