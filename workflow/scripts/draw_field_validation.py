"""Draw field points against both maps, and against what SMAP says beyond the predictors."""

from kilomoist.files import read_table
from kilomoist.jobs import rule_script
from kilomoist.reporting.figures.field_validation import draw_points
from kilomoist.reporting.figures.pages import read_caption
from kilomoist.reporting.figures.residual_weight import draw_residual
from kilomoist.reporting.figures.scatter import read_scores
from kilomoist.texts import Language, speaking


@rule_script
def draw_field_validation(
    *,
    fine: str,
    scores: str,
    intervals: str,
    matched: str,
    weight: str,
    weighed: str,
    field_validation_figure: str,
    residual_weight_figure: str,
    language: Language,
) -> None:
    """Write a figure from the scores, how their intervals were found, and the matched pixels of the map `fine`; another
    from the residual weight and its pixels.
    """
    with speaking(language):
        caption = read_caption(fine)
        draw_points(field_validation_figure, read_table(matched), read_scores(scores, intervals), caption)
        draw_residual(residual_weight_figure, read_table(weighed), read_table(weight).iloc[0], caption)
