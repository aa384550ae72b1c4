"""Maps against field points in time: the months of each point."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kilomoist.evaluation.scores import score
from kilomoist.names import RANKED

MIN_MONTHS = 3
"""Months of a point below which nothing is said of its course: two are always on a line."""
SCORES = ("r", "ubrmse", "bias")
QUARTILES = {"25": 0.25, "75": 0.75}
ALL_POINTS = "all"
"""What the summary of a map has in place of a pixel."""
COLUMNS = (
    *("map", "pixel", "id", "n", *SCORES, "points"),
    *(f"{name}_{end}" for name in SCORES for end in QUARTILES),
    *("anomaly_r", "anomaly_rmse"),
)


def field_months(months: pd.DataFrame, maps: Sequence[str]) -> pd.DataFrame:
    """Scores in time of each map at each point, after a summary of them: `COLUMNS`, m³/m³.

    `months` are the rows of `tables/field_points.csv` of several months, of which the pixels that hold the same points
    in `MIN_MONTHS` or more count, n being their months. The summary has the points' number, of each score the median
    and the quartiles, and r and RMSE of all anomalies, the deviations of a point's months from their mean. A map in
    percent of saturation (`RANKED`) has r alone, of the ranks of a point's months.
    """
    points = ["pixel", "id"]
    months = months[months.groupby(points)["observed"].transform("size") >= MIN_MONTHS]
    series = list(months.groupby(points, sort=False))
    anomalies = months[["observed", *maps]] - months.groupby(points)[["observed", *maps]].transform("mean")
    rows = []
    for name in maps:
        own = [
            {"map": name, "pixel": pixel, "id": of} | _scores(rows_of["observed"], rows_of[name], name.endswith(RANKED))
            for (pixel, of), rows_of in series
        ]
        frame = pd.DataFrame(own, columns=["n", *SCORES], dtype=float)
        summary = {"map": name, "pixel": ALL_POINTS, "points": len(own), "n": len(months)}
        summary |= dict(frame[[*SCORES]].median())
        for end, quantile in QUARTILES.items():
            summary |= {f"{column}_{end}": frame[column].quantile(quantile) for column in SCORES}
        pooled = score(anomalies["observed"].to_numpy(), anomalies[name].to_numpy())
        if not name.endswith(RANKED):
            summary |= {"anomaly_r": pooled["r"], "anomaly_rmse": pooled["rmse"]}
        rows += [summary, *own]
    return pd.DataFrame(rows, columns=[*COLUMNS]).astype({"n": "Int64", "points": "Int64"})


def _scores(observed: pd.Series, estimated: pd.Series, ranked: bool) -> dict[str, float]:
    if ranked:
        of_ranks = score(observed.rank().to_numpy(), estimated.rank().to_numpy())
        return dict.fromkeys(SCORES, np.nan) | {"n": of_ranks["n"], "r": of_ranks["r"]}
    scores = score(observed.to_numpy(), estimated.to_numpy())
    return {name: scores[name] for name in ("n", *SCORES)}
