# Predictors: composites of each tile, once for all regions; predictors at 1 km; cells of 9 km.

from dataclasses import astuple

COMPOSITES = "results/composites/{source}/{product}"
# Sorted, so that the order in which the configuration names them changes nothing.
COMPOSED = sorted(needs.predictor_products(CONFIG))


if COMPOSED:

    rule composite_tile:
        input:  # by product in `params`
            lambda wildcards: list(itertools.chain(*tile_granules(wildcards).values())),
        output:
            composites=expand(f"{COMPOSITES}/{{tile}}/{{month}}.tif", product=COMPOSED, allow_missing=True),
            inventories=expand(f"{COMPOSITES}/{{tile}}/{{month}}.granules.json", product=COMPOSED, allow_missing=True),
        log:
            log_of("composite_tile", "{source}/{tile}/{month}"),
        benchmark:
            benchmark_of("composite_tile", "{source}/{tile}/{month}")
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **measured(360, 4),
        params:
            granules=tile_granules,
            quality={name: getattr(CONFIG.quality, PRODUCTS[name].role) for name in COMPOSED},
            use={name: needs.quantities(CONFIG, PRODUCTS[name]) for name in COMPOSED},
            halves=needs.halves(CONFIG),
            code=code("composite_tile"),
        message:
            "Composite {wildcards.tile} over {wildcards.month}"
        script:
            "../scripts/composite_tile.py"


rule average_target:
    input:
        granules=target_granules,
    output:
        mean=f"{COMPOSITES}/{{month}}.tif",
        inventory=f"{COMPOSITES}/{{month}}.granules.json",
    log:
        log_of("average_target", "{source}/{product}/{month}"),
    benchmark:
        benchmark_of("average_target", "{source}/{product}/{month}")
    priority: 1
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(190, 6),
    params:
        minimum_share=CONFIG.quality.minimum_target_share,
        minimum_passes=lambda wildcards: needs.minimum_passes(CONFIG, PRODUCTS[wildcards.product]),
        code=code("average_target"),
    message:
        "Average {wildcards.product} over {wildcards.month}"
    script:
        "../scripts/average_target.py"


rule compare_products:
    input:
        composites=composites,
        inventories=composite_inventories,
        outline=outline,
    output:
        comparison=f"{RUN}/product_comparison.parquet",
    log:
        log_of("compare_products", "{region}/{month}"),
    benchmark:
        benchmark_of("compare_products", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(300, 8, of_region=(1, 0.1)),
    params:
        **keys("quality.minimum_days", "model.seed"),
        tiles=tile_keys,
        bbox=bbox,
        outline_layer=outline_layer,
        shared=needs.shared_quantities(CONFIG),
        index=needs.vegetation_index(CONFIG),
        code=code("compare_products"),
    message:
        "Compare the products of {wildcards.region}, {wildcards.month}, that measure the same"
    script:
        "../scripts/compare_products.py"


rule bridge_products:
    input:
        compared=lambda wildcards: expand(
            f"{RUN}/product_comparison.parquet", region=wildcards.region, month=months_with(wildcards)
        ),
    output:
        differences=f"{RUN}/tables/full/product_differences.parquet",
    log:
        log_of("bridge_products", "{region}/{month}"),
    benchmark:
        benchmark_of("bridge_products", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(120, 2),
    params:
        **keys("predictors.bridge"),
        months=months_with,
        code=code("bridge_products"),
    message:
        "Choose what is taken away of each product's {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/bridge_products.py"


rule stack_block:
    input:
        composites=composites,
        differences=product_differences,
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
        **measured(260, 2, of_block=(16, 0.3)),
    params:
        **keys("predictors.use", "quality.minimum_days"),
        tiles=tile_keys,
        index=needs.vegetation_index(CONFIG),
        window=lambda wildcards: list(astuple(blocks(wildcards.region)[wildcards.block])),
        bbox=bbox,
        outline_layer=outline_layer,
        reading={name: layer.model_dump(exclude={"path"}) for name, layer in CONFIG.predictors.layers_in_use().items()},
        code=code("stack_block"),
    message:
        "Stack the predictors of {wildcards.region}, {wildcards.month}, block {wildcards.block}"
    script:
        "../scripts/stack_block.py"


rule collect_samples:
    input:
        blocks=of_blocks("cells.tif"),
        passes=target_passes,
    output:
        **named(RUN, "cells.tif", "samples.parquet"),
        target=f"{RUN}/soil_moisture_9km.tif",
    log:
        log_of("collect_samples", "{region}/{month}"),
    benchmark:
        benchmark_of("collect_samples", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(210, 2, of_region=(1, 0.1)),
    params:
        **keys("predictors.use", "quality.minimum_valid_fraction", "model.test_fraction", "model.seed"),
        minimum_passes=needs.minimum_passes(CONFIG, PRODUCTS[CONFIG.target]),
        units=needs.units(CONFIG),
        origin=needs.origin(CONFIG),
        code=code("collect_samples"),
    message:
        "Collect the samples of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/collect_samples.py"


rule measure_reliability:
    input:
        composites=composites,
        differences=product_differences,
        cells=f"{RUN}/cells.tif",
    output:
        reliability=f"{RUN}/tables/full/agreement.parquet",
    log:
        log_of("measure_reliability", "{region}/{month}"),
    benchmark:
        benchmark_of("measure_reliability", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(230, 4, of_region=(1, 0.1)),
    params:
        **keys("predictors.use", "quality.minimum_days", "quality.minimum_valid_fraction", "model.seed"),
        tiles=tile_keys,
        index=needs.vegetation_index(CONFIG),
        code=code("measure_reliability"),
    message:
        "Measure what of the predictors' detail in {wildcards.region}, {wildcards.month}, repeats"
    script:
        "../scripts/measure_reliability.py"
