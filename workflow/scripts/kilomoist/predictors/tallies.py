"""Tallies of a month's granules: what is a value, why the rest is not, and which granules are not like the others."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from numpy.typing import NDArray

from kilomoist.counts import balanced

NO_VALUE, QUALITY, NO_PART = "no value", "quality", "no value of a part"
"""Reasons: a fill or beyond the valid range; bits that are not accepted; a difference or index lacks one of its two."""
_FEWEST = 100
"""Values below which a field may be one number by chance."""
_FEWEST_FIELDS = 3
"""Fields below which none is usual."""
_APART = 0.01
"""Share by which numbers of values may differ where a product has no gaps: all its fields cover the same cells."""


@dataclass
class _Field:
    """One quantity of one granule."""

    size: int = 0
    kept: int = 0
    masked: Counter[str] = field(default_factory=Counter)
    value: Any = None
    """The first that was seen."""
    varies: bool = False


class Tally:
    """Numbers of all fields of a month, by granule and quantity."""

    def __init__(self) -> None:
        self._fields: dict[tuple[str, str], _Field] = defaultdict(_Field)

    def add(
        self, granule: str, quantity: str, size: int, masked: Mapping[str, int], values: Callable[[], NDArray]
    ) -> None:
        """Count a part of a field, of which `masked` numbers are no values; `values`, the others, are seldom called."""
        field = self._fields[granule, quantity]
        field.size += size
        field.kept += size - sum(masked.values())
        field.masked.update(masked)
        if not field.varies and (seen := values()).size:
            field.value = seen[0] if field.value is None else field.value
            field.varies = bool((seen != field.value).any())

    def balance(self, used: int, *quantities: str) -> dict[str, Any]:
        """What the month's fields of some quantities held, of which `used` values were used (`counts.balanced`)."""
        fields = [field for (_, name), field in self._fields.items() if name in quantities]
        masked = sum((field.masked for field in fields), Counter())
        return balanced(" and ".join(quantities), sum(field.size for field in fields), used, masked)

    def sentences(self, *, gaps: bool) -> Iterator[str]:
        """Sentences for granules of which a field is one number, or has values in more or fewer places than the others.

        Where fields have `gaps` by nature, such as clouds and between swaths, the second cannot be told.
        """
        for (granule, quantity), seen in self._fields.items():
            if seen.value is not None and not seen.varies and seen.kept >= _FEWEST:
                yield (
                    f"{granule}: {quantity} is stored as {seen.value!s} in all {seen.kept} places that have a value, "
                    "which no field is by nature: look at it, and fetch it again or take it away."
                )
        if not gaps:
            yield from self._losses()

    def _losses(self) -> Iterator[str]:
        alike: dict[tuple[str, int], list[int]] = defaultdict(list)
        for (_, quantity), seen in self._fields.items():
            alike[quantity, seen.size].append(seen.kept)
        usual = {key: median(kept) for key, kept in alike.items() if len(kept) >= _FEWEST_FIELDS}
        for (granule, quantity), seen in self._fields.items():
            expected = usual.get((quantity, seen.size), seen.kept)
            if abs(seen.kept - expected) > _APART * expected:
                yield (
                    f"{granule}: {quantity} has values in {seen.kept} cells, where the month's other fields have "
                    f"{expected:.0f}: look at it, and fetch it again or take it away."
                )
