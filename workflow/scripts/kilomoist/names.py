"""Names that users meet in tables and figures, and those that no predictor of theirs may have."""

SMAP_9KM, MAP_1KM = "SMAP, 9 km", "map, 1 km"
"""What people see SMAP's cells and the delivered map called."""
MAP_ONE_SCALE_UP = "map, one scale up"
"""What the delivered map's method makes of SMAP's coarse cells at 9 km, where SMAP is known."""
STUDY_9KM = "study's map, 9 km"
LABELS = {
    **dict.fromkeys(("target", "coarse", "copied"), SMAP_9KM),
    "bilinear": "SMAP, bilinear",
    "bilinear_reconciled": "SMAP, bilinear, reconciled",
    **dict.fromkeys(("fine", "soil_moisture.tif"), MAP_1KM),
    "detail": "map before reconciliation",
    "detail_reconciled": "map, reconciled to SMAP exactly",
    "absolute": "study's map",
    "absolute_reconciled": "study's map, reconciled",
    "absolute_9km": STUDY_9KM,
    "mean": "mean of the training rows",
    "linear": "linear model",
}
"""What people see the keys of maps and null models called, where the method is `detail`."""
_OTHER_LABELS = {"detail": "detail map", "detail_reconciled": "detail map, reconciled"}
"""Where `absolute` makes the map."""
ONE_SCALE_UP = "one_scale_up"
RESTORING = (ONE_SCALE_UP, "degrade_restore")
"""Protocols in which maps restore SMAP's 9 km cells from coarser ones."""
PREDICTOR_LABELS = {
    "ndvi": "NDVI",
    "evi": "EVI",
    "ndii7": "NDII (band 7)",
    "lst_day": "LST, day",
    "lst_night": "LST, night",
    "lst_range": "LST, range",
    "elevation": "Elevation",
    "slope": "Slope",
    "northness": "Northness",
    "eastness": "Eastness",
}


def variable_label(key: str) -> str:
    """What people see the target or a predictor called; the user's layers keep their names, without underscores."""
    return SMAP_9KM if key == "target" else PREDICTOR_LABELS.get(key, key.replace("_", " "))


def delivered(method: str, reconciled: bool) -> str:
    """Key of the estimate that is made as the delivered map is."""
    return f"{method}_reconciled" if reconciled else method


def map_label(key: str, method: str) -> str:
    """What people see a map called, by its key and the run's method; the user's maps keep their names."""
    return (_OTHER_LABELS if method == "absolute" else {}).get(key, LABELS.get(key, key))


def method_label(method: str, own: str) -> str:
    """What people see the map of a method called; `own` is that of the run."""
    return MAP_1KM if method == own else map_label(method, own)


def protocol_label(protocol: str, estimate: str, method: str, reconciled: bool, side: int = 36) -> str:
    """What people see an estimate of a protocol, or of a month left out, called.

    `side` is that of the coarse cells from which SMAP is restored, in km.
    """
    if protocol not in RESTORING:
        return STUDY_9KM if estimate == "absolute" else LABELS[estimate]
    if protocol == ONE_SCALE_UP and estimate == delivered(method, reconciled):
        return MAP_ONE_SCALE_UP
    if estimate in ("mean", "linear"):
        return LABELS[estimate]
    return f"SMAP, {side} km" if estimate == "copied" else f"{map_label(estimate, method)}, one scale up"


OWN_MAPS = {
    "coarse": "9 km",
    "fine": "1 km",
    "bilinear": "9 km, bilinear",
    "bilinear_reconciled": "9 km, bilinear, reconciled",
    "absolute": "absolute",
    "absolute_reconciled": "absolute, reconciled",
    "absolute_9km": "study's map at 9 km",
    "detail": "detail",
    "detail_reconciled": "detail, reconciled",
}
"""Columns of the run's own maps in `tables/field_points.csv`, and their names in `tables/field_validation.csv`."""


def map_names(column: str, method: str, of: str = "map") -> dict[str, str]:
    """Name and label of a map of `tables/field_points.csv` in tables: `map`, `label`; or `reference`, …"""
    label = "label" if of == "map" else f"{of}_label"
    return {of: OWN_MAPS.get(column, column), label: map_label(column, method)}


INTERVALS = "total", "conditional"
"""Intervals that are checked: with SMAP's own error, and if the cells that the map is held to are right."""
SCALE_UP_SUPPORT, TRUTH_SUPPORT, MAP_SUPPORT = "9 km, one scale up", "1 km, simulated truth", "1 km"
"""What intervals are of, and checked by: SMAP where it is known, the simulated truth, nothing."""
SUPPORTS = SCALE_UP_SUPPORT, TRUTH_SUPPORT, MAP_SUPPORT

RANKED, MATCHED = " (relative: rank)", ", linearly matched"
"""What follows the name of a map in percent of saturation: where it is compared by rank, and where by m³/m³."""
OWN_COLUMNS = ("pixel", "id", "points", "measurements", "longitude", "latitude", "observed")
"""Columns of `tables/field_points.csv` that are no maps."""

OWN_BANDS = (
    *("row", "col", "lon", "lat", "target", "split", "soil_moisture", "region_fraction", "water", "snow"),
    *("observed", "estimated", "below", "above", "fold"),
    *("absolute", "absolute_reconciled", "detail", "detail_reconciled", "copied", "bilinear", "bilinear_reconciled"),
)
"""Bands, and columns of samples and of intervals' errors, that are no predictors; no layer can be called so."""
