"""1 km soil-moisture maps from SMAP and MODIS: the numerics and the file access of the workflow.

Packages follow the flow and import in one direction only, see `docs/design.md`.
"""
