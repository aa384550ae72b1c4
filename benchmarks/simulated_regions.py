"""Jobs of the workflow between composites and figures, on simulated regions of any size, without granules.

Predictors are simulated block by block; an ellipse of the region has values, and 9 km cells follow them. `measure` runs
a job as a process of its own, as Snakemake would start it, by the function of its rule's script.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from kilomoist.grids import CELL_SIDE, M01, M09, Box, Window, geographic_from_ease, tile_grid
from kilomoist.jobs import job as as_job
from kilomoist.products import PRODUCTS
from kilomoist.regions import blocks_of

USE = ["ndvi", "evi", "lst_day"]
SEED = 2021
TARGET, MONTH = "SPL4SMGP.008", "2021-08"
TAGS = {"source": "simulated", "region": "simulated", "month": MONTH, "target": TARGET}
FEW = dict.fromkeys(USE, 6.0)
UNITS = (
    {"ndvi": "1", "evi": "1", "lst_day": "K"} | {f"{name}_days": "days" for name in USE} | {"water": "1", "snow": "1"}
)
VEGETATION, TEMPERATURE = "MOD13A1.061", "MOD11A1.061"
ORIGIN = {"products": ["SPL4SMGP.008", VEGETATION, TEMPERATURE], "layers": []}


@dataclass(frozen=True)
class Region:
    """Where a region's files lie, its cells, the side of its blocks (cells) and its learner."""

    folder: str
    cells: tuple[int, int, int, int]
    side: int
    kind: str = "random_forest"

    @property
    def window(self) -> Window:
        return Window(*self.cells)

    @property
    def blocks(self) -> dict[str, Window]:
        return blocks_of(self.window, self.side)

    def of(self, name: str) -> list[str]:
        """A file of every block."""
        return [f"{self.folder}/{block}-{name}" for block in self.blocks]

    def at(self, *names: str) -> list[str]:
        """Files of the region."""
        return [f"{self.folder}/{name}" for name in names]

    def named(self, **names: str) -> dict[str, str]:
        """Files of the region by what a script calls them."""
        return {key: f"{self.folder}/{name}" for key, name in names.items()}


def box_of(cells: Window) -> Box:
    """West, south, east, north of a window of cells in degrees."""
    x, y = M09.x_edges(cells)[[0, -1]], M09.y_edges(cells)[[0, -1]]
    (west, east), (north, south) = geographic_from_ease(x, y)
    return float(west), float(south), float(east), float(north)


# --- What jobs start from --------------------------------------------------------------------------------------------


def prepare(region: Region) -> None:
    """Write predictors and cells of all blocks, the truth, and field points. All blocks have the same pattern."""
    import numpy as np
    import pandas as pd

    from kilomoist.files import write_json
    from kilomoist.names import MAP_1KM
    from kilomoist.predictors.stacks import aggregate
    from kilomoist.rasters import raster_chunks, write_raster
    from kilomoist.reporting.verdicts import NO_POINTS, POINTS, not_compared, verdict_table
    from kilomoist.simulation.scenes import Scene

    whole = region.window.refined(CELL_SIDE)
    pattern = next(iter(region.blocks.values())).refined(CELL_SIDE)
    scene = Scene(region.window, SEED)
    fields = [scene.noise(pattern.shape, 1.0, 500, 4, name) for name in ("wet", "plants", "canopy", "rock")]
    mapped = 0
    with raster_chunks(*region.at("truth.tif"), M01, whole, TAGS) as truth:
        for name, block in region.blocks.items():
            pixels = block.refined(CELL_SIDE)
            row = (np.arange(pixels.rows) + pixels.row - whole.row) / whole.rows - 0.5
            column = (np.arange(pixels.columns) + pixels.column - whole.column) / whole.columns - 0.5
            inside = np.hypot(row[:, None], column) < 0.5
            mapped += int(inside.sum())
            wet, plants, canopy, rock = (
                np.where(inside, one[: pixels.rows, : pixels.columns], np.float32(np.nan)) for one in fields
            )
            stack = {
                "ndvi": 0.4 + 0.15 * wet + 0.05 * plants,
                "evi": 0.25 + 0.1 * wet + 0.03 * plants + 0.02 * canopy,
                "lst_day": 305 - 4 * wet + 3 * rock,
            }
            stack |= {f"{name}_days": np.where(inside, np.float32(12), np.float32(np.nan)) for name in USE}
            stack |= dict.fromkeys(("water", "snow"), np.where(inside, np.float32(0), np.float32(np.nan)))
            cells = aggregate(stack, USE, inside)
            cells = {"target": 0.25 + 0.04 * aggregate({"wet": wet}, ["wet"], inside)["wet"]} | cells
            write_raster(f"{region.folder}/{name}-predictors.tif", stack, M01, pixels, TAGS)
            write_raster(f"{region.folder}/{name}-cells.tif", cells, M09, block, TAGS)
            truth.write({"soil_moisture": (0.25 + 0.04 * wet).astype(np.float32)}, pixels)
    pd.DataFrame({"predictor": USE, "reliability": 0.95}).to_parquet(*region.at("agreement.parquet"))
    verdict_table([not_compared(POINTS, MAP_1KM, NO_POINTS)], TAGS).to_parquet(*region.at("verdict.parquet"))
    write_json(*region.at("range.json"), {"autocorrelation_range": 50_000.0})
    west, south, east, north = box_of(region.window)
    draws = np.random.default_rng(SEED).uniform(0.3, 0.7, (2, 300))
    points = {"id": np.arange(300), "longitude": west + draws[0] * (east - west)}
    points |= {"latitude": south + draws[1] * (north - south), "soil_moisture": 0.2 + 0.1 * draws[0]}
    pd.DataFrame(points).to_csv(*region.at("points.csv"), index=False)
    print(f"mapped_pixels {mapped}")


