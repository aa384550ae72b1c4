"""Requirements of a run that are checked before its first job, and warnings of what its user might not expect.

Snakemake imports this module whenever it reads the workflow, in every job again: import nothing heavy here.
"""

import itertools
from collections.abc import Collection, Mapping
from typing import Any

from kilomoist.calendars import month_range, slots
from kilomoist.configuration.keys import DEFAULT_REGIONS, Configuration, LayerKeys, RasterKeys, Region
from kilomoist.configuration.types import SCENE_EXTENTS, degrees_text
from kilomoist.errors import InputError
from kilomoist.grids import signed_longitude
from kilomoist.planning.needs import Archive, area, places, products, target_error


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
    """Warnings of products of which an archive holds some of the granules of a region and month, but not all.

    Raises `InputError` where it holds none; some tiles and days may be missing.
    """
    if configuration.source != "archive":
        return []
    problems, warnings = [], []
    for region, month, product in itertools.product(
        configuration.regions, configuration.months, products(configuration)
    ):
        tiles, times = places(product, region), [slot.time for slot in slots(product, month)]
        expected = len(tiles) * len(times)
        found = sum((product.name, tile, time) in archive for tile in tiles for time in times)
        if not found:
            where = f" on the tiles {', '.join(map(str, tiles))} of region {region.name}" if product.tiled else ""
            problems.append(
                f"archive {configuration.archive} holds no granule of {product.name} for {month}{where}, expected "
                f"{len(times)}{' a tile' if where else ''}: add them, or name another archive, month or product."
            )
        elif found < expected:
            warnings.append(f"{region.name}, {month}: {found} of {expected} granules of {product.name} are there.")
    if problems:
        raise InputError("\n".join(problems))
    return warnings


def point_warnings(configuration: Configuration, with_points: Collection[str]) -> list[str]:
    """How a table of the user's points is read where that is not plain, and regions in which none lies."""
    if configuration.field_points is None:
        return []
    from kilomoist.reporting.field_points import PointSettings, how_read

    read = how_read(configuration.field_points, PointSettings(**configuration.points.model_dump(mode="json")))
    others = sorted({region.name for region in configuration.regions} - set(with_points))
    nothing = f"No field point lies in {', '.join(others)}: nothing is compared there." if others else None
    return list(filter(None, [read, nothing]))


def raster_warnings(configuration: Configuration) -> list[str]:
    """Scales and offsets of the user's that take the place of a raster's own."""
    layers = configuration.predictors.layers_in_use().items()
    rasters: list[tuple[str, RasterKeys]] = [(f"predictors.layers.{name}", keys) for name, keys in layers]
    rasters += [(f"compare: {keys.name}", keys.of_month(configuration.months[0])) for keys in configuration.compare]
    warnings = []
    for name, keys in rasters:
        if keys.scale is None and keys.offset is None:
            continue
        from kilomoist.user_rasters import opened_raster

        with opened_raster(keys.path, f"`{name}` ({keys.path})", variable=keys.variable, band=keys.band) as raster:
            own = raster.scale, raster.offset
        counts = own[0] if keys.scale is None else keys.scale, own[1] if keys.offset is None else keys.offset
        if own != (1, 0) and counts != own:
            warnings.append(
                f"`{name}` ({keys.path}): scale {counts[0]:g} and offset {counts[1]:g} count, not the file's own, "
                f"{own[0]:g} and {own[1]:g}."
            )
    return warnings


def check_inputs(configuration: Configuration) -> list[str]:
    """Names of the regions that have field points, all where they are simulated, after a look at the user's files.

    Raises `InputError` for what can be told of them in a moment, for points that lie in no region, and for regions
    outside of the simulated scene.
    """
    if configuration.source == "simulated":
        _check_scene(configuration)
    if layers := configuration.predictors.layers_in_use():
        _check_layers(layers, configuration.regions)
    if configuration.compare:
        from kilomoist.reporting.matching import check_raster

        for raster, month in itertools.product(configuration.compare, configuration.months):
            check_raster(raster.of_month(month).path, raster.band, raster.variable)
    if configuration.field_points is None:
        return [region.name for region in configuration.regions] if configuration.source == "simulated" else []
    from kilomoist.reporting.field_points import PointSettings, check_points

    boxes = {region.name: area(region).bounds for region in configuration.regions}
    settings = PointSettings(**configuration.points.model_dump(mode="json"))
    return check_points(configuration.field_points, settings, boxes)


def _check_scene(configuration: Configuration) -> None:
    extent, problems = SCENE_EXTENTS[configuration.scene.extent], []
    for number, region in enumerate(configuration.regions):
        west, south, east, north = area(region).bounds
        if west < extent[0] or south < extent[1] or east > extent[2] or north > extent[3]:
            problems.append(
                f"`regions[{number}]` ({region.name}) reaches from {west:g} to {signed_longitude(east):g}° E and "
                f"{south:g} to {north:g}° N, but the simulated scene `{configuration.scene.extent}` covers "
                f"{degrees_text(extent)} (west, south, east, north) only: take a region inside it, or "
                "`source: archive` with granules of your region."
            )
    if problems:
        raise InputError("\n".join(problems))


def _check_layers(layers: Mapping[str, LayerKeys], regions: Collection[Region]) -> None:
    from kilomoist.predictors.layers import StaticLayer, check_layer

    for name, keys in layers.items():
        layer = StaticLayer(name, **keys.model_dump())
        check_layer(layer)
        for region in regions:
            if not region.country:  # its outline is not there yet, and smaller than its box
                check_layer(layer, region.name, area(region))
