"""Damaged inputs: what hypothesis makes of a whole one, and the only two ends that reading it may have."""

import random
from collections.abc import Callable
from contextlib import suppress

from hypothesis import strategies as st

from kilomoist.errors import InputError

_STRANGE = (
    *(
        b"",
        b"\x00",
        b"\xff",
        b"\n",
        b"\r",
        b"\t",
        b'"',
        b"'",
        b",",
        b";",
        b"{",
        b"}",
        b"[",
        b"]",
        b"<",
        b"&",
        b"\xef\xbb\xbf",
    ),
    *(b"-1", b"0", b"1e400", b"nan", b"inf", b"null", b"true", b"9" * 40, b"\xf6", "ё".encode("utf-16-le"), b"../../x"),
)
"""Pieces that parsers of text stumble over."""


def mutated(content: bytes, edits: int = 3) -> st.SearchStrategy[bytes]:
    """A file's content after one to `edits` changes: bytes changed, cut out, doubled or put in, or the end cut off."""
    place = st.integers(0, len(content))
    piece = st.one_of(st.sampled_from(_STRANGE), st.binary(max_size=8))
    edit = st.tuples(place, st.one_of(st.just(0), st.integers(0, 16), place), st.one_of(st.none(), piece))
    return st.lists(edit, min_size=1, max_size=edits).map(lambda made: _edited(content, made))


def _edited(content: bytes, edits: list[tuple[int, int, bytes | None]]) -> bytes:
    for place, length, piece in edits:
        rest = content[place + length :]
        # Without a piece what lies there is doubled.
        content = content[:place] + (content[place : place + length] * 2 if piece is None else piece) + rest
    return content


def damaged(content: bytes, draw: random.Random) -> bytes:
    """A file's content after one to three changes like those of `mutated`, drawn at once: for larger files."""
    edits = []
    for _ in range(draw.randint(1, 3)):
        place, length = draw.randrange(len(content)), draw.choice((1, 1, 4, 8, 64))
        edits.append((place, length, draw.choice((None, draw.choice(_STRANGE), draw.randbytes(length)))))
    return _edited(content, edits)


def reads_or_refuses(read: Callable[[], object]) -> None:
    """Read something: it may succeed, or raise an `InputError`; whatever else it raises fails the test."""
    with suppress(InputError):
        read()
