# NASA Earthdata: what is there, what is fetched, and outlines of countries. An archive's granules are inputs as they are.

import os

RECEIPT = "resources/receipts/{product}/{place}/{day}.json"
CATALOGUE = "resources/catalogue/{product}/{extent}/{month}.csv"


onerror:
    from kilomoist.earthdata.access import last_error

    failed = [(job.output.receipt, last_error(job.log[0])) for job in pending("retrieve_granule")]
    told = [f"  {receipt}: {error}" for receipt, error in failed if error]
    if told:
        logger.error(
            f"{len(told)} granules could not be fetched; all others are kept, and the next run fetches these alone:"
        )
        logger.error("\n".join(told))


def pending(rule):
    """Jobs of a rule that this run needs and has not done."""
    return [job for job in workflow.dag.needrun_jobs() if job.rule.name == rule]


def check_earthdata():
    """Before the first job log in, or ask the catalogue, once for all that do; without any ask nobody."""
    retrievals, searches = pending("retrieve_granule"), pending("list_granules")
    for job in retrievals:
        Path(job.log[0]).unlink(missing_ok=True)  # of an earlier run: this one tells its own reasons at its end
    if retrievals:
        from kilomoist.earthdata.access import checked_token
        from kilomoist.earthdata.logins import TOKEN

        wanted = [(job.wildcards.product, job.wildcards.day, job.input.catalogue) for job in retrievals]
        os.environ[TOKEN] = checked(checked_token, wanted)
    elif searches:  # of a plan; with a login both are tried
        from kilomoist.earthdata.access import check_catalogue

        checked(check_catalogue, searches[0].wildcards.product, searches[0].wildcards.month)


def receipts(product, tile, month):
    """Receipts of the granules that a month needs."""
    days = needs.granule_days(product, tile, month)
    return [RECEIPT.format(product=product.name, place=place, day=day) for place, day in days]


def all_receipts(wildcards):
    """Receipts of all granules of all runs; none where nothing is fetched."""
    if CONFIG.source != "earthdata":
        return []
    wanted = checked(needs.granule_places, CONFIG)
    return list(dict.fromkeys(receipt for place in wanted for receipt in receipts(*place)))


def catalogue(product, place, day):
    """The catalogue that lists a granule: of the month of its (first) day."""
    extent = place if PRODUCTS[product].tiled else "global"
    return CATALOGUE.format(product=product, extent=extent, month=day[:7])


def catalogues(wildcards):
    """Catalogues of all granules of all runs."""
    paths = map(Path, all_receipts(wildcards))
    return list(dict.fromkeys(catalogue(path.parts[-3], path.parts[-2], path.stem) for path in paths))


rule fetch_outline:
    output:
        outline="resources/outlines/{country}.geojson",
    log:
        log_of("fetch_outline", "{country}"),
    benchmark:
        benchmark_of("fetch_outline", "{country}")
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=700,
        runtime=10,
    params:
        code=code("fetch_outline"),
    message:
        "Fetch the outline of {wildcards.country} from Natural Earth"
    script:
        "../scripts/fetch_outline.py"


# The three rules of NASA's granules have no parameter `code`: what is listed or fetched does not depend on it, and an
# edit of the library must not make anything of that again. They run where Snakemake does, because the nodes of many
# clusters have no network.


rule list_granules:
    output:
        catalogue=CATALOGUE,
    log:
        log_of("list_granules", "{product}/{extent}/{month}"),
    benchmark:
        benchmark_of("list_granules", "{product}/{extent}/{month}")
    retries: 2
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=700,
        runtime=30,
        downloads=1,
    message:
        "Search NASA's catalogue for {wildcards.product} ({wildcards.extent}) in {wildcards.month}"
    script:
        "../scripts/list_granules.py"


rule retrieve_granule:
    input:
        catalogue=lambda wildcards: catalogue(wildcards.product, wildcards.place, wildcards.day),
    output:
        receipt=RECEIPT,
    log:
        log_of("retrieve_granule", "{product}/{place}/{day}"),
    benchmark:
        benchmark_of("retrieve_granule", "{product}/{place}/{day}")
    retries: 2
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=700,
        runtime=120,
        downloads=1,
    params:
        store=STORE,
    message:
        "Fetch {wildcards.product}, {wildcards.place}, {wildcards.day}"
    script:
        "../scripts/retrieve_granule.py"


# Without any output, its benchmark's included, it runs whenever it is asked for.
rule plan:
    input:
        catalogues=catalogues,
    log:
        log_of("plan", "plan"),
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=700,
        runtime=10,
    params:
        receipts=all_receipts,
        store=STORE,
    message:
        "Tell what NASA Earthdata has, what would be moved and what kept"
    script:
        "../scripts/plan.py"
