"""Products that are read, as data: names, calendars, datasets, valid ranges, scales, quality bits.

Sources: MOD13 and MOD11 User Guides for Collection 6.1 (doi 10.5067/MODIS/MOD13A1.061, 10.5067/MODIS/MOD11A1.061), of
VIIRS the legends in VNP13A2 granules (doi 10.5067/VIIRS/VNP13A2.002), LAADS' file specifications of VNP21A1 and the
Earth Engine Data Catalog (NASA/VIIRS/002/VNP21A1D), SMAP L4_SM Product Specification Document (NASA GMAO Office Note
11), and NSIDC's user guides of SPL4SMGP (doi 10.5067/T5RUATAQREF8) and SPL4SMAU; of SPL3SMP_E see `_passes`. A new
product is a row here and, at most, a reader in `granules`.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from kilomoist.product_types import Condition, Format, GranuleName, Layer, Product, Quality, QualityLevel, Role


def _usable(bits: str) -> tuple[Condition, ...]:
    """What VI Quality, a dataset of MOD13 and VNP13, must say of a vegetation index of less than good reliability."""
    return (
        Condition(bits, tuple(range(0b0101 + 1)), first_bit=2, bits=4),  # usefulness
        Condition(bits, (0,), first_bit=14, bits=1),  # possible snow or ice
        Condition(bits, (0,), first_bit=15, bits=1),  # possible shadow
    )


def _modis_vegetation(short_name: str, first: int, resolution: str, grid: str, pixels: int) -> Product:
    """MOD13 and MYD13 (version 061), which differ in resolution and in the first day of their periods."""
    reliability = f"{resolution} 16 days pixel reliability"
    bits = f"{resolution} 16 days VI Quality"
    good = (Condition(reliability, (0,)),)
    marginal = (Condition(reliability, (1,)), *_usable(bits))
    quality: dict[QualityLevel, Quality] = {"good": (good,), "fair": (good, marginal)}
    return _tiled(
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
        successors=(f"VNP{short_name[3:]}.002",),
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


def _modis_temperature(short_name: str) -> Product:
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

    return _tiled(
        short_name,
        "11|21",
        role="temperature",
        calendar="daily",
        first=0,
        layers={"lst_day": layer("Day"), "lst_night": layer("Night")},
        pixels=1200,
        grid_name="MODIS_Grid_Daily_1km_LST",
        successors=("VNP21A1D.002", "VNP21A1N.002"),
        drifts=True,
        # How far a day warms and a night cools the ground; of both from one day, because clouds choose the days.
        differences={"lst_range": ("lst_day", "lst_night")},
    )


def _viirs_vegetation(short_name: str, resolution: str, suffix: str, pixels: int) -> Product:
    """VNP13 and VJ113 (version 002): periods of 16 days that begin every 8; ranks of reliability from 0 to 11.

    Which ranks are `good` was chosen as Excellent to Marginal, and Pass as MOD13's marginal: what is worse is cloud,
    shadow, snow or a value of other years. The Earth Engine Data Catalog has another code of land and water than the
    legend in the files, which is used here.
    """
    reliability = f"{resolution} 16 days pixel reliability"
    bits = f"{resolution} 16 days VI Quality"
    good = (Condition(reliability, (0, 1, 2, 3)),)
    passed = (Condition(reliability, (4,)), *_usable(bits))
    quality: dict[QualityLevel, Quality] = {"good": (good,), "fair": (good, passed)}
    observed = tuple(range(7))
    return _tiled(
        short_name,
        "13",
        version="002",
        role="vegetation",
        calendar="16-day",
        first=1,
        every=8,
        layers={
            name.lower(): Layer(
                f"{resolution} 16 days {name}",
                *("1", 0.0001, (-10000, 10000), quality),
                # Over water and over land there are two fills.
                {
                    "units": name,
                    "valid_range": (-10000, 10000),
                    "_FillValue": (-15000, -13000),
                    "scale_factor": 0.0001,
                },
            )
            for name in ("NDVI", "EVI")
        }
        | {
            # Bands I2 (0.865 µm) and M11 (2.25 µm), where MODIS has 0.86 and 2.13 µm.
            name: Layer(
                f"{resolution} 16 days {band} reflectance",
                *("1", 0.0001, (0, 10000), quality),
                {"units": "reflectance", "valid_range": (0, 10000), "_FillValue": -1000, "scale_factor": 0.0001},
            )
            for name, band in (("nir", "NIR"), ("mir", "SWIR3"))
        },
        indices={"ndii7": ("nir", "mir")},
        pixels=pixels,
        grid_name=f"VIIRS_Grid_16Day_VI_{suffix}",
        successors=_of_noaa_20(short_name),
        # Rank -4, or ocean, shallow and deep inland water; not coasts, and not what is partly land (4, 6).
        water=(
            (Condition(reliability, (-4,)),),
            (Condition(reliability, tuple(range(12))), Condition(bits, (0, 3, 5, 7), first_bit=11, bits=3)),
        ),
        silent=((Condition(reliability, (-1,)),),),
        snow=((Condition(reliability, (8,)),), (Condition(reliability, observed), Condition(bits, (1,), 14, 1))),
    )


def _viirs_temperature(short_name: str) -> Product:
    """VNP21A1 and VJ121A1 (version 002), by day (D) or by night (N): two products of one set of predictors.

    The bits of accuracy run against MOD11's: 00 is the worst, above 2 K. Cloudy, and next to clouds, are refused at
    both levels, as the method (TES) makes hot outliers there.
    """
    by_day = short_name.endswith("D")
    clear = Condition("QC", (0,), first_bit=4, bits=2)
    error_up_to_2_k = Condition("QC", (1, 2, 3), first_bit=14, bits=2)
    good = (Condition("QC", (0,), first_bit=0, bits=2), clear, error_up_to_2_k)
    fair = (Condition("QC", (1,), first_bit=0, bits=2), clear, error_up_to_2_k)
    quality: dict[QualityLevel, Quality] = {"good": (good,), "fair": (good, fair)}
    attributes = {"units": "K", "valid_range": (7500, 65535), "_FillValue": 0, "scale_factor": 0.02}
    return _tiled(
        short_name,
        "11|21",
        version="002",
        role="temperature",
        calendar="daily",
        first=0,
        layers={"lst_day" if by_day else "lst_night": Layer("LST_1KM", "K", 0.02, (7500, 65535), quality, attributes)},
        # As MOD11's, of both from one day.
        differences={"lst_range": ("lst_day", "lst_night")} if by_day else {},
        partner=f"{short_name.removesuffix('D')}N.002" if by_day else "",
        pixels=1200,
        grid_name="VIIRS_Grid_Daily_1km_LST21",
        successors=_of_noaa_20(short_name),
    )


def _of_noaa_20(short_name: str) -> tuple[str, ...]:
    """The twin, from the younger NOAA-20, of a product of Suomi NPP's VIIRS; none of its own products."""
    return (f"VJ1{short_name.removeprefix('VNP')}.002",) if short_name.startswith("VNP") else ()


