"""Export the values of a run at a user's places."""

from kilomoist.errors import InputError
from kilomoist.exporting.bands import read_bands
from kilomoist.exporting.points import point_table, read_places
from kilomoist.files import write_table
from kilomoist.jobs import LOGGER, rule_script


@rule_script
def export_points(
    *, soil_moisture: str, target: str, quality: str, interval: list[str], places: list[str], table: str
) -> None:
    """Write map, interval, flags and SMAP's cell at the `places` (none or one table)."""
    if not places:
        raise InputError("`export.points` is null: give a table with the columns id, longitude and latitude.")
    found = point_table(read_places(places[0]), read_bands(soil_moisture, target, quality, interval))
    LOGGER.info("%d of %d points have a value.", found["soil_moisture"].notna().sum(), len(found))
    write_table(table, found)
