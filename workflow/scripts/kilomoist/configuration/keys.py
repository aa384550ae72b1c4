"""Keys of the configuration: meaning, unit, limits and default of each.

Snakemake imports this module whenever it parses the workflow, in every job again: import nothing heavy here.
"""

import difflib
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kilomoist.calendars import FIRST_MONTH
from kilomoist.compared_products import COMPARED_PRODUCTS, ComparedProduct
from kilomoist.configuration import types
from kilomoist.configuration.types import degrees_text, shown
from kilomoist.names import OWN_COLUMNS, OWN_MAPS
from kilomoist.product_types import QualityLevel
from kilomoist.products import PRODUCTS, TERRAIN, measuring
from kilomoist.texts import Language


def _key(default: object, meaning: str, unit: str = "", **limits: Any) -> Any:
    """A key with its default (`...`: none), meaning, unit and limits."""
    return Field(default, description=meaning, json_schema_extra={"x-unit": unit} if unit else None, **limits)


class Section(BaseModel):
    """Keys that belong together; others are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: object, info: ValidationInfo) -> object:
        """Null, which is text on the command line and pydantic does not read so; no `true` for the number 1."""
        annotation = cls.model_fields[info.field_name or ""].annotation
        if type(None) in get_args(annotation) and value in ("", "null"):
            return None
        if isinstance(value, bool) and annotation is not bool and bool not in get_args(annotation):
            raise PydanticCustomError("wrong_type", "a boolean")
        return value


def _as_outline(value: object) -> object:
    """A path alone means the only layer with polygons."""
    if isinstance(value, (str, Path)):
        return {"path": value}
    if not isinstance(value, (Mapping, OutlineKeys)):
        raise ValueError("expected a path of a vector file, or a mapping with keys path and layer")
    return value


class OutlineKeys(Section):
    """Polygons of a vector file."""

    path: types.ExistingPath = _key(..., "The vector file; a path alone, without the mapping, means the same.")
    layer: str | None = _key(
        None, "The file's layer (KML: folder) whose polygons count; null: the only one that has any.", min_length=1
    )


class Region(Section):
    """An area to map."""

    name: str = _key(
        ...,
        "Names the region's folder under `results/`.",
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        max_length=types.LONGEST_NAME,
        title="a short name of a-z, 0-9 and - that begins with a letter or digit, "
        f"of at most {types.LONGEST_NAME} characters",
    )
    bbox: types.RegionBox | None = _key(
        None,
        "West, south, east, north; west > east is a box across 180°. Maps the whole box, or cuts the outline.",
        "degrees",
        title="four numbers in degrees, [west, south, east, north]",
    )

    @field_validator("name")
    @classmethod
    def _leaves_shared_folders_alone(cls, name: str) -> str:
        if name in ("benchmarks", "composites", "logs"):
            raise ValueError(f"results/{name} is shared by all regions; take another name")
        return name

    outline: Annotated[OutlineKeys, BeforeValidator(_as_outline, json_schema_input_type=str | OutlineKeys)] | None = (
        _key(
            None,
            "Any vector file that GDAL reads, in any coordinate reference system: maps what lies inside its polygons.",
            title="a path of a vector file, or a mapping with keys path and layer",
        )
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


_VARIABLE = re.compile(r'(?:netcdf|hdf5):"?(.+?)"?:/*([^:"]+)', re.IGNORECASE)


class RasterKeys(Section):
    """Band of a raster in any format, on any grid and in any CRS that GDAL reads."""

    path: types.MonthlyPath = _key(..., "The raster.")
    variable: str | None = _key(
        None, 'Variable of a netCDF or HDF5 file with several; a `path` like `NETCDF:"file.nc":variable` has it too.'
    )
    band: int | None = _key(
        None, "Band of the raster, for example a time of netCDF; null: the only one.", ge=1, le=types.MOST_BANDS
    )
    scale: float | None = _key(
        None, "What the stored numbers are multiplied by; null: the file's own scale, or 1.", ge=1e-15, le=1e15
    )
    offset: float | None = _key(
        None, "What is added after `scale`; null: the file's own offset, or 0.", ge=-1e15, le=1e15
    )

    @model_validator(mode="before")
    @classmethod
    def _variable_in_path(cls, keys: Any) -> Any:
        """GDAL's names of variables, which are no paths."""
        name = _VARIABLE.fullmatch(str(keys.get("path", ""))) if isinstance(keys, Mapping) else None
        return {**keys, "path": name[1], "variable": keys.get("variable") or name[2]} if name else keys