def prepare_composites(region: Region) -> None:
    """Write a composite of each product that stands for any tile, with gaps, and the target's global mean."""
    import numpy as np

    from kilomoist.rasters import write_raster
    from kilomoist.simulation.scenes import Scene

    scene = Scene(region.window, SEED)
    for name in (VEGETATION, TEMPERATURE):
        product, own = PRODUCTS[name], [one for one in USE if one in PRODUCTS[name].quantities]
        grid = tile_grid("h24v04", product.pixels)
        cloud = scene.noise(grid.window.shape, 1.0, 200, 8, "cloud", name) > 1
        bands = {}
        for one in own:
            bands[one] = np.where(cloud, np.float32(np.nan), 1 + scene.noise(grid.window.shape, 1.0, 500, 4, one))
            bands[f"{one}_days"] = np.where(cloud, np.float32(0), np.float32(20))
        if product.water:
            bands |= {"water": (scene.noise(grid.window.shape, 1.0, 60, 8, "lakes") > 2).astype(np.float32)}
            bands |= {"snow": np.zeros(grid.window.shape, np.float32)}
        write_raster(f"{region.folder}/{name}.tif", bands, grid, grid.window, {})
    globe = {"soil_moisture": np.full(M09.window.shape, 0.2, np.float32)}
    tags = {"source": TAGS["source"], "product": TARGET}
    write_raster(*region.at("globe.tif"), globe, M09, M09.window, tags)


# --- Jobs ------------------------------------------------------------------------------------------------------------


def stack_block(region: Region, block: str) -> None:
    from kilomoist.regions import region_area, tiles_of
    from stack_block import stack_block

    window, box = region.blocks[block], box_of(region.blocks[block])
    tiles = [(product, tile) for product in (VEGETATION, TEMPERATURE) for tile in tiles_of(region_area(box))]
    stack_block(
        composites=region.at(*(f"{product}.tif" for product, _ in tiles)),
        tiles=tiles,
        inventories=[],
        outline=[],
        outline_layer=None,
        bbox=box,
        layers=[],
        reading={},
        differences=[],
        index="ndvi",
        region=TAGS["region"],
        month=MONTH,
        window=[window.row, window.column, window.rows, window.columns],
        use=USE,
        minimum_days=3,
        **region.named(target="globe.tif", stack=f"{block}-warped.tif", cells=f"{block}-warped-cells.tif"),
    )


def collect_samples(region: Region, _: str) -> None:
    from collect_samples import collect_samples

    collect_samples(
        blocks=region.of("cells.tif"),
        passes=[],
        use=USE,
        minimum_valid_fraction=0.5,
        minimum_passes=1,
        test_fraction=0.2,
        seed=SEED,
        units=UNITS,
        origin=ORIGIN,
        **region.named(cells="cells.tif", target="target.tif", samples="samples.parquet"),
    )


def train_absolute(region: Region, _: str) -> None:
    from train_absolute import train_absolute

    train_absolute(
        use=USE,
        learner={"kind": region.kind, "trees": 200, "seed": SEED, "min_leaf": "auto"},
        quantiles=False,
        alternative=True,
        threads=1,
        **region.named(samples="samples.parquet", cells="cells.tif", estimates="estimated.tif"),
        **region.named(model="alternative.skops", search="alternative_search.parquet"),
    )


