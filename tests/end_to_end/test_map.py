"""The whole workflow on the small simulated scene: what is there, and whether it is true."""

import json
import re
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from matplotlib.image import imread
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rio_cogeo.cogeo import cog_validate
from workflow_runs import DEMO, MONTH, SMALL, block_mean, files, link, snakemake, succeed, values

from kilomoist.configuration.schema import load
from kilomoist.evaluation.scores import score
from kilomoist.grids import CELL_SIDE, M09, Window
from kilomoist.learning.coarser_scale import null_models
from kilomoist.names import OWN_MAPS
from kilomoist.rasters import read_run

RASTERS = (
    *("soil_moisture", "quality", "quality_class", "applicability"),
    *("soil_moisture_9km", "target_weight_9km", "predictors"),
)
TABLES = (
    *("correlation", "importance", "partial_dependence", "maps", "scores", "truth", "granules", "gain"),
    *("quality", "shift", "agreement", "coverage", "field_validation", "field_points_unused", "residual_weight"),
    *("field_within_cells", "field_coverage", "variogram", "differences", "score_intervals", "shift_histograms"),
    *("field_points", "field_differences", "field_intervals", "predictions", "model_search", "alternative_search"),
    *("residual_points", "verdict"),
)
FIGURES = (
    *(
        "correlation",
        "importance",
        "partial_dependence",
        "predicted_observed",
        "maps",
        "field_validation",
        "residual_weight",
    ),
    *("quality", "shift", "coverage"),
)
PROTOCOLS = ("one_scale_up", "train", "random", "random_folds", "blocks", "knndm", "degrade_restore")
PUBLIC = {
    *("samples.parquet", "model.skops", "provenance.json", "quality.tif.aux.xml", "map.html", "tables/columns.csv"),
    *(f"{name}.{kind}" for name in (*RASTERS, "interval") for kind in ("tif", "qml")),
    *("README.txt", "report.html", "report.pdf", "quality_class.tif.aux.xml"),
    *(f"tables/{name}.csv" for name in TABLES),
    *(f"tables/full/{name}.parquet" for name in TABLES),
    *(f"figures/{name}.png" for name in FIGURES),
}
"""What people and programs rely on: docs/design.md."""
BETWEEN = {
    *("cells.tif", "estimated_cells.tif", "correction.tif", "comparison.tif", "alternative.skops", "applicability.npz"),
    *("protocols/field_points.json", "protocols/range.json", "protocols/intervals.json", "blocks/r000c000/shift.json"),
    *(f"protocols/{protocol}.parquet" for protocol in (*PROTOCOLS, "intervals")),
    *(f"blocks/r000c000/{name}.tif" for name in ("predictors", "cells", "raw_map", "applicability", "interval")),
}
SHARED = {
    f"results/composites/simulated/{name}/{MONTH}{suffix}"
    for name in ("MOD13A1.061/h24v04", "MOD11A1.061/h24v04", "SPL4SMGP.008")
    for suffix in (".tif", ".granules.json")
}
OF_REGION = {"results/steppe/index.html", "results/steppe/README.txt"}
TRUTH = f"resources/simulated/small-2021/truth/{MONTH}/soil_moisture.tif"


@pytest.fixture(scope="module")
def moisture(demo: Path) -> NDArray[np.float32]:
    return values(demo / DEMO / "soil_moisture.tif")


@pytest.fixture(scope="module")
def target(demo: Path) -> NDArray[np.float32]:
    return values(demo / DEMO / "soil_moisture_9km.tif")


@pytest.fixture(scope="module")
def truth(demo: Path) -> NDArray[np.float32]:
    """The 1 km truth where the map is."""
    with rasterio.open(demo / DEMO / "soil_moisture.tif") as fine, rasterio.open(demo / TRUTH) as true:
        window = true.window(*fine.bounds).round_offsets().round_lengths()
        return true.read(1, window=window)


def test_makes_the_public_files_and_nothing_unexpected(demo: Path) -> None:
    made = {path for path in files(demo, "results") if not path.startswith(("results/logs/", "results/benchmarks/"))}
    assert made == {f"{DEMO}/{name}" for name in PUBLIC | BETWEEN} | SHARED | OF_REGION


