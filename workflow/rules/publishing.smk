# Publishing: what people open.


rule style_rasters:
    input:
        rasters=expand(f"{RUN}/{{name}}.tif", name=RASTERS, allow_missing=True),
        ranges=f"{RUN}/tables/maps.csv",
    output:
        styles=expand(f"{RUN}/{{name}}.qml", name=RASTERS, allow_missing=True),
        categories=f"{RUN}/quality.tif.aux.xml",
    log:
        log_of("style_rasters", "{region}/{month}"),
    benchmark:
        benchmark_of("style_rasters", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(160, 2),
    params:
        code=code("style_rasters"),
    message:
        "Write how GIS show the rasters of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/style_rasters.py"
