"""Draw how often the intervals hold what they are compared with, and how wide they are."""

from kilomoist.files import read_table
from kilomoist.jobs import rule_script
from kilomoist.reporting.figures.coverage import draw_coverage as draw
from kilomoist.reporting.figures.pages import read_caption
from kilomoist.texts import Language, speaking


@rule_script
def draw_coverage(*, target: str, coverage: str, coverage_figure: str, language: Language) -> None:
    """Write a figure of the table; `target` is a raster that says of what run it is."""
    with speaking(language):
        draw(coverage_figure, read_table(coverage), read_caption(target))
