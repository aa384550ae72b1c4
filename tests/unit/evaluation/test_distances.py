"""Distances against geodesics of the ellipsoid."""

import numpy as np
import pytest
from geodesics import WGS84
from hypothesis import given
from hypothesis import strategies as st

from kilomoist.evaluation.distances import arc_length, chord_length, geocentric


@given(
    longitude=st.floats(-180, 180),
    latitude=st.floats(-85, 85),
    azimuth=st.floats(-180, 180),
    distance=st.floats(5e3, 4e6),
)
def test_distances_are_those_on_the_ellipsoid(
    longitude: float, latitude: float, azimuth: float, distance: float
) -> None:
    ends = WGS84.fwd(longitude, latitude, azimuth, distance)[:2]
    chord = np.linalg.norm(geocentric(longitude, latitude) - geocentric(*ends))
    assert arc_length(chord) == pytest.approx(distance, rel=2e-5 if distance < 1e6 else 2e-4)
    assert chord_length(arc_length(chord)) == pytest.approx(chord, rel=1e-12)
