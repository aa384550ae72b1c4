"""The configuration: the one definition of every key, its meaning, its limits and its default.

`python -m kilomoist.configuration` writes the JSON schema and the table of `config/README.md` from it.
Snakemake imports this module whenever it parses the workflow, in every job again: import nothing heavy here.
"""

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from kilomoist.calendars import FIRST_MONTH, month_range
from kilomoist.errors import InputError
from kilomoist.files import replaced
from kilomoist.grids import LARGEST_LATITUDE, Box
from kilomoist.products import PRODUCTS, TERRAIN, Level, products_of

SCENE_EXTENTS: dict[str, Box] = {"full": (95.5, 44.5, 104.5, 50.5), "small": (97.5, 46.0, 101.5, 49.0)}
"""Where each simulated scene lies."""

SHARED_FOLDERS = ("benchmarks", "composites", "logs")
"""Folders of results/ that belong to no region."""

OWN_MAPS = {
    "coarse": "9 km",
    "fine": "1 km",
    "bilinear": "9 km, bilinear",
    "bilinear_reconciled": "9 km, bilinear, reconciled",
    "absolute": "absolute",
    "absolute_reconciled": "absolute, reconciled",
    "detail": "detail",
    "detail_reconciled": "detail, reconciled",
}
"""Columns of the run's own maps in `tables/field_points.csv`, and their names in `tables/field_validation.csv`."""
OWN_COLUMNS = ("pixel", "id", "points", "measurements", "longitude", "latitude", "observed")
"""Columns of `tables/field_points.csv` that are no maps."""

OWN_BANDS = (
    *("row", "col", "lon", "lat", "target", "split", "soil_moisture", "region_fraction", "water", "snow"),
    *("observed", "estimated", "below", "above", "fold"),
)
"""Columns of samples and of the errors that intervals are made of, and bands, that are no predictors; no layer can be
called so."""

_SHOWN = 80
"""Characters of a wrong value that a message shows."""


def _degrees(box: Box) -> str:
    return f"[{', '.join(f'{number:g}' for number in box)}]"


# --- Types -----------------------------------------------------------------------------------------------------------


