# The commands a person types. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

KAFKA_PORT ?= 19092
ES_PORT ?= 19200
ES_DIST ?= es7
export KAFKA_PORT ES_PORT ES_DIST

# How long `make chaos` attacks, how often it kills at least, and the seed of an earlier run.
MINUTES ?= 10
KILLS ?=
SEED ?=

# The servers of the lab that tests ask for.
SERVERS := kafka es7 es8 es9 opensearch2 opensearch3

# Tools that are compiled once and kept.
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tidegauge/tools

# RocksDB is compiled in chunks: a third of the time (docs/adr/0039-rocksdb-is-compiled-in-chunks.md).
export PATH := $(CURDIR)/.cargo/unity:$(PATH)

# How long each target of fuzz/ looks for inputs that break something.
SECONDS ?= 60
FUZZ_TARGETS := $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))

# Where cargo builds.
TARGET_DIR = $$(cargo metadata --format-version 1 --no-deps --locked | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')

# Part of a recipe: what is compiled next links the RocksDB of `make build`.
LINK_BUILT_ROCKSDB = rocksdb=$$(ls -t "$(TARGET_DIR)"/release/build/librocksdb-sys-*/out/librocksdb.a | head -n 1); \
	export ROCKSDB_LIB_DIR="$${rocksdb%/*}" ROCKSDB_STATIC=1; unset CARGO_TARGET_DIR;

# One profile for everything: the C++ dependencies (RocksDB, librdkafka) are compiled once.
CARGO_FLAGS := --release --locked
# What tests run may be simulated; what is shipped and measured is built without it.
TEST_FLAGS := $(CARGO_FLAGS) --features tidegauge/simulation

.PHONY: help demo test test-fast sim memcheck chaos fuzz build stack stack-down bench check fmt clippy doc deny sbom tidy instructions setup setup-build clean-lab mutants

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## the whole thing on an embedded broker (DEMO_ARGS="--for 20s" passes flags on)
	@target/release/tidegauge demo $(DEMO_ARGS)

test: setup-build ## every test, with real servers; ends with one line of counts
	@lab/setup lab && lab/lab prepare $(SERVERS) nginx flink1 flink2 || [ "$${CI:-}" != true ]
	@lab/setup faces && lab/lab prepare python web promtool || [ "$${CI:-}" != true ]
	@lab/count lab/test-runs cargo test $(TEST_FLAGS) --workspace --no-fail-fast

test-fast: setup-build ## the tests that need no real server; the others are counted as skipped
	@CI= PLANTED=0 SEEDS=200 TIDEGAUGE_TEST_SERVERS=off RUST_TEST_THREADS=6 lab/count cargo test $(TEST_FLAGS) --workspace --no-fail-fast

# SEED=… shows one seed; PLANTED=0 leaves out the planted mistakes; MISTAKE=… plants one.
sim: setup-build ## simulates SEEDS=2000 lives of the service under faults, then finds planted mistakes
	@SEEDS=$(or $(SEEDS),2000) PLANTED=$(or $(PLANTED),all) cargo test $(TEST_FLAGS) --test simulation

# Records that librdkafka owns are read by unsafe code. Tests that take many minutes under valgrind are left out.
memcheck: setup-build ## the reading of Kafka under valgrind: about two minutes
	@lab/setup memcheck
	@lab/setup lab && lab/lab prepare kafka
	@RUST_TEST_THREADS=1 cargo test $(TEST_FLAGS) --test integration \
		--config 'target."cfg(all())".runner = "valgrind -q --error-exitcode=99 --num-callers=30"' \
		-- source:: --skip ten_partitions --skip thousand --skip brokers:: --skip throttled::

# The binary of the tests can be told to end at points of its own: the last lines build the usual one again.
chaos: setup-build ## random faults and kills, with every figure checked, and how soon it recovers (MINUTES=10 KILLS= SEED=)
	@lab/setup lab
	@lab/lab prepare kafka es9
	@TIDEGAUGE_CHAOS_MINUTES=$(MINUTES) TIDEGAUGE_CHAOS_KILLS=$(KILLS) TIDEGAUGE_CHAOS_SEED=$(SEED) \
		cargo test $(TEST_FLAGS) --test integration -- chaos:: --include-ignored --nocapture --test-threads=1
	@$(MAKE) build
	@benches/recovery

# Without a sanitizer, so that the stable compiler will do and the C++ dependencies stay as they are. Seeds are
# committed; what is found on the way stays in fuzz/found, and an input that breaks something in fuzz/artifacts.
# RocksDB is linked as `make build` has compiled it.
fuzz: build ## any bytes at all for every target of fuzz/, SECONDS=60 each
	@command -v cargo-fuzz >/dev/null || [ -x $(TOOLS)/bin/cargo-fuzz ] || \
		env -u CARGO_TARGET_DIR cargo install --quiet --locked --debug --root $(TOOLS) cargo-fuzz@0.13.2
	@export PATH="$$PATH:$(TOOLS)/bin"; $(LINK_BUILT_ROCKSDB) failed=; \
	for target in $(FUZZ_TARGETS); do \
		echo "== $$target"; mkdir -p fuzz/found/$$target; \
		dictionary=fuzz/dictionaries/$$target.dict; \
		cargo fuzz run --sanitizer none $$target fuzz/found/$$target fuzz/corpus/$$target -- \
			-max_total_time=$(SECONDS) -timeout=60 -print_final_stats=1 \
			$$([ ! -f $$dictionary ] || echo -dict=$$dictionary) || failed="$$failed $$target"; \
	done; \
	[ -z "$$failed" ] || { echo "broken:$$failed"; exit 1; }

# .cargo/mutants*.toml say what is changed in windows/, in domain/, decode/ and core/ (IN=core), and in store/ (IN=store), and
# which changes no test can see. FILE=windows/src/walk.rs or FILE=src/core/pipeline.rs changes that file alone, SHARD=0/4 a
# quarter of all. What is changed is copied and compiled without the C++ dependencies; store/ is linked with the RocksDB
# that `make build` has compiled.
mutants: $(if $(filter store,$(IN)),build) ## changes windows/ in about a thousand places, one at a time: each time a test must fail (IN=core|store FILE= SHARD=)
	@command -v cargo-mutants >/dev/null || [ -x $(TOOLS)/bin/cargo-mutants ] || \
		env -u CARGO_TARGET_DIR cargo install --quiet --locked --debug --root $(TOOLS) cargo-mutants@27.1.0
	@mkdir -p target
	@export PATH="$$PATH:$(TOOLS)/bin" PROPTEST_MAX_SHRINK_ITERS=0 PROPTEST_RNG_SEED=7; \
	case "$(IN)" in \
		"") tree="--package tidegauge-windows" ;; \
		core|store) lab/pure $(IN) target/pure; \
			tree="--dir target/pure --gitignore=false --config .cargo/mutants-$(IN).toml" ;; \
		*) echo "IN must be core or store, or not be set: IN=$(IN)"; exit 2 ;; \
	esac; \
	$(if $(filter store,$(IN)),$(LINK_BUILT_ROCKSDB)) \
	cargo mutants $$tree --output target $(if $(FILE),--file $(FILE)) $(if $(SHARD),--shard $(SHARD))

