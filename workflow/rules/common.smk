# The checked configuration, paths and targets, and functions of wildcards, which hand to rules what the library
# (kilomoist.planning) says a run needs. In files of rules Snakemake wants no functions.

import gc
import itertools
import logging
import os
import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# A plan is made of objects that stay. To look through them again and again took a quarter of Snakemake's start.
gc.freeze()
gc.set_threshold(100_000)

# A checkout has the library. Of a module that it takes from a repository, Snakemake fetches files one by one.
if isinstance(workflow.current_basedir, os.PathLike):
    sys.path.insert(0, str(Path(workflow.current_basedir).parent / "scripts"))
    # Its jobs too, where that of another checkout is installed.
    FOLDERS = "PYTHONPATH"
    os.environ[FOLDERS] = os.pathsep.join(filter(None, [sys.path[0], os.environ.get(FOLDERS)]))
elif find_spec("kilomoist") is None:
    sys.exit(
        "Error: kilomoist is not installed where Snakemake runs: pip install the repository that its rules are from."
    )

from snakemake.logging import is_quiet_about, logger
from snakemake_interface_logger_plugins.common import LogEvent

from kilomoist.configuration.loading import check_file
from kilomoist.configuration.schema import load
from kilomoist.configuration.types import SCENE_EXTENTS
from kilomoist.dependencies import fingerprint
from kilomoist.disks import NEED
from kilomoist.errors import InputError
from kilomoist.files import remove_abandoned
from kilomoist.granules.archive import search_archive
from kilomoist.planning import needs, outcomes, progress, requirements, room
from kilomoist.products import PRODUCTS

ENVIRONMENT = "../envs/environment.yaml"
RUN = "results/{region}/{month}"
BLOCK = f"{RUN}/blocks/{{block}}"
RULE_SECONDS = cache(progress.rule_seconds)
TIMES = {"runtime": needs.minutes, "expected_seconds": needs.expected}
# Tables of Snakemake's report: each has a caption of its name.
IN_REPORT = ["verdict", "scores", "gain", "coverage", "quality", "granules", "shift", "agreement"]
IN_REPORT += ["product_differences", "truth", "months", "field_months"]
IN_REPORT += ["field_validation", "field_within_cells", "field_coverage", "residual_weight"]


for folder in ("results", "resources"):
    if Path(folder).exists() and not Path(folder).is_dir():
        sys.exit(
            f"Error: {Path(folder).resolve()} is a file where a folder is needed: move it or use another --directory."
        )


def checked(function, *arguments):
    """Call a function; for what a user can mend show its sentence alone and stop."""
    try:
        return function(*arguments)
    except InputError as error:
        sys.exit(f"Error: {error}".replace("\n", "\nError: "))


# A file is looked at before Snakemake loads it, one of --configfile after; another workflow's are its own.
if workflow.is_main_process and not workflow.modifier.skip_configfile:
    for path in [*workflow.overwrite_configfiles, *filter(Path.exists, [Path("config/config.yaml")])]:
        checked(check_file, path)

# In another working directory the defaults are those of the typed model, which this file shows.
if Path("config/config.yaml").exists():

    configfile: "config/config.yaml"


CONFIG = checked(load, config)
REGIONS = {region.name: region for region in CONFIG.regions}
SCENE = CONFIG.scene.name
OWN_POINTS = checked(needs.field_point_files, CONFIG)
# What the models of both methods are called: the one that makes the map, and the other, which it is compared with. The
# study's is `absolute`.
STUDY, DETAIL = ("model", "alternative") if CONFIG.model.method == "absolute" else ("alternative", "model")
# How much of the predictors' detail repeats: `absolute` maps no detail.
RELIABILITY = [f"{RUN}/tables/full/agreement.parquet"] if CONFIG.model.method == "detail" else []
ARCHIVE = checked(search_archive, CONFIG.archive, needs.products(CONFIG)) if CONFIG.source == "archive" else {}
SHORT = checked(requirements.shortages, CONFIG, ARCHIVE)
LEFT_OUT = requirements.left_out(CONFIG, SHORT)
MONTHS = {region: [month for month in sorted(CONFIG.months) if (region, month) not in LEFT_OUT] for region in REGIONS}


