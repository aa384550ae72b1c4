"""Draw field points against both maps."""

import pandas as pd

from kilomoist.jobs import job
from kilomoist.reporting.figures.field_validation import draw_field_validation
from kilomoist.reporting.figures.pages import Caption

if __name__ == "__main__":
    with job(snakemake.log[0]):
        draw_field_validation(
            snakemake.output.figure,
            pd.read_csv(snakemake.input.matched),
            pd.read_csv(snakemake.input.table),
            Caption(snakemake.wildcards.region, snakemake.wildcards.month, snakemake.params.source),
        )
