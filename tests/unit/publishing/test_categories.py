"""Values of `quality.tif` in words."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import rasterio

from kilomoist.grids import M01, Window
from kilomoist.mapping.flags import colour_table
from kilomoist.publishing.categories import Category, categories, read_categories, write_attribute_table
from kilomoist.rasters import raster_chunks

CELLS = Window(200, 2980, 3, 4)


def numbers(*values: int) -> np.ndarray:
    return np.bincount(values, minlength=256)


def test_categories_are_what_occurs_the_plain_ones_first() -> None:
    found = categories(numbers(0, 0, 4, 12, 128, 2, 6, 8, 3, 64), reconciled=True)
    assert [(category.value, category.count, category.label) for category in found] == [
        (0, 2, "no flag"),
        (64, 1, "SMAP without radiometer"),
        (4, 1, "few observations"),
        (2, 1, "outside the area of applicability"),
        (8, 1, "water, snow or ice in the pixel"),
        (128, 1, "no value"),
        (3, 1, "outside the area of applicability; also outside the training range"),
        (6, 1, "outside the area of applicability; also few observations"),
        (12, 1, "water, snow or ice in the pixel; also few observations"),
    ]
    assert {category.value: category.colour for category in found}.items() <= colour_table().items()


def test_every_value_has_a_category_whose_name_its_colour_has() -> None:
    found = categories(np.ones(256, np.int64), reconciled=True)
    assert sorted(category.value for category in found) == list(range(256))
    assert len({category.label for category in found}) == 256
    assert len({category.name for category in found}) == len({category.colour for category in found}) == 9
    assert len({(category.name, category.colour) for category in found}) == 9


def test_a_map_that_is_nowhere_reconciled_does_not_say_so_of_each_pixel() -> None:
    found = categories(numbers(16, 20, 24, 128), reconciled=False)
    labels = ["no flag", "few observations", "water, snow or ice in the pixel", "no value"]
    assert [category.label for category in found] == labels
    assert {category.value: category.colour for category in found}.items() <= colour_table(reconciled=False).items()


def test_categories_are_read_from_the_raster(tmp_path: Path) -> None:
    pixels = CELLS.refined(9)
    flags = np.random.default_rng(3).choice(np.array([0, 4, 9, 128], np.uint8), pixels.shape)
    with raster_chunks(
        tmp_path / "quality.tif", M01, pixels, {}, cloud_optimized=True, colours=colour_table()
    ) as raster:
        raster.write({"quality": flags}, pixels)
    found = {category.value: category.count for category in read_categories(tmp_path / "quality.tif", True)}
    assert found == {value: (flags == value).sum() for value in (0, 4, 9, 128)}


def test_gdal_takes_the_table_beside_a_raster(tmp_path: Path) -> None:
    """What it writes of it when it copies the raster is what stood there."""
    pixels = CELLS.refined(9)
    with raster_chunks(tmp_path / "quality.tif", M01, pixels, {}, colours=colour_table()) as raster:
        raster.write({"quality": np.full(pixels.shape, 12, np.uint8)}, pixels)
    table = tmp_path / "quality.tif.aux.xml"
    write_attribute_table(
        table, [Category(12, 3, "one & only", ("“other”",), (1, 2, 3)), Category(0, 1, "none", (), (4, 5, 6))]
    )
    rasterio.shutil.copy(tmp_path / "quality.tif", tmp_path / "copy.tif", driver="GTiff")
    for path in (table, tmp_path / "copy.tif.aux.xml"):
        band = ElementTree.parse(path).getroot().find("PAMRasterBand")  # noqa: S314
        assert band is not None
        rows = [[cell.text for cell in row] for row in band.iter("Row")]
        assert rows == [
            ["0", "1", "none", "none", "4", "5", "6"],
            ["12", "3", "one & only", "one & only, “other”", "1", "2", "3"],
        ]
    assert {path.name for path in tmp_path.iterdir()} == {
        *("quality.tif", "quality.tif.aux.xml", "copy.tif", "copy.tif.aux.xml")
    }
