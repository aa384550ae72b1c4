"""README.txt of a folder of results: what each file is, what to open first, how to read it."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill, indent
from typing import Any

from kilomoist.metadata import OWN_CITATION, citation, is_simulated
from kilomoist.products import PRODUCTS
from kilomoist.publishing.public_files import groups_of
from kilomoist.texts import month_text, named, text

WIDTH = 88
NAME_WIDTH = 24
_WRAP: dict[str, Any] = {"width": WIDTH, "break_long_words": False, "break_on_hyphens": False}


def run_readme(run: Mapping[str, str], files: Sequence[str], products: Sequence[str]) -> str:
    """The text of a run's README; `run` is that of `rasters.read_run`, `products` are what the map is made from."""
    simulated = is_simulated(run["source"])
    cited = [OWN_CITATION, *(citation(PRODUCTS[name]) for name in products)]
    reading = ["value", "interval", "flags", "smap"]
    if "interval.tif" not in files:
        reading.remove("interval")
    parts = [
        _title(f"{text('report.title')}: {run['region']}, {month_text(run['month'])}"),
        _wrapped(text("report.simulated") if simulated else named(run["source"])),
        *_files(files),
        _section(text("report.reading"), "\n".join(_item(text(f"report.reading.{key}")) for key in reading)),
        _section(
            text("report.citations"),
            _wrapped(text("report.licence.simulated" if simulated else "report.licence")),
            "\n".join(map(_item, cited)),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def region_readme(region: str, months: Sequence[str], files: Iterable[str]) -> str:
    """The text of a region's README: its months, and what is made from all of them."""
    folders = "\n".join(_named(f"{month}/", month_text(month)) for month in months)
    parts = [
        _title(f"{text('report.title')}: {region}"),
        _section(text("readme.months"), folders, _wrapped(text("readme.months.text"))),
        *_files(files),
    ]
    return "\n\n".join(parts) + "\n"


def _files(files: Iterable[str]) -> list[str]:
    return [
        _section(text(f"readme.group.{group}"), "\n".join(_named(name, text(f"readme.{name}")) for name in names))
        for group, names in groups_of(files).items()
    ]


def _title(words: str) -> str:
    return f"{words}\n{'=' * len(words)}"


def _section(title: str, *parts: str) -> str:
    return "\n\n".join([f"{title}\n{'-' * len(title)}", *parts])


def _wrapped(words: str) -> str:
    return fill(words, **_WRAP)


def _item(words: str) -> str:
    return fill(words, initial_indent="- ", subsequent_indent="  ", **_WRAP)


def _named(name: str, words: str) -> str:
    """A name, and beside it what it is."""
    wrapped = fill(words, **_WRAP | {"width": WIDTH - NAME_WIDTH})
    return f"{name:<{NAME_WIDTH}}{indent(wrapped, ' ' * NAME_WIDTH).lstrip()}"
