"""Samples: the training table, a row a 9 km cell, and its contract."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kilomoist.errors import InputError
from kilomoist.files import own_file, replaced, table_identity
from kilomoist.grids import M09, Window, geographic_from_ease

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pandera

PLACES = ("row", "col", "lon", "lat")
_CHECKED = b"kilomoist_samples"
"""Key under which a file names the table that was checked, and the predictors."""
MIN_ROWS = 50
"""Training rows below which no model is fitted."""


def schema(use: Sequence[str]) -> "pandera.DataFrameSchema":
    """Contract of `samples.parquet` for the predictors `use`: columns, types, ranges, a row a cell."""
    import pandera.pandas as pandera  # takes longer than reading a table

    def column(low: float, high: float, dtype: str = "float64") -> pandera.Column:
        return pandera.Column(dtype, pandera.Check.in_range(low, high))

    columns = {
        "row": column(0, M09.rows - 1, "int64"),
        # A region across 180° counts its columns on beyond the grid's last one.
        "col": column(0, 2 * M09.columns - 1, "int64"),
        "lon": column(-180, 180),
        "lat": column(-90, 90),
        "target": column(0, 1),
        **dict.fromkeys(use, pandera.Column("float64", pandera.Check(np.isfinite, name="finite"))),
        **{name: column(0, 1) for name in ("valid_fraction", *(f"valid_fraction_{name}" for name in use))},
        "split": pandera.Column(str, pandera.Check.isin(["train", "test"])),
    }
    return pandera.DataFrameSchema(columns, strict=True, ordered=True, unique=["row", "col"])


def collect(
    cells: Mapping[str, NDArray[np.float64]],
    window: Window,
    use: Sequence[str],
    minimum_valid_fraction: float,
    few_passes: str = "",
) -> "pd.DataFrame":
    """Rows of the cells that can train a model, without `split`: enough pixels with all predictors, and a target.

    `cells` are the bands of `stacks.aggregate`, with `target`, over `window`; `few_passes` says of how many cells the
    target was left out. Raises `InputError` below `MIN_ROWS`.
    """
    import pandas as pd

    advice = f" {few_passes}: lower quality.minimum_passes." if few_passes else ""
    enough, known = cells["valid_fraction"] >= minimum_valid_fraction, np.isfinite(cells["target"])
    usable = enough & known & np.all([np.isfinite(cells[name]) for name in use], axis=0)
    if not known.any():
        where = ": it lies in the sea, in permanent ice or outside of the files' cuts; take another region."
        raise InputError(
            f"The region has no cell with a value of the target, 0 of {usable.size} cells of its window"
            f"{f'.{advice}' if advice else where}"
        )
    if not (cells["valid_fraction"] > 0).any():
        shares = ", ".join(f"{name} {cells[f'valid_fraction_{name}'].mean():.1%}" for name in use)
        raise InputError(
            f"The region has no pixel with all predictors in this month; shares of its pixels with each: {shares}. "
            "All of it was cloudy, granules are missing (see tables/granules.csv), or a layer of `predictors.layers` "
            "has no values there: take another month, quality levels `fair`, a lower quality.minimum_days, or another "
            "raster."
        )
    if usable.sum() < MIN_ROWS:
        raise InputError(
            f"Only {usable.sum()} cells of 9 km can train a model, {MIN_ROWS} are needed: of {usable.size} cells of "
            f"the region's window {known.sum()} have a target and {enough.sum()} have at least "
            f"{minimum_valid_fraction:.0%} of their pixels with all of {', '.join(use)}; take a larger region, a less "
            "cloudy month, quality levels `fair`, or a lower quality.minimum_days or quality.minimum_valid_fraction."
            + advice
        )
    row, column = np.nonzero(usable)
    longitude, latitude = geographic_from_ease(M09.x_centres(window)[column], M09.y_centres(window)[row])
    names = [*use, "valid_fraction", *(f"valid_fraction_{name}" for name in use)]
    places = {"row": row + window.row, "col": column + window.column, "lon": longitude, "lat": latitude}
    return pd.DataFrame(places | {name: cells[name][usable].astype(float) for name in ("target", *names)})


def split_randomly(rows: int, test_fraction: float, seed: int) -> NDArray[np.str_]:
    """`train` or `test` for each row; the test share is rounded up (20 % of 17,564 rows are 3,513, as in the study)."""
    tested = int(np.ceil(round(test_fraction * rows, 6)))  # 0.07 × 100 is a little more than 7 in binary
    split = np.full(rows, "train", dtype="<U5")
    split[np.random.default_rng(seed).permutation(rows)[:tested]] = "test"
    return split


def write_samples(path: str | Path, frame: "pd.DataFrame", use: Sequence[str]) -> None:
    """Check the table against its contract and write it as Parquet, with the mark that it was checked."""
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.Table.from_pandas(schema(use).validate(frame), preserve_index=False)
    said = {_CHECKED: table_identity(table.to_pandas(), list(use)), b"PANDAS_ATTRS": json.dumps(frame.attrs).encode()}
    table = table.replace_schema_metadata({**table.schema.metadata, **said})
    with replaced(path) as partial:
        parquet.write_table(table, partial, compression="zstd")


def read_samples(path: str | Path, use: Sequence[str]) -> "pd.DataFrame":
    """Read the table; raises `InputError` when it does not keep its contract.

    A table that `write_samples` checked is not checked again, which takes longer than reading it.
    """
    from pyarrow import parquet

    with own_file(path, "a table of samples"):
        table = parquet.read_table(path)
        frame = table.to_pandas()
        is_checked = (table.schema.metadata or {}).get(_CHECKED) == table_identity(frame, list(use))
        return frame if is_checked else schema(use).validate(frame)
