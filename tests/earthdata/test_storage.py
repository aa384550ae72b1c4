"""Data lie behind signed addresses, whole or in ranges of bytes, with sidecars that say where values lie."""

import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import h5py
import numpy as np
import requests
from granule_archives import TARGET
from large_granules import large_target

from earthdata.clients import FIELDS, FOLDER, TIMES, URL, fetch, session
from earthdata.hosts import STORE
from earthdata.server import Earthdata
from earthdata.sidecars import DAP, DMRPP
from kilomoist.granules.smap import read_target
from kilomoist.grids import M09


def test_data_lie_behind_a_signed_address(earthdata: Earthdata, content: bytes) -> None:
    response = fetch(earthdata)
    assert [step.status_code for step in response.history] == [303]
    assert urlsplit(response.url).hostname == STORE
    assert response.content == content
    door, store = earthdata.requested()
    assert door.headers["Authorization"] == f"Bearer {earthdata.login.token}"
    assert "Authorization" not in store.headers
    assert (store.status, store.sent) == (200, len(response.content))
    assert earthdata.sent("*.h5") == earthdata.sent(f"{STORE}/*") == len(response.content)
    assert earthdata.fetched(FIELDS[1]) == 1
    # The signature is worth nothing for another file, and none may be brought beside it.
    assert requests.get(response.url.replace("T0130", "T2230"), timeout=20).status_code == 403
    assert fetch(earthdata, response.url).status_code == 400
    assert earthdata.requested()[-1].headers["Authorization"] == f"Bearer {earthdata.login.token}"


def test_ranges(earthdata: Earthdata, content: bytes) -> None:
    size = len(content)
    wanted = {
        "bytes=10-19": (206, content[10:20], f"bytes 10-19/{size}"),
        "bytes=-7": (206, content[-7:], f"bytes {size - 7}-{size - 1}/{size}"),
        f"bytes={size - 3}-": (206, content[-3:], f"bytes {size - 3}-{size - 1}/{size}"),
        f"bytes={size - 3}-{size + 99}": (206, content[-3:], f"bytes {size - 3}-{size - 1}/{size}"),
        f"bytes={size}-": (416, b"Invalid Range", None),
        "bytes=1-2,5-6": (200, content, None),
    }
    for text, expected in wanted.items():
        response = fetch(earthdata, Range=text)
        assert (response.status_code, response.content, response.headers.get("Content-Range")) == expected
    with session(earthdata) as client:
        head = client.head(URL, allow_redirects=True, timeout=20)
    assert (head.headers["Content-Length"], head.headers["Accept-Ranges"], head.content) == (str(size), "bytes", b"")
    assert earthdata.requested()[-1].sent == 0


def test_parts_add_up_to_a_delivery(earthdata: Earthdata) -> None:
    for text, complete in (("bytes=100-", 0), ("bytes=0-49", 0), ("bytes=50-99", 1), ("bytes=0-", 2), ("bytes=5-", 2)):
        fetch(earthdata, Range=text)
        assert earthdata.fetched(FIELDS[1]) == complete


def test_without_ranges_the_whole_comes(start: Callable[..., Earthdata]) -> None:
    response = fetch(start(ranges=False), URL, Range="bytes=10-19")
    assert response.status_code == 200
    assert "Accept-Ranges" not in response.headers
    assert len(response.content) > 10


def inflated(earthdata: Earthdata, name: str, *path: str) -> np.ndarray:
    """One variable of a granule, fetched as its sidecar says."""
    tree = ET.fromstring(fetch(earthdata, f"{FOLDER}{name}.dmrpp").content)  # noqa: S314 (our own server's)
    found = tree.findall("/".join(f"d:*[@name='{part}']" for part in path), {"d": DAP})
    (variable,) = (item for item in found if item.tag != f"{{{DAP}}}Dimension")  # which has its scale's name
    chunks = variable.find(f"{{{DMRPP}}}chunks")
    assert chunks is not None
    (chunk,) = chunks.findall(f"{{{DMRPP}}}chunk")
    offset, size = int(chunk.attrib["offset"]), int(chunk.attrib["nBytes"])
    content = fetch(earthdata, FOLDER + name, Range=f"bytes={offset}-{offset + size - 1}").content
    assert len(content) == size
    packed = chunks.attrib.get("compressionType") == "deflate"
    kind = variable.tag.removeprefix(f"{{{DAP}}}").lower()
    return np.frombuffer(zlib.decompress(content) if packed else content, np.dtype(kind).newbyteorder("<"))


def test_sidecars_say_where_values_lie(earthdata: Earthdata, archive: Path) -> None:
    with h5py.File(archive / "deep" / "er" / FIELDS[1]) as granule:
        moisture = granule["Geophysical_Data/sm_surface"][()]
        x = granule["x"][()]
    assert np.array_equal(inflated(earthdata, FIELDS[1], "Geophysical_Data", "sm_surface"), moisture.ravel())
    assert np.array_equal(inflated(earthdata, FIELDS[1], "x"), x)
    text = fetch(earthdata, f"{URL}.dmrpp").text
    assert '<Dimension name="y" size="1624" />' in text
    assert '<Dim name="/y" />' in text
    assert "<dmrpp:chunkDimensionSizes>1624 3856</dmrpp:chunkDimensionSizes>" in text
    assert 'compressionType="deflate" deflateLevel="1" fillValue="-9999" byteOrder="LE"' in text
    assert f"<Value>{FIELDS[1]}</Value>" in text


def test_sidecars_can_be_absent(start: Callable[..., Earthdata]) -> None:
    assert fetch(start(sidecars=False), f"{URL}.dmrpp").status_code == 404


def test_large_targets_have_the_real_size(start: Callable[..., Earthdata], tmp_path: Path) -> None:
    for name, time in zip(FIELDS[1:], TIMES[1:], strict=True):
        large_target(tmp_path / name, time, seed=3)
    sizes = [(tmp_path / name).stat().st_size for name in FIELDS[1:]]
    assert all(145e6 < size < 160e6 for size in sizes)
    earthdata = start(tmp_path)
    earthdata.prepare()
    values = [inflated(earthdata, name, "Geophysical_Data", "sm_surface") for name in FIELDS[1:]]
    assert 1.5e6 < earthdata.sent(f"*/{FIELDS[1]}") < 3.5e6
    assert not np.array_equal(*values)
    moisture, valid, window = read_target(tmp_path / FIELDS[1], TARGET)
    moisture = np.where(valid, moisture, np.nan)
    assert window == M09.window
    assert np.array_equal(np.nan_to_num(moisture, nan=-9999).ravel(), values[0])
    with h5py.File(tmp_path / FIELDS[1]) as granule:
        fields = granule["Geophysical_Data"]
        assert len(fields) >= 40
        assert {item.chunks for item in fields.values()} == {(1624, 3856)}
        assert fields["surface_temp"].attrs["units"] == b"K"