class Among:
    """Marks text that must be one of the names of a table."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(dict.fromkeys(names))

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(self.names)


def _measured() -> list[str]:
    """Predictors that products measure."""
    names = [name for role in ("vegetation", "temperature") for name in products_of(role)]
    return list(dict.fromkeys(quantity for name in names for quantity in PRODUCTS[name].quantities))


def _checked_layers(layers: dict[str, Any]) -> dict[str, Any]:
    taken = {*_measured(), *TERRAIN, "aspect", *OWN_BANDS}
    for name in layers:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ValueError(f"{name} cannot name a layer: take a-z, 0-9 and _, beginning with a letter")
        if name in taken or name.startswith("valid_fraction") or name.endswith(("_days", "_std")):
            raise ValueError(f"{name} cannot name a layer, because something else is called so: take another name")
    return layers


def _checked_month(month: str) -> str:
    try:
        begin, _ = month_range(month)
    except ValueError:
        raise ValueError("expected a month as YYYY-MM, for example 2021-08") from None
    if month < FIRST_MONTH:
        raise ValueError(f"SMAP's first whole month is {FIRST_MONTH}")
    if begin > date.today():
        raise ValueError(f"it lies in the future (today is {date.today()})")
    return month


def _checked_box(value: object) -> Box:
    form = "expected four numbers in degrees, [west, south, east, north]"
    if not isinstance(value, (list, tuple)) or len(value) != 4 or any(isinstance(number, bool) for number in value):
        raise ValueError(form)
    try:
        west, south, east, north = map(float, value)
    except (TypeError, ValueError):
        raise ValueError(form) from None
    if not all(map(math.isfinite, (west, south, east, north))):
        raise ValueError(form)
    if abs(south) > 90 or abs(north) > 90:
        raise ValueError(f"it looks as if latitude and longitude are swapped; {form}")
    if abs(south) > LARGEST_LATITUDE or abs(north) > LARGEST_LATITUDE:
        raise ValueError(f"the grid ends at {LARGEST_LATITUDE:g}° north and south")
    if abs(west) > 180 or abs(east) > 180:
        raise ValueError("longitudes lie between -180 and 180 degrees")
    if south >= north:
        raise ValueError(f"south must be less than north; {form}")
    if west >= east:
        width = east + 360 - west
        if width in (0, 360):
            raise ValueError(f"west and east are the same longitude; {form}")
        if width > 180:
            raise ValueError(
                f"west > east is a box across 180°, and this one would be {width:g}° wide: west and east look swapped"
            )
    return west, south, east, north


def _checked_unique(values: tuple[str, ...]) -> tuple[str, ...]:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"{', '.join(repeated)} occurs more than once")
    return values


def _checked_depth(depth: tuple[float, float]) -> tuple[float, float]:
    top, bottom = depth
    if not 0 <= top <= bottom:
        raise ValueError("expected an upper and a lower limit in cm below the surface, [top, bottom]")
    if bottom < 1:
        raise ValueError("it looks like metres; expected an upper and a lower limit in cm, for example [0, 5]")
    return depth


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ValueError(f"there is no such file (paths start at {Path.cwd()})")
    return path


Target = Annotated[str, Among(products_of("target"))]
Vegetation = Annotated[str, Among(products_of("vegetation"))]
Temperature = Annotated[str, Among(products_of("temperature"))]
Predictor = Annotated[str, Field(title=f"{', '.join([*_measured(), *TERRAIN])} or the name of a layer")]
Extent = Annotated[str, Among(SCENE_EXTENTS)]
Landscape = Literal["steppe", "mountains", "cloudy"]
Protocol = Literal["random_folds", "blocks", "knndm", "degrade_restore"]
# A title says in words what the schema's own keywords cannot.
Month = Annotated[str, AfterValidator(_checked_month), Field(title="a month as YYYY-MM")]
RegionBox = Annotated[Box, BeforeValidator(_checked_box)]
UserPath = Annotated[Path, AfterValidator(Path.expanduser)]
ExistingPath = Annotated[UserPath, AfterValidator(_existing)]


# --- Keys ------------------------------------------------------------------------------------------------------------


def _key(default: object, meaning: str, unit: str = "", **limits: Any) -> Any:
    """A key with its default (`...`: none), what it means, its unit and its limits."""
    return Field(default, description=meaning, json_schema_extra={"x-unit": unit} if unit else None, **limits)


class Section(BaseModel):
    """Keys that belong together; others are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: object, info: ValidationInfo) -> object:
        """Text from the command line, where Snakemake leaves everything inside a key as text, means what YAML means.

        pydantic reads numbers and booleans from text, but not null; and it takes `true` for the number 1.
        """
        annotation = cls.model_fields[info.field_name or ""].annotation
        if type(None) in get_args(annotation) and value in ("", "null"):
            return None
        if isinstance(value, bool) and annotation is not bool and bool not in get_args(annotation):
            raise PydanticCustomError("wrong_type", "a boolean")
        return value


class Region(Section):
    """An area to map."""

    name: str = _key(
        ...,
        "Names the region's folder under `results/`.",
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        title="a short name of a-z, 0-9 and - that begins with a letter or digit",
    )
    bbox: RegionBox | None = _key(
        None,
        "West, south, east, north; west > east is a box across 180°. Maps the whole box, or cuts the outline.",
        "degrees",
        title="four numbers in degrees, [west, south, east, north]",
    )

    @field_validator("name")
    @classmethod
    def _leaves_shared_folders_alone(cls, name: str) -> str:
        if name in SHARED_FOLDERS:
            raise ValueError(f"results/{name} is shared by all regions; take another name")
        return name

    outline: ExistingPath | None = _key(
        None, "Any vector file that GDAL reads, in any coordinate reference system: maps what lies inside its polygons."
    )
    country: str | None = _key(
        None,
        "Maps the country's part of `bbox`; its outline is fetched from Natural Earth (ADM0_A3 code, for example MNG).",
        pattern=r"^[A-Z]{3}$",
        title="three capital letters",
    )

    @model_validator(mode="after")
    def _has_an_area(self) -> "Region":
        if self.outline and self.country:
            raise ValueError("`outline` and `country` exclude each other: give one of them")
        if self.country and not self.bbox:
            raise ValueError(f"`country: {self.country}` needs `bbox` too, because countries can have far islands")
        if not self.bbox and not self.outline:
            raise ValueError("it needs `bbox` (west, south, east, north in degrees), `outline` (a vector file) or both")
        return self


