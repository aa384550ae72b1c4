"""Score what every protocol estimated, beside its null models."""

import pandas as pd

from kilomoist.files import replaced
from kilomoist.jobs import job
from kilomoist.protocols import score_table


def score_protocols(paths: dict[str, str], kind: str, path: str) -> None:
    """Write one row for each protocol and estimate."""
    rows = []
    for protocol, estimates in paths.items():
        table = pd.read_parquet(estimates)
        rows += score_table(protocol, table, kind, table.attrs.get("note", ""))
    with replaced(path) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        score_protocols(
            {path.rsplit("/", 1)[-1].removesuffix(".parquet"): path for path in snakemake.input.estimates},
            snakemake.params.kind,
            snakemake.output.scores,
        )
