"""Gains that runs predict before any truth is read, and gains realised: python benchmarks/gain.py [--extent full].

Simulated scenes (`SCENES`: steppe, mountains, many clouds, noisy predictors), whose SMAP errs by 0 to 0.06 m³/m³
independently of the predictors, half or all of it with them; and, with ../shared/real, a real SMAP L4 field one level
up, whose truth is SMAP's own finer pattern and not soil. For each case three maps: the delivered default (`warranted`,
at the `target_error` of real data), `map.reconcile: true` (`reconciled`), and the study's (`study`). What is predicted
is what the rule `predict_gain` writes. Constants of `kilomoist.evaluation.gain` were chosen on scenes of small extent
with the seeds 1 to 3 (the smallest number of cells on seed 4 too): the default's seed is 4, and its extent larger.

With ../shared/nature also OzNet's probes, predictors only: what NDVI and LST of a site tell in a season of its
deviation from the mean of the other sites of its cluster, learned in one cluster. Predicted is their skill at sites
left out there, with its 95 % interval, realised their skill in the other cluster.

Prints a line for each: `gain_<set>_<case>_<map> predicted low high realised verdict`, then how many verdicts are right
("use the map" with a gain above 0, "use SMAP" with another), wrong and untold, how many that advise a map are harmful
(worse by over 2 %), and how many gains lie in their interval.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import h5py
import matplotlib as mpl
import numpy as np
import pandas as pd
from erring_scenes import BOXES, MINIMUM_FRACTION, TARGET, ErringMaps, Inputs, all_maps, erring_maps, prepare
from nature import LEARNERS, MOISTURE, NATURE, PREDICTORS, SEASONS, deviations, left_out, monthly_means, skill
from numpy.typing import NDArray

from kilomoist.cells import aligned, coarsen
from kilomoist.configuration.keys import SceneKeys
from kilomoist.evaluation.gain import Prediction, evidence, predicted_gain, verdict_of
from kilomoist.evaluation.worth import UNTOLD, USE_MAP
from kilomoist.grids import COARSE_SIDE, Window
from kilomoist.learning.details import Cells
from kilomoist.learning.learners import LearnerSettings
from kilomoist.products import PRODUCTS
from kilomoist.reporting.figures.pages import signed_text
from kilomoist.simulation.smap import TargetError

TREES, THREADS = 20, 2
ERRORS = [(0.0, 0.0), (0.02, 0.0), (0.04, 0.0), (0.06, 0.0), (0.02, 0.5), (0.04, 0.5), (0.06, 0.5), (0.04, 1.0)]
"""Standard deviation (m³/m³) of SMAP's error, and the share of its variance that goes with vegetation and soil."""
SCENES = {
    "steppe": ({"landscape": "steppe"}, ERRORS),
    "mountains": ({"landscape": "mountains"}, ERRORS),
    "steppe-noise": ({"landscape": "steppe", "noise": True}, ERRORS[:6]),
    "cloudy": ({"landscape": "cloudy"}, ERRORS[:6]),
}
REAL_PREDICTORS = {"useful": ["surface_temp_analysis", "sm_profile_analysis"], "useless": ["surface_temp_analysis"]}
STUDY_R2 = 0.73
COLOURS = {"warranted": "#0072B2", "reconciled": "#E69F00", "study": "#009E73", "predictors only": "#CC79A7"}
LABELS = {
    "warranted": "default map",
    "reconciled": "map.reconcile: true",
    "study": "study's map",
    "predictors only": "predictors only",
}
MARKERS = {"simulated": "o", "real SMAP one level up": "s", "OzNet's probes": "^"}


def scene_cases(extent: str, seed: int) -> Iterator[tuple[str, ErringMaps, Inputs]]:
    """Maps of each scene of a seed under each error, simulated, and what they were made from."""
    for name, (keys, errors) in SCENES.items():
        with tempfile.TemporaryDirectory() as folder:
            prepared = prepare(Path(folder), SceneKeys.model_validate({"extent": extent, "seed": seed, **keys}))
        for deviation, share in errors:
            found = erring_maps(prepared, TargetError(deviation, share), TREES, THREADS)
            yield f"{name}-seed{seed}-error{deviation:g}-with_predictors{share:g}", found, prepared


