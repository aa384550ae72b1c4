"""Flags of `quality.tif`, as data: bits, meanings, colours, and which of them is severe."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """One bit of `quality.tif`."""

    bit: int
    meaning: str
    colour: str
    """Red, green, blue as `#rrggbb`, of pixels of which it is the most severe flag."""


NO_VALUE_COLOUR = "#BDBDBD"
FLAGS: dict[str, Flag] = {
    "outside_range": Flag(0, "outside the training range", "#CC79A7"),
    "outside_applicability": Flag(1, "outside the area of applicability", "#882255"),
    "few_observations": Flag(2, "few observations", "#F0E442"),
    "water_or_snow": Flag(3, "water, snow or ice in the pixel", "#0072B2"),
    "not_reconciled": Flag(4, "cell not reconciled", "#E69F00"),
    "frozen": Flag(5, "frozen", "#56B4E9"),
    "without_radiometer": Flag(6, "SMAP without radiometer", "#8C6D46"),
    "no_value": Flag(7, "no value", NO_VALUE_COLOUR),
}
SEVERITY = (
    *("no_value", "frozen", "water_or_snow", "outside_applicability", "outside_range", "not_reconciled"),
    *("few_observations", "without_radiometer"),
)
"""Flags, the most severe first; last the flag that is everywhere or nowhere in a month, lest it hide the others."""
NO_FLAG = "no flag"
NO_FLAG_COLOUR = "#DCEBD2"


@dataclass(frozen=True)
class SeverityClass:
    """One value of `quality_class.tif`: pixels of one most severe flag, or without any."""

    meaning: str
    colour: str

    @property
    def rgb(self) -> tuple[int, int, int]:
        red, green, blue = bytes.fromhex(self.colour[1:])
        return red, green, blue


CLASSES = (
    SeverityClass(NO_FLAG, NO_FLAG_COLOUR),
    *(SeverityClass(FLAGS[name].meaning, FLAGS[name].colour) for name in reversed(SEVERITY)),
)
"""Values of `quality_class.tif`, from no flag (0) to the most severe."""
