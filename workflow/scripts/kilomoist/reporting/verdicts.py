"""Verdicts: whether the map is better than interpolated SMAP, by how much and how sure, a row a comparison.

What is judged is the gain, 1 − MSE(map) / MSE(reference), by its interval; the numbers are those of other tables.
Sentences are put together by `sentence` alone, from a row and the catalogue of texts; they tell a gain as what it makes
of the RMSE, which stands beside it.
"""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from kilomoist.evaluation.bootstrap import CONFIDENCE, MIN_BLOCKS
from kilomoist.evaluation.scores import ESTIMATES
from kilomoist.evaluation.worth import GAIN_INTERVAL, UNTOLD, USE_MAP, WORTH
from kilomoist.metadata import is_simulated
from kilomoist.names import LABELS, MAP_1KM, MAP_ONE_SCALE_UP, ONE_SCALE_UP, OWN_MAPS
from kilomoist.texts import named, said, text

Row = dict[str, Any]
COLUMNS = (
    *("comparison", "map", "reference", "n", "rmse_map", "rmse_reference", "gain", "low", "high", "confidence"),
    *("verdict", "reason", "remark", "sentence"),
)
REFERENCES = ("bilinear", "bilinear_reconciled", "copied")
SCALE_UP, POINTS, TRUTH, PREDICTED = "one scale up", "field points", "simulated truth", "predicted gain"
BETTER, EQUAL, NOT_BETTER, WORSE = "better", "equal", "not better", "worse"
TOO_FEW, UNSURE, NO_POINTS, UNMATCHED = "too few", "unsure", "no points", "no point on the maps"
NO_ERROR = "no error"
NO_PREDICTOR, SAME_POINTS, SIMULATED = "no predictor", "same points", "simulated data"
SCATTER, SEEN = "scatter of points", "seen in training"
REASONS = (TOO_FEW, UNSURE, NO_POINTS, UNMATCHED, NO_ERROR)
"""Reasons that have a sentence; another one is one."""


def verdict_of(gain: float, low: float, high: float, worth: float = WORTH) -> tuple[str, str]:
    """Verdict by a gain and its interval, and the reason where nothing can be told.

    Equal where the interval lies within ± `worth`; not better where it holds 0 and no gain that is worth a map.
    """
    if not math.isfinite(gain):
        return UNTOLD, NO_ERROR
    if not (math.isfinite(low) and math.isfinite(high)):
        return UNTOLD, TOO_FEW
    if low >= -worth and high <= worth:
        return EQUAL, ""
    if low > 0:
        return BETTER, ""
    if high < 0:
        return WORSE, ""
    return (NOT_BETTER, "") if high <= worth else (UNTOLD, UNSURE)


def sentence(row: Mapping[str, Any], alone: bool = False) -> str:
    """What a row says, in sentences that need no other, in the language that is spoken.

    That data are simulated is said where the row is `alone`: pages and reports say it once, of everything.
    """
    known: dict[str, Any] = {"where": text(f"verdict.where.{row['comparison']}")}
    known |= {"reference": named(row["reference"].removesuffix(", one scale up"))}
    known |= {"n": row["n"], "blocks": MIN_BLOCKS, "confidence": f"{100 * row['confidence']:.0f}"}
    known |= {name: f"{row[name]:.4f}" for name in ("rmse_map", "rmse_reference")} | {"size": _size(row["gain"])}
    ends = text("verdict.between", low=_size(row["low"]), high=_size(row["high"]))
    known["interval"] = text("verdict.interval", ends=ends, **known) if row["high"] > row["low"] else ""
    known["amount"] = text("verdict.amount", **known)
    reason = row["reason"]
    known["why"] = text(f"verdict.why.{reason}", **known) if reason in REASONS else said(reason)
    remarks = [name for name in row["remark"].split("; ") if name and (alone or name != SIMULATED)]
    return " ".join(
        [text(f"verdict.is.{row['verdict']}", **known), *(text(f"verdict.remark.{name}") for name in remarks)]
    )


def briefly(verdicts: pd.DataFrame) -> str:
    """What `tables/verdict.csv` says of the map beside interpolated SMAP, a word a comparison, in one line."""
    beside = verdicts.drop_duplicates("comparison")  # the first row of each has this reference
    answers = (
        text(f"verdict.brief.{comparison}", verdict=named(verdict))
        for comparison, verdict in zip(beside["comparison"], beside["verdict"], strict=True)
    )
    return text("verdict.brief", reference=named(LABELS["bilinear"]), answers="; ".join(answers))


def _size(gain: float) -> str:
    """A gain in words: how much smaller or larger the RMSE is, 1 − √(1 − gain)."""
    share = 1 - math.sqrt(1 - gain)
    percent = f"{abs(100 * share):.1f}" if abs(share) < 0.0995 else f"{abs(100 * share):.0f}"
    size = "same" if percent == "0.0" else "larger" if share < 0 else "smaller"
    return text(f"verdict.size.{size}", percent=percent)


