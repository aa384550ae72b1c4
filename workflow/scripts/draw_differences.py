"""Draw what each product sees more than the first one."""

from kilomoist.files import read_table
from kilomoist.jobs import rule_script
from kilomoist.reporting.figures.pages import read_caption
from kilomoist.reporting.figures.product_differences import draw_differences as draw
from kilomoist.texts import Language, speaking


@rule_script
def draw_differences(
    *, target: str, differences: str, units: dict[str, str], product_differences_figure: str, language: Language
) -> None:
    """Write the figure of a table; `target` is a raster that says of what run it is."""
    with speaking(language):
        draw(product_differences_figure, read_table(differences), units, read_caption(target))
