"""STAC validated by pystac, with the schemas of its extensions that lie beside the tests."""

import json
from pathlib import Path
from typing import Any

import pystac
from pystac.validation import JsonSchemaSTACValidator

SCHEMAS = Path(__file__).parent / "fixtures/stac"


class Offline(JsonSchemaSTACValidator):
    """Knows the schemas that lie beside the tests, and asks nobody for others."""

    def __init__(self) -> None:
        super().__init__()
        for path in SCHEMAS.glob("*-v*.json"):
            name, version = path.stem.rsplit("-", 1)
            uri = f"https://stac-extensions.github.io/{name}/{version}/schema.json"
            if name == "projjson":
                uri = f"https://proj.org/schemas/{version}/projjson.schema.json"
            self.schema_cache[uri] = json.loads(path.read_text(encoding="utf-8"))

    def _get_schema(self, schema_uri: str) -> dict[str, Any]:
        assert schema_uri in self.schema_cache, f"{schema_uri} is not beside the tests"
        return super()._get_schema(schema_uri)


def validate(path: Path) -> pystac.STACObject:
    """Read an item or a collection and all it links to, each of which must be valid; returns it."""
    pystac.validation.set_validator(Offline())
    found = pystac.read_file(str(path))
    found.validate()
    for item in found.get_items() if isinstance(found, pystac.Collection) else ():
        assert item.validate()
    return found
