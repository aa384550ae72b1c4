"""JSON schema of the configuration, descriptions of keys from it, and the documents that it writes when run."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from kilomoist.configuration.keys import Configuration

_BEGIN = "<!-- from here written by `python -m kilomoist.configuration.schema` -->"
_END = "<!-- to here -->"


class _WithoutTitles(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of names: here a title says what is expected."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic names it
        return False


@cache
def schema() -> dict[str, Any]:
    """The closed JSON schema of the configuration, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Configuration.model_json_schema(schema_generator=_WithoutTitles),
    }


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    return {**schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]], **node} if "$ref" in node else node


def _entry(node: dict[str, Any]) -> dict[str, Any]:
    """Schema of a list's items or a mapping's values; of several forms that with keys."""
    entry = _resolved(node.get("items") or node.get("additionalProperties") or {})
    forms = [_resolved(form) for form in entry.get("anyOf", ())]
    return next((form for form in forms if "properties" in form), entry)


def find_key(location: tuple[str | int, ...]) -> tuple[str, dict[str, Any]]:
    """Written key of pydantic's location of a value, as far as the schema knows it, and its part of the schema."""
    key, node = "", schema()
    for part in location:
        if isinstance(part, int) and "items" in node:
            key, node = f"{key}[{part}]", _resolved(node["items"])
        elif part in node.get("properties", {}):
            key, node = f"{key}.{part}" if key else str(part), _resolved(node["properties"][part])
        elif isinstance(node.get("additionalProperties"), dict):
            key, node = f"{key}.{part}", _entry(node)
        else:  # an unknown key, or the name of a union's member
            break
    return key, node


def as_written(default: Any) -> Any:
    """A default without its items' keys that are null."""
    if not isinstance(default, list):
        return default
    return [
        {key: value for key, value in item.items() if value is not None} if isinstance(item, dict) else item
        for item in default
    ]


def all_keys() -> Iterator[tuple[str, dict[str, Any]]]:
    """Keys that hold values, sections flattened, each with its part of the schema."""

    def walk(prefix: str, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, child in node["properties"].items():
            inner = _resolved(child)
            if "properties" in inner:
                yield from walk(f"{prefix}{name}.", inner)
                continue
            yield prefix + name, inner
            entry = _entry(inner)
            if "properties" in entry:
                yield from walk(f"{prefix}{name}{'[]' if 'items' in inner else '.<name>'}.", entry)

    yield from walk("", schema())


def expected(node: dict[str, Any]) -> str:
    """Accepted values of a part of the schema, in words."""
    if "title" in node and "properties" not in node:
        optional = {"type": "null"} in node.get("anyOf", [])
        return node["title"] + (", or null" if optional else "")
    if "anyOf" in node:
        return ", or ".join(expected(_resolved(member)) for member in node["anyOf"])
    if "enum" in node:
        return " or ".join(filter(None, [", ".join(node["enum"][:-1]), node["enum"][-1]]))
    if "const" in node:
        return str(node["const"])
    if "properties" in node:
        return f"a mapping with keys {', '.join(node['properties'])}"
    if node["type"] == "array":
        number = " of one or more" if node.get("minItems") else ""
        return f"a list{number}, each {expected(_resolved(node['items']))}"
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "null",
        "string": "a path" if node.get("format") == "path" else "text",
    }
    limits = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
    found = [f"{text} {node[limit]}" for limit, text in limits.items() if limit in node]
    return words[node["type"]] + (f" of {' and '.join(found)}" if found else "")


def documents(root: Path) -> dict[Path, str]:
    """Text of each file that is written from the keys, by its path in the repository at `root`."""
    rows = [("Key", "Meaning", "Type", "Unit", "Default"), ("---",) * 5]
    for key, node in all_keys():
        default = f"`{json.dumps(as_written(node['default']))}`" if "default" in node else "required"
        rows.append((f"`{key}`", node["description"], expected(node), node.get("x-unit", ""), default))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    readme = root / "config/README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(_BEGIN)
    return {
        readme: f"{before}{_BEGIN}\n\n{table}\n\n{_END}{rest.partition(_END)[2]}",
        root / "workflow/schemas/config.schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
    }


if __name__ == "__main__":  # python -m kilomoist.configuration.schema
    for path, text in documents(Path(__file__).resolve().parents[4]).items():
        path.write_text(text, encoding="utf-8")
