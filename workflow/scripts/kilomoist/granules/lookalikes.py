"""Files of an archive that may be taken for granules of a product, and why each is none."""

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kilomoist.granules.archive import files_below, is_readable_cut
from kilomoist.product_types import Product
from kilomoist.products import parse_name

_NEAR_REAL_TIME = "are near real time (NRT), which NASA replaces by standard granules some days later"
_KINDS = {
    r"\W?nrt\b": _NEAR_REAL_TIME,
    r"\.(part|partial|crdownload|download|filepart|aria2|tmp)$": "are not wholly downloaded",
    r"\.(xml|dmrpp|met|jpe?g|png|html?|md5|sha\d+|json|csv|txt)$": "are only what goes with a granule",
    r"\.(gz|bz2|xz|zst|z|zip|7z|rar|tar|tgz)$": "are packed: unpack them",
    r"\(\d+\)|\b(copy|kopie|копия)\b": "are named as copies: give them NASA's names",
}
"""Reasons by what a name ends in."""


@dataclass(frozen=True)
class Lookalike:
    """A file that is no granule of a product though its name looks like one's."""

    path: str
    reason: str
    """Continues "it looks like the product but"."""
    time: datetime | None
    tile: str | None
    """Time and tile that it names; None where it names none."""


def find_lookalikes(folder: str | Path, product: Product) -> list[Lookalike]:
    """Files below `folder` whose names look like those of a product's granules but are not; raises `InputError`."""
    words = (product.short_name.lower(), product.pattern.pattern.split("(")[0].replace("\\", "").lower())
    found = []
    for parent, name in files_below(folder):
        match, path, granule = product.lookalikes.search(name), os.path.join(parent, name), parse_name(name, product)
        if granule and (granule.whole or is_readable_cut(path)):
            continue
        if not (match or any(word in name.lower() for word in words)):
            continue
        if match is None:
            found.append(Lookalike(path, "are not named as NASA names granules", None, None))
            continue
        tile, time = match.groupdict().get("tile"), _time(match["time"].upper(), product)
        found.append(Lookalike(path, _reason(name, product, match), time, tile and tile.lower()))
    return sorted(found, key=lambda file: file.path)


def _time(text: str, product: Product) -> datetime | None:
    try:
        return datetime.strptime(text, product.time_format)
    except ValueError:  # digits that are no date
        return None


def _reason(name: str, product: Product, match: re.Match[str]) -> str:
    other, version, ending = match["other"], match["version"], match["ending"].lower()
    if other and other.upper() == f"{product.short_name}_NRT":
        return _NEAR_REAL_TIME
    if other:
        return f"are of {other}, another product"
    if version:
        return f"are of version {version}, and version {product.version} is wanted"
    if parse_name(name, product):
        return f"end in {match['ending']} without being NetCDF-4 (HDF5)"
    if product.pattern.fullmatch(name):
        return "are of a day that the calendar does not have"
    if re.fullmatch(product.pattern.pattern, name, re.IGNORECASE):
        return "are written in other capital and small letters: give them NASA's names"
    for kind, reason in _KINDS.items():
        if re.search(kind, ending):
            return reason
    if match.start():
        return f"begin with {name[: match.start()]!r}: give them NASA's names"
    return f"end in {match['ending']}"


def lookalike_sentences(product: Product, files: list[Lookalike]) -> list[str]:
    """A sentence for each reason why files that look like granules of a product are none, with an example."""
    sentences = []
    for reason in dict.fromkeys(file.reason for file in files):
        paths = [file.path for file in files if file.reason == reason]
        verb, rest = reason.split(" ", 1)
        if len(paths) == 1:
            verb = "is" if verb == "are" else f"{verb}s"
        look = "1 file looks" if len(paths) == 1 else f"{len(paths)} files look"
        sentence = f"{look} like {product.name} but {verb} {rest}, for example {paths[0]}."
        sentences.append(sentence.encode(errors="replace").decode())  # names of files need not be text
    return sentences
