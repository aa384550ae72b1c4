"""Write the page of a region, with all its months, which a browser opens without a server and without a network; and
what the region's files are.
"""

from kilomoist.files import replaced
from kilomoist.grids import Box
from kilomoist.jobs import rule_script
from kilomoist.publishing.readme import region_readme
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
    region: str,
    months: list[str],
    files: list[str],
    language: Language,
    page: str,
    readme: str,
) -> None:
    """Write `index.html` from rasters and verdicts in the order of the months, and README.txt; `files` are below the
    region's folder.
    """
    of_months = [MonthFiles(*each) for each in zip(months, coarse, fine, verdict, strict=True)]
    with speaking(language):
        compose_region_page(page, of_months, (next(iter(outline), None), bbox, outline_layer))
        with replaced(readme) as partial:
            partial.write_text(region_readme(region, months, files), encoding="utf-8")