def train_detail(region: Region, _: str) -> None:
    from train_detail import train_detail

    train_detail(
        use=USE,
        learner={"kind": region.kind, "trees": 200, "seed": SEED, "min_leaf": "auto"},
        quantiles=True,
        alternative=False,
        minimum_valid_fraction=0.5,
        threads=1,
        **region.named(samples="samples.parquet", cells="cells.tif"),
        **region.named(model="model.skops", search="model_search.parquet"),
    )


def evaluate_model(region: Region, _: str) -> None:
    from evaluate_model import evaluate_model

    files = {"samples": "samples.parquet", "cells": "cells.tif", "predictions": "predictions.parquet"}
    files |= {"importance": "importance.parquet", "partial_dependence": "dependence.parquet"}
    evaluate_model(
        **region.named(**files, applicability="applicability.npz"),
        models=region.at("model.skops", "alternative.skops"),
        use=USE,
        products=list(PRODUCTS)[:1],
        units=UNITS,
        learner={"kind": region.kind, "trees": 200, "seed": SEED},
        minimum_valid_fraction=0.5,
        threads=1,
    )


def restore_cells(region: Region, _: str) -> None:
    from restore_cells import restore_cells

    restore_cells(
        learner={"kind": region.kind, "trees": 200, "seed": SEED, "min_leaf": "auto"},
        reconciled=True,
        interval=0.9,
        minimum_valid_fraction=0.5,
        threads=1,
        reliability=region.at("agreement.parquet"),
        stacks=region.of("predictors.tif"),
        **region.named(samples="samples.parquet", cells="cells.tif", model="model.skops", estimates="restored.parquet"),
        **region.named(intervals="intervals.json", errors="intervals.parquet"),
    )


def predict_block(region: Region, block: str) -> None:
    from predict_block import predict_block

    predict_block(
        reliability=region.at("agreement.parquet"),
        **region.named(stack=f"{block}-predictors.tif", samples="samples.parquet", cells="cells.tif"),
        **region.named(model="model.skops", raw=f"{block}-raw.tif"),
    )


def judge_block(region: Region, block: str) -> None:
    from judge_block import judge_block

    judge_block(
        reliability=region.at("agreement.parquet"),
        model=region.at("model.skops"),
        calibration=region.at("intervals.json"),
        offsets=region.at(f"{block}-interval.tif"),
        **region.named(stack=f"{block}-predictors.tif", samples="samples.parquet", cells="cells.tif"),
        **region.named(applicability="applicability.npz", verdict=f"{block}-applicability.tif"),
        **region.named(shift=f"{block}-shift.json"),
    )


def assemble_map(region: Region, _: str) -> None:
    from assemble_map import assemble_map

    assemble_map(
        raw=region.of("raw.tif"),
        use=USE,
        minimum_valid_fraction=0.5,
        reconcile=True,
        origin=ORIGIN,
        **region.named(cells="cells.tif", target="target.tif"),
        **region.named(correction="correction.tif", target_weight="weight.tif"),
        **region.named(predictors="predictors.tif", soil_moisture="soil_moisture.tif", ranges="maps.parquet"),
    )


def assemble_quality(region: Region, _: str) -> None:
    from assemble_quality import assemble_quality

    assemble_quality(
        offsets=region.of("interval.tif"),
        interval=region.at("interval.tif"),
        interval_settings={"nominal": 0.9, "target_error": 0.02},
        stacks=region.of("predictors.tif"),
        verdicts=region.of("applicability.tif"),
        shifts=region.of("shift.json"),
        use=USE,
        few_days=FEW,
        model_only_days=0,
        units=UNITS,
        origin=ORIGIN,
        **region.named(soil_moisture="soil_moisture.tif", cells="cells.tif", correction="correction.tif"),
        **region.named(quality="quality.tif", applicability="applicability.tif"),
        **region.named(quality_class="quality_class.tif"),
        **region.named(frequencies="quality.parquet", shift="shift.parquet", histograms="shift_histograms.parquet"),
    )


def assemble_predictors(region: Region, _: str) -> None:
    from assemble_predictors import assemble_predictors

    named = region.named(predictors="predictors.tif")
    assemble_predictors(stacks=region.of("predictors.tif"), units=UNITS, origin=ORIGIN, **named)


def compare_maps(region: Region, _: str) -> None:
    from compare_maps import compare_maps

    files = {"samples": "samples.parquet", "cells": "cells.tif", "model": "model.skops", "maps": "comparison.tif"}
    compare_maps(
        **region.named(**files, alternative="alternative.skops", reliability="agreement.parquet"),
        raw=region.of("raw.tif"),
        stacks=region.of("predictors.tif"),
        points=None,
        settings={},
        month=MONTH,
        minimum_valid_fraction=0.5,
    )


