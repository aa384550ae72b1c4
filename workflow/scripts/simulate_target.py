"""Write the soil-moisture granules of a month as SMAP would give them for a simulated scene."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kilomoist.calendars import slots
from kilomoist.jobs import rule_script
from kilomoist.products import PRODUCTS
from kilomoist.rasters import read_raster
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.landscapes import read_landscape
from kilomoist.simulation.passes import compress_passes, retrievals, write_passes_granule
from kilomoist.simulation.scenes import make_scene
from kilomoist.simulation.smap import (
    TargetError,
    compress_target,
    erring,
    target_field,
    target_mean,
    write_target_granule,
)


@rule_script
def simulate_target(
    *, truth: str, landscape: str, product: str, month: str, scene: dict, error: dict, threads: int, granules: str
) -> None:
    """Write a month's granules into the folder `granules`; their mean is the truth of each cell and SMAP's error."""
    described, simulated = PRODUCTS[product], make_scene(**scene)
    true = target_mean(read_raster(truth)[0]["soil_moisture"])
    fields = read_landscape(landscape) if error["with_predictors"] else {}
    mean = erring(simulated, true, month, TargetError(**error), fields, described.layers["soil_moisture"].valid)
    passes = retrievals(simulated, mean, described, month) if described.passes else {}
    write: Any = write_passes_granule if described.passes else write_target_granule

    def compressed(number: int) -> bytes | dict[str, bytes]:
        if described.passes:
            return compress_passes(simulated.window, {name: field[number] for name, field in passes.items()})
        return compress_target(simulated.window, target_field(simulated, mean, described, month, number))

    times = slots(described, month)
    with ThreadPoolExecutor(threads) as pool:
        for slot, made in zip(times, pool.map(compressed, range(len(times))), strict=True):
            path = Path(granules) / granule_file_name(described, slot.time, None)
            write(path, described, slot.time, made)
