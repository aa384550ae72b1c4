"""The checked configuration, and a sentence for each mistake in it."""

import difflib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from kilomoist.configuration.keys import Configuration
from kilomoist.configuration.schema import all_keys, as_written, expected, find_key
from kilomoist.configuration.types import shown
from kilomoist.errors import InputError


def load(raw: Mapping[str, Any]) -> Configuration:
    """The checked configuration. Raises `InputError` with a sentence, on a line of its own, for each problem."""
    try:
        return Configuration.model_validate(dict(raw))
    except ValidationError as error:
        # pydantic reports a list of wrong items as too short as well, and a union once for each of its members.
        problems = [dict(found) for found in error.errors() if found["type"] != "too_short" or not found["input"]]
        raise InputError("\n".join(dict.fromkeys(map(_sentence, problems)))) from None


def _sentence(problem: dict[str, Any]) -> str:
    """Key, value, expectation and advice, of an error of pydantic's."""
    kind, location, value = problem["type"], problem["loc"], problem["input"]
    key, node = find_key(location)
    if kind == "extra_forbidden":
        return _unknown(key, str(location[-1]), value, node)
    if kind == "missing":
        return f"`{key}` is missing: expected {expected(node)}."
    if kind == "value_error":
        text = str(problem["ctx"]["error"])
        if not key:
            return text
        if isinstance(value, Mapping):
            name = f" ({value['name']})" if "name" in value else ""
            return f"`{key}`{name}: {text}."
        return f"`{key}` is {shown(value)}: {text}."
    hint = _list_hint(key, node, value) or _share_hint(node, value)
    return f"`{key}` is {shown(value)}: expected {expected(node)}{hint}."


def _unknown(section: str, name: str, value: object, node: dict[str, Any]) -> str:
    """Sentence for a key that does not exist, with that probably meant: beside it or, by its own name, anywhere."""
    prefix = f"{section}." if section else ""
    siblings = [prefix + sibling for sibling in node.get("properties", {})]
    anywhere = [key for key, _ in all_keys() if key.rsplit(".", 1)[-1] == name]
    nearest = difflib.get_close_matches(prefix + name, siblings, 1, cutoff=0.75) or anywhere
    advice = f"did you mean `{nearest[0]}`?" if nearest else f"expected one of {', '.join(siblings)}."
    return f"`{prefix}{name}` is not a key (its value is {shown(value)}): {advice}"


def _list_hint(key: str, node: dict[str, Any], value: object) -> str:
    """Form of a list on the command line, where brackets and quotes are easily forgotten."""
    if node.get("type") != "array" or isinstance(value, (list, tuple)):
        return ""
    if not (example := as_written(node["default"])):
        return ""
    if type(value) is type(example[0]):
        example = [value]
    outer, *inner = key.split(".")
    for name in reversed(inner):
        example = {name: example}
    return f"; on the command line: --config '{outer}={json.dumps(example)}'"


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
