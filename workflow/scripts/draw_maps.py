"""Draw the 9 km and the 1 km map side by side, its flags, and the shift of the predictors."""

from kilomoist.files import read_table
from kilomoist.grids import Box
from kilomoist.jobs import rule_script
from kilomoist.reporting.figures.maps import draw_both_maps
from kilomoist.reporting.figures.pages import read_caption
from kilomoist.reporting.figures.quality import draw_quality
from kilomoist.reporting.figures.shift import draw_shift
from kilomoist.reporting.verdicts import briefly
from kilomoist.texts import Language, speaking


@rule_script
def draw_maps(
    *,
    coarse: str,
    fine: str,
    ranges: str,
    verdict: str,
    quality: str,
    flags: str,
    shift: str,
    histograms: str,
    outline: list[str],
    bbox: Box | None,
    outline_layer: str | None,
    maps_figure: str,
    quality_figure: str,
    shift_figure: str,
    language: Language,
) -> None:
    """Write three figures of the map; the region is cut by a layer of the `outline` (none or one) and by the `bbox`."""
    with speaking(language):
        caption, region = read_caption(fine), (next(iter(outline), None), bbox, outline_layer)
        resolution = read_table(ranges).set_index("map")["effective_resolution"]["1 km"]
        said = briefly(read_table(verdict))
        draw_both_maps(maps_figure, coarse, fine, caption, region, resolution, said)
        draw_quality(quality_figure, quality, read_table(flags), caption, region)
        draw_shift(shift_figure, read_table(shift), read_table(histograms), caption)
