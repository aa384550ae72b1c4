"""A report as a PDF, set by typst with the fonts that it brings, which hold Cyrillic."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import typst

from kilomoist.publishing.report import Report
from kilomoist.texts import spoken, text

TEMPLATE = Path(__file__).with_name("report_files") / "report.typ"


def pdf(report: Report) -> bytes:
    """The document; the same report gives the same bytes, whatever fonts a machine has."""
    content = asdict(report) | {"language": spoken(), "page": text("report.page", number="#", total="@")}
    with TemporaryDirectory() as name:
        folder = Path(name)
        for number, block in enumerate(content["blocks"]):
            if block["kind"] == "picture":
                shutil.copyfile(block["rows"][0][0], folder / f"{number}.png")
                block["rows"] = [[f"{number}.png"]]
        (folder / "content.json").write_text(json.dumps(content), encoding="utf-8")
        shutil.copyfile(TEMPLATE, folder / TEMPLATE.name)
        fonts = typst.Fonts(include_system_fonts=False)
        return typst.compile(folder / TEMPLATE.name, root=folder, font_paths=fonts)
