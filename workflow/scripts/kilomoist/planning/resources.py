"""Resources that a job asks for, from what such jobs were measured to take (docs/cluster.md, benchmarks/sizes.py)."""

from collections.abc import Collection

from kilomoist.grids import Window

MEMORY_MARGIN, TIME_MARGIN = 1.5, 5
"""Factors from measured to requested memory and time: a node and its files may be slower than where it was measured."""
SNAKEMAKE_MB = 450
"""Snakemake itself, twice in each job on a cluster: once in the job, once in its step."""
MIN_MINUTES = 10


def measured(base: float, blocks: Collection[Window] = (), *, of_region: float = 0, of_block: float = 0) -> float:
    """Use of a job: `base`, and more for each thousand cells of its region and of the largest of its blocks."""
    if not blocks:
        return base
    cells = [block.rows * block.columns / 1000 for block in blocks]
    return base + of_region * sum(cells) + of_block * max(cells)


def memory(mb: float, attempt: int) -> int:
    """MB to ask for, by MB that were measured: with a margin, and more at each attempt."""
    return attempt * (SNAKEMAKE_MB + round(MEMORY_MARGIN * mb))


def minutes(seconds: float, attempt: int) -> int:
    """Minutes to ask for, by seconds that were measured: with a margin, and more at each attempt."""
    return attempt * max(MIN_MINUTES, round(TIME_MARGIN * seconds / 60))
