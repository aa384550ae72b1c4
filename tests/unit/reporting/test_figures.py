"""Figures are drawn, say what they show, and come out the same twice."""

from pathlib import Path
from typing import Any

import geopandas
import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from shapely.geometry import Point

from kilomoist.grids import M01, M09, Box, Window, cells_covering
from kilomoist.mapping.flags import count_values, flag_table
from kilomoist.mapping.shifts import ShiftCount, learned_range, shift_tables
from kilomoist.quality_flags import FLAGS, SEVERITY
from kilomoist.rasters import write_raster
from kilomoist.reporting.figures.cartography import MAX_SIDE, Region, roomy_bounds
from kilomoist.reporting.figures.correlation import draw_correlation
from kilomoist.reporting.figures.coverage import dominance, draw_coverage
from kilomoist.reporting.figures.field_validation import draw_points
from kilomoist.reporting.figures.importance import draw_importance
from kilomoist.reporting.figures.maps import draw_both_maps
from kilomoist.reporting.figures.pages import new_page, percent_text, read_caption
from kilomoist.reporting.figures.partial_dependence import draw_partial_dependence
from kilomoist.reporting.figures.predicted_observed import draw_predicted_observed
from kilomoist.reporting.figures.product_differences import draw_differences
from kilomoist.reporting.figures.quality import draw_quality
from kilomoist.reporting.figures.residual_weight import draw_residual
from kilomoist.reporting.figures.shift import draw_shift
from kilomoist.texts import LANGUAGES, Language, speaking
from kilomoist.texts import text as catalogued

CAPTION = "khangai  ·  August 2021  ·  simulated data"
BBOX = (100.0, 46.0, 102.0, 47.0)
REGION = None, BBOX, None
PIXELS = cells_covering(BBOX).refined(9)


def words(figure: Figure) -> str:
    """Everything that a figure says, one text a line."""
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def values_drawn(axes: Axes) -> np.ndarray:
    return np.ma.filled(axes.images[0].get_array().astype(float), np.nan)


def labels(axes: Axes) -> list[str]:
    """Of bars, in the order in which they are counted."""
    return [label.get_text() for label in axes.get_yticklabels()]


