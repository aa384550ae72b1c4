"""Names that users meet in tables and figures, and those that no predictor of theirs may have."""

SMAP_9KM, MAP_1KM = "SMAP, 9 km", "map, 1 km"
"""What people see SMAP's cells and the delivered map called."""

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
RANKED, MATCHED = " (relative: rank)", ", linearly matched"
"""What follows the name of a map in percent of saturation: where it is compared by rank, and where by m³/m³."""
OWN_COLUMNS = ("pixel", "id", "points", "measurements", "longitude", "latitude", "observed")
"""Columns of `tables/field_points.csv` that are no maps."""

OWN_BANDS = (
    *("row", "col", "lon", "lat", "target", "split", "soil_moisture", "region_fraction", "water", "snow"),
    *("observed", "estimated", "below", "above", "fold"),
)
"""Bands, and columns of samples and of intervals' errors, that are no predictors; no layer can be called so."""
