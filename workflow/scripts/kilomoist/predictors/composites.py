"""Composites: monthly values of a product on a tile, in the tile's own grid."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kilomoist.calendars import Slot
from kilomoist.granules.quality import meets
from kilomoist.granules.tiles import read_datasets
from kilomoist.grids import Window
from kilomoist.predictors.tallies import NO_PART, NO_VALUE, QUALITY, Tally
from kilomoist.product_types import Product, QualityLevel
from kilomoist.products import PRODUCTS
from kilomoist.rasters import Bands

KINDS = ("", "_days", "_odd", "_odd_days")
"""Suffixes of the bands that a composite has of each quantity (`average_rows`), those of halves last."""
INDEX_SCALE = 0.0001
"""Steps of an index of two layers, those that NDVI is stored in: their sums are exact, as those of stored numbers."""
_Layer = tuple[NDArray, NDArray[np.bool_], dict[str, int]]
"""Stored numbers of a layer or quantity, mask of the valid numbers, and how many are not, by reason."""
_Observation = tuple[Slot, NDArray, NDArray[np.bool_]]
"""Slot of a granule, stored numbers of a quantity in some rows of it, and mask of the valid numbers."""
_ROWS_AT_ONCE = 64
"""Rows of a tile that stay in the processor's cache from step to step; a quarter of a row of a raster's tiles."""


def average_rows(
    granules: Sequence[tuple[Path, Slot]],
    product: Product,
    level: QualityLevel,
    use: Collection[str] | None = None,
    partners: Mapping[Slot, Path] | None = None,
    tally: Tally | None = None,
    halves: bool = True,
) -> Iterator[tuple[Window, Bands, dict[str, int]]]:
    """Composite of a product on a tile from its granules, each with its slot in the month, by rows from the north.

    Yields windows of the tile, their bands, float32, and numbers of valid observations by quantity. Per quantity (of
    `use`, where it is given) the mean weighted by days (`{name}`, in its unit), the days of valid observations
    (`{name}_days`), and with `halves` mean and days of every other slot (`{name}_odd`, `{name}_odd_days`), from which
    `half_months` takes the other half. Means are NaN where no observation is valid. Of products that tell them, `water`
    and `snow` are the shares of processed observations marked so. An observation is valid when its number is one of the
    layer's (`Layer.holds`) and its quality bits are accepted at `level`; of a difference or index of two layers when
    both are. `partners` are granules of the product's partner, without which its differences from that have no
    observations. The `tally` counts all numbers.
    """
    tally = Tally() if tally is None else tally
    names = [name for name in product.quantities if use is None or name in use]
    kinds = KINDS if halves else KINDS[:2]
    surfaces = {name: quality for name, quality in (("water", product.water), ("snow", product.snow)) if quality}
    stored = [_read(path, product, names) for path, _ in granules]
    partner = PRODUCTS[product.partner] if product.needs_partner(names) else None
    others = {slot: _read(path, partner, partner.layers) for slot, path in (partners or {}).items()} if partner else {}
    for start in range(0, product.pixels, _ROWS_AT_ONCE):
        window = Window(start, 0, min(_ROWS_AT_ONCE, product.pixels - start), product.pixels)
        seen: dict[str, list[_Observation]] = {name: [] for name in names}
        marked = {name: np.zeros(window.shape, np.uint8) for name in surfaces}  # of 31 granules at the most
        telling = np.zeros(window.shape, np.uint8)
        for whole, (path, slot) in zip(stored, granules, strict=True):
            numbers = {name: array[start : start + window.rows] for name, array in whole.items()}
            layers = _observed_layers(product, level, names, numbers)
            if partner and slot in others:
                theirs = {name: array[start : start + window.rows] for name, array in others[slot].items()}
                layers |= _observed_layers(partner, level, partner.layers, theirs)
            for name, values, valid, masked in _observed(product, names, layers):
                seen[name].append((slot, values, valid))
                tally.add(path.name, name, valid.size, masked, partial(np.extract, valid, values))
            if surfaces:
                tells = ~meets(product.silent, numbers)
                telling += tells
                for name, quality in surfaces.items():
                    marked[name] += tells & meets(quality, numbers)
        bands: Bands = {}
        for name in names:
            scale = _scale(product, name)
            for kind, values in zip(kinds, _average(seen[name], window.shape, scale, halves), strict=True):
                bands[f"{name}{kind}"] = values.astype(np.float32, copy=False)
        for name, count in marked.items():
            # Pixels that are never processed are sea, with few exceptions, and the sea must be seen beside a coast.
            bands[name] = np.full(window.shape, name == "water" and len(granules) > 0, np.float32)
            np.divide(count, telling, out=bands[name], where=telling > 0, dtype=np.float32)
        yield window, bands, {name: sum(int(np.count_nonzero(valid)) for *_, valid in seen[name]) for name in names}


def _scale(product: Product, name: str) -> float:
    """What the stored numbers of a quantity are multiplied by."""
    return INDEX_SCALE if name in product.indices else product.layers[product.differences.get(name, (name,))[0]].scale


def _average(
    observations: Sequence[_Observation], shape: tuple[int, ...], scale: float, halves: bool
) -> Iterator[NDArray]:
    """Bands `KINDS` of a quantity in some rows, of `shape`, those of halves where they are wanted.

    Sums of stored numbers and days are whole, or halves, and below 2²⁴: exact in single precision; they are scaled at
    the end.
    """
    parts = 2 if halves else 1
    sums, days = np.zeros((2, parts, *shape), np.float32)  # of the first, third, … slot, and of the others
    for slot, stored, valid in observations:
        counted = np.float32(slot.days) * valid
        days[slot.number % parts] += counted
        sums[slot.number % parts] += stored * counted
    for total, number in ((sums.sum(axis=0), days.sum(axis=0)), (sums[0], days[0]))[:parts]:
        with np.errstate(invalid="ignore"):
            mean = total / number
        yield np.multiply(mean, scale, dtype=float)  # 3000 × 0.0001 is 0.3 in double precision alone
        yield number


def _read(path: Path, product: Product, names: Collection[str]) -> dict[str, NDArray]:
    """Stored numbers of the datasets that some quantities and the masks of a product need."""
    return read_datasets(path, product, product.datasets_of(names))


def _observed_layers(
    product: Product, level: QualityLevel, names: Collection[str], numbers: dict[str, NDArray]
) -> dict[str, _Layer]:
    """Stored numbers and validity of the layers that some quantities are made from, given those of the datasets."""
    found, accepted = {}, {}
    for name, layer in product.layers_of(names).items():
        stored, quality = numbers[layer.dataset], layer.quality[level]
        if quality not in accepted:  # vegetation indices share theirs
            accepted[quality] = meets(quality, numbers)
        held, good = layer.holds(stored), accepted[quality]
        empty, refused = held.size - np.count_nonzero(held), np.count_nonzero(held > good)  # held, and not good
        found[name] = stored, good & held, {NO_VALUE: int(empty), QUALITY: int(refused)}
    return found


def _observed(
    product: Product, names: Collection[str], layers: Mapping[str, _Layer]
) -> Iterator[tuple[str, NDArray, NDArray[np.bool_], dict[str, int]]]:
    """Name, stored numbers, validity and masked of some quantities, given the layers that they are made from."""
    for name in layers:
        if name in names and name in product.layers:
            yield name, *layers[name]
    for name, parts in product.differences.items():
        if name in names and all(part in layers for part in parts):
            (first, first_valid, _), (second, second_valid, _) = (layers[part] for part in parts)
            lacking = {NO_PART: int(np.count_nonzero(~first_valid | ~second_valid))}
            yield name, np.subtract(first, second, dtype=np.float32), first_valid & second_valid, lacking
    for name, parts in product.indices.items():
        if name in names:
            (first, first_valid, _), (second, second_valid, _) = (layers[part] for part in parts)
            first, second = first.astype(np.float32), second.astype(np.float32)
            held = first_valid & second_valid & (first + second > 0)
            index = np.divide(first - second, first + second, out=np.zeros_like(first), where=held)
            yield name, np.rint(index / np.float32(INDEX_SCALE)), held, {NO_PART: int(np.count_nonzero(~held))}
