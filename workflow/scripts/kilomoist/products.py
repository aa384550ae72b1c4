"""Products that are read, as data: names, calendars, datasets, valid ranges, scales, quality bits.

Sources: MOD13 and MOD11 User Guides for Collection 6.1 (doi 10.5067/MODIS/MOD13A1.061, 10.5067/MODIS/MOD11A1.061), SMAP
L4_SM Product Specification Document (NASA GMAO Office Note 11), and NSIDC's user guides of SPL4SMGP (doi
10.5067/T5RUATAQREF8) and SPL4SMAU. A new product is a row here and, at most, a reader in `granules`.

`scale` always multiplies; the file's own is never used: MOD13's `scale_factor` divides, MOD11's multiplies.
"""

import math
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Role = Literal["vegetation", "temperature", "target"]
QualityLevel = Literal["good", "fair"]
Format = Literal["HDF4", "HDF5"]


@dataclass(frozen=True)
class Condition:
    """`bits` bits (None: all) of an integer dataset, from `first_bit` (0: least significant), hold one of `values`."""

    dataset: str
    values: tuple[int, ...]
    first_bit: int = 0
    bits: int | None = None


Quality = tuple[tuple[Condition, ...], ...]
"""Alternatives, each of them conditions that hold together."""


@dataclass(frozen=True)
class Layer:
    """A quantity of a product: its dataset in a granule, and the stored numbers that are values."""

    dataset: str
    units: str
    scale: float
    valid: tuple[float, float]
    """Smallest and largest stored number that is a value: fills lie beyond."""
    quality: dict[QualityLevel, Quality]
    """Accepted quality by level; empty where the product has no quality dataset."""
    attributes: dict[str, Any]
    """What NASA's files say of the stored numbers, as they say it: a file that says otherwise is another product's."""

    def holds(self, stored: NDArray) -> NDArray[np.bool_]:
        """Mask of stored numbers that are values, whatever their quality."""
        return (stored >= self.valid[0]) & (stored <= self.valid[1])


