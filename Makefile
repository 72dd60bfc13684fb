# make demo   set up and open-able forecast report in out/demo
# make picture  the picture of README, from that report
# make docs   the documentation as a site in out/docs, which opens from the folder and loads nothing from the network
# make release  sdist and wheel in dist, tried in an empty environment
# make bench    cost and skill as ratios, kept and compared; make coverage prints what tests reach
# make test-lowest  the lowest versions that pyproject.toml claims
# make test   set up and run the whole suite (long statistical tests reduced); make test-full runs them whole
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -q --durations=25
# Two processes, each with whole files: what a file sets up is shared within it. They come in the order of tests/conftest.py.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder
STAGES := test-contracts test-statistics test-end-to-end test-notebooks
FULL :=

.PHONY: demo picture docs test test-full lint release test-lowest bench coverage clean $(STAGES)

demo: $(VENV)/.installed
	$(BIN)/forecast demo --output out/demo

picture: $(VENV)/.test-installed demo
	$(BIN)/python scripts/picture.py out/demo/report.html

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

# The lowest versions that pyproject.toml claims, in an environment of its own, and the tests that ask most of other packages.
LOWEST := tests/test_api.py tests/test_run.py tests/events/test_raw.py tests/events/test_place_files.py \
	tests/panel/test_panel.py tests/model/test_priors.py tests/baselines tests/capability \
	tests/prediction/test_draws.py tests/inference/test_dispatch.py tests/evaluation/test_scores.py \
	tests/report/test_build.py
test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --constraint constraints.txt uv
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct \
		--editable . "pytest>=8.3" "hypothesis>=6.120"
	$(VENV)-lowest/bin/python -m pytest -q $(LOWEST)

# Cost of the fast engine and skill as ratios, kept in tests/benchmarks/history.csv; fails on a loss over 20 %.
bench: $(VENV)/.test-installed
	OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/benchmarks/bench.py

# What the contracts' tests leave out, by module, the least covered first. Not a part of CI: it takes twice as long.
coverage: $(VENV)/.test-installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt coverage
	$(BIN)/python -m coverage run --source forecast -m pytest -q tests \
		--ignore=tests/statistical --ignore=tests/end_to_end --ignore=tests/report/test_browser.py
	$(BIN)/python -m coverage report --skip-empty --sort=cover

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
	rm -rf $(VENV) $(VENV)-lowest out dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
