"""Runs as datasets that follow the CF conventions 1.11 and lie in time and depth, as netCDF and Zarr."""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import xarray

from kilomoist.calendars import month_range
from kilomoist.cells import repeated
from kilomoist.files import replaced
from kilomoist.grids import CELL_SIDE
from kilomoist.metadata import SOFTWARE, title_of
from kilomoist.quality_flags import FLAGS
from kilomoist.runs import open_run

CONVENTIONS = "CF-1.11"
_DEPTH = (0.0, 0.05)
"""m: SMAP's surface layer."""
_CHUNK = 256
"""Pixels along a side of what is compressed, and read, at once."""
_SINCE = {"units": "days since 1970-01-01", "calendar": "standard", "dtype": "int64"}


def cf_dataset(folder: str | Path) -> xarray.Dataset:
    """The run in a folder as `open_run` has it, with a time of one month and the depth, each with its bounds.

    All of it is on the pixels of 1 km, those of a cell with the cell's value. Flags are bits of one variable with masks
    and meanings, not booleans; the coordinate reference system is `crs`.
    """
    run = open_run(folder)
    dataset = _on_pixels(run.drop_vars(list(FLAGS))).reset_coords("spatial_ref").rename(spatial_ref="crs")
    maps = [str(name) for name, variable in dataset.data_vars.items() if variable.ndim]
    dataset = dataset.assign(dataset[maps].expand_dims("time"))
    time = {"axis": "T", "bounds": "time_bnds", "units_metadata": "leap_seconds: none"}
    dataset["time"].attrs = {"standard_name": "time", "long_name": "month, by its first day", **time}
    first, end = month_range(run.attrs["month"])
    dataset["time_bnds"] = (("time", "bnds"), np.array([[first, end]], "datetime64[ns]"))
    depth = {"standard_name": "depth", "units": "m", "positive": "down", "axis": "Z", "bounds": "depth_bnds"}
    dataset = dataset.assign_coords(depth=((), np.mean(_DEPTH), {"long_name": "depth below the surface", **depth}))
    dataset["depth_bnds"] = (("bnds",), np.array(_DEPTH))
    for name in maps:
        attributes = dataset[name].attrs
        attributes["grid_mapping"] = "crs"
        if "cell_methods" in attributes:
            attributes["cell_methods"] = "area: mean depth: mean time: mean"
    dataset["soil_moisture"].attrs["ancillary_variables"] = " ".join(sorted({*maps} - {"soil_moisture"}))
    for name in ("crs", "time_bnds", "depth_bnds"):
        dataset[name].encoding["coordinates"] = None
    return dataset.assign_attrs(_said_of(run.attrs))


def _on_pixels(run: xarray.Dataset) -> xarray.Dataset:
    """A run whose cells' values are on the pixels too, which nest in them: one grid, which every reader knows."""
    cells = {name: variable for name, variable in run.data_vars.items() if "y_9km" in variable.dims}
    pixels = {name: (("y", "x"), repeated(cell.values, CELL_SIDE), cell.attrs) for name, cell in cells.items()}
    return run.drop_dims(["y_9km", "x_9km"]).assign(pixels)


def _said_of(tags: dict[str, Any]) -> dict[str, str]:
    """Global attributes that CF asks for, by the tags of the map, which have terms of use and citations already."""
    return {
        "Conventions": CONVENTIONS,
        "title": title_of("soil_moisture", tags["source"], tags["region"]),
        "institution": f"made with {SOFTWARE}",
        "source": f"{tags['target']} brought to 1 km by the method {tags['method']}, from {tags['origin']}",
        "history": f"map made from granules, and exported, by {SOFTWARE}",
    }


def write_zarr(path: str | Path, folders: Sequence[str | Path]) -> None:
    """Write the runs in folders, months of one region in their order, as one Zarr store, stacked along time.

    In Zarr's version 2, with consolidated metadata, which GDAL, R and older xarray read too. What not all months say of
    themselves, such as a threshold, is left out.
    """
    said = [_attributes(cf_dataset(folder)) for folder in folders]
    common = {key: text for key, text in said[0].items() if all(_same(text, other.get(key)) for other in said)}
    with replaced(path) as partial:
        for number, folder in enumerate(folders):  # month by month: a region's may be more than memory holds
            with cf_dataset(folder) as month:
                for name, owner in _owners(month):
                    owner.attrs = {key: text for (of, key), text in common.items() if of == name}
                for map_ in month.data_vars.values():
                    if "x" in map_.dims:  # in Zarr GDAL knows no grid mapping
                        map_.attrs["_CRS"] = {"wkt": month["crs"].attrs["crs_wkt"]}
                encoding = _encoding(month, "chunks", {"compressors": numcodecs.Zlib(4)})
                how = {"append_dim": "time"} if number else {"encoding": encoding, "zarr_format": 2}
                month.to_zarr(partial, consolidated=True, **how)


def _attributes(dataset: xarray.Dataset) -> dict[tuple[Hashable, str], Any]:
    """Attributes by variable, "" for those of all of it, and name."""
    return {(name, key): text for name, owner in _owners(dataset) for key, text in owner.attrs.items()}


def _owners(dataset: xarray.Dataset) -> list[tuple[Hashable, Any]]:
    return [("", dataset), *dataset.variables.items()]


def _same(one: Any, other: Any) -> bool:
    return bool(np.array_equal(one, other))


def write_netcdf(path: str | Path, folder: str | Path) -> None:
    """Write the run in a folder as netCDF 4."""
    packed = {"zlib": True, "complevel": 4, "shuffle": True}
    with cf_dataset(folder) as dataset:
        # In memory first: HDF5 ends the process when it cannot close a file for want of room.
        content = dataset.to_netcdf(engine="h5netcdf", encoding=_encoding(dataset, "chunksizes", packed))
    with replaced(path) as partial:
        partial.write_bytes(content)


def _encoding(dataset: xarray.Dataset, chunks: str, packed: dict[str, Any]) -> dict[Hashable, dict[str, Any]]:
    """How variables are stored: maps compressed in `chunks`, as a format calls them, NaN for what is not there."""
    found: dict[Hashable, dict[str, Any]] = {}
    for name, variable in dataset.variables.items():
        found[name] = {"_FillValue": np.float32(np.nan) if variable.dtype == np.float32 else None}
        if "x" in variable.dims and variable.ndim > 1:
            sides = [1 if side == "time" else min(_CHUNK, dataset.sizes[side]) for side in variable.dims]
            found[name] |= {chunks: tuple(sides), **packed}
    return found | {name: {"_FillValue": None, **_SINCE} for name in ("time", "time_bnds")}
