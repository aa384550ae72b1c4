"""From blocks to the map: exact cell means, no seams, flags."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from kilomoist.cells import block_mean
from kilomoist.grids import CELL_SIDE, Window
from kilomoist.mapping import flags
from kilomoist.mapping.maps import AnalysisCells, bounds_of, finish_block, map_tags
from kilomoist.products import products_of
from kilomoist.quality_flags import CLASSES
from kilomoist.reconciliation import Reconciliation
from kilomoist.regions import blocks_of

CELLS = Window(200, 3000, 18, 22)
BOUNDS = (0.0, 1.0)
WARRANTED = "as far as warranted: SMAP has weight 0.401, the model's mean the rest"


def field(seed: int, window: Window, deviation: float, scale: float, share: float) -> np.ndarray:
    """A smooth field around 0.2 with gaps."""
    random = np.random.default_rng(seed)
    pattern = gaussian_filter(random.standard_normal(window.shape), scale, mode="reflect")
    return np.where(random.random(window.shape) < share, 0.2 + deviation * pattern / pattern.std(), np.nan)


def raw_map(seed: int, share: float = 1.0, scale: float = 6.0) -> np.ndarray:
    return field(seed, CELLS.refined(CELL_SIDE), 0.04, scale, share)


def goal(seed: int, share: float = 1.0) -> np.ndarray:
    """A target that differs from the map by a smooth field."""
    return np.clip(field(seed, CELLS, 0.05, 2, share), 0.02, 0.6)


def make_map(raw: np.ndarray, target: np.ndarray, side: int, bounds: tuple[float, float] = BOUNDS) -> tuple:
    """The final map and its reconciled cells, made in blocks as the rules do."""
    pixels = CELLS.refined(CELL_SIDE)
    reconciliation = Reconciliation(CELLS, CELL_SIDE)
    blocks = list(blocks_of(CELLS, side).values())
    for block in blocks:
        reconciliation.measure(raw[block.refined(CELL_SIDE).within(pixels)], block)
    correction, reconciled = reconciliation.solve(target, 0.5)
    cells = AnalysisCells(CELLS, np.where(reconciled, target, np.nan), correction, 1.0)
    values = np.full(pixels.shape, np.nan, np.float32)
    for block in blocks:
        cut = block.refined(CELL_SIDE).within(pixels)
        values[cut] = finish_block(raw[cut], cells, block, bounds)
    return values, reconciled


def edge_ratio(values: np.ndarray) -> float:
    """Mean |gradient| across cell edges, divided by that inside cells, along both axes."""
    across, inside = np.empty(0), np.empty(0)
    for along in (values.astype(float), values.T.astype(float)):
        steps, at_edge = np.abs(np.diff(along, axis=0)), np.arange(1, len(along)) % CELL_SIDE == 0
        across, inside = np.append(across, steps[at_edge]), np.append(inside, steps[~at_edge])
    return float(np.nanmean(across) / np.nanmean(inside))


@given(seed=st.integers(0, 10_000), share=st.floats(0.4, 1), targets=st.floats(0.3, 1))
@settings(max_examples=8, deadline=None)
def test_means_are_exact_in_single_precision(seed: int, share: float, targets: float) -> None:
    raw, target = raw_map(seed, share), goal(seed + 1, targets)
    values, reconciled = make_map(raw, target, 256)
    assert values.dtype == np.float32
    means, count = block_mean(values, CELL_SIDE)
    np.testing.assert_array_equal(reconciled, np.isfinite(target) & (count >= 0.5 * 81))
    np.testing.assert_allclose(means[reconciled], target[reconciled], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(np.isfinite(values), np.isfinite(raw))
    assert np.nanmin(values) >= 0
    assert np.nanmax(values) <= 1


@pytest.mark.parametrize("side", [8, 11])
def test_many_blocks_make_the_same_map_as_one(side: int) -> None:
    raw, target = raw_map(3, 0.8), goal(4, 0.9)
    whole, cells_of_whole = make_map(raw, target, 256)
    many, cells_of_many = make_map(raw, target, side)
    np.testing.assert_array_equal(many, whole)
    np.testing.assert_array_equal(cells_of_many, cells_of_whole)


def test_no_edges_of_cells_show() -> None:
    raw, target = raw_map(5), goal(6)
    values, reconciled = make_map(raw, target, 8)
    assert reconciled.all()
    assert edge_ratio(raw) == pytest.approx(1, abs=0.05)
    assert edge_ratio(values) < 1.1
    # The statistic sees edges: copying, and shifting each cell by a constant.
    copied = np.kron(target, np.ones((9, 9)))
    shifted = raw + np.kron(target - block_mean(raw, 9)[0], np.ones((9, 9)))
    with np.errstate(divide="ignore"):
        assert edge_ratio(copied + 1e-4 * raw) > 10
    assert edge_ratio(shifted) > 2


def test_no_edges_of_blocks_show() -> None:
    """Gradients across the borders of blocks of 8 cells against those across other cell edges."""
    values, _ = make_map(raw_map(7), goal(8), 8)
    steps = np.abs(np.diff(values.astype(float), axis=1))
    border = np.arange(1, values.shape[1])
    at_block, at_cell = steps[:, border % 72 == 0], steps[:, (border % 9 == 0) & (border % 72 != 0)]
    assert at_block.mean() < 1.25 * at_cell.mean()


def test_values_stay_within_bounds_and_means_exact() -> None:
    """A dry target and a map with much detail: without bounds a tenth of the pixels would fall below 0."""
    raw, target = raw_map(9, scale=2) - 0.15, np.full(CELLS.shape, 0.03)
    values, reconciled = make_map(raw, target, 256)
    unbounded, _ = make_map(raw, target, 256, (-10.0, 10.0))
    assert (unbounded < 0).mean() > 0.1
    assert values.min() == 0
    np.testing.assert_allclose(block_mean(values, 9)[0][reconciled], 0.03, rtol=0, atol=1e-6)


def test_without_correction_the_map_is_the_raw_one() -> None:
    """`map.reconcile: false`: no cell has a target, bounds still hold."""
    raw = raw_map(10, 0.7)
    raw[0, 0] = 1.2
    cells = AnalysisCells(CELLS, np.full(CELLS.shape, np.nan), np.zeros(CELLS.shape), 1.0)
    expected = np.clip(raw, 0, 1).astype(np.float32)
    np.testing.assert_array_equal(finish_block(raw, cells, CELLS, BOUNDS), expected, strict=True)


def test_bounds_are_physical() -> None:
    assert {bounds_of(name) for name in products_of("target")} == {(0.0, 1.0)}


@pytest.mark.parametrize(
    ("target", "weight", "told"), [(0.2, 1.0, "yes"), (np.nan, 1.0, "no"), (0.2, 0.401, WARRANTED)]
)
def test_a_map_tells_how_far_it_is_reconciled(target: float, weight: float, told: str) -> None:
    analysis = AnalysisCells(CELLS, np.full(CELLS.shape, target), np.zeros(CELLS.shape), weight)
    assert map_tags(analysis) == {"reconciled": told}


# Flags

MEANINGS = (
    *("outside the training range", "outside the area of applicability", "few observations"),
    *("water, snow or ice in the pixel", "cell not reconciled", "frozen", "SMAP without radiometer"),
)
"""Of bits 0 to 6."""
RECONCILED = np.array([[True]])


def test_legend_matches_the_published_bits() -> None:
    published = {f"bit_{bit}": meaning for bit, meaning in enumerate([*MEANINGS, "no value"])}
    assert flags.legend(["ndvi", "lst_day"]) == published
    never = {"bit_5": "frozen (never set: lst_day is not in use)"}
    assert flags.legend(["ndvi"]) == published | never
    assert sorted(flag.bit for flag in flags.FLAGS.values()) == list(range(8))
    assert sorted(flags.SEVERITY) == sorted(flags.FLAGS)


def stack_of(shape: tuple[int, int]) -> dict[str, np.ndarray]:
    clean = {"ndvi_days": 31.0, "lst_day_days": 20.0, "water": 0.0, "snow": 0.0}
    return {name: np.full(shape, value, np.float32) for name, value in clean.items()}


def test_flags_of_single_pixels() -> None:
    stack, values = stack_of((18, 9)), np.full((18, 9), 0.2, np.float32)
    stack["lst_day_days"][0, 0] = 4.99
    stack["lst_day_days"][0, 1] = 5
    stack["ndvi_days"][0, 2] = 1
    stack["water"][0, 3], stack["snow"][0, 4] = 0.06, 0.06
    stack["water"][0, 5] = 0.05
    stack["lst_day_days"][0, 6], stack["snow"][0, 6] = 1, 1
    values[0, 7] = np.nan
    stack["water"][0, 7] = 1
    found = flags.flag_block(values, stack, {"lst_day": 5, "ndvi": 16}, np.array([[True], [False]]), {})
    assert found.dtype == np.uint8
    assert found[0].tolist() == [4, 0, 4, 8, 8, 0, 12, 128, 0]
    assert not found[1:9].any()
    assert (found[9:] == 16).all()


@given(seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_pixels_without_value_only_say_so(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (27, 18)
    stack = {
        name: np.where(random.random(shape) < 0.5, random.random(shape), np.nan).astype(np.float32)
        for name in ("lst_day_days", "water", "snow")
    }
    values = np.where(random.random(shape) < 0.6, 0.2, np.nan).astype(np.float32)
    reconciled = random.random((3, 2)) < 0.5
    found = flags.flag_block(values, stack, {"lst_day": 0.5}, reconciled, {})
    for row, column in np.ndindex(shape):
        place = (row, column)
        surface = any(stack[name][place] > 0.05 for name in ("water", "snow"))
        few = stack["lst_day_days"][place] < 0.5
        raised = 4 * few + 8 * surface + 16 * (not reconciled[row // 9, column // 9])
        assert found[place] == (128 if np.isnan(values[place]) else raised)


def test_flags_without_vegetation_and_without_predictors() -> None:
    """Temperature alone tells nothing of water."""
    stack, values = {"lst_day_days": np.full((9, 9), 4.0, np.float32)}, np.full((9, 9), 0.2, np.float32)
    for few_days, flag in (({"lst_day": 5}, 4), ({"lst_day": 3}, 0), ({}, 0)):
        assert (flags.flag_block(values, stack, few_days, RECONCILED, {}) == flag).all()


def test_pixels_freeze_below_273_15_kelvin() -> None:
    stack, values = stack_of((9, 9)), np.full((9, 9), 0.2, np.float32)
    stack["lst_day"] = np.full((9, 9), 273.15, np.float32)
    stack["lst_day"][0, :3] = [273.14, 273.16, np.nan]
    found = flags.flag_block(values, stack, {}, RECONCILED, {})
    assert found[0, :4].tolist() == [32, 0, 0, 0]
    assert found.sum() == 32


def test_flags_that_are_found_elsewhere_are_set_where_they_hold() -> None:
    values = np.full((9, 9), 0.2, np.float32)
    values[8] = np.nan
    outside = np.zeros((2, 9, 9), bool)
    outside[0, 0], outside[1, :, 0] = True, True
    others = flags.verdict_flags({"outside_range": outside[0], "dissimilarity": np.where(outside[1], 0.5, 0.4)}, 0.4, 3)
    found = flags.flag_block(values, stack_of((9, 9)), {}, RECONCILED, others)
    assert found[0, :2].tolist() == [64 + 2 + 1, 64 + 1]
    assert found[1, :2].tolist() == [64 + 2, 64]
    assert (found[8] == 128).all()


def test_each_value_has_the_colour_of_its_most_severe_flag() -> None:
    places, colours = flags.most_severe(), flags.colour_table()
    assert places[0] == len(flags.SEVERITY)
    assert [flags.SEVERITY[places[value]] for value in (128, 255, 32 + 8, 8 + 2, 3, 1 + 16, 16 + 4, 4 + 64, 64)] == [
        *("no_value", "no_value", "frozen", "water_or_snow", "outside_applicability", "outside_range"),
        *("not_reconciled", "few_observations", "without_radiometer"),
    ]
    assert sorted(colours) == list(range(256))
    for value, colour in colours.items():
        assert "#" + "".join(f"{part:02X}" for part in colour) == flags.severity_colours()[places[value]]
    assert flags.severity_colours()[-1] == CLASSES[0].colour
    assert len(set(flags.severity_colours())) == 9


def test_shares_are_of_the_pixels_that_have_a_value() -> None:
    found = np.array([[0, 0, 0, 4, 6], [66, 128, 128, 128, 128]], np.uint8)
    table = flags.flag_table(flags.count_values(found)).set_index("flag")
    numbers = [0, 2, 2, 0, 0, 0, 1, 3]
    assert table["pixels"].to_dict() == dict(zip([*MEANINGS, "no flag"], numbers, strict=True))
    np.testing.assert_allclose(table["share"], table["pixels"] / 6)
    assert table["bit"].tolist()[:-1] == list(range(7))
    assert flags.share_without(table.reset_index(), "outside_applicability") == pytest.approx(4 / 6)
    assert flags.flag_table(flags.count_values(np.full(4, 128, np.uint8)))["share"].isna().all()
