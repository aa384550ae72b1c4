"""The configuration: what it accepts, what it says about everything else, and the files that are made from it."""

import copy
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from mutations import mutated, reads_or_refuses
from snakemake.cli import parse_config
from snakemake.common.configfile import load_configfile

from kilomoist.configuration import schema
from kilomoist.configuration.keys import Configuration
from kilomoist.configuration.schema import documents, load
from kilomoist.configuration.types import SCENE_EXTENTS
from kilomoist.errors import InputError

ROOT = Path(__file__).parents[3]
WRITE_AGAIN = "run `python -m kilomoist.configuration.schema` and commit what it writes"
BOX = [96.0, 45.0, 104.0, 50.0]
ITEMS = {"regions": {"name": "here", "bbox": BOX}, "compare": {"name": "NASA", "path": __file__}}
"""Keys of a list's item that are right."""
KHANGAI = {"name": "khangai", "bbox": BOX}
PREDICTORS = "ndvi, evi, ndii7, lst_day, lst_night, lst_range, slope, northness, eastness"
USE = f"expected a list of 1 to 100, each {PREDICTORS} or the name of a layer"
USED = f"expected {PREDICTORS}, or the name of a raster in `predictors.layers`"
LAYER = "a mapping with keys path and resampling"
MONTHS = "expected a list of 1 to 1000, each a month as YYYY-MM"
REGIONS = "expected a list of 1 to 1000, each a mapping with keys name, bbox, outline, country"
CORNERS = "expected four numbers in degrees, [west, south, east, north]"
DEPTH = "expected an upper and a lower limit in cm"
INTERVAL = "expected a number of at least 0.5 and at most 0.99, or null"


def problems(raw: dict[str, Any]) -> list[str]:
    """The sentences about a wrong configuration."""
    with pytest.raises(InputError) as caught:
        load(raw)
    return str(caught.value).splitlines()


def region(**keys: Any) -> dict[str, Any]:
    """A configuration of one region."""
    return {"regions": [{"name": "here", **keys}]}


def written(key: str, value: object) -> dict[str, Any]:
    """A configuration that gives a key, such as `regions[0].bbox`, a value."""
    for part in reversed(key.split(".")):
        name, item, _ = part.partition("[0]")
        value = {name: [ITEMS[name] | value if name in ITEMS else value] if item else value}
    return value


def test_nothing_given_is_the_default_run() -> None:
    settings = load({})
    assert settings.source == "simulated"
    assert [(region.name, region.bbox) for region in settings.regions] == [("khangai", tuple(BOX))]
    assert settings.months == ("2021-08",)
    assert settings.predictors.use == ("ndvi", "evi", "lst_day")
    assert settings.model.min_leaf == "auto"


def test_config_file_shows_the_defaults() -> None:
    shown = load_configfile(ROOT / "config/config.yaml")
    settings = load(shown)
    assert settings == Configuration()

    def written(full: dict[str, Any], given: dict[str, Any]) -> None:
        assert full.keys() == given.keys(), "config.yaml shows every key"
        for key, value in full.items():
            if isinstance(value, dict):
                written(value, given[key])

    written(settings.model_dump(), shown)


def test_study_run(tmp_path: Path) -> None:
    shown = load_configfile(ROOT / "config/mongolia-2021-08.yaml")
    settings = load({**load_configfile(ROOT / "config/config.yaml"), **shown})
    assert settings.source == "earthdata"
    (mongolia,) = settings.regions
    assert (mongolia.name, mongolia.bbox, mongolia.country) == ("mongolia", (87.7, 41.55, 119.95, 52.15), "MNG")
    assert settings.months == ("2021-08",)
    assert settings.predictors.use == ("ndvi", "evi", "lst_day")
    assert (settings.model.kind, settings.model.test_fraction) == ("random_forest", 0.2)
    (said,) = problems({**shown, "source": "archive"})
    assert said == (
        "`archive` is null, but `source: archive` needs a folder of granules: "
        "give it, for example by `--config archive=/path/to/granules`."
    )
    assert load({**shown, "source": "archive", "archive": str(tmp_path)}).archive == tmp_path
    (said,) = problems({**shown, "archive": str(tmp_path)})
    assert "but `source` is earthdata and does not read it" in said