def compare_truth(region: Region, _: str) -> None:
    from compare_truth import compare_truth

    files = {
        "truth": "truth.tif",
        "maps": "comparison.tif",
        "soil_moisture": "soil_moisture.tif",
        "table": "truth.parquet",
    }
    compare_truth(**region.named(**files), method="detail")


def measure_coverage(region: Region, _: str) -> None:
    from measure_coverage import measure_coverage

    files = {"errors": "intervals.parquet", "intervals": "interval.tif", "coverage": "coverage.parquet"}
    files |= {"cells": "cells.tif"}
    stacks, truth = region.of("predictors.tif"), region.at("truth.tif")
    measure_coverage(
        **region.named(**files), stacks=stacks, truth=truth, vegetation="ndvi", target_error=0.02, interval=0.9
    )


def validate_field(region: Region, _: str) -> None:
    from kilomoist.configuration.keys import Points
    from validate_field import validate_field

    validate_field(
        settings=Points().reading,
        compare=[],
        probes={"nominal": 0.9, "representativeness": None, "temporal": None},
        interval=region.at("interval.tif"),
        coverage=region.at("field_coverage.parquet"),
        month=MONTH,
        method="detail",
        seed=SEED,
        **region.named(points="points.csv", coarse="target.tif", fine="soil_moisture.tif"),
        **region.named(comparison="comparison.tif", autocorrelation_range="range.json"),
        **region.named(
            scores="field.parquet", intervals="field_intervals.parquet", differences="field_differences.parquet"
        ),
        **region.named(matched="matched.parquet", unused="unused.parquet", counts="points.json"),
        **region.named(within="within_cells.parquet"),
    )


def draw_figures(region: Region, _: str) -> None:
    from draw_figures import draw_figures

    draw_figures(
        language="en",
        outline=[],
        outline_layer=None,
        bbox=box_of(region.window),
        units=UNITS,
        method="detail",
        tables=region.at(
            "quality.parquet", "shift.parquet", "shift_histograms.parquet", "maps.parquet", "verdict.parquet"
        ),
        figures=region.at("maps.png", "quality.png", "shift.png"),
        **region.named(coarse="target.tif", fine="soil_moisture.tif", quality="quality.tif"),
    )


def write_map_page(region: Region, _: str) -> None:
    from write_map_page import write_map_page

    write_map_page(
        language="en",
        outline=[],
        outline_layer=None,
        bbox=box_of(region.window),
        use=USE,
        products=ORIGIN["products"],
        interval=region.at("interval.tif"),
        points=region.at("matched.parquet"),
        **region.named(coarse="target.tif", fine="soil_moisture.tif", quality="quality.tif"),
        **region.named(predictors="predictors.tif", verdict="verdict.parquet", page="map.html"),
    )


JOBS: dict[str, Callable[[Region, str], None]] = {
    one.__name__: one
    for one in (
        *(stack_block, collect_samples, train_absolute, train_detail, evaluate_model, restore_cells),
        *(predict_block, judge_block, assemble_predictors, assemble_map, assemble_quality),
        *(compare_maps, compare_truth, measure_coverage, validate_field, draw_figures, write_map_page),
    )
}
"""What each rule's job does, by the name of the rule."""
PREPARATIONS: dict[str, Callable[[Region], None]] = {one.__name__: one for one in (prepare, prepare_composites)}


def measure(region: Region, job: str, part: str = "") -> tuple[float, float]:
    """CPU seconds (imports included) and largest resident memory (MB) of a job in a process of its own.

    The process that calls this should be small: another begins with the largest memory of the one that started it.
    """
    asked = json.dumps([region.folder, region.cells, region.side, region.kind])
    done = subprocess.run([sys.executable, __file__, asked, job, part], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stderr}\n{job} failed.")
    *said, last = done.stdout.splitlines()
    print("\n".join(said), end="\n" if said else "", flush=True)
    cpu, memory = json.loads(last)
    return cpu, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("region", "job", "part"):
        parser.add_argument(name)
    asked = parser.parse_args()
    folder, cells, side, kind = json.loads(asked.region)
    region = Region(folder, tuple(cells), side, kind)
    with as_job(os.devnull):
        if asked.job in PREPARATIONS:
            PREPARATIONS[asked.job](region)
        else:
            JOBS[asked.job](region, asked.part)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))


if __name__ == "__main__":
    main()
