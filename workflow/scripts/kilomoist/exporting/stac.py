"""A run as an item, and a region as a collection, of the SpatioTemporal Asset Catalog (STAC 1.1)."""

import os
import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pystac
import rasterio
import shapely
from pyproj import CRS, Transformer

from kilomoist.calendars import month_range
from kilomoist.files import read_json, sha256, write_json
from kilomoist.metadata import is_simulated, title_of
from kilomoist.quality_flags import CLASSES, FLAGS
from kilomoist.rasters import read_tags
from kilomoist.regions import on_globe
from kilomoist.version import VERSION

_SCHEMA = "https://stac-extensions.github.io/{}/schema.json"
EXTENSIONS = tuple(
    _SCHEMA.format(f"{name}/v{version}")
    for name, version in (
        ("projection", "2.0.0"),
        ("file", "2.1.0"),
        ("processing", "1.0.0"),
        ("classification", "2.0.0"),
        ("scientific", "1.0.0"),
    )
)
"""Extensions that items use; bands with types and units are of STAC itself since 1.1."""
_SHA256 = "1220"
"""What a multihash of SHA-256 begins with: the number of the method and of the bytes."""
_TYPES = {
    ".tif": pystac.MediaType.COG,
    ".csv": "text/csv",
    ".json": pystac.MediaType.JSON,
    ".geojson": pystac.MediaType.GEOJSON,
    ".html": pystac.MediaType.HTML,
    ".md": "text/markdown",
    ".nc": pystac.MediaType.NETCDF,
    ".parquet": pystac.MediaType.PARQUET,
    ".pdf": pystac.MediaType.PDF,
    ".png": pystac.MediaType.PNG,
    ".svg": "image/svg+xml",
    ".qml": pystac.MediaType.XML,
    ".txt": pystac.MediaType.TEXT,
    ".xml": pystac.MediaType.XML,
}
"""Media types by suffix; of other files none is said."""
_ROLES = {
    **dict.fromkeys((".tif", ".nc", ".parquet"), "data"),
    **dict.fromkeys((".html", ".pdf", ".png", ".svg"), "overview"),
}
"""Roles by suffix; of other files it is `metadata`."""
_BITS = [
    {
        "name": name,
        "description": flag.meaning,
        "offset": flag.bit,
        "length": 1,
        "classes": [{"value": value, "name": word} for value, word in enumerate(("no", "yes"))],
    }
    for name, flag in FLAGS.items()
]
"""Bits of `quality.tif`, as the classification extension says them."""
_CLASSES = [
    {
        "value": value,
        "name": re.sub(r"\W+", "_", of.meaning),
        "description": of.meaning,
        "color_hint": of.colour.removeprefix("#"),
    }
    for value, of in enumerate(CLASSES)
]
"""Values of `quality_class.tif`, likewise."""
_NASA = pystac.Provider(
    "NASA Earthdata",
    roles=[pystac.ProviderRole.PRODUCER, pystac.ProviderRole.LICENSOR],
    url="https://www.earthdata.nasa.gov",
)


def write_item(path: str | Path, map_: str | Path, files: Sequence[str | Path]) -> None:
    """Write the item of a run with its map, whose folder holds all its files, as assets by their paths in it."""
    folder, place = Path(map_).parent, Path(path).parent
    tags = read_tags(map_)
    first, end = (datetime.combine(day, time()) for day in month_range(tags["month"]))
    projection, area = _place(map_)
    item = pystac.Item(
        id=f"{tags['region']}-{tags['month']}",
        geometry=shapely.geometry.mapping(area),
        bbox=_box(area),
        datetime=None,
        start_datetime=first,
        end_datetime=end - timedelta(seconds=1),
        properties={
            "title": tags["title"],
            "description": f"{tags['title']}; from {tags['origin']}.",
            "gsd": 1000,
            "kilomoist:source": tags["source"],
            "processing:lineage": f"{tags['products']}; method {tags['method']}",
            "processing:software": {"kilomoist": VERSION},
            "sci:citation": tags["references"],
            **projection,
        },
        stac_extensions=list(EXTENSIONS),
        collection=tags["region"],
    )
    for file in sorted(map(Path, files)):
        item.add_asset(file.relative_to(folder).as_posix(), _asset(file, _relative(file, place)))
    collection = _relative(folder.parent / "exports/collection.json", place)
    for rel in ("root", "collection", "parent"):
        item.add_link(pystac.Link(rel, collection, pystac.MediaType.JSON))
    write_json(path, item.to_dict(include_self_link=False, transform_hrefs=False))


