# Learning: models of the 9 km cells. The map is made by one method; the other is trained to be compared with it.


rule train_model:
    input:
        samples=f"{RUN}/samples.parquet",
        cells=f"{RUN}/cells.tif",
    output:
        model=f"{RUN}/{{trained}}.skops",
        search=f"{RUN}/tables/{{trained}}_search.csv",
    log:
        log_of("train_model", "{region}/{month}/{trained}"),
    benchmark:
        benchmark_of("train_model", "{region}/{month}/{trained}")
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=memory(330, of_region=11),
        runtime=minutes(8, of_region=0.3),
    params:
        use=list(CONFIG.predictors.use),
        method=lambda wildcards: needs.method(CONFIG, wildcards.trained),
        learner=learner("kind", "trees", "seed", "trend", "min_leaf", "search", "detail_ratio"),
        quantiles=lambda wildcards: wildcards.trained == "model" and CONFIG.map.interval is not None,
        minimum_valid_fraction=CONFIG.quality.minimum_valid_fraction,
        code=code("train_model"),
    message:
        "Train the {wildcards.trained} of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/train_model.py"
