"""The whole workflow from NASA Earthdata, which a server on loopback plays with simulated granules."""

import os
import socket
from collections.abc import Callable
from contextlib import chdir, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import pytest
from earthdata.answers import EULA, NOT_FOUND
from earthdata.hosts import CMR, STORE
from earthdata.server import Earthdata
from granule_archives import LST, TILE, temperature
from workflow_runs import (
    DEMO,
    MONTH,
    SMALL,
    WITHOUT_FIGURES,
    copy_tree,
    files,
    holding,
    identical,
    kill_once,
    link,
    once,
    planned,
    rules,
    snakemake,
    succeed,
)

from kilomoist.earthdata.catalogues import read_catalogue
from kilomoist.files import read_json, sha256
from kilomoist.planning import needs
from kilomoist.products import PRODUCTS
from retrieve_granule import retrieve_granule

CONFIG = SMALL | {"source": "earthdata", "target_error": 0}
FETCHING = {"list_granules", "retrieve_granule"}
CONTENT = ("MOD11A1.061", "MOD13A1.061", "SPL4SMGP.008")
TEN_DAYS = [f"resources/receipts/{LST.name}/{TILE}/{MONTH}-{day:02d}.json" for day in range(1, 11)]
"""Ten granules are enough to see how fetching goes wrong."""


