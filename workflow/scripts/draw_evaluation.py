"""Draw the figures of the evaluation: correlations, importances, partial dependence, predicted against observed."""

from kilomoist.files import read_table
from kilomoist.jobs import rule_script
from kilomoist.reporting.figures.correlation import draw_correlation
from kilomoist.reporting.figures.importance import draw_importance
from kilomoist.reporting.figures.pages import read_caption
from kilomoist.reporting.figures.partial_dependence import draw_partial_dependence
from kilomoist.reporting.figures.predicted_observed import draw_predicted_observed
from kilomoist.reporting.figures.scatter import read_scores
from kilomoist.texts import Language, speaking


@rule_script
def draw_evaluation(
    *,
    target: str,
    correlation: str,
    importance: str,
    partial_dependence: str,
    scores: str,
    intervals: str,
    predictions: str,
    restored: str,
    correlation_figure: str,
    importance_figure: str,
    partial_dependence_figure: str,
    predicted_observed_figure: str,
    method: str,
    language: Language,
) -> None:
    """Write four figures from the tables of the evaluation; `target` is a raster that says of what run they are,
    `method` that of its map."""
    with speaking(language):
        caption = read_caption(target)
        draw_correlation(correlation_figure, read_table(correlation), caption)
        draw_importance(importance_figure, read_table(importance), caption, method)
        draw_partial_dependence(partial_dependence_figure, read_table(partial_dependence), caption, method)
        found = read_scores(scores, intervals)
        frames = read_table(predictions), read_table(restored)
        draw_predicted_observed(predicted_observed_figure, *frames, found, caption)