class LayerKeys(RasterKeys):
    """A raster that does not change with the month, on any grid and in any CRS that GDAL reads."""

    path: types.ExistingPath = _key(..., "The raster; a path alone, without the mapping, means the same.")
    resampling: Literal["average", "mode"] = _key(
        "average",
        "What a pixel of 1 km gets of a finer raster: `average`, or of numbers that stand for classes `mode`, the one "
        "that covers most of it.",
    )

    @model_validator(mode="after")
    def _classes_are_not_scaled(self) -> "LayerKeys":
        if self.resampling == "mode" and not self.scale is self.offset is None:
            raise ValueError("classes (`resampling: mode`) are names and not scaled: leave `scale` and `offset` out")
        return self


def _as_layer(value: object) -> object:
    """A path alone means a layer that is averaged."""
    if isinstance(value, (str, Path)):
        return {"path": value}
    if not isinstance(value, Mapping):
        raise ValueError("expected a path of a raster, or a mapping with keys path and resampling")
    return value


class Predictors(Section):
    """Predictors of the model."""

    vegetation: types.Vegetation = _key(
        "MOD13A1.061",
        "Product of `ndvi`, `evi` and `ndii7`, or several, whose observations are averaged together (docs/method.md, "
        "several products); read only if `use` needs it.",
        title=types.one_or_several("vegetation"),
    )
    temperature: types.Temperature = _key(
        "MOD11A1.061",
        "Product of `lst_day`, `lst_night` and `lst_range`, or several, as for `vegetation`; VIIRS has one by day (D) "
        "and one by night (N). Read only if `use` needs it.",
        title=types.one_or_several("temperature"),
    )
    bridge: bool = _key(
        False,
        "Whether months may lack products that others have, where a sensor begins or ends: the difference of each "
        "product from the first one, told from the months that have both, is taken away. `false` refuses such months.",
    )
    use: Annotated[tuple[types.Predictor, ...], types.UNIQUE] = _key(
        ("ndvi", "evi", "lst_day"),
        "Predictors that the model uses; `slope`, `northness` and `eastness` are computed from the layer `elevation`.",
        min_length=1,
        max_length=100,
    )
    layers: Annotated[
        dict[str, Annotated[LayerKeys, BeforeValidator(_as_layer, json_schema_input_type=str | LayerKeys)]],
        types.FREE_NAMES,
    ] = _key(
        {},
        "Rasters that do not change with the month, by the names that `use` knows them by, for example "
        "`{elevation: dem.tif}`; `elevation` is in m.",
        max_length=100,
        title="a mapping of names to paths of rasters, or to mappings with keys path and resampling, at most 100",
    )

    @property
    def products(self) -> tuple[str, ...]:
        """Names of the products, vegetation first."""
        several = ((name,) if isinstance(name, str) else name for name in (self.vegetation, self.temperature))
        return tuple(itertools.chain(*several))

    def layers_in_use(self) -> dict[str, LayerKeys]:
        """The layers that `use` names or that something in it is computed from, in their own order."""
        needed = {*self.use, *(["elevation"] if set(self.use) & set(TERRAIN) else [])}
        return {name: layer for name, layer in self.layers.items() if name in needed}


