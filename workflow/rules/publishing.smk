# Publishing: what people open first.

RUN_TABLES, FIELD_TABLES = run_tables()


rule write_tables:
    input:
        full=full_tables,
    output:
        tables=tables(RUN, *RUN_TABLES),
    log:
        log_of("write_tables", "{region}/{month}"),
    benchmark:
        benchmark_of("write_tables", "{region}/{month}")
    wildcard_constraints:
        region=only(REGIONS.keys() - WITH_POINTS),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(150, 2),
    params:
        code=code("write_tables"),
    message:
        "Round the tables of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/write_tables.py"


use rule write_tables as write_tables_with_points with:
    output:
        tables=tables(RUN, *RUN_TABLES, *FIELD_TABLES),
    log:
        log_of("write_tables_with_points", "{region}/{month}"),
    benchmark:
        benchmark_of("write_tables_with_points", "{region}/{month}")
    wildcard_constraints:
        region=only(WITH_POINTS),
    message:
        "Round the tables of {wildcards.region}, {wildcards.month}, and of its field points"


use rule write_tables as write_month_tables with:
    input:
        full=expand("results/{{region}}/tables/full/{table}.parquet", table=["months", "month_intervals"]),
    output:
        tables=tables("results/{region}", "months", "month_intervals"),
    log:
        log_of("write_month_tables", "{region}"),
    benchmark:
        benchmark_of("write_month_tables", "{region}")
    wildcard_constraints:
        region=only(REGIONS),
    message:
        "Round the tables of the months of {wildcards.region}"


use rule write_tables as write_field_month_tables with:
    input:
        full=["results/{region}/tables/full/field_months.parquet"],
    output:
        tables=tables("results/{region}", "field_months"),
    log:
        log_of("write_field_month_tables", "{region}"),
    benchmark:
        benchmark_of("write_field_month_tables", "{region}")
    wildcard_constraints:
        region=only(WITH_POINTS),
    message:
        "Round the tables of field points of {wildcards.region} in time"


rule write_report:
    input:
        soil_moisture=f"{RUN}/soil_moisture.tif",
        provenance=f"{RUN}/provenance.json",
        interval=intervals,
        tables=lambda wildcards: expand(
            f"{RUN}/tables/full/{{table}}.parquet", table=report_tables(wildcards.region), **wildcards
        ),
        figures=lambda wildcards: expand(
            f"{RUN}/figures/{{figure}}.png", figure=report_figures(wildcards.region), **wildcards
        ),
    output:
        page=f"{RUN}/report.html",
        document=f"{RUN}/report.pdf",
    log:
        log_of("write_report", "{region}/{month}"),
    benchmark:
        benchmark_of("write_report", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(250, 4),
    params:
        language=CONFIG.report.language,
        code=code("write_report"),
    message:
        "Write the report of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/write_report.py"


rule describe_files:
    input:
        rasters=expand(f"{RUN}/{{name}}.tif", name=RASTERS, allow_missing=True),
        ranges=f"{RUN}/tables/full/maps.parquet",
        granules=f"{RUN}/tables/full/granules.parquet",
    output:
        readme=f"{RUN}/README.txt",
        columns=f"{RUN}/tables/columns.csv",
        styles=expand(f"{RUN}/{{name}}.qml", name=RASTERS, allow_missing=True),
        categories=f"{RUN}/quality.tif.aux.xml",
        classes=f"{RUN}/quality_class.tif.aux.xml",
    log:
        log_of("describe_files", "{region}/{month}"),
    benchmark:
        benchmark_of("describe_files", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(180, 2),
    params:
        files=lambda wildcards: run_files(wildcards.region),
        language=CONFIG.report.language,
        code=code("describe_files"),
    message:
        "Write what the files of {wildcards.region}, {wildcards.month}, are and how GIS show its rasters"
    script:
        "../scripts/describe_files.py"


rule write_map_page:
    input:
        **named(RUN, "quality.tif", "predictors.tif"),
        coarse=f"{RUN}/soil_moisture_9km.tif",
        fine=f"{RUN}/soil_moisture.tif",
        verdict=f"{RUN}/tables/full/verdict.parquet",
        interval=intervals,
        points=lambda wildcards: [f"{RUN}/tables/full/field_points.parquet"] if wildcards.region in WITH_POINTS else [],
        outline=outline,
    output:
        page=f"{RUN}/map.html",
    log:
        log_of("write_map_page", "{region}/{month}"),
    benchmark:
        benchmark_of("write_map_page", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(210, 2, of_region=(8, 0.1)),
    params:
        **keys("predictors.use"),
        bbox=bbox,
        outline_layer=outline_layer,
        products=[product.name for product in needs.products(CONFIG)],
        language=CONFIG.report.language,
        code=code("write_map_page"),
    message:
        "Write the page of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/write_map_page.py"


rule write_region_page:
    input:
        coarse=of_months("soil_moisture_9km.tif"),
        fine=of_months("soil_moisture.tif"),
        verdict=of_months("tables/full/verdict.parquet"),
        outline=outline,
    output:
        page="results/{region}/index.html",
        readme="results/{region}/README.txt",
    log:
        log_of("write_region_page", "{region}"),
    benchmark:
        benchmark_of("write_region_page", "{region}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        # Maps of all months are read.
        **measured(210, 2, of_region=(8 + len(CONFIG.months), 0.1 * len(CONFIG.months))),
    params:
        bbox=bbox,
        outline_layer=outline_layer,
        months=lambda wildcards: MONTHS[wildcards.region],
        files=lambda wildcards: region_files(wildcards.region),
        language=CONFIG.report.language,
        code=code("write_region_page"),
    message:
        "Write the page of all months of {wildcards.region}, and what its files are"
    script:
        "../scripts/write_region_page.py"
