"""A region across 180°, from granules of the tiles at both ends of the Earth to one map."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from granule_archives import INDEX, LST, MONTH, TARGET, day, field, temperature, vegetation
from matplotlib.image import imread
from numpy.typing import NDArray
from pyproj import Transformer
from workflow_runs import block_mean, once, planned, succeed, values

from kilomoist.calendars import slots
from kilomoist.grids import M01, M09, Window, geographic_from_sinusoidal, tile_grid

RUN = f"results/taveuni/{MONTH}"
TILES = ("h00v10", "h35v10")
CONFIG: dict[str, Any] = {
    "source": "archive",
    "archive": "granules",
    "regions": [{"name": "taveuni", "bbox": [178.2, -17.4, -178.2, -16.3]}],
    "predictors": {"vegetation": INDEX.name},
    "quality": {"minimum_days": 2, "minimum_target_share": 0},
    "model": {"trees": 20, "min_leaf": 5},
    "map": {"block": 25, "reconcile": True},
    "field_points": "points.csv",
}
"""16 × 40 cells, half of them before 180°; one block lies across it, one beyond."""
BELT = Window(1030, 0, 40, M09.columns)
"""Where the target's fields have values: round the Earth, at the region's latitudes."""


def landscape(longitude: NDArray, latitude: NDArray) -> tuple[NDArray, NDArray]:
    """NDVI and temperature (K), smooth in longitude, also at 180°."""
    east = np.where(longitude < 0, longitude + 360, longitude) - 180
    ndvi = 0.5 + 0.05 * east + 0.15 * np.sin(9 * east) * np.cos(11 * latitude)
    return ndvi, 300 - 2 * east + 3 * (latitude + 17) + np.sin(14 * east)


def moisture(longitude: NDArray, latitude: NDArray) -> NDArray:
    ndvi, kelvin = landscape(longitude, latitude)
    return 0.1 + 0.3 * ndvi - 0.01 * (kelvin - 300)


def degrees(x: NDArray, y: NDArray) -> tuple[NDArray, NDArray]:
    longitude, latitude = Transformer.from_crs("EPSG:6933", "EPSG:4326", always_xy=True).transform(*np.meshgrid(x, y))
    return longitude, latitude


def write_archive(folder: Path) -> None:
    """Two days and a period of both tiles, with nothing beyond the Earth; two fields of soil moisture."""
    for tile in TILES:
        grid = tile_grid(tile, LST.pixels)
        longitude, latitude = geographic_from_sinusoidal(
            *np.meshgrid(grid.x_centres(grid.window), grid.y_centres(grid.window))
        )
        there = np.abs(longitude) <= 180
        ndvi, kelvin = landscape(longitude, latitude)
        for number, change in ((3, -5), (23, 5)):
            temperature(folder, number, np.where(there, kelvin + change, 0), np.where(there, 0, 3), tile)
        stored = {"NDVI": ndvi * 10_000, "EVI": ndvi * 6_000, "VI Quality": 1 << 11, "pixel reliability": 0}
        fills = {"NDVI": -3000, "EVI": -3000, "VI Quality": 65535, "pixel reliability": -1}
        arrays = {name: np.where(there, np.rint(stored[name]), fills[name]) for name in stored}
        vegetation(folder, day(13), arrays, tile)
    belt = moisture(*degrees(M09.x_centres(BELT), M09.y_centres(BELT)))
    for slot, change in zip(slots(TARGET, MONTH)[:2], (-0.02, 0.02), strict=True):
        field(folder, slot.time, belt + change, BELT)


@pytest.fixture(scope="module")
def run(shared: Path) -> Path:
    def make(folder: Path) -> None:
        write_archive(folder / "granules")
        points = [("A", 179.5, -17.0), ("B", -179.5, -16.8), ("C", -179.999, -16.6), ("D", 177.0, -17.0)]
        table = pd.DataFrame(points, columns=["id", "longitude", "latitude"]).assign(soil_moisture=0.2)
        table.to_csv(folder / "points.csv", index=False)
        names = [
            "soil_moisture.tif",
            "quality.tif",
            "predictors.tif",
            "figures/maps.png",
            "tables/full/field_validation.parquet",
        ]
        succeed(folder, *(f"{RUN}/{name}" for name in names), config=CONFIG, cores=2)

    return once(shared, "taveuni", make)


def test_plans_the_tiles_of_both_sides(run: Path) -> None:
    composites = {path.name for path in (run / "results/composites/archive" / LST.name).iterdir()}
    assert composites == set(TILES)
    assert {path.name for path in (run / RUN / "blocks").iterdir()} == {"r000c000", "r000c001"}
    assert f"{RUN}/tables/full/granules.parquet" in {file.path for file in planned(run, CONFIG)}


def test_map_is_one_raster_with_values_at_both_sides(run: Path) -> None:
    with rasterio.open(run / RUN / "soil_moisture.tif") as file:
        assert file.bounds.left < 17367530 < file.bounds.right
        assert (file.transform.c - M09.left) / M09.side == pytest.approx(3856 - 20, abs=1e-6)
        assert file.shape == (9 * 16, 9 * 40)
    fine, coarse = (values(run / RUN / f"soil_moisture{end}.tif") for end in ("", "_9km"))
    mean, count = block_mean(fine)
    assert np.isfinite(coarse).all()
    assert (count[1:-1, 1:-1] == 81).all()
    covered = count >= 40.5
    assert np.abs(mean - coarse)[covered].max() < 1e-6
    # Beyond 180° the target is that of the globe's first columns.
    longitude, latitude = cell_centres(run)
    np.testing.assert_allclose(coarse, moisture(longitude, latitude), atol=1e-5)


def cell_centres(run: Path) -> tuple[NDArray, NDArray]:
    with rasterio.open(run / RUN / "soil_moisture_9km.tif") as file:
        x = file.transform.c + (np.arange(file.width) + 0.5) * M09.side
        y = file.transform.f - (np.arange(file.height) + 0.5) * M09.side
    return degrees(x, y)


def test_nothing_shows_where_180_is(run: Path) -> None:
    """Predictors are the landscape's up to 180° and from there on; the map bends there as it does elsewhere."""
    with rasterio.open(run / RUN / "predictors.tif") as file:
        x = file.transform.c + (np.arange(file.width) + 0.5) * M01.side
        y = file.transform.f - (np.arange(file.height) + 0.5) * M01.side
    longitude, latitude = degrees(x, y)
    seam = np.abs(longitude[0]) > 179.98  # two pixels on either side
    assert seam.sum() == 4
    inside = np.isfinite(values(run / RUN / "predictors.tif", "ndvi"))
    assert inside[20:-20, 20:-20].all()
    ndvi, kelvin = landscape(longitude, latitude)
    # The Earth's edge cuts pixels of the granules: up to half of them is nobody's there.
    for name, expected, allowed, at_180 in (("ndvi", ndvi, 0.001, 0.01), ("lst_day", kelvin, 0.02, 0.1)):
        error = np.where(inside, values(run / RUN / "predictors.tif", name) - expected, 0)
        assert np.abs(error[:, ~seam]).max() < allowed, name
        assert np.abs(error[:, seam]).max() < at_180, name
    assert not values(run / RUN / "predictors.tif", "water")[inside].any()
    fine = values(run / RUN / "soil_moisture.tif").astype(float)
    # Second differences: what is left of a smooth field is noise of the forest, at 180° too.
    bend, here = np.abs(np.diff(fine, 2, axis=1)), seam[1:-1]
    assert np.nanmean(bend[:, here]) < 1.5 * np.nanmean(bend[:, ~here])
    error = np.abs(fine - moisture(longitude, latitude))[20:-20]
    assert error[:, seam].max() < 0.02


def test_people_see_longitudes_within_180(run: Path) -> None:
    samples = pd.read_parquet(run / RUN / "samples.parquet")
    assert samples["lon"].between(-180, -178).any()
    assert samples["lon"].between(178, 180).any()
    np.testing.assert_allclose(
        samples["target"], moisture(samples["lon"].to_numpy(), samples["lat"].to_numpy()), atol=1e-5
    )
    points = pd.read_parquet(run / RUN / "tables/full/field_points.parquet")
    assert points["id"].tolist() == ["A", "B", "C"]
    expected = moisture(points["longitude"].to_numpy(), points["latitude"].to_numpy())
    np.testing.assert_allclose(points["fine"], expected, atol=0.03)
    assert imread(run / RUN / "figures/maps.png")[..., :3].std() > 0.02
