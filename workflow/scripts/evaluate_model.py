"""Tell how variables go together, and what the study's model says of its own rows and of the test rows."""

import numpy as np
import pandas as pd

from kilomoist.files import replaced
from kilomoist.jobs import job
from kilomoist.models import load, predict_mean
from kilomoist.protocols import split_estimates
from kilomoist.samples import read_samples
from kilomoist.scores import correlations


def evaluate_model(samples_path: str, models: list[str], use: list[str], paths: dict[str, str]) -> None:
    """Write correlations, the estimates of `absolute` on train and test rows, and what the figure shows."""
    samples, (study,) = read_samples(samples_path, use), [one for one in map(load, models) if one.method == "absolute"]
    predicted = predict_mean(study.estimator, samples[list(study.columns)].to_numpy(np.float32))
    tables = {
        "correlation": correlations(samples, ["target", *use]),
        "predictions": pd.DataFrame({"observed": samples["target"], "predicted": predicted, "split": samples["split"]}),
    }
    for name, table in tables.items():
        with replaced(paths[name]) as partial:
            table.to_csv(partial, index=False)
    for name, table in split_estimates(samples, use, predicted).items():
        with replaced(paths[name]) as partial:
            table.to_parquet(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        evaluate_model(
            snakemake.input.samples,
            list(snakemake.input.models),
            snakemake.params.use,
            dict(snakemake.output.items()),
        )