def test_leaves_one_log_and_one_benchmark_a_job(demo: Path) -> None:
    logs = {path.removeprefix("results/logs/").removesuffix(".log") for path in files(demo, "results/logs")}
    timed = {
        path.removeprefix("results/benchmarks/").removesuffix(".tsv") for path in files(demo, "results/benchmarks")
    }
    assert logs == timed
    assert len(logs) == 39


def test_simulates_granules_and_nothing_else(demo: Path) -> None:
    """31 days, 3 periods of 16 days, 8 fields a day; the landscape, its elevation, truth and field points."""
    patterns = {
        r"landscape\.npz": 1,
        r"truth/elevation\.tif": 1,
        rf"truth/{MONTH}/(soil_moisture\.tif|field_points\.csv)": 2,
        rf"MOD11A1\.061/h24v04/{MONTH}/MOD11A1\.A2021\d{{3}}\.h24v04\.061\.\d{{13}}\.hdf": 31,
        r"MOD13A1\.061/h24v04/MOD13A1\.A2021(209|225|241)\.h24v04\.061\.\d{13}\.hdf": 3,
        rf"SPL4SMGP\.008/{MONTH}/SMAP_L4_SM_gph_202108\d\dT\d{{6}}_Vv8010_001\.h5": 248,
    }
    made = {path.removeprefix("resources/simulated/small-2021/") for path in files(demo, "resources")}
    made -= {path for path in made if path.endswith(".snakemake_timestamp")}  # Snakemake's own, in folders that it made
    found = {pattern: {path for path in made if re.fullmatch(pattern, path)} for pattern in patterns}
    assert {pattern: len(paths) for pattern, paths in found.items()} == patterns
    assert made == set().union(*found.values())


def test_map_is_a_cloud_optimized_geotiff_on_the_ease_grid(demo: Path, moisture: NDArray) -> None:
    with rasterio.open(demo / DEMO / "soil_moisture_9km.tif") as coarse:
        extent, cells = coarse.bounds, coarse.shape
    for name in RASTERS:
        path, dtype = demo / DEMO / f"{name}.tif", "uint8" if name.startswith("quality") else "float32"
        assert cog_validate(path, quiet=True)[:2] == (True, [])
        assert read_run(path) == {"source": "simulated", "region": "steppe", "month": MONTH, "target": "SPL4SMGP.008"}
        if name.endswith("9km"):
            continue
        with rasterio.open(path) as file:
            assert file.crs.to_epsg() == 6933
            assert file.dtypes[0] == dtype
            assert file.shape == (cells[0] * CELL_SIDE, cells[1] * CELL_SIDE) == moisture.shape
            np.testing.assert_allclose(file.bounds, extent, atol=1e-6)
            assert file.transform.a == pytest.approx(M09.side / CELL_SIDE, abs=1e-9)
            # Pixels of the global grid, not of a grid of the region's own.
            column = (file.transform.c - M09.left) / M09.side
            assert column == pytest.approx(round(column), abs=1e-6)
            assert np.isnan(file.nodata) if dtype == "float32" else file.nodata is None


def test_bands_are_described(demo: Path) -> None:
    expected = {
        "soil_moisture.tif": (("soil_moisture",), ("m3 m-3",)),
        "interval.tif": (("lower", "upper", "conditional_lower", "conditional_upper"), ("m3 m-3",) * 4),
        "soil_moisture_9km.tif": (("soil_moisture",), ("m3 m-3",)),
        "target_weight_9km.tif": (("target_weight",), ("1",)),
        "quality.tif": (("quality",), (None,)),
        "applicability.tif": (("dissimilarity",), ("1",)),
    }
    for name, (descriptions, units) in expected.items():
        with rasterio.open(demo / DEMO / name) as file:
            assert (file.descriptions, file.units) == (descriptions, units)
            assert MaskFlags.per_dataset not in file.mask_flag_enums[0]
    with rasterio.open(demo / DEMO / "predictors.tif") as file:
        described = dict(zip(file.descriptions, file.units, strict=True))
    assert described == {
        **dict.fromkeys(("ndvi", "evi"), "1"),
        "lst_day": "K",
        **dict.fromkeys(("ndvi_days", "evi_days", "lst_day_days"), "days"),
        **dict.fromkeys(("water", "snow"), "1"),
    }


