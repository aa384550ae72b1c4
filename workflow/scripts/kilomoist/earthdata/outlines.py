"""Outlines of countries from Natural Earth (public domain), fetched when a region asks for them."""

import re
from pathlib import Path
from typing import Any

import requests

from kilomoist.earthdata.documents import body_of, read_json
from kilomoist.errors import InputError
from kilomoist.files import write_json

NATURAL_EARTH = (
    "https://raw.githubusercontent.com/nvkelso/natural-earth-vector/master/geojson/ne_10m_admin_0_countries.geojson"
)
"""Admin-0 countries at 1:10m, with de-facto boundaries."""
_MOST = 2**25
"""Bytes of the file, unpacked, at most."""


def fetch_outline(country: str, outline: str | Path) -> None:
    """Write the outline of a country as GeoJSON, by its ADM0_A3 code: ISO_A3 is empty for some (France, Norway).

    Raises `InputError` when the file cannot be fetched or read or has no such country.
    """
    advice = f"download an outline yourself and give it as `outline` in place of `country: {country}`"
    try:
        # Seconds to connect, and without any byte.
        with requests.get(NATURAL_EARTH, timeout=(10, 120), stream=True) as answer:
            answer.raise_for_status()
            features = read_json(body_of(answer, _MOST))["features"]
        codes = [_code(feature) for feature in features]
        if not any(codes):
            raise ValueError("no feature is a country")
    except requests.RequestException as error:
        raise InputError(f"{NATURAL_EARTH} cannot be fetched ({error}): check the network or {advice}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{NATURAL_EARTH} did not answer with a GeoJSON of features ({error}): try again later or {advice}."
        ) from error
    chosen = [feature for feature, code in zip(features, codes, strict=True) if code == country]
    if not chosen:
        there = ", ".join(sorted({*codes} - {""}))
        raise InputError(f"Natural Earth has no country {country}: its ADM0_A3 codes are {there}.")
    write_json(outline, {"type": "FeatureCollection", "features": chosen})


def _code(feature: Any) -> str:
    """ADM0_A3 of a feature, empty where it has none; older files write the names of properties in other cases."""
    properties = feature.get("properties") if isinstance(feature, dict) else None
    named = {name.upper(): value for name, value in properties.items()} if isinstance(properties, dict) else {}
    code = named.get("ADM0_A3")
    return code if isinstance(code, str) and re.fullmatch("[A-Z0-9]{3}", code) else ""
