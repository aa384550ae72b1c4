"""Texts of the pages, by key: nothing that a reader sees stands anywhere else. `{name}` is replaced by a value."""

PAGE_TEXTS = {
    # Both pages
    "language": "en",
    "map_title": "Soil moisture, monthly mean",
    "region_title": "Soil moisture by month",
    "no_value": "no value",
    "no_script": (
        "This page needs a browser with JavaScript: the numbers behind it are in soil_moisture.tif, beside it."
    ),
    "failed": "This browser cannot show the map: take one of 2024 or later, or open soil_moisture.tif, beside it.",
    "simulated": (
        "Simulated data: computed, not measured. They show how the method works and say nothing of a real place."
    ),
    "links": "Files of this result",
    "report": "Report",
    "readme": "What the files are",
    "tables": "Tables",
    "provenance": "Provenance",
    "all_months": "All months",
    "map_help": (
        "Map. Arrow keys move the cursor by a pixel of 1 km, with Shift by ten; plus and minus zoom, 0 shows the "
        "whole region, Enter keeps the value."
    ),
    "zoom_in": "Zoom in",
    "zoom_out": "Zoom out",
    "zoom_whole": "Show the whole region",
    "place": "centre of the pixel",
    "outside": "outside of the map",
    "north": "N",
    "south": "S",
    "east": "E",
    "west": "W",
    "km": "{number} km",
    "m": "{number} m",
    "legend": "Legend",
    "licences": "Licences of the software in this page",
    # map.html
    "left": "Left of the divider",
    "right": "Right of the divider",
    "show_points": "field points",
    "layer_width": "Width of the interval",
    "layer_flags": "Flags",
    "layer_difference": "map minus SMAP",
    "most_severe_flag": "Most severe flag of the pixel",
    "divider": "Divider between two layers",
    "divider_at": "{percent} %: {left} on the left, {right} on the right",
    "at_cursor": "At the cursor",
    "interval": "interval, {percent} %",
    "interval_from_to": "{low} to {high}\N{NO-BREAK SPACE}{unit}",
    "smap_of_the_cell": "SMAP, 9 km cell",
    "flags": "flags",
    "field_point": "field point {id}",
    "hint": "Move over the map, or with the arrow keys. A click, or Enter, keeps the value.",
    "kept": "Kept values",
    "none_kept": "None yet.",
    "remove_number": "Remove value {number}",
    "kept_number": "Value {number} is kept.",
    "copy": "Copy as CSV",
    "csv": "Kept values as CSV",
    "copied": "Copied.",
    "copy_yourself": "The browser does not allow it: copy the lines yourself.",
    "go_to": "Go to a place",
    "longitude": "Longitude (° E)",
    "latitude": "Latitude (° N)",
    "go": "Go",
    "choose_point": "Field point",
    "no_point": "none chosen",
    "verdict_title": "Is the map better than interpolated SMAP?",
    "about": "About this map",
    "made_from": "Made from {products}. Software: kilomoist, with OpenLayers and proj4 in this page.",
    "about_values": (
        "Values come from the data in this page, to 0.0005 m³/m³; soil_moisture.tif, beside it, holds all digits."
    ),
    "about_colours": (
        "Colours span the 2nd to 98th percentile of the values; what lies beyond has the colour of the end."
    ),
    "about_interval": (
        "The interval holds the error of SMAP too: it is meant for the value of a pixel, not for the pattern "
        "within a cell."
    ),
    "about_projection": (
        "Drawn in a projection around the region’s centre that keeps areas. The scale bar is the length on the "
        "globe, from west to east, at the centre of the view."
    ),
    # index.html
    "month": "Month",
    "layer": "Layer",
    "open_map": "Open this month’s map",
    "region_hint": "One scale of colours for all months. A click, or Enter, shows the place in all months.",
    "averaged": "Drawn in squares of {number} km: each month’s own map has all pixels.",
    "series": "Series",
    "series_of_region": "Mean of the region.",
    "series_of": "Mean of the region, and {place}.",
    "map_mean": "map, 1 km: mean of the region",
    "smap_mean": "SMAP, 9 km: mean of the region",
    "map_here": "map, 1 km: here",
    "smap_here": "SMAP, 9 km: here",
    "months": "Months",
    "series_means": "Means are of the pixels that the month’s map has, and of SMAP at the same pixels.",
    "column_map_mean": "map, mean (m³/m³)",
    "column_smap_mean": "SMAP, mean (m³/m³)",
    "column_map_here": "map, here",
    "column_smap_here": "SMAP, here",
    "column_scale_up": "one scale up",
    "column_points": "at field points",
    "column_truth": "against the simulated truth",
    "column_open": "open",
    "about_verdicts": (
        "The last columns compare the map with interpolated SMAP, whose RMSE (m³/m³) stands behind the map’s: one "
        "scale up, where SMAP at 9 km is known and restored from coarser cells; at field points; against the truth "
        "where data are simulated."
    ),
    "verdict_rmse": "{verdict} ({map} / {smap})",
    "verdict_better": "better",
    "verdict_worse": "worse",
    "verdict_equal": "equal",
    "verdict_not_better": "not better",
    "verdict_cannot_be_told": "cannot be told",
    "open_report": "report",
    "open_page": "map",
    "month_1": "January",
    "month_2": "February",
    "month_3": "March",
    "month_4": "April",
    "month_5": "May",
    "month_6": "June",
    "month_7": "July",
    "month_8": "August",
    "month_9": "September",
    "month_10": "October",
    "month_11": "November",
    "month_12": "December",
}
"""In English."""
