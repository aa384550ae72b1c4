"""The report and the README of a run, as who gets the folder sees them."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from workflow_runs import DEMO

from kilomoist.files import read_json
from kilomoist.publishing.public_files import GROUPS, groups_of
from kilomoist.publishing.readme import region_readme, run_readme
from kilomoist.publishing.report import Report, Run, report_of
from kilomoist.publishing.report_html import html
from kilomoist.publishing.report_pdf import pdf
from kilomoist.rasters import read_tags
from kilomoist.texts import LANGUAGES, TEXTS, Language, speaking

needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler's tools are not installed")


@pytest.fixture(scope="module")
def run(demo: Path) -> Run:
    folder = demo / DEMO
    return Run(
        read_json(folder / "provenance.json"),
        read_tags(folder / "soil_moisture.tif"),
        {path.stem: pd.read_parquet(path) for path in (folder / "tables/full").iterdir()},
        {path.stem: path for path in (folder / "figures").iterdir()},
        read_tags(folder / "interval.tif"),
    )


def report(run: Run, language: Language) -> Report:
    with speaking(language):
        return report_of(run)


def pages(path: Path) -> list[str]:
    """What each page of a PDF says."""
    said = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout
    return said.rstrip("\f").split("\f")


def assert_no_key_is_left(said: str) -> None:
    assert not [key for key in TEXTS if "." in key and not key.startswith("readme.") and f" {key} " in said]
    assert not re.search(r"\{\w+\}", said)


@needs_poppler
def test_the_pdf_of_a_run_has_few_pages_and_the_numbers_of_its_tables(demo: Path) -> None:
    said = pages(demo / DEMO / "report.pdf")
    assert 2 <= len(said) <= 4
    whole = " ".join(" ".join(said).split())
    assert_no_key_is_left(whole)
    maps = pd.read_csv(demo / DEMO / "tables/maps.csv").set_index("map").loc["1 km"]
    assert f"{maps['mean']:.3f} m³/m³ of water" in whole
    scores = pd.read_csv(demo / DEMO / "tables/scores.csv")
    own = scores[scores["label"] == "map, one scale up"].iloc[0]
    assert re.search(rf"map, one scale up +{own['n']:.0f} +{own['rmse']:.4f}", " ".join(said))
    field = pd.read_csv(demo / DEMO / "tables/field_validation.csv").set_index("label").loc["map, 1 km"]
    assert f"{field['r']:.2f} ({field['r_low']:.2f} … {field['r_high']:.2f})" in whole
    for sentence in pd.read_csv(demo / DEMO / "tables/verdict.csv")["sentence"]:
        told = sentence.removesuffix("The data are simulated.")  # said once, in a box
        assert "".join(told.split()) in "".join(whole.split())
    assert "Simulated data: computed, not measured." in whole
    assert "https://doi.org/10.5067/T5RUATAQREF8" in whole
    assert "all 282 granules of the month were there" in whole


@needs_poppler
@pytest.mark.parametrize("language", LANGUAGES)
def test_fonts_are_embedded_and_letters_come_out_again(run: Run, tmp_path: Path, language: Language) -> None:
    path = tmp_path / "report.pdf"
    with speaking(language):
        made = report_of(run)
        path.write_bytes(pdf(made))
        assert path.read_bytes() == pdf(report_of(run))
    fonts = subprocess.run(["pdffonts", str(path)], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert fonts
    assert all(line.split()[-5:-2] == ["yes", "yes", "yes"] for line in fonts)
    said = pages(path)
    assert 2 <= len(said) <= 4
    whole = " ".join(" ".join(said).split())
    assert_no_key_is_left(whole)
    assert made.title in whole
    for block in made.blocks:
        if block.kind == "paragraph":
            assert "".join(block.text.split()) in "".join(whole.split())
    if language == "mn":
        assert "Хөрсний өнгөн 5 см-ийн үед" in whole
        # Names of products, files and settings are the only words of another alphabet.
        assert not re.search(r"\b(the|and|of|is|map|which)\b", whole.split("kilomoist developers")[0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_needs_nothing_else(run: Run, language: Language) -> None:
    with speaking(language):
        made = html(report_of(run))
        assert made == html(report_of(run))
    assert f'<html lang="{language}">' in made
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', made)
    assert sources
    assert {source.split(":")[0] for source in sources} == {"data", "https"}  # pictures, and links of citations
    assert all(source.startswith("data:image/png") for source in re.findall(r'src="([^"]{0,30})', made))
    assert not re.search(r"<(script|link|iframe)|@import|url\(", made)
    assert made.count("<img ") == 3
    assert_no_key_is_left(re.sub(r"data:[^\"]*", "", made))


def test_a_run_without_intervals_points_and_all_granules_says_so(run: Run) -> None:
    granules = run.tables["granules"].assign(absent="2021213 2021214", found=lambda table: table["expected"] - 2)
    tables = {name: table for name, table in run.tables.items() if name not in ("coverage", "field_validation")}
    tables["scores"] = run.tables["scores"].assign(
        rmse=float("nan"), note="3 complete cells of 36 km, 50 are needed to learn"
    )
    less = Run(run.provenance, run.tags, tables | {"granules": granules}, {})
    said = "\n".join(block.text for block in report(less, "en").blocks)
    assert "This run made no intervals" in said
    assert "No field points lie on the map" in said
    assert "6 of 282 granules were not there: MOD13A1.061 2021213" in said
    assert "The map could not be scored: 3 complete cells of 36 km" in said
    assert not [block for block in report(less, "en").blocks if block.kind == "picture"]


def words(run: Run) -> str:
    return "\n".join(block.text for block in report(run, "en").blocks)


@pytest.mark.parametrize(
    ("error", "left", "said"),
    [
        ("0", "0", "they take it as 0 (target_error), so that both are the same"),
        ("0.06", "0.06", "they take it to be 0.06 m³/m³ (target_error)."),
        ("0.06", "0.0204", "0.06 m³/m³ (target_error), of which 0.020 is left"),
    ],
)
def test_intervals_hold_the_error_that_was_taken(run: Run, error: str, left: str, said: str) -> None:
    taken = {"target_error": f"{error} m3 m-3", "target_error_left": f"{left} m3 m-3"}
    told = words(replace(run, interval={**run.interval, **taken}))
    assert told.count(said) == 2
    assert ("holds SMAP's own error too" in told) == (error != "0")


def test_a_region_too_small_for_intervals_is_no_wish_of_the_user(run: Run) -> None:
    none = {**run.interval, "interval": "none: the region is too small to count errors one scale up"}
    told = words(replace(run, interval=none, tables=run.tables | {"coverage": run.tables["coverage"].iloc[:0]}))
    assert "too small to count errors" in told
    assert "map.interval: null" not in told


def test_what_intervals_held_is_judged(run: Run) -> None:
    coverage = run.tables["coverage"].query("group == 'all'").iloc[:3]
    coverage = coverage.assign(coverage=[0.99, 0.7, 0.94], width=[0.04, float("inf"), 0.03])
    made = report(replace(run, tables=run.tables | {"coverage": coverage}), "en")
    (table,) = (block.rows for block in made.blocks if block.kind == "table" and "Held" in block.rows[0])
    held, width = (table[0].index(name) for name in ("Held", "Mean width (m³/m³)"))
    assert table[1][held] == "99\N{NO-BREAK SPACE}%, wider than needed here"
    assert table[2][held] == "70\N{NO-BREAK SPACE}%, narrower than meant here"
    assert table[2][width] == "no end"
    assert table[3][held] == "94\N{NO-BREAK SPACE}%"
    assert table[-1][:2] == ["field points", "of a probe"]


def test_the_answer_stands_before_the_sentences(run: Run) -> None:
    kinds = [block.kind for block in report(run, "en").blocks]
    answer = report(run, "en").blocks[kinds.index("list") - 1].text
    assert answer.startswith("Better than “SMAP, bilinear”?")


def test_a_method_that_leaves_nothing_out_is_told_so(run: Run) -> None:
    model = {**run.configuration["model"], "method": "absolute"}
    absolute = replace(run, provenance={**run.provenance, "configuration": {**run.configuration, "model": model}})
    assert "that it did not learn from" in words(run)
    assert "that it did not learn from" not in words(absolute)


def test_a_region_of_the_west_and_south_is_told_by_its_sides(run: Run) -> None:
    regions = [{"name": "steppe", "bbox": [178, -18.5, -178, 16], "country": None, "outline": {"path": "a.gpkg"}}]
    provenance = {**run.provenance, "configuration": {**run.configuration, "regions": regions}}
    made = report(Run(provenance, run.tags, run.tables, {}), "en")
    (pairs,) = (block for block in made.blocks if block.kind == "pairs")
    assert pairs.rows[0] == ["Region", "steppe, 178°E – 178°W, 18.5°S – 16°N, a.gpkg"]


def test_text_of_a_user_is_no_markup(run: Run, tmp_path: Path) -> None:
    """Typst and HTML read # < & and others as their own."""
    hostile = '#panic("x") <b>&amp; $x$ *y* _z_ \\u{1} @ref'
    table = run.tables["verdict"].assign(verdict="cannot be told", reason=hostile, gain=float("nan"))
    changed = Run(run.provenance, run.tags, {**run.tables, "verdict": table}, run.figures)
    made = report(changed, "en")
    assert "&lt;b&gt;&amp;amp;" in html(made)
    (path := tmp_path / "report.pdf").write_bytes(pdf(made))
    if shutil.which("pdftotext"):
        assert "".join(hostile.split()) in "".join(" ".join(pages(path)).split())


