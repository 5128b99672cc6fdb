"""The accessor that `boxel.xarray` registers: boxel's functions by dimension."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from boxel import blocks, filters, pyramids
from boxel._calls import Statistic, Statistics
from boxel.xarray._coordinates import rebuilt, results, sliced, windowed
from boxel.xarray._dimensions import axes_of, by_axis, dims_of, for_dims, laid_out
from boxel.xarray._modules import functions_for, xr
from boxel.xarray._regions import label_stats, masked_stats

__all__ = ["BoxelAccessor"]

Dims = Hashable | Sequence[Hashable] | None
PerDim = int | Mapping[Hashable, int]


@xr.register_dataarray_accessor("boxel")  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
class BoxelAccessor:
    """boxel's functions for an `xarray.DataArray`, as ``array.boxel``.

    Sizes go by dimension, as in ``{"y": 8, "x": 8}``; one number is for all dimensions. Options
    ``where`` and ``weights`` may be DataArrays, which must be aligned and broadcast by their
    dimensions. Results keep the name and the attributes. Where several statistics are asked for,
    they are the variables of a Dataset. An array that is chunked with dask gives lazy results, as
    `boxel.dask` makes them.

    Coordinates along dimensions that are not reduced are kept. Along those of blocks they become
    block centres: the means of numbers and of times (exact to the unit of a datetime64) over the
    samples that are really in the block; coordinates without a mean, such as words, are dropped.
    Those along dimensions that are reduced altogether are dropped.
    """

    def __init__(self, array: xr.DataArray) -> None:
        self._array = array

    def block_reduce(
        self,
        block_size: PerDim,
        statistic: Statistic | Statistics = "mean",
        *,
        boundary: str = "partial",
        **options: Any,
    ) -> Any:
        """Compute a statistic of every block: `boxel.block_reduce`.

        Parameters
        ----------
        block_size : int or mapping of int by dimension
            Samples per block; dimensions that are not named are not reduced.
        statistic, boundary
            As for `boxel.block_reduce`.
        **options
            As for `boxel.block_reduce`: cval, where, weights, skipna, min_count, fill_value, ddof,
            dtype, workers.

        Returns
        -------
        xarray.DataArray, or Dataset of several statistics
            With block centres as coordinates.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described; the message says what was found.

        Examples
        --------
        >>> import numpy as np
        >>> import xarray as xr
        >>> import boxel.xarray
        >>> day = np.arange("2024-03-01", "2024-03-07", dtype="datetime64[D]")
        >>> rain = xr.DataArray([0.0, 2, 4, 0, 0, 3], {"day": day.astype("datetime64[s]")}, "day")
        >>> three = rain.boxel.block_reduce({"day": 3}, "sum")
        >>> three.values
        array([6., 3.])
        >>> three.day.values
        array(['2024-03-02T00:00:00', '2024-03-05T00:00:00'],
              dtype='datetime64[s]')
        """
        array = self._array
        dims, sizes = by_axis(array, block_size, "block_size")
        axes = axes_of(array, dims)
        options = self._options(options)
        found = functions_for(array.variable.data).block_reduce(
            array.variable.data, sizes, statistic, axes=axes, boundary=boundary, **options
        )
        size, counts = blocks.tiles(array.shape, sizes, axes, boundary)
        return windowed(array, found, dims, size, size, counts)

    def density_map(
        self,
        block_size: PerDim,
        *,
        stride: PerDim | None = None,
        boundary: str = "partial",
        **options: Any,
    ) -> xr.DataArray:
        """Compute the fraction of nonzero samples in every block: `boxel.density_map`.

        Parameters
        ----------
        block_size, stride : int or mapping of int by dimension
            Samples per block, and from block to block (default: as many).
        boundary
            As for `boxel.density_map`.
        **options
            As for `boxel.density_map`: where, dtype, workers.

        Returns
        -------
        xarray.DataArray
            With block centres as coordinates.

        Examples
        --------
        >>> import xarray as xr
        >>> import boxel.xarray
        >>> xr.DataArray([0, 1, 1, 1], dims="x").boxel.density_map({"x": 2}).values
        array([0.5, 1. ])
        """
        array = self._array
        dims, given = by_axis(array, block_size, "block_size")
        axes = axes_of(array, dims)
        steps = given if stride is None else for_dims(array, stride, dims, "stride", 1)
        sizes, _ = blocks.tiles(array.shape, given, axes, "partial")
        strides, _ = blocks.tiles(array.shape, steps, axes, "partial")
        _, _, counts = blocks.strided_windows(array.shape, sizes, strides, boundary)
        found = functions_for(array.variable.data).density_map(
            array.variable.data, sizes, stride=strides, boundary=boundary, **self._options(options)
        )
        result = windowed(array, found, dims, sizes, strides, counts)
        assert isinstance(result, xr.DataArray)
        return result

    def pyramid(
        self,
        factor: PerDim | Sequence[Mapping[Hashable, int]] = 2,
        statistic: Statistic | Statistics = "mean",
        *,
        levels: int | None = None,
        min_size: int = 1,
        boundary: str = "partial",
        **options: Any,
    ) -> list[Any]:
        """Compute ever coarser levels, each from the array's own samples: `boxel.pyramid`.

        Parameters
        ----------
        factor : int, mapping of int by dimension, or list of these
            How much coarser a level is than the one before.
        statistic, levels, min_size, boundary
            As for `boxel.pyramid`.
        **options
            As for `block_reduce`.

        Returns
        -------
        list of xarray.DataArray, or of Datasets
            From fine to coarse.

        Examples
        --------
        >>> import numpy as np
        >>> import xarray as xr
        >>> import boxel.xarray
        >>> image = xr.DataArray(np.ones((8, 6)), dims=("y", "x"))
        >>> [dict(level.sizes) for level in image.boxel.pyramid({"x": 2})]
        [{'y': 8, 'x': 3}, {'y': 8, 'x': 2}, {'y': 8, 'x': 1}]
        """
        array = self._array
        listed = isinstance(factor, Sequence)
        named: list[Any] = list(factor) if isinstance(factor, Sequence) else [factor]
        pairs = [by_axis(array, each, "factor") for each in named]
        reduced = {dim for dims, _ in pairs for dim in dims}
        dims = [dim for dim in array.dims if dim in reduced]
        steps = [for_dims(array, each, dims, "factor", 1) for each in named]
        lengths = [array.sizes[dim] for dim in dims]
        totals = pyramids.level_sizes(
            lengths, axes_of(array, dims), steps if listed else steps[0], levels, min_size, boundary
        )
        return [
            self.block_reduce(
                dict(zip(dims, total, strict=True)), statistic, boundary=boundary, **options
            )
            for total in totals
        ]

    def box_filter(
        self,
        size: PerDim,
        statistic: Statistic | Statistics = "mean",
        *,
        mode: str | Mapping[Hashable, str] = "reflect",
        origin: PerDim = 0,
        stride: PerDim = 1,
        **options: Any,
    ) -> Any:
        """Compute a statistic of the box around every sample: `boxel.box_filter`.

        Parameters
        ----------
        size : int or mapping of int by dimension
            Samples per box; boxes do not extend along dimensions that are not named.
        statistic
            As for `boxel.box_filter`.
        mode, origin, stride
            As for `boxel.box_filter`; one for all dimensions, or a mapping.
        **options
            As for `boxel.box_filter`: cval, where, skipna, min_count, fill_value, ddof, dtype,
            workers.

        Returns
        -------
        xarray.DataArray, or Dataset of several statistics
            With the coordinates of the samples that boxes lie around, of whatever dtype.

        Examples
        --------
        >>> import xarray as xr
        >>> import boxel.xarray
        >>> line = xr.DataArray([1.0, 2, 6, 3], {"x": ["a", "b", "c", "d"]}, "x")
        >>> inside = line.boxel.box_filter({"x": 3}, mode="valid")
        >>> inside.values.round(2), inside.x.values.tolist()
        (array([3.  , 3.67]), ['b', 'c'])
        """
        array = self._array
        dims, sizes = by_axis(array, size, "size")
        axes = axes_of(array, dims)
        geometry: dict[str, Any] = {
            "mode": for_dims(array, mode, dims, "mode", "reflect"),
            "origin": for_dims(array, origin, dims, "origin", 0),
            "stride": for_dims(array, stride, dims, "stride", 1),
        }
        found = functions_for(array.variable.data).box_filter(
            array.variable.data, sizes, statistic, axes=axes, **geometry, **self._options(options)
        )
        (extents, lows, steps, _), counts = filters.boxes(
            array.shape, sizes, axes, geometry["mode"], geometry["origin"], geometry["stride"]
        )
        slices = {}
        for axis, dim in enumerate(array.dims):
            # A box that begins with its sample lies wholly inside: it is named after its middle.
            first = extents[axis] // 2 if lows[axis] == 0 and extents[axis] > 1 else 0
            first = first if _is_valid(geometry["mode"], dims, dim) else 0
            slices[str(dim)] = slice(first, first + counts[axis] * steps[axis], steps[axis])
        changed = [dim for dim in dims if slices[str(dim)] != slice(0, array.sizes[dim], 1)]
        return results(array, found, changed, array.dims, sliced(slices))

    def uniform_filter(
        self, size: PerDim = 3, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
        origin: PerDim = 0, *, workers: int | None = None,
    ) -> xr.DataArray:  # fmt: skip
        """Compute the mean of the box around every sample: `boxel.uniform_filter`.

        Parameters
        ----------
        size, mode, origin
            As for `box_filter`.
        output, cval, workers
            As for `boxel.uniform_filter`.

        Returns
        -------
        xarray.DataArray

        Examples
        --------
        >>> import xarray as xr
        >>> import boxel.xarray
        >>> xr.DataArray([2, 8, 0, 4], dims="x").boxel.uniform_filter({"x": 3}).values
        array([4, 3, 4, 2])
        """
        array = self._array
        dims, sizes = by_axis(array, size, "size")
        found = functions_for(array.variable.data).uniform_filter(
            array.variable.data, sizes, output, for_dims(array, mode, dims, "mode", "reflect"),
            cval, for_dims(array, origin, dims, "origin", 0), axes=axes_of(array, dims),
            workers=workers,
        )  # fmt: skip
        return rebuilt(array, (), array.dims, found)

    def mean(self, dim: Dims = None, **options: Any) -> xr.DataArray:
        """Compute the mean along dimensions: `boxel.voxel_mean`.

        Parameters
        ----------
        dim : hashable or sequence of hashable, optional
            The dimensions along which the samples of a voxel lie. Default all.
        **options
            As for `boxel.voxel_mean`: where, weights, skipna (default False, not as in xarray),
            min_count, fill_value, dtype, workers.

        Returns
        -------
        xarray.DataArray

        Examples
        --------
        >>> import xarray as xr
        >>> import boxel.xarray
        >>> xr.DataArray([[1, 3], [0, 8]], dims=("t", "x")).boxel.mean("t").values
        array([0.5, 5.5])
        """
        return self._spanned("voxel_mean", dim, options)[0]

    def var(self, dim: Dims = None, **options: Any) -> xr.DataArray:
        """Compute the variance along dimensions: `boxel.voxel_var`.

        Parameters
        ----------
        dim, **options
            As for `mean`, and ddof.

        Returns
        -------
        xarray.DataArray

        Examples
        --------
        >>> import xarray as xr
        >>> import boxel.xarray
        >>> xr.DataArray([[1, 3], [0, 8]], dims=("t", "x")).boxel.var("t", ddof=1).values
        array([ 0.5, 12.5])
        """
        return self._spanned("voxel_var", dim, options)[0]

    def std(self, dim: Dims = None, **options: Any) -> xr.DataArray:
        """Compute the standard deviation along dimensions: `boxel.voxel_std`.

        Parameters
        ----------
        dim, **options
            As for `mean`, and ddof.

        Returns
        -------
        xarray.DataArray

        Examples
        --------
        >>> import xarray as xr
        >>> import boxel.xarray
        >>> xr.DataArray([[1, 3], [0, 8]], dims=("t", "x")).boxel.std().values.round(3)
        np.float64(3.082)
        """
        return self._spanned("voxel_std", dim, options)[0]

    def mean_var(self, dim: Dims = None, **options: Any) -> tuple[xr.DataArray, xr.DataArray]:
        """Compute mean and variance along dimensions from one pass: `boxel.voxel_mean_var`.

        Parameters
        ----------
        dim, **options
            As for `mean`, and ddof.

        Returns
        -------
        mean, var : xarray.DataArray

        Examples
        --------
        >>> import xarray as xr
        >>> import boxel.xarray
        >>> stack = xr.DataArray([[1.0, 2.0], [5.0, 8.0]], dims=("t", "x"))
        >>> mean, var = stack.boxel.mean_var("t", ddof=1)
        >>> mean.values, var.values
        (array([3., 5.]), array([ 8., 18.]))
        """
        mean, var = self._spanned("voxel_mean_var", dim, options)
        return mean, var

    def masked_mean(self, mask: xr.DataArray, **options: Any) -> xr.DataArray:
        """Compute the mean under a mask, along the mask's dimensions: `boxel.masked_mean`.

        Parameters
        ----------
        mask : xarray.DataArray of bool
            True where a sample counts. The dimensions it does not have are channels, wherever they
            are.
        **options
            As for `boxel.masked_mean`: weights, skipna, workers.

        Returns
        -------
        xarray.DataArray
            Along the channels.

        Examples
        --------
        >>> import xarray as xr
        >>> import boxel.xarray
        >>> photo = xr.DataArray([[10, 20], [30, 60]], dims=("band", "x"))
        >>> photo.boxel.masked_mean(xr.DataArray([False, True], dims="x")).values
        array([20., 60.])
        """
        return masked_stats(self._array, mask, ("mean",), options)["mean"].rename(self._array.name)

    def masked_stats(
        self,
        mask: xr.DataArray,
        statistics: Statistic | Sequence[Statistic] = ("count", "mean"),
        **options: Any,
    ) -> xr.Dataset:
        """Compute statistics under a mask, along the mask's dimensions: `boxel.masked_stats`.

        Parameters
        ----------
        mask
            As for `masked_mean`.
        statistics
            As for `boxel.masked_stats`.
        **options
            As for `boxel.masked_stats`: weights, skipna, ddof, fill_value, workers.

        Returns
        -------
        xarray.Dataset
            A variable for each statistic, along the channels.
        """
        return masked_stats(self._array, mask, statistics, options)

    def label_stats(
        self,
        labels: xr.DataArray,
        statistics: Statistic | Sequence[Statistic] = ("count", "mean"),
        *,
        index: Any = None,
        background: int | None = 0,
        **options: Any,
    ) -> xr.Dataset:
        """Compute statistics of every labelled region: `boxel.label_stats`.

        Parameters
        ----------
        labels : xarray.DataArray of int
            The region of every pixel. The dimensions it does not have are channels, wherever they
            are.
        statistics
            As for `boxel.label_stats`.
        index, background
            As for `boxel.label_stats`. Where the labels are lazy, `index` must say which ones to
            report, as a Dataset has to know how many there are.
        **options
            As for `boxel.label_stats`: where, weights, skipna, ddof, fill_value, spacing (a number,
            or a mapping by dimension), workers.

        Returns
        -------
        xarray.Dataset
            A variable for each statistic, along the dimension ``label`` and the channels.
            ``bounding_box`` has a dimension ``bound``, ``centroid`` a dimension ``axis``, with
            coordinates that name the labels' dimensions.

        Examples
        --------
        >>> import xarray as xr
        >>> import boxel.xarray
        >>> image = xr.DataArray([10, 20, 99, 5], dims="x")
        >>> labels = xr.DataArray([1, 1, 0, 7], dims="x")
        >>> found = image.boxel.label_stats(labels)
        >>> found["mean"].sel(label=7).item()
        5.0
        """
        return label_stats(self._array, labels, statistics, index, background, options)

    def _options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return options with where and weights by axis."""
        laid = {
            name: laid_out(self._array, options[name], name)
            for name in ("where", "weights")
            if options.get(name) is not None
        }
        return {**options, **laid}

    def _spanned(self, function: str, dim: Dims, options: Mapping[str, Any]) -> list[xr.DataArray]:
        array = self._array
        dims = dims_of(array, dim, "dim")
        call = getattr(functions_for(array.variable.data), function)
        found = call(array.variable.data, axes_of(array, dims), **self._options(options))
        left = [each for each in array.dims if each not in dims]
        several = found if isinstance(found, tuple) else (found,)
        return [rebuilt(array, dims, left, each) for each in several]


def _is_valid(mode: Any, dims: Sequence[Hashable], dim: Hashable) -> bool:
    if dim not in dims:
        return False
    return bool((mode if isinstance(mode, str) else mode[list(dims).index(dim)]) == "valid")
