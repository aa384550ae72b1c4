# Reporting: field points, figures, and what a map was made from.

FIGURES, FIELD_FIGURES = run_figures()
PROBES = {"nominal": CONFIG.map.interval, **keys("points.representativeness", "points.temporal")}
PROBES = PROBES if CONFIG.map.interval else {}


rule validate_field:
    input:
        # Read by way of `points` and `compare`; of a folder each file that is read counts.
        field_files,
        coarse=f"{RUN}/soil_moisture_9km.tif",
        fine=f"{RUN}/soil_moisture.tif",
        comparison=f"{RUN}/comparison.tif",
        autocorrelation_range=f"{RUN}/protocols/range.json",
        interval=intervals,
    output:
        scores=f"{RUN}/tables/full/field_validation.parquet",
        intervals=f"{RUN}/tables/full/field_intervals.parquet",
        differences=f"{RUN}/tables/full/field_differences.parquet",
        within=f"{RUN}/tables/full/field_within_cells.parquet",
        coverage=[f"{RUN}/tables/full/field_coverage.parquet"] if CONFIG.map.interval else [],
        matched=f"{RUN}/tables/full/field_points.parquet",
        unused=f"{RUN}/tables/full/field_points_unused.parquet",
        counts=f"{RUN}/protocols/field_points.json",
    log:
        log_of("validate_field", "{region}/{month}"),
    benchmark:
        benchmark_of("validate_field", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(240, 3, of_region=(1, 0.1)),
    params:
        **keys("model.method", "model.seed"),
        points=points_path,
        settings=CONFIG.points.reading,
        compare=lambda wildcards: needs.compared(CONFIG, wildcards.month),
        probes=PROBES,
        code=code("validate_field"),
    message:
        "Compare {wildcards.region}, {wildcards.month}, with field points"
    script:
        "../scripts/validate_field.py"


rule weigh_residual:
    input:
        # Read by way of `points`; of a folder each file that is read counts.
        point_files,
        target=f"{RUN}/soil_moisture_9km.tif",
        estimates=f"{RUN}/estimated_cells.tif",
        autocorrelation_range=f"{RUN}/protocols/range.json",
    output:
        weight=f"{RUN}/tables/full/residual_weight.parquet",
        matched=f"{RUN}/tables/full/residual_points.parquet",
    log:
        log_of("weigh_residual", "{region}/{month}"),
    benchmark:
        benchmark_of("weigh_residual", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(230, 3),
    params:
        points=points_path,
        settings=CONFIG.points.reading,
        seed=CONFIG.model.seed,
        code=code("weigh_residual"),
    message:
        "Weigh SMAP's own part in {wildcards.region}, {wildcards.month}, by field points"
    script:
        "../scripts/weigh_residual.py"


rule score_field_months:
    input:
        matched=lambda wildcards: expand(
            f"{RUN}/tables/full/field_points.parquet", region=wildcards.region, month=MONTHS[wildcards.region]
        ),
    output:
        months="results/{region}/tables/full/field_months.parquet",
    log:
        log_of("score_field_months", "{region}"),
    benchmark:
        benchmark_of("score_field_months", "{region}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(200, 3),
    params:
        method=CONFIG.model.method,
        code=code("score_field_months"),
    message:
        "Compare the months of {wildcards.region} with field points"
    script:
        "../scripts/score_field_months.py"


rule judge_map:
    input:
        **named(f"{RUN}/tables/full", "scores.parquet", "differences.parquet", "gain.parquet"),
        soil_moisture=f"{RUN}/soil_moisture.tif",
        truth=[f"{RUN}/tables/full/truth.parquet"] if CONFIG.source == "simulated" else [],
        field=lambda wildcards: expand(
            (
                [f"{RUN}/tables/full/field_{name}.parquet" for name in ("validation", "differences")]
                if wildcards.region in WITH_POINTS
                else []
            ),
            **wildcards,
        ),
    output:
        verdict=f"{RUN}/tables/full/verdict.parquet",
    log:
        log_of("judge_map", "{region}/{month}"),
    benchmark:
        benchmark_of("judge_map", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(200, 3),
    params:
        code=code("judge_map"),
    message:
        "Judge the map of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/judge_map.py"


rule draw_figures:
    input:
        coarse=f"{RUN}/soil_moisture_9km.tif",
        fine=f"{RUN}/soil_moisture.tif",
        quality=f"{RUN}/quality.tif",
        tables=drawn_tables,
        outline=outline,
    output:
        figures=[figure(name) for name in FIGURES],
    log:
        log_of("draw_figures", "{region}/{month}"),
    benchmark:
        benchmark_of("draw_figures", "{region}/{month}")
    wildcard_constraints:
        region=only(REGIONS.keys() - WITH_POINTS),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(570, 8),
    params:
        **keys("model.method"),
        bbox=bbox,
        outline_layer=outline_layer,
        units=needs.units(CONFIG),
        language=CONFIG.report.language,
        code=code("draw_figures"),
    message:
        "Draw {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/draw_figures.py"


use rule draw_figures as draw_figures_with_points with:
    output:
        figures=[figure(name) for name in FIGURES + FIELD_FIGURES],
    log:
        log_of("draw_figures_with_points", "{region}/{month}"),
    benchmark:
        benchmark_of("draw_figures_with_points", "{region}/{month}")
    wildcard_constraints:
        region=only(WITH_POINTS),
    message:
        "Draw {wildcards.region}, {wildcards.month}, and its field points"


rule count_granules:
    input:
        inventories=inventories,
    output:
        granules=f"{RUN}/tables/full/granules.parquet",
    log:
        log_of("count_granules", "{region}/{month}"),
    benchmark:
        benchmark_of("count_granules", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(120, 10),
    params:
        code=code("count_granules"),
    message:
        "Count the granules of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/count_granules.py"


rule record_provenance:
    input:
        **named(RUN, "cells.tif", "samples.parquet"),
        # What a map was made by is recorded anew with every new map.
        soil_moisture=f"{RUN}/soil_moisture.tif",
        ranges=f"{RUN}/tables/full/maps.parquet",
        inventories=inventories,
        outline=outline,
        layers=layer_files,
        points=field_files,
        point_counts=point_counts,
    output:
        provenance=f"{RUN}/provenance.json",
    log:
        log_of("record_provenance", "{region}/{month}"),
    benchmark:
        benchmark_of("record_provenance", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(120, 10),
    params:
        configuration=lambda wildcards: needs.own_configuration(CONFIG, wildcards.region, wildcards.month),
        origin=needs.origin(CONFIG),
        code=code("record_provenance"),
    message:
        "Record what {wildcards.region}, {wildcards.month}, was made from"
    script:
        "../scripts/record_provenance.py"
