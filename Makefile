# The two commands of the README, and what they are made of. Each sets up what it needs, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TENSORFLOW := .venv-tensorflow
OPENVINO := .venv-openvino
FUZZ := .venv-fuzz
PAGE_LINT := tools/page_lint
# The oldest Keras that our files are for, and one of the middle; what they need is in $(VENV).
OLD_KERAS := .keras/3.7.0 .keras/3.10.0
MINUTES ?= 15
# Two processes, with one thread each (tests/conftest.py).
PYTEST := -n 2 --dist loadfile

.PHONY: report test test-slow test-tensorflow lint lint-page notebooks bench bench-cv bench-inference bench-peers bench-scaling \
	bench-cluster bench-statistics bench-audit bench-photos bench-serving bench-site bench-unknown \
	bench-reproduce bench-crash bench-reading bench-halves bench-claims \
	fuzz audit model photo-model images docs clean

report: $(VENV)/train
	$(BIN)/fittingroom compare ann cnn

# What a contributor may break, in minutes.
test: lint
	$(BIN)/pytest -m "not slow" $(PYTEST)

# The rest: a lost node of a cluster, load on the service, whole notebooks, crash after crash.
test-slow: $(VENV)/ready $(OLD_KERAS)
	$(BIN)/pytest -m slow $(PYTEST)

# The Keras engine and the files for Keras, once more with TensorFlow beneath them.
test-tensorflow: $(TENSORFLOW)/ready
	KERAS_BACKEND=tensorflow $(TENSORFLOW)/bin/pytest tests/engines/test_keras*.py \
		tests/engines/test_own_keras.py tests/test_export_keras.py tests/jobs/test_export.py

lint: $(VENV)/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory lint-page; \
		else echo "The page's scripts were not checked, since npm is not installed."; fi

# Undefined names and missing imports in the page's scripts, found by TypeScript. Lighthouse, beside it, is for the tests.
lint-page: $(PAGE_LINT)/node_modules
	$(PAGE_LINT)/node_modules/.bin/tsc -p $(PAGE_LINT)

$(PAGE_LINT)/node_modules: $(PAGE_LINT)/package-lock.json
	npm ci --prefix $(PAGE_LINT) --ignore-scripts --silent
	touch $@

# All four notebooks, built from their sources and run on the real data.
notebooks: $(VENV)/ready
	$(BIN)/python tools/run_notebooks.py

# The documentation, into site/: index.html there opens without a server. Broken links fail.
docs: $(VENV)/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Accuracy against time. Takes hours; if stopped, the same command continues. ARGS="--avx2" holds it to AVX2.
bench: $(VENV)/ready $(TENSORFLOW)/ready
	$(BIN)/python -m benchmarks.training $(ARGS)
	$(BIN)/python -m benchmarks.openings

# Accuracy over all training images, without the test set. If stopped, the same command continues at its fold.
bench-cv: $(VENV)/ready
	$(BIN)/python -m benchmarks.cv $(ARGS)

bench-inference: $(VENV)/ready $(TENSORFLOW)/ready $(OPENVINO)/ready
	$(BIN)/python -m benchmarks.inference $(ARGS)

# Other libraries on the same images. Takes hours and 15 GB of disk, and continues; needs a quiet machine.
bench-peers: $(VENV)/ready $(TENSORFLOW)/ready
	$(BIN)/python -m benchmarks.peers $(ARGS)

bench-scaling: $(VENV)/ready
	$(BIN)/python -m benchmarks.scaling $(ARGS)

# ARGS="--parts fitted" simulates one part again and keeps the others.
bench-statistics: $(VENV)/ready
	$(BIN)/python -m benchmarks.statistics $(ARGS)

# ARGS="--parts time" measures time and memory alone, which needs a quiet machine.
bench-audit: $(VENV)/ready
	$(BIN)/python -m benchmarks.audit $(ARGS)

# The HTTP service under load, which needs a quiet machine. ARGS="--model RUN" asks another model.
bench-serving: $(VENV)/ready
	$(BIN)/python -m benchmarks.serving $(ARGS)

# An exported page on a slow connection, in Chromium. Needs a quiet machine.
bench-site: $(VENV)/ready
	$(BIN)/python -m benchmarks.site_loading $(ARGS)

# Trainings on one and two workers, and on a cluster that loses a machine. Needs a quiet machine.
bench-cluster: $(VENV)/ready
	$(BIN)/python -m benchmarks.cluster $(ARGS)

# A CSV of 70,000 images: time and memory, the first time and the second.
bench-reading: $(VENV)/ready
	$(BIN)/python -m benchmarks.reading $(ARGS)

