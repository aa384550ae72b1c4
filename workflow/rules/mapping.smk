# Mapping: predicted and judged by block, reconciled with the cells of the whole region, assembled.


rule predict_block:
    input:
        stack=f"{BLOCK}/predictors.tif",
        samples=f"{RUN}/samples.parquet",
        cells=analysis_cells,
        model=f"{RUN}/model.skops",
        reliability=reliability,
    output:
        raw=f"{BLOCK}/raw_map.tif",
    log:
        "results/logs/predict_block/{region}/{month}/{block}.log",
    benchmark:
        "results/benchmarks/predict_block/{region}/{month}/{block}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(300, of_region=10, of_block=4),
        runtime=minutes(4, of_block=0.4),
    params:
        tags=tags,
        code=code("predict_block"),
    message:
        "Map {wildcards.region}, {wildcards.month}, block {wildcards.block}"
    script:
        "../scripts/predict_block.py"


rule merge_target:
    input:
        samples=f"{RUN}/samples.parquet",
        cells=f"{RUN}/cells.tif",
    output:
        cells=f"{RUN}/merged_cells.tif",
    log:
        "results/logs/merge_target/{region}/{month}.log",
    benchmark:
        "results/benchmarks/merge_target/{region}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=memory(330, of_region=11),
        runtime=minutes(8, of_region=0.3),
    params:
        use=list(CONFIG.predictors.use),
        kind=CONFIG.model.kind,
        trees=CONFIG.model.trees,
        min_leaf=CONFIG.model.min_leaf,
        search=CONFIG.model.search,
        trend=CONFIG.model.trend,
        seed=CONFIG.model.seed,
        target_error=TARGET_ERROR,
        tags=tags,
        code=code("merge_target"),
    message:
        "Merge the target of {wildcards.region}, {wildcards.month}, by its error"
    script:
        "../scripts/merge_target.py"


rule calibrate_intervals:
    input:
        samples=f"{RUN}/samples.parquet",
        cells=f"{RUN}/cells.tif",
        model=f"{RUN}/model.skops",
        reliability=f"{RUN}/tables/agreement.csv",
        stacks=of_blocks("predictors.tif"),
    output:
        calibration=f"{RUN}/protocols/intervals.json",
        errors=f"{RUN}/protocols/intervals.parquet",
    log:
        "results/logs/calibrate_intervals/{region}/{month}.log",
    benchmark:
        "results/benchmarks/calibrate_intervals/{region}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=memory(310, of_region=10),
        runtime=minutes(5, of_region=0.1),
    params:
        kind=CONFIG.model.kind,
        trees=CONFIG.model.trees,
        min_leaf=CONFIG.model.min_leaf,
        search=CONFIG.model.search,
        seed=CONFIG.model.seed,
        reconciled=bool(CONFIG.map.reconcile),
        interval=CONFIG.map.interval,
        minimum_valid_fraction=CONFIG.quality.minimum_valid_fraction,
        code=code("calibrate_intervals"),
    message:
        "Calibrate the intervals of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/calibrate_intervals.py"


rule bound_block:
    input:
        stack=f"{BLOCK}/predictors.tif",
        samples=f"{RUN}/samples.parquet",
        cells=f"{RUN}/cells.tif",
        model=f"{RUN}/model.skops",
        calibration=f"{RUN}/protocols/intervals.json",
        reliability=f"{RUN}/tables/agreement.csv",
    output:
        offsets=f"{BLOCK}/interval.tif",
    log:
        "results/logs/bound_block/{region}/{month}/{block}.log",
    benchmark:
        "results/benchmarks/bound_block/{region}/{month}/{block}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(520, of_region=10, of_block=6),
        runtime=minutes(5, of_block=0.8),
    params:
        tags=tags,
        code=code("bound_block"),
    message:
        "Bound the map of {wildcards.region}, {wildcards.month}, block {wildcards.block}"
    script:
        "../scripts/bound_block.py"


