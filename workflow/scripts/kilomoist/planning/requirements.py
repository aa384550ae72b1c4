"""Requirements of a run that are checked before its first job, and warnings of what its user might not expect.

Snakemake imports this module whenever it reads the workflow, in every job again: import nothing heavy here.
"""

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import shapely

from kilomoist.calendars import month_range, slots
from kilomoist.configuration.keys import DEFAULT_REGIONS, Configuration, LayerKeys, RasterKeys, Region
from kilomoist.configuration.types import SCENE_EXTENTS, degrees_text
from kilomoist.errors import InputError
from kilomoist.files import own_file, read_json
from kilomoist.granules.lookalikes import find_lookalikes, lookalike_sentences
from kilomoist.grids import cells_covering, signed_longitude
from kilomoist.outlines import read_outline, read_zones
from kilomoist.planning.needs import (
    Archive,
    area,
    catalogue,
    places,
    predictor_products,
    products,
    quantities,
    shared_quantities,
)
from kilomoist.predictors.inventories import covers, different_products, no_overlap, require_share
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS, measuring, parse_name

Run = tuple[str, str]
"""Region and month."""
_SMALL, _STRETCH = 0.01, 2
"""Share of an outline's area below which a polygon is small, and how much larger small ones must make its window."""
_SPANS = 6
"""Spans of absent granules that are told one by one."""


def warnings_of(configuration: Configuration, raw: Mapping[str, Any]) -> list[str]:
    """Warnings of what is not as it seems: keys that do nothing, given as written (`raw`), maps, guessed outlines."""
    keys, warnings = configuration.predictors, []
    if "subgrid" in raw.get("model", {}):
        warnings.append("`model.subgrid` does nothing any more: leave it out.")
    warnings += [
        f"`predictors.layers.{name}` is not read, because `predictors.use` does not have {name}."
        for name in sorted(keys.layers.keys() - keys.layers_in_use().keys())
    ]
    span = month_range(max(configuration.months))[1] - month_range(min(configuration.months))[0]
    drifting = any(product.drifts for product in products(configuration))
    if configuration.source != "simulated" and span.days > 366 and drifting:
        warnings.append(
            "`months` span more than a year: since 2020 MODIS passes at another hour every year, so that a part of "
            "what changes in LST is the hour (docs/earthdata.md, several years)."
        )
    for region in configuration.regions:
        if region.outline:
            warnings += read_outline(region.outline.path, region.outline.layer).guesses
            warnings += _far_islands(region)
    warnings += _other_products(configuration)
    if configuration.source == "simulated" and configuration.regions != DEFAULT_REGIONS:
        names = ", ".join(region.name for region in configuration.regions)
        warnings.append(f"The granules of {names} are simulated (source: simulated): nothing is measured there.")
    return warnings


def _other_products(configuration: Configuration) -> list[str]:
    """Sentences on months that earlier runs of a region made from other products, which are kept.

    Of several products of a quantity the first counts: what the others see more is taken away.
    """
    found, now = [], _first_products(product.name for product in products(configuration))
    for region in configuration.regions:
        for path in sorted(Path("results", region.name).glob("*/provenance.json")):
            with own_file(path, "the provenance of a run"):
                made = read_json(path).get("granules", []) if path.parent.name not in configuration.months else []
                before = _first_products(each["product"] for each in made if each["granules"])
            pairs = {(before[name], now[name]) for name in before.keys() & now.keys() if before[name] != now[name]}
            if pairs:
                changes = ", ".join(f"{one} where this run takes {other}" for one, other in sorted(pairs))
                found.append(
                    f"{path.parent} was made from {changes}: its maps and those of this run differ by the products "
                    "too; to compare months of other predictors, map them in one run with predictors.bridge."
                )
    return found


def _first_products(names: Iterable[str]) -> dict[str, str]:
    """First of some products that measures a quantity, by quantity."""
    known = [name for name in names if name in PRODUCTS]
    return {quantity: name for name in reversed(known) for quantity in PRODUCTS[name].quantities}


def _far_islands(region: Region) -> list[str]:
    """A sentence on small polygons of an outline that make its window much larger; none where there are none."""
    whole = area(region)
    parts = list(getattr(whole, "geoms", [whole]))
    small = [part for part in parts if part.area < _SMALL * whole.area]
    if not small or len(small) == len(parts):
        return []
    rest = cells_covering(shapely.union_all([part for part in parts if part.area >= _SMALL * whole.area]).bounds)
    window = cells_covering(whole.bounds)
    if window.rows * window.columns <= _STRETCH * rest.rows * rest.columns:
        return []
    farthest = max(small, key=shapely.union_all([part for part in parts if part not in small]).distance)
    west, south, _, _ = farthest.bounds
    sentence = (
        f"region {region.name} has {len(small)} small polygons, for example at {signed_longitude(west):.4g}° E, "
        f"{south:.4g}° N, by which it spans {window.rows} × {window.columns} cells instead of {rest.rows} × "
        f"{rest.columns}: they are kept; give `bbox` too, to leave them out."
    )
    return [sentence]


