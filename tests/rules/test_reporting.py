"""Rules of reporting.smk: tables, pictures and the record of what a map was made from."""

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from granule_archives import INDEX, LST, MONTH, TARGET, TILE
from ismn_archives import file_name, header_values, hourly, write_archive
from matplotlib.image import imread
from rule_bench import CONFIG, REGION, RUN, Bench, make_bench
from scipy.stats import spearmanr
from small_region import BOX, CELLS, TAGS, moisture, places, sample_table

from kilomoist.configuration.schema import load
from kilomoist.evaluation.assessments import write_scores
from kilomoist.evaluation.relative_maps import linearly_matched
from kilomoist.evaluation.scores import score
from kilomoist.evaluation.study import correlations
from kilomoist.files import write_json
from kilomoist.grids import M01, M09
from kilomoist.mapping.flags import count_values, flag_table
from kilomoist.mapping.shifts import ShiftCount, learned_range, shift_tables
from kilomoist.names import OWN_COLUMNS
from kilomoist.product_types import Product
from kilomoist.rasters import write_raster
from kilomoist.version import RELEASED, VERSION


def write_maps(bench: Bench) -> None:
    target = moisture(CELLS).astype(np.float32)
    fine = np.kron(target, np.ones((9, 9))).astype(np.float32)
    fine[:9, :9] = np.nan
    write_raster(bench.path(f"{RUN}/soil_moisture_9km.tif"), {"soil_moisture": target}, M09, CELLS, TAGS)
    write_raster(bench.path(f"{RUN}/soil_moisture.tif"), {"soil_moisture": fine}, M01, CELLS.refined(9), TAGS)
    other_maps = {"detail": fine + np.float32(0.01), "bilinear": fine + np.float32(0.005), "copied": fine}
    other_maps["bilinear_reconciled"] = fine + np.float32(0.002)
    write_raster(bench.path(f"{RUN}/comparison.tif"), other_maps, M01, CELLS.refined(9), {})
    write_json(bench.path(f"{RUN}/protocols/range.json"), {"autocorrelation_range": 20_000.0})
    reach = {"lower": -0.015, "upper": 0.015, "conditional_lower": -0.005, "conditional_upper": 0.005}
    bands = {name: fine + np.float32(off) for name, off in reach.items()}
    write_raster(bench.path(f"{RUN}/interval.tif"), bands, M01, CELLS.refined(9), TAGS)


def write_stages(bench: Bench) -> None:
    """Cells of which one has no pixel with all predictors and one no target, the samples, and the table of maps."""
    target, share = moisture(CELLS), np.ones(CELLS.shape)
    target[1, 1], share[0, 0] = np.nan, 0
    bands = {"target": target, "valid_fraction": share, "valid_fraction_ndvi": share, "region_fraction": share * 0 + 1}
    write_raster(bench.path(f"{RUN}/cells.tif"), bands, M09, CELLS, TAGS)
    rows = CELLS.rows * CELLS.columns - 2
    pd.DataFrame({"target": np.zeros(rows)}).to_parquet(bench.path(f"{RUN}/samples.parquet"))
    table = pd.DataFrame({"map": ["9 km", "1 km"], "n": [rows + 1, 81 * (rows + 1)]})
    table.to_parquet(bench.path(f"{RUN}/tables/full/maps.parquet"))


