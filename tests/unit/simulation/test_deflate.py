"""Streams of simulated numbers: what zlib inflates, and the same bytes among many threads."""

import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kilomoist.simulation.deflate import deflate, deflate_among


@pytest.mark.parametrize("rows", [slice(0, 3), slice(2, 5), slice(7, 12), slice(0, 12)])
@pytest.mark.parametrize("fill", [np.float32(-9999), np.uint16(65534)])
def test_stream_of_field_inflates_to_it(rows: slice, fill: np.generic) -> None:
    field = np.full((12, 40), fill)
    field[rows, 5:20] = np.random.default_rng(0).integers(0, 900, field[rows, 5:20].shape)
    assert zlib.decompress(deflate_among(field, rows)) == field.tobytes()


def test_stream_is_the_same_among_busy_threads() -> None:
    """More threads than cores, where isal's stream of one field in some thousand was another."""
    fields = [np.random.default_rng(number).uniform(0, 0.5, (30, 4000)).astype(np.float32) for number in range(8)]

    def streams(number: int) -> tuple[bytes, bytes]:
        field = fields[number % len(fields)]
        return deflate(field.tobytes()), deflate_among(field, slice(0, 30))

    alone = [streams(number) for number in range(len(fields))]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(streams, range(80))) == alone * 10