DEFAULT_REGIONS = (Region(name="khangai", bbox=(96.0, 45.0, 104.0, 50.0)),)


class Layer(Section):
    """A raster with one band that does not change with the month, on any grid and in any CRS that GDAL reads."""

    path: ExistingPath = _key(..., "The raster; a path alone, without the mapping, means the same.")
    resampling: Literal["average", "mode"] = _key(
        "average",
        "What a pixel of 1 km gets of a finer raster: `average`, or of numbers that stand for classes `mode`, the one "
        "that covers most of it.",
    )


def _as_layer(value: object) -> object:
    """A path alone means a layer that is averaged."""
    if isinstance(value, (str, Path)):
        return {"path": value}
    if not isinstance(value, Mapping):
        raise ValueError("expected a path of a raster, or a mapping with keys path and resampling")
    return value


class Predictors(Section):
    """What the model learns from."""

    vegetation: Vegetation = _key("MOD13A1.061", "Product of `ndvi` and `evi`; read only if `use` needs it.")
    temperature: Temperature = _key(
        "MOD11A1.061", "Product of `lst_day`, `lst_night` and `lst_range`; read only if `use` needs it."
    )
    use: Annotated[tuple[Predictor, ...], AfterValidator(_checked_unique)] = _key(
        ("ndvi", "evi", "lst_day"),
        "Predictors that the model uses; `slope`, `northness` and `eastness` are computed from the layer `elevation`.",
        min_length=1,
    )
    layers: Annotated[
        dict[str, Annotated[Layer, BeforeValidator(_as_layer, json_schema_input_type=str | Layer)]],
        AfterValidator(_checked_layers),
    ] = _key(
        {},
        "Rasters that do not change with the month, by the names that `use` knows them by, for example "
        "`{elevation: dem.tif}`; `elevation` is in m.",
        title="a mapping of names to paths of rasters, or to mappings with keys path and resampling",
    )

    def layers_in_use(self) -> dict[str, Layer]:
        """The layers that `use` names or that something in it is computed from, in their own order."""
        needed = {*self.use, *(["elevation"] if set(self.use) & set(TERRAIN) else [])}
        return {name: layer for name, layer in self.layers.items() if name in needed}


class Quality(Section):
    """Which observations count, and how many of them there must be."""

    vegetation: Level = _key(
        "good",
        "Accepted vegetation indices. `good`: reliability 0; `fair`: also reliability 1 with usefulness at most 0101, "
        "without possible snow or shadow.",
    )
    temperature: Level = _key(
        "good",
        "Accepted temperatures. `good`: QC bits 0-1 are 00; `fair`: also 01 with an error of at most 2 K.",
    )
    minimum_days: int = _key(3, "Days with a valid temperature that a pixel needs.", "days", ge=1, le=31)
    minimum_valid_fraction: float = _key(
        0.5,
        "Share of a cell's 81 pixels with all predictors that a training row and a reconciled cell need; "
        "also the share of a coarse cell's 16 cells that its mean needs.",
        "1",
        gt=0,
        le=1,
    )
    minimum_target_share: float = _key(
        0.9, "Share of the month's soil-moisture fields that must be there; 0 takes what there is.", "1", ge=0, le=1
    )


