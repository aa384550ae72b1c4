"""Products of one quantity: their differences, what is taken away, and months that cannot be compared."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kilomoist.errors import InputError
from kilomoist.grids import CELL_SIDE, M01, Window, ease_from_geographic, tile_grid
from kilomoist.predictors.bridging import choose_differences
from kilomoist.predictors.half_months import warp_halves
from kilomoist.predictors.product_comparison import comparison_rows, comparison_table
from kilomoist.predictors.product_differences import (
    COLUMNS,
    ProductDifferences,
    merge_products,
    read_differences,
)
from kilomoist.predictors.stacks import TileComposite, stack_predictors, with_granules
from kilomoist.products import measuring, shared_quantities
from kilomoist.rasters import write_raster

TERRA, AQUA, INDEX, VIIRS = "MOD11A1.061", "MYD11A1.061", "MOD13A2.061", "VNP13A2.002"
DAY, NIGHT = "VNP21A1D.002", "VNP21A1N.002"
TILE = "h25v04"


def test_products_that_measure_the_same() -> None:
    assert measuring("lst_day", [INDEX, AQUA, NIGHT, DAY]) == [AQUA, DAY]
    use = ["lst_night", "slope", "evi", "lst_range"]
    assert shared_quantities([INDEX, VIIRS, TERRA, DAY, NIGHT], use) == ["lst_night", "evi", "lst_range"]
    assert shared_quantities([INDEX, DAY, NIGHT], ["ndvi", "lst_day", "lst_night"]) == []


def test_means_are_weighted_by_days_without_differences() -> None:
    """By hand: 2 days of 300 and 6 of 304 − 2 are 301.5; where one product is absent the other counts alone."""
    nan = np.nan
    means = {TERRA: np.array([300.0, 300.0, nan, nan]), AQUA: np.array([304.0, nan, 304.0, nan])}
    days = {TERRA: np.array([2.0, 2.0, nan, 0.0]), AQUA: np.array([6.0, 0.0, 6.0, nan])}
    mean, total = merge_products(means, days, {TERRA: 0.0, AQUA: np.full(4, 2.0)})
    np.testing.assert_allclose(mean, [301.5, 300.0, 302.0, nan])
    np.testing.assert_allclose(total, [8.0, 2.0, 6.0, nan])
    assert mean.dtype == total.dtype == np.float32


def inventories(granules: dict[str, int], expected: int = 31) -> list[dict[str, Any]]:
    return [
        {"product": name, "tile": TILE, "granules": ["x"] * found, "absent": ["x"] * (expected - found)}
        for name, found in granules.items()
    ]


def table(month: str, granules: dict[str, int], *differences: tuple[str, str, str, float, int, float]) -> pd.DataFrame:
    """A month's table for LST by day: rows of product, reference, class, mean of the index, pixels and difference."""
    rows: list[dict[str, Any]] = []
    for product, reference, label, index, pixels, difference in differences:
        row = {"product": product, "reference": reference, "vegetation": label, "index": index, "pixels": pixels}
        rows.append({"quantity": "lst_day", **row, "difference": difference, "spread": 0.5})
    return comparison_table(rows, ["lst_day"], inventories(granules), month)


def test_what_is_taken_away_goes_in_a_straight_line_between_classes(tmp_path: Path) -> None:
    """By hand: at an index of 0.2, a third of the way from 0.1 (3 K) to 0.4 (1.5 K), it is 2.5 K."""
    whole, bare = (AQUA, TERRA, "all", 0.25, 5000, 2.0), (AQUA, TERRA, "ndvi below 0.2", 0.1, 3000, 3.0)
    dense, few = (AQUA, TERRA, "ndvi 0.4 to 0.6", 0.4, 1950, 1.5), (AQUA, TERRA, "ndvi 0.6 and above", 0.7, 50, -9.0)
    found = table("2021-08", {TERRA: 31, AQUA: 31}, whole, bare, dense, few)
    choose_differences({"2021-08": found}, "2021-08", bridge=False).to_parquet(tmp_path / "table.parquet")
    differences = read_differences([tmp_path / "table.parquet"], "ndvi")
    index = np.array([0.0, 0.1, 0.2, 0.4, 0.9, np.nan])
    np.testing.assert_allclose(differences.of("lst_day", AQUA, index), [3.0, 3.0, 2.5, 1.5, 1.5, 2.0])
    assert differences.of("lst_day", AQUA, None) == 2.0
    assert differences.of("lst_day", TERRA, index) == 0.0
    assert read_differences([], "ndvi").of("lst_day", AQUA, index) == 0.0


