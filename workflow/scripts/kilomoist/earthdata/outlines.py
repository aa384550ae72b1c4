"""Outlines of countries from Natural Earth (public domain), fetched when a region asks for them."""

from pathlib import Path

import requests

from kilomoist.errors import InputError
from kilomoist.files import write_json

NATURAL_EARTH = (
    "https://raw.githubusercontent.com/nvkelso/natural-earth-vector/master/geojson/ne_10m_admin_0_countries.geojson"
)
"""Admin-0 countries at 1:10m, with de-facto boundaries."""


def fetch_outline(country: str, outline: str | Path) -> None:
    """Write the outline of a country as GeoJSON, by its ADM0_A3 code: ISO_A3 is empty for some (France, Norway).

    Raises `InputError` when the file cannot be fetched or read or has no such country.
    """
    advice = f"download an outline yourself and give it as `outline` in place of `country: {country}`"
    try:
        answer = requests.get(NATURAL_EARTH, timeout=(10, 120))  # seconds to connect, and without any byte
        answer.raise_for_status()
        features = answer.json()["features"]
    except (requests.exceptions.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(
            f"{NATURAL_EARTH} did not answer with a GeoJSON of features ({error}): try again later or {advice}."
        ) from error
    except requests.RequestException as error:
        raise InputError(f"{NATURAL_EARTH} cannot be fetched ({error}): check the network or {advice}.") from error
    chosen = [feature for feature in features if _code(feature) == country]
    if not chosen:
        codes = ", ".join(sorted({str(_code(feature)) for feature in features}))
        raise InputError(f"Natural Earth has no country {country}: its ADM0_A3 codes are {codes}.")
    write_json(outline, {"type": "FeatureCollection", "features": chosen})


def _code(feature: dict) -> str | None:
    """ADM0_A3 of a feature; older files write the names of properties in other cases."""
    return {name.upper(): value for name, value in feature["properties"].items()}.get("ADM0_A3")
