# Composites: the monthly value of each product on each tile, and of the target, once for all regions.


rule composite_tile:
    input:
        granules=granules,
    output:
        composite=f"{COMPOSITES}/{{tile}}/{{month}}.tif",
        inventory=f"{COMPOSITES}/{{tile}}/{{month}}.granules.json",
    log:
        "results/logs/composite_tile/{source}/{product}/{tile}/{month}.log",
    benchmark:
        "results/benchmarks/composite_tile/{source}/{product}/{tile}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(360),
        runtime=minutes(3),
    params:
        quality=level,
        use=quantities,
        source=data(),
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
        "results/logs/average_target/{source}/{product}/{month}.log",
    benchmark:
        "results/benchmarks/average_target/{source}/{product}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(190),
        runtime=minutes(6),
    params:
        smallest_share=CONFIG.quality.minimum_target_share,
        source=data(),
        code=code("average_target"),
    message:
        "Average {wildcards.product} over {wildcards.month}"
    script:
        "../scripts/average_target.py"
