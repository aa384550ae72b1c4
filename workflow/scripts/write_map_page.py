"""Write the page of a map, which a browser opens without a server and without a network."""

from kilomoist.grids import Box
from kilomoist.jobs import rule_script
from kilomoist.publishing.map_page import MappedRun, compose_map_page
from kilomoist.texts import Language, speaking


@rule_script
def write_map_page(
    *,
    coarse: str,
    fine: str,
    quality: str,
    predictors: str,
    verdict: str,
    interval: list[str],
    points: list[str],
    outline: list[str],
    bbox: Box | None,
    outline_layer: str | None,
    use: list[str],
    products: list[str],
    language: Language,
    page: str,
) -> None:
    """Write `map.html`; interval, field points and outline are none or one file each."""
    run = MappedRun(coarse, fine, quality, predictors, verdict, next(iter(interval), None), next(iter(points), None))
    with speaking(language):
        compose_map_page(page, run, (next(iter(outline), None), bbox, outline_layer), use, products)
