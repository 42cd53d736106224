# Every target says what it does; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

.PHONY: lint
lint: ## Check formatting and lints
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

.PHONY: setup
setup: ## Install what the tests compare with (Debian, as root)
	for script in tests/setup/*.sh; do "$$script" || exit; done

.PHONY: test
test: setup lint ## Install what is missing and run every test
	cargo test --locked

BENCH_DISK := target/bench-disk
.PHONY: bench
bench: ## Measure on a fresh file system (as root); redraw docs/benchmarks.md and its plots
	tests/bench/disk.sh mount $(BENCH_DISK).img $(BENCH_DISK) 12G
	status=0; CIMSNAP_BENCH_DIR=$(abspath $(BENCH_DISK)) cargo bench --locked --bench image || status=$$?; \
	    tests/bench/disk.sh umount $(BENCH_DISK).img $(BENCH_DISK); exit $$status
	cargo bench --locked --bench report
