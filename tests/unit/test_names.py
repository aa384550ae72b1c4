"""One name for one thing, in tables, figures, tags and captions."""

import re
from pathlib import Path

import pytest

from kilomoist.evaluation.comparison import BANDS
from kilomoist.evaluation.scores import ESTIMATES
from kilomoist.names import (
    LABELS,
    MAP_1KM,
    MAP_ONE_SCALE_UP,
    OWN_BANDS,
    OWN_MAPS,
    SMAP_9KM,
    delivered,
    map_label,
    map_names,
    protocol_label,
    variable_label,
)

ROOT = Path(__file__).parents[2]
KEYS = {"target", "coarse", "copied", "fine", "bilinear_reconciled", "detail_reconciled", "absolute_reconciled"}
"""Keys of files and tables that nobody is to read in a figure or caption."""


def test_the_table_of_names() -> None:
    """What people see: a change is one of all tables, figures and pages, and of what was written by name."""
    assert LABELS == {
        "target": "SMAP, 9 km",
        "coarse": "SMAP, 9 km",
        "copied": "SMAP, 9 km",
        "bilinear": "SMAP, bilinear",
        "bilinear_reconciled": "SMAP, bilinear, reconciled",
        "fine": "map, 1 km",
        "soil_moisture.tif": "map, 1 km",
        "detail": "map before reconciliation",
        "detail_reconciled": "map, reconciled to SMAP exactly",
        "absolute": "study's map",
        "absolute_reconciled": "study's map, reconciled",
        "absolute_9km": "study's map, 9 km",
        "mean": "mean of the training rows",
        "linear": "linear model",
    }
    assert (SMAP_9KM, MAP_1KM, MAP_ONE_SCALE_UP) == ("SMAP, 9 km", "map, 1 km", "map, one scale up")
    assert variable_label("target") == SMAP_9KM
    assert (variable_label("lst_day"), variable_label("soil_depth")) == ("LST, day", "soil depth")


@pytest.mark.parametrize("method", ["detail", "absolute"])
def test_every_map_of_a_table_has_a_name_of_its_own(method: str) -> None:
    for keys in (["soil_moisture.tif", *BANDS], list(OWN_MAPS)):
        names = [map_label(key, method) for key in keys]
        assert len(set(names)) == len(keys)
        assert not {*names} & {*keys}
    assert map_label("NASA 1 km", method) == "NASA 1 km"
    assert map_names("coarse", method, "reference") == {"reference": "9 km", "reference_label": SMAP_9KM}


@pytest.mark.parametrize("method", ["detail", "absolute"])
@pytest.mark.parametrize("reconciled", [True, False])
def test_the_map_is_called_one_name_whatever_makes_it(method: str, reconciled: bool) -> None:
    """Of the estimates one scale up one alone is made as the delivered map is; `absolute` makes the study's too."""
    for protocol in ("one_scale_up", "degrade_restore", "random", "knndm"):
        names = {key: protocol_label(protocol, key, method, reconciled, 18) for key in ESTIMATES}
        if protocol in ("one_scale_up", "degrade_restore"):
            assert len({*names.values()}) == len(names)
        own = [key for key, name in names.items() if name == MAP_ONE_SCALE_UP]
        assert own == ([delivered(method, reconciled)] if protocol == "one_scale_up" else [])
    assert protocol_label("random", "absolute", method, reconciled) == "study's map, 9 km"
    assert protocol_label("degrade_restore", "copied", method, reconciled, 18) == "SMAP, 18 km"
    other = "absolute" if method == "detail" else "detail"
    assert "before" not in map_label("detail", "absolute")
    assert protocol_label("degrade_restore", other, method, reconciled).startswith(("study's map", "detail map"))


def test_no_layer_is_called_as_an_estimate() -> None:
    """Both are columns of `protocols/one_scale_up.parquet`."""
    assert {*ESTIMATES} - {"mean", "linear"} <= {*OWN_BANDS}


@pytest.mark.parametrize("caption", sorted((ROOT / "workflow/report").glob("*.rst")), ids=lambda path: path.stem)
def test_captions_have_names_and_no_keys(caption: Path) -> None:
    """Coarse cells are no map."""
    text = re.sub(r"coarse cells?", "", caption.read_text(encoding="utf-8"))
    assert not {word for word in re.findall(r"\w+", text) if word in KEYS}
