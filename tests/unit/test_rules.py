"""Rules as Snakemake knows them: what each says of itself, and that its script asks for what it hands over."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.api import SnakemakeApi
from snakemake.iocontainers import Namedlist
from snakemake.rules import Rule
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings
from workflow_runs import ROOT, SMALL

from kilomoist.dependencies import fingerprint
from kilomoist.planning.needs import CATALOGUE, RECEIPT
from kilomoist.products import PRODUCTS

SCRIPTS = ROOT / "workflow/scripts"
WITHOUT_CODE = {"list_granules", "retrieve_granule", "plan", "doctor"}
"""Rules of NASA's granules: an edit of the library must not fetch or list anything again."""
WITHOUT_NAMES = {"composite_tile": 1, "validate_field": 1, "weigh_residual": 1}
"""Input functions and files that only say when to run again, and are not handed over."""
SHARED = dict.fromkeys(
    ("write_tables_with_points", "write_month_tables", "write_field_month_tables"), "write_tables"
) | dict.fromkeys(("draw_figures_with_points", "export_figures", "export_figures_with_points"), "draw_figures")
"""Rules that run the script of another: on other files, with field points, or to draw figures in another format."""

STEPPE, NO_FILES = Namedlist(fromdict={"region": "steppe"}), Namedlist(fromdict={"others": []})


@contextmanager
def loaded(config: Mapping[str, Any], folder: Path) -> Iterator[dict[str, Rule]]:
    """Every rule with a script, by its name, of a configuration."""
    paths = list(sys.path)
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        settings = ResourceSettings(cores=1), ConfigSettings(config=config)
        workflow = api.workflow(*settings, snakefile=ROOT / "Snakefile", workdir=folder)
        yield {rule.name: rule for rule in workflow._workflow.rules if rule.script}
    sys.path[:] = paths


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Rule]]:
    with loaded(SMALL, tmp_path_factory.mktemp("rules")) as found:
        yield found


def named(files: Namedlist, without: int = 0) -> list[str]:
    """Names of a rule's files, each of which must have one, but for so many."""
    counts = [len(value) if isinstance(value, list) else 1 for _, value in files.items()]
    assert sum(counts) == len(files) - without
    return [key for key, _ in files.items()]


def test_every_rule_says_what_it_needs(rules: dict[str, Rule]) -> None:
    """Threads, memory and time; on a cluster the latter two grow with the attempt, so that retries help."""
    assert len(rules) > 30
    for name, rule in rules.items():
        assert rule.message, name
        assert [Path(log).parts[:3] for log in rule.log] == [("results", "logs", name)]
        if name not in ("plan", "doctor"):  # which must have no output
            assert Path(rule.benchmark).parts[:3] == ("results", "benchmarks", name)
        assert rule.ruleinfo.threads >= 1, name
        first, second = (rule.expand_resources(STEPPE, NO_FILES, attempt) for attempt in (1, 2))
        for need in ("mem_mb", "runtime"):
            assert first[need] > 0, name
            assert second[need] == first[need] * (1 if rule.ruleinfo.localrule else 2), name


def test_rules_of_granules_make_files_of_every_product(rules: dict[str, Rule]) -> None:
    """And of no other: a lower case letter, or a version of two digits, is nobody's."""
    for product in PRODUCTS.values():
        (place, extent), month = ("h24v04", "h24v04") if product.tiled else ("0130", "global"), "2026-08"
        wanted = {"list_granules": CATALOGUE, "retrieve_granule": RECEIPT}
        for name, path in wanted.items():
            for called in (product.name, product.name.lower(), product.name[:-1]):
                asked = path.format(product=called, place=place, extent=extent, month=month, day="2026-08-29")
                assert rules[name].is_producer(asked) == (called == product.name), asked


def test_one_rule_makes_what_a_run_has_with_field_points_or_without(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("id,longitude,latitude,soil_moisture\na,99,47,0.2\n")
    regions = [{"name": "steppe", "bbox": [98, 46.5, 100, 48]}, {"name": "east", "bbox": [100.2, 46.5, 101, 48]}]
    names = {"draw_figures": "figures/maps.png", "write_tables": "tables/scores.csv"}
    names["export_figures"] = "exports/figures/maps.svg"
    with loaded(SMALL | {"regions": regions, "field_points": "points.csv"}, tmp_path) as found:
        for rule, name in names.items():
            for region, expected in (("steppe", f"{rule}_with_points"), ("east", rule)):
                path = f"results/{region}/2021-08/{name}"
                assert [own for own in found if found[own].is_producer(path)] == [expected]


def test_every_rule_reruns_with_its_own_script(rules: dict[str, Rule]) -> None:
    assert rules.keys() == {path.stem for path in SCRIPTS.glob("*.py")} | SHARED.keys()
    for name, rule in rules.items():
        script = SHARED.get(name, name)
        assert rule.script == f"../scripts/{script}.py"
        code = rule.params.get("code")
        assert (code is None) == (name in WITHOUT_CODE), name
        assert code is None or code(STEPPE) == fingerprint(SCRIPTS / f"{script}.py"), name


def test_benchmarks_run_every_job_of_theirs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A parameter or a file that came or went would else be noticed by who measures."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    regions = import_module("simulated_regions")
    region = regions.Region(str(tmp_path), (204, 2400, 24, 24), 24, "linear")
    for prepare in regions.PREPARATIONS.values():
        prepare(region)
    ordered = import_module("memory").RULES
    assert set(ordered) == regions.JOBS.keys()
    for name in ordered:
        regions.JOBS[name](region, next(iter(region.blocks)))
    assert (tmp_path / "map.html").stat().st_size > 100_000


def test_scripts_ask_for_what_their_rules_name(rules: dict[str, Rule]) -> None:
    for name, rule in rules.items():
        script = SHARED.get(name, name)
        asked = signature(getattr(import_module(script), script)).parameters
        files = [*named(rule.input, WITHOUT_NAMES.get(name, 0)), *named(rule.output)]
        given = [*files, *(key for key, _ in rule.params.items() if key != "code")]
        assert len(given) == len(set(given)), name
        assert not set(given) & rule.wildcard_names, name
        assert set(given) <= asked.keys(), name
        needed = {key for key, parameter in asked.items() if parameter.default is Parameter.empty}
        assert needed - set(given) <= rule.wildcard_names | {"threads"}, name
        assert {parameter.kind for parameter in asked.values()} == {Parameter.KEYWORD_ONLY}, name


def test_profile_for_slurm_names_rules_that_are_there(rules: dict[str, Rule]) -> None:
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text(encoding="utf-8"))
    assert set(profile["slurm-array-jobs"].replace(" ", "").split(",")) <= rules.keys()
    # The plugin loses jobs of an array's rule when Snakemake may not start all that are ready.
    assert profile["jobs"] >= 100_000
    assert profile["max-jobs-per-timespan"] == f"{profile['jobs']}/1s"
