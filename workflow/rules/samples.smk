# Samples: predictors at 1 km, warped once; cells of 9 km; the training table.


rule stack_block:
    input:
        composites=composites,
        inventories=inventories,
        target=target_mean,
        outline=outline,
        layers=layer_files,
    output:
        stack=f"{BLOCK}/predictors.tif",
        cells=f"{BLOCK}/cells.tif",
    log:
        "results/logs/stack_block/{region}/{month}/{block}.log",
    benchmark:
        "results/benchmarks/stack_block/{region}/{month}/{block}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(260, of_block=16),
        runtime=minutes(2, of_block=0.3),
    params:
        tiles=tile_keys,
        window=window,
        bbox=bbox,
        use=list(CONFIG.predictors.use),
        layers=layers,
        minimum_days=CONFIG.quality.minimum_days,
        tags=tags,
        code=code("stack_block"),
    message:
        "Stack the predictors of {wildcards.region}, {wildcards.month}, block {wildcards.block}"
    script:
        "../scripts/stack_block.py"


rule collect_samples:
    input:
        cells=of_blocks("cells.tif"),
    output:
        cells=f"{RUN}/cells.tif",
        target=f"{RUN}/soil_moisture_9km.tif",
        samples=f"{RUN}/samples.parquet",
    log:
        "results/logs/collect_samples/{region}/{month}.log",
    benchmark:
        "results/benchmarks/collect_samples/{region}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(210, of_region=1),
        runtime=minutes(2, of_region=0.1),
    params:
        use=list(CONFIG.predictors.use),
        minimum_valid_fraction=CONFIG.quality.minimum_valid_fraction,
        test_fraction=CONFIG.model.test_fraction,
        seed=CONFIG.model.seed,
        tags=tags,
        code=code("collect_samples"),
    message:
        "Collect the samples of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/collect_samples.py"


rule measure_reliability:
    input:
        composites=composites,
        cells=f"{RUN}/cells.tif",
    output:
        table=report(f"{RUN}/tables/agreement.csv", caption="../report/reliability.rst", category="Tables"),
    log:
        "results/logs/measure_reliability/{region}/{month}.log",
    benchmark:
        "results/benchmarks/measure_reliability/{region}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(230, of_region=1),
        runtime=minutes(4, of_region=0.1),
    params:
        tiles=tile_keys,
        use=list(CONFIG.predictors.use),
        minimum_days=CONFIG.quality.minimum_days,
        minimum_valid_fraction=CONFIG.quality.minimum_valid_fraction,
        seed=CONFIG.model.seed,
        code=code("measure_reliability"),
    message:
        "Measure what of the predictors' detail in {wildcards.region}, {wildcards.month}, repeats"
    script:
        "../scripts/measure_reliability.py"
