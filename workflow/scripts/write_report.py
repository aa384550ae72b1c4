"""Write the report of a run, as a page and as a PDF."""

from pathlib import Path

from kilomoist.files import read_json, read_table, replaced
from kilomoist.jobs import rule_script
from kilomoist.publishing.report import Run, report_of
from kilomoist.publishing.report_html import html
from kilomoist.publishing.report_pdf import pdf
from kilomoist.rasters import read_tags
from kilomoist.texts import Language, speaking


@rule_script
def write_report(
    *,
    soil_moisture: str,
    provenance: str,
    interval: list[str],
    tables: list[str],
    figures: list[str],
    language: Language,
    page: str,
    document: str,
) -> None:
    """Write the `page` (HTML) and the `document` (PDF)."""
    run = Run(
        read_json(provenance),
        read_tags(soil_moisture),
        {Path(path).stem: read_table(path) for path in tables},
        {Path(path).stem: path for path in figures},
        read_tags(interval[0]) if interval else None,
    )
    with speaking(language):
        report = report_of(run)
        with replaced(page) as partial:
            partial.write_text(html(report), encoding="utf-8")
        with replaced(document) as partial:
            partial.write_bytes(pdf(report))
