"""Outlines: the polygons of a vector file, whatever its format, layers and CRS, in degrees."""

import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from kilomoist.errors import InputError
from kilomoist.files import NO_NETWORK, network_in

TOLERANCE = 1e-5
"""Degrees (1 m): how far a straight side of an outline's own CRS may run beside its corners' straight connections."""
_SUFFIXES = {".shp", ".gpkg", ".geojson", ".json", ".kml", ".gml", ".fgb", ".tab", ".mif", ".gdb"}
"""Vector files that are looked for in a zip."""
MOST_VERTICES, MOST_LAYERS, MOST_FIELDS, MOST_ZONES = 2_000_000, 100, 1000, 10_000
"""Vertices and fields of a layer, layers where none is named, zones: beyond them memory or minutes end."""
MOST_UNPACKED, FREE = 20, 100
"""Times its size that a zip file's vector files may unpack to where they have more than `FREE` MB; coordinates shrink
to a fifth."""
_LARGEST_FEATURE = {"OGR_GEOJSON_MAX_OBJ_SIZE": "50"}
"""Option of GDAL: MB of a feature of GeoJSON, which takes many times as much memory."""
_HALVINGS = 24
"""A side is cut in four at most half as often: where a projection is torn apart, no piece is short enough."""


class Outline(NamedTuple):
    """Area in degrees (WGS 84), and sentences on what was guessed of its file."""

    area: shapely.Geometry
    guesses: tuple[str, ...]


class Zones(NamedTuple):
    """Areas in degrees (WGS 84), one a name, in the order of their file."""

    names: list[str]
    areas: list[shapely.Geometry]
    guesses: tuple[str, ...]


class _File(NamedTuple):
    """A vector file, and the key that names it, for messages."""

    path: Path
    key: str = "outline"

    def __str__(self) -> str:
        return f"{self.key} {self.path}"


class _Layer(NamedTuple):
    source: str
    name: str
    crs: Any
    geometries: NDArray[np.object_]
    labels: NDArray[Any] | None = None
    """Of each geometry the field that names zones; None where none was asked for, or it is not there."""
    fields: tuple[str, ...] = ()

    @property
    def kinds(self) -> str:
        kinds = {"empty " * geometry.is_empty + geometry.geom_type for geometry in self.geometries}
        return ", ".join(sorted(kinds)) or "no geometry"


