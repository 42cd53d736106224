# Every target says what it does; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

.PHONY: demo
demo: ## Show cimsnap at work, with containerd, a registry and images of its own (Debian, as root)
	@deploy/demo/demo.sh

.PHONY: lint
lint: ## Check formatting and lints
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

.PHONY: setup
setup: ## Install what the tests compare with (Debian, as root)
	for script in tests/setup/*.sh; do "$$script" || exit; done

TEST_FUZZ_SECONDS := 10
.PHONY: test cargo-test
test: ## Install what is missing and run every test; fuzz each target for TEST_FUZZ_SECONDS
	@$(MAKE) setup lint && $(MAKE) --keep-going cargo-test fuzz FUZZ_SECONDS=$(TEST_FUZZ_SECONDS); status=$$?; \
	    echo "make test took $$((SECONDS / 60)) min $$((SECONDS % 60)) s"; exit $$status

cargo-test:
	cargo test --locked --no-fail-fast

.PHONY: windows
windows: ## Compile for Windows and run that with Wine (part of test; Debian, as root)
	tests/setup/windows.sh
	cargo test --locked --test windows

.PHONY: install
install: ## Build the program and put it, its manual and what bash completes below PREFIX
	cargo build --release --locked
	install -D target/release/cimsnap $(DESTDIR)$(PREFIX)/bin/cimsnap
	target/release/cimsnap man $(DESTDIR)$(PREFIX)/share/man/man1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	target/release/cimsnap completions bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/cimsnap
PREFIX ?= /usr/local

PROFILE := release
.PHONY: dist dist-check
dist: ## Make archives, a package for Debian and bills of materials in target/dist (Debian, as root)
	tests/setup/build.sh && tests/setup/windows.sh && deploy/package/setup.sh
	PROFILE=$(PROFILE) deploy/package/dist.sh

dist-check: ## Make them twice, compare their bytes, install the package into a bare Debian and purge it
	tests/setup/build.sh && tests/setup/windows.sh && deploy/package/setup.sh
	PROFILE=$(PROFILE) deploy/package/check.sh

CHECKS := licenses bans sources
.PHONY: deny
deny: ## Check licences, versions and origins of all dependencies; CHECKS=advisories asks for known faults, over the net
	deploy/package/deny.sh $(CHECKS)

FUZZ_SECONDS := 60
.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZ_SECONDS
	tests/setup/build.sh && tests/setup/fuzz.sh
	tests/fuzz/run.sh $(FUZZ_SECONDS)

BENCH_DISK := target/bench-disk
.PHONY: bench
bench: ## Measure on a fresh file system (as root); redraw docs/benchmarks.md and its plots
	tests/bench/disk.sh mount $(BENCH_DISK).img $(BENCH_DISK) 20G
	status=0; CIMSNAP_BENCH_DIR=$(abspath $(BENCH_DISK)) cargo bench --locked --bench image --bench mount --bench layer --bench convert --bench windows --bench daemon --bench pull --bench containers || status=$$?; \
	    tests/bench/disk.sh umount $(BENCH_DISK).img $(BENCH_DISK); exit $$status
	cargo bench --locked --bench report

.PHONY: demo-picture
demo-picture: ## Redraw docs/demo.svg of what the demo prints
	mkdir -p target/demo
	set -o pipefail; deploy/demo/demo.sh | tee target/demo/printed
	cargo run --quiet --locked --example draw-demo
