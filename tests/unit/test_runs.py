"""A run as a Dataset where the demo's is not: across 180°, and from an older version."""

from pathlib import Path

import numpy as np
import xarray
from pyproj import CRS

import kilomoist
from kilomoist.grids import M01, M09, Window, cells_covering, geographic_from_ease
from kilomoist.rasters import write_raster

TAGS = {"source": "simulated", "region": "fiji", "month": "2021-08", "target": "SPL4SMGP.008"}
ACROSS = cells_covering((179.7, -17.0, 180.4, -16.5))


def write_run(folder: Path, cells: Window) -> None:
    """Rasters that every run has, as version 0.1 tagged them; values tell the column on the grid."""
    pixels = cells.refined(9)
    columns = np.broadcast_to(pixels.column + np.arange(pixels.columns, dtype=np.float32), pixels.shape)
    of_cells = np.broadcast_to(cells.column + np.arange(cells.columns, dtype=np.float32), cells.shape)
    units = {"soil_moisture": "m3 m-3", "target_weight": "1"}
    write_raster(folder / "soil_moisture.tif", {"soil_moisture": columns}, M01, pixels, TAGS, units)
    write_raster(folder / "quality.tif", {"quality": np.full(pixels.shape, 4 + 8, np.uint8)}, M01, pixels, TAGS)
    tags = TAGS | {"threshold": "0.25"}
    write_raster(folder / "applicability.tif", {"dissimilarity": columns}, M01, pixels, tags)
    write_raster(folder / "soil_moisture_9km.tif", {"soil_moisture": of_cells}, M09, cells, TAGS, units)
    write_raster(folder / "target_weight_9km.tif", {"target_weight": of_cells}, M09, cells, TAGS, units)


def test_a_run_across_180_is_one_piece(tmp_path: Path) -> None:
    write_run(tmp_path, ACROSS)
    assert ACROSS.column < M09.columns < ACROSS.column + ACROSS.columns
    run = kilomoist.open_run(tmp_path)
    assert CRS(run.spatial_ref.attrs["crs_wkt"]) != CRS("EPSG:6933")
    for suffix, grid in (("", M01), ("_9km", M09)):
        x, lon = run[f"x{suffix}"], run[f"lon{suffix}"]
        assert (np.diff(x) > 0).all()
        columns = run[f"soil_moisture{suffix}"][0]
        expected, _ = geographic_from_ease(grid.x_centres(grid.window), np.zeros(grid.columns))
        np.testing.assert_allclose(lon[0], expected[columns.astype(int) % grid.columns], atol=1e-9)
        assert lon.max() > 179.5
        assert lon.min() < -179.5


def test_flags_and_thresholds_are_those_of_the_files(tmp_path: Path) -> None:
    write_run(tmp_path, Window(200, 2980, 2, 3))
    run = kilomoist.open_run(tmp_path)
    assert run.dissimilarity.threshold == 0.25
    assert run.few_observations.all()
    assert run.water_or_snow.all()
    assert not run.frozen.any()
    assert "units" not in run.quality.attrs
    assert run.soil_moisture.units == "m3 m-3"


def test_months_become_a_series(tmp_path: Path) -> None:
    """`time` is there for it, of one value."""
    write_run(tmp_path, Window(200, 2980, 2, 3))
    run = kilomoist.open_run(tmp_path)
    later = run.assign_coords(time=np.datetime64("2021-09-01", "ns"))
    series = xarray.concat([run.soil_moisture, later.soil_moisture], "time")
    assert series.dims == ("time", "y", "x")
    assert series.sel(time="2021-09").shape == (1, 18, 27)