def shortages(configuration: Configuration, archive: Archive) -> dict[Run, str]:
    """Why no map can be made, by region and month: sentences, a line each.

    An archive, or NASA's catalogues as far as they are there, lists no granule of a product, or too few of the target;
    some tiles and days may be missing.
    """
    found: dict[Run, list[str]] = defaultdict(list)
    if configuration.source == "simulated":
        return {}
    listed = _listed(configuration) if configuration.source == "earthdata" else archive.keys()
    for region, month, product in itertools.product(
        configuration.regions, configuration.months, products(configuration)
    ):
        tiles, times = places(product, region), [slot.time for slot in slots(product, month)]
        successors = [name for name in product.successors if quantities(configuration, PRODUCTS[name])]
        instead = f", such as {' and '.join(successors)}," if successors else ""
        count = sum((product.name, tile, time) in listed for tile in tiles for time in times)
        if not count and _others_measure(product, _shares(configuration, region, month, listed), configuration):
            continue
        if not count:
            where = f" on the tiles {', '.join(map(str, tiles))} of region {region.name}" if product.tiled else ""
            found[region.name, month].append(
                f"archive {configuration.archive} holds no granule of {product.name} for {month}{where}, expected "
                f"{len(times)}{' a tile' if where else ''}: add them, or name another archive, month or product."
                if configuration.source == "archive"
                else f"NASA's catalogue has no granule of {product.name} for {month}{where}: take another "
                f"month or product{instead} or, if they have come since, snakemake --forcerun list_granules."
            )
        elif product.role == "target":
            try:
                require_share(count, len(times), configuration.quality.minimum_target_share, product.name, month)
            except InputError as error:
                found[region.name, month].append(str(error))
    return {run: "\n".join(sentences) for run, sentences in found.items()}


def mixed_products(configuration: Configuration, archive: Archive, short: Mapping[Run, str]) -> dict[Run, str]:
    """Why a month cannot be beside a region's others, by region and month: it has other products, and no bridge.

    As far as an archive, or the catalogues that are there, tell; `short` are the `shortages`, which do not count.
    """
    found: dict[Run, str] = {}
    if configuration.source == "simulated" or not shared_quantities(configuration):
        return found
    listed = _listed(configuration) if configuration.source == "earthdata" else archive.keys()
    for region in configuration.regions:
        months = [month for month in configuration.months if (region.name, month) not in short]
        present = {}
        for month in months:
            shares = _shares(configuration, region, month, listed)
            present[month] = [name for name, (count, expected) in shares.items() if covers(count, expected)]
        every = [name for name in predictor_products(configuration) if any(name in names for names in present.values())]
        for month, names in present.items():
            lacks = [name for name in every if name not in names]
            if lacks and not configuration.predictors.bridge:
                other = next(other for other in months if lacks[0] in present[other])
                found[region.name, month] = different_products(f"{region.name}, {month}", other, lacks)
            elif lacks and (problem := _no_bridge(configuration, region, month, present, archive)):
                found[region.name, month] = problem
    return found


def _no_bridge(
    configuration: Configuration, region: Region, month: str, present: Mapping[str, Collection[str]], archive: Archive
) -> str | None:
    """Sentence for a month with a product that no month has together with the first one of its quantity."""
    for quantity in shared_quantities(configuration):
        able = measuring(quantity, predictor_products(configuration))
        reference = next((name for name in able if any(name in names for names in present.values())), "")
        for product in able if reference not in present[month] else ():
            both = {product, reference}
            if product in present[month] and not any(both <= set(names) for names in present.values()):
                needed = (product, reference, configuration.target)
                would_do = set.intersection(*(_months_of(archive, region, name) for name in needed))
                return no_overlap(product, reference, present, sorted(would_do))
    return None


def _months_of(archive: Archive, region: Region, product: str) -> set[str]:
    """Months in which an archive has granules of a product on a region's tiles."""
    where = places(PRODUCTS[product], region)
    return {f"{time:%Y-%m}" for name, tile, time in archive if name == product and tile in where}


def _shares(
    configuration: Configuration, region: Region, month: str, listed: Collection[tuple[str, str | None, datetime]]
) -> dict[str, tuple[int, int]]:
    """Granules that are listed, and those that are expected, by product of a run's predictors."""
    found = {}
    for product in (PRODUCTS[name] for name in predictor_products(configuration)):
        granules = itertools.product(places(product, region), slots(product, month))
        there = [(product.name, tile, slot.time) in listed for tile, slot in granules]
        found[product.name] = sum(there), len(there)
    return found


