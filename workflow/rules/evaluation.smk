# Evaluation: what models and maps are worth, off the way to the map and beside each other.

# In an order that does not depend on the configuration's.
EVERY_PROTOCOL = "random_folds", "blocks", "knndm", "degrade_restore"
PROTOCOLS = [name for name in EVERY_PROTOCOL if name in CONFIG.evaluation.protocols]
TRUTH = f"resources/simulated/{SCENE}/truth/{{month}}/soil_moisture.tif"
# Maps are compared at field points alone, but where there is a truth everywhere.
AT_POINTS = bool(OWN_POINTS) and CONFIG.source != "simulated" and not CONFIG.map.comparison


rule evaluate_model:
    input:
        **named(RUN, "samples.parquet", "cells.tif"),
        models=expand(f"{RUN}/{{trained}}.skops", trained=needs.scored_models(CONFIG), allow_missing=True),
    output:
        **named(f"{RUN}/tables/full", "predictions.parquet", "importance.parquet", "partial_dependence.parquet"),
        applicability=f"{RUN}/applicability.npz",
    log:
        log_of("evaluate_model", "{region}/{month}"),
    benchmark:
        benchmark_of("evaluate_model", "{region}/{month}")
    priority: 1
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(330, 7, of_region=(10, 0.3)),
    params:
        **keys("predictors.use", "quality.minimum_valid_fraction"),
        products=needs.predictor_products(CONFIG),
        units=needs.units(CONFIG),
        learner=learner("kind", "trees", "seed"),
        code=code("evaluate_model"),
    message:
        "Look into the models of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/evaluate_model.py"


rule estimate_range:
    input:
        samples=f"{RUN}/samples.parquet",
    output:
        variogram=f"{RUN}/protocols/range.json",
        lags=f"{RUN}/tables/full/variogram.parquet",
    log:
        log_of("estimate_range", "{region}/{month}"),
    benchmark:
        benchmark_of("estimate_range", "{region}/{month}")
    priority: 1
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(200, 2, of_region=(2, 0.1)),
    params:
        **keys("predictors.use", "model.seed"),
        code=code("estimate_range"),
    message:
        "Estimate how far the target of {wildcards.region}, {wildcards.month}, is alike"
    script:
        "../scripts/estimate_range.py"


if PROTOCOLS:

    rule run_protocols:
        input:
            **named(RUN, "samples.parquet", "cells.tif"),
            variogram=f"{RUN}/protocols/range.json",
            search=f"{RUN}/tables/full/{STUDY}_search.parquet",
        output:
            estimates=expand(f"{RUN}/protocols/{{protocol}}.parquet", protocol=PROTOCOLS, allow_missing=True),
        log:
            log_of("run_protocols", "{region}/{month}"),
        benchmark:
            benchmark_of("run_protocols", "{region}/{month}")
        priority: 1
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **measured(340, 12, of_region=(2, 0.8)),
        params:
            **keys("predictors.use", "quality.minimum_valid_fraction"),
            learner=learner("kind", "trees", "min_leaf", "search", "trend", "detail_ratio", "seed"),
            code=code("run_protocols"),
        message:
            "Estimate the cells of {wildcards.region}, {wildcards.month}, by every protocol"
        script:
            "../scripts/run_protocols.py"


rule score_protocols:
    input:
        **named(RUN, "samples.parquet", "tables/full/predictions.parquet"),
        estimates=expand(
            f"{RUN}/protocols/{{protocol}}.parquet", protocol=["one_scale_up", *PROTOCOLS], allow_missing=True
        ),
        variogram=f"{RUN}/protocols/range.json",
    output:
        **named(f"{RUN}/protocols", "train.parquet", "random.parquet"),
        **named(f"{RUN}/tables/full", "scores.parquet", "differences.parquet", "correlation.parquet"),
        intervals=f"{RUN}/tables/full/score_intervals.parquet",
    log:
        log_of("score_protocols", "{region}/{month}"),
    benchmark:
        benchmark_of("score_protocols", "{region}/{month}")
    priority: 1
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(390, 18, of_region=(3, 0.3)),
    params:
        **keys("predictors.use", "model.kind", "model.method", "model.seed"),
        reconcile=bool(CONFIG.map.reconcile),
        code=code("score_protocols"),
    message:
        "Score the protocols of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/score_protocols.py"


