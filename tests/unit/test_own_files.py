"""Files of a run that were damaged between two jobs: each reader reads them or names them in one sentence."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
from mutations import damaged, reads_or_refuses
from pyarrow import parquet

from kilomoist.errors import InputError
from kilomoist.evaluation.ranges import read_range
from kilomoist.files import own_file, read_json, read_table, write_json, write_table
from kilomoist.grids import M01, Window
from kilomoist.mapping.applicability import applicability, read_applicability, write_applicability
from kilomoist.mapping.calibration import Calibration
from kilomoist.mapping.shifts import ShiftCount, learned_range, read_counts, shift_tables
from kilomoist.predictors.inventories import read_inventories
from kilomoist.rasters import Mosaic, read_header, read_tags, write_raster
from kilomoist.reporting.provenance import granule_counts

CASES = 60
PIXELS = Window(1899, 26901, 18, 27)
TABLE = pd.DataFrame({"id": list("abcde"), "value": np.arange(5) / 7, "n": range(5)})
INVENTORY = {"product": "MOD13A1.061", "tile": "h25v04", "month": "2021-08", "granules": [], "absent": ["2021-08-13"]}
CALIBRATION = Calibration(0.9, 1.3, 0.0, 0.7, 0.01, 130)
RANDOM = np.random.default_rng(1).random((60, 3))


def write_known(path: Path) -> None:
    facts = {"predictors": ["a", "b", "c"], "tags": {}, "learned": []}
    write_applicability(path, applicability(RANDOM, np.arange(60) % 3, np.ones(3), 1), facts)


def dissimilarity(path: Path) -> None:
    known, _ = read_applicability(path)
    if known:
        known.dissimilarity(RANDOM[:5])


def write_counts(path: Path) -> None:
    count = ShiftCount(learned_range("value", "ndvi", RANDOM[:, 0]))
    count.add(RANDOM[:, 1])
    write_json(path, [count.counts()])


def write_map(path: Path) -> None:
    values = np.arange(18 * 27, dtype=np.float32).reshape(PIXELS.shape)
    write_raster(path, {"a": values, "b": values}, M01, PIXELS, {"month": "2021-08"}, cloud_optimized=True)


def mosaicked(path: Path) -> None:
    read_tags(path)
    read_header(path)
    with Mosaic([path], M01) as whole:
        whole.stack(PIXELS, ["a", "b"])


READERS: dict[str, tuple[Callable[[Path], Any], Callable[[Path], Any]]] = {
    "table.parquet": (lambda path: write_table(path, TABLE), lambda path: read_table(path)["value"]),
    "variogram.json": (
        lambda path: write_json(path, {"autocorrelation_range": 45e3, "model": "nugget"}),
        lambda path: read_range(path) + 1,
    ),
    "calibration.json": (lambda path: write_json(path, vars(CALIBRATION)), Calibration.read),
    "inventory.json": (
        lambda path: write_json(path, INVENTORY),
        lambda path: granule_counts(read_inventories([path])),
    ),
    "shift.json": (write_counts, lambda path: shift_tables([read_counts(path)], {"ndvi": "1"})),
    "applicability.npz": (write_known, dissimilarity),
    "map.tif": (write_map, mosaicked),
}


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_read_or_named(tmp_path: Path, name: str) -> None:
    write, read = READERS[name]
    path, draw = tmp_path / name, random.Random(1)
    write(path)
    content = path.read_bytes()
    read(path)
    for _ in range(CASES):
        path.write_bytes(damaged(content, draw))
        reads_or_refuses(lambda: read(path))


def test_whatever_is_raised_names_the_file() -> None:
    def read(error: Exception) -> None:
        with own_file("a.json", "a calibration"):
            raise error

    with pytest.raises(InputError) as caught:
        read(KeyError("interval"))
    assert str(caught.value) == (
        "a.json is not a calibration (KeyError: 'interval'): delete it and run snakemake again."
    )
    with pytest.raises(InputError, match=r"^as it was$"):
        read(InputError("as it was"))


def test_tables_come_back_with_all_that_they_say(tmp_path: Path) -> None:
    table = TABLE.assign(text=["ü", None, "", "x", "y"], known=[True, False, True, True, False])
    table.attrs = {"note": "of four", "side": 36}
    for each in (table, table[:0]):
        write_table(tmp_path / "table.parquet", each)
        found = read_table(tmp_path / "table.parquet")
        pd.testing.assert_frame_equal(found, each)
        assert found.attrs == table.attrs


def test_a_table_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    write_table(path, TABLE)
    whole = parquet.read_table(path)
    changes = (
        whole.rename_columns(["id", "valve", "n"]),
        whole.slice(0, 4),
        whole.set_column(1, "value", pyarrow.array([0.0] * 5)),
    )
    for changed in changes:
        parquet.write_table(changed.replace_schema_metadata(whole.schema.metadata), path)
        with pytest.raises(InputError, match=r"table\.parquet is not a table of this workflow .*changed after it was"):
            read_table(path)
    TABLE.to_parquet(path)
    assert len(read_table(path)) == 5, "without a mark as it is"


def test_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff{")
    with pytest.raises(InputError, match=r"a\.json is not JSON \(UnicodeDecodeError: .*: delete it and run snake"):
        read_json(tmp_path / "a.json")
