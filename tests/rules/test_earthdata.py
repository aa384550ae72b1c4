"""Rules of earthdata.smk, each alone, against a server that plays NASA Earthdata."""

import os
import shutil
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest
from earthdata.hosts import STORE
from earthdata.server import Earthdata
from granule_archives import INDEX, LST, MONTH, PASSES, TARGET, TILE, field, passes, temperature
from rule_bench import CONFIG, Bench
from viirs_granules import viirs_granule
from workflow_runs import files, holding, planned, rules, snakemake, succeed

from kilomoist.calendars import slots
from kilomoist.earthdata.catalogues import read_catalogue
from kilomoist.files import read_json, sha256
from kilomoist.granules.smap import read_target
from kilomoist.grids import M09, Window
from kilomoist.products import PRODUCTS
from kilomoist.rasters import read_raster

pytestmark = pytest.mark.usefixtures("nasa")
LST_CATALOGUE = f"resources/catalogue/{LST.name}/{TILE}/{MONTH}.csv"
TARGET_CATALOGUE = f"resources/catalogue/{TARGET.name}/global/{MONTH}.csv"


@pytest.fixture
def nasa(serve: Callable[..., Earthdata], tmp_path_factory: pytest.TempPathFactory) -> Earthdata:
    """Two days of LST on one tile, and one field."""
    folder = tmp_path_factory.mktemp("nasa")
    for number in (3, 4):
        temperature(folder, number, 300.0 + number)
    field(folder, slots(TARGET, MONTH)[0].time, np.full(M09.window.shape, 0.2), M09.window)
    return serve(folder)


@pytest.fixture
def fetching(bench: Bench) -> Bench:
    bench.config = {**bench.config, "source": "earthdata", "archive": None}
    return bench


def test_list_granules(fetching: Bench, nasa: Earthdata) -> None:
    log = fetching.run("list_granules", LST_CATALOGUE, variables={"EARTHDATA_TOKEN": ""})
    assert "2 granules" in log
    entries = read_catalogue(fetching.folder / LST_CATALOGUE, LST)
    assert [entry.day for entry in entries] == ["2021-08-03", "2021-08-04"]
    for entry in entries:
        (path,) = nasa.folder.glob(entry.granule)
        assert entry.size == path.stat().st_size
    fetching.run("list_granules", TARGET_CATALOGUE)
    (entry,) = read_catalogue(fetching.folder / TARGET_CATALOGUE, TARGET)
    assert (entry.day, entry.place) == ("2021-08-01", "0130")


def test_retrieve_granule_whole(fetching: Bench, nasa: Earthdata) -> None:
    fetching.run("list_granules", LST_CATALOGUE)
    (original,) = nasa.folder.glob("MOD11A1.A2021215*")
    receipt, stored = f"resources/receipts/{LST.name}/{TILE}/2021-08-03.json", f"{LST.name}/{TILE}/{original.name}"
    log = fetching.run("retrieve_granule", receipt, kept=[f"resources/granules/{stored}"])
    assert f"({original.stat().st_size} bytes), verified by its size, SHA-256 and reading" in log
    assert (fetching.folder / "resources/granules" / stored).read_bytes() == original.read_bytes()
    expected = {
        "checksum": f"sha256:{sha256(original)}",
        "name": original.name,
        "origin": {
            "algorithm": "SHA-256",
            "checksum": read_catalogue(fetching.folder / LST_CATALOGUE, LST)[0].checksum,
            "size": original.stat().st_size,
            "verified": "verified by its size, SHA-256 and reading",
        },
        "path": f"resources/granules/{stored}",
        "product": LST.name,
        "size": original.stat().st_size,
    }
    assert read_json(fetching.folder / receipt) == expected


