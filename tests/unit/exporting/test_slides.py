"""The slide: its size, what it says, and that it comes out the same twice."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from small_runs import ACROSS, CELLS, Window, write_run

from kilomoist.exporting.slides import draw_slide
from kilomoist.texts import speaking

WIDE = Window(200, 3000, 2, 40)
NOWHERE = None, None, None


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


@pytest.mark.parametrize("cells", [CELLS, ACROSS, WIDE], ids=["square", "across", "wide"])
def test_a_slide_is_filled_and_says_what_it_shows(tmp_path: Path, cells: Window) -> None:
    run = write_run(tmp_path, cells=cells)
    figure = draw_slide(tmp_path / "slide.png", run / "soil_moisture.tif", NOWHERE, 6.6)
    picture = imread(tmp_path / "slide.png")
    assert picture.shape[:2] == (1080, 1920)
    said = words(figure)
    for text in ("Soil moisture", "plain  ·  August 2021", "m³/m³", "km", "SPL4SMGP.008", "6.6 km", "no value"):
        assert text in said, text
    assert "nothing is measured" not in said
    renderer = FigureCanvasAgg(figure).get_renderer()
    (legend,) = figure.legends
    _, bar = figure.axes
    for text in (*figure.texts, *legend.get_texts(), bar.yaxis.label):
        box = text.get_window_extent(renderer)
        assert 0 <= box.x0 < box.x1 <= 1920, text
        assert 0 <= box.y0 < box.y1 <= 1080, text


def test_a_simulated_map_is_marked(tmp_path: Path) -> None:
    run = write_run(tmp_path, source="simulated")
    figure = draw_slide(tmp_path / "slide.png", run / "soil_moisture.tif", NOWHERE)
    assert "simulated: nothing is measured" in words(figure)
    assert "nan" not in words(figure)


def test_a_slide_speaks_mongolian(tmp_path: Path) -> None:
    """Nothing of it is in English but names, and nothing stands over anything else."""
    run = write_run(tmp_path, source="simulated")
    with speaking("mn"):
        figure = draw_slide(tmp_path / "slide.png", run / "soil_moisture.tif", NOWHERE, 6.6)
    said = words(figure)
    assert "Хөрсний чийг" in said
    assert not {"Soil", "simulated", "value", "region", "Method", "resolution"} & set(re.findall(r"\w+", said))
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.texts]
    boxes += [axes.get_window_extent(renderer) for axes in figure.axes]
    assert not any(one.padded(10).overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert all(box.x1 <= 1920 for box in boxes)


def test_the_same_map_gives_the_same_slide(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    slides = [tmp_path / f"{number}.png" for number in range(2)]
    for slide in slides:
        draw_slide(slide, run / "soil_moisture.tif", NOWHERE, np.nan)
    assert slides[0].read_bytes() == slides[1].read_bytes()