@pytest.mark.parametrize("name", ["config.yaml", "mongolia-2021-08.yaml"])
def test_config_files_match_the_schema(name: str) -> None:
    text = (ROOT / "config" / name).read_text(encoding="utf-8")
    pointer = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert pointer
    schema = json.loads((ROOT / "config" / pointer[1]).read_text(encoding="utf-8"))
    jsonschema.validate(yaml.safe_load(text), schema)
    with pytest.raises(jsonschema.ValidationError, match="mnths"):
        jsonschema.validate({"mnths": []}, schema)


def test_schema_and_table_are_current() -> None:
    for path, text in documents(ROOT).items():
        assert path.read_text(encoding="utf-8") == text, WRITE_AGAIN


def test_every_key_is_described() -> None:
    def walk(node: dict[str, Any]) -> None:
        assert node["additionalProperties"] is False
        for name, child in node["properties"].items():
            assert "$ref" in child or child.get("description"), name

    closed = schema.schema()
    for node in [closed, *closed["$defs"].values()]:
        assert node["description"]
        walk(node)


def nodes(part: object, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping of a part of the schema, with the way to it."""
    if isinstance(part, dict):
        yield where, part
    for name, child in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield from nodes(child, f"{where}/{name}")


def test_every_number_and_list_of_the_schema_is_bounded() -> None:
    numbers = 0
    for where, node in nodes(schema.schema()):
        if node.get("type") in ("integer", "number"):
            numbers += 1
            assert {"minimum", "exclusiveMinimum"} & node.keys(), where
            assert node["maximum"] < 2**53, where
        if node.get("type") == "array" and "enum" not in node.get("items", node):
            assert "maxItems" in node, where  # of what has a fixed number too
    assert numbers > 30


BOMB: list[Any] = ["lol"] * 9
for _ in range(9):
    BOMB = [BOMB] * 9
ITSELF: list[Any] = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (BOMB, "more than 10,000 values"),
        (ITSELF, "lists or mappings in each other, more than 20 deep"),
        (["2021-08"] * 10_000_000, "more than 10,000 values"),
        ({"a": "x" * 20_000}, "a text of 20,000 characters, expected at most 10,000"),
        (b"x" * 20_000, "a text of 20,000 characters, expected at most 10,000"),
        ([1 << 100_000], "a whole number of more than 30 digits"),
    ],
)
@pytest.mark.parametrize("key", ["i", "months", "scene"])
def test_what_no_run_needs_is_refused_before_it_is_shown(key: str, value: object, told: str) -> None:
    begin = time.monotonic()
    assert problems({key: value}) == [f"`{key}` holds {told}: look whether that is meant, and shorten it."]
    assert time.monotonic() - begin < 1


def test_of_many_mistakes_the_first_are_told() -> None:
    *told, last = problems({"regions": [{"name": "A"}] * 300})
    assert (len(told), last) == (50, "There are 250 more mistakes: correct these first.")


@pytest.mark.parametrize(("key", "letter"), [("regions[0].name", "a"), ("compare[0].name", "A")])
def test_names_fit_into_file_names(key: str, letter: str) -> None:
    load(written(key, letter * 100))
    (said,) = problems(written(key, letter * 300))
    assert said.endswith("letter or digit, of at most 100 characters.")


@pytest.mark.parametrize("name", ["д ю н а ё.gpkg", "a b 'c' \"d\".csv", "x" * 250])
@pytest.mark.parametrize("key", ["regions[0].outline", "field_points", "export.points", "export.zones"])
def test_paths_may_have_any_letters(tmp_path: Path, key: str, name: str) -> None:
    (tmp_path / name).touch()
    keys = written(key, str(tmp_path / name))
    assert load({"regions": [{**KHANGAI, **keys["regions"][0]}]} if "regions" in keys else keys)


@pytest.mark.parametrize("key", ["regions[0].outline", "field_points", "export.points", "predictors.layers.soil"])
def test_what_has_no_end_is_no_file(tmp_path: Path, key: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", str(tmp_path / "pipe")):
        assert "it is a device, a pipe or a socket, which has no end" in problems(written(key, path))[0]


def test_reading_the_workflow_imports_nothing_heavy() -> None:
    """Snakemake does so in every job again."""
    heavy = {"pandas", "geopandas", "sklearn", "rasterio", "scipy", "pyproj", "requests", "h5py"}
    light = ("configuration.schema", "planning.needs", "planning.requirements")
    imports = ", ".join(f"kilomoist.{module}" for module in light)
    found = subprocess.run(  # in a process of its own: the tests have imported everything already
        [sys.executable, "-c", f"import sys, {imports}; print(*sys.modules)"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")},
        text=True,
        capture_output=True,
        check=True,
    )
    assert not heavy & set(found.stdout.split())


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load({}).source = "archive"  # type: ignore[misc]


def test_command_line_values_are_text_inside_of_keys(tmp_path: Path) -> None:
    """Snakemake reads what stands inside a key without types."""
    raw = parse_config(
        [
            'model={"trees": 50, "min_leaf": 20, "test_fraction": 0.3}',
            'map={"reconcile": false}',
            'regions=[{"name": "here", "bbox": [97, 46, 98, 47], "country": null}]',
            'months=["2021-07", "2021-08"]',
            "field_points=null",
            "source=archive",
            f"archive={tmp_path}",
        ]
    )
    assert raw["model"]["trees"] == "50"
    settings = load(raw)
    assert (settings.model.trees, settings.model.min_leaf, settings.model.test_fraction) == (50, 20, 0.3)
    assert settings.map.reconcile is False
    assert settings.regions[0].bbox == (97.0, 46.0, 98.0, 47.0)
    assert settings.regions[0].country is None
    assert settings.months == ("2021-07", "2021-08")
    assert settings.field_points is None
    assert settings.archive == tmp_path


def test_points_and_maps_from_the_command_line(tmp_path: Path) -> None:
    for month in ("2021-07", "2021-08"):
        (tmp_path / f"nasa-{month}.tif").touch()
    raw = parse_config(
        [
            f"field_points={tmp_path}",
            'points={"columns": {"longitude": "lon"}, "units": "percent", "depth": [0, 10], "window": 3}',
            f'compare=[{{"name": "NASA", "path": "{tmp_path}/nasa-{{month}}.tif", "scale": 0.001}}]',
            'months=["2021-07", "2021-08"]',
        ]
    )
    settings = load(raw)
    assert settings.points.columns.longitude == "lon"
    assert (settings.points.depth, settings.points.window, settings.points.crs) == ((0, 10), 3, "EPSG:4326")
    (raster,) = settings.compare
    assert (raster.band, raster.scale, raster.offset) == (None, 0.001, None)
    assert raster.of_month("2021-07").path == tmp_path / "nasa-2021-07.tif"


@pytest.mark.parametrize("words", ["[netcdf, stac]", '{"formats": ["netcdf", "stac"]}'])
def test_exports_are_a_list_of_formats_or_have_settings(words: str) -> None:
    assert load(parse_config([f"export={words}"])).export.formats == ("netcdf", "stac")


@pytest.mark.parametrize(("word", "formats"), [("png", ("png",)), ("null", ()), ("[]", ())])
def test_one_export_or_none_from_the_command_line(word: str, formats: tuple[str, ...]) -> None:
    assert load(parse_config([f"export={word}"])).export.formats == formats


def test_zones_have_a_short_form() -> None:
    short, long = (load({"export": {"zones": zones}}).export.zones for zones in (__file__, {"path": __file__}))
    assert short == long
    assert (short.layer, short.name) == (None, None)


def test_layers_have_a_short_form(tmp_path: Path) -> None:
    dem, soil, unread = (tmp_path / name for name in ("dem.tif", "soil.tif", "unread.tif"))
    for path in (dem, soil, unread):
        path.touch()
    layers = {"soil": {"path": str(soil), "resampling": "mode"}, "elevation": str(dem), "clay": str(unread)}
    closed = schema.schema()
    for use, needed in ((["ndvi", "slope", "soil"], ["soil", "elevation"]), (["lst_range"], [])):
        raw = {"predictors": {"use": use, "layers": layers}}
        jsonschema.validate(raw, closed)
        predictors = load(raw).predictors
        assert list(predictors.layers_in_use()) == needed
    assert (predictors.layers["elevation"].path, predictors.layers["elevation"].resampling) == (dem, "average")
    assert (predictors.layers["soil"].path, predictors.layers["soil"].resampling) == (soil, "mode")
    with pytest.raises(jsonschema.ValidationError, match="modal"):
        jsonschema.validate({"predictors": {"layers": {"soil": {"path": "x", "resampling": "modal"}}}}, closed)
    written = parse_config([f'predictors={{"use": ["elevation"], "layers": {{"elevation": "{dem}"}}}}'])
    assert load(written).predictors.layers["elevation"].path == dem


def test_a_month_needs_no_quotes_in_yaml() -> None:
    assert load(yaml.safe_load("months: [2021-08]")).months == ("2021-08",)


def test_paths_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load({"source": "archive", "archive": "~"}).archive == tmp_path


def test_an_archive_may_hold_any_region(tmp_path: Path) -> None:
    outline = tmp_path / "outline.gpkg"
    outline.touch()
    raw = region(bbox=[-92, 33.5, -75, 40], outline=str(outline))
    assert load({"source": "archive", "archive": str(tmp_path), **raw}).regions[0].outline.path == outline


ERROR = "expected a number of at least 0 and at most 0.1, or a mapping with keys deviation (such a number), "
WRONG: list[tuple[Any, ...]] = [
    ("source", "expected simulated, archive or earthdata.", "nasa"),
    ("target_error", "expected a number of at least 0 and at most 0.2, or null; 4 % is 0.04 m³/m³.", 4),
    ("target", "expected SPL4SMGP.006, SPL4SMGP.007, SPL4SMGP.008, ", "SPL4SMGP"),
    ("scene.extent", "expected full or small.", "large"),
    ("scene.seed", "expected a whole number of at least 0", None),
    ("scene.error", ERROR, 4, -1, "few", True, None, [0.02]),
    ("scene.error.deviation", "expected a number of at least 0 and at most 0.1", 4, -1, "few", True, None, [0.02]),
    ("quality", "expected a mapping with keys vegetation, temperature, minimum_days, ", None),
    ("quality.minimum_days", "expected a whole number of at least 1 and at", "few", 0, True, 2.5),
    ("quality.minimum_valid_fraction", "expected a number of more than 0 and at most 1.", 0),
    ("quality.minimum_target_share", "expected a number of at least 0 and at most 1; 90 % is 0.9.", 90),
    ("quality.minimum_target_share", "expected a number", ".nan", "nan"),
    ("quality.vegetation", "expected good or fair.", "best"),
    ("model.trees", "expected a whole number of at least 1 and at most 10000.", 0, 1e9, 2**63),
    ("model.min_leaf", "expected auto, or a whole number of at least 1 and at most 1000000.", "big", 0, True),
    ("model.test_fraction", "expected a number of at least 0.05 and at most 0.5; 20 % is 0.2.", 20),
    ("model.kind", "expected random_forest, extra_trees, hist_gradient_boosting or linear.", "forest"),
    ("model.method", "expected detail or absolute.", "other"),
    ("model.trend", "expected none or linear.", "cubic"),
    ("model.detail_ratio", "expected auto, or a whole number of at least 2 and at most 4.", 5),
    ("model.seed", "expected a whole number of at least 0", -1),
    ("map.reconcile", "expected true or false, or warranted or measured.", "perhaps"),
    ("map.block", "expected a whole number of at least 8 and at most 1024.", 4, 2**31),
    ("map.interval", f"{INTERVAL}.", 1),
    ("map.interval", f"{INTERVAL}; 90 % is 0.9.", 90, "90", "90 %"),
    ("predictors.temperature", "expected MOD11A1.061, MYD11A1.061, VNP21A1D.002, ", "MOD13A1.061"),
    ("predictors.vegetation", "expected MOD13A1.061, MYD13A1.061", 13),
    ("predictors.use", f'{USE}; on the command line: --config \'predictors={{"use": ["evi"]}}\'.', "evi"),
    ("predictors.use", f"{USE}.", []),
    ("predictors.use", "evi occurs more than once.", ["evi", "evi"]),
    ("predictors.use[0]", f"{USED}.", "lst"),
    ("predictors.use[0]", f"{USED}; did you mean lst_night?", "lst-night", "LST_Night"),
    ("predictors.layers", "expected a mapping of names to paths of rasters, or to mappings", [__file__]),
    ("predictors.layers.soil", f"expected a path of a raster, or {LAYER}.", 5, None, True, [__file__]),
    ("months", f"{MONTHS}; ", 2021),
    ("months", f"{MONTHS}; on the command line: --config 'months=[\"2021-08\"]'.", "2021-08"),
    ("months", f"{MONTHS}.", []),
    ("months", "2021-08 occurs more than once.", ["2021-08", "2021-07", "2021-08"]),
    ("months[0]", "SMAP's first whole month is 2015-04.", "2015-03"),
    ("months[0]", "expected a month as YYYY-MM, for example 2021-08.", "2021-13", "0000-01", "August"),
    ("months[0]", "expected a month as YYYY-MM.", date(2021, 8, 1)),
    ("months[0]", "it lies in the future (today is ", "2999-12"),
    ("regions", f"{REGIONS}.", []),
    ("regions", f"{REGIONS}; on the command line: --config 'regions={json.dumps([KHANGAI])}'.", "khangai", KHANGAI),
    ("regions[0].outline", "there is no such file (paths start at ", "absent.gpkg"),
    ("regions[0].outline", "expected a path of a vector file, or a mapping with keys path and layer.", 5, [__file__]),
    ("regions[0].bbox", f"west and east are the same longitude; {CORNERS}", [104, 45, 104, 50], [180, 45, -180, 50]),
    ("regions[0].bbox", "longitudes lie between -180 and 180 degrees.", [170, 50, 190, 60], [196, 45, 204, 50]),
    ("regions[0].bbox", f"south must be less than north; {CORNERS}", [96, 50, 104, 45]),
    ("regions[0].bbox", f"it looks as if latitude and longitude are swapped; {CORNERS}", [45, 96, 50, 104]),
    ("regions[0].bbox", "the grid ends at 85° north and south.", [96, 45, 104, 86]),
    (
        "regions[0].bbox",
        "west > east is a box across 180°, and this one would be 352° wide: west and east look swapped.",
        [104, 45, 96, 50],
    ),
    ("regions[0].bbox", CORNERS, [96, 45, 104], "96,45,104,50"),
    ("regions[0].bbox", CORNERS, [96, 45, 104, "north"], [96, 45, 104, True], [96, 45, 104, None]),
    ("regions[0].name", "expected a short name of a-z, 0-9 and -", "Khangai", "a/b", "-a", "a\n"),
    ("regions[0].country", "expected three capital letters, or null.", "Mongolia"),
    ("archive", "expected a path, or null.", 5),
    ("field_points", "there is no such file (paths start at ", "absent.csv"),
    ("points.units", "expected m3/m3 or percent.", "%"),
    ("points.depth", f"{DEPTH}, [top, bottom]; on the command line: ", 5),
    ("points.depth", f"it looks like metres; {DEPTH}, for ", [0, 0.05]),
    ("points.depth", f"{DEPTH} below the surface, [top, bottom].", [10, 5]),
    ("points.columns.id", "expected text.", None),
    ("compare", "expected a list of at most 100, each a mapping with", "x.tif"),
    ("compare[0].name", "expected a name of letters, digits, blanks and . _ - that begins with", "a,b"),
    ("compare[0].band", "expected a whole number of at least 1 and at most 65536, or null.", 0, 2**31),
    ("compare[0].scale", "expected a number of at least 1e-15 and at most 1000000000000000, or null.", 0, 1e300),
    ("export", "expected a list of formats (netcdf, zarr, stac, raster, zones, points, png, svg, pdf), or a ", 5),
    (
        "export.formats",
        "expected a list of at most 9, each netcdf, zarr, stac, raster, zones, points, png, svg or pdf.",
        "png",
    ),
    ("export.resolution", "expected a number of at least 0.0001 and at most 10000000, or null.", 0, 1e300),
]
"""Keys, what is said of wrong values after key and value, and such values."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"static": 2}, "static` is 2: expected a number of at least 0 and at most 1; 2 % is 0.02."),
        ({"range": 5}, "range` is 5: expected a number of at least 9 and at most 1000."),
        ({"with_predictors": -0.1}, "with_predictors` is -0.1: expected a number of at least 0 and at most 1."),
        ({"deviation": 2}, "deviation` is 2: expected a number of at least 0 and at most 0.1; 2 % is 0.02 m³/m³."),
    ],
)
def test_a_wrong_part_of_an_error_is_refused(error: object, told: str) -> None:
    assert problems(written("scene.error", error)) == [f"`scene.error.{told}"]