def test_map_says_by_which_method_it_was_made(demo: Path) -> None:
    with rasterio.open(demo / DEMO / "soil_moisture.tif") as file:
        tags = file.tags()
    assert (tags["method"], tags["model"], tags["target"]) == ("detail", "random_forest", "SPL4SMGP.008")
    assert 0 < float(tags["alpha"]) <= 1
    assert "note" not in tags


def test_values_are_physical(moisture: NDArray) -> None:
    finite = moisture[np.isfinite(moisture)]
    assert finite.size > 0.5 * moisture.size
    assert finite.min() >= 0
    assert finite.max() <= 1


def test_cell_means_equal_the_target(moisture: NDArray, target: NDArray) -> None:
    mean, count = block_mean(moisture)
    covered = (count >= 0.5 * CELL_SIDE**2) & np.isfinite(target)
    assert covered.sum() > 500
    assert np.abs(mean - target)[covered].max() < 1e-6


def test_no_cell_shows_its_edges(moisture: NDArray, target: NDArray) -> None:
    """Steps between pixels are as large across edges of cells as inside; in copied cells they are nowhere else."""

    def steps(values: NDArray) -> tuple[float, float]:
        across, inside = [], []
        for turned in (values, values.T):
            step = np.abs(np.diff(turned, axis=1))
            edge = np.arange(1, turned.shape[1]) % CELL_SIDE == 0
            across.append(step[:, edge].ravel())
            inside.append(step[:, ~edge].ravel())
        return float(np.nanmean(np.concatenate(across))), float(np.nanmean(np.concatenate(inside)))

    across, inside = steps(moisture)
    assert across / inside == pytest.approx(1, abs=0.05)
    copied = np.kron(target, np.ones((CELL_SIDE, CELL_SIDE)))
    across, inside = steps(np.where(np.isfinite(moisture), copied, np.nan))
    assert across > 100 * inside  # the statistic does see cells


def test_map_is_nearer_to_the_truth_than_any_null_model(moisture: NDArray, target: NDArray, truth: NDArray) -> None:
    window = Window(0, 0, *target.shape)
    null = null_models(target.astype(float), window, np.isfinite(moisture), CELL_SIDE, 0.5)
    assert set(null) == {"copied", "bilinear", "bilinear_reconciled"}
    # Cells that are mostly lake have no target to copy: all are compared where all have a value.
    common = np.where(np.isfinite(null["copied"]), truth, np.nan)
    ours = score(common, moisture)
    theirs = {name: score(common, estimate) for name, estimate in null.items()}
    assert {others["n"] for others in theirs.values()} == {ours["n"]}
    assert ours["r"] > max(others["r"] for others in theirs.values()) + 0.005, (ours, theirs)
    assert ours["rmse"] < 0.9 * min(others["rmse"] for others in theirs.values()), (ours, theirs)


