"""Granules that are not like the month's others, and numbers that went in, came out, or were masked."""

import logging
import runpy
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from granule_archives import INDEX, LST, PASSES, TARGET, TILE, field, passes, temperature, vegetation
from workflow_runs import ROOT

from kilomoist.counts import balanced
from kilomoist.files import read_json
from kilomoist.grids import Window
from kilomoist.predictors.composites import average_rows
from kilomoist.predictors.inventories import choose_granules
from kilomoist.predictors.tallies import Tally
from kilomoist.predictors.target_mean import average_fields
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS

WINDOW = Window(300, 2900, 20, 30)
MOISTURE = np.linspace(0.1, 0.4, 600).reshape(WINDOW.shape)
FIRST = datetime(2021, 8, 1, 1, 30)
NOISE = np.random.default_rng(0).uniform(280, 310, (LST.pixels, LST.pixels))


def averaged(folder: Path, product: Product, month: str = "2021-08", **others: Any) -> dict[str, Any]:
    """What the rule `average_target` writes in its inventory."""
    script = runpy.run_path(str(ROOT / "workflow" / "scripts" / "average_target.py"))
    files = {"mean": str(folder / "mean.tif"), "inventory": str(folder / "inventory.json")}
    given = {"granules": [str(folder)], "source": "archive", "product": product.name, "month": month}
    script["average_target"](**given, minimum_share=0, minimum_passes=1, **files, **others)
    return read_json(files["inventory"])


def fields(folder: Path, **odd: np.ndarray) -> list[str]:
    """Names of eight fields, of which some are others."""
    folder.mkdir()
    made = [odd.get(f"of_{number}", MOISTURE + 0.01 * number) for number in range(8)]
    return [field(folder, FIRST + number * timedelta(hours=3), each, WINDOW).name for number, each in enumerate(made)]


def test_a_field_that_is_one_number_or_covers_other_cells_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few, many = MOISTURE.copy(), MOISTURE.copy()
    few[:2] = -9999
    names = fields(tmp_path / "odd", of_2=np.full(WINDOW.shape, 0.25), of_4=few, of_6=few * np.nan)
    with caplog.at_level(logging.WARNING, "kilomoist"):
        told = averaged(tmp_path / "odd", TARGET)
    assert told["odd"] == caplog.messages
    assert [sentence.split(":")[0] for sentence in told["odd"]] == [names[2], names[4], names[6]]
    assert "soil_moisture is stored as 0.25 in all 600 places that have a value" in told["odd"][0]
    assert "soil_moisture has values in 540 cells, where the month's other fields have 600" in told["odd"][1]
    assert "values in 0 cells" in told["odd"][2]
    globe = 1624 * 3856
    cells = 8 * globe
    used = 6 * 600 + 540
    assert told["counts"] == {"soil_moisture": {"in": cells, "out": used, "masked": {"no value": cells - used}}}
    # Fields that are all alike are not told of.
    fields(tmp_path / "even")
    assert averaged(tmp_path / "even", TARGET)["odd"] == []
    # Nor is one that has more, but for the cells that it has more than others.
    many[0] = -9999
    fields(tmp_path / "more", **{f"of_{number}": many for number in range(7)})
    assert "in 600 cells, where the month's other fields have 570" in averaged(tmp_path / "more", TARGET)["odd"][0]


def test_gaps_between_swaths_are_natural(tmp_path: Path) -> None:
    flags = np.zeros(WINDOW.shape, int)
    flags[:, 10:] = 1
    for number in range(1, 6):
        half = flags if number == 3 else 0 * flags
        passes(tmp_path, number, WINDOW, (MOISTURE, half), (np.full(WINDOW.shape, 0.2), flags))
    told = averaged(tmp_path, PASSES)
    assert [sentence.split(" in all")[0] for sentence in told["odd"]] == [
        f"SMAP_L3_SM_P_E_2021080{number}_R19240_001.h5: soil_moisture_pm is stored as 0.2" for number in range(1, 6)
    ]
    counts = told["counts"]["soil_moisture"]
    assert counts["in"] == 10 * 1624 * 3856
    assert counts["out"] == 4 * 600 + 200 + 5 * 200
    assert counts["masked"] == {"no value or quality": counts["in"] - counts["out"]}


def test_a_real_field_alone_is_like_itself(real: Callable[[str], Path]) -> None:
    path, product, tally = real("SMAP_L4_SM_aup*"), PRODUCTS["SPL4SMAU.004"], Tally()
    used = round(float(average_fields([path], product, tally=tally)["fields"].sum()))
    assert list(tally.sentences(gaps=False)) == []
    assert tally.balance(used, "soil_moisture")["masked"] == {"no value": 508 * 1123 - used}


def tallied(folder: Path, product: Product, use: list[str]) -> tuple[Tally, dict[str, int]]:
    tally, used = Tally(), dict.fromkeys(use, 0)
    chosen, _ = choose_granules([folder], product, TILE, "2021-08")
    for _, _, numbers in average_rows(chosen, product, "good", use, tally=tally):
        used = {name: used[name] + number for name, number in numbers.items()}
    return tally, used


def test_temperatures_are_counted_by_why_they_are_masked(tmp_path: Path) -> None:
    numbers, bits = NOISE.copy(), np.zeros(NOISE.shape, int)
    numbers[:300] = 0
    bits[200:500] = 3
    temperature(tmp_path, 1, numbers, bits)
    temperature(tmp_path, 2, 290)
    temperature(tmp_path, 3, np.where(np.arange(1200 * 1200).reshape(1200, 1200) < 50, 290, 0))
    tally, used = tallied(tmp_path, LST, ["lst_day"])
    row = 1200
    assert tally.balance(used["lst_day"], "lst_day") == {
        "in": 3 * row * row,
        "out": 700 * row + row * row + 50,
        "masked": {"no value": 300 * row + row * row - 50, "quality": 200 * row},
    }
    # 50 pixels may be alike by chance.
    (sentence,) = tally.sentences(gaps=True)
    assert sentence.startswith("MOD11A1.A2021214.h24v04")
    assert "lst_day is stored as 14500 in all 1440000 places" in sentence


def test_an_index_lacks_one_of_its_two(tmp_path: Path) -> None:
    green = np.random.default_rng(0).integers(2000, 8000, (1200, 1200))
    vegetation(tmp_path, datetime(2021, 8, 13), {"NDVI": green, "EVI": green, "VI Quality": 0, "pixel reliability": 0})
    tally, used = tallied(tmp_path, INDEX, ["ndvi"])
    assert tally.balance(used["ndvi"], "ndvi") == {"in": 1200**2, "out": 1200**2, "masked": {}}
    assert list(tally.sentences(gaps=True)) == []


def test_a_value_that_is_lost_is_a_fault_of_the_program(tmp_path: Path) -> None:
    assert balanced("a stage", 10, 7, {"cloud": 2, "sea": 1}) == {"in": 10, "out": 7, "masked": {"cloud": 2, "sea": 1}}
    for total, kept, masked in ((10, 7, {"cloud": 2}), (10, 11, {"cloud": -1})):
        with pytest.raises(ValueError, match=f"a stage: {total} went in, {kept} came out"):
            balanced("a stage", total, kept, masked)
    fields(tmp_path / "even")
    tally = Tally()
    paths = sorted((tmp_path / "even").iterdir())
    used = round(float(average_fields(paths, TARGET, tally=tally)["fields"].sum()))
    assert tally.balance(used, "soil_moisture")["out"] == used
    with pytest.raises(ValueError, match="soil_moisture: "):
        tally.balance(used - 1, "soil_moisture")
