"""What model.search gains on the default scene: python benchmarks/search.py [--kinds random_forest …].

Simulated data. For each kind of model, without and with the search, prints the RMSE (m³/m³) of the default map against
the 1 km truth, of `absolute` by the protocols `random` and `blocks` (tuned anew in each fold), and the CPU time of
the jobs that train. `search_gain_<kind>_<what>` is by how much less the RMSE is with the search.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd
from runs import cpu_of_rules, run

RUN = "results/khangai/2021-08"


def measure(folder: Path, kind: str, search: bool) -> dict[str, float]:
    """RMSE against the truth and by protocols, and CPU seconds of training."""
    tables = [f"{RUN}/tables/full/{name}.parquet" for name in ("truth", "scores")]
    run(folder, [f'model={{"kind": "{kind}", "search": {str(search).lower()}}}'], tables)
    truth, scores = (pd.read_parquet(folder / table) for table in tables)
    found = {"map": truth.set_index(["map", "support"]).loc[("soil_moisture.tif", "1 km"), "rmse"]}
    absolute = scores[scores["method"] == "absolute"].set_index("protocol")["rmse"]
    found |= {protocol: absolute[protocol] for protocol in ("random", "blocks")}
    cpu = cpu_of_rules(folder)
    return found | {"training_cpu": cpu["train_absolute"] + cpu["train_detail"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--kinds", nargs="+", default=["random_forest", "extra_trees", "hist_gradient_boosting"], metavar="KIND"
    )
    with tempfile.TemporaryDirectory() as folder:
        for kind in parser.parse_args().kinds:
            without, searched = (measure(Path(folder), kind, search) for search in (False, True))
            for name in without:
                unit = "s" if name == "training_cpu" else "m3/m3"
                for label, values in (("default", without), ("search", searched)):
                    print(f"{name}_{kind}_{label} {values[name]:.5f} {unit}", flush=True)
                if unit != "s":
                    print(f"search_gain_{kind}_{name} {100 * (1 - searched[name] / without[name]):.2f} %", flush=True)


if __name__ == "__main__":
    main()
