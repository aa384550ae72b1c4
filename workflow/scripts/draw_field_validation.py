"""Draw field points against both maps."""

import pandas as pd

from kilomoist.jobs import rule_script
from kilomoist.reporting.figures.field_validation import draw_points
from kilomoist.reporting.figures.pages import read_caption
from kilomoist.reporting.figures.scatter import read_scores


@rule_script
def draw_field_validation(*, fine: str, scores: str, intervals: str, matched: str, figure: str) -> None:
    """Write the figure from the scores, how their intervals were found, and the matched pixels of the map `fine`."""
    draw_points(figure, pd.read_csv(matched), read_scores(scores, intervals), read_caption(fine))
