"""The configuration: what it accepts, what it says about everything else, and the files that are made from it."""

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
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
MONTHS = "a list of one or more, each a month as YYYY-MM"
LIMITS = "an upper and a lower limit in cm"
PREDICTORS = "ndvi, evi, lst_day, lst_night, lst_range, slope, northness, eastness"


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


def test_reading_the_workflow_imports_nothing_heavy() -> None:
    """Snakemake does so in every job again."""
    heavy = {"pandas", "geopandas", "sklearn", "rasterio", "scipy", "pyproj", "requests", "earthaccess", "h5py"}
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
    assert (raster.band, raster.scale) == (1, 0.001)
    assert raster.of_month("2021-07").path == tmp_path / "nasa-2021-07.tif"


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
    assert load({"source": "archive", "archive": str(tmp_path), **raw}).regions[0].outline == outline


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("source", "nasa", "expected simulated, archive or earthdata."),
        ("target_error", 4, "expected a number of at least 0 and at most 0.2, or null; 4 % is 0.04 m³/m³."),
        ("target", "SPL4SMGP", "expected SPL4SMGP.006, SPL4SMGP.007, SPL4SMGP.008, "),
        ("scene.extent", "large", "expected full or small."),
        ("scene.seed", None, "expected a whole number of at least 0"),
        ("quality", None, "expected a mapping with keys vegetation, temperature, minimum_days, "),
        ("quality.minimum_days", "few", "expected a whole number of at least 1"),
        ("quality.minimum_days", 0, "expected a whole number of at least 1 and at"),
        ("quality.minimum_days", True, "expected a whole number of at least 1"),
        ("quality.minimum_days", 2.5, "expected a whole number of at least 1"),
        ("quality.minimum_valid_fraction", 0, "expected a number of more than 0 and at most 1."),
        ("quality.minimum_target_share", 90, "expected a number of at least 0 and at most 1; 90 % is 0.9."),
        ("quality.minimum_target_share", ".nan", "expected a number"),
        ("quality.minimum_target_share", "nan", "expected a number"),
        ("quality.vegetation", "best", "expected good or fair."),
        ("model.trees", 0, "expected a whole number of at least 1."),
        ("model.min_leaf", "big", "expected auto, or a whole number of at least 1."),
        ("model.min_leaf", 0, "expected auto, or a whole number of at least 1."),
        ("model.min_leaf", True, "expected auto, or a whole number of at least 1."),
        ("model.test_fraction", 20, "expected a number of at least 0.05 and at most 0.5; 20 % is 0.2."),
        ("model.kind", "forest", "expected random_forest, extra_trees, hist_gradient_boosting or linear."),
        ("model.method", "other", "expected detail or absolute."),
        ("model.trend", "cubic", "expected none or linear."),
        ("model.detail_ratio", 5, "expected auto, or a whole number of at least 2 and at most 4."),
        ("model.seed", -1, "expected a whole number of at least 0"),
        ("map.reconcile", "perhaps", "expected true or false, or warranted."),
        ("map.block", 4, "expected a whole number of at least 8."),
        ("map.interval", 1, "expected a number of at least 0.5 and at most 0.99, or null."),
        *(
            ("map.interval", value, "expected a number of at least 0.5 and at most 0.99, or null; 90 % is 0.9.")
            for value in (90, "90", "90 %")
        ),
        ("predictors.temperature", "MOD13A1.061", "expected MOD11A1.061 or MYD11A1.061."),
        ("predictors.vegetation", 13, "expected MOD13A1.061, MYD13A1.061"),
        (
            "predictors.use",
            "evi",
            (
                f"expected a list of one or more, each {PREDICTORS} or the name of a layer; "
                'on the command line: --config \'predictors={"use": ["evi"]}\'.'
            ),
        ),
        ("predictors.use", [], f"expected a list of one or more, each {PREDICTORS} or the name of a layer."),
        ("predictors.use", ["evi", "evi"], "evi occurs more than once."),
        ("predictors.layers", [__file__], "expected a mapping of names to paths of rasters, or to mappings"),
        ("predictors.use[0]", "lst", f"expected {PREDICTORS}, or the name of a raster in `predictors.layers`."),
        *(
            (
                "predictors.use[0]",
                name,
                f"expected {PREDICTORS}, or the name of a raster in `predictors.layers`; did you mean lst_night?",
            )
            for name in ("lst-night", "LST_Night")
        ),
        *(
            (
                "predictors.layers.soil",
                value,
                "expected a path of a raster, or a mapping with keys path and resampling.",
            )
            for value in (5, None, True, [__file__])
        ),
        ("months", 2021, f"expected {MONTHS}; "),
        ("months", "2021-08", f"expected {MONTHS}; on the command line: --config 'months=[\"2021-08\"]'."),
        ("months", [], f"expected {MONTHS}."),
        ("months", ["2021-08", "2021-07", "2021-08"], "2021-08 occurs more than once."),
        ("months[0]", "2015-03", "SMAP's first whole month is 2015-04."),
        *(
            ("months[0]", month, "expected a month as YYYY-MM, for example 2021-08.")
            for month in ("2021-13", "0000-01", "August")
        ),
        ("months[0]", date(2021, 8, 1), "expected a month as YYYY-MM."),
        ("regions", [], "expected a list of one or more, each a mapping with keys name, bbox, "),
        ("regions[0].outline", "absent.gpkg", "there is no such file (paths start at "),
        ("regions[0].bbox", [104, 45, 104, 50], "west and east are the same longitude; expected four numbers in "),
        ("regions[0].bbox", [180, 45, -180, 50], "west and east are the same longitude; expected four numbers in "),
        ("regions[0].bbox", [170, 50, 190, 60], "longitudes lie between -180 and 180 degrees."),
        ("regions[0].bbox", [96, 50, 104, 45], "south must be less than north; expected four numbers in degrees, "),
        ("regions[0].bbox", [45, 96, 50, 104], "it looks as if latitude and longitude are swapped; expected four "),
        ("regions[0].bbox", [96, 45, 104, 86], "the grid ends at 85° north and south."),
        ("regions[0].bbox", [196, 45, 204, 50], "longitudes lie between -180 and 180 degrees."),
        *(
            ("regions[0].name", name, "expected a short name of a-z, 0-9 and -")
            for name in ("Khangai", "a/b", "-a", "a\n")
        ),
        ("regions[0].country", "Mongolia", "expected three capital letters, or null."),
        (
            "regions[0].bbox",
            [104, 45, 96, 50],
            "west > east is a box across 180°, and this one would be 352° wide: west and east look swapped.",
        ),
        *(
            ("regions[0].bbox", box, "expected four numbers in degrees, [west, south, east, ")
            for box in ([96, 45, 104], "96,45,104,50", [96, 45, 104, "north"], [96, 45, 104, True], [96, 45, 104, None])
        ),
        ("archive", 5, "expected a path, or null."),
        ("field_points", "absent.csv", "there is no such file (paths start at "),
        ("compare[0].name", "a,b", "expected a name of letters, digits, blanks and . _ - that begins with"),
        ("compare[0].band", 0, "expected a whole number of at least 1."),
        ("compare[0].scale", 0, "expected a number of more than 0."),
    ],
)
def test_a_wrong_value_gets_one_sentence(key: str, value: object, expected: str) -> None:
    (said,) = problems(written(key, value))
    assert said.startswith(f"`{key}` is {json.dumps(value, default=str)}: {expected}")
    assert said.endswith((".", "?"))


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"month": ["2021-08"]}, '`month` is not a key (its value is ["2021-08"]): did you mean `months`?'),
        (
            {"quality": {"minimum_day": 3}},
            "`quality.minimum_day` is not a key (its value is 3): did you mean `quality.minimum_days`?",
        ),
        ({"trees": 100}, "`trees` is not a key (its value is 100): did you mean `model.trees`?"),
        (
            {"map": {"xyz": 1}},
            "`map.xyz` is not a key (its value is 1): expected one of map.reconcile, map.interval, map.block.",
        ),
        (
            region(bbox=BOX, box=BOX),
            "`regions[0].box` is not a key (its value is [96.0, 45.0, 104.0, 50.0]): did you mean `regions[0].bbox`?",
        ),
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
                ({"Clay": __file__}, "`: Clay cannot name a layer: take a-z, 0-9 and _, beginning with a letter."),
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
        ({"months": ["2021-08", "2999-12"]}, '`months[1]` is "2999-12": it lies in the future (today is '),
        (
            {"regions": "khangai"},
            (
                '`regions` is "khangai": expected a list of one or more, each a mapping with keys name, bbox, outline, '
                "country; on the command line: --config "
                '\'regions=[{"name": "khangai", "bbox": [96.0, 45.0, 104.0, 50.0]}]\'.'
            ),
        ),
        (
            {"regions": {"name": "here", "bbox": BOX}},
            '`regions` is {"name": "here", "bbox": [96.0, 45.0, 104.0, 50.0]}: expected a list',
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
        (
            {"points": {"depth": [0, 5]}, "compare": "x.tif"},
            '`compare` is "x.tif": expected a list, each a mapping with',
        ),
        ({"compare": [{"name": "NASA"}]}, "`compare[0].path` is missing: expected a path."),
        (
            {"compare": [{"name": "NASA", "path": __file__, "bands": 2}]},
            "`compare[0].bands` is not a key (its value is 2): did you mean `compare[0].band`?",
        ),
        (
            {"compare": [{"name": "NASA", "path": "absent.tif"}]},
            '`compare[0].path` (NASA) is "absent.tif": there is no such file as absent.tif (paths start at ',
        ),
        (
            {"compare": [{"name": "NASA", "path": __file__}], "months": ["2021-07", "2021-08"]},
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
            {"source": "archive", "archive": ".", "compare": [{"name": "NASA", "path": __file__}]},
            "`compare` names maps, but `field_points` is null: give points to compare them at, or leave it out.",
        ),
        (
            {"points": {"units": "percent"}},
            "`points` says how `field_points` are read, but `field_points` is null: give the path of your points, or ",
        ),
        *(
            ({"field_points": __file__, "points": points}, sentence)
            for points, sentence in (
                ({"units": "%"}, '`points.units` is "%": expected m3/m3 or percent.'),
                ({"depth": 5}, f"`points.depth` is 5: expected {LIMITS}, [top, bottom]; on the command line: "),
                ({"depth": [0, 0.05]}, f"`points.depth` is [0, 0.05]: it looks like metres; expected {LIMITS}, for "),
                (
                    {"depth": [10, 5]},
                    f"`points.depth` is [10, 5]: expected {LIMITS} below the surface, [top, bottom].",
                ),
                ({"columns": {"lon": "x"}}, '`points.columns.lon` is not a key (its value is "x"): '),
                ({"columns": {"id": None}}, "`points.columns.id` is null: expected text."),
            )
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
