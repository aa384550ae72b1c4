# Configuration, and every function that rules use to name their inputs and parameters.

import os
import re
import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(workflow.current_basedir).parent / "scripts"))

from snakemake.logging import logger

from kilomoist.calendars import model_only_days, month_range, slots
from kilomoist.configuration.keys import DEFAULT_REGIONS
from kilomoist.configuration.types import SCENE_EXTENTS
from kilomoist.configuration.sentences import load
from kilomoist.dependencies import fingerprint
from kilomoist.errors import InputError
from kilomoist.files import remove_abandoned
from kilomoist.grids import signed_longitude
from kilomoist.products import PRODUCTS, TERRAIN
from kilomoist.regions import blocks_of, cells_of, region_area, tiles_of

# In another working directory the defaults are those of the typed model, which this file shows.
if Path("config/config.yaml").exists():

    configfile: "config/config.yaml"


ENVIRONMENT = "../envs/environment.yaml"
RUN = "results/{region}/{month}"
FOLDED = ("random_folds", "blocks", "knndm")
BLOCK = f"{RUN}/blocks/{{block}}"
COMPOSITES = "results/composites/{source}/{product}"
SIMULATED = "resources/simulated/{scene_name}"
STORE = "resources/granules"


wildcard_constraints:
    month=r"\d{4}-(0[1-9]|1[0-2])",
    block=r"r\d+c\d+",
    product=r"[A-Z0-9]+\.\d{3}",
    tile=r"h\d\dv\d\d",
    extent=r"h\d\dv\d\d|global",
    place=r"h\d\dv\d\d|\d{4}",
    day=r"\d{4}-\d{2}-\d{2}",
    trained="model|alternative",
    protocol="|".join(FOLDED),
    country=r"[A-Z]{3}",


for folder in ("results", "resources"):
    if Path(folder).exists() and not Path(folder).is_dir():
        sys.exit(
            f"Error: {Path(folder).resolve()} is a file where a folder is needed: move it or use another --directory."
        )


onstart:
    # A killed run leaves the files that it was writing. On a cluster its jobs may still be writing theirs.
    for folder in ("results", "resources"):
        remove_abandoned(folder)
    retrievals, searches = pending("retrieve_granule"), pending("list_granules")
    for job in retrievals:
        Path(job.log[0]).unlink(missing_ok=True)  # of an earlier run: this one tells its own reasons at its end
    if retrievals:
        checked(check_login, retrievals)
    elif searches:  # of a plan; with a login both are tried
        checked(check_catalogue, searches)


onerror:
    failed = [f"  {sentence}" for sentence in map(failure, pending("retrieve_granule")) if sentence]
    if failed:
        logger.error(
            f"{len(failed)} granules could not be fetched; all others are kept, and the next run fetches these alone:"
        )
        logger.error("\n".join(failed))


def checked(function, *arguments):
    """Call a function; for what a user can mend show its sentence alone and stop."""
    try:
        return function(*arguments)
    except InputError as error:
        sys.exit(f"Error: {error}".replace("\n", "\nError: "))


CONFIG = checked(load, config)
REGIONS = {region.name: region for region in CONFIG.regions}
SCENE = CONFIG.scene.name
HAS_POINTS = CONFIG.source == "simulated" or CONFIG.field_points is not None
# Of both methods the one that makes the map is trained, and each that is scored: `absolute` on the study's split.
SCORED = ["model"]
if CONFIG.model.method == "detail" or "degrade_restore" in CONFIG.evaluation.protocols:
    SCORED.append("alternative")
# Standard error of the target's cells, m³/m³: the user's, or what is known of it.
TARGET_ERROR = CONFIG.target_error
if TARGET_ERROR is None:
    TARGET_ERROR = CONFIG.scene.error if CONFIG.source == "simulated" else PRODUCTS[CONFIG.target].error
# The products that the predictors in use need, by role.
USED = {
    role: product
    for role, product in (("vegetation", CONFIG.predictors.vegetation), ("temperature", CONFIG.predictors.temperature))
    if set(PRODUCTS[product].quantities) & set(CONFIG.predictors.use)
}


