"""HDF files as people have them: first bytes, deflated streams, and sentences for what is wrong."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray
from pyhdf.error import HDF4Error

from kilomoist.errors import InputError
from kilomoist.products import Format, Product

MAGIC: dict[Format, bytes] = {"HDF4": b"\x0e\x03\x13\x01", "HDF5": b"\x89HDF\r\n\x1a\n"}
FETCH_AGAIN = "delete it and fetch the granule again"

_PIECE = 1 << 21
"""Bytes that are inflated at once."""


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


def inflate(stream: bytes, size: int) -> NDArray[np.uint8]:
    """The `size` bytes of a deflated stream, by pieces: a large array would take new memory each time.

    Raises `igzip_lib.IsalError` for another check sum and ValueError for another size.
    """
    content, filled, inflater = np.empty(size, np.uint8), 0, isal_zlib.decompressobj()
    while not inflater.eof:
        piece = np.frombuffer(inflater.decompress(stream, _PIECE), np.uint8)
        if not piece.size or filled + piece.size > size:
            break
        content[filled : filled + piece.size] = piece
        filled, stream = filled + piece.size, inflater.unconsumed_tail
    if filled != size or not inflater.eof:
        raise ValueError(f"it ends after {filled} bytes or does not end there, where {size} are expected")
    return content


@contextmanager
def naming_damage(path: Path, product: Product) -> Iterator[None]:
    """Turn what the HDF libraries raise about a damaged file into an `InputError`."""
    try:
        yield
    # The libraries have no exception of their own for damage: a wild offset or size surfaces as any of these.
    except (HDF4Error, OSError, RuntimeError, SystemError, KeyError, ValueError, TypeError, MemoryError) as error:
        raise damaged_granule(path, product, " ".join(str(error).split())) from error


def damaged_granule(path: Path, product: Product, detail: str) -> InputError:
    """Sentence for a granule that is cut off or damaged."""
    return InputError(f"{path} is cut off or damaged ({detail}): {FETCH_AGAIN} of {product.name}.")


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
    return " × ".join(str(length) for length in shape)
