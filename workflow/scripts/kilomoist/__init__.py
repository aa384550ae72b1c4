"""1 km soil-moisture maps from SMAP, MODIS, VIIRS: numerics and file access of the workflow, see `docs/design.md`."""

import gc
import sys
from typing import TYPE_CHECKING, Any

if hasattr(getattr(sys.modules.get("__main__"), "snakemake", None), "rule"):
    # In a rule's script. What it imports and loads stays: to look through it again and again takes a fifth of a second.
    gc.set_threshold(100_000)

if TYPE_CHECKING:
    from kilomoist.runs import open_run as open_run


def __getattr__(name: str) -> Any:
    """`__version__` and `open_run`: looked up when asked for, because every job imports this module."""
    if name == "__version__":
        from kilomoist.version import VERSION

        return VERSION
    if name == "open_run":
        from kilomoist.runs import open_run

        return open_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