# Rules take these from the configuration, so that they cannot make any other.
wildcard_constraints:
    scene_name=re.escape(SCENE),
    source=CONFIG.source,
    region="|".join(REGIONS),


def code(script):
    """Changes when a script or a module that it imports does: a parameter of every rule, so that it runs again."""
    return fingerprint(Path(workflow.source_path(f"../scripts/{script}.py")))


def log_of(rule, wildcards):
    """Path of a rule's log, by the part of it that its wildcards make, such as `{region}/{month}`."""
    return f"results/logs/{rule}/{wildcards}.log"


def benchmark_of(rule, wildcards):
    """Path of what Snakemake measures of a rule's job, as `log_of`."""
    return f"results/benchmarks/{rule}/{wildcards}.tsv"


def learner(*names):
    """Keys of `model` that a rule's learner is built from: those that it uses alone, lest another rerun it."""
    return {name: getattr(CONFIG.model, name) for name in names}


# --- Regions ----------------------------------------------------------------------------------------------------------


@cache
def area(region):
    """What a plan knows of a region; a country's outline is not there yet, but lies inside its box."""
    return checked(region_area, REGIONS[region].bbox, REGIONS[region].outline, region)


@cache
def tiles(region):
    return tiles_of(area(region))


@cache
def blocks(region):
    """Windows of cells by the name of the block."""
    return blocks_of(cells_of(area(region)), CONFIG.map.block)


def window(wildcards):
    block = blocks(wildcards.region)[wildcards.block]
    return [block.row, block.column, block.rows, block.columns]


def bbox(wildcards):
    return REGIONS[wildcards.region].bbox


def outline(wildcards):
    """The vector file that cuts a region, as a list of none or one."""
    region = REGIONS[wildcards.region]
    if region.country:
        return [f"resources/outlines/{region.country}.geojson"]
    return [str(region.outline)] if region.outline else []


def of_blocks(name):
    """An input function for a file of every block of a region."""
    return lambda wildcards: [
        f"results/{wildcards.region}/{wildcards.month}/blocks/{block}/{name}" for block in blocks(wildcards.region)
    ]


# --- Resources --------------------------------------------------------------------------------------------------------

# How many times what was measured is asked for (docs/cluster.md). A node and its files may be slower than those were.
MEMORY_MARGIN, TIME_MARGIN = 1.5, 5
# Snakemake itself, twice in each job on a cluster: once in the job, once in its step.
SNAKEMAKE_MB = 450
MIN_MINUTES = 10


def thousands_of_cells(region):
    """Of the region, and of its largest block: the same for all its blocks, because an array's jobs ask for one size."""
    cells = [block.rows * block.columns / 1000 for block in blocks(region).values()]
    return sum(cells), max(cells)


def measured(base, of_region, of_block, wildcards):
    """What a job was measured to take: a part that all do, and more for a thousand cells of its region or block."""
    if not of_region and not of_block:
        return base
    in_region, in_block = thousands_of_cells(wildcards.region)
    return base + of_region * in_region + of_block * in_block


def memory(base, *, of_region=0, of_block=0):
    """MB to ask for, by MB that were measured: with a margin, and more at each attempt."""
    return lambda wildcards, attempt: attempt * (
        SNAKEMAKE_MB + round(MEMORY_MARGIN * measured(base, of_region, of_block, wildcards))
    )


def minutes(base, *, of_region=0, of_block=0):
    """Minutes to ask for, by seconds that were measured: with a margin, and more at each attempt."""
    return lambda wildcards, attempt: attempt * max(
        MIN_MINUTES, round(TIME_MARGIN * measured(base, of_region, of_block, wildcards) / 60)
    )


# --- Granules ---------------------------------------------------------------------------------------------------------


@cache
def archive():
    """Granules of the archive, searched once when the workflow is read."""
    from kilomoist.granules.archive import search_archive

    products = [PRODUCTS[name] for name in (*USED.values(), CONFIG.target)]
    return checked(search_archive, CONFIG.archive, products)