def read_outline(path: str | Path, layer: str | None = None) -> Outline:
    """The union of all polygons of a layer of a vector file; points and lines beside them do not count.

    Sides are straight in the file's own CRS. Longitudes go on beyond ±180 where an outline crosses 180°. Without
    `layer` the only one with polygons. Raises `InputError` when the file is missing or unreadable, empty, without
    polygons or CRS, and when its layer is not there or not the only one.
    """
    if not Path(path).exists():
        raise InputError(f"outline {path} does not exist: give the path of a vector file such as .gpkg or .geojson.")
    return _outline(Path(path), layer, Path(path).stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _outline(path: Path, layer: str | None, _changed: int) -> Outline:
    """What `read_outline` reads, once for each state of a file: a plan asks for areas and for guesses."""
    file = _File(path)
    chosen, guesses = _choose(file, layer, list(_layers(file, layer)))
    polygons, jumps = _in_degrees(file, _polygons(chosen.geometries), chosen.crs)
    return Outline(_united(file, polygons), guesses + jumps)


def read_zones(path: str | Path, layer: str | None = None, name: str | None = None) -> Zones:
    """Polygons of a layer of a vector file, those whose field `name` is the same together; without it each by itself.

    Where there is no name, or no field is given, it is the number of the feature, from 1. Raises `InputError` as
    `read_outline` does, and for a field that is not there.
    """
    file = _File(Path(path), "export.zones")
    chosen, guesses = _choose(file, layer, list(_layers(file, layer, name)))
    if name is not None and chosen.labels is None:
        raise InputError(
            f"{file} has no field {name}: name one of {', '.join(chosen.fields) or 'none'}, or leave it out."
        )
    labels = [None] * len(chosen.geometries) if chosen.labels is None else chosen.labels
    named: dict[str, list[int]] = {}
    for number, label in enumerate(labels):
        text = str(number + 1) if label is None or label != label else str(label).strip()
        named.setdefault(text or str(number + 1), []).append(number)
    if len(named) > MOST_ZONES:
        raise InputError(
            f"{file} holds {len(named):,} zones, expected at most {MOST_ZONES:,}: give those that count, or as `name` "
            "a field that is the same for several."
        )
    parts = [_polygons(geometry) for geometry in chosen.geometries]
    end = np.cumsum([len(part) for part in parts])
    polygons, jumps = _in_degrees(file, np.concatenate(parts), chosen.crs)
    of_feature = np.split(polygons, end[:-1])
    areas = {text: np.concatenate([of_feature[number] for number in numbers]) for text, numbers in named.items()}
    kept = {text: _united(file, own) for text, own in areas.items() if len(own)}
    return Zones(list(kept), list(kept.values()), guesses + jumps)


def _united(file: _File, polygons: NDArray[np.object_]) -> shapely.Geometry:
    """Area of polygons, mended where they can be."""
    with _mendable(file):
        area = shapely.union_all(_polygons(shapely.make_valid(polygons)))
    if area.area == 0:
        raise InputError(f"{file} holds no polygon with an area: an outline must enclose an area.")
    return area


@contextmanager
def _mendable(file: _File) -> Iterator[None]:
    """Name the file in what GEOS says of its polygons."""
    try:
        yield
    except shapely.errors.GEOSException as error:
        raise InputError(f"{file} holds polygons that cannot be mended ({error}): repair them in a GIS.") from None


def _layers(file: _File, wanted: str | None, name: str | None = None) -> Iterator[_Layer]:
    """Layers of a vector file, or of all vector files in a zip; of others than the `wanted` only name and CRS."""
    import pyogrio  # seconds, and most regions are boxes

    pyogrio.set_gdal_config_options(NO_NETWORK | _LARGEST_FEATURE)
    number = 0
    try:
        if file.path.is_file() and (found := network_in(file.path)):
            raise InputError(f"{file} refers to a network ({found}): fetch what it stands for, and give that file.")
        for source in _sources(file):
            layers = [layer for layer, _ in pyogrio.list_layers(source)]
            for layer in layers:
                read = wanted in (None, layer) or len(layers) == 1
                number += read
                if number > MOST_LAYERS:
                    raise InputError(f"{file} has more than {MOST_LAYERS} layers: name the one that counts as `layer`.")
                yield _read(file, source, layer, name) if read else _Layer(source, layer, None, np.array([], object))
    except InputError:
        raise
    except Exception as error:  # GDAL, PROJ, GEOS and their wrappers raise many kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{file} cannot be read as a vector file ({reason}): try it with ogrinfo.") from error


def _read(file: _File, source: str, layer: str, name: str | None) -> _Layer:
    import pyogrio
    from pyproj import CRS

    fields = tuple(pyogrio.read_info(source, layer=layer)["fields"])
    if len(fields) > MOST_FIELDS:
        raise InputError(
            f"{file} has {len(fields):,} fields, expected at most {MOST_FIELDS:,}: save it without those that do not "
            "count."
        )
    with warnings.catch_warnings():  # rings that are not closed can only mean one thing
        warnings.filterwarnings("ignore", "Non closed ring", RuntimeWarning)
        columns = [name] if name in fields else []
        meta, _, geometries, values = pyogrio.raw.read(source, layer=layer, columns=columns)
    with np.errstate(invalid="ignore"):  # coordinates that are no numbers are found later
        found = shapely.force_2d(shapely.from_wkb([] if geometries is None else geometries))
    if (vertices := shapely.get_num_coordinates(found).sum()) > MOST_VERTICES:
        raise InputError(
            f"{file} has {vertices:,} vertices, expected at most {MOST_VERTICES:,}: simplify it in a GIS; pixels have "
            "1 km."
        )
    crs = CRS.from_user_input(meta["crs"]) if meta["crs"] else None
    there = ~shapely.is_missing(found)
    return _Layer(source, layer, crs, found[there], values[0][there] if columns else None, fields)


def _sources(file: _File) -> list[str]:
    """What GDAL opens of a file: of a zip (KMZ too) each vector file in it, in whatever folder."""
    path = file.path.absolute()
    if not zipfile.is_zipfile(path):
        return [str(path)]
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > max(MOST_UNPACKED * path.stat().st_size, FREE * 10**6):
            raise InputError(
                f"{file} would unpack to {unpacked / 1e6:,.0f} MB, expected at most {MOST_UNPACKED} times its size or "
                f"{FREE} MB: unpack it and give the vector file."
            )
        members = [PurePosixPath(name) for name in archive.namelist() if not name.startswith("__MACOSX")]
    found = {
        part
        for member in members
        for part in (member, *member.parents)
        if part.suffix.lower() in _SUFFIXES and (part == member) != (part.suffix.lower() == ".gdb")
    }
    return [f"/vsizip/{{{path}}}/{member}" for member in sorted(found)] or [str(path)]


def _choose(file: _File, wanted: str | None, layers: list[_Layer]) -> tuple[_Layer, tuple[str, ...]]:
    """The wanted layer, or the only one that has polygons, with a sentence where that is a guess."""
    names = ", ".join(f"{layer.name} ({layer.kinds})" if wanted is None else layer.name for layer in layers)
    if wanted is not None:
        candidates = [layer for layer in layers if layer.name == wanted]
        if not candidates:
            raise InputError(f"{file} has no layer {wanted}: it has {names or 'none'}.")
        if len(candidates) > 1:
            raise InputError(f"{file} has several layers {wanted}: unpack it and give one of its files.")
    else:
        candidates = [layer for layer in layers if _polygons(layer.geometries).size]
    if len(candidates) > 1:
        raise InputError(
            f"{file} has several layers with polygons, {names}: choose one by "
            f"`{file.key}: {{path: {file.path}, layer: {candidates[0].name}}}`."
        )
    if not any(layer.geometries.size for layer in (candidates or layers)):
        raise InputError(f"{file} holds no feature with a geometry: it needs at least one polygon.")
    chosen = candidates[0] if candidates else None
    if chosen is None or not _polygons(chosen.geometries).size:
        kinds = chosen.kinds if chosen else names if len(layers) > 1 else layers[0].kinds
        raise InputError(f"{file} holds no polygon but {kinds}: an outline must enclose an area.")
    if chosen.crs is None:
        raise InputError(f"{file} has no CRS: assign the CRS it was drawn in (for .shp, add its .prj file).")
    if wanted is None and len(layers) > 1:
        return chosen, (f"{file} has the layers {names}: taken is {chosen.name}, the only one with polygons.",)
    return chosen, ()


def _polygons(geometries: Any) -> NDArray[np.object_]:
    """Polygons of geometries, those in multi-polygons and collections too, without empty ones."""
    parts = np.atleast_1d(np.asarray(geometries, object))
    while (shapely.get_type_id(parts) > shapely.GeometryType.POLYGON).any():
        parts = shapely.get_parts(parts)
    return parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)]


