# Development tasks. Each creates the virtual environment that it needs, and installs again only
# when pyproject.toml or constraints.txt has changed.

PYTHON ?= python3
VENV := .venv
RLLIB := .venv-rllib
BIN := $(VENV)/bin
INSTALL := -m pip install --quiet --constraint constraints.txt

.PHONY: help test test-rllib lint types docs demo bench results clean

help:
	@echo "make test        tests, in $(VENV)"
	@echo "make test-rllib  tests under RLlib and the Gymnasium it requires, in $(RLLIB)"
	@echo "make lint        ruff"
	@echo "make types       mypy"
	@echo "make docs        the documentation, into site/"
	@echo "make demo        the demonstration"
	@echo "make bench       benchmarks beside CartPole"
	@echo "make results     every published figure, table and picture, measured again"
	@echo "make clean       remove what the others leave, virtual environments excepted"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(RLLIB)/bin/python:
	$(PYTHON) -m venv $(RLLIB)

$(VENV)/installed-%: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python $(INSTALL) --editable '.[$*]'
	@touch $@

$(RLLIB)/installed: pyproject.toml constraints.txt Makefile | $(RLLIB)/bin/python
	$(RLLIB)/bin/python $(INSTALL) --editable '.[human]' 'ray[rllib]==2.60.*' torch pytest hypothesis
	@touch $@

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n 2

test-rllib: $(RLLIB)/installed
	RAY_USAGE_STATS_ENABLED=0 $(RLLIB)/bin/python -m pytest tests/rllib tests/envs tests/integrations

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

docs: $(VENV)/installed-docs
	$(BIN)/mkdocs build --strict

demo: $(VENV)/installed-demo
	$(BIN)/cwm-gym demo

bench: $(VENV)/installed-test
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/learning_speed.py

results: $(VENV)/installed-test demo
	$(BIN)/python benchmarks/picture.py
	$(BIN)/python benchmarks/report.py

clean:
	rm -rf build dist site demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find cwm_gym tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
