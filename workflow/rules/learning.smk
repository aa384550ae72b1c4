# Learning: models of the 9 km cells. The map is made by one method; the other is trained to be compared with it.


rule train_model:
    input:
        **named(RUN, "samples.parquet", "cells.tif"),
    output:
        model=f"{RUN}/{{trained}}.skops",
        search=f"{RUN}/tables/full/{{trained}}_search.parquet",
    log:
        log_of("train_model", "{region}/{month}/{trained}"),
    benchmark:
        benchmark_of("train_model", "{region}/{month}/{trained}")
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        **measured(330, 8, of_region=(11, 0.3)),
    params:
        **keys("predictors.use", "quality.minimum_valid_fraction"),
        method=lambda wildcards: needs.method(CONFIG, wildcards.trained),
        learner=learner("kind", "trees", "seed", "trend", "min_leaf", "search", "detail_ratio"),
        quantiles=lambda wildcards: wildcards.trained == "model" and CONFIG.map.interval is not None,
        code=code("train_model"),
    message:
        "Train the {wildcards.trained} of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/train_model.py"


rule estimate_cells:
    input:
        **named(RUN, "samples.parquet", "cells.tif"),
    output:
        estimates=f"{RUN}/estimated_cells.tif",
    log:
        log_of("estimate_cells", "{region}/{month}"),
    benchmark:
        benchmark_of("estimate_cells", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        **measured(330, 8, of_region=(11, 0.3)),
    params:
        use=list(CONFIG.predictors.use),
        learner=learner("kind", "trees", "seed", "min_leaf", "search", "trend"),
        code=code("estimate_cells"),
    message:
        "Estimate the cells of {wildcards.region}, {wildcards.month}, out of fold"
    script:
        "../scripts/estimate_cells.py"