def test_quality_says_why_a_pixel_is_doubtful(demo: Path, moisture: NDArray, target: NDArray) -> None:
    flags = values(demo / DEMO / "quality.tif", "quality")
    known = {
        0: "outside the training range",
        1: "outside the area of applicability",
        2: "few observations",
        3: "water, snow or ice in the pixel",
        4: "cell not reconciled",
        5: "frozen",
        6: "SMAP without radiometer",
        7: "no value",
    }
    with rasterio.open(demo / DEMO / "quality.tif") as file:
        assert {key: text for key, text in file.tags().items() if key.startswith("bit_")} == {
            f"bit_{bit}": text for bit, text in known.items()
        }
        assert file.colorinterp == (ColorInterp.palette,)
    missing = np.isnan(moisture)
    assert np.array_equal(flags == 1 << 7, missing)  # and nothing else is said where there is no value
    assert np.array_equal(flags & (1 << 7) > 0, missing)
    _, count = block_mean(moisture)
    kept = np.isfinite(target) & (count >= 0.5 * CELL_SIDE**2)
    assert np.array_equal(flags & (1 << 4) > 0, ~np.kron(kept, np.ones((CELL_SIDE, CELL_SIDE), bool)) & ~missing)
    few = values(demo / DEMO / "predictors.tif", "lst_day_days") < 6
    assert (flags & (1 << 2) > 0)[few & ~missing].all()
    wet = values(demo / DEMO / "predictors.tif", "water") > 0.05
    assert (wet & ~missing).any()
    assert (flags & (1 << 3) > 0)[wet & ~missing].all()
    assert not (flags & (1 << 5 | 1 << 6)).any()  # a warm August with a radiometer
    table = pd.read_parquet(demo / DEMO / "tables/full/quality.parquet").set_index("flag")["share"]
    for bit, meaning in known.items():
        if bit != 7:
            assert table[meaning] == pytest.approx((flags & (1 << bit) > 0).sum() / (~missing).sum())


def test_pixels_far_from_the_training_rows_are_outside(demo: Path, moisture: NDArray) -> None:
    flags = values(demo / DEMO / "quality.tif", "quality")
    index = values(demo / DEMO / "applicability.tif", "dissimilarity")
    with rasterio.open(demo / DEMO / "applicability.tif") as file:
        tags = file.tags()
    mapped = np.isfinite(moisture)
    assert np.array_equal(np.isfinite(index), mapped)
    assert (index[mapped] >= 0).all()
    assert np.array_equal((flags & 2 > 0)[mapped], (index > float(tags["threshold"]))[mapped])
    share = (index[mapped] <= float(tags["threshold"])).mean()
    # The model learned in this region: most of it resembles what it saw, and something does not.
    assert 0.8 < share < 1
    assert float(tags["share_inside"]) == pytest.approx(share, abs=1e-6)
    assert tags["method"] == "detail"
    shift = pd.read_parquet(demo / DEMO / "tables/full/shift.parquet")
    assert shift["space"].unique().tolist() == ["value", "deviation"]
    fine, coarse = (shift[shift["support"] == support].reset_index() for support in ("1 km", "9 km"))
    assert (fine["n"] == mapped.sum()).all()
    assert (coarse["n"] == len(pd.read_parquet(demo / DEMO / "samples.parquet"))).all()
    assert (fine["maximum"] > coarse["maximum"])[:3].all()  # means of cells reach less far than pixels
    out_of_range = (flags & 1 > 0)[mapped].mean()
    own = fine.loc[fine["space"] == "deviation", "outside"]
    assert own.max() <= out_of_range <= own.sum()


def test_samples_hold_the_cells_that_can_train(demo: Path, moisture: NDArray, target: NDArray) -> None:
    samples = pd.read_parquet(demo / DEMO / "samples.parquet")
    use = ["ndvi", "evi", "lst_day"]
    place = ["row", "col", "lon", "lat"]
    fractions = ["valid_fraction", *(f"valid_fraction_{name}" for name in use)]
    assert list(samples) == [*place, "target", *use, *fractions, "split"]
    assert not samples.isna().any(axis=None)
    assert (samples["valid_fraction"] >= 0.5).all()
    assert (samples["split"] == "test").sum() == int(np.ceil(0.2 * len(samples)))
    with rasterio.open(demo / DEMO / "soil_moisture_9km.tif") as file:
        first_row = round((M09.top - file.transform.f) / M09.side)
        first_column = round((file.transform.c - M09.left) / M09.side)
    row, column = samples["row"] - first_row, samples["col"] - first_column
    np.testing.assert_allclose(samples["target"], target[row, column], atol=1e-7)
    _, count = block_mean(moisture)
    np.testing.assert_allclose(samples["valid_fraction"] * CELL_SIDE**2, count[row, column], atol=1e-6)
    ndvi = np.where(np.isfinite(moisture), values(demo / DEMO / "predictors.tif", "ndvi"), np.nan)
    np.testing.assert_allclose(samples["ndvi"], block_mean(ndvi)[0][row, column], atol=1e-6)