def test_readme_tells_of_every_file_of_the_run(demo: Path) -> None:
    folder = demo / DEMO
    said = (folder / "README.txt").read_text(encoding="utf-8")
    assert max(map(len, said.splitlines())) <= 88
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_file() and groups_of([name]):
            told = next(iter(groups_of([name]).values()))[0]
            assert told in said, name
    assert said.index("Open first") < said.index("soil_moisture.tif") < said.index("provenance.json")
    assert "Simulated data" in said
    assert "map.html" not in said or (folder / "map.html").exists()
    beside = {path.relative_to(folder).parts[0] for path in folder.rglob("*.*") if path.is_file()} - {"README.txt"}
    names = said + " tables figures"
    assert [name for name in beside if name not in names and not name.endswith((".qml", ".aux.xml"))] == []
    assert "they take it as 0" in said


def test_readme_of_a_region_tells_its_months() -> None:
    said = region_readme("here", ["2021-07", "2021-08"], ["README.txt", "tables/months.csv"])
    assert re.search(r"2021-07/ +July 2021\n2021-08/ +August 2021\n", said)
    assert "tables/*.csv" in said
    assert "exports/" in said
    assert "soil_moisture.tif" not in said


def test_readme_in_mongolian() -> None:
    run = {"source": "earthdata", "region": "here", "month": "2021-08"}
    with speaking("mn"):
        said = run_readme(run, ["report.pdf", "soil_moisture.tif", "tables/maps.csv"], ["SPL4SMGP.008"])
    assert "Хөрсний чийгийн" in said
    assert "interval.tif" not in said


def test_design_names_the_public_files() -> None:
    design = (Path(__file__).parents[3] / "docs/design.md").read_text(encoding="utf-8")
    listed = design.split("Files of a run that people rely on")[1].split("\n## ")[0]
    names = [name for group in GROUPS.values() for name in group if name != "index.html"]
    assert [name for name in names if f"`{name}`" not in listed] == []
