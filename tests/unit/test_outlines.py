"""Outlines: vector files of any format, layers and CRS, and the pixels that lie inside."""

import json
import shutil
import zipfile
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated, reads_or_refuses
from pyproj import Transformer
from witnesses import SHARED, with_witnesses

from kilomoist import outlines
from kilomoist.errors import InputError
from kilomoist.grids import CELL_SIDE, M01, SINUSOIDAL_CRS, TILE_SIDE, Window, cells_covering
from kilomoist.outlines import read_outline, read_zones
from kilomoist.regions import pixels_inside, region_area, tiles_of

FILES = SHARED / "files"
TRIANGLE = shapely.Polygon([(97, 46), (101, 46), (99, 49)])
BASIN = shapely.box(98, 46, 99, 47)


def write(path: Path, geometries: list[shapely.Geometry], crs: str | None = "EPSG:4326", **options: str) -> Path:
    geopandas.GeoDataFrame(geometry=geometries, crs=crs).to_file(path, **options)
    return path


def refused(path: Path, layer: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_outline(path, layer)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Formats


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp"])
def test_outlines_of_any_format(tmp_path: Path, suffix: str) -> None:
    outline = read_outline(write(tmp_path / f"outline{suffix}", [TRIANGLE])).area
    assert outline.symmetric_difference(TRIANGLE).area < 1e-9


def test_an_outline_in_another_crs_is_brought_to_degrees(tmp_path: Path) -> None:
    utm = geopandas.GeoSeries([TRIANGLE], crs="EPSG:4326").to_crs("EPSG:32647").iloc[0]
    outline = read_outline(write(tmp_path / "utm.gpkg", [utm], "EPSG:32647")).area
    assert np.abs(np.subtract(outline.bounds[::2], TRIANGLE.bounds[::2])).max() < 1e-6


def test_all_features_count_and_overlaps_once(tmp_path: Path) -> None:
    boxes = [shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1), shapely.box(10, 0, 11, 1)]
    assert read_outline(write(tmp_path / "boxes.gpkg", boxes)).area.area == pytest.approx(4)


def test_a_polygon_that_crosses_itself_is_mended(tmp_path: Path) -> None:
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    assert read_outline(write(tmp_path / "bow.gpkg", [bow])).area.area == pytest.approx(2)