@dataclass(frozen=True)
class Product:
    """A NASA collection and version."""

    name: str
    role: Role
    format: Format
    calendar: Literal["daily", "16-day", "3-hourly"]
    first: int
    """Day of the year of the first 16-day period, or minute of the day of the first other granule."""
    pattern: re.Pattern[str]
    """Matches a granule's file name; groups `time`, `produced`, for tiled products `tile`, of a subsetter `cut`."""
    lookalikes: re.Pattern[str]
    """Finds names that may be taken for a granule's; groups `time` and `tile`, what is `other` than the product or its
    `version`, and the `ending`."""
    time_format: str
    layers: dict[str, Layer]
    pixels: int = 0
    """Pixels along a side of a tile; 0 where the product is not tiled."""
    grid_name: str = ""
    """HDF-EOS name of the grid."""
    subset_size: int = 0
    """Bytes, about, of the wanted dataset of a far larger file; 0 where files are fetched whole."""
    water: Quality = ()
    snow: Quality = ()
    """Marks of water, and of snow or ice, in a pixel."""
    silent: Quality = ()
    """Marks of observations that were not processed, which tell neither."""
    random_error: float = 0.0
    """Standard error of single fields in time, without their bias, m³/m³; 0 where it is not a target."""
    static_error: float = 0.0
    """Standard deviation between cells of their bias, which averaging over time does not reduce, m³/m³."""
    model_only: tuple[tuple[date, date], ...] = ()
    """First and last days of periods in which a product that assimilates observations had none."""
    differences: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Quantities that are one layer minus another of the same unit and scale, where an observation has both."""
    indices: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Quantities that are the normalised difference (first − second) / (first + second) of layers, such as
    reflectances, which are no quantities by themselves."""

    @property
    def error(self) -> float:
        """Standard error of a cell's monthly mean beside other cells, m³/m³: its static part, and what a mean leaves of
        the random part.

        Of errors whose autocorrelation falls as exp(−t / τ) a mean over T has the share 2τ/T·(1 − τ/T·(1 − exp(−T/τ)))
        of the variance; T is 30 days.
        """
        relative = ERROR_DECORRELATION / 30
        share = 2 * relative * (1 - relative * (1 - math.exp(-1 / relative)))
        return round(math.hypot(self.static_error, self.random_error * math.sqrt(share)), 2)

    @property
    def short_name(self) -> str:
        return self.name.split(".")[0]

    @property
    def version(self) -> str:
        return self.name.split(".")[1]

    @property
    def tiled(self) -> bool:
        return self.pixels > 0

    @property
    def quantities(self) -> dict[str, str]:
        """Units of all that observations give, by name: layers, differences and indices of two."""
        parts = {part for pair in self.indices.values() for part in pair}
        units = {name: layer.units for name, layer in self.layers.items() if name not in parts}
        return (
            units
            | {name: units[first] for name, (first, _) in self.differences.items()}
            | dict.fromkeys(self.indices, "1")
        )

    def layers_of(self, names: Collection[str]) -> dict[str, Layer]:
        """Layers that some quantities are made from, in the product's order."""
        pairs = self.differences | self.indices
        needed = {*names, *(part for name in names for part in pairs.get(name, ()))}
        return {name: layer for name, layer in self.layers.items() if name in needed}

    def datasets_of(self, quantities: Collection[str]) -> tuple[str, ...]:
        """Datasets of some quantities and of the product's masks, in a stable order."""
        layers = self.layers_of(quantities).values()
        names = [layer.dataset for layer in layers]
        qualities = [quality for layer in layers for quality in layer.quality.values()]
        for quality in [*qualities, self.water, self.snow, self.silent]:
            names += [condition.dataset for alternative in quality for condition in alternative]
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class GranuleName:
    """Product, time, tile and production of a granule, from its file name."""

    product: str
    time: datetime
    """First day of a MODIS granule; time stamp of a SMAP field."""
    tile: str | None
    produced: str
    """Compares as text: the newest production is the largest."""
    whole: bool = True
    """Whether it is named as NASA publishes it, and not as a subsetter's cut."""


def _vegetation(short_name: str, first: int, resolution: str, grid: str, pixels: int) -> Product:
    """MOD13 and MYD13 (version 061), which differ in resolution and in the first day of their periods."""
    reliability = f"{resolution} 16 days pixel reliability"
    bits = f"{resolution} 16 days VI Quality"
    good = (Condition(reliability, (0,)),)
    marginal = (
        Condition(reliability, (1,)),
        Condition(bits, tuple(range(0b0101 + 1)), first_bit=2, bits=4),  # usefulness
        Condition(bits, (0,), first_bit=14, bits=1),  # possible snow or ice
        Condition(bits, (0,), first_bit=15, bits=1),  # possible shadow
    )
    quality: dict[QualityLevel, Quality] = {"good": (good,), "fair": (good, marginal)}
    return _modis(
        short_name,
        "13",
        role="vegetation",
        calendar="16-day",
        first=first,
        layers={
            name.lower(): Layer(
                f"{resolution} 16 days {name}",
                *("1", 0.0001, (-2000, 10000), quality),
                {"units": name, "valid_range": (-2000, 10000), "_FillValue": -3000, "scale_factor": 10000.0},
            )
            for name in ("NDVI", "EVI")
        }
        | {
            # Bands 2 (0.86 µm) and 7 (2.13 µm) of MODIS: that water absorbs the second is what `ndii7` sees.
            name.lower(): Layer(
                f"{resolution} 16 days {name} reflectance",
                *("1", 0.0001, (0, 10000), quality),
                {"units": "reflectance", "valid_range": (0, 10000), "_FillValue": -1000, "scale_factor": 10000.0},
            )
            for name in ("NIR", "MIR")
        },
        # The index of near and short-wave infrared reflectance goes by many names, which Ji et al. (2011, "On the
        # terminology of the spectral vegetation index (NIR − SWIR)/(NIR + SWIR)", Int. J. Remote Sens. 32) compare.
        indices={"ndii7": ("nir", "mir")},
        pixels=pixels,
        grid_name=grid,
        # Land/water flag: oceans, shallow and deep inland water; not coastlines, shorelines or ephemeral water.
        water=((Condition(bits, (0, 3, 5, 6, 7), first_bit=11, bits=3),),),
        silent=((Condition(bits, (65535,)),),),
        # The snow bit is also set on pixels that were never processed (reliability -1), where it says nothing.
        snow=((Condition(reliability, (2,)),), (Condition(reliability, (0, 1)), Condition(bits, (1,), 14, 1))),
    )


