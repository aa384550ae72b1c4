"""Draw the figures of a run: its maps and flags, the evaluation, the intervals, the shift of the predictors, and where
there are field points, these against both maps and against what SMAP says beyond the predictors.
"""

from pathlib import Path

import pandas as pd

from kilomoist.files import read_table
from kilomoist.grids import Box
from kilomoist.jobs import rule_script
from kilomoist.reporting.figures.correlation import draw_correlation
from kilomoist.reporting.figures.coverage import draw_coverage
from kilomoist.reporting.figures.field_validation import draw_points
from kilomoist.reporting.figures.importance import draw_importance
from kilomoist.reporting.figures.maps import draw_both_maps
from kilomoist.reporting.figures.pages import read_caption
from kilomoist.reporting.figures.partial_dependence import draw_partial_dependence
from kilomoist.reporting.figures.predicted_observed import draw_predicted_observed
from kilomoist.reporting.figures.product_differences import draw_differences
from kilomoist.reporting.figures.quality import draw_quality
from kilomoist.reporting.figures.residual_weight import draw_residual
from kilomoist.reporting.figures.scatter import read_scores
from kilomoist.reporting.figures.shift import draw_shift
from kilomoist.reporting.verdicts import briefly
from kilomoist.texts import Language, speaking


@rule_script
def draw_figures(
    *,
    coarse: str,
    fine: str,
    quality: str,
    tables: list[str],
    outline: list[str],
    bbox: Box | None,
    outline_layer: str | None,
    units: dict[str, str],
    method: str,
    language: Language,
    figures: list[str],
) -> None:
    """Write each of the figures, which their names tell, from the tables and rasters of the run.

    The region is cut by a layer of the `outline` (none or one) and by the `bbox`; `method` makes the map.
    """
    paths = {Path(path).stem: path for path in tables}
    with speaking(language):
        caption, region = read_caption(fine), (next(iter(outline), None), bbox, outline_layer)

        def of(name: str) -> pd.DataFrame:
            return read_table(paths[name])

        def maps(path: str) -> None:
            resolution = of("maps").set_index("map")["effective_resolution"]["1 km"]
            draw_both_maps(path, coarse, fine, caption, region, resolution, briefly(of("verdict")))

        def predicted_observed(path: str) -> None:
            scores = read_scores(paths["scores"], paths["score_intervals"])
            draw_predicted_observed(path, of("predictions"), of("one_scale_up"), scores, caption)

        def field_validation(path: str) -> None:
            scores = read_scores(paths["field_validation"], paths["field_intervals"])
            draw_points(path, of("field_points"), scores, caption)

        def residual_weight(path: str) -> None:
            draw_residual(path, of("residual_points"), of("residual_weight").iloc[0], caption)

        drawn = {
            "maps": maps,
            "quality": lambda path: draw_quality(path, quality, of("quality"), caption, region),
            "shift": lambda path: draw_shift(path, of("shift"), of("shift_histograms"), caption),
            "coverage": lambda path: draw_coverage(path, of("coverage"), caption),
            "correlation": lambda path: draw_correlation(path, of("correlation"), caption),
            "importance": lambda path: draw_importance(path, of("importance"), caption, method),
            "partial_dependence": lambda path: draw_partial_dependence(path, of("partial_dependence"), caption, method),
            "predicted_observed": predicted_observed,
            "product_differences": lambda path: draw_differences(path, of("product_differences"), units, caption),
            "field_validation": field_validation,
            "residual_weight": residual_weight,
        }
        for path in figures:
            drawn[Path(path).stem](path)