class Model(Section):
    """How soil moisture is learned from the predictors."""

    method: Literal["detail", "absolute"] = _key(
        "detail",
        "`detail` learns what 9 km adds to coarse cells (`detail_ratio`) and applies it from 9 km to 1 km; `absolute` "
        "learns soil moisture itself at 9 km and applies it at 1 km, as the study does.",
    )
    kind: Literal["random_forest", "extra_trees", "hist_gradient_boosting", "linear"] = _key(
        "random_forest", "The learner."
    )
    trees: int = _key(200, "Trees of a forest, or rounds of boosting.", "trees", ge=1)
    min_leaf: Literal["auto"] | Annotated[int, Field(ge=1)] = _key(
        "auto", "Smallest leaf of a tree; `auto` chooses it out of fold on the run's own samples.", "rows"
    )
    trend: Literal["none", "linear"] = _key(
        "none",
        "`linear` fits a robust linear trend first and the learner to what it leaves: a forest alone is flat beyond "
        "the values it has seen.",
    )
    detail_ratio: Literal["auto"] | Annotated[int, Field(ge=2, le=4)] = _key(
        4,
        "Cells along a side of the coarse cells from which `detail` learns (4: 36 km); `auto` compares 2, 3 and 4 out "
        "of fold.",
        "cells of 9 km",
    )
    search: bool = _key(
        False,
        "Whether more than the leaf size is chosen out of fold, by successive halving; what is compared is in "
        "docs/scores.md.",
    )
    test_fraction: float = _key(0.2, "Share of the rows that is kept for the random test split.", "1", ge=0.05, le=0.5)
    seed: int = _key(2021, "Seed of splits and learners: the same seed gives the same map.", ge=0, le=2**32 - 1)

    @model_validator(mode="before")
    @classmethod
    def _without_subgrid(cls, keys: object) -> object:
        """`subgrid` was a key until version 0.1: `false` still means what is done, `true` cannot be had any more."""
        if not isinstance(keys, Mapping) or "subgrid" not in keys:
            return keys
        if str(keys["subgrid"]).lower() != "false":
            raise ValueError(
                f"`subgrid` is {_shown(keys['subgrid'])}, which was taken away, because maps were worse with it: leave "
                "it out"
            )
        return {name: value for name, value in keys.items() if name != "subgrid"}

    @model_validator(mode="after")
    def _leaves_something_to_learn(self) -> "Model":
        if self.trend == "linear" and self.kind == "linear":
            raise ValueError("`kind: linear` has nothing to learn from what `trend: linear` leaves: give one of them")
        return self


class Map(Section):
    """How the map is made."""

    reconcile: bool | Literal["warranted"] = _key(
        True,
        "Make the mean of the 1 km map over every cell equal to the 9 km value; `warranted`: only as far as "
        "`target_error` warrants.",
    )
    interval: float | None = _key(
        0.9,
        "Nominal coverage of the bands `lower` and `upper` of the map; null: neither is made.",
        "1",
        ge=0.5,
        le=0.99,
    )
    block: int = _key(256, "Side of the block that one job maps: bounds its memory.", "cells of 9 km", ge=8)


class Evaluation(Section):
    """How the models are scored."""

    protocols: Annotated[tuple[Protocol, ...], AfterValidator(_checked_unique)] = _key(
        get_args(Protocol),
        "Protocols that are scored beside the study's `train` and `random`, which cost nothing more: any of these, or "
        "none by `[]`. docs/scores.md explains them.",
    )


class Scene(Section):
    """The simulated scene that `source: simulated` observes; not read otherwise."""

    extent: Extent = _key(
        "full",
        "; ".join(f"`{name}` covers {_degrees(box)}" for name, box in SCENE_EXTENTS.items())
        + " (west, south, east, north in degrees).",
    )
    landscape: Landscape = _key(
        "steppe",
        "`steppe` resembles the study's region; `mountains` have strong relief that surface temperature follows more "
        "than soil moisture does; `cloudy` is the steppe under many more clouds.",
    )
    seed: int = _key(2021, "Seed of the scene: another seed is another landscape.", ge=0, le=2**32 - 1)
    noise: bool = _key(
        False, "Add white noise to what MODIS observes, of about 0.06 (NDVI) and 1.8 K (LST) in a month's 1 km means."
    )
    error: float = _key(
        0.0, "Standard deviation of SMAP's monthly error, which is correlated over 36 km.", "m³/m³", ge=0, le=0.1
    )

    @property
    def name(self) -> str:
        """Names the scene's folder by all that shapes it; landscape, noise and error where they are not the default."""
        kind = [] if self.landscape == "steppe" else [self.landscape]
        noise = ["noise"] if self.noise else []
        error = [f"error{self.error!r}"] if self.error else []
        return "-".join([self.extent, *kind, *noise, *error, str(self.seed)])