@cache
def data():
    """What maps, models and figures say of the data behind them: an archive may hold simulated granules."""
    from kilomoist.granules.simulated import is_simulated

    if CONFIG.source != "archive":
        return CONFIG.source
    first = next(iter(archive().values()), None)
    return "archive of simulated granules" if first and is_simulated(first) else "archive"


def granules(wildcards):
    """Granules, or receipts or folders of them, of a product and month, on a tile where the product has tiles."""
    product, tile = PRODUCTS[wildcards.product], wildcards.get("tile")
    if CONFIG.source == "earthdata":
        return receipts(product, tile, wildcards.month)
    if CONFIG.source == "archive":
        keys = [(product.name, tile, slot.time) for slot in slots(product, wildcards.month)]
        return [str(archive()[key]) for key in keys if key in archive()]
    folder = f"resources/simulated/{SCENE}/{product.name}"
    if product.role == "vegetation":
        from kilomoist.simulation.file_names import granule_file_name

        times = [slot.time for slot in slots(product, wildcards.month)]
        return [f"{folder}/{tile}/{granule_file_name(product, time, tile)}" for time in times]
    return [f"{folder}/{tile}/{wildcards.month}" if tile else f"{folder}/{wildcards.month}"]


def receipts(product, tile, month):
    """Receipts of the granules that a month needs."""
    times = [slot.time for slot in slots(product, month)]
    return [f"resources/receipts/{product.name}/{tile or f'{time:%H%M}'}/{time:%Y-%m-%d}.json" for time in times]


def all_receipts(wildcards):
    """Receipts of all granules of all runs; none where nothing is fetched."""
    if CONFIG.source != "earthdata":
        return []
    return list(
        dict.fromkeys(
            receipt
            for region in REGIONS
            for month in CONFIG.months
            for product in map(PRODUCTS.get, (*USED.values(), CONFIG.target))
            for tile in (tiles(region) if product.tiled else [None])
            for receipt in receipts(product, tile, month)
        )
    )


def catalogue(receipt):
    """The catalogue that lists a receipt's granule: of the month of its (first) day."""
    product, place, day = Path(receipt).parts[-3:]
    return f"resources/catalogue/{product}/{place if PRODUCTS[product].tiled else 'global'}/{day[:7]}.csv"


def catalogues(wildcards):
    """Catalogues of all granules of all runs."""
    return list(dict.fromkeys(map(catalogue, all_receipts(wildcards))))


def pending(rule):
    """Jobs of a rule that this run needs and has not done."""
    return [job for job in workflow.dag.needrun_jobs() if job.rule.name == rule]


def check_catalogue(jobs):
    """Before anything is searched, ask once: each job would say anew, after several tries, that there is no network."""
    from kilomoist.earthdata.catalogues import find_granule
    from kilomoist.earthdata.downloads import Session

    find_granule(PRODUCTS[jobs[0].wildcards.product], jobs[0].wildcards.month, Session())


def check_login(jobs):
    """Before anything is fetched, log in once for all jobs, which find the token in their environment."""
    from kilomoist.earthdata.downloads import logged_in
    from kilomoist.earthdata.logins import TOKEN
    from kilomoist.earthdata.store import check_access

    session = logged_in()
    for product in sorted({job.wildcards.product for job in jobs}):
        of_product = [job for job in jobs if job.wildcards.product == product]
        listed = sorted({job.input.catalogue for job in of_product})
        check_access(PRODUCTS[product], of_product[0].wildcards.day[:7], listed, session)
    os.environ[TOKEN] = session.token


def failure(job):
    """Why a granule could not be fetched: the last sentence of the job's log; empty when it was not tried."""
    log = Path(job.log[0])
    errors = [line for line in log.read_text().splitlines() if " ERROR " in line] if log.exists() else []
    return f"{job.output.receipt}: {errors[-1].split(' ERROR ', 1)[1]}" if errors else ""