def series() -> dict[str, pd.DataFrame]:
    """Terra in the first two months, Aqua in all: what they differ by, 2 K of 3000 pixels and 4 K of 1000."""
    pair = ("lst_day", AQUA, TERRA)
    both = {TERRA: 31, AQUA: 31}
    return {
        "2021-07": table("2021-07", both, (*pair[1:], "all", 0.3, 3000, 2.0)),
        "2021-08": table("2021-08", both, (*pair[1:], "all", 0.5, 1000, 4.0)),
        "2021-09": table("2021-09", {TERRA: 0, AQUA: 30}),
    }


def test_a_month_without_the_first_product_takes_the_mean_of_those_that_have_both() -> None:
    chosen = choose_differences(series(), "2021-09", bridge=True).set_index("product")
    assert list(chosen.index) == [AQUA]
    row = chosen.loc[AQUA]
    assert (row["reference"], row["months"], row["pixels"]) == (TERRA, "2021-07 2021-08", 4000)
    assert row["difference"] == pytest.approx(2.5)
    assert row["index"] == pytest.approx(0.35)
    # 0.5² within months and, about 2.5, 3/4 · 0.5² + 1/4 · 1.5² between them.
    assert row["spread"] == pytest.approx(np.sqrt(0.25 + 0.75 * 0.25 + 0.25 * 2.25))


def test_a_month_with_both_takes_its_own() -> None:
    for bridge in (False, True):
        months = {name: found for name, found in series().items() if bridge or name != "2021-09"}
        chosen = choose_differences(months, "2021-08", bridge).set_index("product")
        assert chosen["difference"].to_dict() == {TERRA: 0.0, AQUA: 4.0}
        assert list(chosen.columns) == [name for name in COLUMNS if name != "product"]


def test_one_product_alone_needs_nothing_taken_away() -> None:
    chosen = choose_differences({"2021-09": series()["2021-09"]}, "2021-09", bridge=False)
    assert chosen["difference"].tolist() == [0.0]
    assert chosen["product"].tolist() == [AQUA]


def test_months_of_other_products_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        choose_differences(series(), "2021-09", bridge=False)
    said = f"2021-09 has no, or less than half of the, granules of {TERRA}, which 2021-07 has: "
    assert str(caught.value).startswith(said)
    assert "predictors.bridge: true" in str(caught.value)


@pytest.mark.parametrize("pixels", [None, 999])
def test_without_an_overlap_there_is_no_bridge(pixels: int | None) -> None:
    july = table("2021-07", {TERRA: 31, AQUA: 0})
    if pixels:
        july = table("2021-07", {TERRA: 31, AQUA: 31}, (AQUA, TERRA, "all", 0.3, pixels, 2.0))
    with pytest.raises(InputError) as caught:
        choose_differences({"2021-07": july, "2021-09": series()["2021-09"]}, "2021-09", bridge=True)
    assert str(caught.value) == (
        f"`predictors.bridge`: how {AQUA} differs from {TERRA} cannot be told, because none of the months 2021-07, "
        "2021-09 has granules of both and 1000 pixels that both see: add a month in which both have granules to "
        "`months`."
    )


def test_two_products_that_hardly_meet_cannot_be_merged() -> None:
    found = table("2021-07", {TERRA: 31, AQUA: 31}, (AQUA, TERRA, "all", 0.3, 800, 2.0))
    with pytest.raises(InputError) as caught:
        choose_differences({"2021-07": found}, "2021-07", bridge=False)
    assert str(caught.value).startswith(
        f"{AQUA} and {TERRA} both see 800 pixels of the region in 2021-07, and 1000 are "
    )


