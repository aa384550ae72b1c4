"""Files of configuration, looked at before Snakemake loads them: of some it runs code, for some it shows tracebacks."""

import json
from pathlib import Path
from typing import Any

import yaml

from kilomoist.errors import InputError

LARGEST = 100
"""kB that a file may hold; all keys with what they mean take 10. PyYAML reads that many in some seconds."""
_MOST_MERGED = 10_000
"""Keys of a mapping, with those that YAML's `<<` copies into it."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """YAML's safe loader, without mappings that copy others into each other until memory ends."""

    def flatten_mapping(self, node: Any) -> None:
        """Overrides PyYAML's."""
        super().flatten_mapping(node)
        if len(node.value) > _MOST_MERGED:
            raise ValueError(f"a mapping has more than {_MOST_MERGED:,} keys")


def check_file(path: str | Path) -> None:
    """Raise `InputError` for a file that is no mapping in JSON or YAML, or that Snakemake runs Python of.

    Snakemake does where a file has `__use_yte__`.
    """
    try:
        if (size := Path(path).stat().st_size) > LARGEST * 1000:
            raise ValueError(f"it has {size / 1000:.0f} kB, expected at most {LARGEST} kB")
        keys = _parsed(Path(path).read_text(encoding="utf-8"))
    # PyYAML checks neither dates nor numbers, and lists in lists are calls in calls.
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read as a configuration ({reason}): correct it.") from None
    if not isinstance(keys, dict):
        raise InputError(f"{path} holds no keys: give a mapping such as `months: [2021-08]`.")
    if "__use_yte__" in keys:
        raise InputError(
            f"{path} has `__use_yte__`, by which Snakemake runs Python that the file holds: leave it out, and write "
            "values in place of code."
        )


def _parsed(text: str) -> object:
    """What Snakemake takes a file for: JSON, or else YAML."""
    try:
        return json.loads(text)
    except ValueError:
        return _Loader(text).get_single_data()
