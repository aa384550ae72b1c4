"""The data dictionary: what is rounded to what, and that the documents and the tables of a run say the same."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from workflow_runs import DEMO, ROOT

from kilomoist.publishing.dictionary import EXPORTED, TABLES, document, rounded

OF_OTHER_RUNS = {"product_differences", "months", "month_intervals", "field_months"}
"""Tables of runs with several products or months."""
OF_OTHER_MODELS = {"ratio", "common_error"}
"""Columns of `model.detail_ratio: auto`."""


def tables_of(demo: Path) -> list[Path]:
    return [path for path in (demo / DEMO / "tables").glob("*.csv") if path.name != "columns.csv"]


def test_docs_are_written_from_the_dictionary() -> None:
    written = (ROOT / "docs/tables.md").read_text(encoding="utf-8")
    assert written == document(), "run `python -m kilomoist.publishing.dictionary`"


def test_every_column_of_a_run_is_in_the_dictionary_and_no_other(demo: Path) -> None:
    tables = {path.stem: pd.read_csv(path) for path in tables_of(demo)}
    tables["samples"] = pd.read_parquet(demo / DEMO / "samples.parquet")
    assert tables.keys() == TABLES.keys() - OF_OTHER_RUNS - set(EXPORTED)
    for name, table in tables.items():
        known = TABLES[name]
        assert [title for title in table if known.column(title) is None] == [], name
        used = {known.column(title) for title in table} | {key for key in known.columns if key in ("{option}", "{map}")}
        assert known.columns.keys() - used <= OF_OTHER_MODELS, name


def test_tables_are_rounded_and_have_all_digits_beside_them(demo: Path) -> None:
    for path in tables_of(demo):
        full = pd.read_parquet(path.parent / "full" / f"{path.stem}.parquet")
        read = pd.read_csv(path)
        assert len(read) == len(full), path.name
        assert set(read) == set(full), path.name
        for title in full.select_dtypes("floating"):
            key = TABLES[path.stem].column(title)
            column = TABLES[path.stem].columns[str(key)]
            assert column.decimals is not None or column.digits, (path.name, title)
            numbers, digits = read[title].to_numpy(float), full[title].to_numpy(float)
            if column.decimals is not None:
                np.testing.assert_allclose(numbers, digits, rtol=0, atol=0.5001 * 10.0**-column.decimals)
                assert not (np.signbit(numbers) & (numbers == 0)).any(), (path.name, title)
            else:
                np.testing.assert_allclose(numbers, digits, rtol=10.0 ** (1 - column.digits), atol=1e-300)


@pytest.mark.parametrize("name", ["errors", "field_errors"])
def test_what_is_no_table_has_no_meaning(name: str) -> None:
    with pytest.raises(KeyError):
        rounded(name, pd.DataFrame())


def test_what_matters_stands_first_and_maps_of_users_are_kept() -> None:
    table = pd.DataFrame(
        {"measurements": [3], "my map": [0.123456789], "fine": [0.2], "observed": [-1e-9], "pixel": ["r1c1"]}
    )
    shown = rounded("field_points", table)
    assert list(shown) == ["pixel", "observed", "fine", "my map", "measurements"]
    assert shown.to_csv(index=False).splitlines()[1] == "r1c1,0.0,0.2,0.12346,3"


def test_small_p_keep_their_digits() -> None:
    table = pd.DataFrame({"p": [1.2813402240530366e-159, np.nan], "r": [0.83930882, np.nan]})
    assert rounded("correlation", table).to_csv(index=False).splitlines()[1:] == ["0.8393,1.28e-159", ","]


def test_a_run_takes_the_dictionary_of_its_tables_along(demo: Path) -> None:
    columns = pd.read_csv(demo / DEMO / "tables/columns.csv", keep_default_na=False)
    assert set(columns["table"]) == {path.stem for path in tables_of(demo)} | {"samples"}
    (row,) = columns[(columns["table"] == "scores") & (columns["column"] == "rmse")].to_dict("records")
    assert row == {
        "table": "scores",
        "column": "rmse",
        "meaning": "Root of the mean squared error",
        "unit": "m³/m³",
        "rounded_to": "5",
    }
    (about,) = columns[(columns["table"] == "scores") & (columns["column"] == "(table)")]["meaning"]
    assert about == TABLES["scores"].about
