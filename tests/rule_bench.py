"""A folder in which one rule runs on prepared inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from granule_archives import LST, MONTH, TARGET, TILE, empty_archive
from workflow_runs import files, succeed

REGION = "plain"
RUN = f"results/{REGION}/{MONTH}"
CONFIG: dict[str, Any] = {
    "source": "archive",
    "archive": "granules",
    "regions": [{"name": REGION, "bbox": [98.5, 47.0, 99.4, 47.8]}],
    "predictors": {"vegetation": "MOD13A2.061"},
    "model": {"trees": 10, "min_leaf": 5},
    "quality": {"minimum_target_share": 0},
    "map": {"block": 8, "reconcile": True},
}
"""A region of 10 × 11 cells in four blocks."""


@dataclass
class Bench:
    """Where a rule runs: its inputs lie there, then its outputs, and nothing else may."""

    folder: Path
    """An archive that is not empty lies in it: a plan needs granules of all products."""
    config: dict[str, Any] = field(default_factory=lambda: dict(CONFIG))

    def path(self, name: str) -> Path:
        """Where a file of the run lies; its folder is there."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def run(
        self, rule: str, *outputs: str, kept: Sequence[str] = (), variables: Mapping[str, str] | None = None
    ) -> str:
        """Run one job of a rule, and no other rule, to make its outputs. Returns its log.

        `kept` are files that the job keeps without declaring them, `variables` are added to its environment.
        """
        before = files(self.folder, "results", "resources")
        succeed(self.folder, "--allowed-rules", rule, "--", outputs[0], config=self.config, variables=variables)
        new = files(self.folder, "results", "resources") - before
        new = {path for path in new if not path.endswith(".snakemake_timestamp")}
        (log,) = (path for path in new if path.startswith(f"results/logs/{rule}/"))
        (timed,) = (path for path in new if path.startswith(f"results/benchmarks/{rule}/"))
        assert new == {*outputs, *kept, log, timed}
        return (self.folder / log).read_text()


def make_bench(folder: Path, months: Sequence[str] = (MONTH,)) -> Bench:
    for month in months:
        products: dict[str, list[str | None]] = {LST.name: [TILE], "MOD13A2.061": [TILE], TARGET.name: [None]}
        empty_archive(folder / "granules/unread", products, month)
    return Bench(folder)
