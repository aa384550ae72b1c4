"""What a run's intervals take SMAP's own error to be, by the tags of interval.tif."""

from collections.abc import Mapping

from kilomoist.texts import text


def has_intervals(tags: Mapping[str, str]) -> bool:
    """Whether there is an interval: a region can be too small to count errors in, which the tag `interval` says."""
    return not tags["interval"].startswith("none")


def target_error(tags: Mapping[str, str]) -> tuple[float, float]:
    """SMAP's own error that was taken, and what weighing left of it in the cells, m³/m³."""
    taken, left = (float(tags[name].removesuffix(" m3 m-3")) for name in ("target_error", "target_error_left"))
    return taken, left


def interval_note(tags: Mapping[str, str]) -> str:
    """A sentence on what SMAP's own error was taken to be, or on why there is no interval."""
    if not has_intervals(tags):
        return text("intervals.small")
    taken, left = target_error(tags)
    key = "exact" if taken == 0 else "taken" if left == taken else "weighed"
    return text(f"intervals.{key}", error=f"{taken:g}", left=f"{left:.3f}")