def offline() -> dict[str, str]:
    """An environment without network and login."""
    nowhere = "http://127.0.0.1:9"
    return {"HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere, "EARTHDATA_TOKEN": "", "HOME": "/nonexistent"}


@pytest.fixture(scope="session")
def archive(demo: Path) -> Path:
    """The simulated granules of `demo`."""
    return demo / "resources/simulated/small-2021"


@pytest.fixture
def earthdata(serve: Callable[..., Earthdata], archive: Path) -> Earthdata:
    """NASA Earthdata with the simulated granules."""
    return serve(archive)


def with_points(archive: Path) -> dict[str, Any]:
    return CONFIG | {"field_points": str(archive / "truth" / MONTH / "field_points.csv")}


@pytest.fixture(scope="session")
def fetched(archive: Path, shared: Path) -> Path:
    """The run of `demo` again, its granules fetched; read it, do not change it. What the server saw is beside it.

    240 of the 282 granules are fetched here by what their jobs call, because to start a job takes longer than to fetch.
    """

    def make(folder: Path) -> None:
        with Earthdata(archive) as server:
            asked = {"config": with_points(archive), "cores": 4, "variables": server.environment}
            succeed(folder, "--until", "list_granules", **asked)
            with chdir(folder), patch.dict(os.environ, server.environment):
                fetch_fields()
            done = succeed(folder, *WITHOUT_FIGURES, **asked)
            (folder / "output.txt").write_text(done.output)
            names = [path.name for path in archive.rglob("*") if path.suffix in (".hdf", ".h5")]
            told = {
                "secrets": server.secrets[:1],
                "fetched": {name: server.fetched(name) for name in names},
                "bearers": [one.host for one in server.requested() if "Authorization" in one.headers],
                "searches": len(server.requested(f"{CMR}/*")),
                "ranges": [one.headers.get("Range") for one in server.requested(f"{STORE}/*.h5")],
            }
            pd.Series(told).to_json(folder / "told.json")

    return once(shared, "fetched", make)


def fetch_fields() -> None:
    """Fetch the target's fields of all days but the first into this folder."""
    product = "SPL4SMGP.008"
    catalogue = needs.CATALOGUE.format(product=product, extent="global", month=MONTH)
    for entry in read_catalogue(catalogue, PRODUCTS[product])[8:]:
        granule = {"product": product, "place": entry.place, "day": entry.day}
        receipt = needs.RECEIPT.format(**granule)
        Path(receipt).parent.mkdir(parents=True, exist_ok=True)
        retrieve_granule(catalogue=catalogue, **granule, store="resources/granules", receipt=receipt)


# The whole run


def test_fetched_granules_give_the_same_map(demo: Path, fetched: Path) -> None:
    """The files of samples and model name their source, and so differ in that alone."""
    assert identical(demo, fetched) == ["samples.parquet", "model.skops"]
    samples = [pd.read_parquet(folder / DEMO / "samples.parquet") for folder in (demo, fetched)]
    pd.testing.assert_frame_equal(*samples, check_exact=True)


def test_every_granule_is_fetched_once_and_fields_alone(fetched: Path) -> None:
    told = read_json(fetched / "told.json")
    counts = {Path(name).suffix: set() for name in told["fetched"]}
    for name, count in told["fetched"].items():
        counts[Path(name).suffix].add(count)
    assert counts == {".hdf": {1}, ".h5": {0}}
    assert len(told["ranges"]) == 248 + 1  # and one byte, to see whether the login may have it
    assert all(told["ranges"])
    assert set(told["bearers"]) == {"data.lpdaac.earthdatacloud.nasa.gov", "data.nsidc.earthdatacloud.nasa.gov"}


def test_no_file_and_no_message_holds_the_token(fetched: Path) -> None:
    (secret,) = read_json(fetched / "told.json")["secrets"]
    assert holding(fetched, secret) == [fetched / "told.json"]


def test_receipts_and_provenance_say_what_was_used(fetched: Path, archive: Path) -> None:
    (original,) = archive.rglob("MOD11A1.A2021213.*.hdf")
    receipt = read_json(fetched / TEN_DAYS[0])
    assert receipt["name"] == original.name
    assert receipt["checksum"] == f"sha256:{sha256(original)}"
    assert receipt["size"] == original.stat().st_size
    assert sha256(fetched / receipt["path"]) == sha256(original)
    inventories = read_json(fetched / DEMO / "provenance.json")["granules"]
    used = {granule["name"]: granule for inventory in inventories for granule in inventory["granules"]}
    assert used[original.name]["sha256"] == sha256(original)
    assert len(used) == 31 + 3 + 248


def test_a_second_call_has_nothing_to_do_and_needs_nobody(fetched: Path, archive: Path) -> None:
    done = snakemake(fetched, "--dry-run", *WITHOUT_FIGURES, config=with_points(archive), variables=offline())
    assert "Nothing to be done" in done.output, done.output


# Plans


def test_a_plan_needs_neither_catalogue_nor_login(tmp_path: Path) -> None:
    done = succeed(tmp_path, "--dry-run", config=CONFIG, variables=offline())
    assert ["retrieve_granule", "282"] in [line.split() for line in done.output.splitlines()]
    assert files(tmp_path, "resources", "results") == set()


def test_the_traffic_is_told_before_anything_is_fetched(earthdata: Earthdata, tmp_path: Path) -> None:
    """Without a login; and again whenever it is asked for."""
    earthdata.catalogue.forget("*20210801T013000*")
    for _ in range(2):
        done = succeed(tmp_path, "--", "plan", config=CONFIG, variables={"EARTHDATA_TOKEN": ""})
        lines = [line.split() for line in done.output.splitlines() if line.startswith(("MOD", "SPL"))]
        rows = {words[0]: words[1:4] for words in lines if words[0] in CONTENT}
        assert rows == {
            "MOD11A1.061": ["31", "0", "0"],
            "MOD13A1.061": ["3", "0", "0"],
            "SPL4SMGP.008": ["248", "1", "0"],
        }
    assert not earthdata.requested("data.*")


def test_a_plan_without_network_says_so_once_before_any_job(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        proxy = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    done = snakemake(tmp_path, "--", "plan", config=CONFIG, variables={"HTTPS_PROXY": proxy, "https_proxy": proxy})
    assert "NASA's catalogue (CMR) did not answer the search for" in done.sentence()
    assert "list_granules" not in {path.split("/")[2] for path in files(tmp_path, "results/logs")}


def test_a_plan_of_what_is_not_fetched_says_so_and_what_the_run_needs(tmp_path: Path) -> None:
    told = succeed(tmp_path, "--", "plan", config=SMALL).output
    assert "Nothing is fetched from NASA Earthdata by this configuration." in told
    assert "The run needs about " in told
    assert not files(tmp_path, "resources")


def test_another_region_and_another_month_fetch_only_what_they_need(fetched: Path, archive: Path) -> None:
    config = with_points(archive)
    second = {"name": "west", "bbox": [84, 46.5, 85, 47.5]}
    pending = planned(fetched, config | {"regions": [*SMALL["regions"], second]})
    new = {file.path for file in pending if file.rule in FETCHING}
    assert new
    assert all("h23v04" in path for path in new)
    left_out = {*WITHOUT_FIGURES, "write_report"}
    assert not [file for file in pending if file.path.startswith(DEMO) and file.rule not in left_out]
    pending = planned(fetched, config | {"months": [MONTH, "2021-09"]})
    days = {Path(file.path).stem for file in pending if file.rule == "retrieve_granule"}
    assert {day[:7] for day in days} == {"2021-09"}
    assert len(days) == 30


@pytest.mark.parametrize("module", ["earthdata/store.py", "products.py", "earthdata/downloads.py"])
def test_an_edit_of_the_library_fetches_nothing(fetched: Path, archive: Path, tmp_path: Path, module: str) -> None:
    tree = copy_tree(tmp_path / "tree")
    path = tree / "workflow/scripts/kilomoist" / module
    path.write_text(path.read_text() + "\n\n_EDITED = True\n")
    pending = rules(planned(fetched, with_points(archive), tree))
    assert not pending & FETCHING
    assert ("composite_tile" in pending) == (module == "products.py")


# Refusals


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"EARTHDATA_TOKEN": ""}, "There is no Earthdata login"),
        ({"EARTHDATA_TOKEN": "not-a-token-of-anybody"}, "NASA refused EARTHDATA_TOKEN (HTTP 401)"),
        ({"EARTHDATA_TOKEN": "", "EARTHDATA_USERNAME": "me"}, "EARTHDATA_PASSWORD is not"),
        (
            {"EARTHDATA_TOKEN": "", "EARTHDATA_USERNAME": "me", "EARTHDATA_PASSWORD": "w0rd-of-me"},
            "refused the user name and password",
        ),
    ],
)
def test_a_login_is_checked_before_anything_is_fetched(
    earthdata: Earthdata, tmp_path: Path, variables: dict[str, str], expected: str
) -> None:
    own = {"HOME": str(tmp_path)} | variables
    done = snakemake(tmp_path / "run", config=CONFIG, variables=own)
    assert expected in done.sentence()
    assert "w0rd-of-me" not in done.output
    assert not earthdata.requested(f"{STORE}/*")
    assert files(tmp_path / "run", "resources", "results") == set()
    # And nothing is in the way of the next try.
    assert "locked" not in snakemake(tmp_path / "run", config=CONFIG, variables=own).output