class Columns(Section):
    """How a CSV of field points calls its columns."""

    id: str = _key("id", "Column of the points' names.", min_length=1)
    longitude: str = _key("longitude", "Column of the longitude, or of x (easting) in `points.crs`.", min_length=1)
    latitude: str = _key("latitude", "Column of the latitude, or of y (northing) in `points.crs`.", min_length=1)
    soil_moisture: str = _key("soil_moisture", "Column of the soil moisture in `points.units`.", min_length=1)
    date: str = _key("date", "Column of the date, YYYY-MM-DD; a table need not have `date`.", min_length=1)
    depth_cm: str = _key("depth_cm", "Column of the depth in cm; a table need not have `depth_cm`.", min_length=1)


class Points(Section):
    """How `field_points` are read, and which measurements count; `columns`, `crs` and `units` are for a CSV."""

    columns: Columns = Columns()
    crs: str = _key(
        "EPSG:4326",
        "Coordinate reference system of a CSV's coordinates, for example EPSG:32647 (UTM zone 47 N).",
        min_length=1,
    )
    units: Literal["m3/m3", "percent"] = _key("m3/m3", "Unit of a CSV's soil moisture; volumetric in both.")
    depth: Annotated[tuple[float, float], AfterValidator(_checked_depth)] = _key(
        (0.0, 5.0),
        "Measurements within these depths count, both limits included; SMAP L4's surface layer is the upper 5 cm.",
        "cm",
        title="an upper and a lower limit in cm, [top, bottom]",
    )
    window: int = _key(0, "Days before and after the month whose measurements count too.", "days", ge=0, le=31)
    minimum_days: int = _key(15, "Days with a good value that a sensor of an ISMN archive needs.", "days", ge=1, le=31)


class Compared(Section):
    """Another map that is compared with the field points, on any grid and in any CRS that GDAL reads."""

    name: str = _key(
        ...,
        "Names the map's row in `tables/field_validation.csv` and its column in `tables/field_points.csv`.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$",
        title="a name of letters, digits, blanks and . _ - that begins with a letter or digit",
    )
    path: UserPath = _key(..., "Raster that GDAL reads; `{month}` in it stands for the month as YYYY-MM.")
    band: int = _key(1, "Band of the raster.", ge=1)
    scale: float = _key(
        1.0, "What the stored numbers are multiplied by to give m³/m³; the raster's own scale is not applied.", gt=0
    )

    def of_month(self, month: str) -> "Compared":
        """The same with the path of a month."""
        return self.model_copy(update={"path": Path(str(self.path).replace("{month}", month))})