def rise(curves: pd.DataFrame, predictor: str) -> float:
    """What a predictor adds to soil moisture from below the training rows to above them."""
    curve = curves.loc[curves["predictor"] == predictor, "prediction"]
    return curve.iloc[-1] - curve.iloc[0]


def test_tables_hold_what_the_study_reports(demo: Path, moisture: NDArray, target: NDArray) -> None:
    tables = {path.stem: pd.read_parquet(path) for path in (demo / DEMO / "tables/full").iterdir()}
    pairs = ["first", "first_label", "second", "second_label"]
    assert list(tables["correlation"]) == [*pairs, "r", "p", "n", "effective_n", "p_effective"]
    assert len(tables["correlation"]) == 6  # pairs of soil moisture, NDVI, EVI and LST
    importance = tables["importance"]
    assert {"method", "predictor", "impurity_percent", "permutation_percent"} <= set(importance)
    single, groups = (importance[importance["entry"] == entry] for entry in ("predictor", "group"))
    sums = single.groupby("method")[["impurity_percent", "permutation_percent"]].sum()
    assert set(sums.index) == {"absolute", "detail"}
    np.testing.assert_allclose(sums, 100)
    assert groups["predictor"].tolist() == ["ndvi + evi"] * 2
    # Soil moisture was simulated from what all three predictors see.
    dependence = tables["partial_dependence"]
    assert set(dependence["method"]) == {"absolute", "detail"}
    for _, curve in dependence.groupby("method"):
        assert rise(curve, "ndvi") > 0 > rise(curve, "lst_day")
    scores = tables["scores"]
    names = ["protocol", "method", "model", "label", "n", "r", "r2", "rmse", "ubrmse", "bias"]
    assert set(names) <= set(scores)
    assert list(scores["protocol"].drop_duplicates()) == list(PROTOCOLS)
    study = scores[scores["method"] == "absolute"].set_index("protocol")
    assert study.loc[["train", "random"], "n"].sum() == len(pd.read_parquet(demo / DEMO / "samples.parquet"))
    # The region is too small for blocks, and two cells of 144 km are too few to learn detail from: the rows say so.
    (blocks,) = scores.loc[scores["protocol"] == "blocks", "note"]
    assert re.match(
        r"The region has \d blocks of \d+ × \d+ cells, as long as the range of \d+ km, and 5 folds need", blocks
    )
    low, high = (study.loc[["random", "random_folds", "knndm"], f"r_{side}"] for side in ("low", "high"))
    assert (low < study.loc[low.index, "r"]).all()
    assert (study.loc[low.index, "r"] < high).all()
    assert study.loc["degrade_restore", "note"].startswith("detail: 2 complete cells of 144 km")
    assert set(scores.loc[scores["protocol"] == "degrade_restore", "method"]) == {
        *("absolute", "absolute, reconciled", "null model"),
    }
    # The delivered map comes first by its name, and learned something that SMAP does not have.
    own = scores[scores["label"] == "map, one scale up"]
    assert own.index.tolist() == [0]
    assert own[["protocol", "method"]].to_numpy().tolist() == [["one_scale_up", "detail, reconciled"]]
    assert own["note"].iloc[0].startswith("restored from 36 km in 5 spatial folds, alpha 0.")
    assert own["skill_bilinear_reconciled"].iloc[0] > 0
    verdict = tables["verdict"].set_index(["comparison", "reference"])
    assert list(dict.fromkeys(verdict.index.get_level_values(0))) == [
        *("one scale up", "field points", "simulated truth", "predicted gain")
    ]
    assert verdict.loc[("one scale up", "SMAP, bilinear, one scale up"), "verdict"] == "better"
    assert verdict.loc[("simulated truth", "SMAP, bilinear"), "gain"] == pytest.approx(
        tables["truth"].iloc[0]["skill_bilinear"]
    )
    assert verdict["sentence"].str.contains("SMAP, bilinear").all()
    truth = tables["truth"].set_index(["support", "map"])
    # Lakes have no true soil moisture, though the map may have a value at their shores.
    assert (truth["n"] == truth["n"].iloc[0]).all()
    assert 0.99 < truth["n"].iloc[0] / np.isfinite(moisture).sum() <= 1
    assert truth.loc[("1 km", "soil_moisture.tif"), "rmse"] == pytest.approx(
        truth.loc[("1 km", "detail_reconciled"), "rmse"], rel=1e-4
    )
    # What downscaling adds: copied values say nothing within cells.
    assert np.isnan(truth.loc[("within cells", "copied"), "r"])
    assert truth.loc[("within cells", "soil_moisture.tif"), "skill_bilinear_reconciled"] > 0.1
    reliability = tables["agreement"]
    assert reliability["predictor"].tolist() == ["ndvi", "evi", "lst_day"]
    assert reliability["reliability"].between(0.8, 0.999).all()
    ranges = tables["maps"].set_index("map")
    for name, raster in (("9 km", target), ("1 km", moisture)):
        finite = raster[np.isfinite(raster)].astype(float)
        assert ranges.loc[name, "n"] == finite.size
        np.testing.assert_allclose(
            ranges.loc[name, ["minimum", "maximum", "mean", "p05"]].astype(float),
            [finite.min(), finite.max(), finite.mean(), np.percentile(finite, 5)],
            atol=1e-6,
        )
    field = tables["field_validation"].set_index("map")
    assert list(field.index) == list(OWN_MAPS.values())
    assert field["label"].tolist()[:4] == ["SMAP, 9 km", "map, 1 km", "SMAP, bilinear", "SMAP, bilinear, reconciled"]
    points = tables["field_points"]
    assert (field["n"] == len(points)).all()
    for name, column in (("9 km", "coarse"), ("1 km", "fine")):
        assert field.loc[name, "r"] == pytest.approx(np.corrcoef(points["observed"], points[column])[0, 1])


