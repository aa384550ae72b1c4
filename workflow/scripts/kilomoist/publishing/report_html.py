"""A report as one page of HTML that needs no other file."""

import base64
import re
from html import escape
from pathlib import Path

from kilomoist.publishing.report import Block, Report
from kilomoist.texts import spoken

STYLE = Path(__file__).with_name("report_files") / "report.css"


def html(report: Report) -> str:
    """The page, with its pictures inside."""
    blocks = "\n".join(map(_html, report.blocks))
    return f"""<!DOCTYPE html>
<html lang="{spoken()}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(f"{report.title}: {report.about}")}</title>
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<main>
<h1>{escape(report.title)}</h1>
<p class="about">{escape(report.about)}</p>
{blocks}
</main>
</body>
</html>
"""


def _html(block: Block) -> str:
    if block.kind == "heading":
        return f"<h2>{escape(block.text)}</h2>"
    if block.kind == "paragraph":
        return f"<p>{_linked(block.text)}</p>"
    if block.kind == "note":
        return f'<p class="note">{escape(block.text)}</p>'
    if block.kind == "list":
        return "<ul>\n" + "\n".join(f"<li>{_linked(item)}</li>" for (item,) in block.rows) + "\n</ul>"
    if block.kind == "table":
        header, *rows = block.rows
        head = f"<thead>{_row(header, block.words, 'th')}</thead>"
        body = "\n".join(_row(row, block.words) for row in rows)
        return f'<div class="wide" tabindex="0"><table>{head}\n<tbody>\n{body}\n</tbody></table></div>'
    if block.kind == "pairs":
        rows_of = "\n".join(f'<tr><th scope="row">{escape(k)}</th><td>{escape(v)}</td></tr>' for k, v in block.rows)
        return f'<table class="pairs"><tbody>\n{rows_of}\n</tbody></table>'
    picture = base64.b64encode(Path(block.rows[0][0]).read_bytes()).decode()
    image = f'<img src="data:image/png;base64,{picture}" alt="{escape(block.text)}">'
    caption = f"<figcaption>{escape(block.text)}</figcaption>" if block.text else ""
    return f"<figure>{image}{caption}</figure>"


def _row(cells: list[str], words: list[int], tag: str = "td") -> str:
    """A row of a table; cells in columns of words have a class."""
    scope = ' scope="col"' if tag == "th" else ""
    classes = [' class="words"' if column in words else "" for column in range(len(cells))]
    parts = (f"<{tag}{scope}{of}>{escape(cell)}</{tag}>" for cell, of in zip(cells, classes, strict=True))
    return f"<tr>{''.join(parts)}</tr>"


def _linked(words: str) -> str:
    """Words with their addresses as links."""
    return re.sub(r"https://[^\s<]+", lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(words))
