# make demo   set up and open-able forecast report in out/demo
# make docs   the documentation as a site in out/docs, which opens from the folder and loads nothing from the network
# make release  sdist and wheel in dist, tried in an empty environment
# make test   set up and run the whole suite (long statistical tests reduced); make test-full runs them whole
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -q --durations=25
# Two processes, each with whole files: what a file sets up is shared within it. They come in the order of tests/conftest.py.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder
STAGES := test-contracts test-statistics test-end-to-end test-notebooks
FULL :=

.PHONY: demo docs test test-full lint release clean $(STAGES)

demo: $(VENV)/.installed
	$(BIN)/forecast demo --output out/demo

# All at once: stages one after the other would each end with one process idle, and load everything anew.
test: $(VENV)/.test-installed
	$(PYTEST) $(PARALLEL) --nbmake tests notebooks $(FULL)

test-full: FULL := --full
test-full: test

# Parts of it: contracts and properties, statistics, whole runs with the browser, notebooks.
test-contracts: $(VENV)/.test-installed
	$(PYTEST) $(PARALLEL) tests --ignore=tests/statistical --ignore=tests/end_to_end --ignore=tests/report/test_browser.py

test-statistics: $(VENV)/.test-installed
	$(PYTEST) $(PARALLEL) tests/statistical $(FULL)

test-end-to-end: $(VENV)/.test-installed
	$(PYTEST) $(PARALLEL) tests/end_to_end tests/report/test_browser.py

test-notebooks: $(VENV)/.test-installed
	$(PYTEST) $(PARALLEL) --nbmake notebooks

# Warnings are errors.
docs: $(VENV)/.docs-installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo out/docs/index.html

lint: $(VENV)/.test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Into dist/; nothing is uploaded or tagged.
release: $(VENV)/.test-installed
	$(BIN)/python scripts/release.py

# Bytecode is compiled at once: without it the first import of the scientific stack takes half a minute.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --compile --constraint constraints.txt --editable .
	$(BIN)/python -m compileall -q forecast
	@touch $@

$(VENV)/.test-installed: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --compile --constraint constraints.txt --editable ".[dev]"
	@touch $@

$(VENV)/.docs-installed: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --compile --constraint constraints.txt --editable ".[docs]"
	@touch $@

clean:
	rm -rf $(VENV) out dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
