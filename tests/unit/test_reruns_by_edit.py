"""Scripts that an edit of a function reruns, by the fingerprints of a copy of all scripts in which it was edited."""

import ast
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from kilomoist.dependencies import fingerprint

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
FITTING = {
    *("train_model", "evaluate_model", "calibrate_intervals", "cross_validate", "degrade_restore", "leave_month_out")
}
"""Scripts that fit models."""
PREDICTING = {"assemble_map", "bound_block", "compare_maps", "judge_block", "predict_block"}
"""Scripts that know a fitted model."""
SCORING = {"score_protocols", "score_months", "validate_field"}

EDITS = {
    "earthdata/store.py:retrieve": {"retrieve_granule"},
    "granules/modis.py:read_datasets": {"composite_tile", "retrieve_granule"},
    "simulation/modis.py:write_tiled_granule": {"simulate_vegetation", "simulate_temperature"},
    "simulation/smap.py:write_target_granule": {"simulate_target"},
    "simulation/landscapes.py:landscape": {
        f"simulate_{name}" for name in ("landscape", "temperature", "truth", "vegetation")
    },
    "predictors/composites.py:average_rows": {"composite_tile"},
    "predictors/footprints.py:sum_footprints": {"stack_block", "measure_reliability"},
    "predictors/layers.py:stack_layers": {"stack_block"},
    "learning/training_folds.py:spatial_folds": FITTING | {"judge_block", "merge_target"},
    "learning/learners.py:fit": FITTING | PREDICTING | {"merge_target"},
    "reconciliation.py:reconcile": FITTING - {"leave_month_out"} | PREDICTING | {"merge_target", "reconcile_map"},
    "mapping/flags.py:flag_table": {"assemble_quality", "draw_maps"},
    "evaluation/cross_validation.py:knndm_folds": {"cross_validate"},
    "evaluation/variograms.py:variogram": SCORING | {"estimate_range"},
    "evaluation/restoration.py:null_models": {"degrade_restore"},
    "evaluation/null_estimates.py:null_estimates": {
        *("cross_validate", "degrade_restore", "leave_month_out", "score_protocols")
    },
    "evaluation/scores.py:score": SCORING | {"compare_truth"},
    "evaluation/study.py:correlations": {"score_protocols"},
    "evaluation/importances.py:importance_table": {"evaluate_model"},
    "reporting/stations.py:read_stations": {"validate_field"},
    "reporting/figures/maps.py:draw_both_maps": {"draw_maps"},
    "reporting/figures/quality.py:draw_quality": {"draw_maps"},
    "reporting/figures/shift.py:draw_shift": {"draw_maps"},
    "reporting/figures/correlation.py:draw_correlation": {"draw_evaluation"},
    "reporting/figures/importance.py:draw_importance": {"draw_evaluation"},
    "reporting/figures/partial_dependence.py:draw_partial_dependence": {"draw_evaluation"},
    "reporting/figures/predicted_observed.py:draw_predicted_observed": {"draw_evaluation"},
    "reporting/figures/field_validation.py:draw_points": {"draw_field_validation"},
}
"""Functions of the library, and exactly the scripts that an edit of each reruns."""


def fingerprints(scripts: Path) -> dict[str, str]:
    return {path.stem: fingerprint(path, scripts / "kilomoist") for path in scripts.glob("*.py")}


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    return fingerprints(SCRIPTS)


def copied(folder: Path) -> Path:
    return copytree(SCRIPTS, folder / "scripts", ignore=ignore_patterns("__pycache__"))


def rewrite(path: Path, function: str, statement: str) -> None:
    """Put a statement before all others of a function: a string is its docstring then."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    (found,) = (node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == function)
    if ast.get_docstring(found) is not None:
        del found.body[0]
    found.body[:0] = ast.parse(statement).body
    path.write_text(ast.unparse(module), encoding="utf-8")


@pytest.mark.parametrize("place", EDITS)
def test_an_edit_reruns_what_it_touches(tmp_path: Path, before: dict[str, str], place: str) -> None:
    scripts, (module, function) = copied(tmp_path), place.split(":")
    rewrite(scripts / "kilomoist" / module, function, "edited = True")
    assert {name for name, mark in fingerprints(scripts).items() if mark != before[name]} == EDITS[place]


def test_other_words_rerun_nothing(tmp_path: Path, before: dict[str, str]) -> None:
    scripts = copied(tmp_path)
    for place in EDITS:
        module, function = place.split(":")
        rewrite(scripts / "kilomoist" / module, function, "'''Said in another way.'''")
    assert fingerprints(scripts) == before
