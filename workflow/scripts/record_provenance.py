"""Record what a map was made from."""

from pathlib import Path
from typing import Any

from kilomoist.files import read_json, sha256, write_json
from kilomoist.jobs import job
from kilomoist.reporting.provenance import revision, software


def record_provenance(inventories: list[str], files: list[str], configuration: dict[str, Any], path: str) -> None:
    """Write configuration, versions, git revision, granules and other files."""
    record = {
        "configuration": configuration,
        "software": software(),
        "git_revision": revision(Path(__file__).parent),
        "granules": [read_json(inventory) for inventory in inventories],
        "files": {file: sha256(file) for file in files},
    }
    write_json(path, record)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        record_provenance(
            list(snakemake.input.inventories),
            [*snakemake.input.outline, *snakemake.input.layers, *snakemake.input.points],
            snakemake.params.configuration,
            snakemake.output.provenance,
        )
