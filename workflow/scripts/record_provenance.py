"""Record what a map was made from."""

from pathlib import Path

from pyarrow import parquet

from kilomoist.files import own_file, read_json, read_table, sha256, write_json
from kilomoist.jobs import rule_script
from kilomoist.metadata import describe
from kilomoist.predictors.inventories import read_inventories
from kilomoist.rasters import read_raster, read_run
from kilomoist.reporting.provenance import revision, software, stage_counts


@rule_script
def record_provenance(
    *,
    soil_moisture: str,
    cells: str,
    samples: str,
    ranges: str,
    inventories: list[str],
    outline: list[str],
    layers: list[str],
    points: list[str],
    point_counts: list[str],
    configuration: dict,
    origin: dict[str, list[str]],
    provenance: str,
) -> None:
    """Write configuration, versions, git revision, granules, what each stage masked, and the user's files."""
    made = read_inventories(inventories)
    with own_file(samples, "a table of this workflow"):
        rows = parquet.read_metadata(samples).num_rows
    (mapped,) = read_table(ranges).query("map == '1 km'")["n"]
    enough = configuration["quality"]["minimum_valid_fraction"]
    counts = stage_counts(made, read_raster(cells)[0], rows, int(mapped), enough)
    for path in point_counts:  # one, of a run with field points
        counts["field points"] = read_json(path)
    record = {
        "description": describe(read_run(soil_moisture), "provenance", **origin),
        "configuration": configuration,
        "software": software(),
        "git_revision": revision(Path(__file__).parent),
        "granules": made,
        "counts": counts,
        "files": {file: sha256(file) for file in (*outline, *layers, *points)},
    }
    write_json(provenance, record)