# The last three are the configuration's, so that rules cannot make any other.
wildcard_constraints:
    month=r"\d{4}-(0[1-9]|1[0-2])",
    block=r"r\d+c\d+",
    product=r"[A-Z0-9_]+\.\d{3}",
    tile=r"h\d\dv\d\d",
    raster="soil_moisture|interval|quality",
    vector="svg|pdf",
    scene_name=re.escape(SCENE),
    source=CONFIG.source,
    region="|".join(REGIONS),


def code(script):
    """Changes when a script or a module that it imports does: a parameter of every rule, so that it runs again.

    A function, because each job reads all rules in a process of its own and needs to know the code of one.
    """
    return lambda wildcards: fingerprint(Path(workflow.source_path(f"../scripts/{script}.py")))


def pending(rule):
    """Jobs of a rule, whatever it is called in another workflow, that this run needs and has not done."""
    return [job for job in workflow.dag.needrun_jobs() if job.rule == rule.rule]


def runs_of(jobs):
    """Regions and months that jobs alone belong to, in their order; what is made from all months of a region too."""
    found = {}
    for job in jobs:
        if region := job.wildcards.get("region"):
            month = job.wildcards.get("month")
            own = any(str(path).startswith(f"results/{region}/{month}/") for path in job.output)
            found[region, month if own else outcomes.ALL_MONTHS] = None
    return list(found)


def main_files():
    """What a user looks at first, by the regions and months of this run."""
    files = {run: f"results/{run[0]}/index.html" for run in runs_of(workflow.dag.jobs)}
    maps = {(region, month): f"{RUN}/soil_moisture.tif" for region, month in files if month != outcomes.ALL_MONTHS}
    return files | {run: path.format(region=run[0], month=run[1]) for run, path in maps.items()}


def failed_jobs():
    """Jobs that failed in this run, each with the runs that it belongs to and those that need it."""
    dag, found = workflow.dag, {}
    for job in itertools.chain(*(getattr(failed, "jobs", [failed]) for failed in workflow.scheduler.failed)):
        waiting = runs_of(dag.bfs(dag.depending, job))
        found[job] = outcomes.Failure(next(iter(job.log), ""), frozenset(runs_of([job])), frozenset(waiting))
    return found


def expected_seconds(job):
    """Seconds that a job took in an earlier run here, else its rule's others did, else it was measured to take."""
    own = job.benchmark and progress.seconds_before(job.benchmark)
    return own or RULE_SECONDS(job.rule.name) or job.resources.get("expected_seconds", progress.USUAL_SECONDS)


def tell_progress():
    """From now on tell after jobs how far the run is by time."""
    jobs = list(workflow.dag.needrun_jobs())
    known = progress.Progress({job.jobid: expected_seconds(job) for job in jobs})

    def tell(record):
        if getattr(record, "event", None) == LogEvent.PROGRESS:
            if told := known.told(job.jobid for job in workflow.dag.needrun_jobs()):
                logger.info(told)
        return True

    if not is_quiet_about(workflow.output_settings.quiet or (), "progress"):
        logger.addFilter(tell)


def log_of(rule, wildcards):
    """Path of a rule's log, by the part of it that its wildcards make, such as `{region}/{month}`."""
    return f"results/logs/{rule}/{wildcards}.log"


def benchmark_of(rule, wildcards):
    """Path of what Snakemake measures of a rule's job, as `log_of`."""
    return f"results/benchmarks/{rule}/{wildcards}.tsv"


def named(folder, *files):
    """Files of a folder, each named by its stem."""
    return {Path(file).stem: f"{folder}/{file}" for file in files}


def figure(name):
    """A figure of a run, with the caption of its name in Snakemake's report."""
    labels = {"region": "{region}", "month": "{month}", "kind": name.replace("_", " ")}
    return report(
        f"{RUN}/figures/{name}.png", caption=f"../report/figures/{name}.rst", category="Figures", labels=labels
    )


def table(folder, name):
    """A table as people read it; in Snakemake's report if it has a caption there."""
    path = f"{folder}/tables/{name}.csv"
    if name not in IN_REPORT:
        return path
    labels = {"region": "{region}", "month": "{month}" if folder == RUN else "all", "kind": name.replace("_", " ")}
    return report(path, caption=f"../report/tables/{name}.rst", category="Tables", labels=labels)


def tables(folder, *names):
    return [table(folder, name) for name in names]


def keys(*names):
    """Values of the configuration, each named by its key without the section, such as `quality.minimum_days`."""
    values = CONFIG.model_dump(mode="json")
    return {key: values[section][key] for section, key in (name.split(".") for name in names)}


