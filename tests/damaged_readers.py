"""Every reader of files that the workflow has, with a small file that it reads: for `fuzzing`."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
import yaml
from earthdata.sidecars import sidecar
from fuzzing import Reader
from granule_archives import INDEX, LST, MONTH, PASSES, TARGET, TILE, day, field, passes, temperature, vegetation
from ismn_archives import file_name, header_values, hourly, write_archive
from small_region import CELLS, TAGS, USE, moisture, sample_table, stack, write_model, write_sample_table
from viirs_granules import viirs_granule
from workflow_runs import SMALL

from kilomoist.calendars import slots
from kilomoist.configuration.keys import Points
from kilomoist.configuration.loading import check_file
from kilomoist.configuration.schema import load
from kilomoist.earthdata.catalogues import Entry, read_catalogue, write_catalogue
from kilomoist.earthdata.logins import find_login
from kilomoist.earthdata.subsets import UnknownLayoutError, layout_from_sidecar
from kilomoist.errors import InputError
from kilomoist.exporting.points import read_places
from kilomoist.granules.archive import index_granules, write_receipt
from kilomoist.granules.smap import read_target
from kilomoist.granules.tiles import read_datasets
from kilomoist.grids import M01
from kilomoist.learning.learners import predict_mean
from kilomoist.learning.models import load as load_model
from kilomoist.mapping.applicability import applicability, read_applicability, write_applicability
from kilomoist.outlines import read_outline, read_zones
from kilomoist.predictors.layers import StaticLayer, warp_layer
from kilomoist.predictors.samples import read_samples
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS
from kilomoist.rasters import read_raster, write_raster
from kilomoist.reporting.field_points import PointSettings, read_points
from kilomoist.reporting.matching import read_at
from kilomoist.reporting.stations import read_stations
from kilomoist.simulation.file_names import granule_file_name

VIIRS = PRODUCTS["VNP13A2.002"]


def _moisture(folder: Path, product: Product = TARGET) -> Path:
    return field(
        folder,
        slots(product, MONTH)[0].time,
        np.linspace(0.1, 0.4, CELLS.rows * CELLS.columns).reshape(CELLS.shape),
        CELLS,
        product,
    )


def _of_target(path: Path) -> Any:
    values, known, window = read_target(path, TARGET)
    return values[known].tobytes(), known.tobytes(), window


def _of_passes(path: Path) -> Any:
    values, known, window = read_target(path, PASSES)
    return values[known].tobytes(), window


def _tile(product: Product) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        found = read_datasets(path, product, product.datasets_of(product.layers))
        return {name: numbers.tobytes() for name, numbers in sorted(found.items())}

    return read


def _textured(shape: tuple[int, int], low: int, high: int) -> np.ndarray:
    """Numbers that a stream of few bytes holds, and that differ from place to place."""
    row, column = np.indices(shape)
    return low + (row // 40 + column // 30) % (high - low)


def _temperature(folder: Path) -> Path:
    return temperature(folder, 1, 290 + 0.02 * _textured((1200, 1200), 0, 900))


def _vegetation(folder: Path) -> Path:
    values = _textured((1200, 1200), 500, 7000)
    return vegetation(
        folder,
        datetime(2021, 7, 28),
        dict.fromkeys(("NDVI", "EVI"), values) | {"VI Quality": 2112, "pixel reliability": 0},
    )


def _viirs(folder: Path) -> Path:
    return viirs_granule(folder, VIIRS, slots(VIIRS, MONTH)[0].time, TILE)


def _raster(folder: Path) -> Path:
    path = folder / "predictors.tif"
    write_raster(path, stack(CELLS), M01, CELLS.refined(9), TAGS)
    return path


def _compared(path: Path) -> Any:
    places = pd.DataFrame({"longitude": np.linspace(98, 101, 50), "latitude": np.linspace(46, 48, 50)})
    return read_at(path, places).tobytes()


def _layer(path: Path) -> Any:
    return warp_layer(StaticLayer("elevation", path, "average", band=1), CELLS, CELLS).tobytes()


def _model(path: Path) -> Any:
    model = load_model(path)
    return predict_mean(model.estimator, sample_table()[list(model.predictors)].to_numpy(np.float32)).tobytes()


def _written(name: str, write: Callable[[Path], Any]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write(folder / name)
        return folder / name

    return make


def _netrc(folder: Path) -> Path:
    path = folder / "netrc"
    path.write_text("machine urs.earthdata.nasa.gov login somebody password secret\n")
    path.chmod(0o600)
    return path


def _login(path: Path) -> Any:
    path.chmod(0o600)
    os.environ["NETRC"] = str(path)
    login = find_login()
    return login.user, login.password


def _table(name: str, frame: pd.DataFrame) -> Callable[[Path], Path]:
    return _written(name, lambda path: frame.to_csv(path, index=False))


def _zone(path: Path) -> None:
    frame = geopandas.GeoDataFrame(
        {"NAME": ["A", "B"]}, geometry=[shapely.box(98, 46, 99, 47), shapely.box(99, 46, 100, 47)], crs=4326
    )
    frame.to_file(path)


def _outline(path: Path) -> Any:
    return read_outline(path).area.wkb


def _configuration(path: Path) -> Any:
    check_file(path)
    return repr(load(yaml.safe_load(path.read_text(encoding="utf-8"))))


def _zones(path: Path) -> Any:
    found = read_zones(path, name="NAME")
    return found.names, [area.wkb for area in found.areas]


def _archive(folder: Path) -> Path:
    return write_archive(folder / "ismn.zip", {file_name("A"): header_values(hourly("2021/08/01 00:00", 31 * 24))})


def _stations(path: Path) -> None:
    read_stations(path, MONTH, (0.0, 5.0), 0, 1)


def _catalogue(path: Path) -> None:
    name = granule_file_name(LST, day(1), TILE)
    address = f"https://data.lpdaac.earthdatacloud.nasa.gov/lp-prod-protected/MOD11A1.061/{name[:-4]}/{name}"
    entry = Entry(name, "2021-08-01", TILE, address, f"{address}.dmrpp", 700, "ab" * 32, "SHA-256", "", 700)
    write_catalogue(path, [entry, entry])


def _receipt(folder: Path) -> Path:
    granule, receipt = _moisture(folder), folder / "receipt.json"
    os.chdir(folder)
    write_receipt(receipt, TARGET.name, Path(granule.name), {"verified": "checksum"})
    return receipt


def _received(path: Path) -> Any:
    os.chdir(next(place for place in path.parents if list(place.glob("*.h5"))))
    return sorted(index_granules([path], TARGET).values())


def _sidecar(folder: Path) -> Path:
    path = folder / "granule.h5.dmrpp"
    path.write_bytes(sidecar(_moisture(folder)))
    return path


def _layout(path: Path) -> Any:
    try:
        return layout_from_sidecar(path.read_bytes(), TARGET.layers["soil_moisture"].dataset)
    except UnknownLayoutError as error:
        raise InputError(f"{error}.") from error


def _applicability(path: Path) -> None:
    table = sample_table()
    x = table[USE].to_numpy(float)
    known = applicability(x, np.arange(len(x)) % 5, np.ones(len(USE)), 1)
    write_applicability(path, known, {"predictors": USE, "tags": {}, "learned": []})


def _known(path: Path) -> Any:
    known, facts = read_applicability(path)
    return repr(facts), known is not None and known.dissimilarity(np.zeros((1, len(USE)))).tobytes()


POINT_KEYS = PointSettings(**Points().reading)
POINTS = pd.DataFrame(
    {"id": [f"P{n}" for n in range(20)], "longitude": np.linspace(98, 101, 20), "latitude": 47.0, "soil_moisture": 0.2}
)
READERS = {
    reader.name: reader
    for reader in (
        Reader("MOD11A1", _temperature, _tile(LST), is_checked=True),
        Reader("MOD13A2", _vegetation, _tile(INDEX), is_checked=True),
        Reader("VNP13A2", _viirs, _tile(VIIRS), is_checked=True),
        Reader("SPL4SMGP", _moisture, _of_target, is_checked=True),
        Reader(
            "SPL3SMP_E",
            lambda folder: passes(folder, 1, CELLS, (moisture(CELLS), 0), (moisture(CELLS), 0)),
            _of_passes,
            is_checked=True,
        ),
        Reader("DMR++", _sidecar, _layout, is_text=True),
        Reader(
            "catalogue",
            _written("catalogue.csv", _catalogue),
            lambda path: repr(read_catalogue(path, LST)),
            is_text=True,
        ),
        Reader("receipt", _receipt, _received, is_text=True),
        Reader("netrc", _netrc, _login, is_text=True),
        Reader(
            "configuration",
            _written("c.yaml", lambda path: path.write_text(yaml.safe_dump(SMALL))),
            _configuration,
            True,
        ),
        Reader(
            "points", _table("points.csv", POINTS), lambda path: read_points(path, POINT_KEYS).to_csv(), is_text=True
        ),
        Reader("ISMN", _archive, _stations),
        Reader("places", _table("places.csv", POINTS), lambda path: read_places(path).to_csv(), is_text=True),
        Reader("outline", _written("outline.geojson", _zone), _outline, is_text=True),
        Reader("zones", _written("zones.gpkg", _zone), _zones),
        Reader("compared map", _raster, _compared),
        Reader("layer", _raster, _layer),
        Reader("raster", _raster, lambda path: {name: band.tobytes() for name, band in read_raster(path)[0].items()}),
        Reader("model", _written("model.skops", write_model), _model),
        Reader(
            "samples", _written("samples.parquet", write_sample_table), lambda path: read_samples(path, USE).to_csv()
        ),
        Reader("applicability", _written("applicability.npz", _applicability), _known),
    )
}
"""By name."""
