"""How well a run keeps a SLURM busy: python benchmarks/cluster.py [--archive FOLDER] [--config FILE] [TARGET …].

The default run, simulated, or granules of an archive; on a SLURM of its own on this machine (needs root, slurm-wlm and
munge, and `make install-slurm`), with as many nodes of one core as `--nodes` says, through profiles/slurm; with
`--whole` as one job of SLURM on one node of as many cores, in which Snakemake runs all that the run needs.
Prints `name value unit`:

- cluster_wall, cluster_jobs, cluster_cores: of the whole run, from its start or submission to its end.
- efficiency: the rules' own CPU time (the last line of their logs) over cores × wall.
- scheduling_share: the rest. Of it, start_share: cores that a job holds while the rule's own work does not run, because
  Snakemake starts in it twice, or waits with `--whole` for a job that others need; idle_share: cores that no job holds,
  because none is ready or none was submitted yet.
- queue_wait: from a job's submission to its start, on average. It is short where cores are idle.
- memory_asked, memory_used: MB × hours of all jobs, asked of SLURM and resident at most.
- small_jobs: share of the jobs whose own work takes less than 10 s.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from runs import ROOT, cpu_of_rules

sys.path.insert(0, str(ROOT / "tests"))

from slurm_cluster import Job, cluster, missing
from workflow_runs import environment


def rules_own(folder: Path) -> pd.DataFrame:
    """Time and memory of every job's own work, by rule."""
    root = folder / "results/benchmarks"
    return pd.concat(
        [
            pd.read_csv(path, sep="\t").assign(rule=path.relative_to(root).parts[0])
            for path in sorted(root.rglob("*.tsv"))
        ]
    )


def held(jobs: list[Job]) -> float:
    """Core seconds that jobs held."""
    return sum(job.cpus * (job.ended - job.started).total_seconds() for job in jobs if job.started and job.ended)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--archive", type=Path, help="a folder of granules")
    parser.add_argument("--config", type=Path, help="a configuration")
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--whole", action="store_true", help="one job of SLURM for the whole run")
    parser.add_argument("--interval", type=int, default=10, help="seconds before SLURM is asked how jobs are")
    arguments = parser.parse_args()
    if missing():
        sys.exit(missing())
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), *arguments.targets]
    if arguments.whole:
        command += ["--cores", str(arguments.nodes)]
    else:
        command += ["--profile", str(ROOT / "profiles/slurm"), "--slurm-no-account", "--max-threads", "1"]
        command += ["--slurm-init-seconds-before-status-checks", str(arguments.interval)]
    if arguments.config:
        command += ["--configfile", str(arguments.config.resolve())]
    if arguments.archive:
        command += ["--config", "source=archive", f"archive={json.dumps(str(arguments.archive.resolve()))}"]
    nodes, cpus = (1, arguments.nodes) if arguments.whole else (arguments.nodes, 1)
    if arguments.whole:
        options = ["--wait", "--quiet", f"--cpus-per-task={cpus}", "--mem=4G", "--output=run.log"]
        command = ["sbatch", *options, f"--wrap={shlex.join(command)}"]
    with tempfile.TemporaryDirectory() as name, cluster(Path(name) / "slurm", nodes, cpus) as slurm:
        folder = Path(name) / "run"
        folder.mkdir()
        start = time.monotonic()
        done = subprocess.run(
            command, cwd=folder, env=environment() | slurm.variables, capture_output=True, text=True, check=False
        )
        wall = time.monotonic() - start
        if done.returncode:
            said = [path.read_text() for path in folder.glob("run.log")]
            sys.exit("\n".join([done.stdout, done.stderr, *said, "The run failed."]))
        jobs, own, work = slurm.jobs(), rules_own(folder), sum(cpu_of_rules(folder).values())
    available = arguments.nodes * wall
    occupied = held(jobs)
    waits = [(job.started - job.submitted).total_seconds() for job in jobs if job.started]
    print(f"cluster_wall {wall:.0f} s")
    print(f"cluster_jobs {len(jobs)} jobs")
    print(f"cluster_cores {arguments.nodes} cores")
    print(f"efficiency {work / available:.3f} 1")
    print(f"scheduling_share {1 - work / available:.3f} 1")
    print(f"start_share {(occupied - work) / available:.3f} 1")
    print(f"idle_share {1 - occupied / available:.3f} 1")
    print(f"queue_wait {sum(waits) / len(waits):.1f} s")
    print(f"small_jobs {(own['s'] < 10).mean():.2f} 1")
    print(f"memory_asked {sum(job.megabytes * held([job]) for job in jobs) / 3600:.0f} MB h")
    print(f"memory_used {float((own['max_rss'] * own['s']).sum()) / 3600:.0f} MB h")


if __name__ == "__main__":
    main()
