# Predictors: composites of each product and tile, once for all regions; predictors at 1 km; cells of 9 km.

from dataclasses import astuple

COMPOSITES = "results/composites/{source}/{product}"


rule composite_tile:
    input:
        granules=granules,
    output:
        composite=f"{COMPOSITES}/{{tile}}/{{month}}.tif",
        inventory=f"{COMPOSITES}/{{tile}}/{{month}}.granules.json",
    log:
        log_of("composite_tile", "{source}/{product}/{tile}/{month}"),
    benchmark:
        benchmark_of("composite_tile", "{source}/{product}/{tile}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(360),
        runtime=minutes(3),
    params:
        quality=lambda wildcards: getattr(CONFIG.quality, PRODUCTS[wildcards.product].role),
        use=lambda wildcards: needs.quantities(CONFIG, PRODUCTS[wildcards.product]),
        code=code("composite_tile"),
    message:
        "Composite {wildcards.product} on {wildcards.tile} over {wildcards.month}"
    script:
        "../scripts/composite_tile.py"


rule average_target:
    input:
        granules=granules,
    output:
        mean=f"{COMPOSITES}/{{month}}.tif",
        inventory=f"{COMPOSITES}/{{month}}.granules.json",
    log:
        log_of("average_target", "{source}/{product}/{month}"),
    benchmark:
        benchmark_of("average_target", "{source}/{product}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(190),
        runtime=minutes(6),
    params:
        minimum_share=CONFIG.quality.minimum_target_share,
        code=code("average_target"),
    message:
        "Average {wildcards.product} over {wildcards.month}"
    script:
        "../scripts/average_target.py"


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
        log_of("stack_block", "{region}/{month}/{block}"),
    benchmark:
        benchmark_of("stack_block", "{region}/{month}/{block}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(260, of_block=16),
        runtime=minutes(2, of_block=0.3),
    params:
        tiles=tile_keys,
        window=lambda wildcards: list(astuple(blocks(wildcards.region)[wildcards.block])),
        bbox=bbox,
        use=list(CONFIG.predictors.use),
        resampling={name: layer.resampling for name, layer in CONFIG.predictors.layers_in_use().items()},
        minimum_days=CONFIG.quality.minimum_days,
        code=code("stack_block"),
    message:
        "Stack the predictors of {wildcards.region}, {wildcards.month}, block {wildcards.block}"
    script:
        "../scripts/stack_block.py"


rule collect_samples:
    input:
        blocks=of_blocks("cells.tif"),
    output:
        cells=f"{RUN}/cells.tif",
        target=f"{RUN}/soil_moisture_9km.tif",
        samples=f"{RUN}/samples.parquet",
    log:
        log_of("collect_samples", "{region}/{month}"),
    benchmark:
        benchmark_of("collect_samples", "{region}/{month}")
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
        reliability=report(f"{RUN}/tables/agreement.csv", caption="../report/reliability.rst", category="Tables"),
    log:
        log_of("measure_reliability", "{region}/{month}"),
    benchmark:
        benchmark_of("measure_reliability", "{region}/{month}")
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