def learner(*names):
    """Keys of `model` that a rule's learner is built from: those that it uses alone, lest another rerun it."""
    return {name: getattr(CONFIG.model, name) for name in names}


def scene(*names):
    """Keys of `scene` that a job's scene is made from, its extent in degrees: those that it uses alone."""
    keys = CONFIG.scene.model_dump() | {"extent": SCENE_EXTENTS[CONFIG.scene.extent]}
    return {name: keys[name] for name in names}


def blocks(region):
    """Windows of cells by the name of the block."""
    return checked(needs.blocks, REGIONS[region], CONFIG.map.block)


def bbox(wildcards):
    return REGIONS[wildcards.region].bbox


def outline(wildcards):
    """The vector file that cuts a region, as a list; empty without."""
    region = REGIONS[wildcards.region]
    if region.country:
        return [f"resources/outlines/{region.country}.geojson"]
    return [str(region.outline.path)] if region.outline else []


def outline_layer(wildcards):
    """The layer of the user's vector file; None without, and where it is the only one with polygons."""
    outline = REGIONS[wildcards.region].outline
    return outline and outline.layer


def of_blocks(name):
    """An input function for a file of every block of a region."""
    return lambda wildcards: expand(f"{BLOCK}/{name}", **wildcards, block=blocks(wildcards.region))


def of_months(name):
    """An input function for a file of every month of a region."""
    return lambda wildcards: expand(f"{RUN}/{name}", region=wildcards.region, month=MONTHS[wildcards.region])


def only(regions):
    """A pattern of the names of some regions, for rules whose outputs others do not have."""
    return "|".join(regions) or "(?!)"


def growing(ask, base, **slopes):
    """What to ask for by what was measured: a part that all jobs take, and more with a job's region or block."""

    def asked(wildcards, attempt):
        windows = blocks(wildcards.region).values() if any(slopes.values()) else ()
        return ask(needs.measured(base, windows, **slopes), attempt)

    return asked


def measured(mb, seconds, of_region=(0, 0), of_block=(0, 0)):
    """Memory and time to ask for, by MB and seconds that were measured, of both so much more for a thousand cells.

    `expected_seconds` is the time itself, by which a run tells how far it is.
    """
    memory = growing(needs.memory, mb, of_region=of_region[0], of_block=of_block[0])
    of_time = {"of_region": of_region[1], "of_block": of_block[1]}
    asked = {name: growing(ask, seconds, **of_time) for name, ask in TIMES.items()}
    return {"mem_mb": memory, **asked}


def target_granules(wildcards):
    return granules_of(PRODUCTS[wildcards.product], wildcards)


def tile_granules(wildcards):
    """Granules, as `granules_of`, of each product that a tile's composites are made from, by its name."""
    *read, _ = needs.products(CONFIG)
    return {name: granules_of(PRODUCTS[name], wildcards) for name in sorted(product.name for product in read)}


def granules_of(product, wildcards):
    """Granules, or receipts or folders of them, of a product and month, on a tile where the product has tiles."""
    wanted = product, wildcards.get("tile"), wildcards.month
    if CONFIG.source == "earthdata":
        return needs.receipts(*wanted)
    if CONFIG.source == "archive":
        return needs.archived_granules(ARCHIVE, *wanted)
    return [f"resources/simulated/{SCENE}/{path}" for path in needs.simulated_granules(*wanted)]


def composites(wildcards):
    """Composites of every product in use on every tile of a region, in the order of `tile_keys`."""
    return [
        f"results/composites/{CONFIG.source}/{product}/{tile}/{wildcards.month}.tif"
        for product, tile in tile_keys(wildcards)
    ]


def tile_keys(wildcards):
    return checked(needs.composite_keys, CONFIG, REGIONS[wildcards.region])


def composite_inventories(wildcards):
    """Inventories of a run's composites, of granules used and absent."""
    return [path.replace(".tif", ".granules.json") for path in composites(wildcards)]


def months_with(wildcards):
    """Months of a region's run, and the one that is asked for, by which its products are compared."""
    return sorted({*MONTHS[wildcards.region], wildcards.month})


def product_differences(wildcards):
    """Table of what is taken away of products that measure the same, as a list; empty where none do."""
    return (
        [f"{RUN}/tables/full/product_differences.parquet".format(**wildcards)]
        if needs.shared_quantities(CONFIG)
        else []
    )