def write_collection(path: str | Path, items: Sequence[str | Path]) -> None:
    """Write the collection of a region with the items of its months."""
    found = [read_json(item) for item in items]
    boxes = [item["bbox"] for item in found]
    ends = ("start_datetime", "end_datetime")
    dates = [datetime.fromisoformat(item["properties"][name]) for item in found for name in ends]
    region = found[0]["collection"]
    said = found[0]["properties"]
    source = said["kilomoist:source"]
    collection = pystac.Collection(
        id=region,
        title=title_of("soil_moisture", source, region),
        description=f"Monthly means on pixels of 1 km. {found[0]['id']}: {said['processing:lineage']}.",
        stac_extensions=[EXTENSIONS[-1]],
        extra_fields={"sci:citation": said["sci:citation"]},
        extent=pystac.Extent(
            pystac.SpatialExtent([boxes[0]]),  # every month's: it is the region's
            pystac.TemporalExtent([[min(dates), max(dates)]]),
        ),
        license="other",
        providers=[
            *([] if is_simulated(source) else [_NASA]),
            pystac.Provider("kilomoist", roles=[pystac.ProviderRole.PROCESSOR]),
        ],
    )
    collection.clear_links()
    collection.add_link(pystac.Link("root", f"./{Path(path).name}", pystac.MediaType.JSON))
    for item in items:
        collection.add_link(pystac.Link("item", _relative(item, Path(path).parent), pystac.MediaType.GEOJSON))
    write_json(path, collection.to_dict(include_self_link=False, transform_hrefs=False))


def _asset(file: Path, href: str) -> pystac.Asset:
    """A file with its size and checksum, and what a raster's bands are."""
    said = {"file:size": file.stat().st_size, "file:checksum": _SHA256 + sha256(file)}
    if file.suffix == ".tif":
        said |= _raster(file)
    roles = [_ROLES.get(file.suffix, "metadata")]
    return pystac.Asset(href, media_type=_TYPES.get(file.suffix), roles=roles, extra_fields=said)


def _raster(path: Path) -> dict[str, Any]:
    """Projection and bands of a raster, flags with the meaning of each bit."""
    projection, _ = _place(path)
    with rasterio.open(path) as file:
        described = zip(file.descriptions, file.units, file.dtypes, strict=True)
        nodata = {} if file.nodata is None else {"nodata": "nan"}
        bands: list[dict[str, Any]] = [
            {"name": name, "data_type": dtype, **({"unit": unit} if unit else {}), **nodata}
            for name, unit, dtype in described
        ]
    if path.stem == "quality":
        bands[0]["classification:bitfields"] = _BITS
    elif path.stem == "quality_class":
        bands[0]["classification:classes"] = _CLASSES
    return projection | {"bands": bands}


def _place(path: str | Path) -> tuple[dict[str, Any], shapely.Geometry]:
    """Fields of the projection of a raster, and the area that it covers, in degrees."""
    with rasterio.open(path) as file:
        epsg, wkt = file.crs.to_epsg(), file.crs.to_wkt()
        bounds, shape, transform = file.bounds, file.shape, file.transform
    # What lies across 180° is in a CRS of its own.
    code = {"proj:code": f"EPSG:{epsg}"} if epsg else {"proj:code": None, "proj:wkt2": CRS(wkt).to_wkt()}
    fields = {"proj:shape": list(shape), "proj:transform": list(transform)[:6], "proj:bbox": list(bounds)}
    geographic = Transformer.from_crs(wkt, "EPSG:4326", always_xy=True)
    left, bottom, right, top = bounds
    west, south, east, north = geographic.transform_bounds(left, bottom, right, top)
    area = on_globe(shapely.box(west, south, east + 360 * (east < west), north))
    return code | fields, shapely.transform(area, lambda points: points.round(6))


def _box(area: shapely.Geometry) -> list[float]:
    """West, south, east, north of an area; west > east across 180°."""
    west, south, east, north = area.bounds
    if area.geom_type == "MultiPolygon":
        west, east = (edge(part.bounds[side] for part in area.geoms) for edge, side in ((max, 0), (min, 2)))
    return [west, south, east, north]


def _relative(path: str | Path, start: Path) -> str:
    """A path from a folder, as STAC wants it, with ./ before what lies in it."""
    found = Path(os.path.relpath(path, start)).as_posix()
    return found if found.startswith("..") else f"./{found}"