def _others_measure(product: Product, shares: Mapping[str, tuple[int, int]], configuration: Configuration) -> bool:
    """Whether products that are there measure all that a product is used for, alone or as the partner of another."""
    if product.role == "target":
        return False
    served = {name for name in shares if PRODUCTS[name].partner == product.name}
    pairs = {pair for name in served for pair in PRODUCTS[name].differences}
    needed = {*quantities(configuration, product), *(pairs & set(configuration.predictors.use))}
    others = [PRODUCTS[name] for name, (count, _) in shares.items() if count and name not in served]
    return needed <= {name for other in others for name in other.quantities}


def _listed(configuration: Configuration) -> Collection[tuple[str, str | None, datetime]]:
    """Granules that catalogues list, by product, tile and time; all of those whose catalogue is not there yet."""
    listed: set[tuple[str, str | None, datetime]] = set()
    entries: dict[str, set[tuple[str, str]]] = {}
    runs = itertools.product(configuration.regions, configuration.months, products(configuration))
    for region, month, product in runs:
        for tile, slot in itertools.product(places(product, region), slots(product, month)):
            day, place = f"{slot.time:%F}", tile or f"{slot.time:%H%M}"
            path = catalogue(product.name, place, day)
            if path not in entries and Path(path).exists():
                from kilomoist.earthdata.catalogues import read_catalogue

                entries[path] = {(entry.day, entry.place) for entry in read_catalogue(path, product)}
            if path not in entries or (day, place) in entries[path]:
                listed.add((product.name, tile, slot.time))
    return listed


def left_out(configuration: Configuration, short: Mapping[Run, str]) -> dict[Run, str]:
    """Runs that are left out because they cannot be made: none where that stops all, or where nothing would be left."""
    several = len(configuration.months) > 1
    skipped = several if configuration.missing_months == "auto" else configuration.missing_months == "skip"
    return dict(short) if skipped and len(short) < len(configuration.regions) * len(configuration.months) else {}


def check_runs(runs: Iterable[Run], short: Mapping[Run, str]) -> None:
    """Raise `InputError` for runs that are asked for and cannot be made."""
    if problems := dict.fromkeys(short[run] for run in runs if run in short):
        raise InputError("\n".join(problems))


def granule_warnings(configuration: Configuration, archive: Archive, short: Mapping[Run, str]) -> list[str]:
    """Warnings of months that are left out, of tiles and days that an archive lacks, and of files that look like them.

    `short` are the `shortages`. Raises `InputError` where an archive's are not left out.
    """
    skipped = left_out(configuration, short)
    warnings = [
        f"{region}, {month} is left out (missing_months): {reason}"
        for (region, month), reasons in skipped.items()
        for reason in reasons.split("\n")
    ]
    if configuration.source != "archive":
        problems = {reason for run, reasons in short.items() if run not in skipped for reason in reasons.split("\n")}
        return warnings + sorted(problems)
    lacking: dict[str, set[tuple[str | None, datetime]]] = defaultdict(set)
    for region, month, product in itertools.product(
        configuration.regions, configuration.months, products(configuration)
    ):
        times = [slot.time for slot in slots(product, month)]
        for tile in places(product, region):
            absent = [time for time in times if (product.name, tile, time) not in archive]
            lacking[product.name] |= {(tile, time) for time in absent}
            if absent and (region.name, month) not in short:
                warnings.append(f"{region.name}, {month}: {_lack(product, tile, times, absent)}")
    looks = []
    for name, granules in lacking.items():
        if granules:
            files = find_lookalikes(str(configuration.archive), PRODUCTS[name])
            likely = [
                file
                for file in files
                if (file.time is None or (file.tile, file.time) in granules)
                and not any(parse_name(Path(file.path).name, used) for used in products(configuration))
            ]
            looks += lookalike_sentences(PRODUCTS[name], likely)
    if short and not skipped:
        raise InputError("\n".join(dict.fromkeys([*"\n".join(short.values()).split("\n"), *looks])))
    return warnings + looks


def _lack(product: Product, tile: str | None, times: Sequence[datetime], absent: Sequence[datetime]) -> str:
    """Which granules of a month are absent on a tile, those that follow each other as one."""
    if len(absent) == len(times):
        return f"no {product.name} on {tile}."
    pattern = "%F %H:%M" if product.calendar == "3-hourly" else "%F"
    numbers = [times.index(time) for time in absent]
    spans = [
        [times[number].strftime(pattern) for _, number in group]
        for _, group in itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    ]
    texts = [span[0] if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in spans]
    more = f" and {len(texts) - _SPANS} more spans" if len(texts) > _SPANS else ""
    noun = {"daily": "days", "16-day": "periods", "3-hourly": "fields"}[product.calendar]
    where = f" on {tile}" if tile else ""
    return f"{product.name}{where} lacks {len(absent)} of {len(times)} {noun}: {', '.join(texts[:_SPANS])}{more}."


