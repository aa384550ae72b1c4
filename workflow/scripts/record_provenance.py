"""Record what a map was made from."""

from pathlib import Path

from kilomoist.files import read_json, sha256, write_json
from kilomoist.jobs import rule_script
from kilomoist.metadata import describe
from kilomoist.rasters import read_run
from kilomoist.reporting.provenance import revision, software


@rule_script
def record_provenance(
    *,
    soil_moisture: str,
    inventories: list[str],
    outline: list[str],
    layers: list[str],
    points: list[str],
    configuration: dict,
    origin: dict[str, list[str]],
    provenance: str,
) -> None:
    """Write configuration, versions, git revision, granules and the user's files."""
    record = {
        "description": describe(read_run(soil_moisture), "provenance", **origin),
        "configuration": configuration,
        "software": software(),
        "git_revision": revision(Path(__file__).parent),
        "granules": [read_json(inventory) for inventory in inventories],
        "files": {file: sha256(file) for file in (*outline, *layers, *points)},
    }
    write_json(provenance, record)
