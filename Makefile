# make demo | test | lab | bench | clean.  VENV=dir and PYTHON=python3.x choose another place or interpreter.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
OUTPUT ?= output

.PHONY: demo test lab bench clean lint types

demo: $(VENV)/.installed
	$(BIN)/autocomp-kit demo --output $(OUTPUT)

lab: $(VENV)/.installed
	$(BIN)/jupyter lab notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

test: $(VENV)/.installed-test lint types
	$(BIN)/gemmini-sim doctor
	$(BIN)/pytest -n 2 --dist worksteal --ignore tests/browser
	$(BIN)/pytest tests/browser  # in one process: they share a JupyterLab and a browser, which use two cores as it is

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python bench/run.py

# uv resolves and installs in seconds what takes pip minutes.
$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "autocomp-kit needs Python 3.11 or later: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV) \
	  || { echo "cannot create $(VENV): on Debian and Ubuntu, 'apt install python3-venv' helps"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group test --group browser
	@touch $@

clean:
	rm -rf $(VENV) $(OUTPUT) build dist
