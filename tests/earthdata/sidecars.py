"""DMR++ sidecars: what lies where in an HDF5 granule, as OPeNDAP's `build_dmrpp` writes it.

NASA stores `<granule>.dmrpp` beside granules, so that clients read one variable by byte ranges instead of the whole
file. The form is that of OPeNDAP's DMR++ (namespace http://xml.opendap.org/dap/dmrpp/1.0.0#) around a DAP4 Dataset
Metadata Response (https://opendap.github.io/dap4-specification/).
"""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import h5py
import numpy as np

DAP = "http://xml.opendap.org/ns/DAP/4.0#"
DMRPP = "http://xml.opendap.org/dap/dmrpp/1.0.0#"

_TYPES = {
    f"{kind}{size}": f"{word}{8 * size}"
    for kind, word, sizes in (("f", "Float", (4, 8)), ("i", "Int", (1, 2, 4, 8)), ("u", "UInt", (2, 4, 8)))
    for size in sizes
} | {"u1": "Byte"}
_FILTERS = {
    h5py.h5z.FILTER_DEFLATE: "deflate",
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
}
_REFERENCES = {"DIMENSION_LIST", "REFERENCE_LIST"}
"""Attributes that are references to objects of the file, which DAP4 has no type for."""


def sidecar(path: str | Path) -> bytes:
    """The DMR++ of an HDF5 file."""
    root = ET.Element(
        "Dataset",
        {
            "xmlns": DAP,
            "xmlns:dmrpp": DMRPP,
            "dapVersion": "4.0",
            "dmrVersion": "1.0",
            "name": Path(path).name,
            # What the servers replace by the granule's address when they answer a question.
            "dmrpp:href": "OPeNDAP_DMRpp_DATA_ACCESS_URL",
            "dmrpp:version": "3.21.0",
        },
    )
    with h5py.File(path, "r") as file:
        _describe_group(root, file)
    ET.indent(root, "    ")
    return ET.tostring(root, encoding="ISO-8859-1", xml_declaration=True) + b"\n"


def _describe_group(element: ET.Element, group: h5py.Group) -> None:
    """Dimensions, then variables, attributes and groups, each in order of their names."""
    members = sorted(group.items())
    for name, member in members:
        if isinstance(member, h5py.Dataset) and member.is_scale:
            ET.SubElement(element, "Dimension", {"name": name, "size": str(member.size)})
    for name, member in members:
        if isinstance(member, h5py.Dataset):
            _describe_variable(ET.SubElement(element, _type_of(member.dtype), {"name": name}), member)
    _describe_attributes(element, group)
    for name, member in members:
        if isinstance(member, h5py.Group):
            _describe_group(ET.SubElement(element, "Group", {"name": name}), member)


def _describe_variable(element: ET.Element, dataset: h5py.Dataset) -> None:
    for length, dimension in zip(dataset.shape, dataset.dims, strict=True):
        if dataset.is_scale:
            ET.SubElement(element, "Dim", {"name": dataset.name})
        elif len(dimension):
            ET.SubElement(element, "Dim", {"name": dimension[0].name})
        else:
            ET.SubElement(element, "Dim", {"size": str(length)})
    _describe_attributes(element, dataset)
    _describe_storage(element, dataset)


def _describe_storage(element: ET.Element, dataset: h5py.Dataset) -> None:
    """Places and packing of a dataset's chunks; a contiguous dataset is one chunk without a place."""
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(number) for number in range(properties.get_nfilters())]
    attributes = {}
    if filters:
        attributes["compressionType"] = " ".join(_FILTERS[code] for code, *_ in filters)
    levels = [options[0] for code, _, options, _ in filters if code == h5py.h5z.FILTER_DEFLATE]
    if levels:
        attributes["deflateLevel"] = " ".join(map(str, levels))
    if dataset.dtype.kind in "fiu":
        attributes["fillValue"] = _text(dataset.fillvalue)
    attributes["byteOrder"] = "BE" if dataset.dtype.str.startswith(">") else "LE"
    chunks = ET.SubElement(element, "dmrpp:chunks", attributes)
    if dataset.chunks:
        ET.SubElement(chunks, "dmrpp:chunkDimensionSizes").text = " ".join(map(str, dataset.chunks))
        for number in range(dataset.id.get_num_chunks()):
            stored = dataset.id.get_chunk_info(number)
            position = "[" + ",".join(map(str, stored.chunk_offset)) + "]"
            place = {"offset": str(stored.byte_offset), "nBytes": str(stored.size), "chunkPositionInArray": position}
            ET.SubElement(chunks, "dmrpp:chunk", place)
    elif dataset.id.get_offset() is not None:
        place = {"offset": str(dataset.id.get_offset()), "nBytes": str(dataset.id.get_storage_size())}
        ET.SubElement(chunks, "dmrpp:chunk", place)


def _describe_attributes(element: ET.Element, item: h5py.Group | h5py.Dataset) -> None:
    for name in sorted(set(item.attrs) - _REFERENCES):
        values = np.atleast_1d(item.attrs[name])
        attribute = ET.SubElement(element, "Attribute", {"name": name, "type": _type_of(values.dtype)})
        for value in values.ravel():
            ET.SubElement(attribute, "Value").text = _text(value)


def _type_of(kind: np.dtype) -> str:
    return "String" if kind.kind in "SOU" else _TYPES[kind.str[1:]]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    digits = 9 if isinstance(value, np.float32) else 15
    return f"{value:.{digits}g}" if isinstance(value, np.floating) else str(value)
