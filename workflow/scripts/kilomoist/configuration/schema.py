"""The checked configuration, a sentence for each mistake in it, and its JSON schema, of which both tell.

Writes the documents that are made from the keys when run.
"""

import difflib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import to_jsonable_python

from kilomoist.configuration.keys import Configuration
from kilomoist.configuration.types import as_json, clipped, shown
from kilomoist.errors import InputError

MOST_VALUES, DEEPEST, LONGEST_TEXT, MOST_DIGITS = 10_000, 20, 10_000, 30
"""Values that a key may hold, how deep in each other; characters of a text, digits of a whole number."""
_MOST_TOLD = 50
"""Mistakes that are told one by one."""
_BEGIN = "<!-- from here written by `python -m kilomoist.configuration.schema` -->"
_END = "<!-- to here -->"


class _Schema(GenerateJsonSchema):
    """Without titles that pydantic makes of names, where a title says what is expected, and without keys that are null.

    Both methods override pydantic's.
    """

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def encode_default(self, dft: Any) -> Any:
        return to_jsonable_python(dft, exclude_none=True)


@cache
def schema() -> dict[str, Any]:
    """The closed JSON schema of the configuration, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Configuration.model_json_schema(schema_generator=_Schema),
    }


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    return {**schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]], **node} if "$ref" in node else node


def _entry(node: dict[str, Any]) -> dict[str, Any]:
    """Schema of a list's items or a mapping's values."""
    return _keyed_form(_resolved(node.get("items") or node.get("additionalProperties") or {}))


def _keyed_form(node: dict[str, Any]) -> dict[str, Any]:
    """Of several forms of a part of the schema that with keys."""
    forms = [_resolved(form) for form in node.get("anyOf", ())]
    return next((form for form in forms if "properties" in form), node)


def _find_key(location: tuple[str | int, ...], raw: Any) -> tuple[str, dict[str, Any]]:
    """Written key of pydantic's location in `raw`, as far as the schema knows it, and its part of the schema."""
    key, node = "", schema()
    for part in location:
        mapped = isinstance(raw, Mapping)
        if isinstance(part, int) and "items" in node:
            key, node = f"{key}[{part}]", _resolved(node["items"])
        elif part in node.get("properties", {}):
            key, node = f"{key}.{part}" if key else str(part), _resolved(node["properties"][part])
        elif mapped and part in (form := _keyed_form(node)).get("properties", {}):  # else a value alone stands for it
            key, node = f"{key}.{part}", form["properties"][part]
        elif isinstance(node.get("additionalProperties"), dict):
            key, node = f"{key}.{part}", _entry(node)
        else:  # an unknown key, or the name of a union's member
            break
        raw = raw.get(part) if mapped else raw[part] if isinstance(part, int) and isinstance(raw, Sequence) else None
    return key, node