def test_shares_of_an_error_are_of_one_whole() -> None:
    (said,) = problems(written("scene.error", {"with_predictors": 0.6, "static": 0.5}))
    assert said.endswith("`with_predictors` and `static` are shares of one variance: their sum is more than 1.")


@pytest.mark.parametrize(
    ("key", "value", "expected"), [(key, value, expected) for key, expected, *values in WRONG for value in values]
)
def test_a_wrong_value_gets_one_sentence(key: str, value: object, expected: str) -> None:
    (said,) = problems(written(key, value))
    assert said.startswith(f"`{key}` is {json.dumps(value, default=str)}: {expected}")
    assert said.endswith((".", "?"))


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("month", "did you mean `months`?"),
        ("quality.minimum_day", "did you mean `quality.minimum_days`?"),
        ("trees", "did you mean `model.trees`?"),
        ("map.xyz", "expected one of map.reconcile, map.interval, map.comparison, map.block."),
        ("regions[0].box", "did you mean `regions[0].bbox`?"),
        ("compare[0].bands", "did you mean `compare[0].band`?"),
        ("points.columns.lon", "did you mean `points.columns.longitude`?"),
    ],
)
def test_an_unknown_key_gets_advice(key: str, advice: str) -> None:
    (said,) = problems(written(key, ["x", 3]))
    assert said.startswith(f'`{key}` is not a key (its value is ["x", 3]): {advice}')


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (
            {"model": {"trend": "linear", "kind": "linear"}},
            "`model`: `kind: linear` has nothing to learn from what `trend: linear` leaves: give one of them.",
        ),
        (
            {"model": {"subgrid": True}},
            "`model`: `subgrid` is true, which was taken away, because maps were worse with it: leave it out.",
        ),
        *(
            (
                {"predictors": {"use": ["ndvi", name]}},
                f'`predictors.use[1]` is "{name}", which {why}: give a raster of it as `predictors.layers.elevation`.',
            )
            for name, why in (("elevation", "no product measures"), ("slope", "is computed from elevation"))
        ),
        (
            {"predictors": {"use": ["aspect"], "layers": {"elevation": __file__}}},
            '`predictors.use[0]` is "aspect": angles cannot be averaged, because 359° and 1° are neighbours; take ',
        ),
        *(
            (
                {"predictors": {"layers": {name: __file__}}},
                f"`predictors.layers`: {name} cannot name a layer, because something else is called so: take another",
            )
            for name in (
                *("lst_range", "ndvi", "slope", "aspect", "target", "valid_fraction_x", "clay_days", "ndvi_days"),
                *("water", "observed", "above", "fold"),
            )
        ),
        *(
            ({"predictors": {"layers": layers}}, f"`predictors.layers{sentence}")
            for layers, sentence in (
                (
                    {"Clay": __file__},
                    "`: Clay cannot name a layer: take a-z, 0-9 and _, beginning with a letter, at most 100 ",
                ),
                ({"clay": "absent.tif"}, '.clay.path` is "absent.tif": there is no such file (paths start at '),
                (
                    {"soil": {"path": __file__, "resampling": "modal"}},
                    '.soil.resampling` is "modal": expected average or mode.',
                ),
                (
                    {"soil": {"path": __file__, "resample": "mode"}},
                    (
                        '.soil.resample` is not a key (its value is "mode"): '
                        "did you mean `predictors.layers.soil.resampling`?"
                    ),
                ),
                ({"soil": {"resampling": "mode"}}, ".soil.path` is missing: expected a path."),
            )
        ),
        ({"regions": [{"bbox": BOX}]}, "`regions[0].name` is missing: expected a short name of a-z, 0-9 and - "),
        (
            {"regions": [{"name": "here", "bbox": BOX}, {"name": "here", "bbox": BOX}]},
            "`regions`: here names 2 regions: give each region its own name.",
        ),
        (
            region(),
            "`regions[0]` (here): it needs `bbox` (west, south, east, north in degrees), `outline` (a vector file) or ",
        ),
        (
            region(country="MNG"),
            "`regions[0]` (here): `country: MNG` needs `bbox` too, because countries can have far islands.",
        ),
        (
            region(country="MNG", bbox=BOX, outline=__file__),
            "`regions[0]` (here): `outline` and `country` exclude each other: give one of them.",
        ),
        (
            {"source": "archive", "archive": ""},
            "`archive` is null, but `source: archive` needs a folder of granules: give it, for example by ",
        ),
        ({"source": "archive", "archive": "absent"}, '`archive` is "absent": there is no such folder (paths start at '),
        ({"source": "archive", "archive": __file__}, f'`archive` is "{__file__}": there is no such folder'),
        (
            {"archive": "granules"},
            '`archive` is "granules", but `source` is simulated and does not read it: add `source: archive` ',
        ),
        ({"compare": [{"name": "NASA"}]}, "`compare[0].path` is missing: expected a path."),
        (
            {"compare": [{"name": "NASA", "path": "absent.tif"}]},
            '`compare[0].path` (NASA) is "absent.tif": there is no such file as absent.tif (paths start at ',
        ),
        (
            {"compare": [ITEMS["compare"]], "months": ["2021-07", "2021-08"]},
            f'`compare[0].path` (NASA) is "{__file__}", one file for 2 months: write {{month}} in it where its name ',
        ),
        *(
            (
                {"compare": [{"name": name, "path": __file__}] * times},
                f'`compare[{times - 1}].name` is "{name}", as another map or column is: rename it.',
            )
            for name, times in (("NASA", 2), ("1 km", 1))
        ),
        (
            {"source": "archive", "archive": ".", "compare": [ITEMS["compare"]]},
            "`compare` names maps, but `field_points` is null: give points to compare them at, or leave it out.",
        ),
        (
            {"export": ["zones"]},
            "`export.formats` has zones, but `export.zones` is null: give a vector file of polygons, or leave zones",
        ),
        (
            {"export": {"formats": ["netcdf", "raster"], "resolution": 1000}},
            "`export.formats` has raster, but `export.crs` is null: give the coordinate reference system to warp to",
        ),
        (
            {"export": ["points"]},
            "`export.formats` has points, but `export.points` is null: give a table with the columns id, longitude and",
        ),
        (
            {"points": {"units": "percent"}},
            "`points` says how `field_points` are read, but `field_points` is null: give the path of your points, or ",
        ),
    ],
)
def test_wrong_input_gets_one_sentence(raw: dict[str, Any], sentence: str) -> None:
    (said,) = problems(raw)
    assert said.startswith(sentence)
    assert said.endswith((".", "?"))


