"""The predicted gain over interpolated SMAP: its parts, and verdicts where the truth is made to be known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kilomoist.cells import coarsen, interpolate
from kilomoist.evaluation.gain import (
    ERROR_SHAPES,
    Evidence,
    evidence,
    predicted_gain,
    verdict_of,
)
from kilomoist.evaluation.worth import UNTOLD, USE_MAP, USE_SMAP
from kilomoist.grids import Window
from kilomoist.learning.details import Cells, detail
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import Model
from kilomoist.reconciliation import reconcile

WINDOW = Window(240, 2880, 48, 48)
SMOOTH = Evidence(
    detail=2.2e-4,
    left=0.9e-4,
    unexplained=1.5e-4,
    unexplained_coarser=3.4e-4,
    rows=1000,
    explained=1e-5,
    difference=9e-4,
    taken=0.0,
    dropped=0.0,
    reconciled=True,
)
"""Of a map with an exact SMAP whose predictors restore more than half of its detail, and tell little of its level."""


def erring(known: Evidence, square: float) -> Evidence:
    """The same with independent errors of SMAP of this variance and a range of 36 km."""
    shape = ERROR_SHAPES[36]
    own = {name: getattr(known, name) + shape.detail * square for name in ("detail", "left", "unexplained")}
    own["unexplained_coarser"] = known.unexplained_coarser + shape.coarser_detail * square
    return replace(known, **own, difference=known.difference + square)


def spherical(reach: float, random: np.random.Generator) -> np.ndarray:
    """A random field over WINDOW of variance 1 with a spherical covariance of range `reach` (cells), simulated."""
    side = 2 * WINDOW.rows
    away = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side, 1 / side),) * 2)) / reach
    power = np.fft.fft2(np.where(away < 1, 1 - 1.5 * away + 0.5 * away**3, 0)).real
    white = np.fft.fft2(random.standard_normal((side, side)))
    return np.fft.ifft2(white * np.sqrt(np.maximum(power, 0))).real[: WINDOW.rows, : WINDOW.columns]


@pytest.mark.parametrize("reach", ERROR_SHAPES)
def test_shapes_are_those_of_random_fields(reach: int) -> None:
    random, found = np.random.default_rng(reach), []
    for _ in range(4):
        field = spherical(reach / 9, random)
        smooth = interpolate(field, WINDOW, WINDOW.refined(9), 9)
        coarser, coarse = coarsen(field, WINDOW, 2, 0.5)
        fields = smooth, reconcile(smooth, field, 9, WINDOW, 0.5)[0], detail(field, WINDOW, 0.5)
        found.append([np.mean(one**2) for one in (*fields, detail(coarser, coarse, 0.5))])
    np.testing.assert_allclose(np.mean(found, axis=0), ERROR_SHAPES[reach], rtol=0.25)


def test_a_map_that_restores_detail_of_an_exact_target_is_worth_it() -> None:
    found = predicted_gain(SMOOTH)
    assert found.verdict == USE_MAP
    assert 0 < found.low < found.gain < found.high < 1
    assert found.rmse_map < found.rmse_bilinear


def test_conserved_errors_make_a_map_worse() -> None:
    """Reconciliation makes errors of SMAP larger, interpolation smaller."""
    known = erring(SMOOTH, 0.03**2)
    found = predicted_gain(known)
    assert found.verdict == USE_SMAP
    assert found.independent_error == pytest.approx(0.03, rel=0.2)
    assert predicted_gain(replace(known, reconciled=False)).gain > found.gain


def test_a_map_that_drops_errors_is_better_where_there_are_any() -> None:
    """Half of SMAP's own part is dropped: a quarter of its mean square is taken from SMAP's values."""
    for square, verdict in ((0.0, USE_SMAP), (0.05**2, USE_MAP)):
        difference = 0.03**2 + square
        known = replace(erring(SMOOTH, square), taken=difference / 4, dropped=0.5)
        assert predicted_gain(known).verdict == verdict


def test_a_model_is_not_taken_for_exact() -> None:
    """However large SMAP's error looks: a part of what parts both remains the model's."""
    known = erring(SMOOTH, 0.05**2)
    found = predicted_gain(replace(known, difference=0.04**2, taken=0.04**2, dropped=1.0, reconciled=False))
    assert found.independent_error < 0.04
    assert found.cell_error_map > 0.01


def test_what_predictors_may_tell_of_the_error_takes_the_verdict_away() -> None:
    """More of the target is told by the predictors: nobody can see how much of that is SMAP's error."""
    less, more = (predicted_gain(replace(SMOOTH, explained=square)) for square in (1e-5, 2e-3))
    assert more.told_error > 5 * less.told_error
    assert more.low < 0 < less.low
    assert more.verdict == UNTOLD


def test_a_gain_below_0_05_is_not_worth_a_map() -> None:
    assert verdict_of(0.06, 0.3) == USE_MAP
    assert verdict_of(-0.3, 0.04) == USE_SMAP
    assert verdict_of(0.01, 0.3) == UNTOLD


def test_nothing_is_said_of_a_small_region() -> None:
    found = predicted_gain(replace(SMOOTH, unexplained_coarser=np.nan, rows=12))
    assert found.verdict == UNTOLD
    assert "12" in found.reasons
    assert np.isnan(found.gain)


def test_evidence_of_a_map_follows_from_its_cells() -> None:
    """SMAP's own part, here white, is dropped by half; a predictor tells the rest."""
    random, window = np.random.default_rng(1), Window(240, 2880, 32, 32)
    pattern = spherical(12, random)[:32, :32]
    own = 0.01 * random.standard_normal(window.shape)
    cells = Cells(0.2 + 0.03 * pattern + own, pattern[None], window)
    row, column = np.indices(window.shape).reshape(2, -1)
    samples = pd.DataFrame({"row": row + 240, "col": column + 2880, "target": cells.target.ravel()})
    samples["pattern"] = pattern.ravel()
    model = Model("detail", "linear", ("pattern",), 1, 1.0, 0, 64, None)
    settings = LearnerSettings("linear", 1, 0)
    found = evidence(cells, samples, model, settings, cells.target - own / 2, 0.5)
    assert found.dropped == pytest.approx(0.5, abs=0.02)
    assert found.taken == pytest.approx(0.005**2, rel=0.1)
    assert found.difference == pytest.approx(4 * found.taken, rel=0.1)
    assert found.explained == pytest.approx(float((0.03 * pattern).var()), rel=0.1)
    assert found.left < 0.7 * found.detail
    assert found.unexplained == pytest.approx(0.94e-4, rel=0.15)
    whole = evidence(cells, samples, model, settings, cells.target, 0.5)
    assert whole.taken == whole.dropped == 0
    plain = evidence(cells, samples, replace(model, method="absolute"), settings, None, 0.5)
    assert plain.dropped == pytest.approx(1)
    assert not plain.reconciled