def real_cases(path: Path) -> Iterator[tuple[str, ErringMaps, Inputs]]:
    """The south-eastern quarter of a real SMAP L4 field from 9 to 36 km: its own 9 km values are the truth."""
    target, factor = "sm_surface_analysis", COARSE_SIDE
    cut, window = np.s_[252:504, 561:1121], Window(40, 87, 252, 560)
    with h5py.File(path) as file:
        names = [target, *REAL_PREDICTORS["useful"]]
        fields = {name: file["Analysis_Data"][name][cut].astype(float) for name in names}
    warm = (fields["surface_temp_analysis"] > 275) & (fields[target] != -9999)
    fields = {name: np.where(warm, values, np.nan) for name, values in fields.items()}
    for usefulness, use in REAL_PREDICTORS.items():
        layers = [aligned(fields[name], window, factor)[0] for name in (target, *use)]
        means, coarse = zip(*(coarsen(fields[name], window, factor, 0.999) for name in (target, *use)), strict=True)
        cells = Cells(means[0], np.stack(means[1:]), coarse[0])
        whole = np.kron(np.isfinite(means[0]), np.ones((factor, factor), bool))
        truth, *predictors = (np.where(whole, layer, np.nan) for layer in layers)
        inputs = Inputs(samples_of(cells, use), cells, np.stack(predictors), [1.0] * len(use), truth, use, factor)
        yield f"SMAP-{usefulness}", all_maps(inputs, TREES, THREADS), inputs


def samples_of(cells: Cells, use: list[str]) -> pd.DataFrame:
    """Rows of the complete cells, all to be learned from."""
    row, column = np.nonzero(cells.complete())
    table = {"row": row + cells.window.row, "col": column + cells.window.column, "target": cells.target[row, column]}
    return pd.DataFrame(table | dict(zip(use, cells.predictors[:, row, column], strict=True)) | {"split": "train"})


def judged(found: ErringMaps, inputs: Inputs) -> Iterator[tuple[str, Prediction, float]]:
    """Prediction and realised gain of each map of a case, over the pixels that all have."""
    settings = LearnerSettings("random_forest", TREES, 2021, quantiles=False)
    merged, repeated = found.merged(PRODUCTS[TARGET].error), float(np.mean(inputs.reliability))
    shared = np.isfinite(found.maps["bilinear"])

    def error(values: NDArray) -> float:
        return float(np.mean((values - inputs.truth)[shared] ** 2))

    # What forests tell of cells is the same for all maps of a case.
    detail = found.models["detail"]
    known = evidence(found.cells, found.samples, detail, settings, merged, MINIMUM_FRACTION, repeated)
    maps = {
        "warranted": (known, found.held_to(merged)),
        "reconciled": (replace(known, taken=0.0, dropped=0.0), found.maps["detail_reconciled"]),
        "study": (
            replace(known, left=known.detail, taken=known.difference, dropped=1.0, reconciled=False),
            found.maps["absolute"],
        ),
    }
    for name, (own, values) in maps.items():
        yield name, predicted_gain(own), 1 - error(values) / error(found.maps["bilinear"])


def oznet_cases(folder: Path) -> Iterator[tuple[str, Prediction, float]]:
    """Skill of predictors at probes, by season and cluster: as told by the other cluster, and realised."""
    table = monthly_means(folder)
    columns, learner = PREDICTORS["ndvi_lst"], LEARNERS["linear"]
    for season in ("summer", "winter"):
        rows = table[table["month"].isin(SEASONS[season])]
        for cluster in sorted(set(rows["cluster"])):
            here = rows["cluster"] == cluster
            own, others = (rows[part].reset_index(drop=True) for part in (here, ~here))
            gain, low, high = skill(others, left_out(others, columns, learner))
            learned = deviations(others)
            model = learner().fit(learned[columns], learned[MOISTURE])
            realised, _, _ = skill(own, model.predict(deviations(own)[columns]))
            yield f"{season}-{cluster}", Prediction(gain, low, high, verdict_of(low, high), ""), realised


def cases(extent: str, seeds: list[int], real: Path, nature: Path) -> Iterator[dict]:
    """A row for each case and map: set, data, case, map, what is predicted, and the gain realised."""
    sets = [("simulated", "simulated", scene_cases(extent, seed)) for seed in seeds]
    granules = sorted(real.glob("SMAP_L4_SM_aup*"))
    sets += [("real", "real SMAP one level up", real_cases(path)) for path in granules]
    for group, data, made in sets:
        for case, found, inputs in made:
            for name, said, gain in judged(found, inputs):
                yield {"set": group, "data": data, "case": case, "map": name, "realised": gain, **asdict(said)}
    if nature.is_dir():
        for case, said, gain in oznet_cases(nature / "oznet"):
            row = {"set": "oznet", "data": "OzNet's probes", "case": case, "map": "predictors only", "realised": gain}
            yield row | asdict(said)
    for folder, there in ((real, bool(granules)), (nature, nature.is_dir())):
        if not there:
            print(f"{folder} has nothing to measure: without it", file=sys.stderr)