def _temperature(short_name: str) -> Product:
    """MOD11A1 and MYD11A1 (version 061)."""

    def layer(time_of_day: str) -> Layer:
        bits = f"QC_{time_of_day}"
        good = (Condition(bits, (0,), first_bit=0, bits=2),)
        error_up_to_2_k = Condition(bits, (0, 1), first_bit=6, bits=2)
        fair = (Condition(bits, (1,), first_bit=0, bits=2), error_up_to_2_k)
        quality: dict[QualityLevel, Quality] = {"good": (good,), "fair": (good, fair)}
        return Layer(
            f"LST_{time_of_day}_1km",
            *("K", 0.02, (7500, 65535), quality),
            {"units": "K", "valid_range": (7500, 65535), "_FillValue": 0, "scale_factor": 0.02},
        )

    return _modis(
        short_name,
        "11|21",
        role="temperature",
        calendar="daily",
        first=0,
        layers={"lst_day": layer("Day"), "lst_night": layer("Night")},
        pixels=1200,
        grid_name="MODIS_Grid_Daily_1km_LST",
        # How far a day warms and a night cools the ground; of both from one day, because clouds choose the days.
        differences={"lst_range": ("lst_day", "lst_night")},
    )


def _modis(short_name: str, numbers: str, **others: Any) -> Product:
    """A tiled product of Collection 6.1, which its name calls 061; products with these numbers may be taken for it."""
    day, tile = r"\.A(?P<time>\d{7})", r"\.(?P<tile>h\d\dv\d\d)"
    other = rf"(?P<other>(?:M[OY]D|V[NJ]\w)(?:{numbers})\w*)"
    like = rf"(?:{short_name}|{other}){day}{tile}\.(?:061|(?P<version>\d{{3}}))(?:\.\d{{13}})?(?P<ending>.*)"
    return Product(
        f"{short_name}.061",
        format="HDF4",
        pattern=re.compile(rf"{short_name}{day}{tile}\.061\.(?P<produced>\d{{13}})\.hdf"),
        lookalikes=re.compile(like, re.IGNORECASE),
        time_format="%Y%j",
        **others,
    )


ERROR_DECORRELATION = 10.0
"""Days in which a random error of soil moisture is forgotten by 1 / e: assumed, as surface soil dries within days to
weeks; 5 and 20 days change the error of a monthly mean by less than 0.005 m³/m³."""
_RADIOMETER_OFF = ((date(2019, 6, 19), date(2019, 7, 23)), (date(2022, 8, 6), date(2022, 9, 20)))
"""SMAP in safe mode: SMAP L4 is its land model alone (Earth Engine Data Catalog, NASA/SMAP/SPL4SMGP/007 and 008)."""


