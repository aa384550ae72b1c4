"""Scripts that an edit of a function of the library reruns."""

import ast
from pathlib import Path

import pytest

from kilomoist.dependencies import LIBRARY, fingerprint, modules_of

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
FITTING = {
    *("train_absolute", "train_detail", "evaluate_model", "restore_cells", "run_protocols", "leave_month_out"),
    "predict_gain",
}
"""Scripts that fit models."""
PREDICTING = {"compare_maps", "judge_block", "predict_block"}
"""Scripts that know a fitted model."""
SCORING = {"score_protocols", "score_months", "validate_field", "weigh_residual"}

EDITS = {
    "earthdata/store.py:retrieve": {"retrieve_granule"},
    "granules/modis.py:read_datasets": {"composite_tile", "retrieve_granule"},
    "granules/viirs.py:read_datasets": {"composite_tile", "retrieve_granule"},
    "predictors/bridging.py:choose_differences": {"bridge_products"},
    "simulation/modis.py:write_tiled_granule": {"simulate_vegetation", "simulate_temperature"},
    "simulation/viirs.py:write_tiled_granule": {"simulate_vegetation", "simulate_temperature"},
    "simulation/smap.py:write_target_granule": {"simulate_target"},
    "simulation/landscapes.py:landscape": {
        f"simulate_{name}" for name in ("landscape", "target", "temperature", "truth", "vegetation")
    },
    "predictors/composites.py:average_rows": {"composite_tile"},
    "predictors/footprints.py:sum_footprints": {"compare_products", "stack_block", "measure_reliability"},
    "predictors/layers.py:stack_layers": {"stack_block"},
    "learning/training_folds.py:spatial_folds": FITTING | {"judge_block"},
    "learning/learners.py:fit": FITTING | PREDICTING,
    "reconciliation.py:reconcile": FITTING - {"leave_month_out"}
    | PREDICTING
    | {"assemble_map", "assemble_quality", "measure_coverage", "merge_target"},
    "mapping/flags.py:flag_table": {
        "assemble_quality",
        "draw_figures",
        "describe_files",
        "write_map_page",
        "export_raster",
    },
    "mapping/resolution.py:radial_spectrum": {"assemble_map"},
    "evaluation/cross_validation.py:knndm_folds": {"run_protocols"},
    "evaluation/variograms.py:variogram": SCORING | {"estimate_range"},
    "evaluation/restoration.py:restored_estimates": {"run_protocols"},
    "evaluation/null_estimates.py:null_estimates": {"leave_month_out", "run_protocols", "score_protocols"},
    "reporting/verdicts.py:sentence": {
        "judge_map",
        "draw_figures",
        "write_map_page",
        "write_region_page",
        "write_report",
    },
    "reporting/figures/coverage.py:draw_coverage": {"draw_figures", "write_report"},
    "evaluation/scores.py:score": SCORING
    | {"compare_truth", "score_field_months", "judge_map", "write_region_page", "write_report"}
    | {"draw_figures", "write_map_page"},
    "evaluation/study.py:correlations": {"score_protocols"},
    "evaluation/importances.py:importance_table": {"evaluate_model"},
    "reporting/stations.py:read_stations": {
        *("compare_maps", "validate_field", "weigh_residual"),
    },
    "evaluation/probes.py:probe_interval": {"validate_field"},
    "reporting/figures/maps.py:draw_both_maps": {"draw_figures", "export_slide"},
    "reporting/figures/quality.py:draw_quality": {"draw_figures"},
    "reporting/figures/shift.py:draw_shift": {"draw_figures"},
    "reporting/figures/correlation.py:draw_correlation": {"draw_figures"},
    "reporting/figures/importance.py:draw_importance": {"draw_figures"},
    "reporting/figures/partial_dependence.py:draw_partial_dependence": {"draw_figures"},
    "reporting/figures/predicted_observed.py:draw_predicted_observed": {"draw_figures"},
    "reporting/figures/field_validation.py:draw_points": {"draw_figures"},
    "reporting/figures/residual_weight.py:draw_residual": {"draw_figures"},
    "evaluation/residual_weight.py:residual_weight": {"weigh_residual"},
    "metadata.py:describe": {
        *("assemble_map", "assemble_predictors", "assemble_quality", "collect_samples", "record_provenance"),
        *("export_netcdf", "export_zarr", "export_slide", "export_item", "export_collection"),
        *("judge_map", "draw_figures", "write_map_page", "write_region_page"),
        *("describe_files", "write_report"),
    },
    "publishing/styles.py:moisture_scale": {"describe_files"},
    "publishing/categories.py:categories": {"describe_files"},
    "publishing/pages.py:write_page": {"write_map_page", "write_region_page"},
    "publishing/map_page.py:compose_map_page": {"write_map_page"},
    "publishing/region_page.py:compose_region_page": {"write_region_page"},
    "exporting/bands.py:read_bands": {"export_points", "export_zones"},
    "exporting/datasets.py:cf_dataset": {"export_netcdf", "export_zarr"},
    "exporting/stac.py:write_item": {"export_collection", "export_item"},
    "exporting/warping.py:warp_raster": {"export_raster"},
    "exporting/slides.py:draw_slide": {"export_slide"},
    "exporting/points.py:point_table": {"export_points"},
    "exporting/zones.py:zone_table": {"export_zones"},
    "publishing/dictionary.py:rounded": {"write_tables", "describe_files"},
    "publishing/report.py:report_of": {"write_report"},
}
"""Functions of the library, and exactly the scripts that an edit of each reruns."""


def reruns(place: str, statement: str, folder: Path) -> set[str]:
    """Scripts that run again when a statement stands first in a function: a string is its docstring then."""
    name, function = place.split(":")
    module, edited = LIBRARY / name, folder / Path(name).name
    tree = ast.parse(module.read_text(encoding="utf-8"))
    (found,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    if ast.get_docstring(found) is not None:
        del found.body[0]
    found.body[:0] = ast.parse(statement).body
    edited.write_text(ast.unparse(tree), encoding="utf-8")
    if fingerprint(edited) == fingerprint(module):
        return set()
    return {script.stem for script in SCRIPTS.glob("*.py") if module in modules_of(script)}


@pytest.mark.parametrize("place", EDITS)
def test_an_edit_reruns_what_it_touches(tmp_path: Path, place: str) -> None:
    assert reruns(place, "edited = True", tmp_path) == EDITS[place]
    (words := tmp_path / "words").mkdir()
    assert reruns(place, "'''Said in another way.'''", words) == set()
