"""What QGIS makes of the rasters of a folder, as JSON, and a picture of each; the Python of QGIS runs it."""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from qgis import core
from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtGui import QColor


def legend(layer: Any) -> list[str]:
    """Texts of a layer's legend; those at the ends of a continuous one."""
    renderer, texts = layer.renderer(), []
    for node in renderer.createLegendNodes(core.QgsLayerTreeLayer(layer)):
        if isinstance(node, core.QgsColorRampLegendNode):
            settings, form = node.settings(), core.QgsNumericFormatContext()
            ends = renderer.classificationMin(), renderer.classificationMax()
            texts += [settings.numericFormat().formatDouble(end, form) + settings.suffix() for end in ends]
        else:
            texts.append(node.data(Qt.DisplayRole))
    return texts


def draw(layer: Any, path: Path) -> None:
    """A picture of a layer, a pixel of it for each of its own."""
    settings = core.QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.extent())
    settings.setOutputSize(QSize(layer.width(), layer.height()))
    settings.setBackgroundColor(QColor("white"))
    job = core.QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(str(path))


def describe(path: Path, pictures: Path) -> dict[str, Any]:
    """What QGIS shows of a raster as it opens it, without being told anything."""
    layer = core.QgsRasterLayer(str(path), path.stem)
    draw(layer, pictures / f"{path.stem}.png")
    return {
        "valid": layer.isValid(),
        "crs": layer.crs().authid(),
        "renderer": layer.renderer().type(),
        "legend": legend(layer),
        "notes": core.QgsLayerNotesUtils.layerNotes(layer),
    }


if __name__ == "__main__":
    application = core.QgsApplication([], False)
    application.initQgis()
    folder, pictures = map(Path, sys.argv[1:])
    print(json.dumps({path.stem: describe(path, pictures) for path in sorted(folder.glob("*.tif"))}))