def require_granules():
    """A month that the archive holds nothing of cannot be mapped; single tiles and days may be missing, and are told."""
    problems = []
    for region in REGIONS:
        for month in CONFIG.months:
            for name in (*USED.values(), CONFIG.target):
                product = PRODUCTS[name]
                times = [slot.time for slot in slots(product, month)]
                places = tiles(region) if product.tiled else [None]
                found = sum((name, place, time) in archive() for place in places for time in times)
                if 0 < found < len(places) * len(times):
                    expected = len(places) * len(times)
                    logger.warning(f"{region}, {month}: {found} of {expected} granules of {name} are there.")
                if not found:
                    where = f" on the tiles {', '.join(places)} of region {region}" if product.tiled else ""
                    problems.append(
                        f"archive {CONFIG.archive} holds no granule of {name} for {month}{where}, expected {len(times)}"
                        f"{' a tile' if product.tiled else ''}: add them, or name another archive, month or product."
                    )
    if problems:
        raise InputError("\n".join(problems))


def require_scene():
    """Only the scene can be simulated; the configuration has checked boxes, but not outlines."""
    extent = SCENE_EXTENTS[CONFIG.scene.extent]
    for region in REGIONS:
        west, south, east, north = area(region).bounds
        if west < extent[0] or south < extent[1] or east > extent[2] or north > extent[3]:
            raise InputError(
                f"region {region} reaches from {west:g} to {signed_longitude(east):g}° E and {south:g} to {north:g}° N, "
                f"but the simulated scene {CONFIG.scene.extent} covers {list(extent)} (west, south, east, north) only: "
                "take a region inside it, or source: archive with granules of your region."
            )


def composites(wildcards):
    """Composites of every product in use on every tile of a region, in the order of `tile_keys`."""
    return [
        f"results/composites/{CONFIG.source}/{product}/{tile}/{wildcards.month}.tif"
        for product, tile in tile_keys(wildcards)
    ]


def tile_keys(wildcards):
    return [(product, tile) for product in USED.values() for tile in tiles(wildcards.region)]


def target_mean(wildcards):
    return f"results/composites/{CONFIG.source}/{CONFIG.target}/{wildcards.month}.tif"


def inventories(wildcards):
    """What was used and what was absent, of every composite of a run."""
    return [path.replace(".tif", ".granules.json") for path in [*composites(wildcards), target_mean(wildcards)]]


def level(wildcards):
    """Accepted quality of a product."""
    return getattr(CONFIG.quality, PRODUCTS[wildcards.product].role)


def quantities(wildcards):
    """Predictors in use that a product measures, in its own order, so that their order in `use` changes nothing."""
    return [name for name in PRODUCTS[wildcards.product].quantities if name in CONFIG.predictors.use]


# --- Runs -------------------------------------------------------------------------------------------------------------


def method(wildcards):
    """The method of the map, or the one that it is compared with."""
    other = {"absolute": "detail", "detail": "absolute"}[CONFIG.model.method]
    return CONFIG.model.method if wildcards.trained == "model" else other


def scored_models(wildcards):
    """The models that are scored and looked into."""
    return expand(f"{RUN}/{{trained}}.skops", trained=SCORED, **wildcards)


def reliability(wildcards):
    """How much of the predictors' detail repeats, as a list of none or one: `absolute` maps no detail."""
    return [f"{RUN}/tables/agreement.csv"] if CONFIG.model.method == "detail" else []


def protocol_estimates(wildcards):
    """What each chosen protocol estimated, in an order that does not depend on the configuration's."""
    chosen = [name for name in (*FOLDED, "degrade_restore") if name in CONFIG.evaluation.protocols]
    return expand(f"{RUN}/protocols/{{protocol}}.parquet", protocol=chosen, **wildcards)


def analysis_cells(wildcards):
    """The region's cells with what the map is held to: the target, or as much of it as its error warrants."""
    return f"{RUN}/merged_cells.tif" if CONFIG.map.reconcile == "warranted" else f"{RUN}/cells.tif"


