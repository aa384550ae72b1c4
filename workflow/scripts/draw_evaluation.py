"""Draw the figures of the evaluation: correlations, importances, partial dependence, predicted against observed."""

import pandas as pd

from kilomoist.jobs import job
from kilomoist.reporting.figures.correlation import draw_correlation
from kilomoist.reporting.figures.importance import draw_importance
from kilomoist.reporting.figures.pages import Caption
from kilomoist.reporting.figures.partial_dependence import draw_partial_dependence
from kilomoist.reporting.figures.predicted_observed import draw_predicted_observed


def draw_evaluation(tables: dict[str, str], caption: Caption, figures: dict[str, str]) -> None:
    """Write four figures from the tables of the evaluation."""
    read = {name: pd.read_csv(path) for name, path in tables.items()}
    draw_correlation(figures["correlation"], read["correlation"], caption)
    draw_importance(figures["importance"], read["importance"], caption)
    draw_partial_dependence(figures["partial_dependence"], read["partial_dependence"], caption)
    draw_predicted_observed(figures["predicted_observed"], read["predictions"], read["scores"], caption)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        draw_evaluation(
            dict(snakemake.input.items()),
            Caption(snakemake.wildcards.region, snakemake.wildcards.month, snakemake.params.source),
            dict(snakemake.output.items()),
        )
