"""What files say of their origin."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import kilomoist
from kilomoist.metadata import TITLES, citation, describe
from kilomoist.products import PRODUCTS
from kilomoist.version import RELEASED, VERSION

ROOT = Path(__file__).parents[2]
PRODUCTS_READ = ["SPL4SMGP.008", "MOD13A1.061", "VNP21A1D.002"]


def run(source: str) -> dict[str, str]:
    return {"source": source, "region": "steppe", "month": "2021-08", "target": "SPL4SMGP.008", "alpha": "0.9"}


@pytest.mark.parametrize("source", ["archive", "earthdata"])
def test_a_map_of_real_granules_cites_nasa(source: str) -> None:
    tags = describe(run(source), "soil_moisture", PRODUCTS_READ, ["elevation"])
    assert tags.items() >= run(source).items()
    assert tags["title"] == "soil moisture of 0 to 5 cm, monthly mean, map of 1 km, steppe, 2021-08"
    assert tags["products"] == (
        "SPL4SMGP.008 of 2021-08-01 to 2021-08-31; MOD13A1.061 of 2021-07-28 to 2021-09-13; "
        "VNP21A1D.002 of 2021-08-01 to 2021-08-31; the user's own layers elevation"
    )
    assert (tags["depth"], tags["software"]) == ("0 to 5 cm", f"kilomoist {VERSION} ({RELEASED}), MIT licence")
    for doi in ("10.5067/T5RUATAQREF8", "10.5067/MODIS/MOD13A1.061", "10.5067/VIIRS/VNP21A1D.002"):
        assert f"https://doi.org/{doi}" in tags["references"]
    assert "NSIDC DAAC" in tags["references"]
    assert "LP DAAC" in tags["references"]
    assert f"kilomoist, version {VERSION}" in tags["references"]
    assert "CC0" in tags["license"]
    assert "the user's layers have terms of their own" in tags["license"]
    assert "simulated" not in " ".join(tags.values()).lower()


@pytest.mark.parametrize("source", ["simulated", "archive of simulated granules"])
def test_a_simulated_map_says_so_and_claims_nothing_of_nasa(source: str) -> None:
    tags = describe(run(source), "soil_moisture", PRODUCTS_READ)
    assert tags["title"].startswith("SIMULATED: soil moisture")
    assert tags["origin"].startswith("SIMULATED: ")
    assert "nothing here was measured" in tags["origin"]
    assert "CC0" not in tags["license"]
    assert "doi.org" not in " ".join(tags.values())
    assert "MOD13A1.061 of 2021-07-28 to 2021-09-13" in tags["products"]  # what was simulated


def test_what_follows_from_a_map_keeps_its_origin() -> None:
    tags = describe(run("archive"), "soil_moisture", PRODUCTS_READ)
    interval = describe(tags, "interval")
    assert {name for name in tags if tags[name] != interval[name]} == {"title"}
    assert interval["title"].startswith("where soil moisture of 0 to 5 cm may lie")


def test_texts_are_ascii() -> None:
    for source in ("simulated", "archive"):
        for name in TITLES:
            assert " ".join(describe(run(source), name, PRODUCTS_READ, ["elevation"]).values()).isascii()


@pytest.mark.parametrize("name", PRODUCTS)
def test_dois_are_whole(name: str) -> None:
    """One a product, of NASA's prefix; what no public source confirmed has none."""
    product = PRODUCTS[name]
    unknown = {"VJ113A2.002", "SPL4SMAU.004", "SPL4SMAU.005", "SPL4SMAU.006"}
    assert (product.doi == "") == (name in unknown)
    assert name in unknown or re.fullmatch(
        r"10\.5067/[A-Z0-9]{12}|10\.5067/(MODIS|VIIRS)/" + re.escape(name), product.doi
    )
    assert citation(product).endswith(product.doi)
    assert citation(product).startswith(f"{product.short_name}, version {product.version}, NASA ")


def test_no_two_products_share_a_doi() -> None:
    dois = [product.doi for product in PRODUCTS.values() if product.doi]
    assert len(dois) == len(set(dois))


def test_a_release_is_one_everywhere() -> None:
    """Version and day in the package, in pyproject.toml, CITATION.cff and CHANGELOG.md: docs/release.md."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## \[(\d.*)\] - (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert kilomoist.__version__ == VERSION == project["version"] == cited["version"] == newest[1]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", RELEASED)
    assert str(cited["date-released"]) == RELEASED == newest[2]