def test_no_job_was_warned_by_numpy(demo: Path) -> None:
    logs = sorted((demo / "results/logs").rglob("*.log"))
    assert logs
    assert [path for path in logs if "RuntimeWarning" in path.read_text()] == []


def test_nothing_is_lost_between_granules_and_map(demo: Path) -> None:
    provenance = json.loads((demo / DEMO / "provenance.json").read_text())
    assert not any(inventory["odd"] for inventory in provenance["granules"])
    counts = provenance["counts"]
    stages = [counts["predictors"], counts["map"], counts["samples"]]
    stages += [balance for of_granules in counts["granules"].values() for balance in of_granules.values()]
    assert len(stages) > 3
    for balance in stages:
        assert balance["in"] == balance["out"] + sum(balance["masked"].values())
    assert counts["map"]["in"] == counts["predictors"]["out"]
    assert counts["map"]["out"] == np.isfinite(values(demo / DEMO / "soil_moisture.tif")).sum()
    assert counts["samples"]["out"] == len(pd.read_parquet(demo / DEMO / "samples.parquet"))


def test_provenance_names_every_granule_with_its_checksum(demo: Path) -> None:
    provenance = json.loads((demo / DEMO / "provenance.json").read_text())
    assert set(provenance) == {
        "description",
        "configuration",
        "software",
        "git_revision",
        "granules",
        "counts",
        "files",
    }
    assert provenance["configuration"] == load(SMALL).model_dump(mode="json", exclude={"export", "report"})
    software = {"kilomoist", "kilomoist_released", "python", "gdal", "numpy", "rasterio", "scikit-learn", "snakemake"}
    assert software <= set(provenance["software"])
    if provenance["git_revision"] is not None:
        assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", provenance["git_revision"])
    named = {granule["name"]: granule for inventory in provenance["granules"] for granule in inventory["granules"]}
    there = {path.name: path for path in (demo / "resources").rglob("*") if path.suffix in (".hdf", ".h5")}
    assert set(named) == set(there)
    assert not any(inventory["absent"] for inventory in provenance["granules"])
    for name, granule in named.items():
        assert granule["sha256"] == sha256(there[name].read_bytes()).hexdigest()
        assert granule["size"] == there[name].stat().st_size


