"""Average a run over zones."""

import json

from kilomoist.errors import InputError
from kilomoist.exporting.bands import read_bands
from kilomoist.exporting.zones import zone_features, zone_table
from kilomoist.files import replaced, write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.outlines import read_zones


@rule_script
def export_zones(
    *,
    soil_moisture: str,
    target: str,
    quality: str,
    interval: list[str],
    polygons: list[str],
    layer: str | None,
    name: str | None,
    table: str,
    features: str,
) -> None:
    """Write means over the `polygons` (none or one file) as a table, and with the polygons as GeoJSON."""
    if not polygons:
        raise InputError("`export.zones` is null: give a vector file of polygons.")
    zones = read_zones(polygons[0], layer, name)
    found = zone_table(zones, read_bands(soil_moisture, target, quality, interval))
    LOGGER.info("%d of %d zones share pixels with the map.", (found["pixels"] > 0).sum(), len(found))
    write_table(table, found)
    with replaced(features) as partial:
        partial.write_text(json.dumps(zone_features(zones, found), ensure_ascii=False) + "\n", encoding="utf-8")
