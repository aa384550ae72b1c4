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


rule write_map_page:
    input:
        **named(RUN, "quality.tif", "predictors.tif"),
        coarse=f"{RUN}/soil_moisture_9km.tif",
        fine=f"{RUN}/soil_moisture.tif",
        verdict=f"{RUN}/tables/verdict.csv",
        interval=[f"{RUN}/interval.tif"] if CONFIG.map.interval else [],
        points=lambda wildcards: [f"{RUN}/tables/field_points.csv"] if wildcards.region in WITH_POINTS else [],
        outline=outline,
    output:
        page=f"{RUN}/map.html",
    log:
        log_of("write_map_page", "{region}/{month}"),
    benchmark:
        benchmark_of("write_map_page", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(210, 2, of_region=(8, 0.1)),
    params:
        **keys("predictors.use"),
        bbox=bbox,
        outline_layer=outline_layer,
        products=[product.name for product in needs.products(CONFIG)],
        code=code("write_map_page"),
    message:
        "Write the page of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/write_map_page.py"


rule write_region_page:
    input:
        coarse=of_months("soil_moisture_9km.tif"),
        fine=of_months("soil_moisture.tif"),
        verdict=of_months("tables/verdict.csv"),
        outline=outline,
    output:
        page="results/{region}/index.html",
    log:
        log_of("write_region_page", "{region}"),
    benchmark:
        benchmark_of("write_region_page", "{region}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(210, 2, of_region=(8, 0.1)),
    params:
        bbox=bbox,
        outline_layer=outline_layer,
        months=lambda wildcards: MONTHS[wildcards.region],
        code=code("write_region_page"),
    message:
        "Write the page of all months of {wildcards.region}"
    script:
        "../scripts/write_region_page.py"
