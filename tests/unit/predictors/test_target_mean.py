"""Monthly mean of passes with gaps, by hand."""

from pathlib import Path

import numpy as np
import pytest
from granule_archives import PASSES, passes

from kilomoist.grids import M09, Window
from kilomoist.predictors.target_mean import average_fields, few_passes
from kilomoist.rasters import write_raster

WINDOW = Window(300, 3000, 1, 6)
HERE = WINDOW.within(M09.window)
FILL = -9999


@pytest.fixture(scope="module")
def granules(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three days: cells with 4, 3, 2, 1, 0 passes that count, and one whose passes are all not recommended."""
    folder = tmp_path_factory.mktemp("passes")
    first = [0.1, 0.1, 0.1, 0.5, FILL, 0.4], [0, 0, 8, 1, 65534, 1]
    first_pm = [0.2, 0.2, 0.9, 0.3, 0.3, 0.4], [0, 8, 1, 0, 4, 5]
    second = [0.3, 0.3, FILL, FILL, FILL, 0.4], [8, 0, 7, 65534, 2, 9]
    third = [0.6, FILL, 0.4, FILL, 0.4, 0.4], [0, 0, 0, 0, 3, 1]
    third_pm = [1.5, 0.9, 0.9, 0.9, 0.9, 0.9], [0, 3, 5, 9, 11, 13]
    days = [(first, first_pm), (second, (FILL, 65534)), (third, third_pm)]
    return [passes(folder, number, WINDOW, *day) for number, day in enumerate(days, 1)]


def test_each_cell_is_averaged_over_its_passes(granules: list[Path]) -> None:
    bands = average_fields(granules, PASSES)
    assert bands["fields"][HERE].tolist() == [[4, 3, 2, 1, 0, 0]]
    expected = [[(0.1 + 0.2 + 0.3 + 0.6) / 4, (0.1 + 0.2 + 0.3) / 3, (0.1 + 0.4) / 2, 0.3, np.nan, np.nan]]
    np.testing.assert_allclose(bands["soil_moisture"][HERE], expected, rtol=1e-6)
    assert np.isfinite(bands["soil_moisture"]).sum() == 4


def test_a_smallest_number_of_passes(granules: list[Path]) -> None:
    all_of_them = average_fields(granules, PASSES)
    for minimum, cells in ((2, 3), (3, 2), (5, 0)):
        bands = average_fields(granules, PASSES, minimum)
        assert np.isfinite(bands["soil_moisture"]).sum() == cells
        np.testing.assert_array_equal(bands["fields"], all_of_them["fields"])
        enough = bands["fields"] >= minimum
        np.testing.assert_array_equal(bands["soil_moisture"][enough], all_of_them["soil_moisture"][enough])


def test_cells_with_too_few_passes_are_counted(granules: list[Path], tmp_path: Path) -> None:
    bands = average_fields(granules, PASSES, 3)
    write_raster(tmp_path / "mean.tif", bands, M09, M09.window, {}, {"soil_moisture": "m3 m-3"})
    inside = np.ones(WINDOW.shape, bool)
    assert few_passes(tmp_path / "mean.tif", WINDOW, inside, 3) == (
        "2 of the 4 cells that passes of recommended quality reach have fewer than quality.minimum_passes, 3 (the "
        "median cell has 2), and no target"
    )
    inside[0, 2:] = False
    assert few_passes(tmp_path / "mean.tif", WINDOW, inside, 3) == ""
