"""Assessments: scores of what a protocol or a map estimated, their confidence intervals, differences of estimates.

Nothing is trained or predicted here: jobs that only score do without the libraries of models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.evaluation.bootstrap import ScoredRows
from kilomoist.evaluation.effective_size import Association, associations, williams
from kilomoist.evaluation.scores import ESTIMATES, score, skill
from kilomoist.evaluation.variograms import Lags, lags_of, variogram
from kilomoist.files import write_table

HOW_FOUND = ("p", "effective_n", "p_effective", "errors_km", "r_km", "errors_blocks", "r_blocks")
"""Columns that say how sure scores are was found: they have a table of their own."""
PARTNERS = 4000
"""Random rows with which the anchors of variograms of what rows add to scores make pairs: a run has some 140 of them.
docs/inference.md tells how ranges and intervals of rmse differ from those by five times as many."""


@dataclass(frozen=True)
class Scored:
    """Estimates at the same rows, with confidence intervals of their scores and differences.

    What they share is computed once, when it is first asked for.
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
        names = [name for name in ESTIMATES if name in table]
        rows = table.reindex(columns=["observed", "lon", "lat", *names])
        rows = rows[np.isfinite(rows[names].to_numpy(float)).all(axis=1)]
        estimates = {name: rows[name].to_numpy() for name in names if len(rows)}
        observed, places = rows["observed"].to_numpy(), rows[["lon", "lat"]].to_numpy()
        return cls(observed, estimates, places, autocorrelation_range, seed, table.attrs.get("note", ""))

    def confidence_intervals(self, name: str) -> dict[str, float]:
        """Confidence intervals of an estimate's scores by blocks, and what r is worth.

        Blocks are as long as what a score sums up is alike (its influence function: Hampel 1974, doi
        10.1080/01621459.1974.10482962): the errors for rmse, ubrmse, bias and mae (`errors_km`), what each row adds to
        r and r2 for those (`r_km`). `errors_blocks` and `r_blocks` are the effective numbers of such blocks; with fewer
        than `bootstrap.MIN_BLOCKS` intervals are NaN.
        """
        observed, estimated = self.observed, self.estimates[name]
        ranges = {"errors": self._range(estimated - observed)}
        ranges["r"] = max(self._range(influence) for influence in _influences(observed, estimated))
        found = {of: self._rows.intervals(name, length) for of, length in ranges.items()}
        columns = {f"{of}_km": length / 1000 for of, length in ranges.items()}
        columns |= {f"{of}_blocks": intervals["n"].blocks for of, intervals in found.items()}
        for of, names in (("r", ("r", "r2")), ("errors", ("rmse", "ubrmse", "bias", "mae"))):
            for each in names:
                columns |= {f"{each}_low": found[of][each].lower, f"{each}_high": found[of][each].upper}
        association = self._associations[name]
        return columns | {"effective_n": association.effective_n, "p_effective": association.p}

    def difference(self, first: str, second: str) -> dict[str, float]:
        """Differences of two estimates: of rmse and r by block bootstrap, of r by Williams' test too.

        `skill`, 1 − MSE / MSE of the second, `rmse_difference` and `r_difference` (first − second) with their intervals
        by blocks as long as what each row adds to them is alike, the difference of the squared errors and of the
        influences on r, and the effective numbers of these blocks; `p_rmse` by the same blocks; `r_between`, the
        correlation of both, and `p_r` of Williams' test with the smaller effective number of rows of the two.
        """
        observed, one, two = self.observed, self.estimates[first], self.estimates[second]
        adds = {
            "rmse": (one - observed) ** 2 - (two - observed) ** 2,
            "r": _influences(observed, one)[0] - _influences(observed, two)[0],
        }
        columns: dict[str, float] = {"n": len(observed)}
        for name, added in adds.items():
            drawn, column = self._rows.difference(first, second, self._range(added)), f"{name}_difference"
            if name == "rmse":
                skilled = drawn["skill"]
                columns |= {"skill": skilled.value, "skill_low": skilled.lower, "skill_high": skilled.upper}
            found = drawn[name]
            columns |= {column: found.value, f"{column}_low": found.lower, f"{column}_high": found.upper}
            columns |= {f"{column}_blocks": found.blocks} | ({"p_rmse": found.p} if name == "rmse" else {})
        r_one, r_two, between = (score(*pair)["r"] for pair in ((observed, one), (observed, two), (one, two)))
        effective = min(self._associations[name].effective_n for name in (first, second))
        _, p = williams(r_one, r_two, between, effective)
        return columns | {"r_between": between, "effective_n": effective, "p_r": p}

    @property
    def squares(self) -> dict[str, float]:
        """Mean squared error of each estimate."""
        return {name: float(np.mean((values - self.observed) ** 2)) for name, values in self.estimates.items()}

    @cached_property
    def _rows(self) -> ScoredRows:
        return ScoredRows(self.observed, self.estimates, self.places, geographic=True, seed=self.seed)

    @cached_property
    def _associations(self) -> dict[str, Association]:
        """Of the observed and each estimate."""
        estimates = {f"estimate {name}": values for name, values in self.estimates.items()}
        pairs = [("observed", name) for name in estimates]
        found = associations({"observed": self.observed, **estimates}, self.places, True, pairs)
        return {name: found[pair] for name, pair in zip(self.estimates, pairs, strict=True)}

    @cached_property
    def _lags(self) -> Lags:
        return lags_of(self.places[:, 0], self.places[:, 1], self.seed, partners=PARTNERS)

    def _range(self, values: NDArray) -> float:
        """Range of the variogram of values, in m."""
        if np.ptp(values) == 0:
            return self.autocorrelation_range
        try:
            return variogram(values, self._lags).autocorrelation_range
        except ValueError:
            return self.autocorrelation_range


