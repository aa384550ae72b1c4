# Exporting: the run in other formats, made when asked for (`export`).


rule export_netcdf:
    input:
        rasters=run_rasters,
    output:
        dataset=f"{RUN}/exports/soil_moisture.nc",
    log:
        log_of("export_netcdf", "{region}/{month}"),
    benchmark:
        benchmark_of("export_netcdf", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(190, 10, of_region=(5, 0.3)),
    params:
        code=code("export_netcdf"),
    message:
        "Export {wildcards.region}, {wildcards.month}, as netCDF"
    script:
        "../scripts/export_netcdf.py"


rule export_zarr:
    input:
        rasters=lambda wildcards: [
            path for month in MONTHS[wildcards.region] for path in rasters_of(wildcards.region, month)
        ],
    output:
        store=directory("results/{region}/exports/soil_moisture.zarr"),
    log:
        log_of("export_zarr", "{region}"),
    benchmark:
        benchmark_of("export_zarr", "{region}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        # Month by month, so that memory does not grow with them.
        **measured(190, 10, of_region=(5, 0.4 * len(CONFIG.months))),
    params:
        code=code("export_zarr"),
    message:
        "Export the months of {wildcards.region} as Zarr"
    script:
        "../scripts/export_zarr.py"


rule export_item:
    input:
        soil_moisture=f"{RUN}/soil_moisture.tif",
        files=lambda wildcards: expand(f"{RUN}/{{name}}", **wildcards, name=assets(wildcards.region)),
    output:
        item=f"{RUN}/exports/item.json",
    log:
        log_of("export_item", "{region}/{month}"),
    benchmark:
        benchmark_of("export_item", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(110, 3, of_region=(0, 0.1)),
    params:
        code=code("export_item"),
    message:
        "Describe {wildcards.region}, {wildcards.month}, for STAC"
    script:
        "../scripts/export_item.py"


rule export_collection:
    input:
        described=lambda wildcards: expand(
            f"{RUN}/exports/item.json", region=wildcards.region, month=MONTHS[wildcards.region]
        ),
    output:
        collection="results/{region}/exports/collection.json",
    log:
        log_of("export_collection", "{region}"),
    benchmark:
        benchmark_of("export_collection", "{region}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(60, 2),
    params:
        code=code("export_collection"),
    message:
        "Describe {wildcards.region} for STAC"
    script:
        "../scripts/export_collection.py"


rule export_raster:
    input:
        source=f"{RUN}/{{raster}}.tif",
    output:
        warped=f"{RUN}/exports/raster/{{raster}}.tif",
    log:
        log_of("export_raster", "{region}/{month}.{raster}"),
    benchmark:
        benchmark_of("export_raster", "{region}/{month}.{raster}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(170, 5, of_region=(8, 0.2)),
    params:
        crs=CONFIG.export.crs,
        resolution=CONFIG.export.resolution,
        code=code("export_raster"),
    message:
        "Warp {wildcards.raster} of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/export_raster.py"


rule export_zones:
    input:
        **named(RUN, "soil_moisture.tif", "quality.tif"),
        target=f"{RUN}/soil_moisture_9km.tif",
        interval=intervals,
        polygons=zone_files,
    output:
        table=f"{RUN}/exports/zones.csv",
        features=f"{RUN}/exports/zones.geojson",
    log:
        log_of("export_zones", "{region}/{month}"),
    benchmark:
        benchmark_of("export_zones", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(220, 4, of_region=(6, 0.1)),
    params:
        layer=CONFIG.export.zones and CONFIG.export.zones.layer,
        name=CONFIG.export.zones and CONFIG.export.zones.name,
        code=code("export_zones"),
    message:
        "Average {wildcards.region}, {wildcards.month}, over zones"
    script:
        "../scripts/export_zones.py"


rule export_points:
    input:
        **named(RUN, "soil_moisture.tif", "quality.tif"),
        target=f"{RUN}/soil_moisture_9km.tif",
        interval=intervals,
        places=place_files,
    output:
        table=f"{RUN}/exports/points.csv",
    log:
        log_of("export_points", "{region}/{month}"),
    benchmark:
        benchmark_of("export_points", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(170, 4, of_region=(4, 0.1)),
    params:
        code=code("export_points"),
    message:
        "Export {wildcards.region}, {wildcards.month}, at points"
    script:
        "../scripts/export_points.py"


rule export_slide:
    input:
        soil_moisture=f"{RUN}/soil_moisture.tif",
        ranges=f"{RUN}/tables/full/maps.parquet",
        outline=outline,
    output:
        slide=f"{RUN}/exports/slide.png",
    log:
        log_of("export_slide", "{region}/{month}"),
    benchmark:
        benchmark_of("export_slide", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(410, 15),
    params:
        bbox=bbox,
        outline_layer=outline_layer,
        language=CONFIG.report.language,
        code=code("export_slide"),
    message:
        "Draw a slide of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/export_slide.py"


use rule draw_figures as export_figures with:
    output:
        figures=[f"{RUN}/exports/figures/{name}.{{vector}}" for name in FIGURES],
    log:
        log_of("export_figures", "{region}/{month}.{vector}"),
    benchmark:
        benchmark_of("export_figures", "{region}/{month}.{vector}")
    message:
        "Draw {wildcards.region}, {wildcards.month}, as {wildcards.vector}"


use rule draw_figures_with_points as export_figures_with_points with:
    output:
        figures=[f"{RUN}/exports/figures/{name}.{{vector}}" for name in FIGURES + FIELD_FIGURES],
    log:
        log_of("export_figures_with_points", "{region}/{month}.{vector}"),
    benchmark:
        benchmark_of("export_figures_with_points", "{region}/{month}.{vector}")
    message:
        "Draw {wildcards.region}, {wildcards.month}, and its field points, as {wildcards.vector}"
