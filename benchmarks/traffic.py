"""What fetching from NASA Earthdata moves and survives: python benchmarks/traffic.py [--smap 16] [--lst 60] [--rate 5].

Simulated granules of real size and layout, on a server of this machine that plays NASA Earthdata over HTTPS.
Prints `name value unit`:

- plan_*: what `snakemake plan` says of the study's run (config/mongolia-2021-08.yaml), on a catalogue of its granules
  with the sizes that NASA's files have: 150.4 MB for SPL4SMGP.008, 73.4 MB for a tile of MOD13A1 full of land, and the
  catalogue's average of 2 MB for MOD11A1.
- smap_traffic_ratio: bytes of all answers, searches included, over the size of the SMAP files whose field is fetched.
- killed_*: the same fetch with 5 % of answers failing at random, killed ten times: whether every byte of the store and
  of the receipts equals the undisturbed fetch's, and how many granules were asked for again that were there already.
- link_use: how fast 200 granules of 2 MB come, Snakemake included, over how fast a bare client with as many
  connections gets them in the same run, on a link of `--rate` MB/s; and how fast they come without that limit.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import requests
from runs import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from earthdata.hosts import CMR
from earthdata.server import Earthdata
from granule_archives import temperature
from large_granules import large_target

from kilomoist.calendars import slots
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name

MONTH = "2021-08"
LST, VEGETATION, TARGET = (PRODUCTS[name] for name in ("MOD11A1.061", "MOD13A1.061", "SPL4SMGP.008"))
TILES = ("h23v03", "h23v04", "h24v03", "h24v04", "h25v03", "h25v04", "h26v04")
CONNECTIONS = 8
KILLS = 10
ONE_BYTE = "bytes=0-0"
"""What the check of the login asks for."""


def receipt(product: str, place: str, time: datetime) -> str:
    return f"resources/receipts/{product}/{place}/{time:%Y-%m-%d}.json"


def smap_granules(folder: Path, count: int) -> list[str]:
    """Write fields of the month in files of real size; returns their receipts."""
    folder.mkdir()
    times = [slot.time for slot in slots(TARGET, MONTH)][:count]
    for moment in times:
        large_target(folder / granule_file_name(TARGET, moment, None), moment)
    return [receipt(TARGET.name, f"{moment:%H%M}", moment) for moment in times]


def lst_granules(folder: Path, count: int) -> list[str]:
    """Write granules of 2 MB, all with the same numbers in them; returns their receipts."""
    folder.mkdir()
    kelvin = np.full((1200, 1200), 300.0)
    kelvin[:, :950] += np.random.default_rng(1).uniform(-10, 10, (1200, 950))
    days = [slot.time for slot in slots(LST, MONTH)]
    chosen = [(tile, day) for tile in TILES for day in days][:count]
    for tile, day in chosen:
        temperature(folder, day.day, kelvin, tile=tile)
    return [receipt(LST.name, tile, day) for tile, day in chosen]


@contextmanager
def serve(folder: Path, **options: Any) -> Iterator[Earthdata]:
    with Earthdata(folder, **options) as earthdata:
        earthdata.prepare()
        yield earthdata


def command(*words: str) -> list[str]:
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    return [*snakemake, "--cores", str(CONNECTIONS), "--config", "source=earthdata", *words]


def fetch(folder: Path, earthdata: Earthdata, receipts: Sequence[str]) -> float:
    """Fetch granules as a user does; returns the seconds that it took."""
    folder.mkdir(exist_ok=True)
    start = time.monotonic()
    done = subprocess.run(
        command("--", *receipts),
        cwd=folder,
        env=os.environ | earthdata.environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\n{done.stderr}\nThe run in {folder} failed.")
    return time.monotonic() - start


def content(folder: Path) -> dict[str, bytes]:
    """Every byte of the store and of the receipts."""
    parts = [folder / "resources" / name for name in ("granules", "receipts")]
    return {
        str(path.relative_to(folder)): path.read_bytes() for part in parts for path in part.rglob("*") if path.is_file()
    }


def stored(folder: Path) -> set[str]:
    """Names of the granules that are complete in the store."""
    return {path.name for path in (folder / "resources/granules").rglob("*") if path.suffix in (".hdf", ".h5")}


def disturbed_fetch(folder: Path, earthdata: Earthdata, receipts: Sequence[str]) -> tuple[int, int, int]:
    """Fetch, killed ten times at random moments, each after a part of the granules came.

    Returns kills, granules that were asked for although they were there, and answers that failed.
    """
    folder.mkdir()
    random = Random(7)
    kills = refetched = 0
    while True:
        there = stored(folder)
        before = len(earthdata.requested())
        process = subprocess.Popen(
            command("--", *receipts),
            cwd=folder,
            env=os.environ | earthdata.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while kills < KILLS and process.poll() is None:
            if len(stored(folder)) >= len(there) + len(receipts) // (KILLS + 2):
                time.sleep(random.uniform(0, 0.5))
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.02)
        code = process.wait()
        if code:
            subprocess.run(command("--unlock"), cwd=folder, capture_output=True, check=True)
        again = {
            request.path.rsplit("/", 1)[-1]
            for request in earthdata.requested()[before:]
            if request.host != CMR and request.headers.get("Range") != ONE_BYTE
        }
        refetched += len(again & there)
        if code == 0:
            failed = sum(request.status in (429, 500, 503) for request in earthdata.requested())
            return kills, refetched, failed


def bare_client(earthdata: Earthdata, names: Sequence[str]) -> float:
    """Seconds in which a client without Snakemake, checks and files gets granules through the same redirects."""
    found = [request for request in earthdata.requested() if request.path.rsplit("/", 1)[-1] in names]
    urls = sorted({f"https://{one.host}{one.path}" for one in found if "lpdaac" in one.host})
    variables = earthdata.environment

    def get(session: requests.Session, url: str) -> int:
        headers = {"Authorization": f"Bearer {earthdata.login.token}", "Accept-Encoding": "identity"}
        return len(session.get(url, headers=headers).content)

    def share(own: Sequence[str]) -> int:
        with requests.Session() as session:
            session.proxies = {"https": variables["HTTPS_PROXY"]}
            session.verify = variables["REQUESTS_CA_BUNDLE"]
            session.trust_env = False
            return sum(get(session, url) for url in own)

    start = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        moved = sum(pool.map(share, [urls[number::CONNECTIONS] for number in range(CONNECTIONS)]))
    if moved != sum(path.stat().st_size for path in earthdata.folder.iterdir()):
        sys.exit(f"The bare client got {moved} bytes.")
    return time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smap", type=int, default=16, help="fields whose traffic is measured")
    parser.add_argument("--lst", type=int, default=60, help="granules of 2 MB in the disturbed fetch")
    parser.add_argument("--rate", type=float, default=5.0, help="MB/s of the link")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan(folder)
        traffic(folder, options.smap, options.lst)
        shutil.rmtree(folder / "granules")
        link(folder, options.rate)


def plan(folder: Path) -> None:
    empty = folder / "nothing"
    empty.mkdir()
    with serve(empty) as earthdata:
        for product, tiles, size in (
            (TARGET, [None], 150_383_099),
            (VEGETATION, TILES, 73_391_166),
            (LST, TILES, 2_000_000),
        ):
            names = [granule_file_name(product, slot.time, tile) for tile in tiles for slot in slots(product, MONTH)]
            earthdata.catalogue.list_only(*names, size=size)
        words = ["--configfile", str(ROOT / "config/mongolia-2021-08.yaml"), "--", "plan"]
        done = subprocess.run(
            command(*words),
            cwd=empty,
            env=os.environ | earthdata.environment,
            capture_output=True,
            text=True,
            check=True,
        )
    rows = [line.split() for line in done.stdout.splitlines()]
    for name in (TARGET.name, VEGETATION.name, LST.name, "all"):
        (numbers,) = (row[1:] for row in rows if row[:1] == [name] and len(row) == 7)
        print(f"plan_granules_{name} {numbers[0]}")
        for what, megabytes in zip(("whole", "moved", "kept"), numbers[3:], strict=True):
            print(f"plan_{what}_{name} {megabytes} MB")


def traffic(folder: Path, smap: int, lst: int) -> None:
    granules = folder / "granules"
    granules.mkdir()
    fields = smap_granules(granules / "smap", smap)
    whole = sum(path.stat().st_size for path in (granules / "smap").iterdir())
    with serve(granules) as earthdata:
        fetch(folder / "smap", earthdata, fields)
        moved = earthdata.sent()
    print(f"smap_files {smap}")
    print(f"smap_whole {whole / 1e6:.1f} MB")
    print(f"smap_moved {moved / 1e6:.2f} MB")
    print(f"smap_traffic_ratio {moved / whole:.4f}")
    shutil.rmtree(folder / "smap")
    receipts = fields + lst_granules(granules / "lst", lst)
    with serve(granules) as earthdata:
        fetch(folder / "plain", earthdata, receipts)
    with serve(granules, failures=0.05, seed=3) as earthdata:
        kills, refetched, failed = disturbed_fetch(folder / "disturbed", earthdata, receipts)
    print(f"killed_times {kills}")
    print(f"killed_failed_answers {failed}")
    print(f"killed_same_bytes {content(folder / 'plain') == content(folder / 'disturbed')}")
    print(f"refetched {refetched}")


def link(folder: Path, rate: float) -> None:
    granules = folder / "granules"
    receipts = lst_granules(granules, 200)
    names = {path.name for path in granules.iterdir()}
    size = sum(path.stat().st_size for path in granules.iterdir())
    catalogues = [f"resources/catalogue/{LST.name}/{tile}/{MONTH}.csv" for tile in TILES]
    for prefix, limit in (("link", rate * 1e6), ("unlimited", None)):
        with serve(granules, rate=limit) as earthdata:
            fetch(folder / prefix, earthdata, catalogues)
            ours = fetch(folder / prefix, earthdata, receipts)
            bare = bare_client(earthdata, names)
        print(f"{prefix}_fetch {size / ours / 1e6:.2f} MB/s")
        print(f"{prefix}_bare_client {size / bare / 1e6:.2f} MB/s")
        if limit:
            print(f"link_granules {len(names)}")
            print(f"link_use {bare / ours:.3f}")


if __name__ == "__main__":
    main()
