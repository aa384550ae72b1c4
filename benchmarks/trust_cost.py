"""What intervals and applicability cost on a map as large as Mongolia: python benchmarks/trust_cost.py.

Simulated predictors on 3114 × 936 pixels, of which an ellipse has values, and 9 km cells that follow them; no granules.
Every job of the workflow between samples and map runs as a process of its own, as Snakemake would start it. Prints its
CPU seconds (`cpu_<job>`, imports included) and largest memory (`memory_<job>`), and what is beyond the plain map:
`cpu_beyond` of calibration, intervals, applicability and flags, and `memory_beyond`, the largest of these jobs.
"""

import tempfile

from simulated_regions import Region, measure

CELLS = (204, 2866, 104, 346)
BEYOND = ("restore_cells", "judge_block", "assemble_quality")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        region = Region(folder, CELLS, 256)
        measure(region, "prepare")
        measure(region, "collect_samples")
        jobs = [("train_absolute", ""), ("train_detail", ""), ("evaluate_model", "")]
        jobs += [("predict_block", block) for block in region.blocks]
        jobs += [(job, "") for job in ("assemble_predictors", "assemble_map", "restore_cells")]
        jobs += [*(("judge_block", block) for block in region.blocks), ("assemble_quality", "")]
        costs = {(job, part): measure(region, job, part) for job, part in jobs}
    for (job, part), (cpu, memory) in costs.items():
        label = f"{job}_{part}" if part else job
        print(f"cpu_{label} {cpu:.1f} s")
        print(f"memory_{label} {memory:.0f} MB")
    beyond = [cost for (job, _), cost in costs.items() if job in BEYOND]
    print(f"cpu_beyond {sum(cpu for cpu, _ in beyond):.1f} s")
    print(f"memory_beyond {max(memory for _, memory in beyond):.0f} MB")


if __name__ == "__main__":
    main()
