"""Models: a fitted learner, how it is meant, and how it is kept on disk."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import skops.io
from sklearn.base import RegressorMixin

from kilomoist.errors import InputError
from kilomoist.files import replaced
from kilomoist.grids import COARSE_SIDE
from kilomoist.learning.learners import KINDS, Trended


@dataclass(frozen=True)
class Model:
    """A fitted model and how it is meant: what `model.skops` holds."""

    method: str
    kind: str
    predictors: tuple[str, ...]
    min_leaf: int
    alpha: float
    """Share of the predicted detail that is used (1 for `absolute`)."""
    training_rows: int
    coarse_cells: int
    """Coarse cells with target and predictors, which the detail was learned against (0 for `absolute`)."""
    estimator: RegressorMixin | None
    """None where there is nothing to learn from and only SMAP is interpolated."""
    options: Mapping[str, float] = field(default_factory=dict)
    """`LearnerSettings.options`."""
    source: str = ""
    """Source of the data it was trained on."""
    trend: str = "none"
    """`LearnerSettings.trend`."""
    ratio: int = COARSE_SIDE
    """Cells along a side of the coarse cells that the detail was learned against; says nothing of `absolute`."""

    @property
    def tags(self) -> dict[str, str]:
        """What every raster says of the model behind it."""
        return {"method": self.method, "model": self.kind, "alpha": f"{self.alpha:.4f}"}


def save(path: str | Path, model: Model) -> None:
    """Write a model as a skops archive whose bytes depend on nothing but the model."""
    content = {one.name: getattr(model, one.name) for one in fields(model)}
    content |= {"predictors": list(model.predictors), "options": dict(model.options)}
    with replaced(path) as partial:
        partial.write_bytes(_canonical(skops.io.dumps(content)))


def load(path: str | Path) -> Model:
    """Read a model, trusting the types that the registry names and no other.

    Raises `InputError` when the file is no such model.
    """
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
    """A skops archive that names its types as they are called now; before the packages, learners lay in `models`."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        entries = {name: source.read(name) for name in source.namelist()}
    old, new = b'"kilomoist.models"', f'"{Trended.__module__}"'.encode()
    if old not in entries["schema.json"]:
        return archive
    return _zipped(entries | {"schema.json": entries["schema.json"].replace(old, new)})


def _canonical(archive: bytes) -> bytes:
    """A skops archive with its object ids counted in order of appearance and its entries without dates.

    skops names arrays and shared objects by `id()`, an address that is another in every process.
    """
    numbers: dict[int, int] = {}

    def renumbered(node: Any) -> Any:
        if isinstance(node, list):
            return [renumbered(entry) for entry in node]
        if not isinstance(node, dict):
            return node
        result = {}
        for key, value in node.items():
            if key == "__id__":
                value = numbers.setdefault(value, len(numbers))
            elif key == "file":
                stem, _, suffix = value.rpartition(".")
                value = f"{numbers.setdefault(int(stem), len(numbers))}.{suffix}"
            else:
                value = renumbered(value)
            result[key] = value
        return result

    source = zipfile.ZipFile(io.BytesIO(archive))
    schema = renumbered(json.loads(source.read("schema.json")))
    entries = {"schema.json": json.dumps(schema).encode()}
    for name in source.namelist():
        if name != "schema.json":
            stem, _, suffix = name.rpartition(".")
            entries[f"{numbers[int(stem)]}.{suffix}"] = source.read(name)
    return _zipped(entries)


def _zipped(entries: Mapping[str, bytes]) -> bytes:
    """A zip archive whose bytes follow from its entries."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name in sorted(entries):
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), entries[name], zipfile.ZIP_DEFLATED, 1)
    return target.getvalue()


def uses_predictors(model: "Model") -> bool:
    """Whether a map depends on its predictors: `detail` with α = 0 does not, and nothing is outside then."""
    return model.estimator is not None and model.alpha > 0
