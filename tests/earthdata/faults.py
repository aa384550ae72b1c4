"""Faults of answers: those that a test asks for, and failures at random."""

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random

from earthdata.answers import SERVER_ERROR, TOO_MANY, UNAVAILABLE, Answer, Request
from earthdata.hosts import CMR, STRANGER


@dataclass(frozen=True)
class Redirected:
    """302 to the same path of another host."""

    host: str = STRANGER


@dataclass(frozen=True)
class Spoiled:
    """Something happens after a share of the body."""

    share: float = 0.5


class Cut(Spoiled):
    """The connection closes."""


class Shortened(Spoiled):
    """The body ends, with a length that agrees."""


class Flipped(Spoiled):
    """One bit is wrong."""


@dataclass(frozen=True)
class Stalled(Spoiled):
    """Nothing comes for a time, then the rest."""

    seconds: float = field(kw_only=True)


Fault = Answer | Redirected | Spoiled


@dataclass
class _Rule:
    pattern: str
    fault: Fault
    times: int | None


class Faults:
    def __init__(self, failures: float, seed: int) -> None:
        """`failures`: share of all answers that fail at random by the seed; the same request fails again elsewhere."""
        self._failures, self._seed = failures, seed
        self._rules: list[_Rule] = []
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, pattern: str, fault: Fault, times: int | None = 1) -> None:
        """Let answers to requests whose "host/path" matches a glob go wrong: the next `times` of them (None: all).

        What spoils a body waits for an answer that carries one: redirects and refusals are passed over. Of several
        rules the oldest that is not used up counts.
        """
        with self._lock:
            self._rules.append(_Rule(pattern, fault, times))

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def take(self, request: Request, *, body: bool) -> Fault | None:
        """The fault of this answer, which is thereby used up."""
        with self._lock:
            for rule in self._rules:
                if rule.times == 0 or not fnmatchcase(request.target, rule.pattern):
                    continue
                if isinstance(rule.fault, Spoiled) and not body:
                    continue
                if rule.times is not None:
                    rule.times -= 1
                return rule.fault
            return self._failure(request, body=body)

    def _failure(self, request: Request, *, body: bool) -> Fault | None:
        """A failure at random, which depends on what was asked how often but not on the order of connections."""
        if not self._failures or request.host == STRANGER:
            return None
        query = request.query if request.host == CMR else ""  # other queries hold signatures
        asked = f"{request.method} {request.target}?{query} {request.headers.get('Range')}"
        times = self._counts[asked] = self._counts.get(asked, 0) + 1
        chance = Random(f"{self._seed} {times} {asked}")
        if chance.random() >= self._failures:
            return None
        failures: list[Fault] = [SERVER_ERROR, UNAVAILABLE, TOO_MANY]
        return chance.choice([*failures, Cut(chance.uniform(0.1, 0.9))] if body else failures)
