"""Numbers of simulated granules deflated by zlib, whose stream is the same whatever else the machine does.

isal is faster, but of the same numbers it does not always write the same stream
(https://github.com/intel/isa-l/issues/140); where its threads shared cores, one field in some thousand had another.
"""

import zlib
from functools import lru_cache

from numpy.typing import NDArray

LEVEL = 1
"""Level of deflate: the fastest."""


@lru_cache(maxsize=16)
def deflate(content: bytes) -> bytes:
    """The zlib stream of bytes; rows of fill, most of a granule's, are deflated once."""
    return zlib.compress(content, LEVEL)


def deflate_among(field: NDArray, rows: slice) -> bytes:
    """The zlib stream of a C-contiguous field of one number outside `rows`, whose parts outside are deflated once."""
    before, after = field[: rows.start], field[rows.stop :]
    middle = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
    parts = [_repeated(field[:1].tobytes()[: field.itemsize], before.size)] if before.size else []
    parts += [middle.compress(field[rows].data), middle.flush(zlib.Z_FULL_FLUSH)]
    parts += [_repeated(field[-1:].tobytes()[: field.itemsize], after.size)] if after.size else []
    end = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS).flush()
    return b"".join([b"\x78\x01", *parts, end, zlib.adler32(field.data).to_bytes(4, "big")])


@lru_cache(maxsize=16)
def _repeated(number: bytes, count: int) -> bytes:
    """Deflated copies of a number, without header or end (RFC 1951), that nothing before or after refers to."""
    stream = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
    return stream.compress(number * count) + stream.flush(zlib.Z_FULL_FLUSH)
