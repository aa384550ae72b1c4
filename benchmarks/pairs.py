"""How many pairs of rows tell how far errors are alike: python benchmarks/pairs.py.

Simulated fields on as many 9 km cells as Mongolia has, estimated with smooth errors of several ranges, a third of
their variance noise: the variogram of each error and the 95 % interval of its rmse by blocks of that range, from 1000
random rows with all others and with fewer. Prints a row of Markdown for each number of others: CPU seconds of all
variograms, mean, smallest and largest ratio of ranges and of widths of intervals to those with all.
"""

import time

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from kilomoist.evaluation.bootstrap import ScoredRows
from kilomoist.evaluation.variograms import lags_of, variogram
from kilomoist.grids import M09, Window, geographic_from_ease

WINDOW, SEED = Window(240, 2960, 120, 150), 2021
PARTNERS = 20_000, 8000, 4000, 2000
REACHES = 1, 2, 3, 4
"""Cells: standard deviations of the kernels that smooth errors."""
REPEATS = 5


def fields() -> list[tuple[NDArray, NDArray]]:
    """Observed and estimated soil moisture, (rows,) each."""
    random = np.random.default_rng(SEED)

    def smooth(reach: float) -> NDArray:
        field = gaussian_filter(random.standard_normal(WINDOW.shape), reach)
        return np.asarray(field / field.std()).ravel()

    def estimated(observed: NDArray, reach: float) -> NDArray:
        return observed + 0.02 * (np.sqrt(2 / 3) * smooth(reach) + np.sqrt(1 / 3) * smooth(0))

    observed = [0.2 + 0.05 * smooth(6) for _ in range(REPEATS)]
    return [(one, estimated(one, reach)) for reach in REACHES for one in observed]


def main() -> None:
    places = geographic_from_ease(*map(np.ravel, np.meshgrid(M09.x_centres(WINDOW), M09.y_centres(WINDOW))))
    cases, with_all = fields(), None
    print("| others | CPU, s | ranges: mean | least | most | widths: mean | least | most |")
    print("|---" * 8 + "|")
    for partners in PARTNERS:
        start = time.process_time()
        lags = lags_of(*places, SEED, partners=partners)
        ranges = [variogram(estimate - seen, lags).autocorrelation_range for seen, estimate in cases]
        spent = time.process_time() - start
        ends = [
            ScoredRows(seen, {"map": estimate}, np.stack(places, axis=1), True, SEED).intervals("map", length)["rmse"]
            for (seen, estimate), length in zip(cases, ranges, strict=True)
        ]
        found = np.array([ranges, [one.upper - one.lower for one in ends]])
        with_all = found if with_all is None else with_all
        ratios = found / with_all
        told = " | ".join(f"{one.mean():.2f} | {one.min():.2f} | {one.max():.2f}" for one in ratios)
        print(f"| {partners} | {spent:.1f} | {told} |", flush=True)


if __name__ == "__main__":
    main()
