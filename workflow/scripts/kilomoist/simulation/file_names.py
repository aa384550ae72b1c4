"""File names of simulated granules."""

from datetime import datetime, timedelta

from kilomoist.products import Product


def granule_file_name(product: Product, time: datetime, tile: str | None) -> str:
    """A granule's file name, with a production stamp that follows from its time."""
    short_name, version = product.name.split(".")
    if product.tiled:
        return f"{short_name}.A{time:%Y%j}.{tile}.{version}.{production_time(time):%Y%j%H%M%S}.hdf"
    return f"SMAP_L4_SM_{SMAP_KINDS[short_name]}_{time:%Y%m%dT%H%M%S}_Vv{int(version)}010_001.h5"


def production_time(time: datetime) -> datetime:
    """When a granule was made, so to say: after the end of a 16-day period."""
    return time + timedelta(days=20)


SMAP_KINDS = {"SPL4SMGP": "gph", "SPL4SMAU": "aup"}
