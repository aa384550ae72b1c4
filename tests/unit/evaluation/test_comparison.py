"""Maps that a map is compared with: everywhere, and in the cells that hold field points alone."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from kilomoist.evaluation.comparison import BANDS, REACH, cells_holding, compared_maps
from kilomoist.grids import CELL_SIDE, M09, Window, geographic_from_ease
from kilomoist.learning.details import Cells

WINDOW = Window(200, 3000, 40, 24)
PIXELS = WINDOW.refined(CELL_SIDE)
SAMPLES = pd.DataFrame({"split": ["train", "test"], "target": [0.2, 0.4]})


def field(seed: int, shape: tuple[int, int], width: float) -> NDArray[np.float64]:
    values = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), width)
    return 0.2 + 0.04 * values / values.std()


MAPS = {name: field(seed, PIXELS.shape, 4) for seed, name in enumerate(("absolute", "detail"))}
MAPS["absolute"][:30, 50:80] = np.nan
CELLS = Cells(field(2, WINDOW.shape, 0), np.zeros((1, *WINDOW.shape)), WINDOW)


def whole(folder: Path, wanted: NDArray[np.bool_] | None, asked: list[int]) -> dict[str, NDArray]:
    """Every band over the region; `asked` gets the number of pixels that each map is asked for."""

    def method(name: str, pixels: Window, here: NDArray[np.bool_]) -> NDArray:
        asked.append(int(here.sum()))
        return MAPS[name][pixels.within(PIXELS)]

    methods = {name: lambda pixels, here, name=name: method(name, pixels, here) for name in MAPS}
    bands = {name: np.full(PIXELS.shape, np.nan, np.float32) for name in BANDS}
    for pixels, found in compared_maps(methods, SAMPLES, CELLS, CELLS.target, 0.5, folder, wanted):
        for name, values in found.items():
            bands[name][pixels.within(PIXELS)] = values
    return bands


def test_cells_with_points_have_the_values_of_the_whole(tmp_path: Path) -> None:
    """Reconciled ones but for what cells beyond `REACH` change, here white noise of 0.04 m³/m³ beside a gap."""
    wanted = np.zeros(WINDOW.shape, bool)
    wanted[[3, 20], [7, 12]] = True
    everywhere, asked = whole(tmp_path, None, []), []
    at_points = whole(tmp_path, wanted, asked)
    here = np.kron(wanted, np.ones((CELL_SIDE, CELL_SIDE), bool))
    for name, values in at_points.items():
        known = np.isfinite(everywhere[name])
        np.testing.assert_array_equal(np.isfinite(values), known & here, err_msg=name)
        atol = 1e-4 if name.endswith("reconciled") else 0
        np.testing.assert_allclose(values[known & here], everywhere[name][known & here], atol=atol, err_msg=name)
    assert sum(asked) <= 2 * 2 * ((2 * REACH + 1) * CELL_SIDE) ** 2


def test_without_a_point_nothing_has_a_value(tmp_path: Path) -> None:
    asked: list[int] = []
    assert all(np.isnan(band).all() for band in whole(tmp_path, np.zeros(WINDOW.shape, bool), asked).values())
    assert sum(asked) == 0


def test_cells_hold_places_inside_of_the_region_alone() -> None:
    """Across 180° columns go on beyond the grid's last one."""
    across = Window(100, M09.columns - 2, 3, 5)
    x, y = np.meshgrid(M09.x_centres(across), M09.y_centres(across))
    places = np.transpose(geographic_from_ease(x.ravel(), y.ravel()))
    for number, (longitude, latitude) in enumerate(places):
        assert np.flatnonzero(cells_holding([longitude], [latitude], across)).tolist() == [number]
    assert not cells_holding([0.0, 179.99], [0.0, -80.0], across).any()
