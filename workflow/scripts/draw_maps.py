"""Draw the 9 km and the 1 km map side by side, its flags, and the shift of the predictors."""

import pandas as pd

from kilomoist.jobs import job
from kilomoist.reporting.figures.maps import draw_maps
from kilomoist.reporting.figures.pages import Caption
from kilomoist.reporting.figures.quality import draw_quality
from kilomoist.reporting.figures.shift import draw_shift

if __name__ == "__main__":
    with job(snakemake.log[0]):
        flags, shift, histograms = (pd.read_csv(snakemake.input[name]) for name in ("flags", "shift", "histograms"))
        caption = Caption(snakemake.wildcards.region, snakemake.wildcards.month, snakemake.params.source)
        region = next(iter(snakemake.input.outline), None), snakemake.params.bbox
        draw_maps(snakemake.output.maps, snakemake.input.coarse, snakemake.input.fine, caption, *region)
        draw_quality(snakemake.output.quality, snakemake.input.quality, flags, caption, *region)
        draw_shift(snakemake.output.shift, shift, histograms, caption)
