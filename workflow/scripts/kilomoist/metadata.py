"""What every public file says of itself and its origin: sources, software, terms of use, whom to cite.

Texts are plain ASCII, which every reader of TIFF and Parquet shows.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from kilomoist.calendars import slots
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS
from kilomoist.version import RELEASED, VERSION

TITLES = {
    "soil_moisture": "soil moisture of 0 to 5 cm, monthly mean, map of 1 km",
    "interval": "where soil moisture of 0 to 5 cm may lie, map of 1 km",
    "quality": "quality flags of the map of 1 km",
    "quality_class": "most severe quality flag of the map of 1 km",
    "applicability": "dissimilarity of the predictors to what the model was trained on, map of 1 km",
    "soil_moisture_9km": "soil moisture of 0 to 5 cm, monthly mean, SMAP's cells of 9 km",
    "target_weight_9km": "weight of SMAP's own value in what the cell's mean is held to, cells of 9 km",
    "predictors": "predictors of soil moisture, monthly means, 1 km",
    "samples": "cells of 9 km that the model is trained and tested on",
    "provenance": "what the maps were made from",
}
"""Of public files by their stem."""
SOFTWARE = f"kilomoist {VERSION} ({RELEASED}), MIT licence"
OWN_CITATION = f"kilomoist developers: kilomoist, version {VERSION}, {RELEASED}"
SIMULATED = "SIMULATED: the granules were made by kilomoist, nothing here was measured"
DATA_USE = "https://www.earthdata.nasa.gov/engage/open-data-services-software/data-use-policy"
"""NASA's data use policy."""


def describe(
    run: Mapping[str, str], name: str, products: Sequence[str] = (), layers: Sequence[str] = ()
) -> dict[str, str]:
    """Tags of the public file `name` of a run, whose own tags are source, region, month and target, among others.

    `products` are those that the run reads, `layers` the user's.
    """
    simulated = is_simulated(run["source"])
    tags = {**run, "title": title_of(name, run["source"], run["region"], run["month"]), "software": SOFTWARE}
    if not products:  # what follows is that of the file that the tags are of
        return tags
    read = [PRODUCTS[product] for product in products]
    cited = [OWN_CITATION]
    own = f"; the user's own layers {', '.join(layers)}" if layers else ""
    days = "; ".join(_read(product, run["month"]) for product in read)
    tags |= {"products": f"{'SIMULATED: ' if simulated else ''}{days}{own}", "depth": "0 to 5 cm"}
    if simulated:
        terms = "MIT, as kilomoist, which simulated all of it: no data of NASA are in this file"
        return tags | {"origin": SIMULATED, "license": terms, "references": cited[0]}
    terms = f"NASA's data are CC0 unless they are marked otherwise, and NASA asks to cite them ({DATA_USE})"
    cited += [citation(product) for product in read]
    return tags | {
        "origin": "granules of NASA" + own,
        "license": terms + ("; the user's layers have terms of their own" if layers else ""),
        "references": "; ".join(cited),
    }


def title_of(name: str, source: str, *where: str) -> str:
    """Title of the public file `name` of a region, or of its month, which says first that nothing was measured."""
    return f"{'SIMULATED: ' if is_simulated(source) else ''}{', '.join([TITLES[name], *where])}"


def is_simulated(source: str) -> bool:
    """Whether the source that a run's tags tell is a simulation, also one that lies in an archive."""
    return "simulated" in source


def citation(product: Product) -> str:
    """How NASA asks to cite a product, as far as its DOI is known here."""
    archive = "NSIDC DAAC" if product.role == "target" else "LP DAAC"
    doi = f", https://doi.org/{product.doi}" if product.doi else ""
    return f"{product.short_name}, version {product.version}, NASA {archive}{doi}"


def _read(product: Product, month: str) -> str:
    """Product, and the days of the granules that a month asks for."""
    *_, last = times = [slot.time for slot in slots(product, month)]
    end = last + timedelta(days=15 if product.calendar == "16-day" else 0)
    return f"{product.name} of {times[0]:%F} to {end:%F}"
