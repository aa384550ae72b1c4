"""Granules of real size, for measurements of what fetching and reading them costs."""

from datetime import datetime
from functools import cache
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from kilomoist.granules.ease_grid import write_field
from kilomoist.grids import M09, cells_covering
from kilomoist.products import PRODUCTS
from kilomoist.simulation.smap import LEVEL, compress_target, write_target_granule

_FILL = np.float32(-9999)
_STEPS = 1024
"""Values of soil moisture between 0 and 1."""
_LAND = 0.27
"""Share of the globe's cells that have values, about as in the real product."""
_FIELDS = {
    "m3 m-3": "sm_rootzone sm_profile",
    "dimensionless": "sm_surface_wetness sm_rootzone_wetness sm_profile_wetness land_fraction_saturated "
    "land_fraction_unsaturated land_fraction_wilting land_fraction_snow_covered vegetation_greenness_fraction "
    "mwrtm_vegopacity",
    "K": "surface_temp soil_temp_layer1 soil_temp_layer2 soil_temp_layer3 soil_temp_layer4 soil_temp_layer5 "
    "soil_temp_layer6 temp_lowatmmodlay",
    "kg m-2": "snow_mass",
    "m": "snow_depth height_lowatmmodlay depth_to_water_table_from_surface",
    "kg m-2 s-1": "land_evapotranspiration_flux overland_runoff_flux baseflow_flux snow_melt_flux "
    "soil_water_infiltration_flux precipitation_total_surface_flux snowfall_surface_flux "
    "free_surface_water_on_peat_flux",
    "W m-2": "heat_flux_sensible heat_flux_latent heat_flux_ground net_downward_shortwave_flux "
    "net_downward_longwave_flux radiation_shortwave_downward_flux radiation_longwave_absorbed_flux",
    "Pa": "surface_pressure",
    "kg kg-1": "specific_humidity_lowatmmodlay",
    "m s-1": "windspeed_lowatmmodlay",
    "m2 m-2": "leaf_area_index",
    "percent": "sm_rootzone_pctl sm_profile_pctl",
}
"""The other fields of SPL4SMGP version 8 by their units, as its user guide lists them (doi 10.5067/T5RUATAQREF8)."""
_PRECISIONS = (3, 20, 3, 20, 3)
"""Random bits of the values, in turn for the fields: stored they take 1.7 and 5.8 MB, and the whole granule 150 MB."""


def large_target(path: str | Path, time: datetime, seed: int = 0) -> None:
    """Write a granule of SPL4SMGP.008 with all of its fields, of about 150 MB.

    Soil moisture differs by time and seed; stored it is as large as in real granules. The other fields hold the same
    numbers in every granule: they are there to be passed over.
    """
    random = np.random.default_rng([seed, int((time - datetime(2000, 1, 1)).total_seconds())])
    land, pattern = _land()
    moisture = 0.2 + 0.05 * pattern + random.uniform(-0.02, 0.02) + random.uniform(-0.02, 0.02, land.shape)
    # Rounded like the numbers of a model that knows no better: all bits of a float would take three times the space.
    rounded = np.where(land, np.rint(moisture * _STEPS) / _STEPS, np.nan).astype(np.float32)
    product = PRODUCTS["SPL4SMGP.008"]
    write_target_granule(path, product, time, compress_target(M09.window, rounded))
    # A second round of additions scatters the metadata over the file, as they are in real granules.
    with h5py.File(path, "a", libver=("earliest", "v110")) as granule:
        group, _ = product.layers["soil_moisture"].dataset.split("/")
        names = [(name, units) for units, names in _FIELDS.items() for name in names.split()]
        for number, (name, units) in enumerate(sorted(names)):
            content, least, largest = _filling(_PRECISIONS[number % len(_PRECISIONS)])
            described = {"long_name": name, "units": units, "valid_min": least, "valid_max": largest}
            described |= dict.fromkeys(("_FillValue", "missing_value", "fmissing_value"), _FILL)
            described["grid_mapping"] = "EASE2_global_projection"
            stored = {"dtype": "<f4", "chunks": M09.window.shape, "compression_opts": LEVEL}
            write_field(granule, f"{group}/{name}", {(0, 0): content}, described, **stored)


@cache
def _land() -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Where the land is, so to say, and a smooth pattern over the globe. Mongolia is land."""
    row, column = np.meshgrid(*(np.linspace(0, 6 * np.pi, length) for length in M09.window.shape), indexing="ij")
    pattern = np.sin(0.5 * row + 0.7) * np.cos(column) + 0.6 * np.sin(1.2 * row + 1) * np.sin(0.7 * column + 2)
    land = pattern > np.quantile(pattern, 1 - _LAND)
    land[cells_covering((87.7, 41.55, 119.95, 52.15)).within(M09.window)] = True
    return land, pattern


@cache
def _filling(precision: int) -> tuple[bytes, np.float32, np.float32]:
    """A compressed field whose values have so many random bits, and its least and largest value."""
    land, _ = _land()
    values = np.full(land.shape, np.nan, np.float32)
    bits = np.random.default_rng(precision).integers(0, 2**precision, np.count_nonzero(land))
    values[land] = 1 + bits / 2**precision
    return compress_target(M09.window, values), np.nanmin(values), np.nanmax(values)