def test_a_month_with_a_scrap_of_the_first_product_is_bridged() -> None:
    """Terra's last three days tell their weather, not how Aqua differs: the months that have both do."""
    months = series()
    weather = (AQUA, TERRA, "all", 0.3, 5000, 10.0), (TERRA, AQUA, "all", 0.3, 5000, -10.0)
    months["2021-09"] = table("2021-09", {TERRA: 3, AQUA: 30}, *weather)
    chosen = choose_differences(months, "2021-09", bridge=True).set_index("product")
    assert chosen["difference"].to_dict() == pytest.approx({TERRA: 0.0, AQUA: 2.5})
    assert chosen["granules"].to_dict() == {TERRA: 3, AQUA: 30}
    assert chosen.loc[AQUA, "months"] == "2021-07 2021-08"
    with pytest.raises(InputError, match="less than half of the, granules of MOD11A1"):
        choose_differences(months, "2021-09", bridge=False)
    # Alone, the month is as Aqua sees it, and the scrap is brought to that.
    chosen = choose_differences({"2021-09": months["2021-09"]}, "2021-09", bridge=False).set_index("product")
    assert chosen["difference"].to_dict() == {TERRA: -10.0, AQUA: 0.0}


ROW, COLUMN = M01.locate(*ease_from_geographic(104.5, 47.0))
HERE = Window(int(ROW) // CELL_SIDE, int(COLUMN) // CELL_SIDE, 6, 7)


def composite(
    folder: Path, product: str, differences: ProductDifferences | None = None, **bands: np.ndarray | float
) -> TileComposite:
    grid = tile_grid(TILE, 1200)
    path = folder / f"{product}.tif"
    full = {name: np.broadcast_to(band, grid.window.shape).astype(np.float32) for name, band in bands.items()}
    write_raster(path, full, grid, grid.window, {})
    return TileComposite(product, TILE, path, *([differences] if differences else []))


def scene(folder: Path, differences: ProductDifferences | None = None) -> list[TileComposite]:
    """Bare ground in the west and plants in the east; Aqua sees 3 K more on the one, 1 K on the other."""
    green = np.where(np.arange(1200) < 185, 0.1, 0.5)
    random = np.random.default_rng(3)
    ground = 300 + random.normal(0, 0.2, (1200, 1200))
    days = random.integers(0, 4, (2, 1200, 1200))
    more = np.where(green < 0.3, 3.0, 1.0)
    halves = {"lst_day_odd": 1.0, "lst_day_odd_days": 1.0}
    return [
        composite(folder, INDEX, differences, ndvi=green, ndvi_days=31, water=0, snow=0),
        composite(folder, TERRA, differences, lst_day=ground, lst_day_days=days[0], **halves),
        composite(folder, AQUA, differences, lst_day=ground + more, lst_day_days=days[1], **halves),
    ]


def test_the_difference_that_was_put_in_is_found_and_taken_away(tmp_path: Path) -> None:
    composites = scene(tmp_path)
    inside = np.ones(HERE.refined(CELL_SIDE).shape, bool)
    rows = comparison_rows(composites, ["lst_day"], "ndvi", inside, HERE, 1, 1)
    found = comparison_table(rows, ["lst_day"], inventories({TERRA: 31, AQUA: 31}), "2021-08")
    by_class = found[(found["pixels"] > 0) & (found["product"] == AQUA)].set_index("vegetation")
    assert by_class.loc["ndvi below 0.2", "difference"] == pytest.approx(3.0, abs=0.05)
    assert by_class.loc["ndvi 0.4 to 0.6", "difference"] == pytest.approx(1.0, abs=0.05)
    assert by_class.loc["ndvi below 0.2", "index"] == pytest.approx(0.1, abs=0.01)

    choose_differences({"2021-08": found}, "2021-08", bridge=False).to_parquet(tmp_path / "table.parquet")
    corrected = scene(tmp_path, read_differences([tmp_path / "table.parquet"], "ndvi"))
    merged = stack_predictors(corrected, ["ndvi", "lst_day"], HERE, 2)
    assert set(merged) == {"ndvi", "ndvi_days", "lst_day", "lst_day_days", "water", "snow"}
    # Each product alone, with all its observations, is as the merged map but for what it sees more.
    alone = stack_predictors(corrected[:2], ["ndvi", "lst_day"], HERE, 1)
    plain = stack_predictors(composites, ["ndvi", "lst_day"], HERE, 2)
    for bands, bias in ((merged, 0.0), (plain, 0.8)):
        west = (bands["ndvi"] < 0.15) & np.isfinite(alone["lst_day"]) & np.isfinite(bands["lst_day"])
        assert west.sum() > 300
        error = (bands["lst_day"] - alone["lst_day"])[west].mean()
        assert error < 0.1 if bias == 0 else error > bias
    np.testing.assert_array_equal(merged["ndvi"], alone["ndvi"])
    assert np.nanmin(merged["lst_day_days"]) >= 2
    assert np.nanmean(merged["lst_day_days"]) > np.nanmean(alone["lst_day_days"])


def test_products_of_nothing_are_not_compared() -> None:
    inside = np.ones(HERE.refined(CELL_SIDE).shape, bool)
    assert comparison_rows([], ["lst_day"], "ndvi", inside, HERE, 1, 1) == []
    empty = comparison_table([], ["lst_day"], inventories({TERRA: 0, AQUA: 0}), "2021-08")
    assert choose_differences({"2021-08": empty}, "2021-08", bridge=False).empty


def test_what_one_product_sees_more_is_taken_away_where_the_first_is_not_there(tmp_path: Path) -> None:
    """As in a month that is bridged: Aqua's 304 K are Terra's 302, alone on a tile or everywhere."""
    differences = ProductDifferences(None, {("lst_day", AQUA): 2.0})
    halves = {"lst_day_odd": 304.0, "lst_day_odd_days": 3}
    aqua = composite(tmp_path, AQUA, differences, lst_day=304.0, lst_day_days=6, **halves)
    stack = stack_predictors([aqua], ["lst_day"], HERE, 3)
    assert float(np.nanmean(stack["lst_day"])) == pytest.approx(302.0)
    assert float(np.nanmean(stack["lst_day_days"])) == pytest.approx(6.0)
    assert np.nanmean(warp_halves([aqua], ["lst_day"], HERE, 3)["lst_day"][0]) == pytest.approx(302.0)


def test_a_composite_of_no_granule_tells_of_no_water(tmp_path: Path) -> None:
    """Beside one that has granules on the tile; alone it stays, as it ever did."""
    terra = composite(tmp_path, INDEX, ndvi=0.3, ndvi_days=31, water=0.4, snow=0.8)
    viirs = composite(tmp_path, VIIRS, ndvi=np.nan, ndvi_days=0, water=0, snow=0)
    found = [{"product": INDEX, "tile": TILE, "granules": ["x"]}, {"product": VIIRS, "tile": TILE, "granules": []}]
    assert with_granules([terra, viirs], found) == [terra]
    assert with_granules([viirs], found[1:]) == [viirs]
    stack = stack_predictors(with_granules([terra, viirs], found), ["ndvi"], HERE, 3)
    assert float(np.nanmean(stack["water"])) == pytest.approx(0.4)
    assert float(np.nanmean(stack["snow"])) == pytest.approx(0.8)


def test_halves_of_several_products_are_weighted_by_their_days(tmp_path: Path) -> None:
    """By hand: Terra's 300 K of 2 odd and 302 of 2 even days, Aqua's 304 (− 2) of 4 and 308 (− 2) of 2."""
    differences = ProductDifferences("ndvi", {("lst_day", AQUA): 2.0})
    terra = {"lst_day": 301.0, "lst_day_days": 4, "lst_day_odd": 300.0, "lst_day_odd_days": 2}
    aqua = {"lst_day": (4 * 304 + 2 * 308) / 6, "lst_day_days": 6, "lst_day_odd": 304.0, "lst_day_odd_days": 4}
    index = composite(tmp_path, INDEX, differences, ndvi=0.3, ndvi_days=31, water=0)
    own = [composite(tmp_path, name, differences, **bands) for name, bands in ((TERRA, terra), (AQUA, aqua))]
    halves = warp_halves([index, *own], ["ndvi", "lst_day"], HERE, 3)
    assert set(halves) == {"lst_day"}  # this composite of NDVI keeps no halves
    both, odd, even = (np.nanmean(half) for half in halves["lst_day"])
    assert odd == pytest.approx((2 * 300 + 4 * 302) / 6, abs=1e-3)
    assert even == pytest.approx((2 * 302 + 2 * 306) / 4, abs=1e-3)
    assert both == pytest.approx((6 * odd + 4 * even) / 10, abs=1e-3)


def test_night_of_viirs_beside_its_day_is_nothing_to_merge(tmp_path: Path) -> None:
    day = composite(tmp_path, DAY, lst_day=300.0, lst_day_days=3)
    night = composite(tmp_path, NIGHT, lst_night=280.0, lst_night_days=4)
    stack = stack_predictors([day, night], ["lst_day", "lst_night"], HERE, 3)
    assert {name: float(np.nanmean(band)) for name, band in stack.items()} == pytest.approx(
        {"lst_day": 300, "lst_night": 280, "lst_day_days": 3, "lst_night_days": 4}
    )
