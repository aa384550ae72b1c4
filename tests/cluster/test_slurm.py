"""The map through a real SLURM of two nodes, undisturbed and with everything that goes wrong on a cluster."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from slurm_cluster import PARTITION, Cluster, Job, cluster, missing
from workflow_runs import DEMO, ROOT, SMALL, Finished, command, environment, files, link, snakemake, succeed

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

MAP = f"{DEMO}/soil_moisture.tif"
SAMPLES = f"{DEMO}/samples.parquet"
VEGETATION, TEMPERATURE = (
    f"results/composites/simulated/{product}/h24v04/2021-08.tif" for product in ("MOD13A1.061", "MOD11A1.061")
)
TARGET = "results/composites/simulated/SPL4SMGP.008/2021-08.tif"


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("slurm") / "cluster") as ours:
        yield ours


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, slurm: Cluster) -> Path:
    """The folder of a run without SLURM; it has the plugin too, and would wait for a controller that is not there."""
    folder = tmp_path_factory.mktemp("local")
    succeed(folder, MAP, config=SMALL, cores=2, variables=slurm.variables, cold=True)
    return folder


@pytest.fixture
def without_results(local: Path, tmp_path: Path) -> Path:
    """A folder with all granules and no result."""
    folder = tmp_path / "run"
    link(local / "resources", folder / "resources")
    return folder


def options(folder: Path) -> list[str]:
    """The profile with its partition filled in as its comment says; asking sooner, because these jobs are small."""
    shipped = (ROOT / "profiles/slurm/config.yaml").read_text()
    filled = shipped.replace("# slurm_partition: my-partition", f"slurm_partition: {PARTITION}")
    assert filled != shipped
    profile = folder / "slurm-profile"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "config.yaml").write_text(filled)
    return ["--profile", str(profile), "--slurm-no-account", "--slurm-init-seconds-before-status-checks", "3"]


def submit(slurm: Cluster, folder: Path, *arguments: str) -> Finished:
    """Run Snakemake on the cluster."""
    return snakemake(folder, *arguments, *options(folder), config=SMALL, cores=None, variables=slurm.variables)


@contextmanager
def submitting(slurm: Cluster, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Snakemake on the cluster, while the block does something to it; what it says goes to `said` in the folder."""
    words = command(folder, *arguments, *options(folder), config=SMALL, cores=None)
    with open(folder / "said", "wb") as said:
        process = subprocess.Popen(
            words, cwd=folder, env=environment() | slurm.variables, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def ended(process: subprocess.Popen[bytes], folder: Path) -> Finished:
    """Wait for Snakemake's end."""
    code = process.wait(timeout=900)
    return Finished(code, (folder / "said").read_text())


def first(slurm: Cluster, wanted: Callable[[Job], bool], process: subprocess.Popen[bytes], before: set[str]) -> Job:
    """Wait for a job that is as wanted, among those that were not there before."""
    deadline = time.monotonic() + 600
    while True:
        found = [job for job in since(slurm, before) if wanted(job)]
        if found:
            return found[0]
        assert process.poll() is None, "Snakemake ended before such a job"
        assert time.monotonic() < deadline, f"no such job among {slurm.jobs()}"
        time.sleep(0.2)


def numbers(slurm: Cluster) -> set[str]:
    return {job.number for job in slurm.jobs()}


def since(slurm: Cluster, before: set[str]) -> list[Job]:
    return [job for job in slurm.jobs() if job.number not in before]


def different(folder: Path, local: Path, *parts: str) -> set[str]:
    """Outputs that are not the local run's, byte for byte; all that one of both has not."""
    ours, theirs = (
        {path for path in files(each, *parts) if not path.startswith(("results/logs", "results/benchmarks"))}
        for each in (folder, local)
    )
    assert ours
    changed = {path for path in ours & theirs if (folder / path).read_bytes() != (local / path).read_bytes()}
    return changed | (ours ^ theirs)


def cancel_command() -> str:
    """What the documentation says to cancel all jobs of a folder with."""
    (line,) = re.findall(r"^    (scancel .*)$", (ROOT / "docs/cluster.md").read_text(), re.MULTILINE)
    return line


def written(path: Path) -> tuple[int, int]:
    """What changes when a file is written again, even with the same bytes."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def test_map_is_the_local_one(slurm: Cluster, local: Path, tmp_path: Path) -> None:
    """From nothing, as the profile is shipped: every file that it made, by jobs on both nodes, some in arrays."""
    done = submit(slurm, tmp_path, MAP)
    assert done.code == 0, done.output
    assert different(tmp_path, local, "resources", "results") == set()
    jobs = slurm.jobs()
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert {job.node for job in jobs} == {"n1", "n2"}
    assert {job.rule for job in jobs if job.array} >= {"simulate_vegetation"}


def test_jobs_of_a_lost_node_end_elsewhere(slurm: Cluster, local: Path, without_results: Path) -> None:
    before = numbers(slurm)
    whole_nodes = ["--set-threads", "composite_tile=2", "average_target=2"]
    with submitting(slurm, without_results, VEGETATION, TARGET, *whole_nodes) as process:
        lost = first(slurm, lambda job: job.running and job.node == "n2", process, before)
        slurm.lose_node("n2")
        try:
            done = ended(process, without_results)
        finally:
            slurm.start_node("n2")
    assert done.code == 0, done.output
    states = {job.number: job.state for job in slurm.jobs()}
    assert states[lost.number] == "NODE_FAIL"
    again = [job for job in since(slurm, before) if job.rule == lost.rule and job.state == "COMPLETED"]
    assert {job.node for job in again} == {"n1"}
    # The second attempt asks for twice as much; an array a little more, for what it carries.
    assert max(job.megabytes for job in again) / lost.megabytes == pytest.approx(2, rel=0.01)
    assert different(without_results, local, "results/composites") == set()
    deadline = time.monotonic() + 60
    while slurm.up() != {"n1", "n2"}:
        assert time.monotonic() < deadline, "the node does not come back"
        time.sleep(0.5)


def test_too_little_memory_or_time_is_given_more(slurm: Cluster, local: Path, without_results: Path) -> None:
    """A composite needs more memory than it asks for at first; the target's mean hangs until its time is over.

    SLURM looks once a second: the composite asks for less than Snakemake and the imports hold for as long as it runs,
    and not for a little less than a peak, which may pass between two looks.
    """
    before = numbers(slurm)
    asked = [
        "--set-resources",
        "composite_tile:mem_mb=150 if attempt == 1 else 1500",
        "average_target:runtime=1 if attempt == 1 else 10",
    ]
    with submitting(slurm, without_results, VEGETATION, TARGET, *asked) as process:
        hung = first(slurm, lambda job: job.running and job.rule == "average_target", process, before)
        slurm.ask("scancel", "--signal=STOP", "--full", hung.number)
        done = ended(process, without_results)
    assert done.code == 0, done.output
    jobs = sorted(since(slurm, before), key=lambda job: int(job.number))
    memory = [(job.memory, job.state) for job in jobs if job.rule == "composite_tile"]
    minutes = [(job.minutes, job.state) for job in jobs if job.rule == "average_target"]
    # Without control groups SLURM calls a killed job failed; its log has the reason.
    assert memory == [("150M", "FAILED"), ("1500M", "COMPLETED")]
    said = "".join(path.read_text() for path in (without_results / ".snakemake/slurm_logs").rglob("*.log"))
    assert "exceeded memory limit" in said
    assert minutes == [("00:01:00", "TIMEOUT"), ("00:10:00", "COMPLETED")]
    for path in (VEGETATION, TARGET):
        assert (without_results / path).read_bytes() == (local / path).read_bytes()


def test_killed_and_cancelled_runs_continue(slurm: Cluster, local: Path, without_results: Path) -> None:
    """`kill -9` of Snakemake; a run beside a job that it left; a run whose jobs are all cancelled; a last one."""
    folder, before = without_results, numbers(slurm)

    def stacking(job: Job) -> bool:
        return job.running and job.rule == "stack_block"

    def differs() -> set[str]:
        assert (folder / SAMPLES).exists()
        return {path for path in files(folder, DEMO) if (folder / path).read_bytes() != (local / path).read_bytes()}

    with submitting(slurm, folder, SAMPLES) as process:
        left = first(slurm, stacking, process, before)
        slurm.ask("scancel", "--signal=STOP", "--full", left.number)  # so that it is still there for the next run
        process.send_signal(signal.SIGKILL)
    finished = {path: written(folder / path) for path in (VEGETATION, TEMPERATURE, TARGET)}
    killed = numbers(slurm)
    succeed(folder, "--unlock", config=SMALL, variables=slurm.variables, cold=True)
    with submitting(slurm, folder, SAMPLES) as process:
        first(slurm, stacking, process, killed)
        slurm.ask("scancel", "--signal=CONT", "--full", left.number)
        done = ended(process, folder)
    assert done.code == 0, done.output
    assert {job.rule for job in since(slurm, killed)} == {"stack_block", "collect_samples"}
    assert differs() == set()

    before = numbers(slurm)
    with submitting(slurm, folder, SAMPLES, "--forcerun", "stack_block", "--retries", "0") as process:
        first(slurm, stacking, process, before)
        cancel = cancel_command()
        subprocess.run(cancel, shell=True, cwd=folder, env=os.environ | slurm.variables, check=True)  # noqa: S602
        cancelled = ended(process, folder)
    assert cancelled.code == 1, cancelled.output
    done = submit(slurm, folder, SAMPLES)
    assert done.code == 0, done.output
    assert differs() == set()
    # What was finished before all this is still that: the same files, written once.
    assert finished == {path: written(folder / path) for path in finished}
