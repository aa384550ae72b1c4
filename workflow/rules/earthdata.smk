# NASA Earthdata: what is there, what is fetched, and outlines of countries. An archive's granules are inputs as they are.


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
        catalogue="resources/catalogue/{product}/{extent}/{month}.csv",
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
        catalogue=lambda wildcards: catalogue(f"{wildcards.product}/{wildcards.place}/{wildcards.day}"),
    output:
        receipt="resources/receipts/{product}/{place}/{day}.json",
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
