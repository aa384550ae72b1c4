"""Composites: the monthly value of one product on one tile, in the tile's own grid; the target's monthly mean."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilomoist.calendars import Slot, slots
from kilomoist.errors import InputError
from kilomoist.files import sha256, write_json
from kilomoist.granules import index_granules, read_datasets, read_target
from kilomoist.grids import M09, Window
from kilomoist.products import Condition, Level, Product, Quality

Bands = dict[str, NDArray[np.float32]]

KINDS = ("", "_std", "_days", "_odd", "_odd_days")
"""Ends of the names of the bands that a composite has of each quantity (`average_rows`)."""
_ROWS_AT_ONCE = 64
"""Rows of a tile that are handled together: few enough that they stay in the processor's cache from step to step, and a
quarter of a row of a raster's tiles."""


def meets(quality: Quality, numbers: dict[str, NDArray]) -> NDArray[np.bool_]:
    """Where one of a quality's alternatives holds, given the stored numbers of the datasets it names.

    A quality without alternatives holds nowhere.
    """
    accepted: NDArray[np.bool_] | None = None
    for alternative in quality:
        first, *others = (_satisfies(condition, numbers[condition.dataset]) for condition in alternative)
        for other in others:
            first &= other
        accepted = first if accepted is None else accepted | first
    return np.zeros(next(iter(numbers.values())).shape, bool) if accepted is None else accepted


def _satisfies(condition: Condition, stored: NDArray) -> NDArray[np.bool_]:
    """Where a condition holds: looked up, since there are 256 or 65,536 numbers at the most."""
    return _table(condition, stored.dtype).take(stored.view(f"u{stored.dtype.itemsize}"))


@cache
def _table(condition: Condition, dtype: np.dtype) -> NDArray[np.bool_]:
    """Whether a condition holds for every number of an integer type, by its bits."""
    code = np.dtype(f"u{dtype.itemsize}")
    every = np.arange(np.iinfo(code).max + 1).astype(code).view(dtype)
    if condition.bits is not None:
        every = (every >> condition.first_bit) & ((1 << condition.bits) - 1)
    return np.isin(every, list(condition.values))


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


def average_rows(
    granules: Sequence[tuple[Path, Slot]], product: Product, level: Level, use: Collection[str] | None = None
) -> Iterator[tuple[Window, Bands]]:
    """Composite of one product on one tile from its granules, each with its slot in the month: some rows at once.

    Per quantity of the product (only those in `use` where it is given) five bands: the mean weighted by days
    (`{name}`, in its unit), the weighted standard deviation of its observations (`{name}_std`) and the days that its
    valid observations stand for (`{name}_days`; 0 where there are none); the mean and the days of those of every other
    slot (`{name}_odd`, `{name}_odd_days`), from which `agreement` takes the other half. Means and deviation are NaN
    where there is no valid observation. Products that tell water and snow add `water` and `snow`: the share of
    processed observations marked so. An observation is valid when its number lies in the layer's valid range, is not
    its fill, and its quality bits are accepted at `level`; of a difference of layers when both are. Bands are float32,
    of the shape of the window of the tile that they come with; windows follow each other from the north.
    """
    names = [name for name in product.quantities if use is None or name in use]
    surfaces = {name: quality for name, quality in (("water", product.water), ("snow", product.snow)) if quality}
    stored = [read_datasets(path, product, product.datasets_of(names)) for path, _ in granules]
    # What is never processed is sea, with few exceptions, and the sea must be seen beside a coast.
    never = {"water": np.float32(len(granules) > 0), "snow": np.float32(0)}
    for start in range(0, product.pixels, _ROWS_AT_ONCE):
        window = Window(start, 0, min(_ROWS_AT_ONCE, product.pixels - start), product.pixels)
        rows = slice(start, start + window.rows)
        seen: dict[str, list[_Observations]] = {name: [] for name in names}
        marked = {name: np.zeros(window.shape, np.uint8) for name in surfaces}  # of 31 granules at the most
        telling = np.zeros(window.shape, np.uint8)
        for whole, (_, slot) in zip(stored, granules, strict=True):
            numbers = {name: array[rows] for name, array in whole.items()}
            for name, values, valid in _observed(product, level, names, numbers):
                seen[name].append(_Observations(slot, values, valid))
            if surfaces:
                tells = ~meets(product.silent, numbers)
                telling += tells
                for name, quality in surfaces.items():
                    marked[name] += tells & meets(quality, numbers)
        bands: Bands = {}
        for name in names:
            scale = product.layers[product.differences.get(name, (name,))[0]].scale
            for kind, values in zip(KINDS, _average(seen[name], window.shape, scale), strict=True):
                bands[f"{name}{kind}"] = values.astype(np.float32, copy=False)
        for name, count in marked.items():
            bands[name] = np.full(window.shape, never[name])
            np.divide(count, telling, out=bands[name], where=telling > 0, dtype=np.float32)
        yield window, bands


