.DEFAULT_GOAL := help
SHELL := /bin/bash -o pipefail

MACOS := $(filter Darwin,$(shell uname -s))
PYTHON ?= $(shell $(if $(MACOS),,command -v python3.11 ||) command -v python3.13 || command -v python3.12)
VENV ?= .venv
BIN := $(VENV)/bin
ROOT ?= headrace_root
EXAMPLES := $(notdir $(patsubst %/,%,$(dir $(wildcard examples/*/pipeline.py))))

# The TFX 1.21 libraries have wheels for glibc 2.39 and later only, and for macOS 14 on Apple silicon; 1.16 runs on
# every Linux, on Python 3.11.
GLIBC := $(if $(MACOS),2.39,$(lastword $(shell getconf GNU_LIBC_VERSION)))
NEWEST := $(shell printf '%s\n' 2.39 $(GLIBC) | sort -V | tail -1)
PY_MINOR := $(shell $(PYTHON) -c 'import sys; print(sys.version_info.minor)')
GENERATION ?= $(if $(and $(filter $(GLIBC),$(NEWEST)),$(filter-out 11,$(PY_MINOR))),1.21,1.16)
LOCK := images/local/tfx-$(GENERATION)$(if $(MACOS),-macos).lock

# One more than the cores: for a quarter of the time a test waits for a service, the network or a program.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

.PHONY: help setup run test check format compile docs golden generate bench lock images test-images import-names push base kind-up kind-test kind-down clean

help: ## List the targets
	@grep -hE '^[a-z/%-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# On a terminal uv draws its progress. Otherwise it writes lines; those for small packages are left out.
UV_SHOWN = if [ -t 2 ]; then $(BIN)/uv pip $(1) --python $(BIN)/python; \
  else $(BIN)/uv pip $(1) --python $(BIN)/python 2>&1 | sed --unbuffered '/^ [-+~] /d'; fi

setup: $(VENV)/.ready ## Make the virtual environment from the lock that fits this machine

$(VENV)/.ready: $(LOCK) images/local/uv.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Headrace needs Python 3.11 (or 3.12, 3.13 with glibc 2.39). Install it, or set PYTHON=..." >&2; exit 2; }
	@echo "Setting up $(VENV) from $(LOCK), once: 3 GB, a few minutes"
	@echo "1/5 a virtual environment of $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@echo "2/5 uv, which installs the rest"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement images/local/uv.lock
	@echo "3/5 the $$(grep -c == $(LOCK)) packages of the lock"
	@$(call UV_SHOWN,sync --require-hashes $(LOCK) images/local/uv.lock)
	@echo "4/5 their bytecode, so that they start faster"
	@$(call UV_SHOWN,sync --compile-bytecode --require-hashes $(LOCK) images/local/uv.lock)
	@echo "5/5 Headrace itself"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

examples/%/data: $(VENV)/.ready examples/%/prepare_data.py
	@echo "Writing the data of the example $*"
	@$(BIN)/python examples/$*/prepare_data.py
	@touch $@

run: examples/flights/data ## Run the flights pipeline end to end on this machine
	$(BIN)/headrace run examples/flights/pipeline.py --root $(ROOT)

test: $(VENV)/.ready ## Run every check and every test
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

.PHONY: lint
lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m generate --check

check: lint ## Run the linters, the type checker and the fast tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

format: $(VENV)/.ready ## Format the code
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

CONFIG ?= $(or $(wildcard headrace.toml),examples/headrace.toml)
BUILD ?= build
compile: $(VENV)/.ready ## Compile every example for every target, with CONFIG or headrace.toml if it exists
	@files=$$($(BIN)/python -c 'from headrace.target_registry import TARGETS; print(*(name + each.suffix for name, each in TARGETS.items()))') && \
	for example in $(EXAMPLES); do for file in $$files; do \
	  $(BIN)/headrace compile examples/$$example/pipeline.py --target $${file%.*} --config $(CONFIG) -o $(BUILD)/$$example.$$file || exit; \
	done; done
	@[ $(CONFIG) != examples/headrace.toml ] || echo "The images and buckets are those of $(CONFIG), which are not there. Write a headrace.toml of your own to submit."

generate: $(VENV)/.ready ## Write all files that are generated from the declarations of the components
	$(BIN)/python -m generate

docs: $(VENV)/.ready ## Build the documentation as a site, in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "Open build/site/index.html"

golden: $(VENV)/.ready ## Write the compiled specs that the tests compare with
	HEADRACE_REGENERATE=1 $(BIN)/python -m pytest -q tests/golden tests/conformance/test_feature_table.py tests/unit/test_message_tables.py

bench: examples/flights/data examples/penguins/data ## Measure Headrace, and also TFX with TFX_PYTHON=path/to/python
	$(BIN)/python -m bench $(if $(TFX_PYTHON),--tfx-python $(TFX_PYTHON))

UV_COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --upgrade
LOCAL := pyproject.toml --extra embedded --extra examples --extra ui --extra tracking --extra docs --extra dev
lock: $(VENV)/.ready ## Resolve all locks again; those of the images use the versions of the local lock
	$(UV_COMPILE) $(LOCAL) --python-version 3.11 --python-platform x86_64-manylinux_2_36 --output-file images/local/tfx-1.16.lock
	$(UV_COMPILE) $(LOCAL) --python-version 3.13 --python-platform x86_64-manylinux_2_39 --constraint images/local/tfx-1.21.constraints --output-file images/local/tfx-1.21.lock
	$(UV_COMPILE) $(LOCAL) --python-version 3.13 --python-platform aarch64-apple-darwin --constraint images/local/tfx-1.21.lock --output-file images/local/tfx-1.21-macos.lock
	$(BIN)/headrace images lock --all

lock/%: $(VENV)/.ready ## Resolve the lock of one image (lock/pusher) or layer (lock/layers/arrow)
	$(BIN)/headrace images lock $*

image/%: $(VENV)/.ready ## Build one image (image/pusher); use HEADRACE_BASE=mmdebstrap if no base can be pulled
	$(BIN)/headrace images build $*

images: $(VENV)/.ready ## Build all images, with docker, podman or buildah
	$(BIN)/headrace images build

test-images: $(VENV)/.ready ## Run every component in its image under the rules of each backend, and every example
	HEADRACE_TEST_IMAGES=all $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m image

import-names: $(VENV)/.ready ## Record the modules of the packages in images, which the compiler checks imports with
	HEADRACE_REGENERATE=1 $(BIN)/python -m pytest -q tests/integration/images/test_every_image.py -k imported

push: $(VENV)/.ready ## Push all images to HEADRACE_REGISTRY and record their digests
	$(BIN)/headrace images push

base: $(VENV)/.ready ## Make the base of the images with mmdebstrap
	$(BIN)/headrace images base

kind-up: examples/penguins/data ## Run Kubeflow Pipelines and TensorFlow Serving here, with docker and kind
	HEADRACE=$(BIN)/headrace manifests/kind/up.sh

kind-test: $(VENV)/.ready ## Run the penguins there, and send a request to the pushed model
	HEADRACE_KIND=1 $(BIN)/python -m pytest -q -n 0 tests/integration/kind

kind-down: ## Remove everything that kind-up made
	manifests/kind/down.sh

clean: ## Remove the virtual environment, build outputs and caches
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
