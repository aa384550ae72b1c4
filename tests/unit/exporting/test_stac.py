"""STAC: pystac validates items and collections, and finds all files from them."""

import json
from hashlib import sha256
from pathlib import Path

import pystac
import pytest
from small_runs import ACROSS, CELLS, Window, write_run
from stac import validate

from kilomoist.exporting.stac import write_collection, write_item
from kilomoist.quality_flags import FLAGS

MONTHS = ("2021-07", "2021-08")


def write_region(folder: Path, cells: Window = CELLS, source: str = "archive") -> Path:
    """A region of two months, each with a table and a figure; returns its collection."""
    items = []
    for month in MONTHS:
        run = write_run(folder / month, month, cells, source=source)
        for name in ("tables/scores.csv", "figures/maps.png", "model.skops", "exports/soil_moisture.nc"):
            (run / name).parent.mkdir(exist_ok=True)
            (run / name).write_text(name)
        item = run / "exports/item.json"
        write_item(item, run / "soil_moisture.tif", [path for path in run.rglob("*") if path.is_file()])
        items.append(item)
    write_collection(folder / "exports/collection.json", items)
    return folder / "exports/collection.json"


@pytest.mark.parametrize("cells", [CELLS, ACROSS], ids=["inland", "across"])
def test_pystac_validates_a_region(tmp_path: Path, cells: Window) -> None:
    collection = validate(write_region(tmp_path, cells))
    assert isinstance(collection, pystac.Collection)
    assert collection.id == "plain"
    first, second = collection.get_items()
    assert (first.id, second.id) == ("plain-2021-07", "plain-2021-08")
    for item in (first, second):
        assert item.get_collection() is collection
        assert item.get_root().id == collection.id
        assert len(item.assets) == 10
        for asset in item.assets.values():
            content = Path(asset.get_absolute_href()).read_bytes()
            assert asset.extra_fields["file:size"] == len(content)
            assert asset.extra_fields["file:checksum"] == f"1220{sha256(content).hexdigest()}"
    (interval,) = collection.extent.temporal.intervals
    assert [f"{time:%F %T}" for time in interval] == ["2021-07-01 00:00:00", "2021-08-31 23:59:59"]


def test_an_item_says_what_and_where_a_map_is(tmp_path: Path) -> None:
    item = next(iter(validate(write_region(tmp_path)).get_items()))
    assert item.datetime is None
    assert "created" not in item.properties
    west, south, east, north = item.bbox
    assert 99 < west < east < 101
    assert 48 < south < north < 49
    assert item.properties["proj:code"] == "EPSG:6933"
    assert item.properties["proj:shape"] == [27, 36]
    assert item.properties["gsd"] == 1000
    assert item.properties["kilomoist:source"] == "archive"
    assert "10.5067/MODIS/MOD13A1.061" in item.properties["sci:citation"]
    assert item.properties["processing:lineage"].startswith("MOD13A1.061 of 2021-")
    map_, quality = item.assets["soil_moisture.tif"], item.assets["quality.tif"]
    assert map_.media_type == "image/tiff; application=geotiff; profile=cloud-optimized"
    assert map_.roles == ["data"]
    (band,) = map_.extra_fields["bands"]
    assert band == {"name": "soil_moisture", "data_type": "float32", "unit": "m3 m-3", "nodata": "nan"}
    bits = quality.extra_fields["bands"][0]["classification:bitfields"]
    assert {bit["name"]: bit["offset"] for bit in bits} == {name: flag.bit for name, flag in FLAGS.items()}
    assert item.assets["soil_moisture_9km.tif"].extra_fields["proj:shape"] == [3, 4]
    assert item.assets["exports/soil_moisture.nc"].href == "./soil_moisture.nc"


def test_an_item_across_180_degrees_is_in_two_parts(tmp_path: Path) -> None:
    item = next(iter(validate(write_region(tmp_path, ACROSS)).get_items()))
    west, _, east, _ = item.bbox
    assert -180 < east < 0 < west < 180
    assert item.geometry["type"] == "MultiPolygon"
    assert item.properties["proj:code"] is None
    assert 'PARAMETER["Longitude of natural origin",180' in item.properties["proj:wkt2"]


def test_hrefs_are_relative_and_nothing_tells_the_time(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        collection = write_region(tmp_path / name)
        texts.append([path.read_text() for path in (collection, *sorted((tmp_path / name).rglob("item.json")))])
    assert texts[0] == texts[1]
    assert not any(str(tmp_path) in text for text in texts[0])


@pytest.mark.parametrize(("source", "said"), [("simulated", True), ("earthdata", False)])
def test_what_is_simulated_says_so(tmp_path: Path, source: str, said: bool) -> None:
    collection = json.loads(write_region(tmp_path, source=source).read_text())
    assert ("simulated" in collection["title"].lower()) == said
    assert ("simulated" in collection["description"].lower()) == said
    assert ("NASA Earthdata" in [provider["name"] for provider in collection["providers"]]) != said
