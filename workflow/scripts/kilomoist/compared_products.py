"""Published 1 km products that maps are compared with, as data: names of their files, and what is in them.

What no source tells is left out: then what the file itself declares counts, or what the user says.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ComparedProduct:
    """A product of a file a day or a scene."""

    files: str
    """Names of a month's files, with {year}, {month}, * and ?."""
    relative: bool
    """Percent of saturation, 0 to 100, and not m³/m³."""
    keys: dict[str, str | int | float]
    """Keys of an entry of `compare` that need not be given."""


COMPARED_PRODUCTS = {
    # Names and bands as published programs read them (github.com/jiashenyue/soil-moisture-analysis-tech-notes,
    # 02-TIMESAT-data-prep.md: the first of two bands is the overpass at 6 a.m.); no source was found for a fill.
    "NSIDC-0779": ComparedProduct("NSIDC-0779_EASE2_G1km_SMAP_SM_DS_{year}{month}??.tif", False, {"band": 1}),
    # A granule's own metadata (github.com/nasa/harmony-opendap-subsetter, tests/data/SC_SPL2SMAP_S.dmr: cm³/cm³, fill
    # −9999) and its reader at hdfeos.org. Its name has the time of Sentinel-1 first, then SMAP's; where it lies say
    # its `user_rasters.SCENE_CENTRES`.
    "SPL2SMAP_S": ComparedProduct(
        "SMAP_L2_SM_SP_??????_{year}{month}??T??????_*.h5",
        False,
        {"variable": "Soil_Moisture_Retrieval_Data_1km/soil_moisture_1km"},
    ),
    # Attributes of a file of V1.1.1 (github.com/awst-austria/qa4sm-testdata), which CGLOPS1_PUM_SSM1km-V1 is the manual
    # of: flags lie beyond the `valid_range` that it declares, 0 to 200.
    "SSM1km": ComparedProduct(
        "c_gls_SSM1km_{year}{month}??????_CEURO_S1CSAR_V*.nc", True, {"variable": "ssm", "scale": 0.5, "offset": 0.0}
    ),
    # land.copernicus.eu/global/content/technical-characteristics-swi1km, and a file of V1.0.1 as above, flagged so too.
    # Of the time lengths, in days, 5 is near the surface.
    "SWI1km": ComparedProduct(
        "c_gls_SWI1km_{year}{month}??????_CEURO_SCATSAR_V*.nc",
        True,
        {"variable": "SWI_005", "scale": 0.5, "offset": 0.0},
    ),
}
