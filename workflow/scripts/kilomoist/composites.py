"""Composites: the monthly value of one product on one tile, in the tile's own grid; the target's monthly mean."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kilomoist.calendars import Slot, slots
from kilomoist.errors import InputError
from kilomoist.files import sha256, write_json
from kilomoist.granules import index_granules, read_datasets, read_target
from kilomoist.grids import M09
from kilomoist.products import Condition, Level, Product, Quality

Bands = dict[str, NDArray[np.float32]]

_ROWS_AT_ONCE = 120
"""Rows of a tile that are handled together: few enough that the buffers of a step stay small."""


def meets(quality: Quality, numbers: dict[str, NDArray]) -> NDArray[np.bool_]:
    """Where one of a quality's alternatives holds, given the stored numbers of the datasets it names.

    A quality without alternatives holds nowhere.
    """
    accepted = np.zeros(next(iter(numbers.values())).shape, bool)
    for alternative in quality:
        holds = [_look_up(numbers[one.dataset], partial(_satisfies, one)) for one in alternative]
        accepted |= np.logical_and.reduce(holds)
    return accepted


def _satisfies(condition: Condition, stored: NDArray) -> NDArray[np.bool_]:
    if condition.bits is not None:
        stored = (stored >> condition.first_bit) & ((1 << condition.bits) - 1)
    return np.isin(stored, list(condition.values))


def _look_up(stored: NDArray, test: Callable[[NDArray], NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """The test of every stored number, made once for each of the 256 or 65,536 numbers that there can be."""
    code = np.dtype(f"u{stored.dtype.itemsize}")
    every = np.arange(np.iinfo(code).max + 1).astype(code)
    return test(every.view(stored.dtype))[stored.view(code)]


def choose_granules(
    paths: Iterable[str | Path], product: Product, tile: str | None, month: str
) -> tuple[list[tuple[Path, Slot]], list[str]]:
    """The granules of a month among files and folders, each with its slot, and the times that are absent.

    Folders are searched at any depth; of several productions of one granule the newest counts.
    """
    found = index_granules(paths, [product])
    chosen, absent = [], []
    for slot in slots(product, month):
        path = found.get((product.name, tile, slot.time))
        if path is None:
            absent.append(slot.time.strftime(product.time_format))
        else:
            chosen.append((path, slot))
    return chosen, absent


def write_inventory(
    path: str | Path, product: Product, tile: str | None, month: str, granules: Iterable[Path], absent: Sequence[str]
) -> None:
    """Write down which granules a composite was made from: name, size and SHA-256, and the times that are absent."""
    used = [{"name": file.name, "size": file.stat().st_size, "sha256": sha256(file)} for file in granules]
    inventory = {"product": product.name, "tile": tile, "month": month, "granules": used, "absent": list(absent)}
    write_json(path, inventory)


def average_tile(
    granules: Sequence[tuple[Path, Slot]], product: Product, level: Level, use: Collection[str] | None = None
) -> Bands:
    """Composite of one product on one tile from its granules, each with its slot in the month.

    Per quantity of the product (only those in `use` where it is given) five bands: the mean weighted by days
    (`{name}`, in its unit), the weighted standard deviation of its observations (`{name}_std`) and the days that its
    valid observations stand for (`{name}_days`; 0 where there are none); the mean and the days of those of every other
    slot (`{name}_odd`, `{name}_odd_days`), from which `agreement` takes the other half. Means and deviation are NaN
    where there is no valid observation. Products that tell water and snow add `water` and `snow`: the share of
    processed observations marked so. An observation is valid when its number lies in the layer's valid range, is not
    its fill, and its quality bits are accepted at `level`; of a difference of layers when both are. Bands are float32,
    (pixels, pixels).
    """
    names = [name for name in product.quantities if use is None or name in use]
    shape = (product.pixels, product.pixels)
    surfaces = {name: quality for name, quality in (("water", product.water), ("snow", product.snow)) if quality}
    # Sums of stored numbers are whole and exact, whatever the order of the granules; they are scaled at the end.
    sums, squares = ({name: np.zeros(shape) for name in names} for _ in range(2))
    days = {name: np.zeros(shape, np.float32) for name in names}
    # Whole numbers below 2²⁴, which single precision holds exactly.
    odd_sums, odd_days = ({name: np.zeros(shape, np.float32) for name in names} for _ in range(2))
    # Memory that is asked for anew in each step costs more than the arithmetic.
    buffers = np.empty((2, _ROWS_AT_ONCE, product.pixels))
    marked = {name: np.zeros(shape, np.float32) for name in surfaces}
    telling = np.zeros(shape, np.float32)
    for path, slot in granules:
        weight = slot.days
        whole = read_datasets(path, product, product.datasets_of(names))
        for start in range(0, product.pixels, _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            numbers = {name: array[rows] for name, array in whole.items()}
            for name, stored, valid in _observed(product, level, names, numbers):
                counted, weighted = buffers[:, : len(stored)]
                np.multiply(stored, valid, out=counted)
                np.multiply(counted, weight, out=weighted)
                counted_days = np.float32(weight) * valid
                sums[name][rows] += weighted
                days[name][rows] += counted_days
                if slot.odd:
                    odd_sums[name][rows] += weighted
                    odd_days[name][rows] += counted_days
                weighted *= counted
                squares[name][rows] += weighted
            if surfaces:
                tells = ~meets(product.silent, numbers)
                telling[rows] += tells
                for name, quality in surfaces.items():
                    marked[name][rows] += tells & meets(quality, numbers)
    bands: Bands = {}
    for name in names:
        scale = product.layers[product.differences.get(name, (name,))[0]].scale
        with np.errstate(invalid="ignore"):
            mean = sums.pop(name) / days[name]
            variance = np.maximum(squares.pop(name) / days[name] - mean**2, 0.0)
            odd_mean = odd_sums.pop(name) / odd_days[name].astype(float)
        bands[name] = (scale * mean).astype(np.float32)
        bands[f"{name}_std"] = (scale * np.sqrt(variance)).astype(np.float32)
        bands[f"{name}_days"] = days[name].astype(np.float32)
        bands[f"{name}_odd"] = (scale * odd_mean).astype(np.float32)
        bands[f"{name}_odd_days"] = odd_days[name]
    # What is never processed is sea, with few exceptions, and the sea must be seen beside a coast.
    never = {"water": np.float32(len(granules) > 0), "snow": np.float32(0)}
    return bands | {
        name: np.divide(count, telling, out=np.full(shape, never[name]), where=telling > 0)
        for name, count in marked.items()
    }


def _observed(
    product: Product, level: Level, names: Collection[str], numbers: dict[str, NDArray]
) -> Iterator[tuple[str, NDArray, NDArray[np.bool_]]]:
    """Name, stored numbers and validity of each of some quantities, given the stored numbers of the datasets."""
    valid = {}
    for name, layer in product.layers_of(names).items():
        stored = numbers[layer.dataset]
        valid[name] = meets(layer.quality[level], numbers) & _look_up(stored, layer.holds)
        if name in names:
            yield name, stored, valid[name]
    for name, parts in product.differences.items():
        if name in names:
            first, second = (numbers[product.layers[part].dataset] for part in parts)
            yield name, np.subtract(first, second, dtype=float), valid[parts[0]] & valid[parts[1]]


def average_fields(granules: Iterable[Path], product: Product) -> Bands:
    """Mean of a target's fields over all of M09, and how many fields each cell has.

    Bands `soil_moisture` (m³/m³, NaN where no field has a value) and `fields`, float32, of M09's shape. Cells that
    only some files cover (cuts of different extent) are averaged over those.
    """
    total, count = np.zeros(M09.window.shape), np.zeros(M09.window.shape, np.float32)
    for path in granules:
        values, window = read_target(path, product)
        here = window.within(M09.window)
        valid = np.isfinite(values)
        np.add(total[here], values, out=total[here], where=valid)
        count[here] += valid
    with np.errstate(invalid="ignore"):
        mean = (total / count).astype(np.float32)
    return {"soil_moisture": mean, "fields": count}


def require_granules(inventories: Sequence[Mapping[str, Any]]) -> None:
    """Raise `InputError` when a product has no granule in any of a region's inventories; single tiles may have none."""
    for product in dict.fromkeys(inventory["product"] for inventory in inventories):
        own = [inventory for inventory in inventories if inventory["product"] == product]
        if not any(inventory["granules"] for inventory in own):
            tiles = ", ".join(inventory["tile"] for inventory in own if inventory["tile"])
            raise InputError(
                f"There is no granule of {product} for {own[0]['month']}{f' on the tiles {tiles}' if tiles else ''}: "
                "take another product or month or, if they have come since, snakemake --forcerun list_granules."
            )


def require_share(found: int, expected: int, smallest: float, product: str, month: str) -> None:
    """Raise `InputError` when fewer of the month's fields are there than the smallest share allows."""
    if found < smallest * expected:
        raise InputError(
            f"{product} has {found} of {expected} fields of {month}, a share of {found / expected:.2f} where "
            f"quality.minimum_target_share asks for {smallest}: add the missing granules or lower the share."
        )
