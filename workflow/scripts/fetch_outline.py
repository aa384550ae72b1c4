"""Fetch the outline of a country from Natural Earth."""

from kilomoist.earthdata import outlines
from kilomoist.jobs import rule_script


@rule_script
def fetch_outline(*, country: str, outline: str) -> None:
    """Write the outline as GeoJSON."""
    outlines.fetch_outline(country, outline)
