"""Rasters as text in a page."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from kilomoist.publishing.packed import LEVELS, MOISTURE_STEP, Packed, digits_of, pack, round_step, steps_of

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))


def with_gaps(low: float, high: float) -> st.SearchStrategy[NDArray[np.float32]]:
    """Small rasters of values between two ends, some of them without a value."""
    values = st.floats(low, high, width=32) | st.just(np.nan)
    return arrays(np.float32, SHAPES, elements=values)


def unpacked(packed: Packed) -> NDArray[np.float64]:
    """Values of a packed raster, as its page's script reads them."""
    about = packed.about
    low, high = np.frombuffer(zlib.decompress(base64.b64decode(packed.text)), np.uint8).reshape(2, -1)
    codes = (low.astype(np.int64) | (high.astype(np.int64) << 8)).reshape(about["rows"], about["columns"])
    if about["differences"]:
        codes = np.cumsum((codes >> 1) ^ -(codes & 1), axis=1) & 0xFFFF
    return np.where(codes > 0, (about["first"] + codes - 1) * about["step"], np.nan)


@given(with_gaps(-0.25, 1.0), st.booleans())
def test_soil_moisture_comes_back_within_half_a_step(values: NDArray[np.float32], smooth: bool) -> None:
    found = unpacked(pack("map", steps_of(values, MOISTURE_STEP), MOISTURE_STEP, smooth=smooth))
    np.testing.assert_allclose(found, values, rtol=0, atol=MOISTURE_STEP / 2 * 1.001)  # NaN only where NaN is


@given(arrays(np.uint8, SHAPES))
def test_flags_come_back_as_they_are(flags: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(unpacked(pack("flags", flags.astype(float), 1.0)), flags)


@given(with_gaps(-(2.0**20), 2.0**20))
def test_what_is_looked_at_comes_back_within_a_step(values: NDArray[np.float32]) -> None:
    step = round_step(values)
    finite = values[np.isfinite(values)].astype(float)
    if finite.size and np.ptp(finite) > 1e-30:  # what is smaller single precision hardly holds
        assert np.ptp(finite) / LEVELS <= step * (1 + 1e-6)
        found = unpacked(pack("predictor", steps_of(values, step), step))
        np.testing.assert_allclose(found, values, rtol=1e-9, atol=step / 2 * 1.001)


@pytest.mark.parametrize(
    ("values", "step", "digits"),
    [
        ([0.1, 0.6], 0.002, 3),
        ([0.0, 0.9], 0.005, 3),
        ([0.0, 1.3], 0.01, 2),
        ([280.0, 313.5], 0.2, 1),
        ([0.0, 2499.0], 10.0, 0),
        ([7.0, 7.0], 0.001, 3),
        ([np.nan, np.nan], 0.001, 3),
    ],
)
def test_steps_are_round(values: list[float], step: float, digits: int) -> None:
    assert round_step(np.array(values)) == step
    assert digits_of(step) == digits


def test_steps_beyond_16_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="map has 70001 steps"):
        pack("map", np.array([[0.0, 70_000.0]]), MOISTURE_STEP)


def test_a_raster_without_values_is_small() -> None:
    packed = pack("map", np.full((900, 900), np.nan), MOISTURE_STEP)
    assert len(packed.text) < 4000
    assert np.isnan(unpacked(packed)).all()
