"""Assessments: scores of what a protocol or a map estimated, how sure they are, how estimates differ, correlations.

Nothing is trained or predicted here: jobs that only score do without the libraries of models.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.evaluation.inference import ScoredRows, williams
from kilomoist.evaluation.scores import ESTIMATES, score, skill
from kilomoist.evaluation.variograms import Lags, lags_of, variogram


def estimates_of(table: pd.DataFrame) -> list[str]:
    """The estimates that a table of a protocol has, in the order of `ESTIMATES`."""
    return [name for name in ESTIMATES if name in table]


@dataclass(frozen=True)
class Scored:
    """Estimates at the same rows, and how sure their scores and differences are.

    What they share is computed once, when it is first asked for: which rows lie how far from each other, draws of rows,
    the autocorrelation of the observed.
    """

    observed: NDArray
    """(rows,), finite like the estimates."""
    estimates: Mapping[str, NDArray]
    """(rows,) each."""
    places: NDArray
    """(rows, 2): longitude and latitude."""
    autocorrelation_range: float
    """Taken where too few rows or sizes have no range of their own."""
    seed: int
    note: str = ""

    @classmethod
    def of(cls, table: pd.DataFrame, autocorrelation_range: float, seed: int) -> "Scored":
        """The estimates of a protocol's table, at the rows where all have a value; none where no row has."""
        note, names = table.attrs.get("note", ""), estimates_of(table)
        rows = table[np.isfinite(table[names].to_numpy(float)).all(axis=1)]
        if rows.empty:
            return cls(np.zeros(0), {}, np.zeros((0, 2)), autocorrelation_range, seed, note)
        estimates = {name: rows[name].to_numpy() for name in names}
        return cls(
            rows["observed"].to_numpy(), estimates, rows[["lon", "lat"]].to_numpy(), autocorrelation_range, seed, note
        )

    def confidence_intervals(self, name: str) -> dict[str, float]:
        """Intervals of an estimate's scores by blocks, and what r is worth.

        Blocks are as long as what a score sums up is alike (its influence function: Hampel 1974, doi
        10.1080/01621459.1974.10482962): the errors for rmse, ubrmse, bias and mae (`errors_km`), what each row adds to
        r and r2 for those (`r_km`). `errors_blocks` and `r_blocks` are the effective numbers of such blocks; with fewer
        than `inference.MIN_BLOCKS` intervals are NaN.
        """
        observed, estimated = self.observed, self.estimates[name]
        autocorrelation_range = self._range(estimated - observed)
        r_range = max(self._range(one) for one in _influences(observed, estimated))
        columns: dict[str, float] = {"errors_km": autocorrelation_range / 1000, "r_km": r_range / 1000}
        by_errors, by_r = (self._rows.intervals(name, length) for length in (autocorrelation_range, r_range))
        columns |= {"errors_blocks": by_errors[0].blocks, "r_blocks": by_r[0].blocks}
        for found, names in ((by_r, ("r", "r2")), (by_errors, ("rmse", "ubrmse", "bias", "mae"))):
            for one in found:
                if one.score in names:
                    columns |= {f"{one.score}_low": one.lower, f"{one.score}_high": one.upper}
        association = self._rows.associations[name]
        return columns | {"effective_n": association.effective_n, "p_effective": association.p}

    def difference(self, first: str, second: str) -> dict[str, float]:
        """Whether two estimates differ: in rmse and r by block bootstrap, in r by Williams' test too.

        `rmse_difference` and `r_difference` (first − second) with their intervals by blocks as long as what each row
        adds to them is alike, the difference of the squared errors and of the influences on r, and the effective
        numbers of these blocks; `p_rmse` by the same blocks; `r_between`, the correlation of both, and `p_r` of
        Williams' test with the smaller effective number of rows of the two.
        """
        observed, one, two = self.observed, self.estimates[first], self.estimates[second]
        apart = _influences(observed, one)[0] - _influences(observed, two)[0]
        errors, _ = self._rows.difference(first, second, self._range((one - observed) ** 2 - (two - observed) ** 2))
        _, associated = self._rows.difference(first, second, self._range(apart))
        r = [score(*pair)["r"] for pair in ((observed, one), (observed, two), (one, two))]
        effective = min(self._rows.associations[name].effective_n for name in (first, second))
        return {
            "n": len(observed),
            "rmse_difference": errors.difference,
            "rmse_difference_low": errors.lower,
            "rmse_difference_high": errors.upper,
            "rmse_difference_blocks": errors.blocks,
            "p_rmse": errors.p,
            "r_difference": associated.difference,
            "r_difference_low": associated.lower,
            "r_difference_high": associated.upper,
            "r_difference_blocks": associated.blocks,
            "r_between": r[2],
            "effective_n": effective,
            "p_r": williams(r[0], r[1], r[2], effective).p,
        }

    @property
    def squares(self) -> dict[str, float]:
        """Mean squared error of each estimate."""
        return {name: float(np.mean((values - self.observed) ** 2)) for name, values in self.estimates.items()}

    @cached_property
    def _rows(self) -> ScoredRows:
        return ScoredRows.of(self.observed, self.estimates, self.places, geographic=True, seed=self.seed)

    @cached_property
    def _lags(self) -> Lags:
        return lags_of(self.places[:, 0], self.places[:, 1], self.seed)

    def _range(self, values: NDArray) -> float:
        """How far values are alike, in m: the range of their variogram."""
        if np.ptp(values) == 0:
            return self.autocorrelation_range
        try:
            return variogram(values, self._lags).autocorrelation_range
        except ValueError:
            return self.autocorrelation_range


def score_table(protocol: str, scored: Scored, kind: str) -> list[dict[str, Any]]:
    """Scores of each estimate of a protocol, how sure they are, and its skill against each null model.

    Skill is 1 − MSE / MSE(null model). `<score>_low` and `<score>_high` are 95 % intervals by blocks; `p` takes rows as
    independent, `p_effective` as many as `effective_n` says (`inference`). Without rows it is the note alone.
    """
    if not scored.estimates:
        return [{"protocol": protocol, "note": scored.note}]
    squares = scored.squares
    rows = []
    for name, values in scored.estimates.items():
        described = ESTIMATES[name]
        rows.append(
            {"protocol": protocol, "method": described.method, "model": described.model or kind}
            | score(scored.observed, values)
            | scored.confidence_intervals(name)
            | skill(squares[name], squares)
            | {"note": scored.note}
        )
    return rows


def difference_table(protocol: str, scored: Scored, reference: str) -> list[dict[str, Any]]:
    """How each estimate of a protocol differs from a reference at the same rows; nothing without the reference."""
    return [
        {"protocol": protocol, "estimate": name, "reference": reference} | scored.difference(name, reference)
        for name in scored.estimates
        if reference in scored.estimates and name != reference
    ]


def _influences(observed: NDArray, estimated: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each row adds to r, z·w − r·(z² + w²) / 2 with standard scores z and w, and to r2, e² − (1 − r2)·d²."""
    deviation, error = observed - observed.mean(), estimated - observed
    spread = max(float(np.std(observed)), np.finfo(float).tiny), max(float(np.std(estimated)), np.finfo(float).tiny)
    z, w = deviation / spread[0], (estimated - estimated.mean()) / spread[1]
    missed = float(np.mean(error**2) / spread[0] ** 2)
    return z * w - np.mean(z * w) * (z**2 + w**2) / 2, error**2 - missed * deviation**2
