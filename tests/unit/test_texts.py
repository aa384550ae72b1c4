"""The catalogue of texts: complete in every language, and all of it in use."""

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kilomoist.evaluation.gain import Evidence, predicted_gain
from kilomoist.evaluation.residual_weight import in_words, residual_weight
from kilomoist.evaluation.scores import ESTIMATES
from kilomoist.grids import Window
from kilomoist.learning import learners
from kilomoist.learning.details import Cells
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import Model
from kilomoist.learning.predictions import model_tags
from kilomoist.learning.tuning import TuningOptions
from kilomoist.mapping.calibration import MapSettings, absolute_errors, detail_errors
from kilomoist.mapping.flags import FLAGS, NO_FLAG
from kilomoist.mapping.maps import AnalysisCells, map_tags
from kilomoist.names import INTERVALS, LABELS, PREDICTOR_LABELS, RESTORING, SUPPORTS, protocol_label
from kilomoist.publishing.public_files import GROUPS
from kilomoist.texts import LANGUAGES, TEXTS, month_text, named, said, speaking, text

LIBRARY = Path(__file__).parents[2] / "workflow/scripts"


def test_every_key_has_every_language_with_the_same_places() -> None:
    for key, texts in TEXTS.items():
        assert len(texts) == len(LANGUAGES), key
        assert all(texts), key
        places = [sorted(re.findall(r"\{(\w+)\}", words)) for words in texts]
        if key != "month":  # English names the month, Mongolian numbers it
            assert [set(found) for found in places] == [set(places[0])] * len(places), key


def test_mongolian_is_in_cyrillic_of_mongolia() -> None:
    letters = set("".join(mongolian for _, mongolian in TEXTS.values()))
    assert {"ө", "ү", "Ө"} <= letters
    assert not letters & set("ӨүўіїєґӘәҚқҒғҢңҰұҺһ") - {"Ө", "ү"}
    words = [key for key, (_, mongolian) in TEXTS.items() if len(re.findall(r"[А-яӨөҮүЁё]", mongolian)) == 0]
    # Numbers, names of products and of things that have no other.
    assert set(words) <= {
        "report.column.n",
        "report.column.r",
        "report.page",
        "figure.between",
        "verdict.between",
        "group.between",
        "page.interval_from_to",
    }


def literals() -> tuple[set[str], list[str]]:
    """Texts of the library's code, and the fixed beginnings of those that have values in them."""
    whole, begun = set(), []
    for path in LIBRARY.rglob("*.py"):
        if path.name == "texts.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            elif isinstance(node, ast.JoinedStr) and isinstance(first := node.values[0], ast.Constant):  # noqa: PD011
                begun.append(str(first.value))
    return whole, begun


def test_no_key_is_unused() -> None:
    whole, begun = literals()
    families = tuple(start for start in begun if re.fullmatch(r"[a-z_]+\.(\w+\.)*", start))
    # Names and sentences are looked up by what tables hold, those of pages by templates: tests/pages/test_bundle.py.
    families = ("name.", "named.", "said.", "group.", "page.", *families)
    unused = [key for key in TEXTS if key not in whole and not key.startswith(families)]
    assert unused == []


def test_every_key_that_the_code_asks_for_is_there() -> None:
    asked = set()
    for path in LIBRARY.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "text"
            if called and isinstance(node.args[0], ast.Constant):
                asked.add(node.args[0].value)
    assert len(asked) > 80
    assert asked <= TEXTS.keys()


@pytest.mark.parametrize("name", [*LABELS.values(), *(flag.meaning for flag in FLAGS.values()), NO_FLAG])
def test_names_of_tables_are_translated(name: str) -> None:
    assert named(name) == name
    with speaking("mn"):
        assert re.search(r"[а-яөү]", named(name))


def test_what_else_is_looked_up_is_there() -> None:
    assert {f"readme.{name}" for names in GROUPS.values() for name in names} <= TEXTS.keys()
    assert {f"readme.group.{group}" for group in GROUPS} <= TEXTS.keys()
    shown = {*PREDICTOR_LABELS.values()} - {"NDVI", "EVI", "NDII (band 7)"}
    assert {f"name.{label}" for label in shown} <= TEXTS.keys()


