# `make help` lists what there is. The work is done in scripts/, so that it can be read and run step by step.
# CARGO_TARGET_DIR is respected everywhere; without it cargo builds into target/.

.DEFAULT_GOAL := help
.PHONY: help demo up install test check fmt lint bench bench-platform bench-models bench-sandbox bench-routing web golden runtime setup

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo FILE=report.pdf ASK='What did sales do?' DATA=folder STAY=1"

demo: ## install what is missing, build, and analyse a sample report end to end
	@scripts/demo.sh $(ARGS)

up: ## build and run the platform with the console
	@scripts/up.sh $(ARGS)

install: ## build the release binary and put it on the PATH; PREFIX=folder
	@scripts/install.sh

test: ## run every test; installs what they need, starts and stops the servers they use
	@scripts/test.sh $(ARGS)

check: ## what a change must pass: format, lints, licences, spelling, tests
	@scripts/check.sh

fmt: ## format Rust and the console
	cargo fmt --all
	scripts/npm.sh run format

lint: ## the linters: Rust, shell, Python, console, spelling, licences, unused dependencies
	@scripts/lint.sh

bench: bench-platform bench-models bench-sandbox ## every benchmark

bench-platform: ## start-up, memory, size, in-process call, first event, ingestion
	@scripts/setup.sh build runtime console
	cargo build --locked --release -p septet -p septet-bench
	@"$${CARGO_TARGET_DIR:-target}/release/septet-bench" platform

bench-models: ## the model gateway beside LiteLLM: speed, memory, start; MINUTES=10 for how long memory is watched
	@scripts/setup.sh build
	cargo build --locked --release -p septet -p septet-bench
	@SEPTET_LITELLM="$$(scripts/litellm.sh)" "$${CARGO_TARGET_DIR:-target}/release/septet-bench" models

bench-sandbox: ## the sandbox beside python3, bwrap, docker run and docker exec
	@scripts/bench-sandbox.sh

bench-routing: ## how well the difficulty scorer routes, beside LiteLLM's router and prompt length
	@bench/routing/run.sh

web: ## build the console into web/dist
	@scripts/setup.sh console

golden: ## rewrite the golden files (OpenAPI, settings, codes, snapshots) without running every test; read the diff
	cargo run --locked -q -p xtask -- golden

runtime: ## provision the sandbox's Python run-time and the PDF library
	@scripts/setup.sh runtime

setup: ## install what building and running need
	@scripts/setup.sh