def points() -> pd.DataFrame:
    """Points in the middle of pixels: one where only the 9 km map has a value, and one far away."""
    longitude, latitude = places(CELLS)
    rows, columns = np.array([4, 20, 30, 44, 60, 70]), np.array([4, 30, 50, 20, 60, 80])
    place = {"longitude": longitude[rows, columns], "latitude": latitude[rows, columns]}
    frame = pd.DataFrame({"id": [f"P{number}" for number in range(6)], **place, "date": f"{MONTH}-15"})
    frame["soil_moisture"] = moisture(CELLS)[rows // 9, columns // 9] + [0, 0.01, -0.01, 0.02, 0, 0.01]
    far = {"id": "far", "longitude": 10.0, "latitude": 50.0, "date": f"{MONTH}-15", "soil_moisture": 0.2}
    later = frame.iloc[:1].assign(id="later", date="2021-09-15")
    return pd.concat([frame, pd.DataFrame([far]), later], ignore_index=True)


def write_points(bench: Bench) -> None:
    bench.config = CONFIG | {"field_points": "points.csv"}
    points().to_csv(bench.folder / "points.csv", index=False)


def draw(bench: Bench, rule: str, *names: str) -> None:
    """Have a rule draw its figures, each of which must show something."""
    figures = [f"{RUN}/figures/{name}.png" for name in names]
    bench.run(rule, *figures)
    for figure in figures:
        picture = imread(bench.folder / figure)
        assert min(picture.shape[:2]) >= 400, figure
        assert picture[..., :3].std() > 0.02, figure


COLUMNS = ["coarse", "fine", "bilinear", "bilinear_reconciled", "detail"]
NAMES = ["9 km", "1 km", "9 km, bilinear", "9 km, bilinear, reconciled", "detail"]
"""Columns of the maps that are compared, and what tables call them."""
LABELS = ["SMAP, 9 km", "map, 1 km", "SMAP, bilinear", "SMAP, bilinear, reconciled", "map before reconciliation"]
"""What people see them called, where `detail` makes the map."""


COUNTS = f"{RUN}/protocols/field_points.json"


def compared(bench: Bench) -> tuple[list[pd.DataFrame], str]:
    """Scores, matched pixels, differences, intervals, unused points, scores within cells and coverage that
    `validate_field` writes, and its log.
    """
    names = ("validation", "points", "differences", "intervals", "points_unused", "within_cells", "coverage")
    outputs = [f"{RUN}/tables/full/field_{name}.parquet" for name in names]
    log = bench.run("validate_field", *outputs, COUNTS)
    return [pd.read_parquet(bench.folder / path) for path in outputs], log


def test_validate_field(bench: Bench) -> None:
    write_points(bench)
    write_maps(bench)
    (table, matched, differences, intervals, unused, *_), log = compared(bench)
    assert list(matched) == [*OWN_COLUMNS, *COLUMNS]
    assert matched["id"].tolist() == ["P1", "P2", "P3", "P4", "P5"]
    np.testing.assert_allclose(matched["observed"] - matched["fine"], [0.01, -0.01, 0.02, 0, 0.01], atol=1e-6)
    assert f"5 of 7 points of {MONTH}, in 5 pixels, have a value in every map." in log
    assert list(unused) == ["id", "longitude", "latitude", "reason"]
    assert unused[["id", "reason"]].to_numpy().tolist() == [
        ["later", "not measured from 2021-08-01 to 2021-08-31"],
        ["P0", f"no value in: {'; '.join(LABELS[1:])}"],
        ["far", "outside of the mapped region"],
    ]
    assert table["map"].tolist() == NAMES
    expected = score(matched["observed"].to_numpy(), matched["fine"].to_numpy())
    # Each map from each reference, by its key and by its name.
    assert differences["map"].tolist() == [*NAMES[1:], *NAMES[:3], NAMES[4], *NAMES[:2], *NAMES[3:]]
    references = [NAMES[0]] * 4 + [NAMES[3]] * 4 + [NAMES[2]] * 4
    assert differences["reference"].tolist() == references
    labels = dict(zip(NAMES, LABELS, strict=True))
    assert table["label"].tolist() == intervals["label"].tolist() == LABELS
    assert differences["label"].tolist() == [labels[name] for name in differences["map"]]
    assert differences["reference_label"].tolist() == [labels[name] for name in references]
    errors = {name: np.mean((matched[name] - matched["observed"]) ** 2) for name in matched.columns[-5:]}
    rmse = np.sqrt(errors["detail"]) - np.sqrt([errors["coarse"], errors["bilinear_reconciled"]])
    np.testing.assert_allclose(differences.loc[[3, 7], "rmse_difference"], rmse, atol=1e-6)
    for name, null in (("copied", "coarse"), *((name, name) for name in ("bilinear", "bilinear_reconciled"))):
        wanted = [1 - error / errors[null] for error in errors.values()]
        np.testing.assert_allclose(table[f"skill_{name}"], wanted, atol=1e-6)
    table["p"] = intervals["p"]
    for name, value in expected.items():
        assert table.loc[1, name] == pytest.approx(value), name


@pytest.mark.parametrize("name", ["ismn.zip", "my ismn"])
def test_validate_field_with_stations_and_other_maps(bench: Bench, name: str) -> None:
    """Two stations in one pixel and one in another, whose files are inputs; a map of the user's own, in percent."""
    longitude, latitude = places(CELLS)
    places_of = {"A": (20, 30), "B": (20, 30), "C": (44, 20)}
    files = {
        file_name(station): header_values(
            hourly("2021/08/01 00:00", 15 * 24, value), station, (latitude[place], longitude[place])
        )
        for (station, place), value in zip(places_of.items(), (0.1, 0.2, 0.3), strict=True)
    }
    write_archive(bench.path(name), files)
    write_maps(bench)
    with rasterio.open(bench.folder / f"{RUN}/soil_moisture.tif") as file:
        percent = 100 * file.read(1)
    write_raster(bench.path(f"nasa {MONTH}.tif"), {"percent": percent}, M01, CELLS.refined(9), {})
    bench.config = CONFIG | {
        "field_points": name,
        "compare": [{"name": "NASA 1 km", "path": "nasa {month}.tif", "scale": 0.01}],
    }
    (table, matched, *_), log = compared(bench)
    assert list(matched) == [*OWN_COLUMNS, *COLUMNS, "NASA 1 km"]
    assert matched["id"].tolist() == ["NET/A; NET/B", "NET/C"]
    assert matched["points"].tolist() == [2, 1]
    assert matched["measurements"].tolist() == [720, 360]
    np.testing.assert_allclose(matched["observed"], [0.15, 0.3])
    np.testing.assert_allclose(matched["fine"], matched["NASA 1 km"], atol=1e-6)
    assert table["map"].tolist() == [*NAMES, "NASA 1 km"]
    assert (table["n"] == 2).all()
    assert f"3 of 3 points of {MONTH}, in 2 pixels, have a value in every map." in log
    assert "of 3 sensors of soil moisture 3 lie within 0–5 cm; 3 of these are averaged" in log
    provenance = f"{RUN}/provenance.json"
    for product, tile in ((INDEX, TILE), (LST, TILE), (TARGET, None)):
        write_inventory(bench, product, tile)
    write_stages(bench)
    bench.run("record_provenance", provenance)
    record = json.loads((bench.folder / provenance).read_text())
    recorded, counts = set(record["files"]), record["counts"]["field points"]
    assert (counts["in"], counts["out"], sum(counts["masked"].values())) == (3, 3, 0)
    read = {name} if name.endswith(".zip") else {f"{name}/{file}" for file in files}
    assert recorded == {*read, f"nasa {MONTH}.tif"}


def test_validate_field_with_a_relative_map(bench: Bench) -> None:
    """Percent of saturation, 200 times soil moisture: by rank, and by the line through the other pixels."""
    write_points(bench)
    write_maps(bench)
    with rasterio.open(bench.folder / f"{RUN}/soil_moisture.tif") as file:
        percent = 200 * file.read(1)
    write_raster(bench.path("swi.tif"), {"swi": percent}, M01, CELLS.refined(9), {})
    entry = {"name": "SWI", "path": "swi.tif", "product": "SWI1km", "variable": None, "scale": 1}
    bench.config |= {"compare": [entry]}
    (table, matched, differences, intervals, *_), _ = compared(bench)
    ranked, lined = "SWI (relative: rank)", "SWI, linearly matched"
    assert list(matched) == [*OWN_COLUMNS, *COLUMNS, ranked]
    np.testing.assert_allclose(matched[ranked], 200 * matched["fine"], rtol=1e-5)
    assert table["map"].tolist() == intervals["map"].tolist() == [*NAMES, lined, ranked]
    others = [*NAMES[:3], NAMES[4], lined], [*NAMES[:2], *NAMES[3:], lined]
    assert differences["map"].tolist() == [*NAMES[1:], lined, *others[0], *others[1]]
    assert table["label"].tolist() == [*LABELS, lined, ranked]
    scores, tests = table.set_index("map"), differences.set_index("map").loc[lined]
    assert scores.loc[ranked, "r"] == pytest.approx(spearmanr(matched["observed"], matched["fine"]).statistic)
    assert scores.loc[ranked, ["rmse", "ubrmse", "bias", "mae", "r2", "skill_copied"]].isna().all()
    error = linearly_matched(matched["fine"].to_numpy(), matched["observed"].to_numpy()) - matched["observed"]
    assert scores.loc[lined, "rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-4)
    assert scores.loc[lined, ["r", "bias"]].isna().all()
    assert tests[["r_difference", "p_r"]].isna().all(axis=None)
    assert tests["rmse_difference"].notna().all()


def test_validate_field_within_cells(bench: Bench) -> None:
    """Three points in a cell that the map, which is the same all over it, says nothing of, and one elsewhere."""
    bench.config = CONFIG | {"field_points": "points.csv", "map": CONFIG["map"] | {"interval": None}}
    write_maps(bench)
    longitude, latitude = places(CELLS)
    rows, columns = np.array([18, 20, 22, 44]), np.array([30, 30, 31, 20])
    frame = pd.DataFrame({"id": ["NA", "b", "d", "007"], "soil_moisture": [0.1, 0.2, 0.3, 0.3], "date": f"{MONTH}-15"})
    frame = frame.assign(longitude=longitude[rows, columns], latitude=latitude[rows, columns])
    frame.to_csv(bench.folder / "points.csv", index=False)
    names = ("validation", "points", "differences", "intervals", "points_unused", "within_cells")
    outputs = [f"{RUN}/tables/full/field_{name}.parquet" for name in names]
    log = bench.run("validate_field", *outputs, COUNTS)
    table = pd.read_parquet(bench.folder / outputs[-1])
    assert table["map"].tolist() == NAMES
    assert table[["cells", "n"]].to_numpy().tolist() == [[1, 3]] * 5
    np.testing.assert_allclose(table["skill"], 0, atol=1e-9)
    assert "3 pixels share 1 cells of 9 km with others." in log


@pytest.mark.parametrize(("own", "width"), [({}, 0.044), ({"representativeness": 0.01, "temporal": 0.0}, 0.01)])
def test_validate_field_by_intervals(bench: Bench, own: dict[str, float], width: float) -> None:
    """Five pixels with one visit each, whose values the map has but for 0.02 at most; its total interval is ±0.015."""
    write_points(bench)
    write_maps(bench)
    bench.config["points"] = own
    (*_, coverage), log = compared(bench)
    found = coverage.set_index("interval")
    assert found.index.tolist() == ["conditional", "total", "probe"]
    assert found["n"].tolist() == [5] * 3
    assert found["coverage"].tolist() == [0.2, 0.8, 1.0] if not own else [0.2, 0.8, 0.8]
    of_probe = 1.6448536 * np.hypot(width, 0 if own else 0.046)
    np.testing.assert_allclose(found["width"], [0.01, 0.03, 2 * np.hypot(0.015, of_probe)], atol=1e-3)
    assert ("Representativeness by 0 pairs" in log) == (not own)


def write_evaluation(bench: Bench) -> None:
    """Tables and estimates of which figures tell."""
    samples = sample_table()
    predicted = samples["target"] + np.random.default_rng(0).normal(0, 0.01, len(samples))
    test = samples["split"] == "test"
    frames = {
        "correlation": correlations(samples, ["target", "ndvi", "evi", "lst_day"]),
        "importance": pd.DataFrame(
            {
                "method": "absolute",
                "predictor": ["ndvi", "evi", "lst_day", "ndvi + evi"],
                "entry": ["predictor", "predictor", "predictor", "group"],
                "impurity_percent": [60.0, 30.0, 10.0, 90.0],
                "permutation_percent": [70.0, 30.0, 0.0, 100.0],
                "rmse": 0.03,
                "rmse_growth": [0.01, 0.004, 0.0, 0.02],
                "rmse_growth_sd": [0.002, 0.001, 0.001, 0.003],
                "vif": [9.0, 9.0, 1.5, np.nan],
            }
        ),
        "partial_dependence": pd.DataFrame(
            {
                "method": "absolute",
                "predictor": ["ndvi", "ndvi", "lst_day", "lst_day"],
                "unit": ["1", "1", "K", "K"],
                "value": [0.1, 0.9, 290.0, 320.0],
                "prediction": [0.1, 0.3, 0.3, 0.1],
                "minimum": [0.2, 0.2, 295.0, 295.0],
                "p05": [0.3, 0.3, 300.0, 300.0],
                "p95": [0.7, 0.7, 310.0, 310.0],
                "maximum": [0.8, 0.8, 315.0, 315.0],
            }
        ),
        "predictions": pd.DataFrame({"observed": samples["target"], "predicted": predicted, "split": samples["split"]}),
    }
    for name, frame in frames.items():
        frame.to_parquet(bench.path(f"{RUN}/tables/full/{name}.parquet"))
    scores = [
        {"protocol": protocol, "method": "absolute", "model": "random_forest", "label": "study's map, 9 km"}
        | score(samples["target"][rows].to_numpy(), predicted[rows].to_numpy())
        for protocol, rows in (("train", ~test), ("random", test))
    ]
    own = {"protocol": "one_scale_up", "method": "detail", "model": "random_forest", "label": "map, one scale up"}
    scores.insert(0, own | score(samples["target"].to_numpy(), predicted.to_numpy()) | {"note": "restored"})
    restored = pd.DataFrame({"observed": samples["target"], "estimated": predicted})
    restored.to_parquet(bench.path(f"{RUN}/protocols/one_scale_up.parquet"))
    write_scores(scores, *(bench.path(f"{RUN}/tables/full/{name}.parquet") for name in ("scores", "score_intervals")))
    rows = [
        ("9 km, one scale up", "total", "all", 597, 0.9, 0.93, 0.13),
        ("1 km", "total", "all", 0, 0.9, np.nan, 0.13),
    ]
    columns = ["support", "interval", "group", "n", "nominal", "coverage", "width"]
    pd.DataFrame(rows, columns=columns).to_parquet(bench.path(f"{RUN}/tables/full/coverage.parquet"))


def test_judge_map_without_points_and_truth(bench: Bench) -> None:
    """Of real data: one scale up, and why nothing else is told."""
    write_maps(bench)
    labels = {"detail, reconciled": "map, one scale up", "bilinear": "SMAP, bilinear, one scale up"}
    labels |= {name: f"{name}, one scale up" for name in ("bilinear, reconciled", "copied")}
    names = [{"method": name if "detail" in name else "null model", "model": name} for name in labels]
    scores = pd.DataFrame(names).assign(protocol="one_scale_up", label=[*labels.values()], n=600, note="restored")
    scores["rmse"] = [0.0066, 0.0103, 0.0095, 0.0102]
    pairs = pd.DataFrame({"reference": ["bilinear", "bilinear_reconciled"], "skill_high": [0.7, 0.6]}).assign(
        protocol="one_scale_up", estimate="detail_reconciled", skill_low=0.4
    )
    gain = pd.DataFrame([{"gain": np.nan, "verdict": "cannot be told", "reasons": "too few cells of 18 km"}])
    for name, table in (("scores", scores), ("differences", pairs), ("gain", gain)):
        table.to_parquet(bench.path(f"{RUN}/tables/full/{name}.parquet"))
    log = bench.run("judge_map", f"{RUN}/tables/full/verdict.parquet")
    table = pd.read_parquet(bench.folder / f"{RUN}/tables/full/verdict.parquet")
    assert table["comparison"].tolist() == ["one scale up", "one scale up", "field points", "predicted gain"]
    assert table["verdict"].tolist() == ["better", "better", "cannot be told", "cannot be told"]
    assert "its RMSE is 36 % smaller (0.0066 instead of 0.0103 m³/m³" in table["sentence"][0]
    assert all(sentence in log for sentence in table["sentence"])


@pytest.mark.parametrize("name", ["outlined", "with points"])
def test_draw_figures(bench: Bench, name: str) -> None:
    rule, names = "draw_figures", ["correlation", "importance", "partial_dependence", "predicted_observed"]
    if name == "with points":
        rule = "draw_figures_with_points"
        names += write_field_tables(bench)
    else:
        frame = geopandas.GeoDataFrame(geometry=[shapely.Point(99, 47.4).buffer(0.3)], crs="EPSG:4326")
        frame.to_crs("EPSG:32647").to_file(bench.folder / "outline.gpkg", engine="pyogrio")
        bench.config = CONFIG | {"regions": [{"name": REGION, "bbox": list(BOX), "outline": "outline.gpkg"}]}
    write_maps(bench)
    write_evaluation(bench)
    flags = np.zeros(CELLS.refined(9).shape, np.uint8)
    flags[:9, :9], flags[20:40] = 128, 4
    write_raster(bench.path(f"{RUN}/quality.tif"), {"quality": flags}, M01, CELLS.refined(9), {})
    count = ShiftCount(learned_range("value", "ndvi", sample_table()["ndvi"].to_numpy()))
    count.add(np.linspace(0, 1, 500))
    shift, histograms = shift_tables([[count.counts()]], {"ndvi": "1"})
    ranges = pd.DataFrame({"map": ["9 km", "1 km"], "effective_resolution": [np.nan, 2.5]})
    tables = {
        "quality": flag_table(count_values(flags)),
        "shift": shift,
        "shift_histograms": histograms,
        "maps": ranges,
        "verdict": pd.DataFrame([{"comparison": "field points", "verdict": "cannot be told"}]),
    }
    for name, frame in tables.items():
        frame.to_parquet(bench.path(f"{RUN}/tables/full/{name}.parquet"))
    draw(bench, rule, *names, "maps", "quality", "shift", "coverage")


def test_weigh_residual(bench: Bench) -> None:
    """SMAP's own part is half soil moisture: measured is the model's mean and half of it, at 60 exact pixels."""
    write_maps(bench)
    target, random = moisture(CELLS), np.random.default_rng(1)
    estimated = target.mean() + 0.02 * random.standard_normal(CELLS.shape)
    write_raster(bench.path(f"{RUN}/estimated_cells.tif"), {"estimated": estimated}, M09, CELLS, TAGS)
    longitude, latitude = places(CELLS)
    row, column = random.choice(CELLS.shape[0] * 9, 60, False), random.choice(CELLS.shape[1] * 9, 60, False)
    f, y9 = estimated[row // 9, column // 9], target[row // 9, column // 9]
    place = {"longitude": longitude[row, column], "latitude": latitude[row, column], "date": f"{MONTH}-15"}
    frame = pd.DataFrame({"id": [f"P{number}" for number in range(60)], **place})
    frame.assign(soil_moisture=0.05 + 0.8 * f + 0.4 * (y9 - f)).to_csv(bench.folder / "points.csv", index=False)
    bench.config = CONFIG | {"field_points": "points.csv"}
    outputs = [f"{RUN}/tables/full/residual_{name}.parquet" for name in ("weight", "points")]
    log = bench.run("weigh_residual", *outputs)
    found, pixels = (pd.read_parquet(bench.folder / path) for path in outputs)
    assert len(found) == 1
    one = found.iloc[0]
    np.testing.assert_allclose(one[["a", "b", "w", "weight"]].astype(float), [0.05, 0.8, 0.4, 0.5], atol=1e-5)
    assert one[["pixels", "cells"]].tolist() == [60, len(np.unique(row // 9 * 1000 + column // 9))]
    assert list(pixels) == [*OWN_COLUMNS, "target", "estimated"]
    assert f"of 60 pixels in {one['cells']} cells: {one['says']}" in log


def test_weigh_residual_of_few_points_says_why(bench: Bench) -> None:
    write_points(bench)
    write_maps(bench)
    write_raster(bench.path(f"{RUN}/estimated_cells.tif"), {"estimated": moisture(CELLS)}, M09, CELLS, TAGS)
    outputs = [f"{RUN}/tables/full/residual_{name}.parquet" for name in ("weight", "points")]
    bench.run("weigh_residual", *outputs)
    found = pd.read_parquet(bench.folder / outputs[0]).iloc[0]
    assert found["says"] == "cannot be told: 6 pixels with points, 30 are needed"
    assert np.isnan(found["weight"])


def write_field_tables(bench: Bench) -> list[str]:
    """Field points, and tables of them of which figures tell. Returns the names of the figures."""
    observed = np.array([0.1, 0.15, 0.2, 0.25])
    matched = pd.DataFrame({"id": list("abcd"), "longitude": 99.0, "latitude": 47.4, "observed": observed})
    matched["coarse"], matched["fine"] = observed[::-1], observed + 0.01
    rows = [
        {"map": name} | score(observed, matched[column].to_numpy())
        for name, column in (("9 km", "coarse"), ("1 km", "fine"))
    ]
    write_points(bench)
    matched.to_parquet(bench.path(f"{RUN}/tables/full/field_points.parquet"))
    write_scores(rows, *(bench.path(f"{RUN}/tables/full/field_{name}.parquet") for name in ("validation", "intervals")))
    weighed = matched.assign(target=matched["coarse"], estimated=0.15)
    weighed.to_parquet(bench.path(f"{RUN}/tables/full/residual_points.parquet"))
    found = {"a": 0.1, "b": 1.0, "w": 0.5, "weight": 0.5, "low": 0.2, "high": 0.8, "pixels": 4, "cells": 4}
    pd.DataFrame([found | {"says": "made up"}]).to_parquet(bench.path(f"{RUN}/tables/full/residual_weight.parquet"))
    return ["field_validation", "residual_weight"]


def write_matched(bench: Bench, month: str, added: float) -> None:
    """Three pixels of a cell and one elsewhere, and maps of which the one at 1 km is right."""
    observed = np.array([0.1, 0.2, 0.3, 0.3]) + added
    names = ["r00900c00900", "r00901c00901", "r00902c00908", "r02000c02000"]
    frame = pd.DataFrame({"pixel": names, "id": ["NA", "b; c", "d", "007"]})
    frame = frame.assign(
        points=[1, 2, 1, 1], measurements=[1, 2, 1, 1], longitude=99.0, latitude=47.4, observed=observed
    )
    frame = frame.assign(coarse=0.2, fine=observed)
    frame["NASA 1 km"] = 0.2 - added
    frame.to_parquet(bench.path(f"results/{REGION}/{month}/tables/full/field_points.parquet"))


def test_score_field_months(tmp_path: Path) -> None:
    months = [MONTH, "2021-09", "2021-07"]
    bench = make_bench(tmp_path, months)
    points().to_csv(bench.folder / "points.csv", index=False)
    bench.config |= {"months": months, "field_points": "points.csv"}
    for number, month in enumerate(months):
        write_matched(bench, month, 0.01 * number)
    path = f"results/{REGION}/tables/full/field_months.parquet"
    bench.run("score_field_months", path)
    table = pd.read_parquet(bench.folder / path).fillna({"id": ""}).set_index(["map", "id"])
    assert len(table) == 15
    assert table.loc[("1 km", "NA"), "n"] == 3
    assert [float(table.loc[(name, ""), "anomaly_r"]) for name in ("1 km", "NASA 1 km")] == pytest.approx([1, -1])
    assert table.loc[("9 km", ""), "points"] == 4


def write_inventory(bench: Bench, product: Product, tile: str | None, *absent: str) -> dict[str, Any]:
    """What a composite's job tells of its granules."""
    used = [{"name": f"{product.name}-{number}", "size": 1, "sha256": "0" * 64} for number in range(3)]
    inventory = {"product": product.name, "tile": tile, "month": MONTH, "granules": used, "absent": list(absent)}
    place = f"{product.name}/{tile}" if tile else product.name
    write_json(bench.path(f"results/composites/archive/{place}/{MONTH}.granules.json"), inventory)
    return inventory


def test_record_provenance(bench: Bench) -> None:
    inventories = []
    for product, tile, absent in ((INDEX, TILE, []), (LST, TILE, ["2021220", "2021221"]), (TARGET, None, [])):
        inventories.append(write_inventory(bench, product, tile, *absent))
    write_maps(bench)
    write_stages(bench)
    outputs = [f"{RUN}/provenance.json", f"{RUN}/tables/full/granules.parquet"]
    bench.run("record_provenance", outputs[0])
    bench.run("count_granules", outputs[1])
    record = json.loads((bench.folder / outputs[0]).read_text())
    assert record["granules"] == inventories
    cells = CELLS.rows * CELLS.columns
    mapped = 81 * (cells - 1)
    assert record["counts"]["map"] == {"in": mapped, "out": mapped, "masked": {"the model has no value": 0}}
    assert record["counts"]["samples"]["out"] == cells - 2
    assert record["configuration"]["model"] == {**record["configuration"]["model"], **CONFIG["model"]}
    assert record["configuration"]["months"] == [MONTH]
    assert record["description"]["references"].endswith("https://doi.org/10.5067/MODIS/MOD11A1.061")
    assert (record["software"]["kilomoist"], record["software"]["kilomoist_released"]) == (VERSION, RELEASED)
    assert set(record["configuration"]) == set(load({}).model_dump(mode="json")) - {"export", "report"}
    table = pd.read_parquet(bench.folder / outputs[1])
    assert table["expected"].tolist() == [3, 5, 3]
    assert table["found"].tolist() == [3, 3, 3]
    assert table.loc[1, "absent"] == "2021220 2021221"
    assert table.loc[2, "tile"] == "global"
