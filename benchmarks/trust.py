"""What maps and their intervals are worth on simulated scenes: python benchmarks/trust.py [--scenes …] [--extent full].

Simulated data. For each scene (landscapes that differ in relief and cloud with an exact SMAP, noisy predictors, errors
of SMAP of 0.02 and 0.04 m³/m³, the latter also half with the predictors, half a static bias, or over 108 km; with
--scenes also others, as `steppe-seed1`) and each variant of the method, the map against the 1 km truth, over the pixels
that all maps of the scene have: `r_`, `rmse_` and `ubrmse_<scene>_<variant>`, and `skill_<scene>_<variant>`, 1 − MSE /
MSE of bilinear SMAP. `evaporative_efficiency` is a physical peer, DISPATCH. Of maps with intervals also `coverage_`
(share of the truth inside the total 90 % interval), `least_` and `most_` (of the classes of vegetation with at least
1000 pixels) and `width_<scene>_<variant>`, and of the conditional one `pattern_coverage_`, `pattern_width_` and
`pattern_score_<scene>_<variant>` (interval score).

With --regret a table instead, of docs/method.md: RMSE (0.001 m³/m³) of the maps that keys give on the first two
landscapes of --scenes, where SMAP's error is 0, 0.02, 0.04 or 0.06 m³/m³, independent or half with the predictors, and
0.04 half static or over 108 km (`scene.error`), in parentheses how much worse than the best of the column; and each
map's worst regret. `target_error` is the default of real data, not the scene's. Forests have 50 trees.
"""

import argparse
import json
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from erring_scenes import BOXES, MINIMUM_FRACTION, MONTH, TARGET, erring_maps, prepare
from evaporative_efficiency import disaggregated, end_members
from runs import run

from kilomoist.configuration.keys import SceneKeys
from kilomoist.evaluation.scores import score
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.learning.coarser_scale import null_models
from kilomoist.products import PRODUCTS
from kilomoist.rasters import mosaic
from kilomoist.simulation.smap import TargetError

SCENES = (
    *("steppe", "mountains", "cloudy", "steppe-noise", "steppe-error0.02", "steppe-error0.04"),
    *(f"steppe-error0.04-{part}" for part in ("with_predictors0.5", "static0.5", "range108")),
)
REGIONS = {"full": "khangai", "small": "steppe"}
MADE = ("soil_moisture.tif", "predictors.tif", "tables/full/coverage.parquet")
PRINTED = (
    *("r", "rmse", "ubrmse", "skill", "coverage", "least", "most", "width"),
    *("pattern_coverage", "pattern_width", "pattern_score"),
)
STUDY = ["ndvi", "evi", "lst_day"]
MORE = [*STUDY, "lst_night", "elevation"]
VARIANTS: dict[str, dict[str, Any]] = {
    "absolute": {"model": {"method": "absolute"}, "map": {"reconcile": False}},
    "absolute_reconciled": {"model": {"method": "absolute"}},
    "detail": {},
    "detail_plain": {"map": {"reconcile": False}},
    "detail_more": {"predictors": {"use": MORE}},
    "detail_trend": {"model": {"trend": "linear"}},
    "detail_scales": {"model": {"trend": "linear", "detail_ratio": "auto"}},
    "detail_more_scales": {"predictors": {"use": MORE}, "model": {"trend": "linear", "detail_ratio": "auto"}},
    "detail_warranted": {"map": {"reconcile": "warranted"}},
    "absolute_trend": {"model": {"method": "absolute", "trend": "linear"}},
    "absolute_warranted": {"model": {"method": "absolute"}, "map": {"reconcile": "warranted"}},
    "detail_overstated": {"map": {"reconcile": "warranted"}, "target_error": 0.04},
}
"""All with `reconcile: true` unless they say otherwise. The study's method; with reconciliation; `detail`; the same
without; with elevation and night; with a trend; with a trend and the scale at which detail is learned chosen one level
up, without and with these predictors; the study's method with a trend; both methods held to SMAP as its error warrants
(where SMAP is exact that is the map without, and left out); the default so, with an error that is said to be as large
as that of single fields of SMAP (left out where it is so large)."""


