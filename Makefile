# Everything runs in .venv, which is made on first use. What pyproject.toml asks for is installed again when it changes:
# .venv/ready is what a user needs to train, export and report, .venv/test what the tests need beyond that.
PYTHON ?= python3
BIN := .venv/bin

help:           ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

quickstart: .venv/ready  ## fine-tune on real photographs, export, verify every file, write a report
	$(BIN)/kerascnn train recipes/finetune.py

check: .venv/test  ## format, lint, types, the rules of the house, the names in the README, three families
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m pyright -p . --pythonpath $(BIN)/python
	$(BIN)/python -m pytest -n 2 -m "check and not sharded" -k "not style and not types" tests/test_house.py tests/test_readme.py tests/test_conformance.py

test: .venv/test  ## the tests; one in 32 of those that come in hundreds, one in 7 of long ones, others each day
	$(BIN)/python -m pytest -n 2 --shard today/32

test-all: .venv/test  ## every test; the largest networks one by one, which need up to 23 GB of memory
	$(BIN)/python -m pytest -n 2
	$(BIN)/python -m pytest -m large

durations: .venv/test  ## measure the tests that are dealt out over the days, by which the parts are even: hours
	$(BIN)/python -m pytest -n 2 --write-durations

.venv/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kerascnn needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	touch $@

.venv/ready: pyproject.toml | .venv/python
	$(BIN)/python -m pip install --editable '.[litert,onnx,pretrained,report]'
	touch $@

.venv/test: .venv/ready
	$(BIN)/python -m pip install --editable '.[test]'
	touch $@

.PHONY: help quickstart check test test-all durations
