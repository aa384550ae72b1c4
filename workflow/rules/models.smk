# Models: trained on the 9 km cells, and scored there.


rule train_model:
    input:
        samples=f"{RUN}/samples.parquet",
        cells=f"{RUN}/cells.tif",
    output:
        model=f"{RUN}/model.skops",
        search=f"{RUN}/tables/leaf_search.csv",
    log:
        "results/logs/train_model/{region}/{month}.log",
    benchmark:
        "results/benchmarks/train_model/{region}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=900,
        runtime=10,
    params:
        use=list(CONFIG.predictors.use),
        method=CONFIG.model.method,
        kind=CONFIG.model.kind,
        trees=CONFIG.model.trees,
        min_leaf=CONFIG.model.min_leaf,
        seed=CONFIG.model.seed,
        minimum_valid_fraction=CONFIG.quality.minimum_valid_fraction,
        source=CONFIG.source,
        code=code("train_model"),
    message:
        "Train the model of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/train_model.py"


rule evaluate_model:
    input:
        samples=f"{RUN}/samples.parquet",
        cells=f"{RUN}/cells.tif",
        model=f"{RUN}/model.skops",
    output:
        correlation=f"{RUN}/tables/correlation.csv",
        importance=f"{RUN}/tables/importance.csv",
        scores=f"{RUN}/tables/scores.csv",
        predictions=f"{RUN}/tables/predictions.csv",
    log:
        "results/logs/evaluate_model/{region}/{month}.log",
    benchmark:
        "results/benchmarks/evaluate_model/{region}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=900,
        runtime=10,
    params:
        use=list(CONFIG.predictors.use),
        kind=CONFIG.model.kind,
        trees=CONFIG.model.trees,
        min_leaf=CONFIG.model.min_leaf,
        seed=CONFIG.model.seed,
        minimum_valid_fraction=CONFIG.quality.minimum_valid_fraction,
        code=code("evaluate_model"),
    message:
        "Evaluate the model of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/evaluate_model.py"
