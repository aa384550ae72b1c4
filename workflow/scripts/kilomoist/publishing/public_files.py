"""Files of results that people rely on, by groups, in the order in which they are told of."""

import re
from collections.abc import Iterable

GROUPS: dict[str, tuple[str, ...]] = {
    "first": ("index.html", "map.html", "report.html", "report.pdf"),
    "maps": (
        *("soil_moisture.tif", "interval.tif", "quality_class.tif", "quality.tif", "applicability.tif"),
        *("*.qml", "*.tif.aux.xml"),
    ),
    "cells": ("soil_moisture_9km.tif", "target_weight_9km.tif", "predictors.tif", "samples.parquet", "model.skops"),
    "tables": ("tables/*.csv", "tables/columns.csv", "tables/full/*.parquet", "figures/*.png"),
    "made": ("provenance.json",),
}
"""Names below a folder; a `*` stands for any name. Each has a text `readme.<name>` in the catalogue."""
OF_JOBS = (
    *("alternative.skops", "applicability.npz", "blocks/", "cells.tif", "comparison.tif", "correction.tif"),
    *("estimated_cells.tif", "merged_cells.tif", "protocols/"),
)
"""What lies beside them in a run's folder for the jobs of the run."""


def groups_of(files: Iterable[str]) -> dict[str, list[str]]:
    """Names of each group that some of the files have."""
    files = list(files)
    found = {
        group: [name for name in names if any(re.fullmatch(_pattern(name), file) for file in files)]
        for group, names in GROUPS.items()
    }
    return {group: names for group, names in found.items() if names}


def _pattern(name: str) -> str:
    return re.escape(name).replace(r"\*", r"[^/]+")
