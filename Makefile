# make demo    plant a backdoor, erase it, and look at both in the browser (SERVE=0: without serving)
# make test    every test, the browser's included
# make check   format, lints, documentation, licences, unused dependencies
# make fuzz    changed files for every reader of files from strangers (EACH=10 seconds, SEED=1, READERS="pickle zip": only these)
# make site    the page as it is published: optimised, with a size budget
# make bench   our speed and memory against PyTorch, Burn's flex, onnxruntime-web, tfjs and jax-js, in one run
# make release the archive of this version in target/archives (SITE=0: without the page)
# make fixtures  the numbers the tests compare with, computed again by PyTorch, OpenCV and scikit-image

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
# Results and models record it.
export UNSTAMP_COMMIT := $(shell git rev-parse --short HEAD 2>/dev/null)
.PHONY: demo test test-native test-cluster test-python test-browser check fuzz page site bench fixtures release native clean

OUT := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
ENV := $(abspath $(OUT))/web.env
WEB := . $(ENV) && export CARGO_TARGET_DIR=$(abspath $(OUT))/web
UNSTAMP := $(OUT)/release/unstamp
NATIVE := --release --workspace --exclude 'unstamp-web*'
PAGE := --release -p unstamp-web --features ui
# With the programs of the page, which are linted natively: their other features are only for WASM. The features avx2
# and vulkan are linted too. The feature cuda is not: its build downloads LLVM from GitHub, which cannot be reached
# everywhere.
ALL := --release --workspace --features unstamp-web/ui,unstamp-web/cpu,unstamp-web/gpu,unstamp-bench/avx2,unstamp-trainer/vulkan
WASM := --target wasm32-unknown-unknown --profile page

demo: native page
	$(UNSTAMP) run trainer/recipes/quick.toml --out runs/quick
	rm -rf web/dist/models && $(UNSTAMP) publish runs/quick --out web/dist/models
	@if [ "$${SERVE:-1}" != 0 ]; then $(UNSTAMP) serve web/dist; else echo "the site is in web/dist: $(UNSTAMP) serve web/dist"; fi

native:
	@command -v cargo >/dev/null || { echo "Rust is missing: install rustup (https://rustup.rs), then run make again"; exit 1; }
	cargo build $(NATIVE)

$(ENV): web/toolchain.sh
	web/toolchain.sh $(ENV)

page: $(ENV)
	$(WEB) && cd web && trunk build --release --public-url ./ --dist dist

# What `make bench` and the browser tests call, as programs for the browser: `page` is built like the engines of
# the page that train, `release` for speed throughout, and `webgpu` like the engine gpu. With these features the
# dependencies of `page` and `webgpu` are the same as those of engines, so they are compiled once.
BENCH := $(abspath $(OUT))/web/bench
bench-program-%: BUILT := page
bench-program-%: FEATURES := --features relaxed
bench-program-release: BUILT := release
bench-program-webgpu: FEATURES := --no-default-features --features wgpu
bench-program-%: $(ENV)
	$(WEB) && cargo build --target wasm32-unknown-unknown --profile $(BUILT) -p unstamp-bench $(FEATURES) && \
	  wasm-bindgen --target web --no-typescript --out-dir $(BENCH)/$* $(abspath $(OUT))/web/wasm32-unknown-unknown/$(BUILT)/unstamp-bench.wasm

# The checks that the browser tests call.
checks-programs: bench-program-page bench-program-webgpu
# Under `make -j` too, one after another: before wasm-bindgen, the programs have the same file name.
.NOTPARALLEL:

# Published form: wasm-opt, budget in tests/browser/site.mjs.
site: page
	cd tests/browser && npm ci --no-audit --no-fund --silent && node site.mjs ../../web/dist

test:
	web/toolchain.sh $(ENV) test
	@# The page is built while the native tests run, because its link-time optimisation uses one core. All parts run, also
	@# where one fails.
	@$(MAKE) page checks-programs & page=$$!; status=0; \
	  { $(MAKE) native && cargo test $(NATIVE) --no-run && cargo test $(PAGE) --no-run; } || status=$$?; \
	  for part in native cluster python; do $(MAKE) test-$$part || status=$$?; done; \
	  wait $$page && $(MAKE) test-browser || status=$$?; exit $$status

