# Everything runs in .venv, which is made on first use and made anew when pyproject.toml changes.
PYTHON ?= python3
BIN := .venv/bin

help:           ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

quickstart: .venv/ready  ## train on handwritten digits, export, prove every file, write a report
	$(BIN)/kerascnn train recipes/digits.py --strategy mirrored:2

test: .venv/ready  ## the tests, with today's twelfth of those that come in hundreds
	$(BIN)/python -m pytest -n 2 --shard today/12

test-all: .venv/ready  ## every test; the largest networks one by one, which need up to 23 GB of memory
	$(BIN)/python -m pytest -n 2
	$(BIN)/python -m pytest -m large

.venv/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kerascnn needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --editable '.[test]'
	touch $@

.PHONY: help quickstart test test-all