build: setup-build ## release binary at target/release/tidegauge
	@cargo build $(CARGO_FLAGS)
	@built="$(TARGET_DIR)"; \
	if [ "$$built" != "$(CURDIR)/target" ] && ! cmp -s "$$built/release/tidegauge" target/release/tidegauge; then \
		mkdir -p target/release; rm -f target/release/tidegauge; \
		cp "$$built/release/tidegauge" target/release/tidegauge; \
	fi

stack: ## real Kafka and Elasticsearch in the background (KAFKA_PORT, ES_PORT, ES_DIST=es7|es8|es9|opensearch2|opensearch3)
	@lab/setup lab
	@lab/lab up

stack-down: ## stops just these; their data stays in lab/.run
	@lab/lab down

bench: build ## all measurements, one after the other: some take many minutes
	@lab/setup lab
	@lab/lab prepare kafka $(ES_DIST)
	@failed=; \
	cargo bench --locked --no-fail-fast || failed="$$failed cargo"; \
	for bench in run throughput year delivery latency readers crowd recovery repeats; do \
		echo "== benches/$$bench"; benches/$$bench || failed="$$failed $$bench"; \
	done; \
	[ -z "$$failed" ] || { echo "a limit was passed:$$failed"; exit 1; }

check: fmt clippy doc deny tidy instructions ## format, lints, docs, licences and sources of dependencies, floors, instructions

instructions: ## how many instructions the hot path takes, compared with those kept (ARGS=--write keeps those of now)
	@lab/setup memcheck || true
	@benches/instructions $(ARGS)

fmt:
	@cargo fmt --all --check

clippy: setup-build
	@cargo clippy $(TEST_FLAGS) --workspace --all-targets -- -D warnings

doc: setup-build
	@RUSTDOCFLAGS="-D warnings" cargo doc $(TEST_FLAGS) --no-deps --workspace

# Known faults of dependencies are looked up by CI alone, in the job advisories: their list is on the network.
deny:
	@command -v cargo-deny >/dev/null || [ -x $(TOOLS)/bin/cargo-deny ] || \
		env -u CARGO_TARGET_DIR cargo install --quiet --locked --debug --root $(TOOLS) cargo-deny@0.20.2
	@PATH="$$PATH:$(TOOLS)/bin" cargo deny --log-level error check licenses bans sources

sbom: ## target/sbom.cdx.json (CycloneDX): every crate and C library in the binary, with its version and licence
	@command -v cargo-cyclonedx >/dev/null || [ -x $(TOOLS)/bin/cargo-cyclonedx ] || \
		env -u CARGO_TARGET_DIR cargo install --quiet --locked --debug --root $(TOOLS) cargo-cyclonedx@0.5.9
	@mkdir -p target && PATH="$$PATH:$(TOOLS)/bin" ops/sbom > target/sbom.cdx.json.part
	@mv target/sbom.cdx.json.part target/sbom.cdx.json && echo target/sbom.cdx.json

tidy: setup-build
	@cargo test $(TEST_FLAGS) --test integration tidy

setup: setup-build ## installs and fetches everything that the other targets need
	@lab/setup lab
	@lab/setup faces
	@lab/lab prepare $(SERVERS) nginx flink1 flink2 python web promtool
	@cargo fetch --locked

setup-build:
	@lab/setup build

clean-lab: ## stops the stack, drops its data and the prepared servers
	@lab/lab clean
