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
test: lint ## Run every test
	cargo test --locked
