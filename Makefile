# `make demo` and `make test` need only Python 3.11+, git and make; each sets up the virtual environment it runs in.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Processes that share the tests; each file's stay together, as they share servers and browsers.
WORKERS ?= 2
STAMP := $(VENV)/.installed

.PHONY: help setup demo contracts test check integration bench clean

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "burnish needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	@# One that an interruption or another Python left half made is made anew.
	$(PYTHON) -m venv $(VENV) || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@echo "Installing burnish and what it needs into $(VENV) (about two minutes the first time) ..."
	$(BIN)/python -m pip install --quiet --editable . --group dev --group contracts
	@touch $@

setup: $(STAMP) ## Create .venv with burnish and its development tools

demo: $(STAMP) ## Run the whole loop on the example agent; FAST=1 for a technical tour with a tiny model
	$(BIN)/burnish demo $(if $(FAST),--fast)

contracts: $(STAMP) ## Hold our requests to Langfuse and LangSmith against the vendors' own SDKs
	$(BIN)/python -m pytest tests/contracts $(ARGS)

test: $(STAMP) ## Run the tests; WORKERS=4 in four processes
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(STAMP) ## What CI runs: format, lint, types, import rules, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

# Real servers of other trace stores, each in a virtual environment of its own: their dependencies and ours do not agree.
.venv-phoenix/.installed:
	$(PYTHON) -m venv .venv-phoenix
	@echo "Installing Phoenix into .venv-phoenix (some minutes the first time) ..."
	.venv-phoenix/bin/python -m pip install --quiet "arize-phoenix>=20,<21"
	@touch $@

.venv-mlflow/.installed:
	$(PYTHON) -m venv .venv-mlflow
	@echo "Installing MLflow into .venv-mlflow (some minutes the first time) ..."
	.venv-mlflow/bin/python -m pip install --quiet "mlflow>=3.17,<4"
	@touch $@

integration: $(STAMP) .venv-phoenix/.installed .venv-mlflow/.installed ## Run the tests against real Phoenix and MLflow servers
	BURNISH_PHOENIX_VENV=$(CURDIR)/.venv-phoenix BURNISH_MLFLOW_VENV=$(CURDIR)/.venv-mlflow \
		$(BIN)/python -m pytest tests/external $(ARGS)

bench: $(STAMP) ## Run the benchmarks and hold them against their bars
	$(BIN)/python -m benchmarks

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .venv-phoenix .venv-mlflow .pytest_cache .mypy_cache .ruff_cache dist
