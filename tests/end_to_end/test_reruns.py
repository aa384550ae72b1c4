"""What runs again after a change, and what does not: asked of Snakemake's own plan, on the files of a whole run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from workflow_runs import DEMO, MONTH, SMALL, Pending, copy_tree, planned, rules, snakemake

from kilomoist.configuration.schema import load
from kilomoist.planning import needs

SIMULATION = {"simulate_landscape", "simulate_truth", "simulate_temperature", "simulate_vegetation", "simulate_target"}
COMPOSITES = {"composite_tile", "average_target"}
SAMPLES = {"stack_block", "collect_samples", "assemble_predictors", "estimate_range", "measure_reliability"}
PAGES = {"write_map_page", "write_region_page"}
PUBLISHED = {"write_tables_with_points", "write_report", "describe_files"}
RECORDED = {"record_provenance", "write_report"}
"""The record of what the map was made from, which holds the whole configuration, and what tells of it."""
FROM_MODEL = {
    *("train_absolute", "train_detail", "evaluate_model", "predict_block", "assemble_map"),
    *("judge_block", "assemble_quality", "validate_field"),
    *("restore_cells", "measure_coverage", "judge_map", "draw_figures_with_points", *PUBLISHED, *PAGES),
    *("run_protocols", "score_protocols", "compare_maps", "compare_truth", "predict_gain"),
    "weigh_residual",
}
OF_TILE = {
    f"results/composites/simulated/{product}/h24v04/{MONTH}{suffix}"
    for product in ("MOD11A1.061", "MOD13A1.061")
    for suffix in (".tif", ".granules.json")
}
"""What one job composes."""


def changed(section: str, **keys: Any) -> dict[str, Any]:
    """The configuration of the run with some keys of one section changed."""
    return SMALL | {section: SMALL.get(section, {}) | keys}


def test_a_second_call_has_nothing_to_do(demo: Path) -> None:
    done = snakemake(demo, "--dry-run", config=SMALL)
    assert "Nothing to be done" in done.output, done.output
    assert planned(demo, SMALL) == set()


@pytest.mark.parametrize(
    ("section", "key", "value", "expected"),
    [
        ("model", "trees", 51, FROM_MODEL),
        ("quality", "temperature", "fair", {"composite_tile", *SAMPLES, *FROM_MODEL, "count_granules"}),
        ("quality", "minimum_days", 4, {*SAMPLES, *FROM_MODEL}),
        ("quality", "minimum_target_share", 0.8, {"average_target", *SAMPLES, *FROM_MODEL, "count_granules"}),
        (
            *("map", "reconcile", False),
            {
                *("assemble_map", "validate_field", "draw_figures_with_points", *PUBLISHED),
                *("restore_cells", "score_protocols", "judge_map"),
                *("judge_block", "measure_coverage", "compare_truth"),
                *("assemble_quality", "predict_gain"),
                *PAGES,
            },
        ),
    ],
)
def test_a_key_reruns_what_uses_it_and_what_follows(
    demo: Path, section: str, key: str, value: object, expected: set[str]
) -> None:
    pending = planned(demo, changed(section, **{key: value}))
    assert rules(pending) == {*expected, *RECORDED}
    if key == "temperature":
        assert {file.path for file in pending if file.rule in COMPOSITES} == OF_TILE


def test_an_interval_needs_another_model_only_where_there_was_none(demo: Path) -> None:
    """A forest keeps what quantiles need where the map has intervals, of whatever width."""
    assert not {"train_absolute", "train_detail"} & rules(planned(demo, changed("map", interval=0.8)))
    without = planned(demo, changed("map", interval=None))
    assert [file.path for file in without if file.rule == "train_detail" and "model.skops" in file.path]


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({"seed": 7}, "small-7"),
        ({"landscape": "mountains"}, "small-mountains-2021"),
        ({"noise": True}, "small-noise-2021"),
        ({"error": 0.02}, "small-error0.02-2021"),
    ],
)
def test_another_scene_has_granules_of_its_own_and_remakes_the_composites(demo: Path, keys: dict, name: str) -> None:
    """Scenes share the composites' place, where the granules of one must not pass for those of another."""
    pending = planned(demo, changed("scene", **keys))
    assert rules(pending) >= {*SIMULATION, *COMPOSITES, *SAMPLES, *FROM_MODEL, "record_provenance"}
    simulated = {file.path for file in pending if file.rule in SIMULATION}
    assert all(path.startswith(f"resources/simulated/{name}/") for path in simulated)
    assert all((demo / path).exists() for path in {file.path for file in pending if file.rule in COMPOSITES})


def test_no_scene_but_the_configured_one_is_made(demo: Path) -> None:
    """Its rules take a scene from the configuration: another one's folder would hold the wrong granules."""
    done = snakemake(demo, "--dry-run", "resources/simulated/small-7/landscape.npz", config=SMALL)
    assert done.code == 1
    assert "MissingRuleException" in done.output


def test_another_month_computes_only_that_month(demo: Path) -> None:
    pending = planned(demo, SMALL | {"months": [MONTH, "2021-09"]})
    # The month that was there is estimated by the new one; of its own files none is made again.
    estimated = f"results/steppe/months/{MONTH}.parquet"
    assert [file for file in pending if MONTH in file.path] == [Pending("leave_month_out", estimated)]
    new = {file.path for file in pending}
    assert f"{DEMO.replace(MONTH, '2021-09')}/soil_moisture.tif" in new
    assert "results/steppe/months/2021-09.parquet" in new
    # Simulated periods of 16 days bear their first day, not a month; the one that August has too is not among them.
    names = ("months", "month_intervals")
    tables = {f"results/steppe/tables/{name}.csv" for name in names}
    tables |= {"results/steppe/README.txt", "results/steppe/index.html"}
    tables |= {f"results/steppe/tables/full/{name}.parquet" for name in names}
    assert {path for path in new - {estimated} - tables if "2021-09" not in path} == {
        f"resources/simulated/small-2021/MOD13A1.061/h24v04/MOD13A1.A2021{day}.h24v04.061.2021{made}000000.hdf"
        for day, made in (("257", "277"), ("273", "293"))
    }
    assert tables < new


