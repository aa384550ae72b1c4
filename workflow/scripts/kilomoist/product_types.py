"""What is known of a product: calendar, names, datasets, valid ranges, scales, quality bits.

`scale` always multiplies; the file's own is never used: MOD13's `scale_factor` divides, MOD11's multiplies.
"""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Role = Literal["vegetation", "temperature", "target"]
QualityLevel = Literal["good", "fair"]
Format = Literal["HDF4", "HDF5"]


@dataclass(frozen=True)
class Condition:
    """`bits` bits (None: all) of an integer dataset, from `first_bit` (0: least significant), hold one of `values`."""

    dataset: str
    values: tuple[int, ...]
    first_bit: int = 0
    bits: int | None = None


ERROR_DECORRELATION = 10.0
"""Days in which a random error of soil moisture is forgotten by 1 / e: assumed, as surface soil dries within days to
weeks; 5 and 20 days change the error of a monthly mean by less than 0.005 m³/m³."""
Quality = tuple[tuple[Condition, ...], ...]
"""Alternatives, each of them conditions that hold together."""


@dataclass(frozen=True)
class Layer:
    """A quantity of a product: its dataset in a granule, and the stored numbers that are values."""

    dataset: str
    units: str
    scale: float
    valid: tuple[float, float]
    """Smallest and largest stored number that is a value: fills lie beyond."""
    quality: dict[QualityLevel, Quality]
    """Accepted quality by level; empty where the product has no quality dataset."""
    attributes: dict[str, Any]
    """What NASA's files say of the stored numbers, as they say it: a file that says otherwise is another product's."""

    def holds(self, stored: NDArray) -> NDArray[np.bool_]:
        """Mask of stored numbers that are values, whatever their quality."""
        held = stored >= self.valid[0]
        held &= stored <= self.valid[1]
        return held


@dataclass(frozen=True)
class Product:
    """A NASA collection and version."""

    name: str
    role: Role
    format: Format
    calendar: Literal["daily", "16-day", "3-hourly"]
    first: int
    """Day of the year of the first 16-day period, or minute of the day of the first other granule."""
    pattern: re.Pattern[str]
    """Matches a granule's file name; groups `time`, `produced`, for tiled products `tile`, of a subsetter `cut`."""
    lookalikes: re.Pattern[str]
    """Finds names that may be taken for a granule's; groups `time` and `tile`, what is `other` than the product or its
    `version`, and the `ending`."""
    time_format: str
    layers: dict[str, Layer]
    every: int = 16
    """Days from the beginning of a 16-day period to that of the next: periods that begin before the last has ended
    share days with it."""
    pixels: int = 0
    """Pixels along a side of a tile; 0 where the product is not tiled."""
    grid_name: str = ""
    """HDF-EOS name of the grid."""
    subset_size: int = 0
    """Bytes, about, of the wanted dataset of a far larger file; 0 where files are fetched whole."""
    water: Quality = ()
    snow: Quality = ()
    """Marks of water, and of snow or ice, in a pixel."""
    silent: Quality = ()
    """Marks of observations that were not processed, which tell neither."""
    successors: tuple[str, ...] = ()
    """Products that together go on with its quantities where it ends."""
    drifts: bool = False
    """Whether its satellite passes at another hour from year to year."""
    random_error: float = 0.0
    """Standard error of single fields in time, without their bias, m³/m³; 0 where it is not a target."""
    static_error: float = 0.0
    """Standard deviation between cells of their bias, which averaging over time does not reduce, m³/m³."""
    passes: int = 0
    """Fields with a value that a cell can expect of a month, where each is an observation of its own with gaps, and
    their random errors are independent; 0 where all fields cover all cells, and errors are remembered."""
    model_only: tuple[tuple[date, date], ...] = ()
    """First and last days of periods in which a product that assimilates observations had none."""
    differences: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Quantities that are one layer minus another of the same unit and scale, where an observation has both; the other
    may be of the `partner`, of the same day."""
    partner: str = ""
    """Product that has what is lacking to a difference: of day and night, where these are two products."""
    indices: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Quantities that are the normalised difference (first − second) / (first + second) of layers, such as
    reflectances, which are no quantities by themselves."""
    doi: str = ""
    """Of the collection, by which NASA asks to cite it; empty where no public source confirmed it."""

    @property
    def error(self) -> float:
        """Standard error of a cell's monthly mean beside other cells, m³/m³: its static part, and what a mean leaves of
        the random part.

        Of errors whose autocorrelation falls as exp(−t / τ) a mean over T has the share 2τ/T·(1 − τ/T·(1 − exp(−T/τ)))
        of the variance; T is 30 days. Of n independent ones it has 1 / n.
        """
        relative = ERROR_DECORRELATION / 30
        remembered = 2 * relative * (1 - relative * (1 - math.exp(-1 / relative)))
        share = 1 / self.passes if self.passes else remembered
        return round(math.hypot(self.static_error, self.random_error * math.sqrt(share)), 2)

    @property
    def short_name(self) -> str:
        return self.name.split(".")[0]

    @property
    def version(self) -> str:
        return self.name.split(".")[1]

    @property
    def tiled(self) -> bool:
        return self.pixels > 0

    @property
    def quantities(self) -> dict[str, str]:
        """Units of all that observations give, by name: layers, differences and indices of two."""
        parts = {part for pair in self.indices.values() for part in pair}
        units = {name: layer.units for name, layer in self.layers.items() if name not in parts}
        return (
            units
            | {name: units[first] for name, (first, _) in self.differences.items()}
            | dict.fromkeys(self.indices, "1")
        )

    def needs_partner(self, names: Collection[str]) -> bool:
        """Whether any of some quantities is a difference from a layer of the partner."""
        return any(not set(pair) <= self.layers.keys() for name, pair in self.differences.items() if name in names)

    def layers_of(self, names: Collection[str]) -> dict[str, Layer]:
        """Layers that some quantities are made from, in the product's order."""
        pairs = self.differences | self.indices
        needed = {*names, *(part for name in names for part in pairs.get(name, ()))}
        return {name: layer for name, layer in self.layers.items() if name in needed}

    def datasets_of(self, quantities: Collection[str]) -> tuple[str, ...]:
        """Datasets of some quantities and of the product's masks, in a stable order."""
        layers = self.layers_of(quantities).values()
        names = [layer.dataset for layer in layers]
        qualities = [quality for layer in layers for quality in layer.quality.values()]
        for quality in [*qualities, self.water, self.snow, self.silent]:
            names += [condition.dataset for alternative in quality for condition in alternative]
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class GranuleName:
    """Product, time, tile and production of a granule, from its file name."""

    product: str
    time: datetime
    """First day of a tiled granule; time stamp of a SMAP field."""
    tile: str | None
    produced: str
    """Compares as text: the newest production is the largest."""
    whole: bool = True
    """Whether it is named as NASA publishes it, and not as a subsetter's cut."""