class Configuration(Section):
    """Configuration of kilomoist. Paths are relative to the working directory."""

    source: Literal["simulated", "archive", "earthdata"] = _key(
        "simulated",
        "Where granules come from: a simulated scene, your own files in the folder `archive`, or NASA Earthdata, which "
        "needs a login.",
    )
    archive: UserPath | None = _key(
        None, "Folder of granules for `source: archive`, searched at any depth; null otherwise."
    )
    scene: Scene = Scene()
    regions: tuple[Region, ...] = _key(DEFAULT_REGIONS, "Areas to map, each by itself.", min_length=1)
    months: Annotated[tuple[Month, ...], AfterValidator(_checked_unique)] = _key(
        ("2021-08",), f"Months to map, each by itself, from {FIRST_MONTH} on.", min_length=1
    )
    target: Target = _key("SPL4SMGP.008", "Soil-moisture product that is brought to 1 km.")
    target_error: float | None = _key(
        None,
        "Standard error of the target's monthly cells; 0 makes intervals conditional on the target. null: what its "
        "product is validated to (0.04), or with `source: simulated` the scene's own error.",
        "m³/m³",
        ge=0,
        le=0.2,
    )
    predictors: Predictors = Predictors()
    quality: Quality = Quality()
    model: Model = Model()
    map: Map = Map()
    evaluation: Evaluation = Evaluation()
    field_points: ExistingPath | None = _key(
        None,
        "Field measurements: a CSV with the columns that `points.columns` names, or an archive of the International "
        "Soil Moisture Network (ISMN; its zip file or a folder); null means none, or the scene's own points with "
        "`source: simulated`.",
    )
    points: Points = Points()
    compare: tuple[Compared, ...] = _key((), "Other maps that are compared at the same pixels.")

    @model_validator(mode="after")
    def _fits_together(self) -> "Configuration":
        problems = [
            *self._problems_of_names(),
            *self._problems_of_predictors(),
            *self._problems_of_source(),
            *self._problems_of_points(),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems_of_names(self) -> Iterator[str]:
        names = [region.name for region in self.regions]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"`regions`: {name} names {names.count(name)} regions: give each region its own name."

    def _problems_of_predictors(self) -> Iterator[str]:
        measured, layers = _measured(), self.predictors.layers
        for number, name in enumerate(self.predictors.use):
            key = f"`predictors.use[{number}]` is {_shown(name)}"
            if name == "aspect" and name not in layers:
                yield f"{key}: angles cannot be averaged, because 359° and 1° are neighbours; take northness, eastness."
            elif name == "elevation" and name not in layers:
                yield f"{key}, which no product measures: give a raster of it as `predictors.layers.elevation`."
            elif name in TERRAIN and "elevation" not in layers:
                yield f"{key}, which is computed from elevation: give a raster of it as `predictors.layers.elevation`."
            elif name not in {*measured, *TERRAIN, *layers}:
                known = [*measured, *TERRAIN]
                nearest = difflib.get_close_matches(name.lower(), [*known, *layers], 1, cutoff=0.75)
                advice = f"; did you mean {nearest[0]}?" if nearest else "."
                yield f"{key}: expected {', '.join(known)}, or the name of a raster in `predictors.layers`{advice}"

    def _problems_of_source(self) -> Iterator[str]:
        if self.source == "archive":
            if self.archive is None:
                yield (
                    "`archive` is null, but `source: archive` needs a folder of granules: "
                    "give it, for example by `--config archive=/path/to/granules`."
                )
            elif not self.archive.is_dir():
                yield f"`archive` is {_shown(self.archive)}: there is no such folder (paths start at {Path.cwd()})."
            return
        if self.archive is not None:
            yield (
                f"`archive` is {_shown(self.archive)}, but `source` is {self.source} and does not read it: "
                "add `source: archive` (--config source=archive), or leave `archive` out."
            )
        if self.source == "earthdata":
            return
        extent = SCENE_EXTENTS[self.scene.extent]
        for number, region in enumerate(self.regions):
            if region.bbox and not _inside(region.bbox, extent):
                yield (
                    f"`regions[{number}].bbox` ({region.name}) is {_degrees(region.bbox)}, but the simulated scene "
                    f"`{self.scene.extent}` covers {_degrees(extent)} only: take a region inside it, or "
                    "`source: archive` with granules of your region."
                )

    def _problems_of_points(self) -> Iterator[str]:
        if self.field_points is None and self.points != Points():
            yield (
                "`points` says how `field_points` are read, but `field_points` is null: "
                "give the path of your points, or leave `points` out."
            )
        if self.field_points is None and self.source != "simulated" and self.compare:
            yield ("`compare` names maps, but `field_points` is null: give points to compare them at, or leave it out.")
        names = [raster.name for raster in self.compare]
        taken = {*OWN_MAPS, *OWN_MAPS.values(), *OWN_COLUMNS}
        for number, raster in enumerate(self.compare):
            key = f"`compare[{number}].path` ({raster.name}) is {_shown(raster.path)}"
            if raster.name in taken or raster.name in names[:number]:
                yield f"`compare[{number}].name` is {_shown(raster.name)}, as another map or column is: rename it."
            if len(self.months) > 1 and "{month}" not in str(raster.path):
                yield (
                    f"{key}, one file for {len(self.months)} months: "
                    "write {month} in it where its name has the month as YYYY-MM."
                )
            for month in self.months:
                path = raster.of_month(month).path
                if not path.is_file():
                    yield f"{key}: there is no such file as {path} (paths start at {Path.cwd()})."
                    break


def _inside(box: Box, extent: Box) -> bool:
    return extent[0] <= box[0] < box[2] <= extent[2] and extent[1] <= box[1] and box[3] <= extent[3]


# --- Reading ---------------------------------------------------------------------------------------------------------


def load(raw: Mapping[str, Any]) -> Configuration:
    """The checked configuration of what Snakemake read from files and the command line.

    Raises `InputError` with one sentence, on a line of its own, for each problem.
    """
    try:
        return Configuration.model_validate(dict(raw))
    except ValidationError as error:
        # pydantic reports a list whose items are wrong as too short as well, and a union once for each of its members.
        problems = [dict(found) for found in error.errors() if found["type"] != "too_short" or not found["input"]]
        raise InputError("\n".join(dict.fromkeys(map(_sentence, problems)))) from None


def _sentence(problem: dict[str, Any]) -> str:
    """Key, value, what was expected and what to do, of one of pydantic's errors."""
    kind, location, value = problem["type"], problem["loc"], problem["input"]
    key, node = _find(location)
    if kind == "extra_forbidden":
        return _unknown(key, str(location[-1]), value, node)
    if kind == "missing":
        return f"`{key}` is missing: expected {_expected(node)}."
    if kind == "value_error":
        text = str(problem["ctx"]["error"])
        if not key:
            return text
        if isinstance(value, Mapping):
            name = f" ({value['name']})" if "name" in value else ""
            return f"`{key}`{name}: {text}."
        return f"`{key}` is {_shown(value)}: {text}."
    hint = _list_hint(key, node, value) or _share_hint(node, value)
    return f"`{key}` is {_shown(value)}: expected {_expected(node)}{hint}."


def _unknown(section: str, name: str, value: object, node: dict[str, Any]) -> str:
    """A key that does not exist, and the one that was probably meant: beside it or, by its own name, anywhere."""
    prefix = f"{section}." if section else ""
    siblings = [prefix + sibling for sibling in node.get("properties", {})]
    anywhere = [key for key, _ in _keys() if key.rsplit(".", 1)[-1] == name]
    nearest = difflib.get_close_matches(prefix + name, siblings, 1, cutoff=0.75) or anywhere
    advice = f"did you mean `{nearest[0]}`?" if nearest else f"expected one of {', '.join(siblings)}."
    return f"`{prefix}{name}` is not a key (its value is {_shown(value)}): {advice}"


def _list_hint(key: str, node: dict[str, Any], value: object) -> str:
    """How to write a list on the command line, where brackets and quotes are easily forgotten."""
    if node.get("type") != "array" or isinstance(value, (list, tuple)):
        return ""
    example: Any = _as_one_writes(node["default"])
    if not example:
        return ""
    if type(value) is type(example[0]):
        example = [value]
    outer, *inner = key.split(".")
    for name in reversed(inner):
        example = {name: example}
    return f"; on the command line: --config '{outer}={json.dumps(example)}'"


def _share_hint(node: dict[str, Any], value: object) -> str:
    """What a number is that was probably given in percent."""
    limits: dict[str, Any] = next((form for form in (node, *node.get("anyOf", ())) if form.get("type") == "number"), {})
    try:
        percent = float(str(value).rstrip(" %"))
    except ValueError:
        return ""
    low = limits.get("minimum", limits.get("exclusiveMinimum", 0))
    if not max(low, 0.01) <= percent / 100 <= limits.get("maximum", 0):
        return ""
    unit = node.get("x-unit", "1")
    return f"; {percent:g} % is {percent / 100:g}" + ("" if unit == "1" else f" {unit}")


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


# --- Describing ------------------------------------------------------------------------------------------------------


class _WithoutTitles(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of names: here a title says what is expected."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic names it
        return False


@cache
def schema() -> dict[str, Any]:
    """The closed JSON schema of the configuration, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Configuration.model_json_schema(schema_generator=_WithoutTitles),
    }


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    return {**schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]], **node}


def _entry(node: dict[str, Any]) -> dict[str, Any]:
    """The part of the schema that a list's items or a mapping's values have; of several forms the one with keys."""
    entry = _resolved(node.get("items") or node.get("additionalProperties") or {})
    forms = [_resolved(form) for form in entry.get("anyOf", ())]
    return next((form for form in forms if "properties" in form), entry)


def _find(location: tuple[str | int, ...]) -> tuple[str, dict[str, Any]]:
    """The written form of pydantic's location of a value, as far as the schema knows it, and its part of the schema."""
    key, node = "", schema()
    for part in location:
        if isinstance(part, int) and "items" in node:
            key, node = f"{key}[{part}]", _resolved(node["items"])
        elif part in node.get("properties", {}):
            key, node = f"{key}.{part}" if key else str(part), _resolved(node["properties"][part])
        elif isinstance(node.get("additionalProperties"), dict):
            key, node = f"{key}.{part}", _entry(node)
        else:  # an unknown key, or the name of a union's member
            break
    return key, node


def _as_one_writes(default: Any) -> Any:
    """A default without the keys of its items that say nothing."""
    if not isinstance(default, list):
        return default
    return [
        {key: value for key, value in item.items() if value is not None} if isinstance(item, dict) else item
        for item in default
    ]


def _keys() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that holds a value, sections flattened, with its part of the schema."""

    def walk(prefix: str, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, child in node["properties"].items():
            inner = _resolved(child)
            if "properties" in inner:
                yield from walk(f"{prefix}{name}.", inner)
                continue
            yield prefix + name, inner
            entry = _entry(inner)
            if "properties" in entry:
                yield from walk(f"{prefix}{name}{'[]' if 'items' in inner else '.<name>'}.", entry)

    yield from walk("", schema())


def _expected(node: dict[str, Any]) -> str:
    """What a part of the schema accepts, in words."""
    if "title" in node and "properties" not in node:
        optional = {"type": "null"} in node.get("anyOf", [])
        return node["title"] + (", or null" if optional else "")
    if "anyOf" in node:
        return ", or ".join(_expected(_resolved(member)) for member in node["anyOf"])
    if "enum" in node:
        return " or ".join(filter(None, [", ".join(node["enum"][:-1]), node["enum"][-1]]))
    if "const" in node:
        return str(node["const"])
    if "properties" in node:
        return f"a mapping with keys {', '.join(node['properties'])}"
    if node["type"] == "array":
        number = " of one or more" if node.get("minItems") else ""
        return f"a list{number}, each {_expected(_resolved(node['items']))}"
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "null",
        "string": "a path" if node.get("format") == "path" else "text",
    }
    limits = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
    found = [f"{text} {node[limit]}" for limit, text in limits.items() if limit in node]
    return words[node["type"]] + (f" of {' and '.join(found)}" if found else "")


# --- Writing ---------------------------------------------------------------------------------------------------------

SCHEMA_FILE = Path("workflow/schemas/config.schema.json")
README_FILE = Path("config/README.md")
_BEGIN = "<!-- from here written by `python -m kilomoist.configuration` -->"
_END = "<!-- to here -->"


def write_schema(path: str | Path) -> None:
    """Write the JSON schema."""
    with replaced(path) as partial:
        partial.write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def table() -> str:
    """Every key with meaning, type, unit and default, as a table in Markdown."""
    rows = [("Key", "Meaning", "Type", "Unit", "Default"), ("---",) * 5]
    for key, node in _keys():
        default = f"`{json.dumps(_as_one_writes(node['default']))}`" if "default" in node else "required"
        rows.append((f"`{key}`", node["description"], _expected(node), node.get("x-unit", ""), default))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def with_table(readme: str) -> str:
    """The text of `config/README.md` with the table of now between its two marks."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{table()}\n\n{_END}{after}"


def main() -> None:
    """Write the files that are made from this module into the repository that holds it."""
    root = Path(__file__).resolve().parents[3]
    write_schema(root / SCHEMA_FILE)
    readme = root / README_FILE
    text = with_table(readme.read_text(encoding="utf-8"))
    with replaced(readme) as partial:
        partial.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