def test_an_unaccepted_licence_is_told_before_anything_is_fetched(earthdata: Earthdata, tmp_path: Path) -> None:
    earthdata.faults.add("data.nsidc*", EULA, times=None)
    done = snakemake(tmp_path, config=CONFIG)
    assert "log in at https://urs.earthdata.nasa.gov/approve_app" in done.sentence()
    assert not files(tmp_path, "resources")


# What goes wrong on the way


def test_what_failed_is_named_and_the_rest_is_kept(earthdata: Earthdata, tmp_path: Path) -> None:
    gone, absent = "*MOD11A1.A2021214*", "*MOD11A1.A2021215*"
    earthdata.faults.add(f"{STORE}/{gone}", NOT_FOUND, times=None)
    earthdata.catalogue.forget(absent)
    done = snakemake(tmp_path, *TEN_DAYS, config=CONFIG, cores=2)
    assert done.code == 1
    assert "Traceback" not in done.output
    assert "1 granules could not be fetched; all others are kept" in done.output
    assert f"  {TEN_DAYS[1]}: MOD11A1.A2021214.h24v04" in done.output
    assert {path for path in TEN_DAYS if (tmp_path / path).exists()} == set(TEN_DAYS) - {TEN_DAYS[1]}
    assert read_json(tmp_path / TEN_DAYS[2]) == {"absent": True, "product": LST.name}
    earthdata.faults.clear()
    before = len(earthdata.requested(f"{STORE}/*.hdf"))
    succeed(tmp_path, *TEN_DAYS, config=CONFIG)
    # The one that was missing, and one byte for the login.
    assert len(earthdata.requested(f"{STORE}/*.hdf")) == before + 2