ENDINGS: dict[Format, str] = {"HDF4": "hdf", "HDF5": "h5"}


def _tiled(short_name: str, numbers: str, version: str = "061", **others: Any) -> Product:
    """A tiled product of a collection, 6.1 of MODIS (061) or 2 of VIIRS; products with these numbers look like it."""
    kind: Format = "HDF4" if version == "061" else "HDF5"
    day, tile = r"\.A(?P<time>\d{7})", r"\.(?P<tile>h\d\dv\d\d)"
    other = rf"(?P<other>(?:M[OY]D|V[NJ]\w)(?:{numbers})\w*)"
    like = rf"(?:{short_name}|{other}){day}{tile}\.(?:{version}|(?P<version>\d{{3}}))(?:\.\d{{13}})?(?P<ending>.*)"
    series = "MODIS" if version == "061" else "VIIRS"
    return Product(
        f"{short_name}.{version}",
        format=kind,
        doi="" if short_name == "VJ113A2" else f"10.5067/{series}/{short_name}.{version}",  # of that one none was found
        pattern=re.compile(rf"{short_name}{day}{tile}\.{version}\.(?P<produced>\d{{13}})\.{ENDINGS[kind]}"),
        lookalikes=re.compile(like, re.IGNORECASE),
        time_format="%Y%j",
        **others,
    )