class _Observations(NamedTuple):
    """One granule's numbers of a quantity in some rows, and where they are valid."""

    slot: Slot
    stored: NDArray
    valid: NDArray[np.bool_]


def _average(observations: Sequence[_Observations], shape: tuple[int, ...], scale: float) -> Iterator[NDArray]:
    """The bands `KINDS` of a quantity in some rows, of `shape`.

    Sums of stored numbers and days are whole and below 2²⁴, so that single precision holds them exactly; they are
    scaled at the end. Deviations are taken from the mean: sums of squares would cancel.
    """
    sums, days, odd_sums, odd_days, squares = np.zeros((5, *shape), np.float32)
    for slot, stored, valid in observations:
        weight = np.float32(slot.days)
        weighted = np.multiply(stored, valid, dtype=np.float32)
        counted = valid.astype(np.float32)
        if weight != 1:
            weighted *= weight
            counted *= weight
        sums += weighted
        days += counted
        if slot.odd:
            odd_sums += weighted
            odd_days += counted
    with np.errstate(invalid="ignore"):
        mean = sums / days
        odd_mean = odd_sums / odd_days
    middle = np.nan_to_num(mean)
    for slot, stored, valid in observations:
        deviation = np.subtract(stored, middle, dtype=np.float32)
        deviation *= valid
        deviation *= deviation
        squares += np.float32(slot.days) * deviation
    with np.errstate(invalid="ignore"):
        deviation = np.sqrt(squares / days)
    yield np.multiply(mean, scale, dtype=float)  # 3000 × 0.0001 is 0.3 in double precision alone
    yield scale * deviation
    yield days
    yield np.multiply(odd_mean, scale, dtype=float)
    yield odd_days


def _observed(
    product: Product, level: Level, names: Collection[str], numbers: dict[str, NDArray]
) -> Iterator[tuple[str, NDArray, NDArray[np.bool_]]]:
    """Name, stored numbers and validity of each of some quantities, given the stored numbers of the datasets."""
    valid, accepted = {}, {}
    for name, layer in product.layers_of(names).items():
        stored, quality = numbers[layer.dataset], layer.quality[level]
        if quality not in accepted:  # vegetation indices share theirs
            accepted[quality] = meets(quality, numbers)
        valid[name] = accepted[quality] & layer.holds(stored)
        if name in names:
            yield name, stored, valid[name]
    for name, parts in product.differences.items():
        if name in names:
            first, second = (numbers[product.layers[part].dataset] for part in parts)
            yield name, np.subtract(first, second, dtype=np.float32), valid[parts[0]] & valid[parts[1]]


def average_fields(granules: Iterable[Path], product: Product) -> Bands:
    """Mean of a target's fields over all of M09, and how many fields each cell has.

    Bands `soil_moisture` (m³/m³, NaN where no field has a value) and `fields`, float32, of M09's shape. Cells that
    only some files cover (cuts of different extent) are averaged over those.
    """
    total, count = np.zeros(M09.window.shape), np.zeros(M09.window.shape, np.float32)
    run: _Run | None = None
    for path in granules:
        values, valid, window = read_target(path, product)
        if run is None or run.window != window or not np.array_equal(run.valid, valid):
            if run:
                run.settle(total, count)
            run = _Run(window, valid)
        run.add(values)
    if run:
        run.settle(total, count)
    with np.errstate(invalid="ignore"):
        mean = (total / count).astype(np.float32)
    return {"soil_moisture": mean, "fields": count}


class _Run:
    """Fields one after the other that have values at the same cells, as nearly all of a month have: a quarter of the
    globe, so that only those are added up."""

    def __init__(self, window: Window, valid: NDArray[np.bool_]) -> None:
        self.window, self.valid = window, valid
        self._cells = np.flatnonzero(valid)
        self._sums, self._fields = np.zeros(len(self._cells)), 0

    def add(self, values: NDArray[np.float32]) -> None:
        self._sums += values.ravel()[self._cells]
        self._fields += 1

    def settle(self, total: NDArray[np.float64], count: NDArray[np.float32]) -> None:
        """Add the sums and their numbers to those of M09."""
        here = self.window.within(M09.window)
        total[here][self.valid] += self._sums
        count[here][self.valid] += np.float32(self._fields)


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
