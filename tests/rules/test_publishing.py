"""Rules of publishing.smk: what people open."""

import numpy as np
import pandas as pd
from rule_bench import RUN, Bench
from small_region import CELLS, RAW, TAGS, moisture, stack

from kilomoist.grids import M01, M09
from kilomoist.mapping.flags import colour_table
from kilomoist.metadata import describe
from kilomoist.rasters import raster_chunks, write_raster
from kilomoist.statistics import describe as describe_values

PIXELS = CELLS.refined(9)
STYLED = (
    *("soil_moisture", "quality", "applicability", "soil_moisture_9km", "target_weight_9km", "predictors", "interval"),
)


def write_rasters(bench: Bench) -> None:
    """Every public raster of the run, small as it is, and the table of its maps' ranges."""
    fine, coarse = RAW.astype(np.float32), moisture(CELLS).astype(np.float32)
    ends = dict.fromkeys(("lower", "upper", "conditional_lower", "conditional_upper"), fine)
    units = {**dict.fromkeys(("soil_moisture", *ends), "m3 m-3"), "ndvi": "1"}
    rasters = {
        "soil_moisture": (M01, {"soil_moisture": fine}),
        "interval": (M01, ends),
        "applicability": (M01, {"dissimilarity": fine}),
        "predictors": (M01, stack(CELLS)),
        "soil_moisture_9km": (M09, {"soil_moisture": coarse}),
        "target_weight_9km": (M09, {"target_weight": np.ones_like(coarse)}),
    }
    for name, (grid, bands) in rasters.items():
        tags = describe(TAGS, name, ["SPL4SMGP.008"]) | {"threshold": "0.4"}
        window = CELLS if grid is M09 else PIXELS
        write_raster(bench.path(f"{RUN}/{name}.tif"), bands, grid, window, tags, units, cloud_optimized=True)
    tags = describe(TAGS, "quality", ["SPL4SMGP.008"]) | {"reconciled": "yes"}
    flags = np.where(np.isfinite(RAW), 4, 128).astype(np.uint8)
    with raster_chunks(
        bench.path(f"{RUN}/quality.tif"), M01, PIXELS, tags, cloud_optimized=True, colours=colour_table()
    ) as raster:
        raster.write({"quality": flags}, PIXELS)
    table = [{"map": name} | describe_values(values) for name, values in (("9 km", coarse), ("1 km", fine))]
    pd.DataFrame(table).to_csv(bench.path(f"{RUN}/tables/maps.csv"), index=False)


def test_style_rasters(bench: Bench) -> None:
    write_rasters(bench)
    bench.run("style_rasters", *(f"{RUN}/{name}.qml" for name in STYLED), f"{RUN}/quality.tif.aux.xml")
    styles = {name: (bench.folder / f"{RUN}/{name}.qml").read_text() for name in STYLED}
    assert 'label="no value"' in styles["quality"]
    assert "the threshold" in styles["applicability"]
    low, high = np.nanpercentile(np.concatenate([RAW.ravel(), moisture(CELLS).ravel()]), [1, 99])
    for name in ("soil_moisture", "soil_moisture_9km", "interval"):
        assert styles[name].split("<userNotes")[0] == styles["soil_moisture"].split("<userNotes")[0]
    assert 'suffix=" m³/m³"' in styles["soil_moisture"]
    assert low < high
    for name, style in styles.items():
        assert "https://doi.org/10.5067/T5RUATAQREF8" in style, name
    assert "<F>few observations</F>" in (bench.folder / f"{RUN}/quality.tif.aux.xml").read_text()