def draw(rows: pd.DataFrame, path: Path) -> None:
    """One dot a case: realised gain over predicted gain, with its interval; the study's R² on the same axes."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 7))
    lowest = -16.0
    for (data, name), part in rows.groupby(["data", "map"], sort=False):
        told = part["verdict"] != UNTOLD
        for filled, own in ((True, part[told]), (False, part[~told])):
            ends = [own["gain"] - own["low"].clip(lower=lowest), own["high"] - own["gain"]]
            face = COLOURS[name] if filled else "white"
            style = {"color": COLOURS[name], "fmt": MARKERS[data], "mfc": face, "ms": 5.5, "mew": 1.1}
            axes.errorbar(own["gain"], own["realised"], xerr=ends, elinewidth=0.5, alpha=0.9, **style)
        axes.plot([], [], MARKERS[data], color=COLOURS[name], label=f"{LABELS[name]} ({data})")
    axes.plot([], [], "o", color="0.3", mfc="white", label="hollow: the run says “cannot be told”")
    exact = rows[(rows["map"] == "study") & rows["case"].str.match("steppe-seed.-error0-")]
    star = "study: its R² of 0.73 at 9 km, beside the gain of its map\n(simulated steppe, SMAP exact)"
    axes.plot(STUDY_R2, exact["realised"].mean(), "k*", ms=15, label=star)
    for line in (axes.axhline, axes.axvline):
        line(0, color="0.4", lw=0.8)
    axes.plot([lowest, 1], [lowest, 1], color="0.6", lw=0.8, ls="--")
    ticks = [-10, -5, -2, -1, -0.5, 0, 0.5, 1]
    for which in "xy":
        axes.set(**{f"{which}scale": mpl.scale.SymmetricalLogScale(which, linthresh=0.5), f"{which}lim": (lowest, 1.3)})
        axes.set(**{f"{which}ticks": ticks, f"{which}ticklabels": [signed_text(tick, 1) for tick in ticks]})
    axes.set_xlabel("gain that the run predicts, before any truth is read")
    axes.set_ylabel("gain realised: 1 − MSE / MSE of SMAP, bilinear")
    axes.legend(fontsize=7.5, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.09), frameon=False)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def summarise(rows: pd.DataFrame, name: str) -> None:
    """Print how many verdicts are right, wrong and untold, and how many advise a map that is worse by over 2 %."""
    told = rows[rows["verdict"] != UNTOLD]
    right = (told["verdict"] == USE_MAP) == (told["realised"] > 0)
    harmful = ((rows["verdict"] == USE_MAP) & (rows["realised"] < -0.02)).sum()
    inside = ((rows["low"] <= rows["realised"]) & (rows["realised"] <= rows["high"])).sum()
    counts = f"right {right.sum()} wrong {(~right).sum()} untold {len(rows) - len(told)} harmful {harmful}"
    print(f"verdicts_{name} {len(rows)} {counts} inside_interval {inside}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extent", default="full", choices=BOXES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[4])
    parser.add_argument("--figure", type=Path, default=Path(__file__).resolve().parents[1] / "docs/images/gain.png")
    parser.add_argument("--real", type=Path, default=NATURE.parent / "real")
    parser.add_argument("--nature", type=Path, default=NATURE)
    chosen = parser.parse_args()
    found = []
    for row in cases(chosen.extent, chosen.seeds, chosen.real, chosen.nature):
        found.append(row)
        numbers = f"{row['gain']:.3f} {row['low']:.3f} {row['high']:.3f} {row['realised']:.3f}"
        name = f"gain_{row['set']}_{row['case']}_{row['map'].replace(' ', '_')}"
        print(f"{name} {numbers} {row['verdict']}", flush=True)
    report(pd.DataFrame(found), chosen.figure)


def report(table: pd.DataFrame, figure: Path) -> None:
    """Count the verdicts of each set and map, and draw all."""
    for keys, rows in table.groupby(["set", "map"], sort=False):
        summarise(rows, "_".join(keys).replace(" ", "_"))
    for group, rows in table.groupby("set", sort=False):
        summarise(rows, str(group))
    summarise(table, "all")
    draw(table, figure)


if __name__ == "__main__":
    main()