def test_unusable_outlines_are_named(tmp_path: Path) -> None:
    def text(name: str, content: str) -> Path:
        (tmp_path / name).write_text(content)
        return tmp_path / name

    without_projection = write(tmp_path / "plain.shp", [TRIANGLE])
    without_projection.with_suffix(".prj").unlink()
    nothing = '{"type": "Feature", "properties": {}, "geometry": null}'
    none = "holds no feature with a geometry"
    for path, said in (
        (tmp_path / "none.gpkg", "does not exist"),
        (text("text.gpkg", "no geography"), "cannot be read as a vector file"),
        (text("empty.geojson", '{"type": "FeatureCollection", "features": []}'), none),
        (text("null.geojson", f'{{"type": "FeatureCollection", "features": [{nothing}]}}'), none),
        (text("table.csv", "a,b\n1,2\n"), none),
        (without_projection, "has no CRS"),
        (write(tmp_path / "points.gpkg", [shapely.Point(1, 1)]), "holds no polygon but Point"),
        (write(tmp_path / "line.gpkg", [shapely.LineString([(1, 1), (2, 2)])]), "holds no polygon but LineString"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            read_outline(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


# Coordinate reference systems


def pixels_by_proj(outline: shapely.Geometry, crs: str, cells: Window) -> np.ndarray:
    """The witness: centres of pixels, brought into the outline's CRS by PROJ, that lie in it there."""
    window = cells.refined(CELL_SIDE)
    x, y = np.meshgrid(M01.x_centres(window), M01.y_centres(window))
    back = Transformer.from_crs("EPSG:6933", "EPSG:4326", always_xy=True).transform(x, y)
    centres = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(*back)
    shapely.prepare(outline)
    return shapely.contains_xy(outline, *centres)


OBLIQUE = "+proj=omerc +lat_0=47 +lonc=100 +alpha=40 +k=1 +x_0=0 +y_0=0 +gamma=0 +ellps=WGS84 +units=m"
LAMBERT = "+proj=lcc +lat_1=40 +lat_2=52 +lat_0=46 +lon_0=105 +datum=WGS84 +units=us-ft"


@pytest.mark.parametrize(
    ("crs", "box"),
    [
        ("EPSG:4326", (96, 45, 102, 49)),
        ("EPSG:4258", (5, 45, 12, 49)),
        ("EPSG:4267", (-110, 40, -104, 44)),
        ("EPSG:3413", (-400_000, -3_000_000, 300_000, -2_500_000)),
        ("EPSG:3857", (10_600_000, 5_700_000, 11_300_000, 6_300_000)),
        ("EPSG:32601", (200_000, 7_200_000, 700_000, 7_500_000)),
        ("EPSG:2154", (200_000, 6_200_000, 1_000_000, 6_900_000)),
        ("EPSG:27700", (100_000, 100_000, 600_000, 800_000)),
        ("EPSG:2193", (1_100_000, 4_800_000, 2_000_000, 5_500_000)),
        (LAMBERT, (-1_500_000, -1_000_000, 900_000, 1_200_000)),
        (OBLIQUE, (-400_000, -300_000, 500_000, 400_000)),
        ("EPSG:2056", (2_480_000, 1_070_000, 2_840_000, 1_300_000)),
    ],
)
def test_pixels_are_those_whose_centres_lie_inside_in_the_crs_of_the_file(
    tmp_path: Path, crs: str, box: tuple[float, float, float, float]
) -> None:
    outline = shapely.box(*box).difference(
        shapely.Point((box[0] + box[2]) / 2, box[1]).buffer((box[2] - box[0]) / 8, 2)
    )
    area = region_area(None, write(tmp_path / "outline.gpkg", [outline], crs))
    cells = cells_covering(area.bounds)
    expected = pixels_by_proj(outline, crs, cells)
    assert expected.sum() > 50_000
    assert (pixels_inside(area, cells) != expected).sum() <= 1e-4 * expected.sum()


@with_witnesses
@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("utm47n_box", 149_835),
        ("albers5070_box", 479_089),
        ("laea3035_box", 499_101),
        ("sinusoidal_tile_h24v04", 1_236_795),
    ],
)
def test_pixels_of_files_in_other_crs(name: str, pixels: int) -> None:
    area = region_area(None, FILES / f"outline_projected/{name}.gpkg")
    assert pixels_inside(area, cells_covering(area.bounds)).sum() == pytest.approx(pixels, rel=1e-4)


@pytest.mark.parametrize(("h", "v"), [(24, 4), (17, 2), (11, 10)])
def test_a_modis_tile_in_its_own_crs_is_that_tile_alone(tmp_path: Path, h: int, v: int) -> None:
    tile = shapely.box(*(number * TILE_SIDE for number in (h - 18, 8 - v, h - 17, 9 - v)))
    area = region_area(None, write(tmp_path / "tile.gpkg", [tile], SINUSOIDAL_CRS))
    assert tiles_of(area) == [f"h{h:02d}v{v:02d}"]


def test_an_outline_around_the_pole_can_be_cut_by_a_box(tmp_path: Path) -> None:
    path = write(tmp_path / "arctic.gpkg", [shapely.Point(0, 0).buffer(3_000_000, 64)], "EPSG:3413")
    with pytest.raises(InputError, match="the grid ends at ±85°"):
        region_area(None, path)
    assert region_area((20, 65, 30, 70), path).equals(shapely.box(20, 65, 30, 70))


def test_coordinates_that_their_crs_cannot_have_are_told(tmp_path: Path) -> None:
    metres, degrees = shapely.box(250_000, 5_000_000, 750_000, 5_300_000), BASIN
    assert "they look like metres" in refused(write(tmp_path / "a.gpkg", [metres], "EPSG:4326"))
    assert "they look like degrees" in refused(write(tmp_path / "b.gpkg", [degrees], "EPSG:32647"))
    assert "lie outside of what its CRS" in refused(
        write(tmp_path / "c.gpkg", [shapely.box(0, 0, 9e8, 9e8)], "EPSG:3035")
    )


# 180°


def geojson(path: Path, *rings: list) -> Path:
    path.write_text(json.dumps({"type": "Polygon", "coordinates": rings}))
    return path


@with_witnesses
@pytest.mark.parametrize("name", ["fiji_beyond", "fiji_cut", "fiji_jump_178_to_-178", "fiji_minus"])
def test_fiji_in_whatever_way_its_longitudes_are_counted(name: str) -> None:
    path = FILES / f"antimeridian/{name}.geojson"
    area = region_area(None, path)
    assert area.equals(shapely.box(178, -18, 182, -16))
    assert cells_covering(area.bounds).shape == (28, 44)
    assert [("from 178° to -178°" in guess) for guess in read_outline(path).guesses] == [True] * ("jump" in name)


def test_holes_and_shells_that_jump_over_180_stay_together(tmp_path: Path) -> None:
    shell = [[-178, -18], [-178, -16], [178, -16], [178, -18], [-178, -18]]
    hole = [[179, -17.5], [-179, -17.5], [-179, -16.5], [179, -16.5], [179, -17.5]]
    east = [[178.5, -17], [178.6, -17], [178.6, -16.9], [178.5, -16.9], [178.5, -17]]
    area = region_area(None, geojson(tmp_path / "fiji.geojson", shell, hole, east))
    assert area.area == pytest.approx(8 - 2 - 0.01)
    assert area.bounds == (178, -18, 182, -16)


def test_a_side_of_a_whole_turn_does_not_jump(tmp_path: Path) -> None:
    path = geojson(tmp_path / "belt.geojson", [[-180, 60], [180, 60], [180, 70], [-180, 70], [-180, 60]])
    area, guesses = read_outline(path)
    assert area.equals(shapely.box(-180, 60, 180, 70))
    assert guesses == ()


# Layers


@with_witnesses
@pytest.mark.parametrize(
    ("name", "names", "layer"),
    [
        ("study.gpkg", "country (Polygon), basin (Polygon)", "basin"),
        ("gadm.gpkg", "ADM_ADM_0 (Polygon), ADM_ADM_1 (Polygon)", "ADM_ADM_1"),
        ("two_shp.zip", "acountry (Polygon), basin (Polygon)", "basin"),
    ],
)
def test_one_of_several_layers_is_asked_for(name: str, names: str, layer: str) -> None:
    path = FILES / "outline_layers" / name
    assert f"has several layers with polygons, {names}: choose one by `outline: {{path: " in refused(path)
    area, guesses = read_outline(path, layer)
    assert area.bounds == ((98, 46, 99, 47) if layer == "basin" else (88, 42, 119, 52))
    assert guesses == ()
    assert "has no layer rivers: it has " in refused(path, "rivers")


@with_witnesses
@pytest.mark.parametrize(("name", "layer"), [("pts_first.gpkg", "basin"), ("a.kml", "Area"), ("nested_shp.zip", "")])
def test_the_only_layer_with_polygons_is_taken(name: str, layer: str) -> None:
    area, guesses = read_outline(FILES / "outline_layers" / name)
    assert area.equals(BASIN)
    assert [guess.endswith(f"taken is {layer}, the only one with polygons.") for guess in guesses] == [True] * bool(
        layer
    )


@with_witnesses
@pytest.mark.parametrize(
    "name", ["outline_layers/gc", "stray_point/basin_and_marker", "stray_point/basin_and_far_marker"]
)
def test_points_and_lines_beside_polygons_do_not_count(name: str) -> None:
    area = region_area(None, FILES / f"{name}.geojson")
    expected = Window(217, 2977, 10, 12) if "gc" in name else Window(202, 2983, 21, 22)
    assert cells_covering(area.bounds) == expected


@with_witnesses
def test_a_line_in_kml_is_no_area() -> None:
    assert "holds no polygon but LineString" in refused(FILES / "outline_layers/b.kml")


def test_layers_of_other_formats(tmp_path: Path) -> None:
    """A file geodatabase, plain and zipped; KMZ; GeoPackage and GeoJSON in a zip, with what macOS adds."""
    gdb = tmp_path / "study.gdb"
    write(gdb, [shapely.Point(98, 46)], layer="wells", driver="OpenFileGDB")
    write(gdb, [shapely.MultiPolygon([BASIN])], layer="basin", driver="OpenFileGDB", mode="a")
    shutil.make_archive(str(gdb), "zip", tmp_path, "study.gdb")
    write(tmp_path / "basin.gpkg", [BASIN])
    write(tmp_path / "basin.geojson", [BASIN])
    write(tmp_path / "doc.kml", [BASIN], driver="KML")
    for name, member in (("a.kmz", "doc.kml"), ("b.zip", "basin.gpkg"), ("c.zip", "deep/er/basin.geojson")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.write(tmp_path / Path(member).name, member)
            archive.writestr("__MACOSX/._basin.gpkg", b"")
            archive.writestr("readme.txt", b"")
    for name in ("study.gdb", "study.gdb.zip", "a.kmz", "b.zip", "c.zip"):
        area, guesses = read_outline(tmp_path / name)
        assert area.symmetric_difference(BASIN).area < 1e-6
        assert [("taken is basin" in guess) for guess in guesses] == [True] * ("gdb" in name)


# Damage


@with_witnesses
@pytest.mark.parametrize("path", sorted((SHARED / "faults/exceptions").glob("geojson--*")), ids=lambda path: path.name)
def test_damaged_files_are_refused(path: Path) -> None:
    refused(path)


@with_witnesses
def test_a_damaged_shapefile_is_refused(tmp_path: Path) -> None:
    (fault,) = (SHARED / "faults/exceptions").glob("shp--*")
    refused(Path(shutil.copy(fault, tmp_path / "outline.zip")))


def test_coordinates_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    ring = "[[97,46],[101,46],[1e400,49],[97,46]]"
    (tmp_path / "a.geojson").write_text(f'{{"type": "Polygon", "coordinates": [{ring}]}}')
    assert "no numbers" in refused(tmp_path / "a.geojson")
    assert "holds no polygon but empty Polygon" in refused(geojson(tmp_path / "b.geojson"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("whole")
    shapefile, kml = (
        write(folder / "a.shp", [TRIANGLE], "EPSG:32647"),
        write(folder / "b.kml", [TRIANGLE], driver="KML"),
    )
    members = {"a.zip": sorted(folder.glob("a.*")), "a.kmz": [kml]}
    for name, parts in members.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            for part in parts:
                archive.write(part, f"deep/{part.name}" if name == "a.zip" else "doc.kml")
    return {
        "kmz": folder / "a.kmz",
        "zip": folder / "a.zip",
        "geojson": write(folder / "a.geojson", [TRIANGLE], "EPSG:32647"),
        "kml": write(folder / "a.kml", [TRIANGLE], driver="KML"),
        "gpkg": write(folder / "a.gpkg", [TRIANGLE], "EPSG:32647"),
        "shp": shapefile,
    }


@pytest.mark.filterwarnings("ignore::RuntimeWarning:pyogrio")  # GDAL's, of damages that it can read over
@pytest.mark.parametrize("suffix", ["geojson", "kml", "kmz", "zip", "gpkg", "shp", "shx", "dbf", "prj"])
@settings(max_examples=40)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, whole: dict[str, Path], suffix: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    kind = suffix if suffix in whole else "shp"
    for part in whole[kind].parent.glob("a.*") if kind == "shp" else [whole[kind]]:
        shutil.copy(part, folder)
    damaged = folder / f"a.{suffix}"
    damaged.write_bytes(data.draw(mutated(damaged.read_bytes())))
    reads_or_refuses(lambda: region_area(None, folder / f"a.{kind}"))
    shutil.rmtree(folder)


# Zones


def provinces(path: Path) -> Path:
    """Two polygons of one name, one without a name, and a point, in UTM."""
    boxes = [shapely.box(98, 46, 99, 47), shapely.box(99.5, 46, 100, 47), shapely.box(98, 47.5, 99, 48)]
    names = ["Архангай", "Архангай", None, "point"]
    frame = geopandas.GeoDataFrame({"NAME": names}, geometry=[*boxes, shapely.Point(99, 46)], crs="EPSG:4326")
    frame.to_crs("EPSG:32647").to_file(path)
    return path


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp.zip"])
def test_zones_are_polygons_by_name(tmp_path: Path, suffix: str) -> None:
    if suffix == ".shp.zip":  # a shapefile holds one kind of geometry
        frame = geopandas.read_file(provinces(tmp_path / "provinces.gpkg"), rows=3)
        frame.to_file(tmp_path / "provinces.shp.zip", driver="ESRI Shapefile", encoding="UTF-8")
    else:
        provinces(tmp_path / f"provinces{suffix}")
    zones = read_zones(tmp_path / f"provinces{suffix}", name="NAME")
    assert zones.names == ["Архангай", "3"]
    assert zones.areas[0].area == pytest.approx(1.5, rel=0.002)
    assert zones.areas[1].bounds == pytest.approx((98, 47.5, 99, 48), abs=0.01)
    assert read_zones(tmp_path / f"provinces{suffix}").names == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("layer", "name", "said"),
    [
        (None, "NAMES", "has no field NAMES: name one of NAME, or leave it out."),
        ("absent", None, "has no layer absent: it has provinces."),
    ],
)
def test_zones_are_refused_in_one_sentence(tmp_path: Path, layer: str | None, name: str | None, said: str) -> None:
    path = provinces(tmp_path / "provinces.gpkg")
    with pytest.raises(InputError) as caught:
        read_zones(path, layer, name)
    assert str(caught.value) == f"export.zones {path} {said}"


# Files that are more than they seem


def collection(*features: str) -> str:
    return f'{{"type": "FeatureCollection", "features": [{", ".join(features)}]}}'


def feature(coordinates: str = "[[98, 46], [99, 46], [99, 47], [98, 46]]", properties: str = "") -> str:
    geometry = f'{{"type": "Polygon", "coordinates": [{coordinates}]}}'
    return f'{{"type": "Feature", "properties": {{{properties}}}, "geometry": {geometry}}}'


def test_a_zip_that_unpacks_to_too_much_is_refused_before(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.geojson", collection(feature()) + " " * 101_000_000)
    assert "would unpack to 101 MB, expected at most 20 times its size or 100 MB" in refused(tmp_path / "a.zip")


def test_an_outline_has_a_number_of_vertices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert outlines.MOST_VERTICES == 2_000_000
    monkeypatch.setattr(outlines, "MOST_VERTICES", 8)
    path = write(tmp_path / "a.fgb", [TRIANGLE, BASIN])
    assert "has 9 vertices, expected at most 8: simplify it in a GIS" in refused(path)


def test_a_layer_has_a_number_of_fields(tmp_path: Path) -> None:
    """GDAL looks for each among all."""
    path = tmp_path / "a.geojson"
    path.write_text(collection(feature(properties=", ".join(f'"f{number}": 1' for number in range(1001)))))
    assert "has 1,001 fields, expected at most 1,000" in refused(path)


def test_of_many_layers_one_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(101):
            archive.writestr(f"a{number}.geojson", collection(feature()))
    assert "has more than 100 layers: name the one that counts as `layer`" in refused(tmp_path / "a.zip")


def test_there_is_a_number_of_zones_and_many_are_read_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(collection(*[feature()] * 3000))
    assert len(read_zones(path).names) == 3000
    path.write_text(collection(*[feature()] * 10_001))
    with pytest.raises(InputError, match="holds 10,001 zones, expected at most 10,000"):
        read_zones(path)


@pytest.mark.parametrize(
    "source", ["/vsicurl/http://127.0.0.1:9/a.geojson", "WFS:http://127.0.0.1:9/", "http://x.org/a"]
)
def test_an_outline_is_not_fetched_from_a_network(tmp_path: Path, source: str) -> None:
    layer = f'<OGRVRTLayer name="a"><SrcDataSource>{source}</SrcDataSource></OGRVRTLayer>'
    (tmp_path / "a.vrt").write_text(f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>")
    assert "refers to a network" in refused(tmp_path / "a.vrt")


def test_an_outline_of_google_earth_may_name_its_icons(tmp_path: Path) -> None:
    icon = "<Style><IconStyle><Icon><href>http://maps.google.com/a.png</href></Icon></IconStyle></Style>"
    ring = "<LinearRing><coordinates>98,46 99,46 99,47 98,46</coordinates></LinearRing>"
    polygon = f"<Polygon><outerBoundaryIs>{ring}</outerBoundaryIs></Polygon>"
    (tmp_path / "a.kml").write_text(
        '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        f"<Placemark>{icon}{polygon}</Placemark></Document></kml>"
    )
    assert read_outline(tmp_path / "a.kml").area.area == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("coordinates", "told"),
    [
        ("[[98, 46], [1e400, 46], [99, 47], [98, 46]]", "cannot be read as a vector file"),
        ("[[98, 46], [1e308, 46], [99, 1e308], [98, 46]]", "but its CRS, WGS 84, is in degrees"),
        ("", "holds no polygon but"),
    ],
)
def test_coordinates_that_are_no_places(tmp_path: Path, coordinates: str, told: str) -> None:
    (tmp_path / "a.geojson").write_text(collection(feature(coordinates)))
    assert told in refused(tmp_path / "a.geojson")


@pytest.mark.filterwarnings("ignore")
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("name", ["a.kml", "a.zip", "a.gpkg", "a.fgb"])
def test_damaged_vector_files_are_read_or_refused(tmp_path: Path, name: str, data: st.DataObject) -> None:
    whole = tmp_path / f"whole-{name}"
    if not whole.exists():
        options = {"driver": "KML"} if name == "a.kml" else {}
        write(whole.with_suffix(".shp" if name == "a.zip" else whole.suffix), [TRIANGLE, BASIN], **options)
        if name == "a.zip":
            with zipfile.ZipFile(whole, "w") as archive:
                for part in sorted(tmp_path.glob("whole-a.*[!p]")):
                    archive.write(part, part.name)
                archive.write(tmp_path / "whole-a.shp", "whole-a.shp")
    path = tmp_path / name
    path.write_bytes(data.draw(mutated(whole.read_bytes())))
    reads_or_refuses(lambda: read_outline(path))
    reads_or_refuses(lambda: read_zones(path))
