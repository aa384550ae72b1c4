"""HDF files as people have them: first bytes, deflated streams, and sentences for what is wrong."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from isal import igzip_lib
from numpy.typing import NDArray

from kilomoist.errors import InputError
from kilomoist.product_types import Format, Product

MAGIC: dict[Format, bytes] = {"HDF4": b"\x0e\x03\x13\x01", "HDF5": b"\x89HDF\r\n\x1a\n"}
FETCH_AGAIN = "delete it and fetch the granule again"

_PIECE = 1 << 18
"""Bytes that are inflated at once: they stay in the processor's cache until they are copied."""


def check_format(path: Path, product: Product) -> None:
    """Raise `InputError` when the file's first bytes are not those of the product's format."""
    try:
        with open(path, "rb") as file:
            head = file.read(1024)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist: fetch the granule of {product.name} or correct the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder, not a granule of {product.name}: give the path of a file.") from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): make the granule of {product.name} readable or fetch it again."
        ) from error
    if head.startswith(MAGIC[product.format]):
        return
    if not head:
        found = "is an empty file"
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or b"html" in head.lower():
        found = "is a web page (perhaps of a login)"
    elif other := next((name for name, magic in MAGIC.items() if head.startswith(magic)), None):
        found = f"is an {other} file"
    else:
        found = f"is not an HDF file (it begins with {head[:8]!r})"
    raise InputError(f"{path} {found}, but a granule of {product.name} is {product.format}: {FETCH_AGAIN}.")


@contextmanager
def naming_damage(path: Path, product: Product) -> Iterator[None]:
    """Turn what the HDF5 library, and functions here, raise about a damaged file into an `InputError`."""
    try:
        yield
    # The library has no exception of its own for damage: a wild offset or size surfaces as any of these.
    except (OSError, RuntimeError, SystemError, KeyError, ValueError, TypeError, MemoryError) as error:
        detail = " ".join(str(error).split())
        raise InputError(f"{path} is cut off or damaged ({detail}): {FETCH_AGAIN} of {product.name}.") from error


def missing_dataset(path: Path, product: Product, name: str, present: Iterable[str]) -> InputError:
    """Sentence for a granule without a dataset, of those that are `present`."""
    names = sorted(present)
    listed = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return InputError(
        f"{path} has no dataset {name!r} as a granule of {product.name} has (it has {listed or 'none'}): "
        f"{FETCH_AGAIN}, with all its datasets."
    )


def shape_text(shape: Iterable[int]) -> str:
    """Lengths of an array's sides, for messages."""
    return " × ".join(map(str, shape))


def inflate(stream: bytes | memoryview, size: int, place: str) -> NDArray[np.uint8]:
    """The `size` bytes of a deflated stream; raises ValueError as `inflated`."""
    content, filled = np.empty(size, np.uint8), 0
    for piece in inflated(stream, size, place):
        content[filled : filled + piece.size] = piece
        filled += piece.size
    return content


def inflated(stream: bytes | memoryview, size: int, place: str) -> Iterator[NDArray[np.uint8]]:
    """The `size` bytes of a deflated stream, by pieces: a large array would take new memory each time.

    Raises ValueError for another check sum or size, with the stream's place in the file.
    """
    inflater, filled = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB), 0
    try:
        while not inflater.eof:
            piece = np.frombuffer(inflater.decompress(stream, _PIECE), np.uint8)
            if not piece.size or filled + piece.size > size:
                break
            filled, stream = filled + piece.size, b""  # the rest of which it holds
            yield piece
    except igzip_lib.IsalError as error:  # type: ignore[misc]  # a class, though its stub says otherwise
        raise ValueError(f"compressed data {place}: {error}") from error
    if filled != size or not inflater.eof or inflater.unused_data:
        raise ValueError(
            f"compressed data {place}: it ends after {filled} bytes or does not end there, where {size} are expected"
        )