test-native:
	@# The unit tests of the page stand alone, because they need other features. They compile without Burn.
	@status=0; UNSTAMP_REQUIRE_WGPU=1 VK_DRIVER_FILES="$$(ls /usr/share/vulkan/icd.d/lvp_icd*.json)" cargo test $(NATIVE) --no-fail-fast || status=$$?; \
	  cargo test $(PAGE) --no-fail-fast || status=$$?; exit $$status

# They print a reason and succeed where they cannot run.
test-cluster:
	UNSTAMP=$(abspath $(UNSTAMP)) tests/cluster/slurm.sh
	tests/cluster/kubernetes.sh

# Prints a reason and succeeds where PyTorch is not installed.
test-python:
	UNSTAMP=$(UNSTAMP) tests/python/run.sh

test-browser:
	cd tests/browser && npm ci --no-audit --no-fund --silent && UNSTAMP=$(abspath $(UNSTAMP)) CHECKS=$(BENCH) node --test --test-reporter=spec *.test.mjs

check:
	web/toolchain.sh $(ENV) check
	. $(ENV) && cargo deny --workspace check --hide-inclusion-graph bans licenses sources
	. $(ENV) && cargo machete
	cargo fmt --all --check
	@# rustfmt does not find the files of this test program by itself.
	rustfmt --edition 2024 --check tests/tests/suite/*.rs
	cargo clippy $(ALL) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(ALL) --no-deps --quiet
	@# Loops of the kernels that are only for WASM.
	$(WEB) && cargo clippy $(WASM) -p unstamp-web-learn --all-features -- -D warnings

# Crates of this workspace are compiled so that the fuzzer sees which code an input reaches. Everything else is as in
# `native`, and is not compiled again.
EACH := 10
# Seed of libFuzzer's random changes.
SEED := 1
FUZZ := $(OUT)/release/unstamp-fuzz
READERS = $(shell ls tests/fuzz/corpus)
fuzz:
	RUSTC_WORKSPACE_WRAPPER=$(abspath tests/fuzz/rustc.sh) cargo build $(NATIVE) --bin unstamp-fuzz --features unstamp-fuzz/libfuzzer
	tests/fuzz/run.sh $(FUZZ) $(EACH) $(SEED) $(READERS)

SITE := 1
release:
	cargo build --profile dist -p unstamp-trainer
	@if [ "$(SITE)" != 0 ]; then $(MAKE) site; else rm -rf web/dist; fi
	web/toolchain.sh $(ENV) release
	PATH="$${XDG_CACHE_HOME:-$$HOME/.cache}/unstamp/bin:$$PATH" trainer/release.sh $(OUT)/dist/unstamp $(OUT)/archives

bench: site bench-program-page bench-program-release
	cargo build $(NATIVE) --bin unstamp-bench --features unstamp-bench/avx2
	cp $(OUT)/release/unstamp-bench $(OUT)/release/unstamp-bench-avx2
	@$(MAKE) native
	python3 -m venv $(OUT)/bench-venv
	$(OUT)/bench-venv/bin/pip install --quiet -r tests/fixtures/requirements.txt
	cd tests/bench && npm ci --no-audit --no-fund --silent && node bench.mjs --target $(abspath $(OUT)) \
	  --site ../../web/dist --wasm $(BENCH) --python $(abspath $(OUT))/bench-venv/bin/python --out $(abspath $(OUT))/bench.json

fixtures:
	python3 -m venv $(OUT)/fixtures-venv
	$(OUT)/fixtures-venv/bin/pip install --quiet -r tests/fixtures/requirements.txt
	for script in make networks backdoorbench checkpoints attacks defences training; do $(OUT)/fixtures-venv/bin/python tests/fixtures/$$script.py; done

clean:
	rm -rf $(OUT) web/dist runs