def _in_degrees(file: _File, polygons: NDArray[np.object_], crs: Any) -> tuple[NDArray[np.object_], tuple[str, ...]]:
    """Polygons of a CRS in degrees, each with longitudes that go on at 180°; a sentence where sides jump over it."""
    from pyproj import CRS, Transformer
    from pyproj.exceptions import ProjError

    rings, polygon = shapely.get_rings(polygons, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    if not np.isfinite(points).all():
        raise InputError(f"{file} holds coordinates that are no numbers: repair it in a GIS.")
    largest, guesses = np.abs(points).max(axis=0), tuple[str, ...]()
    x, y = points[0]
    if crs.is_geographic and largest.max() > 720:
        raise InputError(
            f"{file} has coordinates such as {x:g}, {y:g}, but its CRS, {crs.name}, is in degrees; they look "
            "like metres: assign the CRS it was drawn in (in GeoJSON without a CRS, coordinates are degrees)."
        )
    if crs.is_projected and largest[0] <= 360 and largest[1] <= 90:
        raise InputError(
            f"{file} has coordinates such as {x:g}, {y:g}, but its CRS, {crs.name}, is not in degrees; they "
            "look like degrees: assign the CRS it was drawn in, probably EPSG:4326."
        )
    step = np.diff(points[:, 0], prepend=x) * _same_ring(ring)
    jumps = (np.abs(step) > 180) & (np.abs(step) < 360) & crs.is_geographic
    if jumps.any():
        before, after = points[np.argmax(jumps) - 1 :, 0][:2]
        points = points - [360, 0] * _cumulated(np.where(jumps, np.sign(step), 0), ring)[:, None]
        sentence = (
            f"{file} has sides from {before:g}° to {after:g}° longitude: taken as across 180°, the short way; "
            "if the long way is meant, give the sides corners in between."
        )
        guesses = (sentence,)
    if not crs.equals(CRS("EPSG:4326"), ignore_axis_order=True):
        try:
            project = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform
            points, ring = _densified(points, ring, project)
        except ProjError as error:
            raise InputError(f"{file} cannot be brought from {crs.name} to degrees ({error}).") from None
        if not np.isfinite(points).all():
            raise InputError(
                f"{file} has coordinates that lie outside of what its CRS, {crs.name}, can show: is it the CRS "
                "that the outline was drawn in?"
            )
    points, ring = _around_poles(points, ring)
    with _mendable(file):
        return shapely.polygons(_beside_shells(points, ring, polygon), indices=polygon), guesses


def _same_ring(ring: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a point follows another of its ring."""
    return np.append(False, ring[1:] == ring[:-1])


def _cumulated(steps: NDArray[Any], ring: NDArray[np.int64]) -> NDArray[Any]:
    """Steps added up along each ring, that of its first point is 0."""
    total = np.cumsum(steps * _same_ring(ring))
    return total - total[np.searchsorted(ring, ring)]


def _densified(points: NDArray[Any], ring: NDArray[np.int64], project: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Points of rings in degrees, with so many between them that the sides are straight in their own CRS.

    A side is cut in four until its quarters lie within `TOLERANCE` of where straight sides in degrees have them.
    Longitudes go on at ±180, where PROJ breaks them. Infinite where a point or side leaves what the CRS can show.
    """
    degrees = np.column_stack(project(*points.T))
    if not np.isfinite(degrees).all():
        return degrees, ring
    follows = np.flatnonzero(_same_ring(ring))
    shares = np.array([0.25, 0.5, 0.75])[:, None]
    for _ in range(_HALVINGS // 2):
        between = points[follows - 1, None] + shares * (points[follows] - points[follows - 1])[:, None]
        found = np.stack(project(between[..., 0].ravel(), between[..., 1].ravel()), -1).reshape(between.shape)
        side = _shortest(degrees[follows] - degrees[follows - 1])
        if not np.isfinite(found).all():
            return np.full_like(degrees, np.inf), ring
        off = _shortest(found - degrees[follows - 1, None] - shares * side[:, None])
        curved = (np.abs(off) > TOLERANCE).any(axis=(1, 2))
        if not curved.any():
            break
        places, follows = np.repeat(follows[curved], 3), follows[curved]
        points = np.insert(points, places, between[curved].reshape(-1, 2), axis=0)
        degrees = np.insert(degrees, places, found[curved].reshape(-1, 2), axis=0)
        ring = np.insert(ring, places, ring[places])
        follows = (follows + 3 * np.arange(follows.size))[:, None] + np.arange(4)
        follows = follows.ravel()
    steps = np.diff(degrees[:, 0], prepend=degrees[0, 0])
    degrees[:, 0] -= 360 * _cumulated(np.round(steps / 360), ring)
    return degrees, ring


def _shortest(difference: NDArray[Any]) -> NDArray[Any]:
    """Differences of longitude and latitude, longitudes the shorter way round."""
    return difference - [360, 0] * np.round(difference / 360)


def _around_poles(points: NDArray[Any], ring: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Rings that end a turn from where they began, because they lie around a pole, closed there."""
    first, last = np.flatnonzero(~_same_ring(ring)), np.append(np.flatnonzero(~_same_ring(ring))[1:], len(ring)) - 1
    for start, end in zip(first[::-1], last[::-1], strict=True):
        if abs(points[end, 0] - points[start, 0]) > 180:
            pole = np.copysign(90, points[start : end + 1, 1].mean())
            added = [[points[end, 0], pole], [points[start, 0], pole], points[start]]
            points, ring = np.insert(points, end + 1, added, axis=0), np.insert(ring, end + 1, [ring[end]] * 3)
    return points, ring


def _beside_shells(points: NDArray[Any], ring: NDArray[np.int64], polygon: NDArray[np.int64]) -> NDArray[np.object_]:
    """Rings with longitudes counted so that holes lie in their shell, and shells that go beyond ±360 do not."""
    rings = shapely.linearrings(points, indices=ring)
    west, _, east, _ = shapely.bounds(rings).T
    middle = (west + east) / 2
    shell = middle[np.searchsorted(polygon, polygon)]
    turns = np.round((middle - shell) / 360)
    return shapely.linearrings(points - [360, 0] * turns[ring][:, None], indices=ring) if turns.any() else rings
