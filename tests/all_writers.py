"""A file of every kind that the workflow writes; run as a program, what becomes of each on a disk that fails.

`python tests/all_writers.py FOLDER ERRNO:ROOM …` prints a line of JSON for each kind and disk. With `failing_writes.c`
preloaded, what is beyond ROOM bytes of a file fails with ERRNO, else as a file that grows too large.
"""

import json
import logging
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from granule_archives import MONTH, TARGET, TILE
from little_room import little_room
from small_region import CELLS, USE, fitted, moisture, sample_table
from small_runs import write_run

from kilomoist.errors import InputError
from kilomoist.exporting.datasets import write_netcdf, write_zarr
from kilomoist.files import replaced, write_json, write_table
from kilomoist.grids import M01, Window
from kilomoist.jobs import job
from kilomoist.learning.models import save
from kilomoist.mapping.applicability import applicability, write_applicability
from kilomoist.predictors.samples import write_samples
from kilomoist.products import PRODUCTS
from kilomoist.publishing.report import Block, Report
from kilomoist.publishing.report_html import html
from kilomoist.publishing.report_pdf import pdf
from kilomoist.rasters import write_raster
from kilomoist.reporting.figures.pages import new_page
from kilomoist.simulation.landscapes import write_landscape
from kilomoist.simulation.smap import compress_target, write_target_granule
from kilomoist.simulation.tiles import write_tiled_granule

TIME = datetime(2021, 8, 13)


def _draw(path: Path) -> None:
    with new_page(path, "Title", "Caption", "", (3.0, 3.0)) as figure:
        figure.add_subplot()


def _report(path: Path) -> None:
    report = Report("Title", "about", [Block("paragraph", "words " * 2000)])
    with replaced(path) as partial:
        partial.write_bytes(pdf(report) if path.suffix == ".pdf" else html(report).encode())


def _raster(path: Path, cloud_optimized: bool) -> None:
    values = np.random.default_rng(1).random((300, 410)).astype(np.float32)
    write_raster(path, {"a": values}, M01, Window(1900, 26900, 300, 410), {"month": MONTH}, None, cloud_optimized)


def _applicability(path: Path) -> None:
    x = np.random.default_rng(1).random((200, 3))
    write_applicability(path, applicability(x, np.arange(200) % 3, np.ones(3), 1), {"predictors": USE})


def _log(path: Path) -> None:
    """A job that logs much and fails: its sentence is on standard error, whatever becomes of the log."""
    try:
        with job(path):
            for number in range(300):
                logging.getLogger("another").info("message %d", number)
            raise InputError("The sentence of a job.")
    except SystemExit:
        logging.basicConfig(force=True)


def writers(run: Path) -> dict[str, Callable[[Path], None]]:
    """Writers of each kind of file, by a name of such a file; some of them read `run`, the folder of `write_run`."""
    table, model = sample_table(), fitted("absolute")
    hdf4, hdf5 = PRODUCTS["MOD11A1.061"], PRODUCTS["VNP21A1D.002"]
    field, noise = compress_target(CELLS, moisture(CELLS)), np.random.default_rng(1).random((5, 100, 100))
    return {
        "table.csv": lambda path: write_table(path, table),
        "table.parquet": lambda path: write_table(path, table),
        "samples.parquet": lambda path: write_samples(path, table, USE),
        "content.json": lambda path: write_json(path, list(range(20_000))),
        "plain.tif": lambda path: _raster(path, False),
        "cloud_optimized.tif": lambda path: _raster(path, True),
        "figure.png": _draw,
        "figure.svg": _draw,
        "figure.pdf": _draw,
        "report.pdf": _report,
        "report.html": _report,
        "applicability.npz": _applicability,
        "landscape.npz": lambda path: write_landscape(path, {"noise": noise}),
        "model.skops": lambda path: save(path, model),
        "run.nc": lambda path: write_netcdf(path, run),
        "months.zarr": lambda path: write_zarr(path, [run]),
        "tile.hdf": lambda path: write_tiled_granule(path, replace(hdf4, pixels=240), TILE, TIME, {}),
        "tile.h5": lambda path: write_tiled_granule(path, replace(hdf5, pixels=240), TILE, TIME, {}),
        "target.h5": lambda path: write_target_granule(path, TARGET, TIME, field),
        "job.log": _log,
    }


def main(folder: Path, *disks: str) -> None:
    is_preloaded = "LD_PRELOAD" in os.environ
    for name, write in writers(write_run(folder / "run")).items():
        for disk in disks:
            errno, room = disk.split(":")
            target = folder / disk / name
            target.parent.mkdir(parents=True)
            os.environ.update(FAILING_PATH=str(target.parent), FAILING_ROOM=room, FAILING_ERRNO=errno)
            said: list[str] = []
            try:
                with nullcontext() if is_preloaded else little_room(int(room)):
                    write(target)
            except Exception as error:  # for the test to judge
                said = [type(error).__name__, str(error)]
            os.environ["FAILING_PATH"] = ""
            left = [path.name for path in target.parent.iterdir()]
            print(json.dumps({"file": str(target), "disk": disk, "said": said, "left": left}), flush=True)
            shutil.rmtree(target.parent)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
