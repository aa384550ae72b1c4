"""Draw the 9 km and the 1 km map side by side."""

from kilomoist.figures import Caption, draw_maps
from kilomoist.jobs import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        draw_maps(
            snakemake.output.maps,
            snakemake.input.coarse,
            snakemake.input.fine,
            Caption(snakemake.wildcards.region, snakemake.wildcards.month, snakemake.params.source),
            next(iter(snakemake.input.outline), None),
            snakemake.params.bbox,
        )