def test_a_users_name_stays() -> None:
    with speaking("mn"):
        assert named("clay content") == "clay content"
        assert said("something new") == "something new"


def test_sentences_of_tables_keep_their_numbers() -> None:
    sentence = "160 complete cells of 18 km, 400 are needed to tell SMAP's error"
    assert said(sentence) == sentence
    with speaking("mn"):
        told = said(sentence)
    assert told != sentence
    assert "160" in told
    assert "400" in told
    assert text("report.title") == "Soil moisture at 1 km"  # another language ends with its block


@pytest.mark.parametrize("method", ["detail", "absolute"])
@pytest.mark.parametrize("reconciled", [True, False])
@pytest.mark.parametrize("side", [18, 27, 36])
def test_every_estimate_is_named_in_every_language(method: str, reconciled: bool, side: int) -> None:
    for protocol, estimate in itertools.product((*RESTORING, "blocks"), ESTIMATES):
        name = protocol_label(protocol, estimate, method, reconciled, side)
        assert named(name) == name
        with speaking("mn"):
            assert not re.search("[a-z]", named(name).replace("SMAP", "")), name


@pytest.mark.parametrize("name", [*SUPPORTS, *INTERVALS, *(kind.replace("_", " ") for kind in learners.KINDS)])
def test_what_the_report_names_is_translated(name: str) -> None:
    with speaking("mn"):
        assert re.search("[а-яөү]", named(name))


def map_of(**known: Any) -> Model:
    shape = {"method": "detail", "kind": "linear", "predictors": ("ndvi",), "min_leaf": 1, "alpha": 0.0}
    return Model(**(shape | {"training_rows": 0, "coarse_cells": 0, "estimator": None} | known))


def sentences() -> Iterator[str]:
    """What is written to tables and tags in English, by those who write it."""
    cells = np.full((2, 2), 0.2)
    for weighed in ("warranted", "measured at field points"):
        yield map_tags(AnalysisCells(Window(0, 0, 2, 2), cells, cells, 0.64, weighed))["reconciled"]
    for coarse_cells in (3, 3000):
        yield model_tags(map_of(coarse_cells=coarse_cells))["note"]
    made = MapSettings(True, None, 0.5)
    empty = Cells(cells * np.nan, cells[None], Window(0, 0, 2, 2))
    yield detail_errors(empty, LearnerSettings("linear", 1, 1), map_of(), made).note
    for side in (4, 24):  # 1 and 36 coarse cells, of which 20 are needed
        values = np.random.default_rng(1).uniform(0.1, 0.3, (side, side))
        region = Cells(values, values[None], Window(400, 2000, side, side))
        learned = region, pd.DataFrame(), LearnerSettings("linear", 1, 1), TuningOptions(1)
        yield absolute_errors(*learned, map_of(method="absolute"), made).note
    for points in (3, 40):
        fields = dict.fromkeys(("observed", "estimated", "target"), np.full(points, 0.2))
        yield residual_weight(fields, np.zeros((points, 2)), np.arange(points), 1000.0).says
    yield from (in_words(*ends) for ends in ((-np.inf, np.inf), (-1, 2), (-1, 0.5), (0.5, 2), (0.5, 0.8)))
    known = Evidence(1e-4, 5e-5, 4e-5, 1e-4, 500, 1e-3, 2e-4, 0.0, 0.0, True)
    yield predicted_gain(known).reasons
    yield predicted_gain(replace(known, unexplained_coarser=np.nan)).reasons


def test_sentences_are_known_as_they_are_written() -> None:
    written = list(sentences())
    assert len(written) > 10
    for sentence in written:
        assert said(sentence) == sentence
        with speaking("mn"):
            assert not re.search(r"\b(the|of|is|are|and)\b", said(sentence)), sentence


def test_months() -> None:
    assert month_text("2021-08") == "August 2021"
    with speaking("mn"):
        assert month_text("2021-08") == "2021 оны 8-р сар"
