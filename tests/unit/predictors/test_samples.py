"""The training table and its contract."""

from pathlib import Path

import numpy as np
import pandas as pd
import pandera.errors
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from pyproj import Transformer

from kilomoist.errors import InputError
from kilomoist.grids import M09, Window
from kilomoist.predictors.samples import MIN_ROWS, collect, read_samples, split_randomly, write_samples

USE = ["ndvi", "lst_day"]
WINDOW = Window(210, 2990, 9, 8)


def cells(seed: int = 1) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    ranges = {"ndvi": (0, 1), "lst_day": (280, 310), "target": (0.1, 0.3)}
    shares = {"valid_fraction": 0.8, "valid_fraction_ndvi": 0.9, "valid_fraction_lst_day": 0.85, "region_fraction": 1.0}
    bands = {name: random.uniform(*ends, WINDOW.shape) for name, ends in ranges.items()}
    return bands | {name: np.full(WINDOW.shape, share) for name, share in shares.items()}


def table() -> pd.DataFrame:
    frame = collect(cells(), WINDOW, USE, 0.5)
    return frame.assign(split=split_randomly(len(frame), 0.2, 1))


def test_rows_are_the_cells_that_can_train() -> None:
    bands = cells()
    bands["valid_fraction"][0, 0] = 0.49
    bands["valid_fraction"][0, 1] = 0.5
    bands["target"][1, 1] = np.nan
    bands["lst_day"][2, 2] = np.nan
    frame = collect(bands, WINDOW, USE, 0.5)
    assert len(frame) == 72 - 3
    row, column = frame["row"] - 210, frame["col"] - 2990
    assert set(zip(row, column, strict=True)) == set(np.ndindex(WINDOW.shape)) - {(0, 0), (1, 1), (2, 2)}
    for name in ("target", *USE, "valid_fraction", "valid_fraction_ndvi"):
        np.testing.assert_array_equal(frame[name], bands[name][row, column])
    longitude, latitude = Transformer.from_crs("EPSG:6933", "EPSG:4326", always_xy=True).transform(
        M09.left + (frame["col"] + 0.5) * M09.side, M09.top - (frame["row"] + 0.5) * M09.side
    )
    np.testing.assert_allclose(frame[["lon", "lat"]].T, [longitude, latitude], rtol=0, atol=1e-9)


def test_too_few_rows_say_both_numbers() -> None:
    bands = cells()
    bands["target"].flat[MIN_ROWS - 1 :] = np.nan
    bands["valid_fraction"][0, 0] = 0.1
    with pytest.raises(InputError) as caught:
        collect(bands, WINDOW, USE, 0.5)
    said = str(caught.value)
    assert said.startswith(f"Only {MIN_ROWS - 2} cells of 9 km can train a model, {MIN_ROWS} are needed: ")
    assert f"of 72 cells of the region's window {MIN_ROWS - 1} have a target and 71 have at least 50%" in said
    assert "ndvi, lst_day" in said
    bands["target"].flat[MIN_ROWS - 1 : MIN_ROWS + 1] = 0.2
    assert len(collect(bands, WINDOW, USE, 0.5)) == MIN_ROWS


# Splits


@pytest.mark.parametrize(
    ("rows", "fraction", "tested"),
    [(17564, 0.2, 3513), (100, 0.2, 20), (101, 0.2, 21), (50, 0.05, 3), (50, 0.5, 25), (1000, 0.3, 300)],
)
def test_the_test_share_is_rounded_up(rows: int, fraction: float, tested: int) -> None:
    split = split_randomly(rows, fraction, 2021)
    assert ((split == "test").sum(), (split == "train").sum(), len(split)) == (tested, rows - tested, rows)


@given(percent=st.integers(5, 50), hundreds=st.integers(1, 300))
def test_shares_that_are_whole_are_not_rounded_up(percent: int, hundreds: int) -> None:
    """0.07 · 100 is 7.000000000000001 in floating-point numbers, and seven rows all the same."""
    assert (split_randomly(100 * hundreds, percent / 100, 1) == "test").sum() == percent * hundreds


