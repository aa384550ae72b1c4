"""Draw field points against both maps."""

import pandas as pd

from kilomoist.jobs import hand_over
from kilomoist.reporting.figures.field_validation import draw_points
from kilomoist.reporting.figures.pages import read_caption


def draw_field_validation(*, fine: str, scores: str, intervals: str, matched: str, figure: str) -> None:
    """Write the figure from the scores, how their intervals were found, and the matched pixels of the map `fine`."""
    scored = pd.read_csv(scores).merge(pd.read_csv(intervals))
    draw_points(figure, pd.read_csv(matched), scored, read_caption(fine))


if __name__ == "__main__":
    hand_over(snakemake, draw_field_validation)