def target_mean(wildcards):
    return f"results/composites/{CONFIG.source}/{CONFIG.target}/{wildcards.month}.tif"


def target_passes(wildcards):
    """The target's mean, whose cells may have too few passes, as a list; empty where its fields have no gaps."""
    return [target_mean(wildcards)] if PRODUCTS[CONFIG.target].passes else []


def inventories(wildcards):
    """Inventories of a run's composites and of its target."""
    return [*composite_inventories(wildcards), target_mean(wildcards).replace(".tif", ".granules.json")]


def layer_files(wildcards):
    return [str(layer.path) for layer in CONFIG.predictors.layers_in_use().values()]


def points_path(wildcards):
    """The user's points, or those of a simulated scene."""
    if CONFIG.field_points:
        return str(CONFIG.field_points)
    return f"resources/simulated/{SCENE}/truth/{wildcards.month}/field_points.csv"


def point_files(wildcards):
    """Files of field points."""
    return OWN_POINTS or ([points_path(wildcards)] if CONFIG.source == "simulated" else [])


def field_files(wildcards):
    """Files of field points, and of the maps that are compared at them."""
    compared = needs.compared(CONFIG, wildcards.month)
    return [*point_files(wildcards), *(file for raster in compared for file in raster["files"])]


# Those that people open.
RASTERS = ["soil_moisture", "quality", "quality_class", "applicability"]
RASTERS += ["soil_moisture_9km", "target_weight_9km", "predictors"]
RASTERS += ["interval"] if CONFIG.map.interval else []


def intervals(wildcards):
    """The raster of a run's intervals, as a list; empty without."""
    return [f"{RUN}/interval.tif".format(**wildcards)] if CONFIG.map.interval else []


def run_rasters(wildcards):
    """Rasters of a run that `open_run` opens."""
    return rasters_of(wildcards.region, wildcards.month)


def rasters_of(region, month):
    """Public rasters of a run but its predictors, and what `quality.tif` says already."""
    names = [name for name in RASTERS if name not in ("predictors", "quality_class")]
    return expand(f"{RUN}/{{name}}.tif", region=region, month=month, name=names)


def zone_files(wildcards):
    """The vector file of the user's zones, as a list; empty without."""
    return [str(CONFIG.export.zones.path)] if CONFIG.export.zones else []


def place_files(wildcards):
    """The table of the user's places, as a list; empty without."""
    return [str(CONFIG.export.points)] if CONFIG.export.points else []


def run_tables():
    """Tables of every run, and those of one with field points, by name."""
    of_run = ["verdict", "scores", "gain", "maps", "quality", "granules"]
    of_run += ["correlation", "importance", "partial_dependence"]
    of_run += ["shift", "shift_histograms", "differences", "score_intervals", "variogram", "predictions"]
    of_run += [f"{trained}_search" for trained in needs.scored_models(CONFIG)]
    of_points = ["field_validation", "field_within_cells", "residual_weight", "field_differences", "field_intervals"]
    of_points += ["field_points", "field_points_unused", "residual_points"]
    if CONFIG.source == "simulated":
        of_run.append("truth")
    if needs.shared_quantities(CONFIG):
        of_run.append("product_differences")
    if CONFIG.map.interval:
        of_run.append("coverage")
        of_points.append("field_coverage")
    if CONFIG.model.method == "detail":
        of_run.append("agreement")
    return of_run, of_points


def run_figures():
    """Figures of every run, and those of one with field points, by name."""
    of_run = ["correlation", "importance", "partial_dependence", "predicted_observed", "maps", "quality", "shift"]
    if needs.shared_quantities(CONFIG):
        of_run.append("product_differences")
    if CONFIG.map.interval:
        of_run.append("coverage")
    return of_run, ["field_validation", "residual_weight"]


def own(of_run, of_points, region):
    """What a run of a region has, of `run_tables` or `run_figures`."""
    return of_run + of_points if region in WITH_POINTS else of_run


def full_tables(wildcards):
    """Tables of a run in full precision."""
    return expand(f"{RUN}/tables/full/{{table}}.parquet", table=own(*run_tables(), wildcards.region), **wildcards)


