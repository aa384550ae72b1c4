"""Whether two versions say the same: python benchmarks/versions.py TREE, a checkout of the version before.

Simulated data: a part of the default scene's small extent, the default configuration otherwise. Both versions simulate,
map and score it. Prints a table in Markdown: RMSE of maps against the truth at 1 km and of protocols at 9 km (m³/m³,
protocols with the 95 % interval of before), coverage and width of the intervals, before and after, and the change in
percent, of protocols also as a share of half of the interval.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from runs import ROOT, run

CONFIG = ['scene={"extent": "small"}', 'regions=[{"name": "part", "bbox": [98, 46.5, 101, 48.5]}]']
TABLES = {name: f"results/part/2021-08/tables/full/{name}.parquet" for name in ("truth", "coverage", "scores")}
MAPS = ("soil_moisture.tif", "absolute", "absolute_reconciled", "detail", "detail_reconciled")


def measure(tree: Path) -> pd.DataFrame:
    """What a version says: `value`, of protocols with `low` and `high`, by what it is of."""
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), CONFIG, list(TABLES.values()), tree=tree)
        truth, coverage, scores = (pd.read_parquet(Path(folder) / table) for table in TABLES.values())
    maps = truth[truth["map"].isin(MAPS)]
    told = [(f"RMSE of {row.map}, {row.support}", row.rmse, np.nan, np.nan) for row in maps.itertuples()]
    whole = coverage[coverage["group"] == "all"]
    for name in ("coverage", "width"):
        told += [
            (f"{name} of {row.interval} intervals, {row.support}", getattr(row, name), np.nan, np.nan)
            for row in whole.itertuples()
        ]
    own = scores[(scores["method"] != "null model") & scores["rmse_low"].notna()]
    told += [
        (f"RMSE of {row.protocol}, {row.method}", row.rmse, row.rmse_low, row.rmse_high) for row in own.itertuples()
    ]
    return pd.DataFrame(told, columns=["of", "value", "low", "high"]).set_index("of")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path, metavar="TREE")
    before, after = (measure(tree.resolve()) for tree in (parser.parse_args().before, ROOT))
    print("| | before | after | change, % | of half the interval, % |")
    print("|---|---|---|---|---|")
    for name, row in before[before.index.isin(after.index)].iterrows():
        now = after.loc[name, "value"]
        known = "" if np.isnan(row["low"]) else f" ({row['low']:.5f}–{row['high']:.5f})"
        share = 200 * (now - row["value"]) / (row["high"] - row["low"])
        share_text = "" if np.isnan(share) else f"{share:.1f}"
        change = 100 * (now / row["value"] - 1)
        print(f"| {name} | {row['value']:.5f}{known} | {now:.5f} | {change:.2f} | {share_text} |")


if __name__ == "__main__":
    main()
