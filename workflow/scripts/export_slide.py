"""Draw the map as a slide."""

from kilomoist.exporting.slides import draw_slide
from kilomoist.files import read_table
from kilomoist.grids import Box
from kilomoist.jobs import rule_script
from kilomoist.texts import Language, speaking


@rule_script
def export_slide(
    *,
    soil_moisture: str,
    ranges: str,
    outline: list[str],
    bbox: Box | None,
    outline_layer: str | None,
    slide: str,
    language: Language,
) -> None:
    """Draw the map; the region is cut by a layer of the `outline` (none or one) and by the `bbox`."""
    resolution = read_table(ranges).set_index("map")["effective_resolution"]["1 km"]
    with speaking(language):
        draw_slide(slide, soil_moisture, (next(iter(outline), None), bbox, outline_layer), resolution)