rule reconcile_map:
    input:
        raw=of_blocks("raw_map.tif"),
        cells=analysis_cells,
    output:
        correction=f"{RUN}/correction.tif",
    log:
        "results/logs/reconcile_map/{region}/{month}.log",
    benchmark:
        "results/benchmarks/reconcile_map/{region}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(100, of_region=2),
        runtime=minutes(2, of_region=0.1),
    params:
        minimum_valid_fraction=CONFIG.quality.minimum_valid_fraction,
        reconcile=bool(CONFIG.map.reconcile),
        tags=tags,
        code=code("reconcile_map"),
    message:
        "Reconcile the map of {wildcards.region}, {wildcards.month}, with its cells"
    script:
        "../scripts/reconcile_map.py"


rule assemble_map:
    input:
        raw=of_blocks("raw_map.tif"),
        offsets=offsets,
        cells=analysis_cells,
        target=f"{RUN}/soil_moisture_9km.tif",
        correction=f"{RUN}/correction.tif",
    output:
        soil_moisture=f"{RUN}/soil_moisture.tif",
        ranges=f"{RUN}/tables/maps.csv",
    log:
        "results/logs/assemble_map/{region}/{month}.log",
    benchmark:
        "results/benchmarks/assemble_map/{region}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(230, of_region=3),
        runtime=minutes(3, of_region=0.1),
    params:
        target=CONFIG.target,
        target_error=TARGET_ERROR,
        interval=CONFIG.map.interval,
        tags=tags,
        code=code("assemble_map"),
    message:
        "Assemble the map of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/assemble_map.py"


rule judge_block:
    input:
        stack=f"{BLOCK}/predictors.tif",
        samples=f"{RUN}/samples.parquet",
        cells=f"{RUN}/cells.tif",
        known=f"{RUN}/applicability.npz",
        reliability=reliability,
    output:
        verdict=f"{BLOCK}/applicability.tif",
        shift=f"{BLOCK}/shift.json",
    log:
        "results/logs/judge_block/{region}/{month}/{block}.log",
    benchmark:
        "results/benchmarks/judge_block/{region}/{month}/{block}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(220, of_block=4),
        runtime=minutes(2, of_block=0.2),
    params:
        tags=tags,
        code=code("judge_block"),
    message:
        "Judge how far block {wildcards.block} of {wildcards.region}, {wildcards.month}, is from what was learned"
    script:
        "../scripts/judge_block.py"


rule assemble_quality:
    input:
        raw=of_blocks("raw_map.tif"),
        stacks=of_blocks("predictors.tif"),
        verdicts=of_blocks("applicability.tif"),
        shifts=of_blocks("shift.json"),
        correction=f"{RUN}/correction.tif",
    output:
        quality=f"{RUN}/quality.tif",
        applicability=f"{RUN}/applicability.tif",
        flags=report(f"{RUN}/tables/quality.csv", caption="../report/quality_table.rst", category="Tables"),
        shift=report(f"{RUN}/tables/shift.csv", caption="../report/shift_table.rst", category="Tables"),
        histograms=f"{RUN}/tables/shift_histograms.csv",
    log:
        "results/logs/assemble_quality/{region}/{month}.log",
    benchmark:
        "results/benchmarks/assemble_quality/{region}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(200, of_region=3),
        runtime=minutes(2, of_region=0.1),
    params:
        target=CONFIG.target,
        use=list(CONFIG.predictors.use),
        few=few_days,
        model_only=target_model_only,
        units=units,
        tags=tags,
        code=code("assemble_quality"),
    message:
        "Assemble the flags of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/assemble_quality.py"


rule assemble_predictors:
    input:
        stacks=of_blocks("predictors.tif"),
    output:
        predictors=f"{RUN}/predictors.tif",
    log:
        "results/logs/assemble_predictors/{region}/{month}.log",
    benchmark:
        "results/benchmarks/assemble_predictors/{region}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(130, of_region=7),
        runtime=minutes(2, of_region=0.1),
    params:
        units=units,
        tags=tags,
        code=code("assemble_predictors"),
    message:
        "Assemble the predictors of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/assemble_predictors.py"