def test_another_region_reuses_granules_and_composites(demo: Path) -> None:
    second = {"name": "east", "bbox": [99, 46.5, 101, 48.5]}
    pending = planned(demo, SMALL | {"regions": [*SMALL["regions"], second]})
    assert not rules(pending) & (SIMULATION | COMPOSITES)
    assert not [file for file in pending if file.path.startswith(DEMO)]
    assert f"results/east/{MONTH}/soil_moisture.tif" in {file.path for file in pending}


def test_other_predictors_rerun_the_composites_of_tiles_alone(demo: Path) -> None:
    pending = planned(demo, SMALL | {"predictors": {"use": ["lst_day", "lst_night", "evi", "ndvi"]}})
    assert not rules(pending) & SIMULATION
    assert {file.path for file in pending if file.rule in COMPOSITES} == OF_TILE
    # Their order is the model's, not the composites'.
    pending = planned(demo, SMALL | {"predictors": {"use": ["lst_day", "evi", "ndvi"]}})
    assert not rules(pending) & (SIMULATION | COMPOSITES)


def test_layers_rerun_from_the_stack_on(demo: Path, tmp_path: Path) -> None:
    layer = tmp_path / "dem.tif"
    profile = {"driver": "GTiff", "height": 40, "width": 60, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(layer, "w", transform=rasterio.transform.from_origin(97, 49, 0.1, 0.1), **profile) as file:
        file.write(np.full((40, 60), 1500, np.float32), 1)
    predictors = {"use": ["ndvi", "evi", "lst_day", "slope"], "layers": {"elevation": str(layer)}}
    pending = planned(demo, SMALL | {"predictors": predictors})
    assert rules(pending) == {*SAMPLES, *FROM_MODEL, "record_provenance"}
    # A layer that is not in use changes nothing but the configuration that is recorded, and is told.
    unused = SMALL | {"predictors": {"layers": {"elevation": str(layer)}}}
    assert rules(planned(demo, unused)) == RECORDED
    told = "`predictors.layers.elevation` is not read, because `predictors.use` does not have elevation."
    assert told in snakemake(demo, "--dry-run", config=unused).output


CODE = "\n\n_EDITED = True\n"


@pytest.mark.parametrize(
    ("module", "text", "expected"),
    [
        ("reporting/figures/pages.py", CODE, {"draw_figures_with_points", *PAGES, "write_report"}),
        ("publishing/dictionary.py", CODE, {"write_tables_with_points", "describe_files"}),
        ("publishing/report.py", CODE, {"write_report"}),
        (
            *("predictors/composites.py", CODE),
            {"composite_tile", *SAMPLES, *FROM_MODEL, "record_provenance", "count_granules"},
        ),
        # No script imports it: `stacks` and `half_months` do.
        ("predictors/footprints.py", CODE, {*SAMPLES, *FROM_MODEL, "record_provenance"}),
        ("grids.py", "\n# every rule needs this module\n", set()),
    ],
)
def test_an_edited_module_reruns_the_rules_that_import_it_and_what_follows(
    demo: Path, tmp_path: Path, module: str, text: str, expected: set[str]
) -> None:
    tree = copy_tree(tmp_path / "tree")
    path = tree / "workflow/scripts/kilomoist" / module
    path.write_text(path.read_text() + text)
    assert rules(planned(demo, SMALL, tree)) == expected


def test_an_edited_script_reruns_its_rule(demo: Path, tmp_path: Path) -> None:
    tree = copy_tree(tmp_path / "tree")
    script = tree / "workflow/scripts/validate_field.py"
    script.write_text(script.read_text() + CODE)
    assert rules(planned(demo, SMALL, tree)) == {
        *("validate_field", "draw_figures_with_points"),
        *("judge_map", "write_tables_with_points", *RECORDED),
        *PAGES,
    }


def test_moved_times_of_code_rerun_nothing(demo: Path, tmp_path: Path) -> None:
    """Another checkout, a rebase or a copy gives files new times, and their content is the same."""
    tree = copy_tree(tmp_path / "tree")
    for path in tree.rglob("*.*"):
        path.touch()
    assert planned(demo, SMALL, tree) == set()


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"map": {"interval": 0.9}},
        {"map": {"interval": None, "comparison": True}},
        {"model": {"method": "detail"}},
        {"evaluation": {"protocols": ["degrade_restore", "blocks"]}},
        {"months": ["2021-07", "2021-08"]},
    ],
)
def test_composites_keep_halves_of_the_month_where_a_job_reads_them(tmp_path: Path, keys: dict[str, Any]) -> None:
    """Which jobs a run has, Snakemake tells."""
    bare = {"source": "earthdata", "model": {"method": "absolute"}, "map": {"interval": None}}
    config = {"regions": [{"name": "here", "bbox": [98.5, 47.0, 99.5, 48.0]}], **bare, **keys}
    assert ("measure_reliability" in rules(planned(tmp_path, config))) == needs.halves(load(config))