def _target(short_name: str, kind: str, major: int, dataset: str, first: int) -> Product:
    """SMAP L4; the science version in the file name begins with the collection's version.

    `valid_max` in the files is 0.9, which peat exceeds since version 7 (its porosity is 0.93): 1 is used instead. The
    random error is the mission's requirement (ubRMSE 0.04 m³/m³, of single fields in time, their bias removed), which
    L4_SM meets at core validation sites (Colliander et al. 2022, doi 10.1109/JSTARS.2021.3124743). The static one is
    what is left of 0.098, the ubRMSE between places against 112 sensors at one hour of January, without that and the
    scatter of sensors about their cell (0.05 at a time and 0.052 between places: docs/trust.md).

    NASA's subsetters add to the name: the Harmony OPeNDAP Subsetter (github.com/nasa/harmony-opendap-subsetter) the
    path of a single variable and `_subsetted`, NSIDC's older service `_HEGOUT`.
    """
    fills = dict.fromkeys(("_FillValue", "missing_value", "fmissing_value"), -9999.0)
    time, variable = r"(?P<time>\d{8}T\d{6})", dataset.replace("/", "_")
    like = rf"(?:SMAP_L4_SM_{kind}|(?P<other>SMAP_L4_SM_[a-z]+))_{time}"
    return Product(
        name=f"{short_name}.{major:03d}",
        role="target",
        format="HDF5",
        calendar="3-hourly",
        first=first,
        pattern=re.compile(
            rf"SMAP_L4_SM_{kind}_{time}_(?P<produced>V[a-z]{major}\d{{3}}_\d{{3}})"
            rf"(?:\.h5|(?P<cut>(?:_{variable})?_subsetted\.nc4|_HEGOUT\.nc))"
        ),
        lookalikes=re.compile(
            rf"{like}_(?:V[a-z]{major}\d{{3}}|(?P<version>V[a-z]\d{{4}}))_\d{{3}}(?P<ending>.*)", re.IGNORECASE
        ),
        time_format="%Y%m%dT%H%M%S",
        layers={"soil_moisture": Layer(dataset, "m3 m-3", 1.0, (0.0, 1.0), {}, {"units": "m3 m-3", **fills})},
        subset_size=3_000_000,
        random_error=0.04,
        static_error=0.053,
        model_only=_RADIOMETER_OFF,
    )


PRODUCTS: dict[str, Product] = {
    product.name: product
    for product in (
        _vegetation("MOD13A1", 1, "500m", "MODIS_Grid_16DAY_500m_VI", 2400),
        _vegetation("MYD13A1", 9, "500m", "MODIS_Grid_16DAY_500m_VI", 2400),
        _vegetation("MOD13A2", 1, "1 km", "MODIS_Grid_16DAY_1km_VI", 1200),
        _vegetation("MYD13A2", 9, "1 km", "MODIS_Grid_16DAY_1km_VI", 1200),
        _temperature("MOD11A1"),
        _temperature("MYD11A1"),
        # Fields of SPL4SMGP are means of 3 hours, stamped at their centre; those of SPL4SMAU are snapshots.
        *(_target("SPL4SMGP", "gph", major, "Geophysical_Data/sm_surface", 90) for major in (6, 7, 8)),
        *(_target("SPL4SMAU", "aup", major, "Analysis_Data/sm_surface_analysis", 0) for major in (4, 5, 6, 7, 8)),
    )
}

TERRAIN: dict[str, str] = {"slope": "degrees", "northness": "1", "eastness": "1"}
"""Predictors that are computed from the user's layer `elevation`, and their units."""


def products_of(role: Role) -> tuple[str, ...]:
    """Names of the products that can play a role."""
    return tuple(name for name, product in PRODUCTS.items() if product.role == role)


def parse_name(file_name: str, product: Product) -> GranuleName | None:
    """The granule of `product` that a file name names; None for any other name."""
    if match := product.pattern.fullmatch(file_name):
        with suppress(ValueError):  # digits in the right places that are no date, such as day 400
            time = datetime.strptime(match["time"], product.time_format)
            if time.strftime(product.time_format) == match["time"]:  # day 366 of 365 is read as the next year's first
                parts = match.groupdict()
                return GranuleName(product.name, time, parts.get("tile"), parts["produced"], not parts.get("cut"))
    return None
