"""Types of keys: accepted values, and the reason why another is refused."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from kilomoist.calendars import FIRST_MONTH, month_range
from kilomoist.compared_products import COMPARED_PRODUCTS
from kilomoist.files import wildcard_in
from kilomoist.grids import MAX_LATITUDE, Box
from kilomoist.names import OWN_BANDS
from kilomoist.product_types import Role
from kilomoist.products import PRODUCTS, TERRAIN, products_of

SCENE_EXTENTS: dict[str, Box] = {"full": (95.5, 44.5, 104.5, 50.5), "small": (97.5, 46.0, 101.5, 49.0)}
"""Boxes of the simulated scenes."""
_OBSERVING = [product for product in PRODUCTS.values() if product.role != "target"]
PREDICTORS = tuple(dict.fromkeys(name for product in _OBSERVING for name in product.quantities) | TERRAIN)
"""Predictors that products measure, and those computed from elevation."""
LONGEST_NAME = 100
"""Characters of a name that becomes a folder's or a column's; file systems take 255 bytes."""
MOST_BANDS = 65_536
"""GDAL opens no raster with more."""
_NUMBERS = TypeAdapter(Box, config=ConfigDict(allow_inf_nan=False))


def degrees_text(box: Box) -> str:
    """A box in degrees, for messages."""
    return f"[{', '.join(f'{number:g}' for number in box)}]"


def _checked_layers(layers: dict[str, Any]) -> dict[str, Any]:
    """Layers whose names are free."""
    taken = {*PREDICTORS, "aspect", *OWN_BANDS}
    for name in layers:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name) > LONGEST_NAME:
            raise ValueError(
                f"{clipped(name)} cannot name a layer: take a-z, 0-9 and _, beginning with a letter, "
                f"at most {LONGEST_NAME} characters"
            )
        if name in taken or name.startswith("valid_fraction") or name.endswith("_days"):
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


def _checked_box(value: Any) -> Box:
    form = "expected four numbers in degrees, [west, south, east, north]"
    try:
        west, south, east, north = _NUMBERS.validate_python(value)
    except ValidationError:
        raise ValueError(form) from None
    if any(isinstance(number, bool) for number in value):  # pydantic takes `true` for the number 1
        raise ValueError(form)
    if abs(south) > 90 or abs(north) > 90:
        raise ValueError(f"it looks as if latitude and longitude are swapped; {form}")
    if abs(south) > MAX_LATITUDE or abs(north) > MAX_LATITUDE:
        raise ValueError(f"the grid ends at {MAX_LATITUDE:g}° north and south")
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
    """Values of which none is repeated."""
    if repeated := sorted({value for value in values if values.count(value) > 1}):
        raise ValueError(f"{', '.join(repeated)} occurs more than once")
    return values


def _checked_depth(depth: tuple[float, float]) -> tuple[float, float]:
    """Depths in cm, the upper first."""
    top, bottom = depth
    if not 0 <= top <= bottom:
        raise ValueError("expected an upper and a lower limit in cm below the surface, [top, bottom]")
    if bottom < 1:
        raise ValueError("it looks like metres; expected an upper and a lower limit in cm, for example [0, 5]")
    return depth


def _expanded(path: Path) -> Path:
    """A path with a home in place of ~, which the file system can be asked for."""
    try:
        expanded = path.expanduser()
        expanded.exists()
    except (OSError, RuntimeError) as error:  # too long, a folder that is closed, no such user
        raise ValueError(f"no such file can be looked for ({getattr(error, 'strerror', None) or error})") from None
    return expanded


def _literal(path: Path) -> Path:
    """A path that Snakemake takes as it is."""
    if found := wildcard_in(path):
        raise ValueError(f"{found} would be taken for a wildcard of Snakemake; rename it, without braces")
    return path


def _of_months(path: Path) -> Path:
    """A path in which only the month may vary."""
    _literal(Path(str(path).replace("{month}", "month")))
    return path


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ValueError(f"there is no such file (paths start at {Path.cwd()})")
    if not path.is_file() and not path.is_dir():
        raise ValueError("it is a device, a pipe or a socket, which has no end: give a file or a folder")
    return path


# Of names in tables, which mypy does not know.
Target: TypeAlias = Literal[products_of("target")]  # type: ignore[valid-type]
_Vegetation: TypeAlias = Literal[products_of("vegetation")]  # type: ignore[valid-type]
_Temperature: TypeAlias = Literal[products_of("temperature")]  # type: ignore[valid-type]
Published: TypeAlias = Literal[tuple(COMPARED_PRODUCTS)]  # type: ignore[valid-type]
Extent: TypeAlias = Literal[tuple(SCENE_EXTENTS)]  # type: ignore[valid-type]
Predictor = Annotated[str, Field(title=f"{', '.join(PREDICTORS)} or the name of a layer")]
Protocol = Literal["random_folds", "blocks", "knndm", "degrade_restore"]
Export = Literal["netcdf", "zarr", "stac", "raster", "zones", "points", "png", "svg", "pdf"]
# A title says in words what the schema's own keywords cannot.
Month = Annotated[str, AfterValidator(_checked_month), Field(title="a month as YYYY-MM")]
_Depth: TypeAlias = Annotated[float, Field(ge=0, le=1000)]
Depth = Annotated[tuple[_Depth, _Depth], AfterValidator(_checked_depth)]
_Longitude: TypeAlias = Annotated[float, Field(ge=-180, le=180)]
_Latitude: TypeAlias = Annotated[float, Field(ge=-MAX_LATITUDE, le=MAX_LATITUDE)]
RegionBox = Annotated[tuple[_Longitude, _Latitude, _Longitude, _Latitude], BeforeValidator(_checked_box)]
MonthlyPath = Annotated[Path, AfterValidator(_expanded), AfterValidator(_of_months)]
UserPath = Annotated[Path, AfterValidator(_expanded), AfterValidator(_literal)]
ExistingPath = Annotated[UserPath, AfterValidator(_existing)]
FREE_NAMES, UNIQUE = AfterValidator(_checked_layers), AfterValidator(_checked_unique)


def one_or_several(role: Role) -> str:
    """In words: a product that can play a role, or a list of such products."""
    *names, last = products_of(role)
    return f"{', '.join(names)} or {last}, or a list of these"


def _checked_products(role: Role) -> BeforeValidator:
    """Check of the name of a product, or of a list of them, as a whole."""

    def checked(value: Any) -> Any:
        names = [value] if isinstance(value, str) else value
        if not (isinstance(names, (list, tuple)) and names and all(name in products_of(role) for name in names)):
            raise ValueError(f"expected {one_or_several(role)}")
        return value if isinstance(value, str) else _checked_unique(tuple(names))

    return BeforeValidator(checked)


Vegetation = Annotated[_Vegetation | tuple[_Vegetation, ...], _checked_products("vegetation")]
Temperature = Annotated[_Temperature | tuple[_Temperature, ...], _checked_products("temperature")]


def as_json(value: object) -> str:
    """A value as JSON, or as Python writes it where a mapping has keys, such as dates, that JSON does not know."""
    try:
        return json.dumps(value, default=str, ensure_ascii=False)
    except TypeError:
        return repr(value)


def clipped(text: str) -> str:
    """A text, cut after 80 characters, for messages."""
    return text if len(text) <= 80 else text[:80] + "…"


def shown(value: object) -> str:
    """A value as JSON, cut after 80 characters, for messages."""
    return clipped(as_json(value))