def test_the_seed_decides_the_split() -> None:
    first, same, other = (split_randomly(500, 0.2, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    # No runs of neighbours: rows of the test are spread over the table.
    assert np.diff(np.flatnonzero(first == "test")).max() < 50


# Contract


def test_a_table_comes_back(tmp_path: Path) -> None:
    frame = table()
    write_samples(tmp_path / "samples.parquet", frame, USE)
    pd.testing.assert_frame_equal(read_samples(tmp_path / "samples.parquet", USE), frame)


def test_the_same_table_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_samples(tmp_path / name, table(), USE)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


VIOLATIONS = {
    "target above 1": lambda frame: frame.assign(target=1.5),
    "target missing": lambda frame: frame.assign(target=np.nan),
    "target negative": lambda frame: frame.assign(target=-9999.0),
    "predictor infinite": lambda frame: frame.assign(ndvi=np.inf),
    "predictor missing": lambda frame: frame.assign(ndvi=[np.nan, *frame["ndvi"][1:]]),
    "predictor in single precision": lambda frame: frame.astype({"ndvi": "float32"}),
    "fraction above 1": lambda frame: frame.assign(valid_fraction_ndvi=1.01),
    "row beyond the grid": lambda frame: frame.assign(row=frame["row"] + 1624),
    "a cell twice": lambda frame: pd.concat([frame, frame[:1]], ignore_index=True),
    "no column": lambda frame: frame.drop(columns="lst_day"),
    "another column": lambda frame: frame.assign(evi=0.1),
    "another order": lambda frame: frame[["col", "row", *frame.columns[2:]]],
    "no such split": lambda frame: frame.assign(split="validation"),
    "latitude beyond the pole": lambda frame: frame.assign(lat=91.0),
    "longitude beyond 180°": lambda frame: frame.assign(lon=181.0),
}


@pytest.mark.parametrize("what", VIOLATIONS)
def test_violations_are_refused_when_written_and_when_read(tmp_path: Path, what: str) -> None:
    frame = VIOLATIONS[what](table())
    path = tmp_path / "samples.parquet"
    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors)):
        write_samples(path, frame, USE)
    assert list(tmp_path.iterdir()) == []
    frame.to_parquet(path, index=False)
    with pytest.raises(InputError, match=f"{path} is not a table of samples") as caught:
        read_samples(path, USE)
    assert "\n" not in str(caught.value)


def test_a_table_that_was_changed_is_checked_again(tmp_path: Path) -> None:
    """pyarrow keeps what a file says of itself when a column is replaced."""
    path = tmp_path / "samples.parquet"
    write_samples(path, table(), USE)
    whole = parquet.read_table(path)
    column = whole.schema.get_field_index("target")
    for target, is_kept in ((0.2, True), (5.0, False)):
        changed = whole.set_column(column, "target", pyarrow.array([target] * len(whole)))
        assert changed.schema.metadata == whole.schema.metadata
        parquet.write_table(changed, path)
        if is_kept:
            assert (read_samples(path, USE)["target"] == target).all()
        else:
            with pytest.raises(InputError, match="is not a table of samples"):
                read_samples(path, USE)


def test_a_file_that_is_no_table_is_named(tmp_path: Path) -> None:
    write_samples(tmp_path / "samples.parquet", table(), USE)
    whole, path = (tmp_path / "samples.parquet").read_bytes(), tmp_path / "broken.parquet"
    for content in (b"", b"no table", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"{path} is not a table of samples"):
            read_samples(path, USE)


def test_no_target_and_no_pixel_are_told_apart() -> None:
    bands = cells()
    with pytest.raises(InputError, match=r"^The region has no cell with a value of the target, 0 of 72 cells"):
        collect(bands | {"target": np.full(WINDOW.shape, np.nan)}, WINDOW, USE, 0.5)
    few = "72 of the 72 cells have fewer than quality.minimum_passes, 40"
    with pytest.raises(InputError, match=rf"0 of 72 cells of its window\. {few}: lower quality\.minimum_passes\.$"):
        collect(bands | {"target": np.full(WINDOW.shape, np.nan)}, WINDOW, USE, 0.5, few)
    nothing = {name: np.zeros(WINDOW.shape) for name in bands if name.startswith("valid_fraction")}
    told = r"^The region has no pixel with all predictors in this month; .* 0\.0%.*"
    with pytest.raises(InputError, match=told + "or a layer of `predictors.layers` has no values there"):
        collect(bands | nothing, WINDOW, USE, 0.5)