def compared(comparison: str, scores: pd.DataFrame, own: str, skills: pd.DataFrame | None) -> list[Row]:
    """Rows against SMAP, bilinear, and against the null model with the smallest error, where it is another.

    `scores` have n, rmse and label by key; `own` is the map's, and `skills` have skill_low and skill_high by the key of
    the reference, or are None where all that there is was compared: a gain without an interval. At points their scatter
    is in all errors, so that a small gain does not say that maps are alike.
    """
    rows = []
    for reference in dict.fromkeys(("bilinear", scores.loc[[*REFERENCES], "rmse"].idxmin())):
        first, second = scores.loc[own], scores.loc[reference]
        gain = 1 - (first["rmse"] / second["rmse"]) ** 2 if second["rmse"] > 0 else math.nan
        low, high = (gain, gain) if skills is None else skills.loc[reference, ["skill_low", "skill_high"]]
        verdict, reason = verdict_of(gain, low, high, 0.0 if comparison == POINTS else WORTH)
        if skills is None:
            low = high = math.nan
        names = {"comparison": comparison, "map": first["label"], "reference": second["label"], "n": int(first["n"])}
        errors = {"rmse_map": first["rmse"], "rmse_reference": second["rmse"]}
        found = {"gain": gain, "low": low, "high": high, "confidence": CONFIDENCE}
        rows.append(names | errors | found | {"verdict": verdict, "reason": reason})
    return rows


def not_compared(comparison: str, own: str, why: str) -> Row:
    """A row of a comparison that there is not, and why."""
    missing = dict.fromkeys(("rmse_map", "rmse_reference", "gain", "low", "high"), math.nan)
    names = {"comparison": comparison, "map": own, "reference": LABELS["bilinear"], "n": 0}
    return names | missing | {"confidence": CONFIDENCE, "verdict": UNTOLD, "reason": why}


def one_scale_up(scores: pd.DataFrame, differences: pd.DataFrame) -> list[Row]:
    """Rows by `tables/scores.csv` and `tables/differences.csv`: the delivered map's method where SMAP is known."""
    own = scores[scores["protocol"] == ONE_SCALE_UP]
    if own["rmse"].isna().all():
        return [not_compared(SCALE_UP, MAP_ONE_SCALE_UP, own["note"].iloc[0])]
    keys = {model or method: key for key, (method, model) in ESTIMATES.items()}
    own = own.set_axis([keys[row.model if row.method == "null model" else row.method] for row in own.itertuples()])
    (made,) = own.index[own["label"] == MAP_ONE_SCALE_UP]
    pairs = differences[(differences["protocol"] == ONE_SCALE_UP) & (differences["estimate"] == made)]
    return compared(SCALE_UP, own, made, pairs.set_index("reference"))


def at_points(field: pd.DataFrame, differences: pd.DataFrame) -> list[Row]:
    """Rows by `tables/field_validation.csv` and `tables/field_differences.csv`."""
    keys = {name: key for key, name in OWN_MAPS.items()} | {OWN_MAPS["coarse"]: "copied"}
    field = field.set_axis(field["map"].map(keys).fillna("")) if len(field) else field
    if field.empty or not field.loc["fine", "n"] > 0:
        return [not_compared(POINTS, MAP_1KM, UNMATCHED)]
    pairs = differences[differences["map"] == OWN_MAPS["fine"]]
    return compared(POINTS, field, "fine", pairs.set_axis(pairs["reference"].map(keys)))


def against_truth(truth: pd.DataFrame) -> list[Row]:
    """Rows by `tables/truth.csv`: all pixels are compared, so that the gain is known."""
    whole = truth[truth["support"] == "1 km"].set_index("map")
    return compared(TRUTH, whole, "soil_moisture.tif", None)


def predicted(gain: Mapping[str, Any]) -> Row:
    """The row by that of `tables/gain.csv`, whose verdict stays: a gain below `WORTH` is not taken for one."""
    if not math.isfinite(gain["gain"]):
        return not_compared(PREDICTED, MAP_1KM, gain["reasons"])
    names = {"comparison": PREDICTED, "map": MAP_1KM, "reference": LABELS["bilinear"], "n": pd.NA}
    errors = {"rmse_map": gain["rmse_map"], "rmse_reference": gain["rmse_bilinear"]}
    found = {name: gain[name] for name in ("gain", "low", "high")} | {"confidence": GAIN_INTERVAL}
    verdict = BETTER if gain["verdict"] == USE_MAP else verdict_of(found["gain"], found["low"], found["high"])[0]
    verdict, reason = (UNTOLD, UNSURE) if gain["verdict"] == UNTOLD else (verdict, "")
    return names | errors | found | {"verdict": verdict, "reason": reason}


def verdict_table(rows: list[Row], tags: Mapping[str, str]) -> pd.DataFrame:
    """The table of verdicts, with remarks that the map's tags warrant, and sentences."""
    marks = [NO_PREDICTOR] if float(tags.get("alpha", 1)) == 0 else []
    of_points = [SCATTER, SAME_POINTS] if "measured at field points" in tags.get("reconciled", "") else [SCATTER]
    seen = [SEEN] if tags.get("method") == "absolute" else []
    simulated = [SIMULATED] if is_simulated(tags["source"]) else []
    complete = []
    for row in rows:
        known = marks + (of_points if row["comparison"] == POINTS and math.isfinite(row["gain"]) else [])
        known += seen if row["comparison"] == SCALE_UP and math.isfinite(row["gain"]) else []
        known += simulated if row["comparison"] != TRUTH and math.isfinite(row["gain"]) else []
        row = row | {"remark": "; ".join(known)}
        complete.append(row | {"sentence": sentence(row, alone=True)})
    return pd.DataFrame(complete, columns=[*COLUMNS]).astype({"n": "Int64"})
