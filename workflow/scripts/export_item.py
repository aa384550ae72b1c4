"""Describe a run as an item of STAC."""

from kilomoist.exporting.stac import write_item
from kilomoist.jobs import rule_script


@rule_script
def export_item(*, soil_moisture: str, files: list[str], item: str) -> None:
    """Write an item with the `files` of a run, of which the map is one, as its assets."""
    write_item(item, soil_moisture, files)
