"""Draw field points against both maps."""

import pandas as pd

from kilomoist.jobs import hand_over
from kilomoist.reporting.figures.field_validation import draw_points
from kilomoist.reporting.figures.pages import read_caption


def draw_field_validation(*, fine: str, table: str, matched: str, figure: str) -> None:
    """Write the figure from the table of scores and the matched pixels of the map `fine`."""
    draw_points(figure, pd.read_csv(matched), pd.read_csv(table), read_caption(fine))


if __name__ == "__main__":
    hand_over(snakemake, draw_field_validation)
