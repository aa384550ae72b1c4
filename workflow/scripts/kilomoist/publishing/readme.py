"""README.txt of a folder of results: what each file is, what to open first, how to read it."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill, indent
from typing import Any

from kilomoist.metadata import OWN_CITATION, citation, is_simulated
from kilomoist.products import PRODUCTS
from kilomoist.publishing.intervals import has_intervals, interval_note
from kilomoist.publishing.public_files import OF_JOBS, groups_of
from kilomoist.texts import month_text, named, text

WIDTH = 88
NAME_WIDTH = 24
_WRAP: dict[str, Any] = {"width": WIDTH, "break_long_words": False, "break_on_hyphens": False}


def run_readme(
    run: Mapping[str, str], files: Sequence[str], products: Sequence[str], interval: Mapping[str, str] | None = None
) -> str:
    """The text of a run's README; `run` is that of `rasters.read_run`, `products` are what the map is made from.

    `interval` are the tags of interval.tif, where there is one.
    """
    simulated = is_simulated(run["source"])
    cited = [OWN_CITATION, *(citation(PRODUCTS[name]) for name in products)]
    keys = ("value", *(["interval"] if interval and has_intervals(interval) else []), "flags", "smap")
    reading = [text(f"report.reading.{key}") for key in keys]
    if interval:
        reading.insert(keys.index("flags"), interval_note(interval))
    parts = [
        _title(f"{text('report.title')}: {run['region']}, {month_text(run['month'])}"),
        _wrapped(text("report.simulated") if simulated else named(run["source"])),
        *_files(files),
        _section(text("readme.group.exports"), _named("exports/", text("readme.exports/"))),
        _wrapped(text("readme.jobs", names=", ".join(OF_JOBS))),
        _section(text("report.reading"), "\n".join(map(_item, reading))),
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
        _section(text("readme.group.exports"), _named("exports/", text("readme.exports.region"))),
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