class QualityKeys(Section):
    """Observations that count, and how many of them there must be."""

    vegetation: QualityLevel = _key(
        "good",
        "Accepted vegetation indices. `good`: reliability 0; `fair`: also reliability 1 with usefulness at most 0101, "
        "without possible snow or shadow.",
    )
    temperature: QualityLevel = _key(
        "good", "Accepted temperatures. `good`: QC bits 0-1 are 00; `fair`: also 01 with an error of at most 2 K."
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
    minimum_passes: int = _key(
        10,
        "Passes of recommended quality that a cell's monthly mean needs; read for `target: SPL3SMP_E` alone, whose "
        "fields have gaps.",
        "passes",
        ge=1,
        le=62,
    )


class ModelKeys(Section):
    """The model: method, learner, and what of it is chosen out of fold."""

    method: Literal["detail", "absolute"] = _key(
        "detail",
        "`detail` learns what 9 km adds to coarse cells (`detail_ratio`) and applies it from 9 km to 1 km; `absolute` "
        "learns soil moisture itself at 9 km and applies it at 1 km, as the study does.",
    )
    kind: Literal["random_forest", "extra_trees", "hist_gradient_boosting", "linear"] = _key(
        "random_forest", "The learner."
    )
    trees: int = _key(200, "Trees of a forest, or rounds of boosting.", "trees", ge=1, le=10_000)
    min_leaf: Literal["auto"] | Annotated[int, Field(ge=1, le=1_000_000)] = _key(
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
                f"`subgrid` is {shown(keys['subgrid'])}, which was taken away, because maps were worse with it: leave "
                "it out"
            )
        return {name: value for name, value in keys.items() if name != "subgrid"}

    @model_validator(mode="after")
    def _leaves_something_to_learn(self) -> "ModelKeys":
        if self.trend == "linear" and self.kind == "linear":
            raise ValueError("`kind: linear` has nothing to learn from what `trend: linear` leaves: give one of them")
        return self


class MapKeys(Section):
    """The map: reconciliation, interval and blocks."""

    reconcile: bool | Literal["warranted", "measured"] = _key(
        "warranted",
        "Hold the mean of the 1 km map over every cell to the 9 km value: `true` makes them equal (SMAP at 1 km), "
        "`warranted` goes only as far as `target_error` warrants, with 0 as `true`; `measured` as far as field points "
        "tell, where they do (docs/scores.md).",
    )
    interval: float | None = _key(
        0.9,
        "Nominal coverage of the intervals in `interval.tif`; null: none is made.",
        "1",
        ge=0.5,
        le=0.99,
    )
    comparison: bool = _key(
        False,
        "Write the maps that the map is compared with, `comparison.tif`, for all of a region; else they have values in "
        "cells with field points alone, and there are none without points. Of simulated data they are always whole.",
    )
    block: int = _key(
        256, "Longest side of the block that one job maps: bounds its memory.", "cells of 9 km", ge=8, le=1024
    )


class Evaluation(Section):
    """Scores of the models."""

    protocols: Annotated[tuple[types.Protocol, ...], types.UNIQUE] = _key(
        get_args(types.Protocol),
        "Protocols that are scored beside those that every run has, `one_scale_up` of the map and the study's "
        "`train` and `random`: any of these, or none by `[]`. docs/scores.md explains them.",
        max_length=len(get_args(types.Protocol)),
    )


class ReportKeys(Section):
    """The report, and figures."""

    language: Language = _key(
        "en", "Language of report, figures and README: English, or Mongolian, which no native speaker has checked yet."
    )


def _as_error(value: object) -> object:
    """A number alone means an error of that size that is random."""
    return value if isinstance(value, (Mapping, ErrorKeys)) else {"deviation": value}


_Deviation = Annotated[float, Field(ge=0, le=0.1)]


class ErrorKeys(Section):
    """SMAP's monthly error in a simulated scene."""

    deviation: _Deviation = _key(
        0.0, "Standard deviation over the scene; a number alone, without the mapping, means the same.", "m³/m³"
    )
    with_predictors: float = _key(0.0, "Share of the variance that goes with vegetation and soil.", ge=0, le=1)
    static: float = _key(
        0.0, "Share of the variance that is another bias of each cell, the same in all months.", ge=0, le=1
    )
    range: float = _key(36.0, "Distance beyond which errors without predictors are independent.", ge=9, le=1000)

    @model_validator(mode="after")
    def _shares_are_of_one_whole(self) -> "ErrorKeys":
        if self.with_predictors + self.static > 1:
            raise ValueError("`with_predictors` and `static` are shares of one variance: their sum is more than 1")
        return self

    @property
    def name(self) -> str:
        """What the name of a scene's folder has of its error: what is not the default."""
        named = {"error": "deviation", "predictors": "with_predictors", "static": "static", "range": "range"}
        written = {name: getattr(self, key) for name, key in named.items() if getattr(self, key) != _ERROR[key]}
        return "-".join(f"{name}{repr(value).removesuffix('.0')}" for name, value in written.items())


_ERROR = {name: key.default for name, key in ErrorKeys.model_fields.items()}


class SensorDifferenceKeys(Section):
    """What VIIRS sees more than MODIS of the same surface in a simulated scene."""

    index: float = _key(0.0, "NDVI that bare ground has more; the difference falls to 0 at NDVI 1.", ge=-0.3, le=0.3)
    temperature: float = _key(
        0.0, "Surface temperature that bare ground has more, day and night; half of it at NDVI 1.", "K", ge=-10, le=10
    )

    @property
    def name(self) -> str:
        """What the name of a scene's folder has of the difference: what is not 0."""
        return "-".join(f"viirs_{name}{repr(value).removesuffix('.0')}" for name, value in self if value)


class SceneKeys(Section):
    """The simulated scene that `source: simulated` observes; not read otherwise."""

    extent: types.Extent = _key(
        "full",
        "; ".join(f"`{name}` covers {degrees_text(box)}" for name, box in types.SCENE_EXTENTS.items())
        + " (west, south, east, north in degrees).",
    )
    landscape: Literal["steppe", "mountains", "cloudy"] = _key(
        "steppe",
        "`steppe` resembles the study's region; `mountains` have strong relief that surface temperature follows more "
        "than soil moisture does; `cloudy` is the steppe under many more clouds.",
    )
    seed: int = _key(2021, "Seed of the scene: another seed is another landscape.", ge=0, le=2**32 - 1)
    noise: bool = _key(
        False,
        "Add white noise to what MODIS and VIIRS observe: about 0.06 (NDVI) and 1.8 K (LST) in a month's 1 km means.",
    )
    error: Annotated[ErrorKeys, BeforeValidator(_as_error, json_schema_input_type=_Deviation | ErrorKeys)] = _key(
        ErrorKeys(),
        "Standard deviation of SMAP's monthly error, which is random and correlated over 36 km; or a mapping: of this "
        "`deviation`, of the shares of its variance that go `with_predictors` (vegetation and soil, as SMAP L4's own "
        "maps of them may err) and that are another `static` bias of each cell, the same in all months (0 by default; "
        "the rest is random), and of the `range` of both in km.",
        "m³/m³",
        title="a number of at least 0 and at most 0.1, or a mapping with keys deviation (such a number), "
        "with_predictors and static (shares of 1) and range (9 to 1000 km)",
    )

    viirs: SensorDifferenceKeys = SensorDifferenceKeys()

    @property
    def name(self) -> str:
        """Name of the scene's folder: all that shapes it; of what follows the extent, what is not the default."""
        kind = [] if self.landscape == "steppe" else [self.landscape]
        noise = ["noise"] if self.noise else []
        error = [self.error.name] if self.error.deviation else []
        viirs = [self.viirs.name] if self.viirs.name else []
        return "-".join([self.extent, *kind, *noise, *error, *viirs, str(self.seed)])


class Columns(Section):
    """Columns of a table of field points."""

    id: str = _key("id", "Column of the points' names.", min_length=1)
    longitude: str = _key("longitude", "Column of the longitude, or of x (easting) in `points.crs`.", min_length=1)
    latitude: str = _key("latitude", "Column of the latitude, or of y (northing) in `points.crs`.", min_length=1)
    soil_moisture: str = _key("soil_moisture", "Column of the soil moisture in `points.units`.", min_length=1)
    date: str = _key(
        "date", "Column of the date, whose form `points.dates` names; a table need not have `date`.", min_length=1
    )
    depth_cm: str = _key("depth_cm", "Column of the depth in cm; a table need not have `depth_cm`.", min_length=1)


class Points(Section):
    """Reading of `field_points`, and the measurements that count; only `depth` and `window` are for ISMN too."""

    columns: Columns = Columns()
    crs: str = _key(
        "EPSG:4326",
        "Coordinate reference system of a table's coordinates, for example EPSG:32647 (UTM zone 47 N).",
        min_length=1,
    )
    units: Literal["m3/m3", "percent"] = _key("m3/m3", "Unit of a table's soil moisture; volumetric in both.")
    separator: Literal[",", ";", "tab", "|"] | None = _key(
        None,
        "Separator of a CSV's columns; null: found out.",
        title="a comma, a semicolon, a vertical bar or the word tab",
    )
    decimal: Literal[".", ","] | None = _key(
        None,
        "Decimal sign of a table's numbers; null: found out, or asked for where a comma may be one of thousands.",
        title="a point or a comma",
    )
    encoding: str | None = _key(
        None,
        "Encoding of a CSV, for example cp1251 or UTF-16; null: found out (UTF-8, UTF-16, cp1251 or cp1252).",
        min_length=1,
    )
    dates: Literal["YYYY-MM-DD", "DD.MM.YYYY", "MM/DD/YYYY"] | None = _key(
        None,
        "Order of year, month and day in a table's dates, whichever of . / - stands between them; null: found out from "
        "the whole column, or asked for where it does not tell.",
    )
    depth: types.Depth = _key(
        (0.0, 5.0),
        "Measurements within these depths count, both limits included, and 1.6 % below the lower one, because an inch "
        "is 2.54 cm: probes at 2 inches (5.08 cm) count for 5. SMAP L4's surface layer is the upper 5 cm.",
        "cm",
        title="an upper and a lower limit in cm, [top, bottom]",
    )
    window: int = _key(0, "Days before and after the month whose measurements count too.", "days", ge=0, le=31)
    minimum_days: int = _key(15, "Days with a good value that a sensor of an ISMN archive needs.", "days", ge=1, le=31)
    representativeness: float | None = _key(
        None,
        "Standard deviation of a point from the mean of its pixel; null: of the points, where 30 pairs are nearer than "
        "1.5 km, else 0.044 (OzNet).",
        "m³/m³",
        ge=0,
        le=0.5,
    )
    temporal: float | None = _key(
        None,
        "Standard deviation of a day from its month's mean at a point; null: of repeated dates, where they have 30 "
        "degrees of freedom, else 0.046 (OzNet).",
        "m³/m³",
        ge=0,
        le=0.5,
    )

    @property
    def reading(self) -> dict[str, Any]:
        """The keys that say how points are read."""
        return self.model_dump(mode="json", exclude={"representativeness", "temporal"})


class Compared(RasterKeys):
    """Another map that is compared with the field points, on any grid and in any CRS that GDAL reads."""

    name: str = _key(
        ...,
        "Names the map's row in `tables/field_validation.csv` and its column in `tables/field_points.csv`.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$",
        max_length=types.LONGEST_NAME,
        title="a name of letters, digits, blanks and . _ - that begins with a letter or digit, "
        f"of at most {types.LONGEST_NAME} characters",
    )
    product: types.Published | None = _key(
        None,
        "Published product, which gives `variable`, `band`, `scale` and `offset` where these are not given "
        "(docs/field-points.md).",
    )
    path: types.MonthlyPath = _key(
        ...,
        "Raster of m³/m³; `{month}` in it stands for the month as YYYY-MM. With `product` also a folder: the product's "
        "files of the month are found at any depth, and their mean counts.",
    )

    @property
    def published(self) -> ComparedProduct | None:
        """What is known of the product."""
        return COMPARED_PRODUCTS[self.product] if self.product else None

    def file_names(self, month: str) -> str:
        """Names of the product's files of a month, with * and ?."""
        return self.published.files.format(year=month[:4], month=month[5:]) if self.published else ""

    def of_month(self, month: str) -> "Compared":
        """The map of a month, with what its product gives in place of keys that are not given."""
        given = self.published.keys if self.published else {}
        taken = {name: value for name, value in given.items() if name not in self.model_fields_set}
        return self.model_copy(update={**taken, "path": Path(str(self.path).replace("{month}", month))})

    def files(self, month: str) -> list[Path]:
        """Files of a month: the raster, or those of the product in the folder."""
        path = self.of_month(month).path
        return sorted(path.rglob(self.file_names(month))) if self.published and path.is_dir() else [path]


class ZoneKeys(OutlineKeys):
    """Zones: the polygons of a vector file, by the name that a field of it has for each."""

    name: str | None = _key(None, "The file's field that names zones; null: they are numbered from 1.", min_length=1)


def _as_export(value: object) -> object:
    """Formats alone need no settings; the command line has one as text, and none as the text null."""
    if value in (None, "", "null"):
        return {}
    formats = [value] if isinstance(value, str) else value
    return {"formats": formats} if isinstance(formats, (list, tuple)) else value


class ExportKeys(Section):
    """Exports: the run in other formats, in `exports` beside its maps (docs/exports.md)."""

    formats: Annotated[tuple[types.Export, ...], types.UNIQUE] = _key(
        (),
        "Formats to make: `netcdf` (CF), `zarr` (all months of a region), `stac`, `raster` (in `export.crs`), `zones` "
        "(means of `export.zones`), `points` (values at `export.points`), `png` (a slide of the map), `svg` and `pdf` "
        "(every figure); `[]`: none.",
        max_length=len(get_args(types.Export)),
    )
    crs: str | None = _key(
        None, "Coordinate reference system of `raster`, for example EPSG:32648 (UTM zone 48 N).", min_length=1
    )
    resolution: float | None = _key(
        None,
        "Side of a pixel of `raster` in the unit of `export.crs` (m or degrees); null: about the map's own.",
        ge=1e-4,
        le=1e7,
    )
    zones: Annotated[ZoneKeys, BeforeValidator(_as_outline, json_schema_input_type=str | ZoneKeys)] | None = _key(
        None,
        "Polygons, for example provinces, in any vector file that GDAL reads and in any coordinate reference system.",
        title="a path of a vector file, or a mapping with keys path, layer and name",
    )
    points: types.ExistingPath | None = _key(
        None, "Table (CSV or .xlsx) of places with the columns id, longitude and latitude, in degrees."
    )


class Configuration(Section):
    """Configuration of kilomoist. Paths are relative to the working directory."""

    source: Literal["simulated", "archive", "earthdata"] = _key(
        "simulated",
        "Where granules come from: a simulated scene, your own files in the folder `archive`, or NASA Earthdata, which "
        "needs a login.",
    )
    archive: types.UserPath | None = _key(
        None, "Folder of granules for `source: archive`, searched at any depth; null otherwise."
    )
    scene: SceneKeys = SceneKeys()
    regions: tuple[Region, ...] = _key(DEFAULT_REGIONS, "Areas to map, each by itself.", min_length=1, max_length=1000)
    months: Annotated[tuple[types.Month, ...], types.UNIQUE] = _key(
        ("2021-08",), f"Months to map, each by itself, from {FIRST_MONTH} on.", min_length=1, max_length=1000
    )
    missing_months: Literal["auto", "stop", "skip"] = _key(
        "auto",
        "What to do where granules that are there, or that NASA's catalogue lists, cannot make a month's map: `stop` "
        "before the first job, or `skip` that month; `auto` skips where several months are asked for.",
    )
    target: types.Target = _key(
        "SPL4SMGP.008",
        "Soil-moisture product that is brought to 1 km: `SPL4SMGP` and `SPL4SMAU` are a land model that takes up what "
        "SMAP sees, `SPL3SMP_E` is what its passes saw.",
    )
    target_error: float | None = _key(
        None,
        "Standard error of the target's monthly cells; 0 makes intervals conditional on the target. null: what its "
        "product is known, or taken, to err by between cells (SMAP L4 0.06, SPL3SMP_E 0.05), or with `source: "
        "simulated` the scene's own error.",
        "m³/m³",
        ge=0,
        le=0.2,
    )
    predictors: Predictors = Predictors()
    quality: QualityKeys = QualityKeys()
    model: ModelKeys = ModelKeys()
    map: MapKeys = MapKeys()
    evaluation: Evaluation = Evaluation()
    field_points: types.ExistingPath | None = _key(
        None,
        "Field measurements: a CSV or workbook (.xlsx) with the columns that `points.columns` names, or an archive of "
        "the International Soil Moisture Network (ISMN; its zip file or a folder); null means none, or the scene's own "
        "points with `source: simulated`.",
    )
    points: Points = Points()
    compare: tuple[Compared, ...] = _key((), "Other maps that are compared at the same pixels.", max_length=100)
    export: Annotated[
        ExportKeys, BeforeValidator(_as_export, json_schema_input_type=tuple[types.Export, ...] | ExportKeys)
    ] = _key(
        ExportKeys(),
        "The run in other formats, in `exports` beside its maps (docs/exports.md): a list of formats, or a mapping.",
        title="a list of formats (netcdf, zarr, stac, raster, zones, points, png, svg, pdf), or a mapping with keys "
        "formats, crs, resolution, zones and points",
    )
    report: ReportKeys = ReportKeys()

    @model_validator(mode="after")
    def _fits_together(self) -> "Configuration":
        problems = [*self._problems_of_predictors(), *self._problems_of_source(), *self._problems_of_points()]
        if problems := [*problems, *self._problems_of_export()]:
            raise ValueError("\n".join(problems))
        return self

    def _problems_of_predictors(self) -> Iterator[str]:
        layers = self.predictors.layers
        for one, other in itertools.combinations(self.predictors.products, 2):
            if one[:6] == other[:6] and {one[6], other[6]} == {"1", "2"}:
                yield (
                    f"`predictors.vegetation` is {shown(self.predictors.vegetation)}: {one} and {other} are the same "
                    "observations in two resolutions; take one of them."
                )
        for number, name in enumerate(self.predictors.use):
            key = f"`predictors.use[{number}]` is {shown(name)}"
            if name == "aspect":
                yield f"{key}: angles cannot be averaged, because 359° and 1° are neighbours; take northness, eastness."
            elif name in ("elevation", *TERRAIN) and "elevation" not in layers:
                why = "no product measures" if name == "elevation" else "is computed from elevation"
                yield f"{key}, which {why}: give a raster of it as `predictors.layers.elevation`."
            elif able := measuring(name, PRODUCTS):
                if not set(able) & set(self.predictors.products):
                    yield (
                        f"{key}, which none of {', '.join(self.predictors.products)} measures: add one that does to "
                        f"`predictors.{PRODUCTS[able[0]].role}` ({', '.join(able)}), or leave it out."
                    )
            elif name not in (known := [*types.PREDICTORS, *layers]):
                nearest = difflib.get_close_matches(name.lower(), known, 1, cutoff=0.75)
                advice = f"; did you mean {nearest[0]}?" if nearest else "."
                expected = f"{', '.join(types.PREDICTORS)}, or the name of a raster in `predictors.layers`"
                yield f"{key}: expected {expected}{advice}"

    def _problems_of_source(self) -> Iterator[str]:
        names = [region.name for region in self.regions]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"`regions`: {name} names {names.count(name)} regions: give each region its own name."
        if self.source != "archive":
            if self.archive is not None:
                yield (
                    f"`archive` is {shown(self.archive)}, but `source` is {self.source} and does not read it: "
                    "add `source: archive` (--config source=archive), or leave `archive` out."
                )
        elif self.archive is None:
            yield (
                "`archive` is null, but `source: archive` needs a folder of granules: "
                "give it, for example by `--config archive=/path/to/granules`."
            )
        elif not self.archive.is_dir():
            yield f"`archive` is {shown(self.archive)}: there is no such folder (paths start at {Path.cwd()})."

    def _problems_of_points(self) -> Iterator[str]:
        if self.field_points is None and self.points != Points():
            yield (
                "`points` says how `field_points` are read, but `field_points` is null: "
                "give the path of your points, or leave `points` out."
            )
        if self.field_points is None and self.source != "simulated" and self.compare:
            yield "`compare` names maps, but `field_points` is null: give points to compare them at, or leave it out."
        names = [raster.name for raster in self.compare]
        taken = {*OWN_MAPS, *OWN_MAPS.values(), *OWN_COLUMNS}
        for number, raster in enumerate(self.compare):
            key = f"`compare[{number}].path` ({raster.name}) is {shown(raster.path)}"
            if raster.name in taken or raster.name in names[:number]:
                yield f"`compare[{number}].name` is {shown(raster.name)}, as another map or column is: rename it."
            paths = {month: raster.of_month(month).path for month in self.months}
            folders = [month for month, path in paths.items() if path.is_dir()]
            if folders and not raster.published:
                yield f"{key}, a folder: give a file, or the `product` whose files it holds."
            elif folders:
                for month in folders:
                    if not raster.files(month):
                        yield f"{key}: it holds no file of {month} named {raster.file_names(month)}."
            elif len(self.months) > 1 and "{month}" not in str(raster.path):
                yield (
                    f"{key}, one file for {len(self.months)} months: "
                    "write {month} in it where its name has the month as YYYY-MM."
                )
            absent = [path for month, path in paths.items() if month not in folders and not path.is_file()]
            if absent:
                yield f"{key}: there is no such file as {absent[0]} (paths start at {Path.cwd()})."

    def _problems_of_export(self) -> Iterator[str]:
        needed = {
            "raster": ("crs", "the coordinate reference system to warp to, for example EPSG:32648"),
            "zones": ("zones", "a vector file of polygons"),
            "points": ("points", "a table with the columns id, longitude and latitude"),
        }
        for name, (key, what) in needed.items():
            if name in self.export.formats and getattr(self.export, key) is None:
                yield f"`export.formats` has {name}, but `export.{key}` is null: give {what}, or leave {name} out."
