"""Journal of what clients asked and were given, as tests read it."""

import threading
from fnmatch import fnmatchcase
from typing import Any

from earthdata.answers import FilePart, Request


class Journal:
    def __init__(self) -> None:
        self._requests: list[Request] = []
        self._finishing: list[Request] = []
        self._arrived: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
        """Of each content that granules had."""
        self._complete: dict[str, int] = {}
        self._changed = threading.Condition()

    def record(self, request: Request) -> None:
        self._requests.append(request)

    def finishing(self, request: Request) -> None:
        """The last bytes of an answer are going out."""
        with self._changed:
            self._finishing.append(request)

    def finished(self, request: Request) -> None:
        """An answer is over, in one way or another."""
        with self._changed:
            self._finishing = [other for other in self._finishing if other is not request]
            self._changed.notify_all()

    def delivered(self, name: str, part: FilePart) -> None:
        """Count a granule when all of its bytes have arrived since it was counted last."""
        with self._changed:
            reached = 0
            parts = sorted([*self._arrived.get((name, part.path), []), (part.begin, part.end)])
            for begin, end in parts:
                if begin <= reached:
                    reached = max(reached, end)
            if reached >= part.size:
                self._complete[name] = self._complete.get(name, 0) + 1
                parts = []
            self._arrived[name, part.path] = parts

    def requests(self, pattern: str) -> list[Request]:
        """Requests in order of their arrival whose path, or host and path, match a glob."""
        self._settle()
        return [one for one in self._requests if fnmatchcase(one.path, pattern) or fnmatchcase(one.target, pattern)]

    def fetched(self, name: str) -> int:
        """Number of times that all bytes of a granule were delivered unspoiled, be it in several parts."""
        self._settle()
        return self._complete.get(name, 0)

    def _settle(self) -> None:
        """Wait for the last bytes that clients may have got already, although their connections did not say so yet."""
        with self._changed:
            waiting = list(self._finishing)
            self._changed.wait_for(lambda: not any(one is other for one in self._finishing for other in waiting), 1)
