# The two commands of the README, and what they are made of. Each sets up what it needs, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: report test test-quick lint bench-statistics bench-defaults images clean

report: $(VENV)/ready
	$(BIN)/fittingroom compare ann cnn

test: lint
	$(BIN)/pytest

test-quick: $(VENV)/ready
	$(BIN)/pytest -m "not slow"

lint: $(VENV)/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench-statistics: $(VENV)/ready
	$(BIN)/python benchmarks/statistics.py

# The pictures of the README, from the last report.
images: $(VENV)/ready
	test -f report/index.html || $(MAKE) report
	$(BIN)/python tools/refresh_images.py

bench-defaults: $(VENV)/ready
	$(BIN)/python benchmarks/defaults.py

# PyTorch comes first, and pinned, so that nothing else brings another build of it.
$(VENV)/ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check $$(grep '^torch==' requirements.txt)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

clean:
	rm -rf $(VENV) report build dist .mypy_cache .pytest_cache .ruff_cache
