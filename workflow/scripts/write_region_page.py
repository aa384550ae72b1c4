"""Write the page of a region, with all its months, which a browser opens without a server and without a network."""

from kilomoist.grids import Box
from kilomoist.jobs import rule_script
from kilomoist.publishing.region_page import MonthFiles, compose_region_page
from kilomoist.texts import Language, speaking


@rule_script
def write_region_page(
    *,
    coarse: list[str],
    fine: list[str],
    verdict: list[str],
    outline: list[str],
    bbox: Box | None,
    outline_layer: str | None,
    months: list[str],
    language: Language,
    page: str,
) -> None:
    """Write `index.html`; files are in the order of the months."""
    files = [MonthFiles(*each) for each in zip(months, coarse, fine, verdict, strict=True)]
    with speaking(language):
        compose_region_page(page, files, (next(iter(outline), None), bbox, outline_layer))
