"""Rules of publishing.smk: what people open."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from granule_archives import MONTH, TARGET
from rule_bench import CONFIG, REGION, RUN, Bench
from small_region import CELLS, RAW, TAGS, USE, moisture, stack

from kilomoist.grids import M01, M09
from kilomoist.mapping.flags import colour_table
from kilomoist.metadata import TITLES, describe
from kilomoist.names import MAP_ONE_SCALE_UP
from kilomoist.rasters import raster_chunks, write_raster
from kilomoist.reporting.verdicts import SCALE_UP, not_compared, verdict_table
from kilomoist.statistics import describe as describe_values

PIXELS = CELLS.refined(9)
STYLED = (
    *(
        "soil_moisture",
        "quality",
        "quality_class",
        "applicability",
        "soil_moisture_9km",
        "target_weight_9km",
        "predictors",
        "interval",
    ),
)
TABLES = [f"{RUN}/{name}.tif.aux.xml" for name in ("quality", "quality_class")]


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
    known = {"threshold": "0.4", "interval": "0.9", "target_error": "0.02 m3 m-3", "target_error_left": "0.02 m3 m-3"}
    for name, (grid, bands) in rasters.items():
        tags = describe(TAGS, name, ["SPL4SMGP.008"]) | known
        window = CELLS if grid is M09 else PIXELS
        write_raster(bench.path(f"{RUN}/{name}.tif"), bands, grid, window, tags, units, cloud_optimized=True)
    tags = describe(TAGS, "quality", ["SPL4SMGP.008"]) | {"reconciled": "yes"}
    flags = np.where(np.isfinite(RAW), 4, 128).astype(np.uint8)
    with raster_chunks(
        bench.path(f"{RUN}/quality.tif"), M01, PIXELS, tags, cloud_optimized=True, colours=colour_table()
    ) as raster:
        raster.write({"quality": flags}, PIXELS)
    tags["title"] = TITLES["quality_class"]
    classes = {"quality_class": np.where(flags == 4, 2, 8).astype(np.uint8)}
    write_raster(bench.path(f"{RUN}/quality_class.tif"), classes, M01, PIXELS, tags, {}, cloud_optimized=True)
    table = [{"map": name} | describe_values(values) for name, values in (("9 km", coarse), ("1 km", fine))]
    pd.DataFrame(table).to_parquet(bench.path(f"{RUN}/tables/full/maps.parquet"))


def test_describe_files(bench: Bench) -> None:
    write_rasters(bench)
    pd.DataFrame({"product": [TARGET.name]}).to_parquet(bench.path(f"{RUN}/tables/full/granules.parquet"))
    described = [f"{RUN}/{name}" for name in ("README.txt", "tables/columns.csv")]
    bench.run("describe_files", *(f"{RUN}/{name}.qml" for name in STYLED), *TABLES, *described)
    readme, columns = (bench.folder / path for path in described)
    assert "soil_moisture.tif" in readme.read_text(encoding="utf-8")
    assert {"scores", "maps"} <= set(pd.read_csv(columns)["table"])
    styles = {name: (bench.folder / f"{RUN}/{name}.qml").read_text() for name in STYLED}
    assert 'label="no value"' in styles["quality"]
    assert "the threshold" in styles["applicability"]
    for name in ("soil_moisture", "soil_moisture_9km", "interval"):
        assert styles[name].split("<userNotes")[0] == styles["soil_moisture"].split("<userNotes")[0]
    assert 'suffix=" m³/m³"' in styles["soil_moisture"]
    (shader,) = ElementTree.fromstring(styles["soil_moisture"]).iter("colorrampshader")  # noqa: S314
    ends = [np.nanpercentile(values, [1, 99]) for values in (RAW, moisture(CELLS))]
    low, high = np.floor(100 * np.min(ends)) / 100, np.ceil(100 * np.max(ends)) / 100
    assert [float(shader.attrib[f"{end}Value"]) for end in ("minimum", "maximum")] == pytest.approx([low, high])
    for name, style in styles.items():
        assert "https://doi.org/10.5067/T5RUATAQREF8" in style, name
    for table in TABLES:
        assert "<F>few observations</F>" in (bench.folder / table).read_text()
    assert styles["quality_class"].count("<paletteEntry") == 2


def write_run(bench: Bench) -> None:
    """What pages are made from, where a run has neither an interval nor field points."""
    bench.config = CONFIG | {"map": CONFIG["map"] | {"interval": None}}
    pixels, bands = CELLS.refined(9), stack(CELLS)
    target = moisture(CELLS).astype(np.float32)
    fine = np.where(np.isnan(bands["lst_day"]), np.nan, np.kron(target, np.ones((9, 9)))).astype(np.float32)
    flags = np.where(np.isnan(fine), 128, 0).astype(np.uint8)
    write_raster(bench.path(f"{RUN}/soil_moisture_9km.tif"), {"soil_moisture": target}, M09, CELLS, TAGS)
    write_raster(bench.path(f"{RUN}/soil_moisture.tif"), {"soil_moisture": fine}, M01, pixels, TAGS)
    write_raster(bench.path(f"{RUN}/quality.tif"), {"quality": flags}, M01, pixels, TAGS)
    write_raster(bench.path(f"{RUN}/predictors.tif"), bands, M01, pixels, TAGS, dict.fromkeys(USE, "1"))
    row = not_compared(SCALE_UP, MAP_ONE_SCALE_UP, "") | {"n": 300, "gain": 0.02, "low": -0.1, "high": 0.04}
    row |= {"rmse_map": 0.012, "rmse_reference": 0.0121, "verdict": "not better"}
    verdict_table([row], TAGS).to_parquet(bench.path(f"{RUN}/tables/full/verdict.parquet"))


def test_write_map_page(bench: Bench) -> None:
    write_run(bench)
    bench.run("write_map_page", f"{RUN}/map.html")
    page = (bench.folder / f"{RUN}/map.html").read_text(encoding="utf-8")
    assert f"{REGION}  ·  August 2021  ·  granules of an archive" in page
    assert f"Made from MOD13A2.061, MOD11A1.061, {TARGET.name}." in page
    assert 'class="simulated"' not in page
    assert 'id="data-predictor-lst_day"' in page
    assert 'id="data-below"' not in page
    assert "<li>One scale up, where SMAP at 9 km is known and restored" in page
    assert str(Path.cwd()) not in page


def test_write_region_page(bench: Bench) -> None:
    write_run(bench)
    bench.run("write_region_page", f"results/{REGION}/index.html", f"results/{REGION}/README.txt")
    page = (bench.folder / f"results/{REGION}/index.html").read_text(encoding="utf-8")
    assert MONTH in (bench.folder / f"results/{REGION}/README.txt").read_text(encoding="utf-8")
    assert f'href="{MONTH}/map.html"' in page
    assert "<td>not better (0.0120 / 0.0121)</td><td>–</td><td>–</td>" in page
    assert 'class="simulated"' not in page
