"""Models: fitted learners with all that a map needs of them, and their files."""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import sklearn.utils
from sklearn.base import BaseEstimator, RegressorMixin

from kilomoist.files import check_expansion, own_file, replaced
from kilomoist.grids import COARSE_SIDE
from kilomoist.learning.learners import KINDS, LearnerSettings, Trended
from kilomoist.learning.soundness import check_estimator, check_schema, check_size

METHODS, TRENDS = ("absolute", "detail"), ("none", "linear")


@dataclass(frozen=True)
class Model:
    """A fitted model, as `model.skops` holds it."""

    method: str
    kind: str
    predictors: tuple[str, ...]
    min_leaf: int
    alpha: float
    """Share of the predicted detail that is used (1 for `absolute`)."""
    training_rows: int
    coarse_cells: int
    """Coarse cells with target and predictors, against which the detail was learned (0 for `absolute`)."""
    estimator: RegressorMixin | None
    """None where there is nothing to learn from: SMAP is only interpolated."""
    options: Mapping[str, float] = field(default_factory=dict)
    """`LearnerSettings.options`."""
    source: str = ""
    """Source of the data it was trained on."""
    trend: str = "none"
    """`LearnerSettings.trend`."""
    ratio: int = COARSE_SIDE
    """Cells along a side of the coarse cells against which the detail was learned; of no meaning for `absolute`."""

    @property
    def tags(self) -> dict[str, str]:
        """Tags of every raster that a model made."""
        return {"method": self.method, "model": self.kind, "alpha": f"{self.alpha:.4f}"}

    @property
    def uses_predictors(self) -> bool:
        """True where a map depends on its predictors: that of `detail` with α = 0 does not, nothing is outside then."""
        return self.estimator is not None and self.alpha > 0


def save(path: str | Path, model: Model) -> None:
    """Write a model as a skops archive whose bytes depend on nothing but the model."""
    content = vars(model) | {"predictors": list(model.predictors), "options": dict(model.options)}
    with replaced(path) as partial:
        partial.write_bytes(_canonical(_archives().dumps(content)))


def load(path: str | Path) -> Model:
    """Read a model, trusting neither types nor arrays. Raises `InputError` when the file is no such model.

    It is checked as far as a prediction goes (`soundness`), so that what is predicted ends, and ends well.
    """
    with own_file(path, "a model of this workflow"):
        content = _content(Path(path).read_bytes())
        if content.pop("subgrid", False):
            raise ValueError("it learned from deviations within cells, which is no longer done")
        model = Model(**{**content, "predictors": tuple(content["predictors"])})
        _check(model)
        return model


def _check(model: Model) -> None:
    """Raise ValueError, or what a library raises, for a model that cannot have been made here."""
    texts = (model.method, model.kind, model.trend, model.source, *model.predictors, *model.options)
    counts = (model.min_leaf, model.training_rows, model.coarse_cells, model.ratio)
    known = model.method in METHODS and model.trend in TRENDS and all(isinstance(text, str) for text in texts)
    if not known or not all(isinstance(count, int) and count >= 0 for count in counts) or not 0 <= model.alpha <= 1:
        raise ValueError("what it says of itself is not what models say")
    if model.estimator is not None:
        named = (model.kind, 1, 0, model.min_leaf, model.options, model.trend)
        check_estimator(model.estimator, LearnerSettings(*named), len(model.predictors))


def _content(archive: bytes) -> dict[str, Any]:
    """What a skops archive holds, of types that models have. Raises ValueError, or what a library raises."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        check_expansion(source, len(archive))
        schema = source.read("schema.json")
    if (moved := schema.replace(b'"kilomoist.models"', f'"{Trended.__module__}"'.encode())) != schema:
        archive = _zipped(_entries(archive) | {"schema.json": moved})  # before the packages, learners lay in `models`
    check_size(moved)
    check_schema(json.loads(moved))
    own = f"{Trended.__module__}.{Trended.__name__}"
    content = _archives().loads(
        archive, trusted=sorted({own, *(name for kind in KINDS.values() for name in kind.trusted)})
    )
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}")
    return content


@cache
def _archives() -> ModuleType:
    """`skops.io`, imported without all of scikit-learn, and pytest, which it would take the names of estimators from.

    It trusts estimators whose names it knows: those that are loaded are all that our models can hold.
    """
    asked, sklearn.utils.all_estimators = sklearn.utils.all_estimators, lambda: list(_loaded(BaseEstimator))
    try:
        import skops.io
    finally:
        sklearn.utils.all_estimators = asked
    return skops.io


def _loaded(kind: type) -> Iterator[tuple[str, type]]:
    """Names and classes of all loaded kinds of something."""
    own: list[type] = kind.__subclasses__()
    for each in own:
        yield each.__name__, each
        yield from _loaded(each)


def _canonical(archive: bytes) -> bytes:
    """A skops archive with its object ids in order of appearance and its entries without dates.

    skops names arrays and shared objects by `id()`, another address in every process.
    """
    numbers: dict[str, int] = {}
    pattern = re.compile(r'(^|"__id__": |"file": ")(\d+)')

    def number(found: re.Match[str]) -> str:
        return f"{found[1]}{numbers.setdefault(found[2], len(numbers))}"

    entries = _entries(archive)
    schema = json.loads(pattern.sub(number, entries.pop("schema.json").decode()))
    arrays = {pattern.sub(number, name): content for name, content in entries.items()}
    return _zipped({"schema.json": json.dumps(schema).encode()} | arrays)


def _entries(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        return {name: source.read(name) for name in source.namelist()}


def _zipped(entries: Mapping[str, bytes]) -> bytes:
    """A zip archive whose bytes follow from its entries."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name in sorted(entries):
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), entries[name], zipfile.ZIP_DEFLATED, 1)
    return target.getvalue()
