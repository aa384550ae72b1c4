"""Models: fitted learners with all that a map needs of them, and their files."""

import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import skops.io
from sklearn.base import RegressorMixin

from kilomoist.errors import InputError
from kilomoist.files import replaced
from kilomoist.grids import COARSE_SIDE
from kilomoist.learning.learners import KINDS, Trended


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
        partial.write_bytes(_canonical(skops.io.dumps(content)))


def load(path: str | Path) -> Model:
    """Read a model, trusting no types but those of the registry. Raises `InputError` when the file is no such model."""
    own = f"{Trended.__module__}.{Trended.__name__}"
    trusted = sorted({own, *(name for kind in KINDS.values() for name in kind.trusted)})
    try:
        content = skops.io.loads(_with_moved_types(Path(path).read_bytes()), trusted=trusted)
        if not isinstance(content, dict):
            raise ValueError(f"it holds a {type(content).__name__}")
        if content.pop("subgrid", False):
            raise ValueError("it learned from deviations within cells, which is no longer done")
        return Model(**{**content, "predictors": tuple(content["predictors"])})
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not a model of this workflow ({error}): delete it and run snakemake again."
        ) from error


def _with_moved_types(archive: bytes) -> bytes:
    """A skops archive with the present names of its types: before the packages, learners lay in `models`."""
    entries = _entries(archive)
    old, new = b'"kilomoist.models"', f'"{Trended.__module__}"'.encode()
    if old not in entries["schema.json"]:
        return archive
    return _zipped(entries | {"schema.json": entries["schema.json"].replace(old, new)})


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
