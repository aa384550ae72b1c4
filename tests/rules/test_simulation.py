"""Rules of granules.smk: what they wrote in the shared run, because even the small scene takes its time."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from earthdata.server import Earthdata
from granule_archives import MONTH, TILE, average_tile
from rasterio.warp import transform
from rule_bench import CONFIG, REGION, Bench
from workflow_runs import block_mean, planned, rules, snakemake

from kilomoist.earthdata.outlines import fetch_outline
from kilomoist.errors import InputError
from kilomoist.granules.smap import read_target
from kilomoist.grids import M01, M09, cells_covering
from kilomoist.predictors.inventories import choose_granules
from kilomoist.products import PRODUCTS
from kilomoist.rasters import read_raster
from kilomoist.regions import read_outline

SCENE = "resources/simulated/small-2021"
EXTENT = (97.5, 46.0, 101.5, 49.0)


@pytest.fixture(scope="module")
def truth(demo: Path) -> np.ndarray:
    with rasterio.open(demo / SCENE / "truth" / MONTH / "soil_moisture.tif") as file:
        return file.read(1)


def test_simulate_landscape(demo: Path) -> None:
    """Three points a pixel on the cells that cover the scene."""
    with np.load(demo / SCENE / "landscape.npz") as fields:
        assert {"elevation", "wetness", "lake"} <= set(fields.files)
        shape = cells_covering(EXTENT).refined(27).shape
        for name in fields.files:
            assert fields[name].shape == shape
            assert np.isfinite(fields[name]).all()
        assert set(np.unique(fields["lake"])) == {0, 1}
        assert 0 < fields["lake"].mean() < 0.1


def test_simulate_landscape_gives_elevation_as_a_layer(demo: Path) -> None:
    """Named under `predictors.layers` it is a predictor like any other raster."""
    with np.load(demo / SCENE / "landscape.npz") as fields:
        points = fields["elevation"]
    with rasterio.open(demo / SCENE / "truth/elevation.tif") as file:
        assert (file.crs.to_epsg(), file.descriptions, file.units) == (6933, ("elevation",), ("m",))
        assert (file.tags()["source"], file.tags()["landscape"]) == ("simulated", "steppe")
        assert file.transform.a == pytest.approx(M01.side)
        np.testing.assert_allclose(file.read(1), block_mean(points, 3)[0], rtol=1e-6)


def test_simulate_truth(demo: Path, truth: np.ndarray) -> None:
    path = demo / SCENE / "truth" / MONTH
    with rasterio.open(path / "soil_moisture.tif") as file:
        assert file.crs.to_epsg() == 6933
        assert (file.descriptions, file.units) == (("soil_moisture",), ("m3 m-3",))
        assert file.shape == cells_covering(EXTENT).refined(9).shape
        assert file.transform.a == pytest.approx(M01.side)
        assert file.tags()["source"] == "simulated"
        points = pd.read_csv(path / "field_points.csv")
        rows, columns = rasterio.transform.rowcol(
            file.transform, *transform("EPSG:4326", file.crs, points["longitude"], points["latitude"])
        )
    assert 0 < np.isnan(truth).mean() < 0.1  # lakes
    assert 0.04 < np.nanmin(truth) < np.nanmax(truth) < 0.29
    assert list(points) == ["id", "longitude", "latitude", "date", "depth_cm", "soil_moisture"]
    assert len(points) == points["id"].nunique() == 153
    assert points["date"].str.startswith(MONTH).all()
    there = truth[np.asarray(rows, int), np.asarray(columns, int)]
    assert np.isfinite(there).all()
    assert np.abs((points["soil_moisture"] - there).mean()) < 0.02


def test_simulate_target(demo: Path, truth: np.ndarray) -> None:
    """Fields wet and dry; the month's mean, as the demo's composite has it, is that of the truth over each cell."""
    window, product = cells_covering(EXTENT), PRODUCTS["SPL4SMGP.008"]
    here = window.within(M09.window)
    composite, _ = read_raster(demo / "results/composites/simulated" / product.name / f"{MONTH}.tif")
    mean, fields = composite["soil_moisture"][here], composite["fields"][here]
    expected, count = block_mean(truth)
    land = count > 40.5
    assert np.array_equal(np.isfinite(mean), land)
    np.testing.assert_allclose(mean[land], expected[land], atol=1e-6)
    assert np.array_equal(fields, np.where(land, 248, 0))
    assert np.isfinite(composite["soil_moisture"]).sum() == land.sum()
    first, last = (
        read_target(path, product) for path in sorted((demo / SCENE / product.name / MONTH).glob("*.h5"))[:200:199]
    )
    assert first[2] == last[2] == M09.window
    assert np.array_equal(first[1], last[1])
    assert np.abs(first[0] - last[0])[first[1]].max() > 0.001


def test_simulate_temperature(demo: Path) -> None:
    """Clouds leave gaps that differ from day to day; nearly every pixel is seen a few times a month."""
    product = PRODUCTS["MOD11A1.061"]
    chosen, absent = choose_granules([demo / SCENE / product.name / TILE / MONTH], product, TILE, MONTH)
    assert (len(chosen), absent) == (31, [])
    bands = average_tile(chosen[::5], product, "good")
    days = bands["lst_day_days"]
    scene = days > 0
    assert 0.05 < scene.mean() < 0.5  # the scene covers a part of the tile
    assert len(np.unique(days[scene])) > 3
    assert 270 < np.nanmin(bands["lst_day"]) < np.nanmax(bands["lst_day"]) < 330
    assert np.nanmean(bands["lst_night"]) < np.nanmean(bands["lst_day"]) - 5


def test_simulate_vegetation(demo: Path) -> None:
    product = PRODUCTS["MOD13A1.061"]
    chosen, absent = choose_granules([demo / SCENE / product.name / TILE], product, TILE, MONTH)
    assert [path.name[9:16] for path, _ in chosen] == ["2021209", "2021225", "2021241"]
    assert ([slot.days for _, slot in chosen], absent) == ([12, 16, 3], [])
    bands = average_tile(chosen[1:2], product, "good")
    scene = bands["ndvi_days"] > 0
    assert 0.02 < scene.mean() < 0.5
    assert -0.2 <= np.nanmin(bands["ndvi"]) < np.nanmax(bands["ndvi"]) <= 1
    assert np.nanmean(bands["evi"]) < np.nanmean(bands["ndvi"])
    assert 0 < bands["water"][scene].mean() < 0.1


# --- Outlines: of what goes wrong, the rule's function is asked with another address ---------------------------------


@pytest.fixture
def server() -> Iterator[tuple[str, dict[str, tuple[int, bytes]]]]:
    """The address of a local HTTP server, and what it answers by path; it knows nothing else."""
    answers: dict[str, tuple[int, bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", answers
        listening.shutdown()


def country(code: str, west: float) -> dict:
    ring = [[west, 40], [west + 10, 40], [west + 10, 50], [west, 50], [west, 40]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"ADM0_A3": code}, "geometry": geometry}


def test_fetch_outline(server: tuple, tmp_path: Path) -> None:
    address, answers = server
    features = {"type": "FeatureCollection", "features": [country("MNG", 90), country("KAZ", 60)]}
    answers["/countries"] = (200, json.dumps(features).encode())
    path = tmp_path / "MNG.geojson"
    fetch_outline("MNG", path, f"{address}/countries")
    assert read_outline(path).bounds == (90, 40, 100, 50)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((503, b""), ["cannot be fetched", "503", "`outline` in place of `country: MNG`"]),
        ((200, b"<html>Please log in</html>"), ["did not answer with GeoJSON"]),
        ((200, b'{"message": "rate limit"}'), ["did not answer with a GeoJSON of features"]),
        (
            (200, json.dumps({"features": [country("KAZ", 60)]}).encode()),
            ["has no country MNG", "ADM0_A3 codes are KAZ"],
        ),
    ],
    ids=["server fails", "web page", "other JSON", "unknown country"],
)
def test_fetch_outline_that_is_not_there(server: tuple, tmp_path: Path, answer: tuple, told: list[str]) -> None:
    address, answers = server
    answers["/countries"] = answer
    with pytest.raises(InputError) as raised:
        fetch_outline("MNG", tmp_path / "MNG.geojson", f"{address}/countries")
    assert all(part in str(raised.value) for part in told), raised.value
    assert list(tmp_path.iterdir()) == []


def test_fetch_outline_without_network(server: tuple, tmp_path: Path) -> None:
    address, _ = server
    closed = address.rsplit(":", 1)[0] + ":9"
    with pytest.raises(InputError, match=r"cannot be fetched .*check the network"):
        fetch_outline("MNG", tmp_path / "MNG.geojson", f"{closed}/countries")


COUNTRY = {"name": REGION, "bbox": CONFIG["regions"][0]["bbox"], "country": "MNG"}


def test_fetch_outline_is_planned_for_a_country_only(bench: Bench) -> None:
    assert "fetch_outline" not in rules(planned(bench.folder, bench.config))
    pending = planned(bench.folder, bench.config | {"regions": [COUNTRY]})
    assert {file.path for file in pending if file.rule == "fetch_outline"} == {"resources/outlines/MNG.geojson"}


def test_fetch_outline_tells_what_natural_earth_has(bench: Bench) -> None:
    """The rule itself, at its own address. What it fetches is used in `test_stack_block`."""
    bench.config |= {"regions": [COUNTRY]}
    with Earthdata(bench.folder / "granules") as server:
        server.countries = [country("KAZ", 60)]
        path = "resources/outlines/MNG.geojson"
        done = snakemake(bench.folder, "--", path, config=bench.config, variables=server.environment)
    assert done.sentence() == "Natural Earth has no country MNG: its ADM0_A3 codes are KAZ."
    assert not (bench.folder / path).exists()
