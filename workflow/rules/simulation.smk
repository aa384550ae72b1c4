# Simulation: a landscape with known soil moisture, and granules of it as SMAP and MODIS would see them.


rule simulate_landscape:
    output:
        landscape=f"{SIMULATED}/landscape.npz",
        elevation=f"{SIMULATED}/truth/elevation.tif",
    log:
        "results/logs/simulate_landscape/{scene}.log",
    benchmark:
        "results/benchmarks/simulate_landscape/{scene}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(480),
        runtime=minutes(5),
    params:
        extent=SCENE_EXTENTS[CONFIG.scene.extent],
        seed=CONFIG.scene.seed,
        landscape=CONFIG.scene.landscape,
        code=code("simulate_landscape"),
    message:
        "Simulate the landscape {wildcards.scene}"
    script:
        "../scripts/simulate_landscape.py"


rule simulate_truth:
    input:
        landscape=f"{SIMULATED}/landscape.npz",
    output:
        truth=f"{SIMULATED}/truth/{{month}}/soil_moisture.tif",
        points=f"{SIMULATED}/truth/{{month}}/field_points.csv",
    log:
        "results/logs/simulate_truth/{scene}/{month}.log",
    benchmark:
        "results/benchmarks/simulate_truth/{scene}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(280),
        runtime=minutes(2),
    params:
        extent=SCENE_EXTENTS[CONFIG.scene.extent],
        seed=CONFIG.scene.seed,
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
        "results/logs/simulate_temperature/{scene}/{product}/{tile}/{month}.log",
    benchmark:
        "results/benchmarks/simulate_temperature/{scene}/{product}/{tile}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(390),
        runtime=minutes(8),
    params:
        extent=SCENE_EXTENTS[CONFIG.scene.extent],
        seed=CONFIG.scene.seed,
        landscape=CONFIG.scene.landscape,
        noise=CONFIG.scene.noise,
        code=code("simulate_temperature"),
    message:
        "Simulate {wildcards.product} on {wildcards.tile} in {wildcards.month}, a granule a day"
    script:
        "../scripts/simulate_temperature.py"


rule simulate_vegetation:
    input:
        landscape=f"{SIMULATED}/landscape.npz",
    output:
        granule=f"{SIMULATED}/{{product}}/{{tile}}/{{short_name}}.A{{first_day}}.{{granule_tile}}.{{version}}.{{produced}}.hdf",
    log:
        "results/logs/simulate_vegetation/{scene}/{product}/{tile}/{short_name}.A{first_day}.{granule_tile}.{version}.{produced}.log",
    benchmark:
        "results/benchmarks/simulate_vegetation/{scene}/{product}/{tile}/{short_name}.A{first_day}.{granule_tile}.{version}.{produced}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(630),
        runtime=minutes(3),
    params:
        extent=SCENE_EXTENTS[CONFIG.scene.extent],
        seed=CONFIG.scene.seed,
        landscape=CONFIG.scene.landscape,
        noise=CONFIG.scene.noise,
        code=code("simulate_vegetation"),
    message:
        "Simulate {wildcards.product} on {wildcards.tile} from day {wildcards.first_day}"
    script:
        "../scripts/simulate_vegetation.py"


rule simulate_target:
    input:
        truth=f"{SIMULATED}/truth/{{month}}/soil_moisture.tif",
    output:
        granules=directory(f"{SIMULATED}/{{product}}/{{month}}"),
    log:
        "results/logs/simulate_target/{scene}/{product}/{month}.log",
    benchmark:
        "results/benchmarks/simulate_target/{scene}/{product}/{month}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=memory(300),
        runtime=minutes(7),
    params:
        extent=SCENE_EXTENTS[CONFIG.scene.extent],
        seed=CONFIG.scene.seed,
        error=CONFIG.scene.error,
        code=code("simulate_target"),
    message:
        "Simulate {wildcards.product} in {wildcards.month}, eight granules a day"
    script:
        "../scripts/simulate_target.py"
