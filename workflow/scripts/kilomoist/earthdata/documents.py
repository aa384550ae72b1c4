"""Documents that services answer with, JSON and XML: read up to a size, and as deep as any of them goes.

What is damaged or hostile takes no more memory than what is sound, and is a `ValueError` that says what is wrong.
"""

import json
import math
import re
from typing import Any
from xml.etree import ElementTree

import requests

MOST = 2**24
"""Bytes of an answer, unpacked: recorded granules have up to 13 kB each in UMM-G, recorded DMR++ up to 64 kB."""
_DEEPEST = 50
"""Levels of JSON: UMM-G has some ten."""
_PIECE = 2**16
_DECLARATION = re.compile(rb"\0|<!(?!--|\[CDATA\[)")
"""Declarations, of entities among others, which none of the services sends; zeros are of encodings that hide them."""


def body_of(answer: requests.Response, most: int = MOST) -> bytes:
    """Content of an answer, of at most `most` bytes. Raises `ValueError` when there is more."""
    content = bytearray()
    for piece in answer.iter_content(_PIECE):
        content += piece
        if len(content) > most:
            raise ValueError(f"it sent more than {most} bytes")
    return bytes(content)


def read_json(content: bytes) -> Any:
    """What JSON holds, None in place of numbers that it does not have. Raises `ValueError` for anything else."""
    try:
        found = json.loads(content, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("it sent JSON that is nested too deeply") from None
    level = [found]
    for _ in range(_DEEPEST):
        held = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list))
        level = [child for children in held for child in children]
    if level:  # whoever goes through it would meet Python's own limit
        raise ValueError(f"it sent JSON of more than {_DEEPEST} levels")
    return found


def read_xml(content: bytes) -> ElementTree.Element:
    """Root of an XML document without declarations. Raises `ValueError` for anything else."""
    if _DECLARATION.search(content):
        raise ValueError("it sent XML with declarations, whose entities may grow to any size")
    try:
        return ElementTree.fromstring(content)  # noqa: S314 - without declarations there are no entities  # nosec B314
    except (ElementTree.ParseError, LookupError) as error:  # an encoding that there is not
        raise ValueError(f"it sent something else than XML: {error}") from error


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
