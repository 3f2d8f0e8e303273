# Each target does its own set-up: it needs Python 3.10 or newer, make, the usual tools of a Unix shell, and the package
# registries that pip and npm know. `make PYTHON=python3.12 book` sets up with another Python (after `make distclean`).
# A set-up that failed leaves no stamp, so it is tried again.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt
TORCH := $(shell sed -n 's/^\(torch==[0-9.]*\).*/\1/p' constraints.txt)
SET_UP := $(VENV)/.set-up
# Runs what makes a file, unless that is made by now: two makes at once, or make -j, write one environment once.
ONCE := $(PYTHON) tools/once.py

.DEFAULT_GOAL := help
.PHONY: help set-up book serve lab check test lint unit notebooks site lowest bench format constraints clean distclean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

# -- set-up ----------------------------------------------------------------------------------------------------------

$(SET_UP)/venv:
	@$(PYTHON) tools/check_python.py
	@$(ONCE) --say "Setting up $(VENV) (only this first time)" $@ -- $(PYTHON) -m venv $(VENV) -- $(PIP) "pip>=25.1"

$(SET_UP)/book: $(SET_UP)/venv pyproject.toml constraints.txt
	@$(ONCE) --say "Installing what the book is built with" $@ $^ -- $(PIP) --group book

# PyTorch goes first, so that what depends on it finds it there.
$(SET_UP)/package: $(SET_UP)/venv pyproject.toml constraints.txt
	@$(ONCE) --say "Installing PyTorch and the package (several minutes on a slow line)" $@ $^ \
		-- $(PIP) $(TORCH) -- $(PIP) -e '.[notebooks,export]'

$(SET_UP)/test: $(SET_UP)/package $(SET_UP)/book
	@$(ONCE) --say "Installing what the tests need" $@ $^ -- $(PIP) --group test

# Node.js and the browser: the machine's own where it has them.
$(SET_UP)/node: $(SET_UP)/book
	@$(ONCE) $@ $^ -- $(PY) tools/js.py fetch

node_modules/.set-up: $(SET_UP)/node package.json package-lock.json .npmrc
	@$(ONCE) --say "Installing the JavaScript parts" $@ $^ -- $(PY) tools/js.py install

$(SET_UP)/browser: $(SET_UP)/test
	@$(ONCE) $@ $^ -- $(PY) tools/find_browser.py --install

set-up: node_modules/.set-up $(SET_UP)/browser  ## install all that the targets below need, and run nothing

# -- the book --------------------------------------------------------------------------------------------------------

# Files and folders: a folder is newer when something in it came or went. (`book/.`, as `book` is a target.)
PAGES := $(shell find book/. notebooks/. src/. tests/. tools/. benchmarks/. -not -path '*/__pycache__*' -not -path '*/.ipynb_checkpoints*')

book: _build/.built  ## build the book; needs no PyTorch
	@echo "The book: $(CURDIR)/_build/html/index.html"

_build/.built: $(SET_UP)/book node_modules/.set-up _config.yml _toc.yml $(PAGES)
	@$(ONCE) --say "Building the book" $@ $^ -- $(PY) tools/build_book.py

serve: book  ## build the book and serve it to this machine
	@$(PY) tools/serve.py _build/html

lab: $(SET_UP)/package  ## open the chapters in JupyterLab
	@$(PY) -m jupyterlab --notebook-dir=notebooks $$([ "$$(id -u)" != 0 ] || echo --allow-root)

# Tests that are quick, but for those that are marked, and those that need the package and nothing else.
PLAIN := tests/diffusion tests/nn tests/train tests/data $(addprefix tests/test_,cli.py cond.py config.py files.py randomness.py)
QUICK := $(PLAIN) tests/metrics tests/systems $(addprefix tests/test_,imports.py palette.py pretrained.py) \
	tests/book/test_setup_files.py

# -- checks ----------------------------------------------------------------------------------------------------------

check: lint $(SET_UP)/node  ## for in between: lint, types, and the tests that are quick
	@OMP_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist loadfile -m "not slow and not processes and not browser" $(QUICK)

test: lint unit notebooks site  ## everything: lint, types, unit tests, notebooks, the book in a browser
	@echo "All checks passed."

lint: $(SET_UP)/test node_modules/.set-up  ## style, types and words
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) tools/js.py lint
	@$(PY) tools/check_words.py

unit: $(SET_UP)/browser $(SET_UP)/node  ## unit tests of the package
	@OMP_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist loadfile tests --ignore=tests/book

notebooks: $(SET_UP)/test  ## run every chapter and compare with what is stored in it
	@OMP_NUM_THREADS=1 $(PY) -m pytest -q --nbval -n 2 --dist loadfile notebooks

site: $(SET_UP)/browser book  ## the built book in a real browser, with the network off; the project's own files
	@OMP_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist loadfile tests/book

# The lowest versions that pyproject.toml allows, in an environment of their own, with the tests that need no more than
# the package. PyTorch is the pinned one all the same: the lowest is a build for GPUs of several gigabytes. To test that
# one too, with a Python that it knows: make lowest KEEP= PYTHON=python3.10
LOWEST := .venv-lowest
KEEP ?= torch
lowest: $(LOWEST)/.set-up  ## the package with the lowest versions that it asks for
	@OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -q -o addopts="--import-mode=importlib --strict-markers" \
		-m "not slow and not browser" $(PLAIN)
	@$(LOWEST)/bin/diffusion-edu list > /dev/null

$(LOWEST)/.set-up: $(SET_UP)/venv pyproject.toml constraints.txt tools/lowest.py
	@$(ONCE) --say "Setting up $(LOWEST)" $@ $^ -- $(PYTHON) -m venv $(LOWEST) \
		-- $(PY) tools/lowest.py $(LOWEST)/constraints.txt --keep $(KEEP) \
		-- $(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c $(LOWEST)/constraints.txt \
			-e . hypothesis psutil pytest

bench: $(SET_UP)/test  ## measure what each chapter costs to run
	@$(PY) benchmarks/compute_card.py

format: $(SET_UP)/test node_modules/.set-up  ## put the code in the project's style
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@$(PY) tools/js.py format

# -- upkeep ----------------------------------------------------------------------------------------------------------

constraints: $(SET_UP)/venv  ## choose the pinned versions anew, for all Pythons at once
	@$(PIP) uv
	@$(PY) tools/pin.py

clean:  ## remove what was built
	rm -rf _build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

distclean: clean  ## remove the environments too
	rm -rf $(VENV) $(VENV).lock $(LOWEST) node_modules
