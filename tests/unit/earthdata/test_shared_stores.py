"""Runs that share one store of granules: processes of their own, each with its working directory and its receipts."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from earthdata.faults import Stalled
from earthdata.hosts import STORE
from earthdata.server import Earthdata
from granule_archives import LST, MONTH, TARGET, TILE, field, temperature
from workflow_runs import ROOT

from kilomoist.calendars import slots
from kilomoist.earthdata.catalogues import search_month, write_catalogue
from kilomoist.earthdata.downloads import Session
from kilomoist.files import read_json, sha256
from kilomoist.grids import M09
from kilomoist.product_types import Product

SERVE = Callable[..., Earthdata]
RUN = """
import logging, sys
from retrieve_granule import retrieve_granule
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
product, place, day = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
retrieve_granule(
    catalogue="catalogue.csv", product=product, place=place, day=day, store="resources/granules", receipt="receipt.json"
)
"""
"""What Snakemake runs of a job, as soon as a line says so."""


@pytest.fixture(scope="module")
def granules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of LST and a field of soil moisture."""
    folder = tmp_path_factory.mktemp("granules")
    random = np.random.default_rng(1)
    temperature(folder, 1, random.uniform(280, 310, (1200, 1200)))
    moisture = np.round(random.uniform(0.05, 0.4, M09.window.shape), 3)
    field(folder, slots(TARGET, MONTH)[0].time, moisture, M09.window)
    return folder


class Runs:
    """Jobs of several runs, which fetch the first granule of a product into one store."""

    def __init__(self, folder: Path, product: Product) -> None:
        self.folder, self.product = folder, product
        (self.entry,) = search_month(product, TILE if product.tiled else None, MONTH, Session())
        self.store = folder / "store" / product.name / self.entry.place

    @contextmanager
    def job(self, name: str) -> Iterator[subprocess.Popen[str]]:
        """A job that waits for a line, in a folder of its own."""
        folder = self.folder / name
        (folder / "resources").mkdir(parents=True)
        (self.folder / "store").mkdir(exist_ok=True)
        (folder / "resources/granules").symlink_to(self.folder / "store")
        write_catalogue(folder / "catalogue.csv", [self.entry])
        command = [sys.executable, "-c", RUN, self.product.name, self.entry.place, self.entry.day]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        paths = {"PYTHONPATH": str(ROOT / "workflow/scripts")}
        with subprocess.Popen(command, cwd=folder, text=True, env=os.environ | paths, **pipes) as job:
            try:
                assert job.stdout.readline() == "ready\n"
                yield job
            finally:
                job.kill()

    def names(self) -> set[str]:
        return {path.name for path in self.store.iterdir()}


def start(job: subprocess.Popen[str]) -> None:
    job.stdin.write("\n")
    job.stdin.flush()


@pytest.mark.parametrize("product", [LST, TARGET], ids=["whole", "field"])
def test_two_runs_fetch_a_granule_once(serve: SERVE, granules: Path, tmp_path: Path, product: Product) -> None:
    """They begin at the same time; the one that waited finds what the other fetched."""
    earthdata = serve(granules, rate=2_000_000)
    runs = Runs(tmp_path, product)
    with ExitStack() as stack:
        jobs = [stack.enter_context(runs.job(name)) for name in ("first", "second")]
        for job in jobs:
            start(job)
        told = [job.communicate(timeout=60)[0] for job in jobs]
        assert [job.returncode for job in jobs] == [0, 0], told
    assert runs.names() == {runs.entry.granule, ".lock"}
    receipts = [read_json(tmp_path / name / "receipt.json") for name in ("first", "second")]
    assert receipts[0] == receipts[1]
    assert receipts[0]["checksum"] == f"sha256:{sha256(runs.store / runs.entry.granule)}"
    assert earthdata.sent(f"{STORE}/*") <= (granules / runs.entry.granule).stat().st_size + 20_000  # and a DMR++
    assert sorted("is there, " in text for text in told) == [False, True]


def test_who_waits_goes_on_where_a_killed_run_stopped(serve: SERVE, granules: Path, tmp_path: Path) -> None:
    earthdata = serve(granules)
    runs = Runs(tmp_path, LST)
    whole = (granules / runs.entry.granule).read_bytes()
    earthdata.faults.add(f"{STORE}/*", Stalled(0.5, seconds=30))
    with runs.job("first") as first, runs.job("second") as second:
        start(first)
        part = runs.store / f"{runs.entry.granule}.part"
        while not (part.exists() and part.stat().st_size > len(whole) // 3):
            assert first.poll() is None
            time.sleep(0.02)
        start(second)
        assert "another process is fetching it" in second.stdout.readline()
        first.send_signal(signal.SIGKILL)
        told, _ = second.communicate(timeout=60)
        assert second.returncode == 0, told
    assert (runs.store / runs.entry.granule).read_bytes() == whole
    assert runs.names() == {runs.entry.granule, ".lock"}
    began = [request.headers.get("Range", "") for request in earthdata.requested(f"{STORE}/*")]
    assert began[0] == ""
    assert int(began[1].removeprefix("bytes=").removesuffix("-")) > len(whole) // 3
