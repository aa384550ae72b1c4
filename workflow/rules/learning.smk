# Learning: models of the 9 km cells, one by each method. One makes the map; the other is trained to be compared with it.


rule train_absolute:
    input:
        **named(RUN, "samples.parquet", "cells.tif"),
    output:
        model=f"{RUN}/{STUDY}.skops",
        search=f"{RUN}/tables/full/{STUDY}_search.parquet",
        estimates=f"{RUN}/estimated_cells.tif",
    log:
        log_of("train_absolute", "{region}/{month}"),
    benchmark:
        benchmark_of("train_absolute", "{region}/{month}")
    priority: 1
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(330, 8, of_region=(11, 0.3)),
    params:
        use=list(CONFIG.predictors.use),
        learner=learner("kind", "trees", "seed", "trend", "min_leaf", "search"),
        quantiles=STUDY == "model" and CONFIG.map.interval is not None,
        alternative=STUDY == "alternative",
        code=code("train_absolute"),
    message:
        "Train the study's model of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/train_absolute.py"


rule train_detail:
    input:
        **named(RUN, "samples.parquet", "cells.tif"),
    output:
        model=f"{RUN}/{DETAIL}.skops",
        search=f"{RUN}/tables/full/{DETAIL}_search.parquet",
    log:
        log_of("train_detail", "{region}/{month}"),
    benchmark:
        benchmark_of("train_detail", "{region}/{month}")
    priority: 1
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(330, 8, of_region=(11, 0.3)),
    params:
        **keys("predictors.use", "quality.minimum_valid_fraction"),
        learner=learner("kind", "trees", "seed", "trend", "min_leaf", "search", "detail_ratio"),
        quantiles=DETAIL == "model" and CONFIG.map.interval is not None,
        alternative=DETAIL == "alternative",
        code=code("train_detail"),
    message:
        "Train the detail of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/train_detail.py"