def offsets(wildcards):
    """How far the interval reaches around the map, of every block; none where there is no interval."""
    return of_blocks("interval.tif")(wildcards) if CONFIG.map.interval else []


def simulated_truth(wildcards):
    """The truth at 1 km, as a list of none or one."""
    if CONFIG.source != "simulated":
        return []
    return [f"resources/simulated/{SCENE}/truth/{wildcards.month}/soil_moisture.tif"]


def vegetation_index():
    """The vegetation index in use that divides classes; None where there is none."""
    return next((name for name in CONFIG.predictors.use if name in PRODUCTS[CONFIG.predictors.vegetation].layers), None)


def few_days(wildcards):
    """Days of valid observations below which a pixel's predictor is flagged: twice what it needs, or half the month."""
    begin, end = month_range(wildcards.month)
    enough = {"temperature": 2.0 * CONFIG.quality.minimum_days, "vegetation": (end - begin).days / 2}
    return {
        name: enough[role]
        for role, product in USED.items()
        for name in CONFIG.predictors.use
        if name in PRODUCTS[product].quantities
    }


def target_model_only(wildcards):
    """Days of the month on which the target is its model alone."""
    return model_only_days(PRODUCTS[CONFIG.target], wildcards.month)


def units(wildcards):
    """Units of the predictors' bands."""
    measured = {name: unit for product in USED.values() for name, unit in PRODUCTS[product].quantities.items()}
    # The unit of any other layer is that of its file, whatever that is.
    known = measured | TERRAIN | {"elevation": "m"}
    of_predictors = {name: known.get(name, "as stored") for name in CONFIG.predictors.use}
    return of_predictors | {f"{name}_days": "days" for name in measured} | {"water": "1", "snow": "1"}


def resampling(wildcards):
    """How each of the user's layers in use is brought to 1 km, by name, in the order of `layer_files`."""
    return {name: layer.resampling for name, layer in CONFIG.predictors.layers_in_use().items()}


def layer_files(wildcards):
    return [str(layer.path) for layer in CONFIG.predictors.layers_in_use().values()]


def other_months(wildcards):
    """Samples of all other months of a region, in the order of time, so that the order of `months` changes nothing."""
    others = sorted(month for month in CONFIG.months if month != wildcards.month)
    return expand(f"{RUN}/samples.parquet", region=wildcards.region, month=others)


def tags(wildcards):
    """What every map says about itself."""
    return {
        "source": data(),
        "region": wildcards.region,
        "month": wildcards.month,
        "target": CONFIG.target,
    }


def points_path(wildcards):
    """The user's points, or those of a simulated scene."""
    if CONFIG.field_points:
        return str(CONFIG.field_points)
    return f"resources/simulated/{SCENE}/truth/{wildcards.month}/field_points.csv"


@cache
def own_points():
    """The files that the user's points are read from: of a folder all, so that a change of one counts."""
    from kilomoist.reporting.stations import archive_files, is_archive

    if is_archive(CONFIG.field_points):
        return [str(path) for path in checked(archive_files, CONFIG.field_points, CONFIG.points.depth)]
    return [str(CONFIG.field_points)]


def field_points(wildcards):
    return own_points() if CONFIG.field_points else [points_path(wildcards)]


def compare(wildcards):
    """Other maps of a run's month, by key."""
    return [raster.of_month(wildcards.month).model_dump(mode="json") for raster in CONFIG.compare]


def compared(wildcards):
    """Their files."""
    return [raster["path"] for raster in compare(wildcards)]


def own_configuration(wildcards):
    """The resolved configuration of one run, without other regions and months."""
    dumped = CONFIG.model_dump(mode="json")
    own = [region for region in dumped["regions"] if region["name"] == wildcards.region]
    return dumped | {"regions": own, "months": [wildcards.month]}


