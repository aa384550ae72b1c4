"""Write what a run's files are, and what the columns of its tables are."""

from kilomoist.files import read_table, replaced, write_table
from kilomoist.jobs import rule_script
from kilomoist.publishing.dictionary import columns_of
from kilomoist.publishing.readme import run_readme
from kilomoist.rasters import read_run, read_tags
from kilomoist.texts import Language, speaking


@rule_script
def write_readme(
    *,
    soil_moisture: str,
    granules: str,
    interval: list[str],
    files: list[str],
    language: Language,
    readme: str,
    columns: str,
) -> None:
    """Write README.txt and the data dictionary of the tables among the `files`, which are below the run's folder."""
    run = read_run(soil_moisture)
    products = list(read_table(granules)["product"].unique())
    tags = read_tags(interval[0]) if interval else None
    with speaking(language), replaced(readme) as partial:
        partial.write_text(run_readme(run, files, products, tags), encoding="utf-8")
    write_table(columns, columns_of(files))
