"""Write the conda environment of `--sdm conda` from the dependencies in `pyproject.toml`."""

import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / "environment.yaml"
CONDA_NAMES = {"matplotlib": "matplotlib-base", "typst": "typst-py"}
"""Packages that conda-forge names differently; its `matplotlib` brings a toolkit, its `typst` is a program."""


def environment() -> str:
    """The text of `environment.yaml`."""
    project = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = [f"python{project['requires-python']}"]
    for requirement in project["dependencies"]:
        # Names hold letters, digits and hyphens here: what follows is the version.
        name = requirement.rstrip("0123456789.,<>=!~ ")
        packages.append(CONDA_NAMES.get(name, name) + requirement[len(name) :])
    lines = [
        "# Written by `python workflow/envs/generate.py` from the dependencies in pyproject.toml.",
        "# For `snakemake --sdm conda`. Not exercised in CI: what is tested is requirements.lock.",
        "channels:",
        "  - conda-forge",
        "  - bioconda # snakemake",
        "  - nodefaults",
        "dependencies:",
        *(f'  - "{package}"' for package in packages),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    ENVIRONMENT.write_text(environment(), encoding="utf-8")