_SMAP_DOIS = {
    "SPL4SMGP.006": "10.5067/08S1A6811J0U",
    "SPL4SMGP.007": "10.5067/EVKPQZ4AFC4D",
    "SPL4SMGP.008": "10.5067/T5RUATAQREF8",
    "SPL4SMAU.007": "10.5067/LWJ6TF5SZRG3",
    "SPL4SMAU.008": "10.5067/02LGW4DGJYRX",
    "SPL3SMP_E.005": "10.5067/4DQ54OUIJ9DL",
    "SPL3SMP_E.006": "10.5067/M20OXIZHY3RJ",
}
"""As nsidc.org and data.nasa.gov have them; of older versions of SPL4SMAU none was found."""


_RADIOMETER_OFF = ((date(2019, 6, 19), date(2019, 7, 23)), (date(2022, 8, 6), date(2022, 9, 20)))
"""SMAP in safe mode: SMAP L4 is its land model alone (Earth Engine Data Catalog, NASA/SMAP/SPL4SMGP/007 and 008)."""


_TARGET_RANDOM_ERROR, _TARGET_STATIC_ERROR = 0.04, 0.053
"""m³/m³: `_target` and `_passes` argue them."""


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
        random_error=_TARGET_RANDOM_ERROR,
        static_error=_TARGET_STATIC_ERROR,
        model_only=_RADIOMETER_OFF,
        doi=_SMAP_DOIS.get(f"{short_name}.{major:03d}", ""),
    )


def _passes(major: int) -> Product:
    """SPL3SMP_E: retrievals of the passes of a day, at 6 h (AM, descending) and 18 h (PM, ascending) local solar time.

    Names, groups, datasets, fills and the grid of 1624 × 3856 cells are those that public programs read, such as NASA's
    Land Information System; that there are neither x and y nor a projection says NSIDC of its sibling of 36 km
    (github.com/nsidc/NSIDC-Data-Tutorials, notebooks/SMAP). R16 and R19 begin the releases of versions 3 and 6; that
    R18 are version 5's follows from it. Bits of the flag (NSIDC, "How do I interpret the surface and quality flag
    information in the Level-2 and -3 passive soil moisture products?", and the notebooks): 0 not recommended, 1 not
    attempted, 2 not successful, 3 freeze/thaw not retrieved, which soil moisture does not need: 0 and 8 are taken. All
    of bits 0 to 2 must be 0, because bit 0 of the fill, 65534, is. Not confirmed: how `units` are spelt, which are not
    compared; valid_min and valid_max, in place of which physical bounds stand; chunks, so that files are fetched whole.

    The random error is the mission's requirement of single retrievals (ubRMSE 0.04 m³/m³), which they meet at core
    validation sites (Chan et al. 2018, doi 10.1016/j.rse.2017.08.025). The static one is assumed to be SMAP L4's:
    nothing better is known here (docs/trust.md). SMAP passes every 2 to 3 days in each direction: 20 to 31 fields a
    month, of which 20 are expected to count.
    """
    group, flag = "Soil_Moisture_Retrieval_Data_", "retrieval_qual_flag"
    release = f"R{13 + major}"

    def layer(time_of_day: str, suffix: str) -> Layer:
        recommended = (Condition(f"{group}{time_of_day}/{flag}{suffix}", (0,), first_bit=0, bits=3),)
        dataset = f"{group}{time_of_day}/soil_moisture{suffix}"
        return Layer(dataset, "m3 m-3", 1.0, (0.0, 1.0), {"good": (recommended,)}, {"_FillValue": -9999.0})

    return Product(
        name=f"SPL3SMP_E.{major:03d}",
        role="target",
        format="HDF5",
        calendar="daily",
        first=0,
        pattern=re.compile(rf"SMAP_L3_SM_P_E_(?P<time>\d{{8}})_(?P<produced>{release}\d{{3}}_\d{{3}})\.h5"),
        lookalikes=re.compile(
            rf"(?:SMAP_L3_SM_P_E|(?P<other>SMAP_L3_[A-Z]+(?:_[A-Z]+)*))_(?P<time>\d{{8}})_"
            rf"(?:{release}\d{{3}}|(?P<version>R\d{{5}}))_\d{{3}}(?P<ending>.*)",
            re.IGNORECASE,
        ),
        time_format="%Y%m%d",
        layers={"soil_moisture": layer("AM", ""), "soil_moisture_pm": layer("PM", "_pm")},
        random_error=_TARGET_RANDOM_ERROR,
        static_error=_TARGET_STATIC_ERROR,
        passes=20,
        doi=_SMAP_DOIS[f"SPL3SMP_E.{major:03d}"],
    )


