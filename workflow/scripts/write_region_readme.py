"""Write what a region's files are."""

from kilomoist.files import replaced
from kilomoist.jobs import rule_script
from kilomoist.publishing.readme import region_readme
from kilomoist.texts import Language, speaking


@rule_script
def write_region_readme(*, region: str, months: list[str], files: list[str], language: Language, readme: str) -> None:
    """Write README.txt; `files` are below the region's folder."""
    with speaking(language), replaced(readme) as partial:
        partial.write_text(region_readme(region, months, files), encoding="utf-8")
