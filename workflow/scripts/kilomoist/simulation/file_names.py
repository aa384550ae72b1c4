"""File names of simulated granules."""

from datetime import datetime, timedelta

from kilomoist.product_types import Product
from kilomoist.products import ENDINGS

_SMAP_KINDS = {"SPL4SMGP": "gph", "SPL4SMAU": "aup"}
_RELEASES = {"005": "R18290", "006": "R19240"}
"""Of SPL3SMP_E, by version."""


def granule_file_name(product: Product, time: datetime, tile: str | None) -> str:
    """A granule's file name, with a production stamp that follows from its time: after the end of a 16-day period."""
    name, version = product.short_name, product.version
    if product.tiled:
        produced = time + timedelta(days=20)
        return f"{name}.A{time:%Y%j}.{tile}.{version}.{produced:%Y%j%H%M%S}.{ENDINGS[product.format]}"
    if product.passes:
        return f"SMAP_L3_SM_P_E_{time:%Y%m%d}_{_RELEASES[version]}_001.h5"
    return f"SMAP_L4_SM_{_SMAP_KINDS[name]}_{time:%Y%m%dT%H%M%S}_Vv{int(version)}010_001.h5"