def targets():
    """The public files of every run, and of every region that has several."""
    names = [
        "soil_moisture.tif",
        "quality.tif",
        "applicability.tif",
        "soil_moisture_9km.tif",
        "predictors.tif",
        "samples.parquet",
        "model.skops",
        "tables/correlation.csv",
        "tables/importance.csv",
        "tables/partial_dependence.csv",
        "tables/maps.csv",
        "tables/quality.csv",
        "tables/shift.csv",
        "tables/scores.csv",
        "tables/granules.csv",
        "figures/correlation.png",
        "figures/importance.png",
        "figures/partial_dependence.png",
        "figures/predicted_observed.png",
        "figures/maps.png",
        "figures/quality.png",
        "figures/shift.png",
        "provenance.json",
    ]
    if CONFIG.source == "simulated":
        names.append("tables/truth.csv")
    if CONFIG.map.interval:
        names.append("tables/coverage.csv")
    if CONFIG.model.method == "detail":
        names.append("tables/agreement.csv")
    of_points = ["tables/field_validation.csv", "figures/field_validation.png"]
    files = [
        f"results/{region}/{month}/{name}"
        for region in REGIONS
        for month in CONFIG.months
        for name in (*names, *(of_points if region in WITH_POINTS else []))
    ]
    if len(CONFIG.months) > 1:
        files += [f"results/{region}/tables/months.csv" for region in REGIONS]
    return files


def regions_with_points():
    """Field points are read in the last job of a run, but their mistakes are told before the first."""
    from kilomoist.reporting.field_points import check_points

    found = check_points(CONFIG.field_points, CONFIG.points, {name: area(name).bounds for name in REGIONS})
    if others := sorted(REGIONS.keys() - set(found)):
        logger.warning(f"No field point lies in {', '.join(others)}: nothing is compared there.")
    return found


def require_compared():
    """So it is with the maps that are compared at them."""
    from kilomoist.reporting.matching import check_raster

    for raster in CONFIG.compare:
        for month in CONFIG.months:
            check_raster(raster.of_month(month).path, raster.band)


def require_layers():
    """Layers are read block by block, but what their files say of themselves is looked at before the first job."""
    from kilomoist.predictors.layers import StaticLayer, check_layer

    for name, layer in CONFIG.predictors.layers_in_use().items():
        static = StaticLayer(name, layer.path, layer.resampling)
        check_layer(static)
        for region in REGIONS.values():
            if not region.country:  # its outline is not there yet, and smaller than its box
                check_layer(static, region.name, area(region.name))
    for name in sorted(CONFIG.predictors.layers.keys() - CONFIG.predictors.layers_in_use().keys()):
        logger.warning(f"`predictors.layers.{name}` is not read, because `predictors.use` does not have {name}.")


if "subgrid" in config.get("model", {}):
    logger.warning("`model.subgrid` does nothing any more: leave it out.")
if CONFIG.map.reconcile == "warranted" and TARGET_ERROR == 0:
    logger.warning(
        "`map.reconcile` is warranted, but the target's error is 0, so that all of it is warranted, as with true: "
        "give `target_error`, or with `source: simulated` `scene.error`."
    )
if CONFIG.predictors.layers:
    checked(require_layers)
WITH_POINTS = list(REGIONS) if HAS_POINTS else []
if CONFIG.field_points:
    WITH_POINTS = checked(regions_with_points)
if HAS_POINTS:
    checked(require_compared)
if CONFIG.source == "archive":
    checked(require_granules)
if CONFIG.source == "simulated":
    checked(require_scene)
SPAN = month_range(max(CONFIG.months))[1] - month_range(min(CONFIG.months))[0]
if CONFIG.source != "simulated" and SPAN.days > 366:
    logger.warning(
        "`months` span more than a year: since 2020 MODIS passes at another hour every year, so that a part of what "
        "changes in LST is the hour (docs/earthdata.md, several years)."
    )
if CONFIG.source == "simulated" and CONFIG.regions != DEFAULT_REGIONS:
    logger.warning(
        f"The granules of {', '.join(REGIONS)} are simulated (source: simulated): nothing is measured there."
    )