def fetching(folder: Path, pattern: str) -> set[tuple[str, int]]:
    """Files of a pattern below `resources` that hold anything, with their sizes: others when one came or grew."""
    found = set()
    for path in (folder / "resources").glob(pattern):
        with suppress(FileNotFoundError):  # renamed since it was listed
            found.add((path.name, path.stat().st_size))
    return {(name, size) for name, size in found if size}


def test_a_killed_fetch_continues_and_fetches_nothing_twice(
    serve: Callable[..., Earthdata], archive: Path, tmp_path: Path
) -> None:
    """Killed while it fetches, when it has kept a granule, and while it fetches again; every tenth answer fails."""
    folder, earthdata = tmp_path / "run", serve(archive, failures=0.1, rate=400_000)
    for pattern in ("granules/**/*.part", "receipts/**/*.json", "granules/**/*.part"):
        before = fetching(folder, pattern)

        def grown(pattern: str = pattern, before: set = before) -> set:
            return fetching(folder, pattern) - before

        kill_once(grown, folder, *TEN_DAYS, config=CONFIG, cores=2)
        succeed(folder, "--unlock", config=CONFIG)
    assert not all((folder / path).exists() for path in TEN_DAYS)
    succeed(folder, *TEN_DAYS, config=CONFIG, cores=2)
    names = [read_json(folder / path)["name"] for path in TEN_DAYS]
    assert max(earthdata.fetched(name) for name in names) == 1
    for path in TEN_DAYS:
        receipt = read_json(folder / path)
        (original,) = archive.rglob(receipt["name"])
        assert (folder / receipt["path"]).read_bytes() == original.read_bytes()
    assert not list(folder.rglob("*.part"))


def test_only_changed_granules_are_fetched_again(
    fetched: Path, archive: Path, earthdata: Earthdata, tmp_path: Path
) -> None:
    """NASA has replaced one granule; then only what follows from that is computed again."""
    folder = tmp_path / "run"
    link(fetched, folder)
    config = with_points(archive)
    (old,) = archive.rglob("MOD11A1.A2021213.*.hdf")
    other = temperature(tmp_path / "new", 1, 305.0)
    earthdata.catalogue.replace(old.name, other)
    changed = folder / TEN_DAYS[0]
    before = {path: path.read_bytes() for path in (folder / "resources/receipts").rglob("*.json")}
    month = [f"resources/receipts/{LST.name}/{TILE}/{MONTH}-{day:02d}.json" for day in range(1, 32)]
    succeed(folder, "--forcerun", "list_granules", "--", *month, config=config, cores=4)
    assert {path for path, content in before.items() if path.read_bytes() != content} == {changed}
    assert read_json(changed)["checksum"] == f"sha256:{sha256(other)}"
    assert sum(earthdata.fetched(name.name) for name in archive.rglob("*.hdf")) == 1
    pending = {file.path for file in planned(folder, config) if file.rule in {"composite_tile", "average_target"}}
    assert pending == {
        f"results/composites/earthdata/{product}/{TILE}/{MONTH}{suffix}"
        for product in (LST.name, "MOD13A1.061")
        for suffix in (".tif", ".granules.json")
    }


def test_a_granule_that_vanished_from_the_store_is_named(fetched: Path, archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    link(fetched, folder)
    granule = Path(read_json(folder / TEN_DAYS[0])["path"])
    (folder / granule).unlink()
    config = with_points(archive) | {"quality": {"temperature": "fair"}}
    done = snakemake(folder, *WITHOUT_FIGURES, config=config, variables=offline())
    assert f"{granule} was fetched but is no longer there: delete {TEN_DAYS[0]}" in done.sentence()
