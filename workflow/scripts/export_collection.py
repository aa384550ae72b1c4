"""Describe a region as a collection of STAC."""

from kilomoist.exporting.stac import write_collection
from kilomoist.jobs import rule_script


@rule_script
def export_collection(*, described: list[str], collection: str) -> None:
    """Write the collection of a region, whose months are `described` by items."""
    write_collection(collection, described)
