# NASA Earthdata: what is there, what is fetched, and outlines of countries. An archive's granules are inputs as they are.

STORE = "resources/granules"


wildcard_constraints:
    extent=r"h\d\dv\d\d|global",
    place=r"h\d\dv\d\d|\d{4}",
    day=r"\d{4}-\d{2}-\d{2}",
    country=r"[A-Z]{3}",


# Snakemake knows one hook of each kind.
onstart:
    # Its limit of jobs a second makes Snakemake look again each second for every job that ended. Cores limit local jobs.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None
    # A killed run leaves the files that it was writing. On a cluster its jobs may still be writing theirs. The store is
    # named too, because it may be a link, which is not followed.
    for folder in ("results", "resources", STORE):
        remove_abandoned(folder)
    needed = checked(room.need, CONFIG, STORE)
    os.environ[NEED] = str(needed)  # for the sentence of a job that finds the disk full
    warn(room.warnings_of, needed)
    retrievals, searches = pending(rules.retrieve_granule), pending(rules.list_granules)
    if not searches:  # which may find more
        checked(requirements.check_runs, runs_of(workflow.dag.needrun_jobs()), {**MIXED, **SHORT})
    if retrievals:
        from kilomoist.earthdata.access import checked_token
        from kilomoist.earthdata.logins import TOKEN

        wanted = [(job.wildcards.product, job.wildcards.day, job.input.catalogue) for job in retrievals]
        os.environ[TOKEN] = checked(checked_token, wanted)
    elif searches:  # of a plan; with a login both are tried
        from kilomoist.earthdata.access import check_catalogue

        checked(check_catalogue, searches[0].wildcards.product, searches[0].wildcards.month)
    tell_progress()


onsuccess:
    if any(job.rule == rules.plan.rule for job in workflow.dag.jobs):  # now the catalogues are there
        warn(requirements.granule_warnings, CONFIG, ARCHIVE, checked(requirements.shortages, CONFIG, ARCHIVE))
        needed = checked(room.need, CONFIG, STORE)
        logger.info(checked(room.told, needed))
        warn(room.warnings_of, needed)
    if told := outcomes.success_text(main_files(), LEFT_OUT):
        logger.info(told)


onerror:
    failures, unfinished = failed_jobs(), runs_of(workflow.dag.needrun_jobs())
    found = outcomes.outcomes(main_files(), unfinished, LEFT_OUT, list(failures.values()))
    logger.error(outcomes.outcome_table(found))
    if lost := [job for job in failures if job.rule == rules.retrieve_granule.rule]:
        logger.error(
            f"{len(lost)} granules could not be fetched; all others are kept, and the next run fetches these alone:"
        )
        logger.error("\n".join(f"  {job.output.receipt}: {outcomes.last_error(job.log[0])}" for job in lost))


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
        catalogue=needs.CATALOGUE,
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
        catalogue=lambda wildcards: needs.catalogue(wildcards.product, wildcards.place, wildcards.day),
    output:
        receipt=needs.RECEIPT,
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
        catalogues=lambda wildcards: checked(needs.catalogues, CONFIG),
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
        receipts=lambda wildcards: checked(needs.all_receipts, CONFIG),
        store=STORE,
    message:
        "Tell what NASA Earthdata has, what would be moved and what kept"
    script:
        "../scripts/plan.py"


# Without any output too, because it must run whenever it is asked for and leave its report when it fails.
rule doctor:
    log:
        log_of("doctor", "doctor"),
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=700,
        runtime=30,
    params:
        products=lambda wildcards: [
            (product.name, needs.places(product, CONFIG.regions[0])[0]) for product in needs.products(CONFIG)
        ],
        months=CONFIG.months,
        report="results/doctor.json",
    message:
        "Ask NASA Earthdata for a granule of each product, without a login and then with it"
    script:
        "../scripts/doctor.py"