def score_table(
    name: str, scored: Scored, kind: str, labels: Mapping[str, str], of: str = "protocol"
) -> list[dict[str, Any]]:
    """Scores of each estimate of a protocol or a month, by its name, with intervals and skill against null models.

    `labels` are what people see the estimates called.
    Skill is 1 − MSE / MSE(null model). `<score>_low` and `<score>_high` are 95 % intervals by blocks; `p` takes rows as
    independent, `p_effective` as many as `effective_n` says. Without rows it is the note alone.
    """
    if not scored.estimates:
        return [{of: name, "note": scored.note}]
    rows, squares = [], scored.squares
    for estimate, values in scored.estimates.items():
        scores = score(scored.observed, values) | scored.confidence_intervals(estimate)
        scores |= skill(squares[estimate], squares)
        rows.append({of: name} | estimate_names(estimate, kind, labels) | scores | {"note": scored.note})
    return rows


def estimate_names(estimate: str, kind: str, labels: Mapping[str, str]) -> dict[str, str]:
    """Method, model and label of an estimate in a table of scores."""
    method, model = ESTIMATES[estimate]
    return {"method": method, "model": model or kind, "label": labels[estimate]}


def difference_table(
    protocol: str, scored: Scored, references: Sequence[str], labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Differences of each estimate of a protocol from references at the same rows, each pair once; none of a reference
    that is not there.
    """
    rows = []
    for number, reference in enumerate(references):
        for name in scored.estimates:
            if reference in scored.estimates and name not in references[: number + 1]:
                names = {"estimate": name, "label": labels[name]}
                names |= {"reference": reference, "reference_label": labels[reference]}
                rows.append({"protocol": protocol} | names | scored.difference(name, reference))
    return rows


def write_scores(rows: list[dict[str, Any]], scores: str | Path, intervals: str | Path) -> None:
    """Write scores, each followed by the ends of its interval, and beside them how these were found.

    Both have the columns before `n`, which say what is scored. At least one row has scores.
    """
    table = pd.DataFrame(rows).astype({"n": "Int64"})  # a row without any has no n, and others' would become fractions
    names = [name for name in table if name not in (*HOW_FOUND, "note") and not name.endswith(("_low", "_high"))]
    with_ends = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
    write_table(scores, table[[name for name in (*with_ends, "note") if name in table]])
    keys = names[: names.index("n")]
    write_table(intervals, table[[name for name in (*keys, *HOW_FOUND) if name in table]])


def _influences(observed: NDArray, estimated: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Influence of each row on r, z·w − r·(z² + w²) / 2 with standard scores z and w, and on r2, e² − (1 − r2)·d²."""
    deviation, error = observed - observed.mean(), estimated - observed
    spread = max(float(np.std(observed)), np.finfo(float).tiny), max(float(np.std(estimated)), np.finfo(float).tiny)
    z, w = deviation / spread[0], (estimated - estimated.mean()) / spread[1]
    missed = float(np.mean(error**2) / spread[0] ** 2)
    return z * w - np.mean(z * w) * (z**2 + w**2) / 2, error**2 - missed * deviation**2
