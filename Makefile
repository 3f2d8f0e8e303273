# Each target does its own set-up: it needs Python 3.10 or newer, make, and the package registries that pip and npm
# know. `make PYTHON=python3.12 book` chooses another Python. A set-up that failed leaves no stamp, so it is tried again.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt
TORCH := $(shell sed -n 's/^\(torch==[0-9.]*\).*/\1/p' constraints.txt)
SET_UP := $(VENV)/.set-up

.DEFAULT_GOAL := help
.PHONY: help book serve lab test lint unit notebooks site bench format constraints clean distclean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

# -- set-up ----------------------------------------------------------------------------------------------------------

$(SET_UP)/venv:
	@$(PYTHON) tools/check_python.py
	@echo "Setting up $(VENV) (only this first time)"
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: install it (Debian: apt-get install python3-venv)"; exit 1; }
	@$(PIP) "pip>=25.1"
	@mkdir -p $(SET_UP) && touch $@

$(SET_UP)/book: $(SET_UP)/venv pyproject.toml constraints.txt
	@echo "Installing what the book is built with"
	@$(PIP) --group book
	@touch $@

# PyTorch goes first, so that what depends on it finds it there.
$(SET_UP)/package: $(SET_UP)/venv pyproject.toml constraints.txt
	@echo "Installing PyTorch and the package (several minutes on a slow line)"
	@$(PIP) $(TORCH)
	@$(PIP) -e '.[notebooks,export]'
	@touch $@

$(SET_UP)/test: $(SET_UP)/package $(SET_UP)/book
	@echo "Installing what the tests need"
	@$(PIP) --group test
	@touch $@

node_modules/.set-up: $(SET_UP)/book package.json package-lock.json .npmrc
	@$(PY) tools/js.py install
	@touch $@

$(SET_UP)/browser: $(SET_UP)/test
	@$(PY) tools/find_browser.py --install
	@touch $@

# -- the book --------------------------------------------------------------------------------------------------------

# Files and folders: a folder is newer when something in it came or went. (`book/.`, as `book` is a target.)
PAGES := $(shell find book/. notebooks/. src/. tests/. tools/. benchmarks/. -not -path '*/__pycache__*' -not -path '*/.ipynb_checkpoints*')

book: _build/.built  ## build the book; needs no PyTorch
	@echo "The book: $(CURDIR)/_build/html/index.html"

_build/.built: $(SET_UP)/book node_modules/.set-up _config.yml _toc.yml $(PAGES)
	@echo "Building the book"
	@$(PY) tools/build_book.py
	@touch $@

serve: book  ## build the book and serve it to this machine
	@$(PY) tools/serve.py _build/html

lab: $(SET_UP)/package  ## open the chapters in JupyterLab
	@$(VENV)/bin/jupyter lab --notebook-dir=notebooks

# -- checks ----------------------------------------------------------------------------------------------------------

test: lint unit notebooks site  ## everything: lint, types, unit tests, notebooks, the book in a browser
	@echo "All checks passed."

lint: $(SET_UP)/test  ## style and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

unit: $(SET_UP)/test  ## unit tests of the package
	@OMP_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist loadfile tests --ignore=tests/book

notebooks: $(SET_UP)/test  ## run every chapter and compare with what is stored in it
	@OMP_NUM_THREADS=1 $(PY) -m pytest -q --nbval -n 2 --dist loadfile notebooks

site: $(SET_UP)/browser book  ## the built book in a real browser, with the network off; the project's own files
	@$(PY) -m pytest -q tests/book

bench: $(SET_UP)/test  ## measure what each chapter costs to run
	@$(PY) benchmarks/compute_card.py

format: $(SET_UP)/test  ## put the code in the project's style
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

# -- upkeep ----------------------------------------------------------------------------------------------------------

constraints: $(SET_UP)/venv  ## choose the pinned versions anew, for all Pythons at once
	@$(PIP) uv
	@$(PY) tools/pin.py

clean:  ## remove what was built
	rm -rf _build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

distclean: clean  ## remove the environments too
	rm -rf $(VENV) node_modules
