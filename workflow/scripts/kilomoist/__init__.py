"""1 km soil-moisture maps from SMAP and MODIS: the numerics and the file access of the workflow.

Modules are nouns of the field and import in one direction only, see `docs/design.md`.
"""
