"""A physical peer of the map: disaggregation by soil evaporative efficiency, from its equations.

DISPATCH in its linear form (Merlin, Escorihuela, Mayoral, Hagolle, Al Bitar and Kerr 2013, "Self-calibrated
evaporation-based disaggregation of SMOS soil moisture", Remote Sensing of Environment 130; its use since: Stefan et al.
2020, doi 10.3390/rs12101671), with monthly composites for single days and without its correction of LST for height:

    (1)  cover       fv  = (NDVI − 0.15) / (0.90 − 0.15), within 0 to 1
    (2)  soil        Ts  = (LST − fv · Tv) / (1 − fv)
    (3)  efficiency  SEE = (Ts,max − Ts) / (Ts,max − Ts,min), within 0 to 1
    (4)  linear      SEE = SM / SMp, so SMp = SM_cell / <SEE>, <> being a cell's mean
    (5)  map         SM  = SM_cell + SMp · (SEE − <SEE>)
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import block_mean
from kilomoist.grids import CELL_SIDE

BARE, FULL = 0.15, 0.90
"""NDVI of bare soil and of full cover, as commonly taken."""
HIDDEN = 0.9
"""Cover from which the soil is not seen, so that its temperature is not told."""


class Ends(NamedTuple):
    """Temperatures (K): of wet and of dry soil, and of plants."""

    wet: float
    dry: float
    plants: float


def cover(ndvi: NDArray) -> NDArray[np.float64]:
    """Fraction of the ground under green plants, equation (1)."""
    return np.clip((ndvi - BARE) / (FULL - BARE), 0, 1)


def end_members(ndvi: NDArray, lst: NDArray) -> Ends:
    """Temperatures from the scene itself: 1st and 99th percentile of LST; plants' the middle of those of the tenth of
    pixels with the most cover."""
    seen = np.isfinite(ndvi) & np.isfinite(lst)
    green, warm = cover(ndvi[seen]), lst[seen]
    wet, dry = np.percentile(warm, (1, 99))
    plants = np.percentile(warm[green >= np.percentile(green, 90)], (1, 99)).mean()
    return Ends(float(wet), float(dry), float(plants))


def disaggregated(cells: NDArray, ndvi: NDArray, lst: NDArray, ends: Ends) -> NDArray[np.float64]:
    """Soil moisture (m³/m³) at 1 km from that of cells and NDVI and LST (K) of their pixels, equations (1) to (5).

    The cell's own value where the soil is hidden or a predictor missing, and where no soil of a cell evaporates.
    """
    green = cover(ndvi)
    with np.errstate(divide="ignore", invalid="ignore"):
        soil = np.where(green < HIDDEN, (lst - green * ends.plants) / (1 - green), np.nan)
        efficiency = np.clip((ends.dry - soil) / (ends.dry - ends.wet), 0, 1)
        mean = block_mean(efficiency, CELL_SIDE)[0]
        potential = np.where(mean > 0, cells / mean, 0)

    def fine(values: NDArray) -> NDArray:
        return np.kron(values, np.ones((CELL_SIDE, CELL_SIDE)))

    return fine(cells) + np.nan_to_num(fine(potential) * (efficiency - fine(mean)))