def _all_keys(node: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Keys that hold values below a part of the schema, sections flattened, each with its own part."""
    for name, child in node["properties"].items():
        inner = _resolved(child)
        if "properties" in inner:
            yield from _all_keys(inner, f"{prefix}{name}.")
            continue
        yield prefix + name, inner
        if "properties" in (form := _keyed_form(inner)):  # which a value alone may stand for
            yield from _all_keys(form, f"{prefix}{name}.")
        entry = _entry(inner)
        if "properties" in entry:
            yield from _all_keys(entry, f"{prefix}{name}{'[]' if 'items' in inner else '.<name>'}.")


def _expected(node: dict[str, Any]) -> str:
    """Accepted values of a part of the schema, in words."""
    if "title" in node and "properties" not in node:
        optional = {"type": "null"} in node.get("anyOf", [])
        return node["title"] + (", or null" if optional else "")
    if "anyOf" in node:
        return ", or ".join(_expected(_resolved(member)) for member in node["anyOf"])
    if "enum" in node:
        return " or ".join(filter(None, [", ".join(node["enum"][:-1]), node["enum"][-1]]))
    if "const" in node:
        return str(node["const"])
    if "properties" in node:
        return f"a mapping with keys {', '.join(node['properties'])}"
    if node["type"] == "array":
        least, most = node.get("minItems"), node.get("maxItems")
        number = f" of {f'{least} to' if least else 'at most'} {most}" if most else ""
        return f"a list{number}, each {_expected(_resolved(node['items']))}"
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "null",
        "string": "a path" if node.get("format") == "path" else "text",
    }
    limits = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
    found = [f"{text} {node[limit]:.16g}" for limit, text in limits.items() if limit in node]
    return words[node["type"]] + (f" of {' and '.join(found)}" if found else "")


def load(raw: Mapping[str, Any]) -> Configuration:
    """The checked configuration. Raises `InputError` with a sentence, on a line of its own, for each problem."""
    _refuse_masses(raw)
    try:
        return Configuration.model_validate(dict(raw))
    except ValidationError as error:
        # pydantic reports a list of wrong items as too short as well, and a union once for each of its members.
        problems = [dict(found) for found in error.errors() if found["type"] != "too_short" or not found["input"]]
        sentences = list(dict.fromkeys(_sentence(found, raw) for found in problems))
        if len(sentences) > _MOST_TOLD:
            sentences[_MOST_TOLD:] = [f"There are {len(sentences) - _MOST_TOLD} more mistakes: correct these first."]
        raise InputError("\n".join(sentences)) from None
    except UnicodeEncodeError as error:
        raise InputError(f"The configuration holds {error.object!a}, which is no text: correct it.") from None


def _refuse_masses(raw: Mapping[str, Any]) -> None:
    """Raise `InputError` for a key that holds more than any run needs, before anything of it is copied or shown.

    A few lines of YAML can stand for any number of values, or for themselves.
    """
    for key, value in raw.items():
        waiting: list[tuple[object, int]] = [(key, 0), (value, 0)]
        for number in itertools.count():
            if not waiting:
                break
            value, depth = waiting.pop()
            found = None
            if number > MOST_VALUES:
                found = f"more than {MOST_VALUES:,} values"
            elif depth > DEEPEST:
                found = f"lists or mappings in each other, more than {DEEPEST} deep"
            elif isinstance(value, (str, bytes)) and len(value) > LONGEST_TEXT:
                found = f"a text of {len(value):,} characters, expected at most {LONGEST_TEXT:,}"
            elif isinstance(value, int) and abs(value) >= 10**MOST_DIGITS:
                found = f"a whole number of more than {MOST_DIGITS} digits"
            if found:
                raise InputError(f"`{clipped(str(key))}` holds {found}: look whether that is meant, and shorten it.")
            if isinstance(value, Mapping):
                value = [*value, *value.values()]
            if isinstance(value, (list, tuple, set, frozenset)):
                waiting.extend((part, depth + 1) for part in itertools.islice(value, MOST_VALUES + 1))


def _sentence(problem: dict[str, Any], raw: object) -> str:
    """Key, value, expectation and advice, of an error of pydantic's about a configuration."""
    kind, location, value = problem["type"], problem["loc"], problem["input"]
    key, node = _find_key(location, raw)
    if kind == "extra_forbidden":
        return _unknown(key, str(location[-1]), value, node)
    if kind == "missing":
        return f"`{key}` is missing: expected {_expected(node)}."
    if kind == "value_error":
        text = str(problem["ctx"]["error"])
        if not key:
            return text
        if isinstance(value, Mapping):
            name = f" ({value['name']})" if "name" in value else ""
            return f"`{key}`{name}: {text}."
        return f"`{key}` is {shown(value)}: {text}."
    hint = _list_hint(key, node, value) or _share_hint(node, value)
    return f"`{key}` is {shown(value)}: expected {_expected(node)}{hint}."


def _unknown(section: str, name: str, value: object, node: dict[str, Any]) -> str:
    """Sentence for a key that does not exist, with that probably meant: beside it or, by its own name, anywhere."""
    prefix = f"{section}." if section else ""
    forms = [node, *map(_resolved, node.get("anyOf", ()))]
    siblings = [prefix + sibling for form in forms for sibling in form.get("properties", {})]
    anywhere = [key for key, _ in _all_keys(schema()) if key.rsplit(".", 1)[-1] == name]
    nearest = difflib.get_close_matches(prefix + name, siblings, 1, cutoff=0.75) or anywhere
    name = clipped(name)
    advice = f"did you mean `{nearest[0]}`?" if nearest else f"expected one of {', '.join(siblings)}."
    return f"`{prefix}{name}` is not a key (its value is {shown(value)}): {advice}"


def _list_hint(key: str, node: dict[str, Any], value: object) -> str:
    """Form of a list on the command line, where brackets and quotes are easily forgotten."""
    if node.get("type") != "array" or isinstance(value, (list, tuple)) or not (example := node["default"]):
        return ""
    if type(value) is type(example[0]):
        example = [value]
    outer, *inner = key.split(".")
    for name in reversed(inner):
        example = {name: example}
    return f"; on the command line: --config '{outer}={as_json(example)}'"


def _share_hint(node: dict[str, Any], value: object) -> str:
    """Share of a number that was probably given in percent."""
    limits: dict[str, Any] = next((form for form in (node, *node.get("anyOf", ())) if form.get("type") == "number"), {})
    try:
        percent = float(str(value).rstrip(" %"))
    except ValueError:
        return ""
    low = limits.get("minimum", limits.get("exclusiveMinimum", 0))
    if not max(low, 0.01) <= percent / 100 <= limits.get("maximum", 0):
        return ""
    unit = node.get("x-unit", "1")
    return f"; {percent:g} % is {percent / 100:g}" + ("" if unit == "1" else f" {unit}")


def documents(root: Path) -> dict[Path, str]:
    """Text of each file that is written from the keys, by its path in the repository at `root`."""
    rows = [("Key", "Meaning", "Type", "Unit", "Default"), ("---",) * 5]
    for key, node in _all_keys(schema()):
        default = f"`{json.dumps(node['default'])}`" if "default" in node else "required"
        rows.append((f"`{key}`", node["description"], _expected(node), node.get("x-unit", ""), default))
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
