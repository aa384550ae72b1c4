"""The granules that there are; one catalogue for all threads of a server."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from earthdata.granules import Granule, granule
from kilomoist.products import PRODUCTS

_ALGORITHMS = {"LPCLOUD": "SHA-256", "NSIDC_CPRD": "MD5"}
"""Checksums of providers, unless told otherwise."""


class Catalogue:
    """Every granule by its name."""

    def __init__(self, algorithms: Mapping[str, str | None]) -> None:
        """`algorithms`: of checksums, by the product's name; None for no checksum."""
        if unknown := set(algorithms) - set(PRODUCTS):
            raise ValueError(f"there are no products {sorted(unknown)}")
        self._algorithms = algorithms
        self._granules: dict[str, Granule] = {}
        self._lock = threading.Lock()
        self._entries: dict[Granule, str] = {}
        self._digests: dict[tuple[Any, ...], str] = {}

    def scan(self, folder: Path) -> None:
        """Take in the granules below a folder."""
        for path in sorted(folder.rglob("*")):
            found = granule(path.name, path, path.stat().st_size) if path.is_file() else None
            if found:
                self._granules.setdefault(path.name, found)

    def list_only(self, *names: str, size: int = 1000) -> None:
        """Searches find these granules, but their addresses lead nowhere."""
        for name in names:
            entry = granule(name, None, size)
            if entry is None:
                raise ValueError(f"{name} is no granule's name")
            with self._lock:
                self._granules[name] = entry

    def forget(self, pattern: str) -> None:
        """The provider does not have the granules whose names match a glob."""
        names = [name for name in self._granules if fnmatchcase(name, pattern)]
        if not names:
            raise KeyError(pattern)
        with self._lock:
            for name in names:
                del self._granules[name]

    def replace(self, name: str, path: Path) -> None:
        """The provider has another content under the same name, and a new revision of its entry."""
        with self._lock:
            old = self._granules[name]
            self._granules[name] = replace(old, path=path, size=path.stat().st_size, revision=old.revision + 1)

    def get(self, name: str) -> Granule | None:
        return self._granules.get(name)

    def all(self) -> list[Granule]:
        with self._lock:
            return list(self._granules.values())

    def entry(self, item: Granule) -> str:
        """The JSON text of an entry in UMM-G."""
        if item not in self._entries:
            self._entries[item] = json.dumps(item.entry(self._checksum(item)))
        return self._entries[item]

    def echo10(self, concept: str) -> str | None:
        """The XML text of an entry in ECHO10; None where there is no such concept."""
        item = next((item for item in self.all() if item.concept == concept), None)
        return item.echo10(self._checksum(item)) if item else None

    def _checksum(self, item: Granule) -> dict[str, str] | None:
        """As UMM-G and ECHO10 have it; of an algorithm that Python does not know the value is any."""
        algorithm = self._algorithms.get(item.product.name, _ALGORITHMS[item.provider])
        if algorithm is None:
            return None
        name = algorithm.replace("-", "").lower()
        if item.path is None or name not in hashlib.algorithms_available:
            return {"Value": f"{item.number % 2**32}", "Algorithm": algorithm}
        state = item.path.stat()
        # By what is stored, not by path: archives of benchmarks link one large file under many names.
        key = (name, state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
        if key not in self._digests:
            with open(item.path, "rb") as file:
                self._digests[key] = hashlib.file_digest(file, name).hexdigest()
        return {"Value": self._digests[key], "Algorithm": algorithm}
