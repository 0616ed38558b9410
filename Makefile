# SPDX-License-Identifier: Apache-2.0
# A thin front: meson does the work. `make` alone says what there is.

MAKEFLAGS += --no-print-directory
.SILENT:
.DEFAULT_GOAL := help

BUILD        ?= build
PREFIX       ?= /usr/local
FUZZ_SECONDS ?= 60
BENCH        ?= normal
DUMPS        ?= build-dumps
KERNELS      ?=
CASES        ?= samples/incidents
INCIDENT     ?= samples/incidents/ollama-amd-queue-evicted

help: ## this list
	awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s%s\n", $$1, $$2 }' Makefile

deps: ## install what building and testing need
	sh tests/deps.sh all >&2

demo: ## build a release and analyse the first incident
	sh tests/deps.sh build >&2
	$(MAKE) release >&2
	rm -rf $(BUILD)/incident && mkdir $(BUILD)/incident && cp -r $(INCIDENT) $(BUILD)/incident/ # as handed in: without its label
	find $(BUILD)/incident -name case.json -exec rm {} +
	$(BUILD)/cli/culprit $(BUILD)/incident/*

test: ## every test, with gcc, with clang, with ASan and UBSan; threads with TSan; the main job in valgrind
	sh tests/deps.sh all >&2
	sh tests/run.sh

build: ## a release in build/
	sh tests/deps.sh build >&2
	$(MAKE) release >&2

release:
	if [ ! -f $(BUILD)/build.ninja ]; then meson setup $(BUILD) --prefix $(PREFIX) --buildtype release; fi
	ninja -C $(BUILD)

install: ## build, then install below PREFIX (/usr/local)
	$(MAKE) build
	meson install -C $(BUILD) --no-rebuild

bench: ## against cat, wc, rg, zstd, gzip, xz, lnav; BENCH=quick, normal (writes docs/benchmark.md, README.md) or full
	$(MAKE) build
	python3 tests/bench/run.py $(BUILD) --size $(BENCH) $(if $(filter quick,$(BENCH)),,--write)

bench-callgrind: ## count the main paths' instructions; fails when one is 5 % dearer than tests/bench/budget.json
	$(MAKE) build
	python3 tests/bench/callgrind.py $(BUILD)

fuzz: ## libFuzzer on parsers, archives and rules, FUZZ_SECONDS (60) each
	sh tests/deps.sh all >&2
	sh tests/fuzz/run.sh $(FUZZ_SECONDS)

dumps: ## fresh kernel dumps by QEMU into DUMPS (build-dumps/); KERNELS="vmlinuz..."
	python3 tests/dumps/boot.py $(DUMPS) $(KERNELS)

calibrate: ## is 80 % right four times out of five? over samples/incidents, or CASES=FOLDER
	$(MAKE) build >&2
	python3 tests/calibrate.py $(BUILD)/cli/culprit $(CASES)

format: ## clang-format on what git says is changed
	git diff --name-only --diff-filter=d HEAD -- '*.c' '*.h' | xargs -r clang-format -i

clean: ## remove what make has built
	rm -rf $(BUILD) build-gcc build-clang build-asan build-fuzz

.PHONY: help deps demo test build release install bench bench-callgrind fuzz dumps calibrate format clean
