# Everything lives in .venv; CI runs these targets and nothing else.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= ../shared/data
WEIGHTS ?= ../shared/weights/vgg16_imagenet_notop_f16.npz
RUN ?= runs/default
SAMPLES := .venv/samples

.PHONY: setup demo check test format train results

.venv/pyvenv.cfg:
	$(PYTHON) -m venv .venv

.venv/.runtime: .venv/pyvenv.cfg pyproject.toml
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/.dev: .venv/.runtime
	$(BIN)/pip install --quiet --editable ".[train,dev]"
	touch $@

setup: .venv/.dev

# Classifies the bundled samples on the terminal.
demo: .venv/.runtime
	rm -rf $(SAMPLES)
	$(BIN)/tumorscope samples $(SAMPLES)
	$(BIN)/tumorscope predict $(SAMPLES)

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: .venv/.dev
	$(BIN)/pytest

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Real scans to the embedded artifact and its report.
train: .venv/.dev
	mkdir -p $(dir $(RUN))
	$(BIN)/tumorscope data split --manifest $(DATA)/manifest.csv --output $(RUN).csv --overwrite
	$(BIN)/tumorscope train --manifest $(RUN).csv --root $(DATA) --weights $(WEIGHTS) --output $(RUN) --resume
	$(BIN)/tumorscope export $(RUN) --output src/tumorscope/model/default.tumorscope --overwrite

results: .venv/.dev
	$(BIN)/tumorscope evaluate --manifest $(RUN).csv --root $(DATA) --split test --output $(RUN)/test --overwrite
