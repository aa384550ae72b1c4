"""Write tables as people read them."""

from pathlib import Path

from kilomoist.files import read_table, write_table
from kilomoist.jobs import rule_script
from kilomoist.publishing.dictionary import rounded


@rule_script
def write_tables(*, full: list[str], tables: list[str]) -> None:
    """Write each table that is there in `full` precision rounded, what matters first."""
    for path, table in zip(full, tables, strict=True):
        write_table(table, rounded(Path(path).stem, read_table(path)))