def test_retrieve_granule_part(fetching: Bench, nasa: Earthdata) -> None:
    fetching.run("list_granules", TARGET_CATALOGUE)
    (original,) = nasa.folder.glob("SMAP*")
    receipt = f"resources/receipts/{TARGET.name}/0130/2021-08-01.json"
    stored = f"resources/granules/{TARGET.name}/0130/{original.name}"
    log = fetching.run("retrieve_granule", receipt, kept=[stored])
    assert "fetched alone by its DMR++" in log
    np.testing.assert_array_equal(read_target(fetching.folder / stored, TARGET)[0], read_target(original, TARGET)[0])
    content = (fetching.folder / receipt).read_bytes()
    # The receipt alone is made again: what is in the store is taken as it is.
    (fetching.folder / receipt).unlink()
    shutil.rmtree(fetching.folder / "results")
    before = len(nasa.requested(f"{STORE}/*"))
    log = fetching.run("retrieve_granule", receipt)
    assert "is there, part of the catalogue's granule, field read" in log
    assert (fetching.folder / receipt).read_bytes() == content
    assert len(nasa.requested(f"{STORE}/*")) == before + 1  # one byte, for the login


def test_a_store_may_be_a_link(fetching: Bench, nasa: Earthdata, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As of runs that share it; what was being written there and was left for more than a week is removed."""
    store = tmp_path_factory.mktemp("store")
    fetching.path("resources/granules").symlink_to(store)
    left = store / ".partial-0123456789ab-1@another-host@file.h5"
    left.touch()
    os.utime(left, (0, 0))
    fetching.run("list_granules", TARGET_CATALOGUE)
    assert not left.exists()
    receipt = f"resources/receipts/{TARGET.name}/0130/2021-08-01.json"
    fetching.run("retrieve_granule", receipt)
    (original,) = nasa.folder.glob("SMAP*")
    stored = store / TARGET.name / "0130" / original.name
    assert read_json(fetching.folder / receipt)["checksum"] == f"sha256:{sha256(stored)}"


def test_retrieve_granule_absent(fetching: Bench) -> None:
    fetching.run("list_granules", LST_CATALOGUE)
    receipt = f"resources/receipts/{LST.name}/{TILE}/2021-08-05.json"
    log = fetching.run("retrieve_granule", receipt)
    assert "NASA's catalogue has no such granule" in log
    assert read_json(fetching.folder / receipt) == {"absent": True, "product": LST.name}


def test_a_password_is_in_no_file_and_no_message(
    fetching: Bench, nasa: Earthdata, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nor the token that it is exchanged for. From the environment, and from a netrc file."""
    home = tmp_path_factory.mktemp("home")
    netrc = home / ".netrc"
    netrc.write_text(f"machine urs.earthdata.nasa.gov login {nasa.login.user} password {nasa.login.password}\n")
    netrc.chmod(0o600)
    both = {"EARTHDATA_USERNAME": nasa.login.user, "EARTHDATA_PASSWORD": nasa.login.password}
    fetching.run("list_granules", LST_CATALOGUE)
    for day, own in (("03", both), ("04", {"HOME": str(home)})):
        receipt = f"resources/receipts/{LST.name}/{TILE}/2021-08-{day}.json"
        (original,) = nasa.folder.glob(f"MOD11A1.A20212{12 + int(day)}*")
        stored = f"resources/granules/{LST.name}/{TILE}/{original.name}"
        log = fetching.run("retrieve_granule", receipt, kept=[stored], variables={"EARTHDATA_TOKEN": ""} | own)
        assert "verified" in log
    assert len(nasa.requested("urs.earthdata.nasa.gov/api/*")) == 2  # once a run of Snakemake, not once a job
    assert holding(fetching.folder, *nasa.secrets) == []


def test_malformed_credentials_are_shown_nowhere(fetching: Bench, nasa: Earthdata) -> None:
    """A search needs none, and sends none; a retrieval refuses them before any job."""
    secret = "Tr0ub4dor-and-3"
    token = {"EARTHDATA_TOKEN": f"{secret}\r\nX-Injected: {secret}é"}
    password = {"EARTHDATA_TOKEN": "", "EARTHDATA_USERNAME": "me", "EARTHDATA_PASSWORD": f"{secret}\n{secret}"}
    fetching.run("list_granules", LST_CATALOGUE, variables=token)
    receipt = f"resources/receipts/{LST.name}/{TILE}/2021-08-03.json"
    for variables, expected in ((token, "EARTHDATA_TOKEN is no token"), (password, "cannot be sent")):
        done = snakemake(fetching.folder, "--", receipt, config=fetching.config, variables=variables)
        assert done.code != 0
        assert expected in done.output
        assert secret not in done.output
        assert "Traceback" not in done.output
    assert holding(fetching.folder, secret) == []
    assert not [one for one in nasa.requested() if "Authorization" in one.headers or "X-Injected" in one.headers]


def test_plan_leaves_nothing_but_catalogues(fetching: Bench) -> None:
    done = succeed(fetching.folder, "--", "plan", config=fetching.config, variables={"EARTHDATA_TOKEN": ""})
    rows = {words[0]: words[1:4] for words in map(str.split, done.output.splitlines()) if len(words) == 7}
    assert rows[LST.name] == ["31", "29", "0"]
    assert rows[TARGET.name] == ["248", "247", "0"]
    assert f"NASA's catalogue has no granule of {INDEX.name} for {MONTH} on the tiles {TILE} of region" in done.output
    new = files(fetching.folder, "results", "resources")
    assert {tuple(path.split("/")[:3]) for path in new} == {
        ("results", "logs", "plan"),
        ("results", "logs", "list_granules"),
        ("results", "benchmarks", "list_granules"),
        *(("resources", "catalogue", name) for name in (LST.name, INDEX.name, TARGET.name)),
    }


def test_doctor_reports_whatever_the_source_and_whatever_fails(fetching: Bench, nasa: Earthdata) -> None:
    """And keeps what is secret: the token, the password, the name of the user."""
    used = {**fetching.config, "predictors": {"use": ["lst_day"]}}
    broken = nasa.login.token[:60] + "\n" + nasa.login.token[60:]
    for source, token, code in (("earthdata", nasa.login.token, 0), ("simulated", "", 1), ("earthdata", broken, 1)):
        variables = {"EARTHDATA_TOKEN": token, "HOME": str(fetching.folder)}
        done = snakemake(fetching.folder, "--", "doctor", config={**used, "source": source}, variables=variables)
        assert done.code == code, done.output
        report = read_json(fetching.folder / "results/doctor.json")
        lines = [line for line in done.output.splitlines() if line.startswith(("ok  ", "note  ", "FAILED "))]
        assert [line[7:] for line in lines] == [finding["sentence"] for finding in report["findings"]]
        assert ("FAILED" in done.output) == (code == 1)
        assert "send this file in: results/doctor.json" in (done.sentence() if code else done.output)
        secrets = (*nasa.secrets, *broken.split(), nasa.login.user)
        assert not [secret for secret in secrets if secret in done.output]
        assert holding(fetching.folder, *secrets) == []
    assert files(fetching.folder, "results", "resources") == {"results/doctor.json", "results/logs/doctor/doctor.log"}


def test_a_month_of_viirs_is_planned_fetched_and_composited(fetching: Bench, serve: Callable[..., Earthdata]) -> None:
    """Periods begin every 8 days; each counts for half of the days that it shares with the month.

    Of six the last is not there; of day and night there is the night.
    """
    index, night = PRODUCTS["VJ113A2.002"], PRODUCTS["VNP21A1N.002"]
    folder = fetching.folder / "nasa"
    folder.mkdir()
    periods = {datetime(2021, 7, 20): 2, datetime(2021, 7, 28): 6, datetime(2021, 8, 5): 8, datetime(2021, 8, 13): 8}
    periods[datetime(2021, 8, 21)] = 5.5
    good = {"1 km 16 days pixel reliability": 0, "1 km 16 days VI Quality": 1 << 11}
    for number, first in enumerate(periods, 1):
        viirs_granule(folder, index, first, TILE, good | {"1 km 16 days NDVI": 1000 * number})
    viirs_granule(folder, night, datetime(2021, 8, 3), TILE)
    nasa = serve(folder)
    predictors = {"vegetation": index.name, "temperature": night.name, "use": ["ndvi", "lst_night"]}
    config = {**fetching.config, "predictors": predictors}
    done = succeed(fetching.folder, "--", "plan", config=config, variables={"EARTHDATA_TOKEN": ""})
    rows = {words[0]: words[1:4] for words in map(str.split, done.output.splitlines()) if len(words) == 7}
    assert rows[index.name] == ["6", "1", "0"]
    assert rows[night.name] == ["31", "30", "0"]
    composite = f"results/composites/earthdata/{index.name}/{TILE}/{MONTH}.tif"
    succeed(fetching.folder, "--", composite, config=config, cores=2)
    bands = read_raster(fetching.folder / composite)[0]
    days = sum(periods.values())
    expected = sum(0.1 * number * days for number, days in enumerate(periods.values(), 1)) / days
    np.testing.assert_allclose(bands["ndvi"], expected, rtol=1e-6)
    np.testing.assert_allclose(bands["ndvi_days"], days, rtol=1e-6)
    told = read_json(fetching.folder / composite.replace(".tif", ".granules.json"))
    used = {granule["name"]: granule["sha256"] for granule in told["granules"]}
    assert used == {path.name: sha256(path) for path in folder.glob("VJ113A2*")}
    assert {nasa.fetched(name) for name in used} == {1}


# Outlines of countries. What is fetched of one is used in `test_stack_block`.


@pytest.fixture
def of_country(bench: Bench) -> Bench:
    bench.config = {**bench.config, "regions": [bench.config["regions"][0] | {"country": "MNG"}]}
    return bench


def test_fetch_outline_is_planned_for_a_country_only(of_country: Bench) -> None:
    assert "fetch_outline" not in rules(planned(of_country.folder, CONFIG))
    pending = planned(of_country.folder, of_country.config)
    assert {file.path for file in pending if file.rule == "fetch_outline"} == {"resources/outlines/MNG.geojson"}


def test_fetch_outline_tells_what_natural_earth_has(of_country: Bench, nasa: Earthdata) -> None:
    nasa.countries = [{"type": "Feature", "properties": {"ADM0_A3": "KAZ"}}]
    path = "resources/outlines/MNG.geojson"
    done = snakemake(of_country.folder, "--", path, config=of_country.config)
    assert done.sentence() == "Natural Earth has no country MNG: its ADM0_A3 codes are KAZ."
    assert not (of_country.folder / path).exists()


def test_a_granule_of_two_passes_comes_whole(fetching: Bench, nasa: Earthdata) -> None:
    """SPL3SMP_E has an underscore in its name, and a granule a day."""
    original = passes(nasa.folder, 3, Window(300, 3000, 1, 2), (0.2, [[0, 1]]), (0.3, [[8, 0]]))
    nasa.catalogue.scan(nasa.folder)
    fetching.config["target"] = PASSES.name
    catalogue = f"resources/catalogue/{PASSES.name}/global/{MONTH}.csv"
    fetching.run("list_granules", catalogue)
    (entry,) = read_catalogue(fetching.folder / catalogue, PASSES)
    assert (entry.granule, entry.day, entry.place) == (original.name, "2021-08-03", "0000")
    assert (entry.size, entry.sidecar) == (original.stat().st_size, "")
    receipt, stored = (
        f"resources/receipts/{PASSES.name}/0000/2021-08-03.json",
        f"resources/granules/{PASSES.name}/0000/{original.name}",
    )
    log = fetching.run("retrieve_granule", receipt, kept=[stored])
    assert "whole file fetched" in log
    assert (fetching.folder / stored).read_bytes() == original.read_bytes()
    assert read_json(fetching.folder / receipt)["checksum"] == f"sha256:{sha256(original)}"
