"""Counts of what goes into a stage and what comes out of it: nothing is lost unseen."""

from collections.abc import Mapping
from typing import Any


def balanced(stage: str, total: int, kept: int, masked: Mapping[str, int]) -> dict[str, Any]:
    """Numbers `in`, `out` and `masked` (by reason) of a stage, as provenance tells them.

    Raises ValueError, which is a fault of the program, unless `in` is `out` and all that was masked.
    """
    if min(kept, *masked.values(), 0) < 0 or total != kept + sum(masked.values()):
        raise ValueError(f"{stage}: {total} went in, {kept} came out, and masked were {dict(masked)}")
    return {"in": int(total), "out": int(kept), "masked": {reason: int(number) for reason, number in masked.items()}}