def scene_of(name: str, extent: str) -> SceneKeys:
    """The configuration's `scene` from a landscape's name and what follows it: `-noise`, `-seed1`, `-error0.02` and,
    after this, parts of the error as `-static0.5`.
    """
    landscape, *rest = name.split("-")
    settings: dict[str, object] = {"extent": extent, "landscape": landscape}
    error: dict[str, str] = {}
    for one in rest:
        key = one.rstrip("0123456789.")
        if key == "error":
            error["deviation"] = one.removeprefix(key)
        elif error:
            error[key] = one.removeprefix(key)
        else:
            settings[key] = one.removeprefix(key) or True
    return SceneKeys.model_validate(settings | ({"error": error} if error else {}))


def compare(folder: Path, name: str, extent: str, variants: list[str]) -> dict[str, dict[str, float]]:
    """Scores of every variant's map of a scene, of the null models, and what the intervals hold."""
    region, scene = REGIONS[extent], scene_of(name, extent)
    root = folder / f"results/{region}/{MONTH}"
    simulated = f"resources/simulated/{scene.name}/truth"
    elevation = f"{simulated}/elevation.tif"
    common = [f"scene={scene.model_dump_json()}"]
    common.append(f"regions={json.dumps([{'name': region, 'bbox': BOXES[extent]}])}")
    run(folder, common, [elevation])
    maps: dict[str, np.ndarray] = {}
    found: dict[str, dict[str, float]] = {}
    for variant in variants:
        settings = {"map": {"reconcile": True}} | deepcopy(VARIANTS[variant])
        if "elevation" in settings.get("predictors", {}).get("use", []):
            settings["predictors"]["layers"] = {"elevation": elevation}
        config = [*common, *(f"{key}={json.dumps(value)}" for key, value in settings.items())]
        run(
            folder,
            config,
            [f"results/{region}/{MONTH}/{target}" for target in MADE],
        )
        bands, pixels = mosaic([root / "soil_moisture.tif"], M01)
        maps[variant] = bands["soil_moisture"].astype(float)
        table = pd.read_parquet(root / "tables/full/coverage.parquet")
        true = table[table["support"].str.startswith("1 km")].set_index("group")
        pattern, true = (true[true["interval"] == kind] for kind in ("conditional", "total"))
        classes = true.loc[(true.index != "all") & (true["n"] >= 1000), "coverage"]
        found[variant] = {
            "coverage": true.loc["all", "coverage"],
            "least": classes.min(),
            "most": classes.max(),
            "width": true.loc["all", "width"],
            **{f"pattern_{what}": pattern.loc["all", what] for what in ("coverage", "width", "score")},
        }
    cells, window = mosaic([root / "soil_moisture_9km.tif"], M09)
    valid = np.isfinite(maps[variants[0]])
    nulls = null_models(cells["soil_moisture"].astype(float), window, valid, CELL_SIDE, MINIMUM_FRACTION)
    truths, whole = mosaic([folder / f"{simulated}/{MONTH}/soil_moisture.tif"], M01)
    truth = truths["soil_moisture"][pixels.within(whole)].astype(float)
    seen = mosaic([root / "predictors.tif"], M01)[0]
    ends = end_members(seen["ndvi"], seen["lst_day"])
    peer = disaggregated(cells["soil_moisture"], seen["ndvi"], seen["lst_day"], ends)
    maps = nulls | {"evaporative_efficiency": peer} | maps
    shared = np.isfinite(truth) & np.all([np.isfinite(values) for values in maps.values()], axis=0)
    scores = {one: score(truth[shared], values[shared]) for one, values in maps.items()}
    for one, values in scores.items():
        values["skill"] = 1 - values["rmse"] ** 2 / scores["bilinear"]["rmse"] ** 2
        values |= found.get(one, {})
    return scores


