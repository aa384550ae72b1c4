# Simulation: a landscape with known soil moisture, and granules of it as SMAP, MODIS and VIIRS would see them.

SIMULATED = "resources/simulated/{scene_name}"
# As `granule_file_name` writes it; the tile stands in the folder too.
GRANULE_NAME = "{short_name}.A{first_day}.{granule_tile}.{version}.{produced}.{ending}"


rule simulate_landscape:
    output:
        **named(SIMULATED, "landscape.npz", "truth/elevation.tif"),
    log:
        log_of("simulate_landscape", "{scene_name}"),
    benchmark:
        benchmark_of("simulate_landscape", "{scene_name}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(480, 5),
    params:
        scene=scene("extent", "seed", "landscape"),
        code=code("simulate_landscape"),
    message:
        "Simulate the landscape {wildcards.scene_name}"
    script:
        "../scripts/simulate_landscape.py"


rule simulate_truth:
    input:
        landscape=f"{SIMULATED}/landscape.npz",
    output:
        truth=f"{SIMULATED}/truth/{{month}}/soil_moisture.tif",
        points=f"{SIMULATED}/truth/{{month}}/field_points.csv",
    log:
        log_of("simulate_truth", "{scene_name}/{month}"),
    benchmark:
        benchmark_of("simulate_truth", "{scene_name}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(280, 2),
    params:
        scene=scene("extent", "seed"),
        code=code("simulate_truth"),
    message:
        "Simulate the true soil moisture of {wildcards.month}"
    script:
        "../scripts/simulate_truth.py"


rule simulate_temperature:
    input:
        landscape=f"{SIMULATED}/landscape.npz",
    output:
        granules=directory(f"{SIMULATED}/{{product}}/{{tile}}/{{month}}"),
    log:
        log_of("simulate_temperature", "{scene_name}/{product}/{tile}/{month}"),
    benchmark:
        benchmark_of("simulate_temperature", "{scene_name}/{product}/{tile}/{month}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(390, 8),
    params:
        scene=scene("extent", "seed", "landscape", "noise", "viirs"),
        code=code("simulate_temperature"),
    message:
        "Simulate {wildcards.product} on {wildcards.tile} in {wildcards.month}, a granule a day"
    script:
        "../scripts/simulate_temperature.py"


rule simulate_vegetation:
    input:
        landscape=f"{SIMULATED}/landscape.npz",
    output:
        granule=f"{SIMULATED}/{{product}}/{{tile}}/{GRANULE_NAME}",
    log:
        log_of("simulate_vegetation", f"{{scene_name}}/{{product}}/{{tile}}/{GRANULE_NAME}"),
    benchmark:
        benchmark_of("simulate_vegetation", f"{{scene_name}}/{{product}}/{{tile}}/{GRANULE_NAME}")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **measured(650, 3),
    params:
        scene=scene("extent", "seed", "landscape", "noise", "viirs"),
        code=code("simulate_vegetation"),
    message:
        "Simulate {wildcards.product} on {wildcards.tile} from day {wildcards.first_day}"
    script:
        "../scripts/simulate_vegetation.py"


rule simulate_target:
    input:
        truth=f"{SIMULATED}/truth/{{month}}/soil_moisture.tif",
        landscape=f"{SIMULATED}/landscape.npz",
    output:
        granules=directory(f"{SIMULATED}/{{product}}/{{month}}"),
    log:
        log_of("simulate_target", "{scene_name}/{product}/{month}"),
    benchmark:
        benchmark_of("simulate_target", "{scene_name}/{product}/{month}")
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        **measured(300, 7),
    params:
        scene=scene("extent", "seed", "landscape"),
        error=CONFIG.scene.error.model_dump(),
        code=code("simulate_target"),
    message:
        "Simulate {wildcards.product} in {wildcards.month}"
    script:
        "../scripts/simulate_target.py"
