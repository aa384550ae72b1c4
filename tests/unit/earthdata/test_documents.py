"""Documents that services answer with: damaged, hostile and too large ones cost no more than sound ones."""

import json
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from mutations import mutated
from requests import Response
from witnesses import SHARED, with_witnesses

from kilomoist.earthdata.documents import MOST, body_of, read_json, read_xml


def answer(content: bytes) -> Response:
    response = Response()
    response.raw = BytesIO(content)
    return response


def test_a_body_is_read_up_to_its_limit() -> None:
    assert body_of(answer(b"x" * 100_000), 100_000) == b"x" * 100_000
    endless = answer(b"x" * 1_000_000)
    with pytest.raises(ValueError, match="it sent more than 99999 bytes"):
        body_of(endless, 99_999)
    assert endless.raw.tell() < 300_000


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a": [NaN, -Infinity, 1e400, -1e400, 1.5, 7]}', {"a": [None, None, None, None, 1.5, 7]}),
        (b"[" * 50 + b"]" * 50, json.loads("[" * 50 + "]" * 50)),
    ],
)
def test_json_has_the_numbers_that_it_can_have(content: bytes, expected: Any) -> None:
    assert read_json(content) == expected


@pytest.mark.parametrize("depth", [51, 500, 900, 5_000, 100_000])
@pytest.mark.parametrize("ends", [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
def test_json_without_a_bottom_is_refused(depth: int, ends: tuple[bytes, bytes]) -> None:
    """Before anything that goes through it, such as its own text, meets Python's limit."""
    with pytest.raises(ValueError, match=r"nested too deeply|more than 50 levels"):
        read_json(ends[0] * depth + b"1" + ends[1] * depth)


LAUGHS = b'<!DOCTYPE x [<!ENTITY a "%s"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>%s</x>' % (b"ha" * 99, b"&b;" * 99)


@pytest.mark.parametrize(
    "content",
    [
        LAUGHS,
        LAUGHS.decode().encode("utf-16"),
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        b"<x>",
        b"",
        b"\xff",
        b'<?xml version="1.0" encoding="of-nobody"?><x/>',
        b"<a>" * 100_000,
    ],
)
def test_what_is_no_plain_xml_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"XML with declarations|something else than XML"):
        read_xml(content)


def test_comments_and_raw_text_are_no_declarations() -> None:
    assert read_xml(b'<?xml version="1.0"?><!-- x --><x><![CDATA[y]]></x>').text == "y"


@with_witnesses
def test_recorded_documents_are_read() -> None:
    for path in (SHARED / "earthdata/dmrpp").iterdir():
        assert path.stat().st_size < MOST / 100
        assert len(read_xml(path.read_bytes()))
    for path in (SHARED / "earthdata/cmr").iterdir():
        assert read_json(path.read_bytes()) == json.loads(path.read_bytes())


@settings(max_examples=150)
@given(mutated(b'{"a": [1.5, true, null, "\\u00e9"], "b": {"c": [[]]}}'), mutated(b'<a b="c"><d>1</d>&lt;<e/></a>'))
def test_any_document_is_read_or_refused(as_json: bytes, as_xml: bytes) -> None:
    with suppress(ValueError):
        assert json.dumps(read_json(as_json), allow_nan=False)
    with suppress(ValueError):
        assert isinstance(read_xml(as_xml).tag, str)
