"""Simulated landscapes: elevation, wetness, soil and plants, and the soil moisture that follows from them."""

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import block_mean
from kilomoist.files import check_expansion, own_file, replaced
from kilomoist.simulation.scenes import FINER, PIXEL_KM, Fields, Landscape, Scene


def landscape(scene: Scene) -> Fields:
    """Fields on the scene's points that do not change with time: elevation (m), lake (0 or 1), and others without unit.

    Moisture follows `wetness` and `soil`; vegetation `wetness` and `plants`, and EVI also `canopy`; surface temperature
    `wetness`, `soil`, `plants` and `albedo`; short-wave infrared NDVI, `wetness` and `albedo`.
    """
    kind, shape, spacing = scene.kind, scene.points.window.shape, PIXEL_KM / FINER

    def noise(longest: float, shortest: float, name: str) -> NDArray[np.float32]:
        return scene.noise(shape, spacing, longest, shortest, name)

    massif, ridges = noise(500, 120, "massif"), noise(90, 4, "ridges")
    elevation = kind.height + kind.massif * massif + kind.ridges * ridges * np.exp(kind.growth * massif)
    valleys = noise(25, 1.5, "valleys") - 0.5 * ridges
    valleys /= valleys.std()
    north = np.linspace(1, -1, shape[0], dtype=np.float32)[:, None]
    wetness = 0.6 * north + 0.75 * noise(600, 100, "climate") + kind.wet_massif * massif + kind.wet_valleys * valleys
    wetness = wetness - kind.dry_ridges * ridges
    return {
        "elevation": np.maximum(elevation, 500),
        "wetness": wetness,
        "soil": 0.5 * noise(250, 15, "soil") + 0.16 * noise(30, 1, "ground"),
        "plants": 0.9 * noise(400, 40, "land use") + 0.3 * noise(40, 2, "pasture"),
        "canopy": 0.9 * noise(250, 20, "canopy") + 0.4 * noise(20, 1, "leaves"),
        "albedo": 0.9 * noise(300, 20, "rock") + 0.3 * noise(20, 1, "stones"),
        "lake": (noise(60, 5, "basins") - 0.35 * ridges > 2.35).astype(np.float32),
    }


def elevation_map(fields: Fields) -> NDArray[np.float32]:
    """Elevation (m) at 1 km: mean of a pixel's points."""
    return block_mean(fields["elevation"], FINER)[0].astype(np.float32)


def write_landscape(path: str | Path, fields: Fields) -> None:
    """Write a landscape for the jobs that observe it."""
    with replaced(path) as partial, open(partial, "wb") as file:
        np.savez(file, allow_pickle=False, **fields)


def read_landscape(path: str | Path) -> Fields:
    """Read what `write_landscape` wrote. Raises `InputError` for anything else."""
    with own_file(path, "a landscape"), np.load(path) as archive:
        check_expansion(archive.zip, Path(path).stat().st_size)
        return {name: archive[name] for name in archive.files}


def season(day: datetime) -> float:
    """1 in the middle of July, −1 in the middle of January."""
    return float(np.cos(2 * np.pi * (day.timetuple().tm_yday - 196) / 365.25))


def moisture(fields: Fields, when: datetime) -> NDArray[np.float32]:
    """Soil moisture (m³/m³) of land at the scene's points, from dry steppe to wet forest; the month sets the level."""
    level = fields["wetness"] + fields["soil"] - 0.4 + 0.15 * season(when)
    return (0.045 + 0.235 / (1 + np.exp(-0.95 * level))).astype(np.float32)


def greenness(fields: Fields, kind: Landscape, when: datetime) -> NDArray:
    """Greenness of plants at the scene's points, without unit: what vegetation indices follow."""
    green = 1.0 * fields["wetness"] + 0.62 * fields["plants"]
    green = green - kind.green_fall * ((fields["elevation"] - kind.green_height) / 1000) ** 2
    return green + 1.1 * (season(when) - 1)


def truth(fields: Fields, month: str) -> NDArray[np.float32]:
    """Monthly soil moisture at 1 km: mean of a pixel's land points, NaN where water covers half of it or more."""
    land = np.where(fields["lake"] > 0, np.nan, moisture(fields, middle_of(month)))
    mean, count = block_mean(land, FINER)
    return np.where(count * 2 > FINER**2, mean, np.nan).astype(np.float32)


def middle_of(month: str) -> datetime:
    """The 15th of a month."""
    return datetime.strptime(f"{month}-15", "%Y-%m-%d")
