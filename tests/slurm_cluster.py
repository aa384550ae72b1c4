"""A real SLURM on this machine's loopback: folders, key and ports are private, and all of it ends with the block.

Its nodes are several slurmd on one machine. Whatever a process of it is, it has this cluster's `SLURM_CONF` in its
environment, by which it is found: a node that is lost takes its jobs' processes with it, and nothing outlives the
process that started the cluster, even if that is killed.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

COMMANDS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
PARTITION = "loopback"
_NODE = "LOOPBACK_NODE"
"""A variable by which slurmd and what it starts to watch over jobs are known; the jobs have their own of SLURM."""
_RUNNING = ("RUNNING", "COMPLETING")


def missing() -> str:
    """Why this machine cannot have such a cluster; empty when it can."""
    absent = [name for name in COMMANDS if not shutil.which(name)]
    if absent:
        return f"SLURM is not installed: no {', '.join(absent)} (Debian: apt-get install slurm-wlm munge)"
    if not find_spec("snakemake_executor_plugin_slurm"):
        return "Snakemake's plugin for SLURM is not installed (make install-slurm)"
    if os.geteuid() != 0:
        return "slurmd needs root"
    return ""


@dataclass(frozen=True)
class Job:
    """What SLURM knows of a job, or of one task of an array."""

    number: str
    rule: str
    node: str
    state: str
    restarts: int
    cpus: int
    memory: str
    minutes: str
    submitted: datetime
    started: datetime | None
    ended: datetime | None
    array: bool

    @property
    def megabytes(self) -> float:
        """Memory that the job asks for."""
        return float(self.memory[:-1]) * {"M": 1, "G": 1024}[self.memory[-1]]

    @property
    def running(self) -> bool:
        return self.state in _RUNNING


@dataclass
class Cluster:
    """A running SLURM."""

    folder: Path
    nodes: dict[str, int]
    """The port of every node's slurmd."""
    daemons: dict[str, subprocess.Popen[bytes]]

    @property
    def variables(self) -> dict[str, str]:
        """What a process needs in its environment to talk to this cluster and no other."""
        return {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
        }

    def ask(self, *command: str) -> str:
        """What a command of SLURM prints."""
        return subprocess.run(
            command, env=os.environ | self.variables, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    def jobs(self) -> list[Job]:
        """All jobs so far: the cluster forgets none."""
        shown = self.ask("scontrol", "--oneliner", "show", "jobs")
        return [_job(line) for line in shown.splitlines() if line.startswith("JobId=")]

    def start_node(self, name: str) -> None:
        """Start the slurmd of a node."""
        self._start(name, "slurmd", "-D", "-N", name)

    def lose_node(self, name: str) -> None:
        """Kill the slurmd of a node and all that runs on it, as if its power were cut."""
        self.daemons[name].kill()
        self.daemons[name].wait()
        # What watches over jobs first, so that nobody tells the controller of their end.
        self._kill(f"{_NODE}={name}")
        self._kill(f"SLURMD_NODENAME={name}")

    def up(self) -> set[str]:
        """Names of the nodes that take jobs."""
        lines = self.ask("sinfo", "--noheader", "--Node", "--format=%N %T").splitlines()
        return {name for name, state in map(str.split, lines) if state in ("idle", "mixed", "allocated")}

    def _start(self, name: str, *command: str) -> None:
        with open(self.folder / f"{name}.out", "ab") as log:
            self.daemons[name] = subprocess.Popen(
                command,
                env=os.environ | self.variables | {_NODE: name},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _kill(self, variable: str) -> None:
        """Kill this cluster's processes that have a variable in their environment."""
        kill_processes({f"SLURM_CONF={self.variables['SLURM_CONF']}", variable})


def kill_processes(variables: set[str]) -> None:
    """Kill the processes that have all of some variables in their environment, also those that they start meanwhile."""
    wanted = {variable.encode() for variable in variables}
    found = True
    while found:
        found = False
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if wanted <= set((process / "environ").read_bytes().split(b"\0")):
                    os.kill(int(process.name), signal.SIGKILL)
                    found = True
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it ended by itself, or is another's


@contextmanager
def cluster(folder: Path, nodes: int = 2, cpus: int = 2) -> Iterator[Cluster]:
    """Run a SLURM whose files are in `folder`, which must not exist yet, and stop it at the end whatever happens."""
    folder.mkdir(mode=0o755)
    ports = _free_ports(nodes + 1)
    ours = Cluster(folder, {f"n{number}": port for number, port in enumerate(ports[1:], start=1)}, {})
    (folder / "slurm.conf").write_text(_configuration(folder, ports[0], ours.nodes, cpus))
    for name in ("state", "munge", "bin"):
        (folder / name).mkdir(mode=0o755)
    # Snakemake's plugin takes SLURM_CONF from the environment of `srun`.
    srun = folder / "bin/srun"
    srun.write_text(f'#!/bin/sh\nSLURM_CONF="{folder}/slurm.conf" exec {shutil.which("srun")} "$@"\n')
    srun.chmod(0o755)
    key = folder / "munge/key-file"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    # --force: a folder for temporary files may be closed to others, who do not come here.
    options = [
        f"--{name}={folder}/munge/{name}" for name in ("socket", "key-file", "log-file", "pid-file", "seed-file")
    ]
    # Ends with this process, however that ends, and then ends all that belongs to the cluster.
    words = [sys.executable, __file__, ours.variables["SLURM_CONF"]]
    guard = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)
    try:
        ours._start("munged", "munged", "--foreground", "--force", *options)
        _wait(lambda: (folder / "munge/socket").exists(), folder, "munged")
        ours._start("slurmctld", "slurmctld", "-D")
        for name in ours.nodes:
            ours.start_node(name)
        _wait(lambda: _answers(ours) and ours.up() == set(ours.nodes), folder, "slurmctld and its nodes")
        yield ours
    finally:
        guard.communicate()
        for daemon in ours.daemons.values():
            daemon.wait()


def _configuration(folder: Path, port: int, nodes: dict[str, int], cpus: int) -> str:
    host = socket.gethostname().partition(".")[0]
    return "\n".join(
        [
            "ClusterName=loopback",
            f"SlurmctldHost={host}(127.0.0.1)",
            f"SlurmctldPort={port}",
            "AuthType=auth/munge",
            f"AuthInfo=socket={folder}/munge/socket",
            "SlurmUser=root",
            "SlurmdUser=root",
            f"StateSaveLocation={folder}/state",
            f"SlurmdSpoolDir={folder}/spool-%n",
            f"SlurmctldPidFile={folder}/slurmctld.pid",
            f"SlurmdPidFile={folder}/%n.pid",
            f"SlurmctldLogFile={folder}/slurmctld.log",
            f"SlurmdLogFile={folder}/%n.log",
            "MpiDefault=none",
            "ProctrackType=proctrack/linuxproc",
            "TaskPlugin=task/none",
            "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_Core_Memory",
            "SchedulerParameters=batch_sched_delay=1",
            "AccountingStorageType=accounting_storage/none",
            # Memory is enforced without control groups, which a container may not have.
            "JobAcctGatherType=jobacct_gather/linux",
            "JobAcctGatherFrequency=task=1",
            "JobAcctGatherParams=OverMemoryKill",
            "KillWait=5",
            "MinJobAge=86400",
            "ReturnToService=2",
            "SlurmdTimeout=15",
            # A node has as many cores as it is said to have, whatever the machine has.
            "SlurmdParameters=config_overrides",
            *(
                f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory=64000"
                for name, port in nodes.items()
            ),
            f"PartitionName={PARTITION} Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
            "",
        ]
    )


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens at, of those that the system gives to nobody by itself: daemons take them later."""
    candidates = iter(random.sample(range(10_000, 30_000), 1000))
    sockets: list[socket.socket] = []
    while len(sockets) < count:
        with suppress(OSError):
            sockets.append(socket.create_server(("127.0.0.1", next(candidates))))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait(ready: Callable[[], bool], folder: Path, what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            logs = "\n".join(path.read_text(errors="replace")[-3000:] for path in sorted(folder.glob("*.[ol][uo][tg]")))
            raise TimeoutError(f"{what} did not start in {seconds:.0f} s:\n{logs}")
        time.sleep(0.1)


def _answers(ours: Cluster) -> bool:
    done = subprocess.run(
        ["scontrol", "ping"], env=os.environ | ours.variables, check=False, capture_output=True, text=True, timeout=60
    )
    return "is UP" in done.stdout


def _job(line: str) -> Job:
    said = dict(word.split("=", 1) for word in line.split() if "=" in word)
    # The plugin names the rule in the comment.
    rule = said.get("Comment", "").removeprefix("rule_").split("_wildcards_")[0]
    return Job(
        number=said["JobId"],
        rule=rule,
        node=said.get("NodeList", "").replace("(null)", ""),
        state=said["JobState"],
        restarts=int(said["Restarts"]),
        cpus=int(said["NumCPUs"]),
        memory=said.get("MinMemoryNode", ""),
        minutes=said["TimeLimit"],
        submitted=datetime.fromisoformat(said["SubmitTime"]),
        started=_time(said["StartTime"]),
        ended=_time(said["EndTime"]),
        array="ArrayJobId" in said,
    )


def _time(text: str) -> datetime | None:
    return None if text == "Unknown" else datetime.fromisoformat(text)


if __name__ == "__main__":
    # The guard of a cluster: its standard input ends when the process that holds the other end closes it or is killed.
    sys.stdin.read()
    kill_processes({f"SLURM_CONF={sys.argv[1]}"})
