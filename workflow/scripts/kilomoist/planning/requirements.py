"""Requirements of a run that are checked before its first job, and warnings of what its user might not expect.

Snakemake imports this module whenever it reads the workflow, in every job again: import nothing heavy here.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kilomoist.calendars import month_range, slots
from kilomoist.configuration.keys import DEFAULT_REGIONS, Configuration
from kilomoist.configuration.types import SCENE_EXTENTS
from kilomoist.errors import InputError
from kilomoist.grids import signed_longitude
from kilomoist.planning.needs import Archive, area, places, products, target_error
from kilomoist.products import Product


def warnings_of(configuration: Configuration, raw: Mapping[str, Any]) -> list[str]:
    """Warnings of keys that do nothing, given as they were written (`raw`), and of maps that are not what they seem."""
    keys, warnings = configuration.predictors, []
    if "subgrid" in raw.get("model", {}):
        warnings.append("`model.subgrid` does nothing any more: leave it out.")
    if configuration.map.reconcile == "warranted" and target_error(configuration) == 0:
        warnings.append(
            "`map.reconcile` is warranted, but the target's error is 0, so that all of it is warranted, as with true: "
            "give `target_error`, or with `source: simulated` `scene.error`."
        )
    warnings += [
        f"`predictors.layers.{name}` is not read, because `predictors.use` does not have {name}."
        for name in sorted(keys.layers.keys() - keys.layers_in_use().keys())
    ]
    span = month_range(max(configuration.months))[1] - month_range(min(configuration.months))[0]
    if configuration.source != "simulated" and span.days > 366:
        warnings.append(
            "`months` span more than a year: since 2020 MODIS passes at another hour every year, so that a part of "
            "what changes in LST is the hour (docs/earthdata.md, several years)."
        )
    if configuration.source == "simulated" and configuration.regions != DEFAULT_REGIONS:
        names = ", ".join(region.name for region in configuration.regions)
        warnings.append(f"The granules of {names} are simulated (source: simulated): nothing is measured there.")
    return warnings


def granule_warnings(configuration: Configuration, archive: Archive) -> list[str]:
    """Warnings of products of which an archive holds some of a run's granules, but not all."""
    return [
        f"{supply.region}, {supply.month}: {supply.found} of {supply.expected} granules of {supply.product.name} are "
        "there."
        for supply in _supplies(configuration, archive)
        if 0 < supply.found < supply.expected
    ]


def point_warnings(configuration: Configuration, with_points: Collection[str]) -> list[str]:
    """Warnings of regions in which no point of the user's lies, given the others."""
    others = sorted({region.name for region in configuration.regions} - set(with_points))
    if configuration.field_points is None or not others:
        return []
    return [f"No field point lies in {', '.join(others)}: nothing is compared there."]


def check_inputs(configuration: Configuration, archive: Archive) -> list[str]:
    """Names of the regions that have field points, after a look at all files of the user's.

    Raises `InputError` for what can be told of them in a moment, and for a region outside of the simulated scene.
    """
    check_layers(configuration)
    with_points = regions_with_points(configuration)
    check_compared(configuration)
    check_granules(configuration, archive)
    check_scene(configuration)
    return with_points


def check_layers(configuration: Configuration) -> None:
    """Raise `InputError` when the file of a layer in use cannot be used, or does not reach over all of a region."""
    layers = configuration.predictors.layers_in_use()
    if not layers:
        return
    from kilomoist.predictors.layers import StaticLayer, check_layer

    for name, keys in layers.items():
        layer = StaticLayer(name, keys.path, keys.resampling)
        check_layer(layer)
        for region in configuration.regions:
            if not region.country:  # its outline is not there yet, and smaller than its box
                check_layer(layer, region.name, area(region))


def regions_with_points(configuration: Configuration) -> list[str]:
    """Names of the regions that have field points: all where they are simulated or an archive's.

    Raises `InputError` for mistakes in the user's points, and when they lie in no region.
    """
    if configuration.field_points is None:
        return [region.name for region in configuration.regions] if configuration.source == "simulated" else []
    from kilomoist.reporting.field_points import PointSettings, check_points

    boxes = {region.name: area(region).bounds for region in configuration.regions}
    settings = PointSettings(**configuration.points.model_dump(mode="json"))
    return check_points(configuration.field_points, settings, boxes)


def check_compared(configuration: Configuration) -> None:
    """Raise `InputError` when a map that is compared at field points cannot be read."""
    if not configuration.compare:
        return
    from kilomoist.reporting.matching import check_raster

    for raster in configuration.compare:
        for month in configuration.months:
            check_raster(raster.of_month(month).path, raster.band)


def check_granules(configuration: Configuration, archive: Archive) -> None:
    """Raise `InputError` when an archive has no granule of a product in a month; some tiles and days may be missing."""
    problems = []
    for supply in _supplies(configuration, archive):
        if not supply.found:
            tiles = f" on the tiles {', '.join(supply.tiles)} of region {supply.region}" if supply.tiles else ""
            problems.append(
                f"archive {configuration.archive} holds no granule of {supply.product.name} for {supply.month}{tiles}, "
                f"expected {supply.times}{' a tile' if tiles else ''}: add them, or name another archive, month or "
                "product."
            )
    if problems:
        raise InputError("\n".join(problems))


def check_scene(configuration: Configuration) -> None:
    """Raise `InputError` when a region reaches out of the simulated scene, by its outline too."""
    if configuration.source != "simulated":
        return
    extent = SCENE_EXTENTS[configuration.scene.extent]
    for region in configuration.regions:
        west, south, east, north = area(region).bounds
        if west < extent[0] or south < extent[1] or east > extent[2] or north > extent[3]:
            raise InputError(
                f"region {region.name} reaches from {west:g} to {signed_longitude(east):g}° E and {south:g} to "
                f"{north:g}° N, but the simulated scene {configuration.scene.extent} covers {list(extent)} (west, "
                "south, east, north) only: take a region inside it, or source: archive with granules of your region."
            )


@dataclass(frozen=True)
class _Supply:
    """Granules of a product that an archive holds for a region and month."""

    region: str
    month: str
    product: Product
    tiles: list[str]
    times: int
    found: int

    @property
    def expected(self) -> int:
        return self.times * (len(self.tiles) or 1)


def _supplies(configuration: Configuration, archive: Archive) -> Iterator[_Supply]:
    """Of each region, month and product; none where granules come from elsewhere."""
    if configuration.source != "archive":
        return
    for region in configuration.regions:
        for month in configuration.months:
            for product in products(configuration):
                times = [slot.time for slot in slots(product, month)]
                tiles = places(product, region)
                found = sum((product.name, tile, time) in archive for tile in tiles for time in times)
                yield _Supply(region.name, month, product, [tile for tile in tiles if tile], len(times), found)