def drawn_tables(wildcards):
    """Tables that the figures of a run show."""
    others = {"predicted_observed": ["predictions", "scores", "score_intervals"], "maps": ["maps", "verdict"]}
    others["shift"] = ["shift", "shift_histograms"]
    others["field_validation"] = ["field_points", "field_validation", "field_intervals"]
    others["residual_weight"] = ["residual_points", "residual_weight"]
    figures = own(*run_figures(), wildcards.region)
    names = [f"tables/full/{table}" for name in figures for table in others.get(name, [name])]
    return expand(f"{RUN}/{{name}}.parquet", name=["protocols/one_scale_up", *names], **wildcards)


def run_files(region):
    """The public files of a run, by their names in its folder."""
    figures, tables = own(*run_figures(), region), own(*run_tables(), region)
    names = ["README.txt", "map.html", "report.html", "report.pdf", "samples.parquet", "model.skops", "provenance.json"]
    names += [*expand("{name}.{kind}", name=RASTERS, kind=["tif", "qml"]), "tables/columns.csv"]
    names += ["quality.tif.aux.xml", "quality_class.tif.aux.xml"]
    names += expand("tables/full/{name}.parquet", name=tables)
    return names + expand("tables/{name}.csv", name=tables) + expand("figures/{name}.png", name=figures)


def region_files(region):
    """The public files of a region beside those of its months, by their names in its folder."""
    tables = ["months", "month_intervals"] if len(MONTHS[region]) > 1 else []
    tables += ["field_months"] if region in WITH_POINTS and len(MONTHS[region]) > 2 else []
    names = expand("tables/full/{name}.parquet", name=tables) + expand("tables/{name}.csv", name=tables)
    return ["index.html", "README.txt", *names] if MONTHS[region] else []


def report_tables(region):
    """Tables that the report of a run tells of."""
    of_interval = ["coverage"] if CONFIG.map.interval else []
    of_points = [*point_parts(region), *(["field_coverage"] if CONFIG.map.interval and region in WITH_POINTS else [])]
    return ["verdict", "scores", "maps", "quality", "granules", *of_interval, *of_points]


def report_figures(region):
    return ["maps", "quality", *point_parts(region)]


def point_parts(region):
    return ["field_validation"] if region in WITH_POINTS else []


def point_counts(wildcards):
    """What became of the field points of a run, as a list; empty without."""
    return expand(f"{RUN}/protocols/field_points.json", **wildcards) if wildcards.region in WITH_POINTS else []


def export_files(region):
    """What is exported of each run of a region, by its path in the run's folder."""
    drawn = [Path(name).stem for name in run_files(region) if name.startswith("figures/")]
    vectors = [name for name in ("svg", "pdf") if name in CONFIG.export.formats]
    return needs.exports(CONFIG) + expand("exports/figures/{name}.{vector}", name=drawn, vector=vectors)


def assets(region):
    """Files of a run that its STAC item lists."""
    return [*run_files(region), *(name for name in export_files(region) if not name.endswith("item.json"))]


def targets():
    """The public files of every run and region, and the exports that are asked for."""
    files = []
    for region, months in MONTHS.items():
        names = [*run_files(region), *export_files(region), *(["comparison.tif"] if CONFIG.map.comparison else [])]
        files += expand(f"{RUN}/{{name}}", region=region, month=months, name=names)
        regional = [*region_files(region), *needs.region_exports(CONFIG)] if months else []
        files += [f"results/{region}/{name}" for name in regional]
    # Catalogues of months that are left out too, so that they are asked for anew with the others.
    return files + (checked(needs.catalogues, CONFIG) if LEFT_OUT else [])


def warn(function, *arguments):
    """Show the sentences that a function gives."""
    for sentence in checked(function, *arguments):
        logger.warning(sentence)


logger.addFilter(outcomes.shorten_inputs)
logging.raiseExceptions = False  # on a full disk each message for Snakemake's own log would be a traceback
WITH_POINTS = set(checked(requirements.check_inputs, CONFIG))
if workflow.is_main_process:  # what is told once need not be looked for in every job again
    MIXED = checked(requirements.mixed_products, CONFIG, ARCHIVE, SHORT)
    if CONFIG.source == "archive":  # of NASA's catalogues a new search may find more
        checked(requirements.check_runs, MIXED, MIXED)
    warn(requirements.warnings_of, CONFIG, config)
    warn(requirements.granule_warnings, CONFIG, ARCHIVE, SHORT)
    warn(requirements.raster_warnings, CONFIG)
    warn(requirements.point_warnings, CONFIG, WITH_POINTS)
    warn(requirements.export_warnings, CONFIG)