def test_every_problem_gets_its_sentence() -> None:
    raw = {"quality": {"minimum_days": 0, "minimum_dais": 3}, "months": ["2015-03"], "map": {"block": 4}}
    assert [sentence.split("`")[1] for sentence in problems(raw)] == [
        "months[0]",
        "quality.minimum_days",
        "quality.minimum_dais",
        "map.block",
    ]
    both = {"regions": [{"name": "here", "bbox": BOX}] * 2, "archive": "granules"}
    assert [sentence.split("`")[1] for sentence in problems(both)] == ["regions", "archive"]


def places(node: object, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every value of a configuration, sections and lists too."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield (*place, key)
        yield from places(value, (*place, key))


WHOLE = {**load_configfile(ROOT / "config/config.yaml"), "compare": [ITEMS["compare"]], "field_points": __file__}
WHOLE["regions"] = [{**KHANGAI, "outline": {"path": __file__, "layer": "study"}}]
WHOLE["predictors"] |= {"layers": {"elevation": {"path": __file__, "resampling": "mode"}}}
STRANGE = (
    *(
        True,
        -1,
        1e9,
        10**400,
        float("nan"),
        "",
        "~nobody-here/x",
        "a" * 5000,
        "\0",
        "{x}",
        "../x",
        "/dev/null",
        "\ud800",
    ),
    *(b"\xff", date(2021, 8, 1), {date(2021, 8, 1): 1}, {None: None}, [[[]]], {"a", "b"}, {"path": "~nobody-here"}),
)
ANY = st.one_of(st.none(), st.text(max_size=8), st.integers(), st.floats(), st.dates())
NESTED = st.recursive(ANY, lambda child: st.lists(child, max_size=3) | st.dictionaries(ANY, child, max_size=3))


@given(st.sampled_from(list(places(WHOLE))), st.sampled_from(STRANGE) | NESTED)
@settings(max_examples=300)
def test_any_value_of_any_key_is_taken_or_refused(place: tuple[str | int, ...], value: object) -> None:
    raw = node = copy.deepcopy(WHOLE)
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    reads_or_refuses(lambda: load(raw))


@given(mutated((ROOT / "config/mongolia-2021-08.yaml").read_bytes()))
@settings(max_examples=200, suppress_health_check=[HealthCheck.filter_too_much])
def test_any_file_that_is_yaml_is_taken_or_refused(content: bytes) -> None:
    raw: object = None
    with suppress(yaml.YAMLError, ValueError):  # which Snakemake tells
        raw = yaml.safe_load(content)
    assume(isinstance(raw, dict))
    reads_or_refuses(lambda: load(raw))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a" * 5000, "File name too long"),
        ("~nobody-here/x.gpkg", "home directory"),
        ("\0", "there is no such f"),
        ("d{region}/x.gpkg", "{region} would be taken for a wildcard of Snakemake; rename it, without braces"),
        ("{month} {n}.tif", "{"),
    ],
)
@pytest.mark.parametrize(
    "key",
    [
        *("regions[0].outline", "field_points", "archive", "compare[0].path"),
        *("predictors.layers.soil", "export.zones", "export.points"),
    ],
)
def test_a_path_that_no_file_can_have_is_told(key: str, path: str, reason: str) -> None:
    keys = written(key, path) | ({"regions": [{**KHANGAI, "outline": path}]} if "regions" in key else {})
    assert reason in problems(keys | ({"source": "archive"} if key == "archive" else {}))[0]


