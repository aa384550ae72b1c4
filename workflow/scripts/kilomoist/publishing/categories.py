"""Values of `quality.tif` and `quality_class.tif` in words, and GDAL's table of them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from kilomoist.files import replaced
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.mapping.flags import colour_table, count_values, most_severe
from kilomoist.quality_flags import CLASSES, FLAGS, NO_FLAG, SEVERITY
from kilomoist.rasters import Mosaic, chunks_of

_INTEGER, _TEXT = "0", "2"
_FIELDS = (
    *(("Value", _INTEGER, "5"), ("Count", _INTEGER, "1"), ("Class", _TEXT, "2"), ("Flags", _TEXT, "0")),
    *(("Red", _INTEGER, "6"), ("Green", _INTEGER, "7"), ("Blue", _INTEGER, "8")),
)
"""Columns of the table: name, and GDAL's numbers of type and usage (GDALRATFieldType, GDALRATFieldUsage)."""


@dataclass(frozen=True)
class Category:
    """A value of `quality.tif` or `quality_class.tif` that occurs on a map."""

    value: int
    count: int
    name: str
    """Meaning of its most severe flag: values are few classes by it."""
    others: tuple[str, ...]
    """Meanings of its other flags."""
    colour: tuple[int, int, int]

    @property
    def label(self) -> str:
        return f"{self.name}; also {', '.join(self.others)}" if self.others else self.name


def read_categories(quality: str | Path, reconciled: bool) -> list[Category]:
    """Categories of `quality.tif`: first those of one flag, from the least to the most severe, then the others.

    Of a map that is not `reconciled` anywhere the flag that says so does not count.
    """
    numbers = np.zeros(256, np.int64)
    with Mosaic([quality], M01) as flags:
        for chunk in chunks_of(flags.window.coarsened(CELL_SIDE)):
            numbers += count_values(flags.read(chunk.refined(CELL_SIDE))["quality"])
    return categories(numbers, reconciled)


def categories(numbers: NDArray[np.int64], reconciled: bool) -> list[Category]:
    """Categories by the number of pixels with each value, (256,)."""
    places, colours = most_severe(reconciled), colour_table(reconciled)
    counted = [name for name in SEVERITY if reconciled or name != "not_reconciled"]
    found = []
    for value in np.flatnonzero(numbers).tolist():
        raised = [FLAGS[name].meaning for name in counted if value >> FLAGS[name].bit & 1] or [NO_FLAG]
        found.append(Category(value, int(numbers[value]), raised[0], tuple(raised[1:]), colours[value]))
    return sorted(found, key=lambda category: (bool(category.others), -int(places[category.value]), category.value))


def merged(found: Iterable[Category]) -> list[Category]:
    """Categories of `quality_class.tif`, by those of `quality.tif`, from the least to the most severe."""
    numbers = Counter[str]()
    for category in found:
        numbers[category.name] += category.count
    return [
        Category(value, numbers[of.meaning], of.meaning, (), of.rgb)
        for value, of in enumerate(CLASSES)
        if numbers[of.meaning]
    ]


def write_attribute_table(path: str | Path, found: Iterable[Category]) -> None:
    """Write GDAL's raster attribute table of band 1 as the file `….tif.aux.xml` beside a raster."""
    dataset = ElementTree.Element("PAMDataset")
    band = ElementTree.SubElement(dataset, "PAMRasterBand", band="1")
    table = ElementTree.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    for number, (name, kind, usage) in enumerate(_FIELDS):
        column = ElementTree.SubElement(table, "FieldDefn", index=str(number))
        for tag, text in (("Name", name), ("Type", kind), ("Usage", usage)):
            ElementTree.SubElement(column, tag).text = text
    for number, category in enumerate(sorted(found, key=lambda category: category.value)):
        flags = ", ".join((category.name, *category.others))
        row = ElementTree.SubElement(table, "Row", index=str(number))
        for cell in (category.value, category.count, category.name, flags, *category.colour):
            ElementTree.SubElement(row, "F").text = str(cell)
    write_xml(path, dataset)


def write_xml(path: str | Path, root: ElementTree.Element, before: str = "") -> None:
    """Write an element, indented, after a line that may stand `before` it."""
    ElementTree.indent(root)
    with replaced(path) as partial:
        partial.write_text(before + ElementTree.tostring(root, encoding="unicode") + "\n", encoding="utf-8")