ERRORS = [
    TargetError(0),
    *(TargetError(size, share) for share in (0, 0.5) for size in (0.02, 0.04, 0.06)),
    *(TargetError(0.04, static=0.5), TargetError(0.04, range=108)),
]
UNDERSTATED = (0.03, 0.04, 0.05)
"""Smaller errors than the default of real data, m³/m³."""
MAPS = {
    "reconcile: true": "detail_reconciled",
    "reconcile: false": "detail",
    "study's map": "absolute",
    "study's map, reconciled": "absolute_reconciled",
    "SMAP, bilinear": "bilinear",
    "SMAP, bilinear, reconciled": "bilinear_reconciled",
    "SMAP, 9 km": "copied",
}
"""Maps by the key that gives them, or by their name, and what `erring_maps` calls them."""


def regret_table(scenes: list[SceneKeys]) -> pd.DataFrame:
    """RMSE (m³/m³) of maps (rows), by landscape and SMAP's error."""
    columns = {}
    for keys in scenes:
        with tempfile.TemporaryDirectory() as folder:
            prepared = prepare(Path(folder), keys)
        for error in ERRORS:
            found = erring_maps(prepared, error)
            maps = {name: found.maps[key] for name, key in MAPS.items()}
            maps |= {f"reconcile: warranted, target_error: {told}": found.warranted(told) for told in UNDERSTATED}
            maps["reconcile: warranted"] = found.warranted(PRODUCTS[TARGET].error)
            valid = np.isfinite(found.maps["detail"])
            of_maps = {name: score(prepared.truth[valid], values[valid])["rmse"] for name, values in maps.items()}
            columns[keys.landscape, error] = of_maps
    return pd.DataFrame(columns)


def _described(error: TargetError) -> str:
    parts = {"with predictors": error.with_predictors, "static": error.static}
    far = [f"over {error.range:g} km"] if error.range != TargetError().range else []
    return ", ".join([f"{error.deviation:g}", *(f"half {name}" for name, share in parts.items() if share), *far])


def print_regret(table: pd.DataFrame) -> None:
    """Print a `regret_table` in Markdown, a part a landscape, with regrets and the worst of each row of all parts."""
    regret = table - table.min()
    for landscape in table.columns.unique(0):
        print(f"| {landscape} |", " | ".join(map(_described, table[landscape])), "| worst regret of all |")
        print("|" + "---|" * (table[landscape].shape[1] + 2))
        for name in table.index:
            both = zip(1000 * table.loc[name, landscape], 1000 * regret.loc[name, landscape], strict=True)
            written = [f"{rmse:.1f} (+{worse:.1f})" for rmse, worse in both]
            print(f"| {name} |", " | ".join(written), f"| {1000 * regret.loc[name].max():.1f} |")
        print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", nargs="+", default=list(SCENES))
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--extent", default="full", choices=REGIONS)
    parser.add_argument("--regret", action="store_true")
    chosen = parser.parse_args()
    if chosen.regret:
        print_regret(regret_table([scene_of(name, chosen.extent) for name in chosen.scenes[:2]]))
        return
    for name in chosen.scenes:
        error = scene_of(name, chosen.extent).error.deviation
        same = {0: "_warranted", VARIANTS["detail_overstated"]["target_error"]: "_overstated"}.get(error, ())
        variants = [variant for variant in chosen.variants if not variant.endswith(same)]
        with tempfile.TemporaryDirectory() as folder:
            scores = compare(Path(folder), name, chosen.extent, variants)
        for variant, values in scores.items():
            for what in PRINTED:
                if what in values:
                    unit = " m3/m3" if what.endswith(("rmse", "width", "score")) else ""
                    print(f"{what}_{name}_{variant} {values[what]:.5f}{unit}", flush=True)


if __name__ == "__main__":
    main()
