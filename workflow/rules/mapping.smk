# Mapping: predicted and judged by block, reconciled with the cells of the whole region, assembled.

from kilomoist.calendars import model_only_days

# The region's cells with what the map is held to: the target, or as much of it as its error warrants.
MEASURED = CONFIG.map.reconcile == "measured"
MERGED = MEASURED or CONFIG.map.reconcile == "warranted" and needs.target_error(CONFIG) > 0
ANALYSIS_CELLS = f"{RUN}/merged_cells.tif" if MERGED else f"{RUN}/cells.tif"
# With intervals, their calibration and the errors that it rests on.
CALIBRATED = {"intervals": f"{RUN}/protocols/intervals.json", "errors": f"{RUN}/protocols/intervals.parquet"}
CALIBRATED = CALIBRATED if CONFIG.map.interval else {}
# Nothing where none are made, lest a key of theirs rerun what is said of pixels beside them.
INTERVALS = {"nominal": CONFIG.map.interval, "target_error": needs.target_error(CONFIG)} if CONFIG.map.interval else {}


rule predict_block:
    input:
        **named(RUN, "samples.parquet", "model.skops"),
        stack=f"{BLOCK}/predictors.tif",
        cells=ANALYSIS_CELLS,
        reliability=RELIABILITY,
    output:
        raw=f"{BLOCK}/raw_map.tif",
    log:
        log_of("predict_block", "{region}/{month}/{block}"),
    benchmark:
        benchmark_of("predict_block", "{region}/{month}/{block}")
    priority: 2
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(300, 4, of_region=(10, 0), of_block=(4, 0.4)),
    params:
        code=code("predict_block"),
    message:
        "Map {wildcards.region}, {wildcards.month}, block {wildcards.block}"
    script:
        "../scripts/predict_block.py"


rule merge_target:
    input:
        **named(RUN, "samples.parquet", "cells.tif"),
        estimates=f"{RUN}/estimated_cells.tif",
        measured=[f"{RUN}/tables/full/residual_weight.parquet"] if MEASURED else [],
    output:
        merged_cells=f"{RUN}/merged_cells.tif",
    log:
        log_of("merge_target", "{region}/{month}"),
    benchmark:
        benchmark_of("merge_target", "{region}/{month}")
    priority: 2
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(230, 3),
    params:
        use=list(CONFIG.predictors.use),
        target_error=needs.target_error(CONFIG),
        code=code("merge_target"),
    message:
        "Merge the target of {wildcards.region}, {wildcards.month}, by its error"
    script:
        "../scripts/merge_target.py"


rule restore_cells:
    input:
        **named(RUN, "samples.parquet", "cells.tif", "model.skops"),
        reliability=[f"{RUN}/tables/full/agreement.parquet"] if CONFIG.map.interval else [],
        stacks=of_blocks("predictors.tif") if CONFIG.map.interval else [],
    output:
        **CALIBRATED,
        estimates=f"{RUN}/protocols/one_scale_up.parquet",
    log:
        log_of("restore_cells", "{region}/{month}"),
    benchmark:
        benchmark_of("restore_cells", "{region}/{month}")
    priority: 1
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(310, 8, of_region=(10, 0.2)),
    params:
        **keys("map.interval", "quality.minimum_valid_fraction"),
        learner=learner("kind", "trees", "seed", "min_leaf", "search"),
        reconciled=bool(CONFIG.map.reconcile),
        code=code("restore_cells"),
    message:
        "Restore the cells of {wildcards.region}, {wildcards.month}, as the map is made, one scale up"
    script:
        "../scripts/restore_cells.py"