@pytest.mark.parametrize(
    ("name", "path", "variable"),
    [
        ('NETCDF:"{month}.nc":sm', "{month}.nc", "sm"),
        ("netcdf:a b.nc:sm_surface", "a b.nc", "sm_surface"),
        ('HDF5:"a.h5"://Soil/moisture', "a.h5", "Soil/moisture"),
        ("plain.nc", "plain.nc", None),
    ],
)
def test_names_that_gdal_gives_variables_are_paths_and_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, path: str, variable: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(path.replace("{month}", "2021-08")).touch()
    (compared,) = load({"compare": [{"name": "other", "path": name}]}).compare
    assert (compared.path, compared.variable) == (Path(path), variable)


def test_keys_of_a_section_that_may_be_a_path_are_named() -> None:
    (said,) = problems(region(outline={"path": __file__, "layr": "study"}))
    assert said.endswith("did you mean `regions[0].outline.layer`?")


def test_a_long_value_is_cut() -> None:
    (said,) = problems({"months": "x" * 500})
    assert "x" * 79 + "…" in said


def test_the_running_month_may_be_mapped_and_the_next_not() -> None:
    today = date.today()
    assert load({"months": [f"{today:%Y-%m}"]})
    following = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    (said,) = problems({"months": [f"{following:%Y-%m}"]})
    assert "lies in the future" in said


def test_small_scene_lies_in_the_full_one() -> None:
    full, small = SCENE_EXTENTS["full"], SCENE_EXTENTS["small"]
    assert full[0] < small[0] < small[2] < full[2]
    assert full[1] < small[1] < small[3] < full[3]


@pytest.mark.parametrize("said", [False, "false"])
def test_a_key_that_was_taken_away_may_say_what_is_done_anyway(said: object) -> None:
    assert load({"model": {"subgrid": said}}) == load({})