def test_table_of_granules_counts_them(demo: Path) -> None:
    table = pd.read_csv(demo / DEMO / "tables/granules.csv")
    assert list(table) == ["product", "tile", "expected", "found", "absent"]
    counted = {(row.product, row.tile): (row.expected, row.found) for row in table.itertuples()}
    assert counted == {
        ("MOD13A1.061", "h24v04"): (3, 3),
        ("MOD11A1.061", "h24v04"): (31, 31),
        ("SPL4SMGP.008", "global"): (248, 248),
    }


def test_figures_are_pictures(demo: Path) -> None:
    for path in sorted((demo / DEMO / "figures").glob("*.png")):
        picture = imread(path)
        assert min(picture.shape[:2]) >= 400, path.name
        assert picture[..., :3].std() > 0.02, path.name


def test_a_run_ends_with_where_everything_lies(demo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    link(demo, folder)
    said = succeed(folder, "--forcerun", "count_granules", config=SMALL).output
    opened = f"open {DEMO}/map.html or {DEMO}/report.html; map {DEMO}/soil_moisture.tif"
    assert f"steppe, {MONTH}: {opened}\n" in said


def test_report_of_all_runs_needs_no_network(demo: Path, tmp_path: Path) -> None:
    """Snakemake's report opens with what it shows, and tells region, month and kind of each result."""
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    report = tmp_path / "report.zip"
    done = snakemake(demo, "--report", str(report), config=SMALL, variables=nowhere)
    assert done.code == 0, done.output
    with zipfile.ZipFile(report) as archive:
        names = {Path(name).name for name in archive.namelist()}
        (page,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/report.html"))
    assert {"maps.png", "quality.png", "verdict.csv", "granules.csv"} <= {
        re.sub(r"^[0-9a-f]+-", "", name) for name in names
    }
    assert "Soil moisture at 1 km, monthly means" in page
    assert re.search(r'"region": ?"steppe", ?"month": ?"2021-08", ?"kind": ?"verdict"', page)


def test_warns_that_nothing_is_measured_in_another_region(demo: Path) -> None:
    said = snakemake(demo, "--dry-run", "--quiet", config=SMALL).output
    assert "The granules of steppe are simulated (source: simulated): nothing is measured there." in said


def test_intervals_hold_the_truth_as_often_as_they_say(demo: Path, moisture: NDArray[np.float32]) -> None:
    """On the small scene, whose truth no calibration has seen; SMAP is exact in it, and the file says so."""
    lower, upper = (values(demo / DEMO / "interval.tif", name) for name in ("lower", "upper"))
    valid = np.isfinite(moisture)
    assert np.array_equal(np.isfinite(lower), valid)
    assert (lower[valid] < moisture[valid]).all()
    assert (moisture[valid] < upper[valid]).all()
    with rasterio.open(demo / DEMO / "interval.tif") as file:
        tags = file.tags()
    assert [tags[name] for name in ("interval", "target_error", "target_error_left")] == ["0.9", *["0 m3 m-3"] * 2]
    coverage = pd.read_parquet(demo / DEMO / "tables/full/coverage.parquet")
    # Both intervals are checked at both scales; of an exact SMAP they are the same but for rounding.
    both = [coverage[coverage["interval"] == kind].set_index(["support", "group"]) for kind in ("total", "conditional")]
    coverage = both[0]
    assert coverage.index.equals(both[1].index)
    np.testing.assert_allclose(coverage["width"], both[1]["width"], rtol=0.02)
    # Of 600 cells whose errors are alike nearby; the benchmarks' scenes are larger.
    assert coverage.loc[("1 km, simulated truth", "all"), "coverage"] >= 0.85
    assert 0.88 <= coverage.loc[("9 km, one scale up", "all"), "coverage"] <= 0.92
    fine = coverage.loc["1 km, simulated truth"]
    classes = fine[fine.index.str.startswith("ndvi") & (fine["n"] >= 1000)]
    assert len(classes) == 4
    assert (classes["coverage"] >= 0.85).all(), classes
    assert {f"fold {number}" for number in range(5)} <= set(coverage.loc["9 km, one scale up"].index)
