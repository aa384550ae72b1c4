"""1 km soil-moisture maps from SMAP, MODIS, VIIRS: numerics and file access of the workflow, see `docs/design.md`."""

from importlib import metadata


def __getattr__(name: str) -> str:
    """`__version__`, that of the installed package: looked up when asked for, because every job imports this module."""
    if name == "__version__":
        return metadata.version(__name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
