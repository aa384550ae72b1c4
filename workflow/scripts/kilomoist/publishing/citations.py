"""Citations of the products that a map was made from, and of the software."""

from collections.abc import Sequence

from kilomoist.products import PRODUCTS

_CENTRES = {
    "vegetation": "NASA Land Processes DAAC",
    "temperature": "NASA Land Processes DAAC",
    "target": "NASA NSIDC DAAC",
}


def citations(products: Sequence[str], version: str) -> list[str]:
    """The software, then each product with its version, data centre and DOI."""
    found = [f"kilomoist developers: kilomoist, version {version}. 1 km soil-moisture maps from SMAP, MODIS and VIIRS."]
    for name in products:
        product = PRODUCTS[name]
        doi = f" https://doi.org/{product.doi}" if product.doi else ""
        found.append(f"{product.short_name}, version {product.version}. {_CENTRES[product.role]}.{doi}")
    return found