rule leave_month_out:
    input:
        samples=f"{RUN}/samples.parquet",
        others=lambda wildcards: expand(
            f"{RUN}/samples.parquet",
            region=wildcards.region,
            month=[month for month in MONTHS[wildcards.region] if month != wildcards.month],
        ),
    output:
        estimates="results/{region}/months/{month}.parquet",
    log:
        log_of("leave_month_out", "{region}/{month}"),
    benchmark:
        benchmark_of("leave_month_out", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        # Samples of all other months are read.
        **measured(270, 7, of_region=(9 + len(CONFIG.months), 0.4)),
    params:
        use=list(CONFIG.predictors.use),
        learner=learner("kind", "trees", "min_leaf", "search", "trend", "seed"),
        code=code("leave_month_out"),
    message:
        "Estimate {wildcards.region}, {wildcards.month}, from its other months"
    script:
        "../scripts/leave_month_out.py"


rule score_months:
    input:
        estimates=lambda wildcards: expand(
            "results/{region}/months/{month}.parquet", region=wildcards.region, month=MONTHS[wildcards.region]
        ),
        variograms=lambda wildcards: expand(
            f"{RUN}/protocols/range.json", region=wildcards.region, month=MONTHS[wildcards.region]
        ),
    output:
        scores="results/{region}/tables/full/months.parquet",
        intervals="results/{region}/tables/full/month_intervals.parquet",
    log:
        log_of("score_months", "{region}"),
    benchmark:
        benchmark_of("score_months", "{region}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(370, 6, of_region=(14, 0.3)),
    params:
        **keys("model.kind", "model.seed"),
        code=code("score_months"),
    message:
        "Score the months of {wildcards.region} that were left out"
    script:
        "../scripts/score_months.py"


rule compare_maps:
    input:
        # Read by way of `points`; of a folder each file that is read counts.
        OWN_POINTS if AT_POINTS else [],
        **named(RUN, "samples.parquet", "cells.tif", "model.skops", "alternative.skops"),
        raw=of_blocks("raw_map.tif"),
        stacks=of_blocks("predictors.tif"),
        reliability=f"{RUN}/tables/full/agreement.parquet",
    output:
        maps=f"{RUN}/comparison.tif",
    log:
        log_of("compare_maps", "{region}/{month}"),
    benchmark:
        benchmark_of("compare_maps", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(310, 5, of_region=(14, 0.4)),
    params:
        points=str(CONFIG.field_points) if AT_POINTS else None,
        settings=CONFIG.points.reading if AT_POINTS else {},
        minimum_valid_fraction=CONFIG.quality.minimum_valid_fraction,
        code=code("compare_maps"),
    message:
        "Make the maps that {wildcards.region}, {wildcards.month}, is compared with"
    script:
        "../scripts/compare_maps.py"


rule compare_truth:
    input:
        truth=TRUTH,
        maps=f"{RUN}/comparison.tif",
        soil_moisture=f"{RUN}/soil_moisture.tif",
    output:
        table=f"{RUN}/tables/full/truth.parquet",
    log:
        log_of("compare_truth", "{region}/{month}"),
    benchmark:
        benchmark_of("compare_truth", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(170, 2, of_region=(17, 0.1)),
    params:
        method=CONFIG.model.method,
        code=code("compare_truth"),
    message:
        "Compare {wildcards.region}, {wildcards.month}, with the simulated truth"
    script:
        "../scripts/compare_truth.py"


rule predict_gain:
    input:
        **named(RUN, "samples.parquet", "cells.tif"),
        analysis=ANALYSIS_CELLS,
        model=f"{RUN}/model.skops",
        reliability=RELIABILITY,
    output:
        gain=f"{RUN}/tables/full/gain.parquet",
    log:
        log_of("predict_gain", "{region}/{month}"),
    benchmark:
        benchmark_of("predict_gain", "{region}/{month}")
    priority: 1
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(310, 8, of_region=(10, 0.5)),
    params:
        learner=learner("kind", "trees", "seed", "min_leaf"),
        reconcile=bool(CONFIG.map.reconcile),
        minimum_valid_fraction=CONFIG.quality.minimum_valid_fraction,
        code=code("predict_gain"),
    message:
        "Predict the gain of the map of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/predict_gain.py"


rule measure_coverage:
    input:
        errors=f"{RUN}/protocols/intervals.parquet",
        intervals=f"{RUN}/interval.tif",
        cells=ANALYSIS_CELLS,
        stacks=of_blocks("predictors.tif"),
        truth=[TRUTH] if CONFIG.source == "simulated" else [],
    output:
        coverage=f"{RUN}/tables/full/coverage.parquet",
    log:
        log_of("measure_coverage", "{region}/{month}"),
    benchmark:
        benchmark_of("measure_coverage", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(190, 2, of_region=(1, 0.1)),
    params:
        vegetation=needs.vegetation_index(CONFIG),
        target_error=needs.target_error(CONFIG),
        interval=CONFIG.map.interval,
        code=code("measure_coverage"),
    message:
        "Measure how often the intervals of {wildcards.region}, {wildcards.month}, hold the truth"
    script:
        "../scripts/measure_coverage.py"