def written(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def flags_drawn(axes: Axes) -> set[str]:
    places = values_drawn(axes)
    return {[*SEVERITY, "no_flag"][int(place)] for place in places[np.isfinite(places)]}


def correlation_table() -> pd.DataFrame:
    rows = [
        ("target", "ndvi", 0.72, 1e-9, 17564, 1204.4, 1e-9),
        ("target", "lst_day", -0.66, 1e-9, 17564, 11.2, 0.03),
        ("ndvi", "lst_day", -0.004, 0.6, 17000, 96.0, 0.9),
    ]
    return pd.DataFrame(rows, columns=["first", "second", "r", "p", "n", "effective_n", "p_effective"])


def importance_table() -> pd.DataFrame:
    rows = [
        ("absolute", "lst_day", "predictor", 16.0, 10.0, 0.03, 0.002, 0.001, 1.7),
        ("absolute", "evi", "predictor", 57.0, 64.0, 0.03, 0.012, 0.004, 26.04),
        ("absolute", "ndvi", "predictor", 27.0, 26.0, 0.03, 0.006, 0.003, np.inf),
        ("absolute", "ndvi + evi", "group", 84.0, 90.0, 0.03, 0.02, 0.005, np.nan),
        ("detail", "evi", "predictor", 40.0, 100.0, 0.01, 0.003, 0.0005, 5.2),
        ("detail", "lst_day", "predictor", 60.0, 0.0, 0.01, -0.00004, 0.0001, 1.0),
        ("detail", "ndvi", "predictor", 0.0, 0.0, 0.01, -0.0002, 0.0001, 5.3),
        ("detail", "ndvi + evi", "group", 40.0, 100.0, 0.01, 0.004, 0.0004, np.nan),
    ]
    columns = ["method", "predictor", "entry", "impurity_percent", "permutation_percent"]
    return pd.DataFrame(rows, columns=[*columns, "rmse", "rmse_growth", "rmse_growth_sd", "vif"])


def dependence_table() -> pd.DataFrame:
    """Lines from 0 to 1 of three values each, learned from 0.2 to 0.9 and mostly from 0.4 to 0.7."""
    rows = [
        (method, predictor, unit, value, 0.1 + slope * value)
        for method, slope in (("absolute", 0.2), ("detail", -0.01))
        for predictor, unit in (("ndvi", "1"), ("lst_day", "K"))
        for value in (0.0, 0.5, 1.0)
    ]
    frame = pd.DataFrame(rows, columns=["method", "predictor", "unit", "value", "prediction"])
    return frame.assign(minimum=0.2, p05=0.4, p95=0.7, maximum=0.9)


def cells(count: int) -> pd.DataFrame:
    random = np.random.default_rng(7)
    observed = random.uniform(0.05, 0.3, count)
    split = np.where(np.arange(count) % 5, "train", "test")
    return pd.DataFrame({"observed": observed, "predicted": observed + random.normal(0, 0.02, count), "split": split})


def scores() -> pd.DataFrame:
    rows = [("train", 800, 0.97, 0.93, 0.012, 0.012, -0.0001), ("random", 200, 0.86, 0.73, 0.03, 0.029, -0.002)]
    frame = pd.DataFrame(rows, columns=["protocol", "n", "r", "r2", "rmse", "ubrmse", "bias"])
    study = frame.assign(method="absolute", model="random_forest", label="study's map, 9 km")
    rows = [(600, 0.95, 0.9, 0.0106, 0.0105, 0.001, "map, one scale up")]
    rows += [(600, 0.9, 0.8, 0.0131, 0.013, 0.0, "SMAP, bilinear, one scale up")]
    rows += [(600, 0.9, 0.8, 0.0111, 0.011, 0.0, "SMAP, bilinear, reconciled, one scale up")]
    made = pd.DataFrame(rows, columns=["n", "r", "r2", "rmse", "ubrmse", "bias", "label"])
    return pd.concat([study, made.assign(protocol="one_scale_up", p_effective=0.012, note="restored from 36 km")])


def restored(count: int) -> pd.DataFrame:
    frame = cells(count)
    return pd.DataFrame({"observed": frame["observed"], "estimated": frame["predicted"], "copied": 0.1})


def field_points() -> pd.DataFrame:
    random = np.random.default_rng(8)
    observed = random.uniform(0.05, 0.3, 30)
    return pd.DataFrame({"observed": observed, "coarse": random.uniform(0.1, 0.2, 30), "fine": observed})


def field_table() -> pd.DataFrame:
    rows = [("9 km", 30, 0.42, 1e-7, 0.06, 0.055, 0.02), ("1 km", 30, 0.51, 0.012, 0.05, 0.048, -0.01)]
    return pd.DataFrame(rows, columns=["map", "n", "r", "p", "rmse", "ubrmse", "bias"])


def draw_maps(folder: Path, region: Region = REGION, fill: float | None = None, box: Box = BBOX, **tags: str) -> Figure:
    """A 1 km map, drier by far in its south-west corner cell, and its means at 9 km; or both filled with one value."""
    window = cells_covering(box)
    fine_window = window.refined(9)
    fine = np.random.default_rng(9).uniform(0.1, 0.2, fine_window.shape).astype(np.float32)
    fine[-9:, :9] = 0.02
    fine[:9, -9:] = np.nan
    coarse = fine.reshape(window.rows, 9, window.columns, 9).mean(axis=(1, 3))
    paths = folder / "soil_moisture_9km.tif", folder / "soil_moisture.tif"
    for path, values, grid, area in zip(paths, (coarse, fine), (M09, M01), (window, fine_window), strict=True):
        bands = {"soil_moisture": values if fill is None else np.full_like(values, fill)}
        write_raster(path, bands, grid, area, tags)
    return draw_both_maps(folder / "maps.png", *paths, CAPTION, region, 2.54, "Verdict: use SMAP.")


def some_flags() -> np.ndarray:
    """No value in the north, few observations in the west, of these some frozen."""
    flags = np.zeros(PIXELS.shape, np.uint8)
    flags[:, : PIXELS.columns // 2] = 4
    flags[-20:, :20] = 32 + 4
    flags[:50] = 128
    return flags


def draw_flags(folder: Path, flags: np.ndarray, **tags: str) -> Figure:
    path = folder / "quality.tif"
    write_raster(path, {"quality": flags}, M01, PIXELS, tags)
    return draw_quality(folder / "quality.png", path, flag_table(count_values(flags)), CAPTION, REGION)


def counted(space: str, predictor: str, rows: np.ndarray, pixels: np.ndarray) -> dict[str, Any]:
    count = ShiftCount(learned_range(space, predictor, rows))
    count.add(pixels)
    return count.counts()


def shift_frames(*spaces: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of one predictor in 20 all pixels are above the training rows; the other has two pixels in 2000 outside."""
    random = np.random.default_rng(10)
    rows, pixels = random.uniform(0, 1, 300), random.uniform(0.1, 0.9, 2000)
    high, two = pixels + np.where(np.arange(2000) % 20, 0, 1), pixels.copy()
    two[:2] = [-1, 2]
    predictors = (("ndvi", rows, high), ("lst_day", 300 + rows, 300 + two))
    block = [counted(space, *predictor) for space in spaces for predictor in predictors]
    return shift_tables([block], {"ndvi": "1", "lst_day": "K"})


def draw_all(folder: Path) -> dict[str, Figure]:
    return {
        "correlation": draw_correlation(folder / "correlation.png", correlation_table(), CAPTION),
        "importance": draw_importance(folder / "importance.png", importance_table(), CAPTION),
        "dependence": draw_partial_dependence(folder / "dependence.png", dependence_table(), CAPTION),
        "dots": draw_predicted_observed(folder / "dots.png", cells(100), restored(90), scores(), CAPTION),
        "counts": draw_predicted_observed(folder / "counts.png", cells(3000), restored(2000), scores(), CAPTION),
        "field": draw_points(folder / "field.png", field_points(), field_table(), CAPTION),
        "maps": draw_maps(folder),
        "quality": draw_flags(folder, some_flags()),
        "shift": draw_shift(folder / "shift.png", *shift_frames("value", "deviation"), CAPTION),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("figures")


@pytest.fixture(scope="module")
def drawn(folder: Path) -> dict[str, Figure]:
    return draw_all(folder)


def test_every_figure_is_a_picture_that_names_region_month_and_source(folder: Path, drawn: dict[str, Figure]) -> None:
    assert {path.stem for path in folder.glob("*.png")} == set(drawn)
    for name, figure in drawn.items():
        assert np.all(np.greater_equal(imread(folder / f"{name}.png").shape[:2], (450, 900))), name
        assert "khangai  ·  August 2021  ·  simulated data" in words(figure), name


def assert_fits(figure: Figure) -> None:
    """Every panel and everything written lies on the page and below the heading."""
    for text in figure.texts:
        assert figure.bbox.padded(1).containsx(text.get_window_extent().x1), text
    heading = min(text.get_window_extent().y0 for text in figure.texts)
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert min(box.x0, box.y0) >= 0, axes
        assert box.x1 <= figure.bbox.x1, axes
        assert box.y1 <= heading, axes


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_cut_off(drawn: dict[str, Figure], tmp_path: Path, language: Language) -> None:
    with speaking(language):
        for figure in drawn.values() if language == "en" else draw_all(tmp_path).values():
            assert_fits(figure)
        assert_others_fit(tmp_path)


def assert_others_fit(tmp_path: Path) -> None:
    """Pages of little."""
    assert_fits(draw_predicted_observed(tmp_path / "empty.png", cells(0), restored(0), scores(), CAPTION))
    assert_fits(draw_correlation(tmp_path / "one.png", correlation_table()[:1], CAPTION))
    assert_fits(draw_importance(tmp_path / "one.png", importance_table()[:1], CAPTION))
    assert_fits(draw_partial_dependence(tmp_path / "one.png", dependence_table()[:3], CAPTION))


def test_same_input_gives_same_bytes(
    folder: Path, drawn: dict[str, Figure], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The second time as on a machine whose user likes large letters.
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 20)
    monkeypatch.setitem(matplotlib.rcParams, "savefig.bbox", "tight")
    draw_all(tmp_path)
    for name in drawn:
        content = (folder / f"{name}.png").read_bytes()
        assert content == (tmp_path / f"{name}.png").read_bytes(), name
        assert b"Software" not in content, name


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("archive", "granules of an archive"),
        ("archive of simulated granules", "simulated data"),
        ("earthdata", "NASA granules (earthdata)"),
    ],
)
def test_caption_tells_nasa_granules_from_others(tmp_path: Path, source: str, told: str) -> None:
    tags = {"region": "mongolia", "month": "2021-01", "source": source, "target": "SPL4SMGP.008"}
    write_raster(tmp_path / "map.tif", {"a": np.zeros((1, 1))}, M09, Window(210, 2990, 1, 1), tags)
    assert read_caption(tmp_path / "map.tif") == f"mongolia  ·  January 2021  ·  {told}"


def test_correlation_prints_every_pair_once_with_its_significance(drawn: dict[str, Figure]) -> None:
    texts = words(drawn["correlation"]).splitlines()
    assert [text for text in texts if text.endswith(("**", "6*", "0.00"))] == ["0.72**", "−0.66*", "0.00"]
    assert any("n = 17,000–17,564 cells" in text and "worth 11–1,204" in text for text in texts)
    assert any("** p < 0.01" in text for text in texts)
    assert {"SMAP, 9 km", "NDVI", "LST, day", "Pearson r"} <= set(texts)
    np.testing.assert_allclose(values_drawn(drawn["correlation"].axes[0]), [[0.72, np.nan], [-0.66, -0.004]])


def test_correlation_takes_a_full_matrix_with_its_diagonal(tmp_path: Path) -> None:
    table = correlation_table()
    mirrored = table.rename(columns={"first": "second", "second": "first"})
    full = pd.concat([table, mirrored, table[:1].assign(first="ndvi", r=1.0)])
    figure = draw_correlation(tmp_path / "full.png", full, CAPTION)
    np.testing.assert_allclose(values_drawn(figure.axes[0]), [[0.72, np.nan], [-0.66, -0.004]])


def test_correlation_of_a_constant_has_no_stars(tmp_path: Path) -> None:
    table = correlation_table()[:1].assign(r=np.nan, p=np.nan, effective_n=np.nan, p_effective=np.nan)
    texts = words(draw_correlation(tmp_path / "none.png", table, CAPTION)).splitlines()
    assert any(text.endswith("worth –") for text in texts)
    assert not any(text.endswith("*") for text in texts)


def test_importance_has_a_row_of_panels_a_method_in_one_order(drawn: dict[str, Figure]) -> None:
    panels = drawn["importance"].axes
    assert [axes.get_title(loc="left") for axes in panels[::2]] == ["study's map", "map, 1 km"]
    # Groups below, the largest of the study's method on top; factors are those of the method.
    assert labels(panels[0]) == ["NDVI + EVI", "LST, day\nVIF 1.7", "NDVI\nVIF ∞", "EVI\nVIF 26.0"]
    assert labels(panels[2]) == ["NDVI + EVI", "LST, day\nVIF 1.0", "NDVI\nVIF 5.3", "EVI\nVIF 5.2"]
    permutation, impurity = panels[3].containers[:2]
    assert [bar.get_width() for bar in permutation] == [100, 0, 0, 100]
    assert [bar.get_width() for bar in impurity] == [40, 60, 0, 40]
    assert written(panels[1]) == [*("90 %", "10 %", "26 %", "64 %"), *("84 %", "16 %", "27 %", "57 %")]


def test_importance_shows_the_growth_of_the_error_with_its_spread(drawn: dict[str, Figure]) -> None:
    growth = drawn["importance"].axes[2]
    bars, errors = growth.containers
    assert [bar.get_width() for bar in bars] == [0.004, -0.00004, -0.0002, 0.003]
    ends = [segment[:, 0] for segment in errors.lines[2][0].get_segments()]
    np.testing.assert_allclose(ends, [[0.0036, 0.0044], [-0.00014, 0.00006], [-0.0003, -0.0001], [0.0025, 0.0035]])
    assert written(growth) == ["0.0040", "0.0000", "−0.0002", "0.0030"]
    assert growth.get_xlabel() == "Added to an RMSE of 0.010 by shuffling (m³/m³)"
    assert growth.get_xlim()[0] < -0.0003 < 0.0044 < growth.get_xlim()[1]


def test_importance_numbers_do_not_overlap_bars_or_each_other(drawn: dict[str, Figure]) -> None:
    for axes in drawn["importance"].axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i])
        assert all(box.x1 <= axes.get_window_extent().x1 for box in boxes)
        bars = [bar.get_window_extent() for bar in axes.patches]
        assert not any(box.overlaps(bar) for box in boxes for bar in bars if bar.width > 1)


def test_importance_without_splits_and_groups_has_permutation_alone(tmp_path: Path) -> None:
    table = importance_table()[:2].assign(impurity_percent=np.nan)
    figure = draw_importance(tmp_path / "importance.png", table, CAPTION)
    texts = set(words(figure).splitlines())
    assert texts & {"64 %", "nan %", "impurity"} == {"64 %"}
    assert labels(figure.axes[0]) == ["LST, day\nVIF 1.7", "EVI\nVIF 26.0"]
    assert "one product" not in words(figure)


def test_partial_dependence_has_units_and_tells_deviations(drawn: dict[str, Figure]) -> None:
    panels = drawn["dependence"].axes
    assert [axes.get_title(loc="left") for axes in panels[::2]] == ["study's map", "map, 1 km"]
    deviation = ":\ndeviation from coarse cells"
    expected = ["NDVI", "LST, day (K)", f"NDVI{deviation}", f"LST, day{deviation} (K)"]
    assert [axes.get_xlabel() for axes in panels] == expected
    expected = ["Soil moisture (m³/m³)", f"Soil moisture{deviation} (m³/m³)"]
    assert [axes.get_ylabel() for axes in panels[::2]] == expected
    assert "“map, 1 km”: both axes are deviations" in words(drawn["dependence"])


def test_partial_dependence_marks_the_training_rows(drawn: dict[str, Figure]) -> None:
    panels = drawn["dependence"].axes
    for axes, last in zip(panels, (0.3, 0.3, 0.09, 0.09), strict=True):
        minimum, maximum, curve = axes.lines
        assert [line.get_xdata()[0] for line in (minimum, maximum)] == [0.2, 0.9]
        np.testing.assert_array_equal(curve.get_xdata(), [0, 0.5, 1])
        assert curve.get_ydata()[-1] == pytest.approx(last)
        (band,) = axes.patches
        assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((0.4, 0.7))
        assert axes.get_xlim() == (0, 1)
    assert panels[0].get_ylim() == panels[1].get_ylim() != panels[2].get_ylim() == panels[3].get_ylim()


def test_partial_dependence_of_indices_alone_reads_their_unit_as_a_number(tmp_path: Path) -> None:
    """In a CSV whose units are all 1."""
    table = dependence_table()[:3].assign(unit=1)
    figure = draw_partial_dependence(tmp_path / "one.png", table, CAPTION)
    assert [axes.get_xlabel() for axes in figure.axes] == ["NDVI"]
    assert "both axes are deviations" not in words(figure)


def test_many_predictors_go_on_in_the_next_line(tmp_path: Path) -> None:
    names = [f"layer_{number}" for number in range(8)]
    table = pd.concat([dependence_table()[:3].assign(predictor=name, unit="1") for name in names])
    figure = draw_partial_dependence(tmp_path / "dependence.png", table, CAPTION)
    assert [axes.get_xlabel() for axes in figure.axes] == [f"layer {number}" for number in range(8)]
    assert len({round(axes.get_position().y0, 3) for axes in figure.axes}) == 2
    assert figure.get_figwidth() < 12
    counts = [counted("value", name, np.arange(60) / 60, np.arange(60) / 60) for name in names[:7]]
    figure = draw_shift(tmp_path / "shift.png", *shift_tables([counts], dict.fromkeys(names, "1")), CAPTION)
    assert [axes.axison for axes in figure.axes] == [True] * 7 + [False]
    assert_fits(figure)


@pytest.mark.parametrize("name", ["dots", "counts"])
def test_predicted_observed_prints_the_scores_it_was_given(drawn: dict[str, Figure], name: str) -> None:
    own, train, test = drawn[name].axes[:3]
    assert "n = 800\nr = 0.97\nR² = 0.93\nRMSE = 0.0120 m³/m³" in written(train)[0]
    assert written(train)[0].endswith("bias = 0.000 m³/m³")
    assert "n = 200\nr = 0.86\nR² = 0.73\nRMSE = 0.0300 m³/m³" in written(test)[0]
    assert written(test)[0].endswith("bias = −0.002 m³/m³")
    assert train.get_xlim() == train.get_ylim() == test.get_xlim() == test.get_ylim()
    assert train.get_aspect() == 1
    assert "not the accuracy at 1 km" in words(drawn[name])
    # The delivered map comes first, beside what needs no predictor; p says which column it is.
    assert own.get_title(loc="left") == "map, one scale up"
    assert written(own)[0].startswith("n = 600\nr = 0.95\np = 0.012 (effective sample size)\n")
    nulls = "0.0131 m³/m³, “SMAP, bilinear, one scale up”\n0.0111 m³/m³, “SMAP, bilinear, reconciled, one scale up”"
    assert written(own)[0].endswith(f"RMSE without any predictor:\n{nulls}")
    assert "“map, one scale up”: restored from 36 km." in words(drawn[name])
    assert [axes.get_title(loc="left")[:17] for axes in (train, test)] == ["study's map, 9 km"] * 2


def test_counts_hold_every_cell_on_one_scale(drawn: dict[str, Figure]) -> None:
    *panels, bar = drawn["counts"].axes
    hexagons = [axes.collections[0] for axes in panels]
    assert [count.get_array().sum() for count in hexagons] == [2000, 2400, 600]
    assert hexagons[0].norm is hexagons[1].norm
    assert bar.get_ylabel() == "Cells per hexagon"


@pytest.mark.parametrize("count", [0, 100, 3000])
def test_predicted_observed_without_test_cells_says_so(tmp_path: Path, count: int) -> None:
    frame = cells(count).assign(split="train")
    unscored = scores()[:1]
    row = {"protocol": "one_scale_up", "label": "map, one scale up", "note": "3 complete cells of 36 km are too few"}
    unscored = pd.concat([unscored, pd.DataFrame([row])])
    figure = draw_predicted_observed(tmp_path / "train.png", frame, pd.DataFrame(), unscored, CAPTION)
    assert "no cells" in written(figure.axes[2])
    assert "no cells:\n3 complete cells of 36 km are too few" in written(figure.axes[0])


def test_field_validation_prints_r_p_n_of_both_maps(drawn: dict[str, Figure]) -> None:
    coarse, fine = drawn["field"].axes
    assert coarse.texts[0].get_text().startswith("n = 30\nr = 0.42\np < 0.001\n")
    assert fine.texts[0].get_text().startswith("n = 30\nr = 0.51\np = 0.012\n")
    assert coarse.get_xlim() == coarse.get_ylim() == fine.get_xlim()
    assert [axes.get_title(loc="left") for axes in (coarse, fine)] == ["SMAP, 9 km", "map, 1 km"]
    assert len(coarse.collections[0].get_offsets()) == 30


@pytest.mark.parametrize("name", ["field", "dots", "counts"])
def test_nothing_is_written_over_points(drawn: dict[str, Figure], name: str) -> None:
    for axes in [axes for axes in drawn[name].axes if axes.texts]:
        assert axes.get_legend() is None
        assert all(text.get_window_extent().y1 < axes.get_window_extent().y0 for text in axes.texts)


def test_field_validation_leaves_out_points_off_one_map(tmp_path: Path) -> None:
    frame = field_points()
    frame.loc[:4, "fine"] = np.nan
    figure = draw_points(tmp_path / "field.png", frame, field_table(), CAPTION)
    assert [len(axes.collections[0].get_offsets()) for axes in figure.axes] == [30, 25]


@pytest.mark.parametrize("frame", [field_points()[:0], field_points().assign(coarse=np.nan, fine=np.nan)])
def test_field_validation_without_points_says_so(tmp_path: Path, frame: pd.DataFrame) -> None:
    figure = draw_points(tmp_path / "field.png", frame, field_table()[:0], CAPTION)
    assert "No field points lie on the maps.\nSet field_points in the configuration" in words(figure)
    assert imread(tmp_path / "field.png").std() > 0


def test_residual_weight_names_its_lines_and_level(tmp_path: Path) -> None:
    frame = pd.DataFrame({"observed": [0.1, 0.2, 0.3], "target": [0.1, 0.15, 0.3], "estimated": [0.12, 0.14, 0.2]})
    row = {"a": 0.03, "b": 0.8, "w": 0.64, "weight": 0.8, "low": 0.24, "high": 1.63, "pixels": 3, "cells": 3}
    figure = draw_residual(tmp_path / "residual.png", frame, row, CAPTION)
    assert_fits(figure)
    assert "weight 0.80: as the points have it\n(90 % interval: 0.24 to 1.63)" in words(figure)
    assert "a = 0.030 m³/m³ and b = 0.80" in words(figure)
    (axes,) = figure.axes
    slopes = [np.ptp(line.get_ydata()) / np.ptp(line.get_xdata()) for line in axes.lines]
    assert slopes == pytest.approx([0.8, 0, 0.64])  # weights × b
    assert axes.get_legend() is None


def coverage_table(own_error: float) -> pd.DataFrame:
    """Of an exact SMAP: both intervals, the total one wider by this."""
    rows = [
        (support, kind, group, 597, 0.9, share, width)
        for support in ("9 km, one scale up", "1 km")
        for kind, share, width in (("total", 1.0, 0.016 + own_error), ("conditional", 0.9, 0.016))
        for group in ("all", "ndvi below 0.2")
    ]
    table = pd.DataFrame(rows, columns=["support", "interval", "group", "n", "nominal", "coverage", "width"])
    table.loc[table["support"] == "1 km", "coverage"] = np.nan
    return table


def test_coverage_shows_both_intervals_and_what_makes_their_width(tmp_path: Path) -> None:
    figure = draw_coverage(tmp_path / "a.png", coverage_table(0.116), CAPTION)
    assert_fits(figure)
    said = words(figure)
    assert "map, 1 km: SMAP's own error makes 88 % of the total interval's width of 0.132 m³/m³." in said
    assert "NDVI below 0.2  (n = 597)" in said
    assert "no truth at 1 km is known here" in said
    shares, widths, unknown, _ = figure.axes
    assert [float(dots.get_offsets()[0][0]) for dots in shares.collections] == [100, 90]
    assert [bar.get_width() for bar in widths.patches] == pytest.approx([0.132, 0.132, 0.016, 0.016])
    assert all(np.ma.getmaskarray(dots.get_offsets())[:, 0].all() for dots in unknown.collections)
    assert "“" not in said.split("Do the")[0]


@pytest.mark.parametrize(
    ("own_error", "told"),
    [(0.0, "SMAP's own error adds nothing"), (0.004, "what the map leaves open within cells makes 80 %"), (0.016, "")],
)
def test_coverage_says_which_part_dominates(own_error: float, told: str) -> None:
    said = dominance(coverage_table(own_error))
    assert len(said) == (2 if told else 0)
    assert all(told in sentence for sentence in said)


def test_coverage_without_any_interval_says_so(tmp_path: Path) -> None:
    assert "No interval" in words(draw_coverage(tmp_path / "none.png", coverage_table(0)[:0], CAPTION))


def test_differences_stand_over_their_classes(tmp_path: Path) -> None:
    """Of products that have other classes too; classes of few pixels are not used, and not shown."""
    rows = [
        ("lst_day", "B", "all", 0.35, 9000, 2.0),
        ("lst_day", "B", "ndvi below 0.2", 0.15, 4000, 3.0),
        ("lst_day", "B", "ndvi 0.2 to 0.4", 0.3, 5000, 1.0),
        ("lst_day", "C", "all", 0.4, 6000, 0.5),
        ("lst_day", "C", "ndvi 0.2 to 0.4", 0.31, 6000, 0.25),
        ("lst_day", "C", "ndvi 0.6 and above", 0.7, 50, 9.0),
    ]
    table = pd.DataFrame(rows, columns=["quantity", "product", "vegetation", "index", "pixels", "difference"])
    table = table.assign(reference="A", months="2021-07 2021-08", spread=0.4)
    figure = draw_differences(tmp_path / "a.png", table, {"lst_day": "K"}, CAPTION)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["below 0.2", "0.2 to 0.4"]
    points = [container.lines[0].get_xydata() for container in axes.containers]
    np.testing.assert_allclose(points[0], [[-0.08, 3.0], [0.92, 1.0]])
    np.testing.assert_allclose(points[1], [[1.08, 0.25]])
    said = words(figure)
    assert "B \N{MINUS SIGN} A (2021-07, 2021-08)" in said
    assert "LST, day, difference (K)" in said
    assert CAPTION in said


def test_maps_share_one_scale_and_show_the_same_window(drawn: dict[str, Figure]) -> None:
    *panels, bar = drawn["maps"].axes
    assert len(panels) == 4
    assert len({id(axes.images[0].norm) for axes in panels}) == 1
    assert panels[0].get_xlim() == panels[1].get_xlim()
    assert panels[2].get_ylim() == panels[3].get_ylim()
    assert bar.get_ylabel() == "Soil moisture (m³/m³)"
    norm = panels[0].images[0].norm
    assert (norm.vmin, norm.vmax) == pytest.approx((0.1, 0.2), abs=0.01)
    texts = set(words(drawn["maps"]).splitlines())
    assert {"no value", "region", "101°E", "20 km", "10 km"} <= texts


def test_maps_enlarge_where_the_map_varies_most(drawn: dict[str, Figure]) -> None:
    whole, _, coarse, fine, _ = drawn["maps"].axes
    assert np.nanmin(values_drawn(fine)) == pytest.approx(0.02)  # the odd corner is inside
    assert coarse.get_xlim()[0] == pytest.approx(whole.get_xlim()[0])
    assert len(np.unique(values_drawn(coarse))) < len(np.unique(values_drawn(fine)))


def test_maps_are_drawn_in_true_kilometres(drawn: dict[str, Figure]) -> None:
    left, right = drawn["maps"].axes[0].get_xlim()
    # 2° of longitude at 46.5° N are 153 km; the cells reach beyond the region by less than two of 6.4 km
    assert 153 < right - left < 170


def test_maps_show_an_outline_in_any_projection(tmp_path: Path) -> None:
    outline = geopandas.GeoSeries([Point(101, 46.5).buffer(0.3)], crs="EPSG:4326").to_crs("EPSG:32647")
    outline.to_file(tmp_path / "outline.gpkg")
    figure = draw_maps(tmp_path, (tmp_path / "outline.gpkg", BBOX, None))
    area = figure.axes[0].collections[0].get_paths()[0].get_extents()
    assert area.x0 + area.x1 == pytest.approx(0, abs=15)  # the projection's centre is the map's
    assert area.width == pytest.approx(46, abs=2)  # 0.6° of longitude at 46.5° N


def test_maps_without_any_value_say_so(tmp_path: Path) -> None:
    panels = draw_maps(tmp_path, fill=np.nan).axes[:-1]
    assert len(panels) == 2  # nothing to enlarge
    for axes in panels:
        assert catalogued("figure.no_value") in written(axes)


def test_a_constant_map_does_not_stretch_its_noise(tmp_path: Path) -> None:
    norm = draw_maps(tmp_path, (None, None, None), fill=0.1).axes[0].images[0].norm
    assert (norm.vmin, norm.vmax) == pytest.approx((0.095, 0.105))


def test_a_large_map_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """Pixels of a map that is wider than what is drawn are averaged."""
    box = (90.0, 46.0, 122.0, 47.0)
    assert cells_covering(box).refined(9).columns > 2 * MAX_SIDE
    figure = draw_maps(tmp_path, (None, None, None), box=box)
    for axes in figure.axes[:-1]:
        assert max(values_drawn(axes).shape) == MAX_SIDE
    assert np.nanstd(values_drawn(figure.axes[1])) < 0.6 * np.nanstd(values_drawn(figure.axes[3]))


def test_slim_regions_leave_room_for_labels() -> None:
    assert roomy_bounds((0, 0, 10, 100)) == (-15, 0, 25, 100)
    assert roomy_bounds((0, 0, 100, 50)) == (0, 0, 100, 50)


def test_quality_shows_the_most_severe_flag_and_the_share_of_each(drawn: dict[str, Figure]) -> None:
    axes, bars = drawn["quality"].axes
    assert flags_drawn(axes) == {"frozen", "few_observations", "no_flag"}
    places = values_drawn(axes)
    assert np.isnan(places).any()
    west, east = places[:, : places.shape[1] // 3], places[:, -places.shape[1] // 3 :]
    assert np.nanmedian(west) == SEVERITY.index("few_observations")
    assert np.nanmedian(east) == len(SEVERITY)
    meanings = [*(FLAGS[name].meaning for name in SEVERITY[1:]), "no flag"]
    assert labels(bars) == meanings
    assert bars.yaxis_inverted()  # the most severe above
    shares = dict(zip(meanings, [bar.get_width() for bar in bars.containers[0]], strict=True))
    assert shares["few observations"] == pytest.approx(50, abs=1)
    assert shares["frozen"] == pytest.approx(100 * 400 / ((PIXELS.rows - 50) * PIXELS.columns), rel=1e-6)
    assert shares["no flag"] == pytest.approx(100 - shares["few observations"])
    assert shares["cell not reconciled"] == 0
    assert (written(bars)[1], written(bars)[-1]) == ("0 %", "50 %")


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.04, "< 0.1 %"), (0.26, "0.3 %"), (9.94, "9.9 %"), (9.96, "10 %"), (99.7, "> 99 %"), (100, "100 %")],
)
def test_percentages_tell_little_from_nothing(share: float, text: str) -> None:
    assert percent_text(share) == text


@pytest.mark.parametrize(
    ("tag", "told"),
    [("yes", "reconciled with SMAP"), ("no", "not reconciled"), ("as far as wise", "reconciled as far as wise")],
)
def test_maps_tell_how_far_they_are_reconciled(tmp_path: Path, tag: str, told: str) -> None:
    figure = draw_maps(tmp_path, method="detail", model="random_forest", reconciled=tag)
    assert f"Method detail, random forest, {told}." in words(figure)
    assert "Effective resolution of “map, 1 km”: 2.5 km." in words(figure)
    assert "Verdict: use SMAP." in words(figure)
    assert_fits(figure)


def test_quality_of_a_map_that_is_not_reconciled_shows_the_other_flags(tmp_path: Path) -> None:
    flags = some_flags() | np.uint8(1 << FLAGS["not_reconciled"].bit)
    figure = draw_flags(tmp_path, flags, reconciled="no")
    assert_fits(figure)
    assert flags_drawn(figure.axes[0]) == {"frozen", "few_observations", "no_flag"}
    assert "No cell is reconciled (map.reconcile): “cell not reconciled” is left out of a." in words(figure)


def test_quality_of_a_map_without_values(tmp_path: Path) -> None:
    figure = draw_flags(tmp_path, np.full(PIXELS.shape, 128, np.uint8))
    assert_fits(figure)
    assert catalogued("figure.no_value") in words(figure)
    assert "nan" not in words(figure)


def test_shift_marks_the_training_range_and_tells_what_lies_outside(drawn: dict[str, Figure]) -> None:
    panels = drawn["shift"].axes
    assert [axes.get_xlabel() for axes in panels[:2]] == ["NDVI", "LST, day (K)"]
    assert [axes.get_xlabel() for axes in panels[2:]] == ["NDVI, deviation", "LST, day, deviation (K)"]
    shares = [written(axes)[0] for axes in panels[:2]]
    assert shares == ["5.0 % of the pixels outside", "0.1 % of the pixels outside"]
    said = words(drawn["shift"])
    assert "at 9 km from the mean over coarse cells" in said  # of 18, 27 or 36 km
    assert "a forest goes on beyond it as at its edge, a linear trend straight on" in said
    for axes in panels:
        band, rows, pixels = axes.patches
        assert band.get_width() == pytest.approx(1, abs=0.02)
        for steps in (rows, pixels):  # densities
            values, edges, _ = steps.get_data()
            assert (values * np.diff(edges)).sum() == pytest.approx(1)


def test_shift_of_values_alone_and_without_pixels(tmp_path: Path) -> None:
    figure = draw_shift(tmp_path / "shift.png", *shift_frames("value"), CAPTION)
    assert [axes.get_xlabel() for axes in figure.axes] == ["NDVI", "LST, day (K)"]
    assert "Deviations" not in words(figure)
    assert_fits(figure)
    nothing = shift_tables([[counted("value", "evi", np.arange(60) / 60, np.empty(0))]], {"evi": "1"})
    figure = draw_shift(tmp_path / "none.png", *nothing, CAPTION)
    assert catalogued("figure.no_value") in words(figure)


@pytest.mark.parametrize(("suffix", "begin"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_a_page_has_the_format_of_its_suffix_and_the_same_bytes_twice(
    tmp_path: Path, suffix: str, begin: bytes
) -> None:
    """With its title in words, and without a date or matplotlib's version."""
    paths = [tmp_path / f"{number}.{suffix}" for number in range(2)]
    for path in paths:
        with new_page(path, "Soil moisture", CAPTION, "", (4, 3)) as page:
            page.subplots().plot([0, 1], [1, 0], clip_path=None)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert first.startswith(begin)
    assert b"Soil moisture" in first
    for word in (b"atplotlib v", b"CreationDate", b"<dc:date"):
        assert word not in first, word
