"""Classes of vegetation by which differences and intervals are told apart."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

CLASSES = (0.2, 0.4, 0.6)
"""Values of NDVI, or another vegetation index in use, that divide its classes: sparse, steppe, meadow, dense."""


def vegetation_classes(name: str, values: NDArray) -> dict[str, NDArray[np.bool_]]:
    """Rows of each class of a vegetation index, by what the class is called."""
    inner = [f"{a} to {b}" for a, b in pairwise(CLASSES)]
    labels = [f"below {CLASSES[0]}", *inner, f"{CLASSES[-1]} and above"]
    edges = pairwise((-np.inf, *CLASSES, np.inf))
    return {f"{name} {label}": (values >= a) & (values < b) for label, (a, b) in zip(labels, edges, strict=True)}
