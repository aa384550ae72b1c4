"""Fetch the outline of a country from Natural Earth."""

from kilomoist.earthdata.outlines import fetch_outline
from kilomoist.jobs import hand_over

if __name__ == "__main__":
    hand_over(snakemake, fetch_outline)