def point_warnings(configuration: Configuration, with_points: Collection[str]) -> list[str]:
    """How a table of the user's points is read where that is not plain, and regions in which none lies."""
    if configuration.field_points is None:
        return []
    from kilomoist.reporting.field_points import PointSettings, how_read

    read = how_read(configuration.field_points, PointSettings(**configuration.points.reading))
    others = sorted({region.name for region in configuration.regions} - set(with_points))
    nothing = f"No field point lies in {', '.join(others)}: nothing is compared there." if others else None
    return list(filter(None, [read, nothing]))


def export_warnings(configuration: Configuration) -> list[str]:
    """Settings of exports that no format reads, what was guessed of zones, and regions in which nothing of them lies.

    Raises `InputError` for what can be told in a moment of a CRS, zones and places that cannot be used.
    """
    keys, warnings = configuration.export, []
    of_format = {"crs": "raster", "resolution": "raster", "zones": "zones", "points": "points"}
    for name, wanted in of_format.items():
        if getattr(keys, name) is not None and wanted not in keys.formats:
            warnings.append(f"`export.{name}` is not read, because `export.formats` does not have {wanted}.")
    if "raster" in keys.formats:
        from kilomoist.exporting.warping import check_target

        check_target(str(keys.crs), keys.resolution)
    areas = {region.name: area(region) for region in configuration.regions}
    if "zones" in keys.formats and keys.zones:
        zones = read_zones(**keys.zones.model_dump())
        warnings += zones.guesses
        touched = [name for name, whole in areas.items() if any(map(whole.intersects, zones.areas))]
        what = f"`export.zones` {keys.zones.path}: none of {len(zones.areas)} zones"
        warnings += _nothing_in(what, areas, touched)
    if "points" in keys.formats and keys.points:
        from kilomoist.exporting.points import read_places

        places = read_places(keys.points)
        longitude, latitude = places["longitude"].to_numpy(), places["latitude"].to_numpy()
        turns = [shapely.points(longitude + turn, latitude) for turn in (-360, 0, 360)]
        holding = [name for name, whole in areas.items() if shapely.intersects(whole, turns).any()]
        warnings += _nothing_in(f"`export.points` {keys.points}: none of {len(places)} places", areas, holding)
    return warnings


def _nothing_in(what: str, areas: Collection[str], found: Collection[str]) -> list[str]:
    """What is told of regions that have nothing of the user's to export; raises `InputError` where none has any."""
    without = [name for name in areas if name not in found]
    where = f"{what} lies in {', '.join(without)}"
    if without and not found:
        raise InputError(f"{where}: give some there, or leave that format out.")
    return [f"{where}: what is exported there has no values."] if without else []


def raster_warnings(configuration: Configuration) -> list[str]:
    """Scales and offsets of the user's that take the place of a raster's own.

    Raises `InputError` for what can be told in a moment of layers and compared maps that cannot be used.
    """
    layers = configuration.predictors.layers_in_use().items()
    if layers:
        _check_layers(dict(layers), configuration.regions)
    if configuration.compare:
        from kilomoist.reporting.matching import check_raster

        for compared, month in itertools.product(configuration.compare, configuration.months):
            how = compared.of_month(month)
            for file in compared.files(month):
                check_raster(file, how.band, how.variable)
    rasters: list[tuple[str, RasterKeys]] = [(f"predictors.layers.{name}", keys) for name, keys in layers]
    first = configuration.months[0]
    rasters += [
        (f"compare: {other.name}", other.of_month(first).model_copy(update={"path": other.files(first)[0]}))
        for other in configuration.compare
    ]
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
    """Names of the regions that have field points, all where they are simulated, after a look at the user's file.

    Raises `InputError` for what can be told of it in a moment, for points that lie in no region, and for regions
    outside of the simulated scene.
    """
    if configuration.source == "simulated":
        _check_scene(configuration)
    found = _regions_with_points(configuration)
    without = sorted({region.name for region in configuration.regions} - set(found))
    if configuration.map.reconcile == "measured" and without:
        raise InputError(
            f"`map.reconcile` is measured, but there are no field points in {', '.join(without)}: give `field_points` "
            "there, or `map.reconcile: warranted`."
        )
    return found


def _regions_with_points(configuration: Configuration) -> list[str]:
    """Names of the regions that have field points. Raises `InputError` as `check_inputs`."""
    if configuration.field_points is None:
        return [region.name for region in configuration.regions] if configuration.source == "simulated" else []
    from kilomoist.reporting.field_points import PointSettings, check_points

    boxes = {region.name: area(region).bounds for region in configuration.regions}
    settings = PointSettings(**configuration.points.reading)
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