PRODUCTS: dict[str, Product] = {
    product.name: product
    for product in (
        _modis_vegetation("MOD13A1", 1, "500m", "MODIS_Grid_16DAY_500m_VI", 2400),
        _modis_vegetation("MYD13A1", 9, "500m", "MODIS_Grid_16DAY_500m_VI", 2400),
        _modis_vegetation("MOD13A2", 1, "1 km", "MODIS_Grid_16DAY_1km_VI", 1200),
        _modis_vegetation("MYD13A2", 9, "1 km", "MODIS_Grid_16DAY_1km_VI", 1200),
        _modis_temperature("MOD11A1"),
        _modis_temperature("MYD11A1"),
        *(
            _viirs_vegetation(f"{sensor}{name}", resolution, suffix, pixels)
            for name, resolution, suffix, pixels in (("13A1", "500 m", "500m", 2400), ("13A2", "1 km", "1km", 1200))
            for sensor in ("VNP", "VJ1")
        ),
        *(_viirs_temperature(f"{sensor}21A1{half}") for sensor in ("VNP", "VJ1") for half in "DN"),
        # Fields of SPL4SMGP are means of 3 hours, stamped at their centre; those of SPL4SMAU are snapshots.
        *(_target("SPL4SMGP", "gph", major, "Geophysical_Data/sm_surface", 90) for major in (6, 7, 8)),
        *(_target("SPL4SMAU", "aup", major, "Analysis_Data/sm_surface_analysis", 0) for major in (4, 5, 6, 7, 8)),
        *map(_passes, (5, 6)),
    )
}

TERRAIN: dict[str, str] = {"slope": "degrees", "northness": "1", "eastness": "1"}
"""Predictors that are computed from the user's layer `elevation`, and their units."""


def products_of(role: Role) -> tuple[str, ...]:
    """Names of the products that can play a role."""
    return tuple(name for name, product in PRODUCTS.items() if product.role == role)


def measuring(quantity: str, products: Iterable[str]) -> list[str]:
    """Those of some products that measure a quantity."""
    return [name for name in dict.fromkeys(products) if quantity in PRODUCTS[name].quantities]


def shared_quantities(products: Iterable[str], use: Sequence[str]) -> list[str]:
    """Quantities in use that several products measure."""
    names = list(products)
    return [quantity for quantity in use if len(measuring(quantity, names)) > 1]


def parse_name(file_name: str, product: Product) -> GranuleName | None:
    """The granule of `product` that a file name names; None for any other name."""
    if match := product.pattern.fullmatch(file_name):
        with suppress(ValueError):  # digits in the right places that are no date, such as day 400
            time = datetime.strptime(match["time"], product.time_format)
            if time.strftime(product.time_format) == match["time"]:  # day 366 of 365 is read as the next year's first
                parts = match.groupdict()
                return GranuleName(product.name, time, parts.get("tile"), parts["produced"], not parts.get("cut"))
    return None
