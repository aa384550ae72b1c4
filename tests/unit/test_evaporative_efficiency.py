"""The physical peer of benchmarks, against values computed by hand."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).resolve().parents[2] / "benchmarks/evaporative_efficiency.py"
SPEC = importlib.util.spec_from_file_location("evaporative_efficiency", PATH)
assert SPEC
assert SPEC.loader
peer = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(peer)


def test_disaggregation_by_hand() -> None:
    """Wet soil has 290 K, dry soil 310 K, plants 295 K: a cell of 0.2 m³/m³ half at 295 K and half at 305 K."""
    ndvi, lst = np.full((9, 18), 0.15), np.full((9, 18), 300.0)
    lst[:, :4], lst[:, 4], lst[:, 5:9] = 295, 300, 305  # SEE 0.75, 0.5, 0.25; mean 0.5, so SMp 0.4
    # Half under plants, 300 K are soil of (300 - 0.5 * 295) / 0.5 = 305 K, SEE 0.25; fully covered soil is not seen.
    ndvi[:, 9:17], ndvi[:, 17] = 0.525, 0.9
    lst[0, 9] = 297.5  # soil of 300 K, SEE 0.5: of 72 pixels, so that the mean is 18.25 / 72
    found = peer.disaggregated(np.array([[0.2, 0.1]]), ndvi, lst, peer.Ends(290, 310, 295))
    np.testing.assert_allclose(found[:, :4], 0.3)
    np.testing.assert_allclose(found[:, 4], 0.2)
    np.testing.assert_allclose(found[:, 5:9], 0.1)
    assert found[0, 9] == pytest.approx(0.1 * 0.5 * 72 / 18.25)
    np.testing.assert_allclose(found[1:, 9:17], 0.1 * 0.25 * 72 / 18.25)
    np.testing.assert_allclose(found[:, 17], 0.1)
    assert found[:, :9].mean() == pytest.approx(0.2)


def test_end_members_are_the_scene_own() -> None:
    lst = np.linspace(280, 320, 101)
    assert peer.end_members(np.linspace(0.9, 0.15, 101), lst) == pytest.approx((280.4, 319.6, 282), abs=1e-9)