# Does a model know what it does not know? ARGS="--model RUN" measures another than the package's.
bench-unknown: $(VENV)/ready
	$(BIN)/python -m benchmarks.unknown $(ARGS)

# Why is validation accuracy above test accuracy?
bench-halves: $(VENV)/ready
	$(BIN)/python -m benchmarks.halves $(ARGS)

# Does the same training give the same numbers again? ARGS="--repeats 3 --recipes ann" tries others.
bench-reproduce: $(VENV)/ready
	$(BIN)/python -m benchmarks.reproduce $(ARGS)

# A thousand kills at random moments, and every failure of the disk. ARGS="--kills 50 --every 5" is short.
bench-crash: $(VENV)/ready
	$(BIN)/python -m benchmarks.crash $(ARGS)

# The accuracies that the notebook project states, judged by trainings as it had them. Takes two hours, and continues.
CLAIM = verify $(1) --claim $(2) --seeds $(3) --runs runs/claims --json > $(VENV)/claim.json && \
	mv $(VENV)/claim.json docs/results/verify-$(1).json
bench-claims: $(VENV)/ready $(TENSORFLOW)/ready
	KERAS_BACKEND=torch $(BIN)/fittingroom $(call CLAIM,keras-ann,0.8834,10)
	KERAS_BACKEND=tensorflow $(TENSORFLOW)/bin/fittingroom $(call CLAIM,keras-cnn,0.9063,5)

# The model inside the package, from the real data.
model: $(VENV)/ready
	$(BIN)/python tools/make_model.py

# The model of photos inside the package. It downloads 4,115 photos unless ARGS="--photos FOLDER" has them.
photo-model: $(VENV)/ready
	$(BIN)/python -m tools.make_photo_model $(ARGS)

# ARGS="--model runs/cnn-s0-…" takes another model than the one inside the package.
bench-photos: $(VENV)/ready
	$(BIN)/python -m benchmarks.photos $(ARGS)

# What hostile bytes the readers stand, MINUTES for each; docs/results/fuzz.md says what came of it.
fuzz: $(FUZZ)/ready
	$(FUZZ)/bin/python fuzz/run.py --minutes $(MINUTES) $(ARGS)

# Known vulnerabilities of what is pinned, as far as PyPI's data can be reached.
audit: $(FUZZ)/ready
	grep '==' requirements.txt > $(FUZZ)/pins.txt
	$(FUZZ)/bin/pip-audit --strict --no-deps --disable-pip -r $(FUZZ)/pins.txt

# The README's image of a report and the model in the repository's root, from the last report.
images: $(VENV)/ready
	test -f report/index.html || $(MAKE) report
	$(BIN)/python tools/refresh_images.py

.keras/%:
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target $@ keras==$*

# What OpenVINO brings to report its use forks processes that never end; it does without.
$(OPENVINO)/ready: pyproject.toml
	$(PYTHON) -m venv $(OPENVINO)
	$(OPENVINO)/bin/pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(OPENVINO)/bin/pip uninstall --quiet --yes openvino-telemetry
	touch $@

$(FUZZ)/ready: pyproject.toml
	$(PYTHON) -m venv $(FUZZ)
	$(FUZZ)/bin/pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	touch $@

# What a report takes, without what the tests and the documentation bring. PyTorch comes first, and pinned, so
# that nothing else brings another build of it.
$(VENV)/train: pyproject.toml requirements.txt
	$(PYTHON) -m venv $(VENV)
	grep '==' requirements.txt > $(VENV)/pins.txt
	$(BIN)/pip install --quiet --disable-pip-version-check $$(grep '^torch==' $(VENV)/pins.txt)
	$(BIN)/pip install --quiet --disable-pip-version-check -c $(VENV)/pins.txt -e '.[train]'
	touch $@

$(VENV)/ready: $(VENV)/train
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(TENSORFLOW)/ready: pyproject.toml requirements-tensorflow.txt
	$(PYTHON) -m venv $(TENSORFLOW)
	$(TENSORFLOW)/bin/pip install --quiet --disable-pip-version-check $$(grep '^torch==' requirements-tensorflow.txt)
	$(TENSORFLOW)/bin/pip install --quiet --disable-pip-version-check -r requirements-tensorflow.txt
	touch $@

clean:
	rm -rf $(VENV) .keras $(TENSORFLOW) $(OPENVINO) $(FUZZ) $(PAGE_LINT)/node_modules report site build dist .mypy_cache .pytest_cache .ruff_cache