rule judge_block:
    input:
        **named(RUN, "samples.parquet", "cells.tif", "applicability.npz"),
        stack=f"{BLOCK}/predictors.tif",
        reliability=RELIABILITY,
        model=[f"{RUN}/model.skops"] if CONFIG.map.interval else [],
        calibration=[f"{RUN}/protocols/intervals.json"] if CONFIG.map.interval else [],
    output:
        verdict=f"{BLOCK}/applicability.tif",
        shift=f"{BLOCK}/shift.json",
        offsets=[f"{BLOCK}/interval.tif"] if CONFIG.map.interval else [],
    log:
        log_of("judge_block", "{region}/{month}/{block}"),
    benchmark:
        benchmark_of("judge_block", "{region}/{month}/{block}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(350, 4, of_region=(10, 0), of_block=(4, 0.4)),
    params:
        code=code("judge_block"),
    message:
        "Judge how far block {wildcards.block} of {wildcards.region}, {wildcards.month}, is from what was learned"
    script:
        "../scripts/judge_block.py"


rule assemble_map:
    input:
        raw=of_blocks("raw_map.tif"),
        cells=ANALYSIS_CELLS,
        target=f"{RUN}/soil_moisture_9km.tif",
        predictors=f"{RUN}/predictors.tif",
    output:
        correction=f"{RUN}/correction.tif",
        target_weight=f"{RUN}/target_weight_9km.tif",
        soil_moisture=f"{RUN}/soil_moisture.tif",
        ranges=f"{RUN}/tables/full/maps.parquet",
    log:
        log_of("assemble_map", "{region}/{month}"),
    benchmark:
        benchmark_of("assemble_map", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(230, 3, of_region=(3, 0.2)),
    params:
        use=list(CONFIG.predictors.use),
        minimum_valid_fraction=CONFIG.quality.minimum_valid_fraction,
        reconcile=bool(CONFIG.map.reconcile),
        origin=needs.origin(CONFIG),
        code=code("assemble_map"),
    message:
        "Assemble the map of {wildcards.region}, {wildcards.month}, and reconcile it with its cells"
    script:
        "../scripts/assemble_map.py"


rule assemble_quality:
    input:
        **named(RUN, "soil_moisture.tif", "correction.tif"),
        cells=ANALYSIS_CELLS,
        stacks=of_blocks("predictors.tif"),
        verdicts=of_blocks("applicability.tif"),
        shifts=of_blocks("shift.json"),
        offsets=of_blocks("interval.tif") if CONFIG.map.interval else [],
    output:
        quality=f"{RUN}/quality.tif",
        quality_class=f"{RUN}/quality_class.tif",
        applicability=f"{RUN}/applicability.tif",
        frequencies=f"{RUN}/tables/full/quality.parquet",
        shift=f"{RUN}/tables/full/shift.parquet",
        histograms=f"{RUN}/tables/full/shift_histograms.parquet",
        interval=[f"{RUN}/interval.tif"] if CONFIG.map.interval else [],
    log:
        log_of("assemble_quality", "{region}/{month}"),
    benchmark:
        benchmark_of("assemble_quality", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(230, 3, of_region=(3, 0.2)),
    params:
        use=list(CONFIG.predictors.use),
        few_days=lambda wildcards: needs.few_days(CONFIG, wildcards.month),
        model_only_days=lambda wildcards: model_only_days(PRODUCTS[CONFIG.target], wildcards.month),
        interval_settings=INTERVALS,
        units=needs.units(CONFIG),
        origin=needs.origin(CONFIG),
        code=code("assemble_quality"),
    message:
        "Assemble flags, applicability and intervals of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/assemble_quality.py"


rule assemble_predictors:
    input:
        stacks=of_blocks("predictors.tif"),
    output:
        predictors=f"{RUN}/predictors.tif",
    log:
        log_of("assemble_predictors", "{region}/{month}"),
    benchmark:
        benchmark_of("assemble_predictors", "{region}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(130, 2, of_region=(7, 0.1)),
    params:
        units=needs.units(CONFIG),
        origin=needs.origin(CONFIG),
        code=code("assemble_predictors"),
    message:
        "Assemble the predictors of {wildcards.region}, {wildcards.month}"
    script:
        "../scripts/assemble_predictors.py"
