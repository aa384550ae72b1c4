"""Fetch the outline of a country from Natural Earth."""

from kilomoist.earthdata.outlines import fetch_outline
from kilomoist.jobs import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        fetch_outline(snakemake.wildcards.country, snakemake.output.outline)
