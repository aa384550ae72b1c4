"""Documents that are written from the keys: the JSON schema and the table of `config/README.md`.

`python -m kilomoist.configuration.documents` writes them.
"""

import json
from pathlib import Path

from kilomoist.configuration.schema import all_keys, as_written, expected, schema
from kilomoist.files import replaced

SCHEMA_FILE = Path("workflow/schemas/config.schema.json")
README_FILE = Path("config/README.md")
_BEGIN = "<!-- from here written by `python -m kilomoist.configuration` -->"
_END = "<!-- to here -->"


def write_schema(path: str | Path) -> None:
    """Write the JSON schema."""
    with replaced(path) as partial:
        partial.write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def table() -> str:
    """Every key with meaning, type, unit and default, as a table in Markdown."""
    rows = [("Key", "Meaning", "Type", "Unit", "Default"), ("---",) * 5]
    for key, node in all_keys():
        default = f"`{json.dumps(as_written(node['default']))}`" if "default" in node else "required"
        rows.append((f"`{key}`", node["description"], expected(node), node.get("x-unit", ""), default))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def with_table(readme: str) -> str:
    """The text of `config/README.md` with the table of now between its two marks."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{table()}\n\n{_END}{after}"


def main() -> None:
    """Write the files that are made from this module into the repository that holds it."""
    root = Path(__file__).resolve().parents[3]
    write_schema(root / SCHEMA_FILE)
    readme = root / README_FILE
    text = with_table(readme.read_text(encoding="utf-8"))
    with replaced(readme) as partial:
        partial.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
