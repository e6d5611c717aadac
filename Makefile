# What a developer of nafgen runs. `make help` lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help setup demo build test check lint format type golden corpus interop soak bench clean
.DEFAULT_GOAL := help

help: ## List these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-8s %s\n", $$1, $$2}'

setup: $(BIN)/.installed ## Make the virtual environment and install nafgen into it

$(BIN)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: setup ## Build specs/ and ask a generated service over REST and MCP
	nafgen build specs/
	$(BIN)/python examples/demo.py

build: setup ## Regenerate generated/
	nafgen build

test: setup ## Run the tests
	$(BIN)/python -m pytest -q -n 2

check: lint type test ## Everything that CI runs

lint: setup ## Check style, and that generated/ is up to date
	black --check --quiet .
	ruff check .
	nafgen build --check --quiet

format: setup ## Format the sources
	black --quiet .
	ruff check --fix .

type: setup ## Check types, of nafgen and of what it generates
	mypy generator/nafgen
	cd generated && mypy --strict .

golden: setup ## Update golden files; review them like code
	$(BIN)/python -m pytest -q -n 2 tests/test_golden.py --update-golden
	nafgen build --quiet

corpus: setup ## Compile and verify the published capabilities in ../shared/corpus
	$(BIN)/python -m pytest -q -s tests/corpus.py

interop: setup ## Let other MCP clients and the protocol's own tests call a generated server
	$(BIN)/python -m pip install --quiet --editable '.[interop]'
	cd tests/interop && npm ci --silent
	$(BIN)/python -m pytest -q tests/interop/clients.py

soak: setup ## Keep a generated service busy for SECONDS (600), and watch what it holds
	$(BIN)/python -m pytest -q -s tests/soak.py

bench: setup ## Measure the compiler and generated services beside others: benchmarks/results
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	for each in compile services; do \
		$(BIN)/python benchmarks/$$each.py --keep benchmarks/results || exit 1; done

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) tests/interop/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
