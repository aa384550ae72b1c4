# Learning: models of the 9 km cells. The map is made by one method; the other is trained to be compared with it.


rule train_model:
    input:
        samples=f"{RUN}/samples.parquet",
        cells=f"{RUN}/cells.tif",
    output:
        model=f"{RUN}/{{trained}}.skops",
        search=f"{RUN}/tables/{{trained}}_search.csv",
    log:
        "results/logs/train_model/{region}/{month}/{trained}.log",
    benchmark:
        "results/benchmarks/train_model/{region}/{month}/{trained}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=memory(330, of_region=11),
        runtime=minutes(8, of_region=0.3),
    params:
        use=list(CONFIG.predictors.use),
        method=method,
        kind=CONFIG.model.kind,
        trees=CONFIG.model.trees,
        min_leaf=CONFIG.model.min_leaf,
        search=CONFIG.model.search,
        trend=CONFIG.model.trend,
        detail_ratio=CONFIG.model.detail_ratio,
        seed=CONFIG.model.seed,
        quantiles=lambda wildcards: wildcards.trained == "model" and CONFIG.map.interval is not None,
        minimum_valid_fraction=CONFIG.quality.minimum_valid_fraction,
        source=data(),
        code=code("train_model"),
    message:
        "Train the {wildcards.trained} of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/train_model.py"
