# kilomoist: make install | install-slurm | demo | test | lint | lock | pages | clean
#
# Needs Python 3.11 or newer with venv, and make. Another Python: make PYTHON=python3.12 install
# All paths below are relative to this file's folder, so that the checkout may lie anywhere, spaces included.

PYTHON ?= python3
UV ?= uv
CORES ?= all

COMPILE = $(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --quiet $(UPGRADE)

STAMP := .venv/.installed
# Runs a command as if the environment were activated; not for `install`, which must not use what it replaces.
ACTIVATED := PATH="$(CURDIR)/.venv/bin:$$PATH"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install install-slurm demo test lint lock pages clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile

install: $(STAMP) ## Make the environment .venv from requirements.lock

# Again only when the lock or pyproject.toml changed. --clear, because pip leaves what a lock has dropped.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "kilomoist needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) --version 2>&1): name one, for example make PYTHON=python3.12 install" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv: install it (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

# Not in `install`: with the plugin every start of Snakemake asks SLURM's controller, and where SLURM is installed but has
# none waits 10 s for it. All that the plugin needs but itself is in requirements.lock already.
install-slurm: install requirements-slurm.lock ## Add what profiles/slurm needs
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-slurm.lock

demo: install ## Make the map of the default configuration, offline
	$(ACTIVATED) snakemake --cores $(CORES)

test: install ## Run all tests
	$(ACTIVATED) python -m pytest

lint: install ## Check style, types, the workflow, what is known to be unsafe, and that the packages fit together
	$(ACTIVATED) ruff check .
	$(ACTIVATED) ruff format --check .
	$(ACTIVATED) snakefmt --check Snakefile workflow
	$(ACTIVATED) snakemake --lint
	$(ACTIVATED) mypy
	$(ACTIVATED) bandit --quiet --configfile pyproject.toml --recursive workflow/scripts
	$(ACTIVATED) python -m pip check

# Keeps the versions that are there: make UPGRADE=--upgrade lock takes the newest. No address or folder of a registry
# gets into the file, so that it installs from any; the build backend is in it (extra dev), so that nothing else is fetched.
# requirements-slurm.lock holds what the extra `slurm` adds to it; the list of all that it does not hold is cut off.
lock: ## Write the locks and the conda environment from pyproject.toml
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or make UV=/path/to/uv lock" >&2; exit 1; }
	$(COMPILE) --extra dev --output-file requirements.lock
	$(COMPILE) --extra slurm --constraints requirements.lock --output-file requirements-slurm.lock \
	  $$(sed -n 's/^\([^ ]*\)==.*/--no-emit-package \1/p' requirements.lock | sort -u)
	sed '/^$$/,$$d' requirements-slurm.lock > requirements-slurm.lock.new && mv requirements-slurm.lock.new requirements-slurm.lock
	$(PYTHON) workflow/envs/generate.py

# Only who changes workflow/pages needs it, with node and npm: what it writes is part of the repository.
pages: ## Build the script and style that map.html and index.html carry
	cd workflow/pages && npm ci --ignore-scripts --no-audit --no-fund && node build.js

# The environment stays; rm -r .venv removes it. So do granules in resources/: they may have taken hours to fetch.
clean: ## Remove results and what Snakemake and the tests left behind
	rm -rf results .snakemake report.html .pytest_cache .hypothesis .ruff_cache .mypy_cache
	find benchmarks tests workflow -name __pycache__ -type d -prune -exec rm -rf {} +
