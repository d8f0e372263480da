# `make` prints what there is. Everything works on a bare Debian machine with Rust: what is missing is
# installed (packages by apt when root), from whatever registries the environment configures.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Outside the clone, so that a fresh clone finds its dependencies compiled.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/sluice/target

# The services that the tests talk to; see dev/services/README.md.
SERVICES ?= kafka redis rabbitmq mosquitto nats prometheus pushgateway

# The broker is a workspace of its own: its crates and its SQLite never meet the gateway's.
BROKER := --manifest-path bin/broker/Cargo.toml

say = @printf '\033[1m==>\033[0m %s\n'
# $(call place,PROFILE,PROGRAM): puts a program at target/release, where people and scripts look for it.
place = @built="$(CARGO_TARGET_DIR)/$(1)/$(2)"; [[ "$$built" -ef target/release/$(2) ]] || install -D -m 755 "$$built" target/release/$(2)

.PHONY: help install build broker demo test check fmt bench soak clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  \033[1mmake %-8s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@printf '  %s\n' \
	  'make demo CHECK=1                     the same without a person: exit code 0 or 1' \
	  'make test SERVICES="kafka redis"      the tests with other services' \
	  'make test TESTS="-p sluice-kafka"     some of the tests (arguments of cargo test)'

install: ## Install what building and testing need and is missing
	@dev/services/install

build: install ## Build the program in release: target/release/sluice
	$(say) "building sluice (release)"
	@cargo build --release --locked -p sluice --bin sluice
	$(call place,release,sluice)

# The same build as the tests': bin/broker/Cargo.toml says why.
broker: install ## Build the embedded broker: target/release/sluice-broker
	$(say) "building sluice-broker"
	@cargo build --locked $(BROKER)
	$(call place,debug,sluice-broker)

demo: build broker ## Run the streams demo: events in by HTTP, through Kafka, back to the right user
	@target/release/sluice demo $(if $(CHECK),--check)

test: install ## Run all tests against real services, started and stopped here
	$(say) "sluice: tests with $(SERVICES)"
	@dev/services/with $(SERVICES) -- cargo test --locked $(or $(TESTS),--workspace)
ifndef TESTS
	$(say) "sluice-broker: tests with Kafka's own tools"
	@cargo test --locked $(BROKER)
endif

check: install ## Check formatting, lints and tidiness
	$(say) "formatting"
	@cargo fmt --all --check
	@cargo fmt --all --check $(BROKER)
	$(say) "lints"
	@cargo clippy --locked --workspace --all-targets -- -D warnings
	@cargo clippy --locked $(BROKER) --all-targets -- -D warnings
	$(say) "tidy"
	@cargo run --locked --quiet -p xtask -- tidy

fmt: ## Format the code
	@cargo fmt --all
	@cargo fmt --all $(BROKER)

bench: build ## Measure the built program against its limits (needs ten minutes)
	$(say) "building the benchmarks (release)"
	@cargo build --release --locked -p sluice-bench
	@dev/services/with kafka -- bash -euc 'for bench in bloblang pipeline http users start; do \
	  "$$CARGO_TARGET_DIR/release/sluice-bench" $$bench; done'

soak: build ## Five minutes of random faults: nothing is lost, memory stays flat
	@cargo build --release --locked -p sluice-bench
	@"$$CARGO_TARGET_DIR/release/sluice-bench" soak

clean: ## Remove the built programs and local services' data; the shared target directory stays
	@for service in kafka redis rabbitmq mosquitto nats postgresql prometheus pushgateway; do dev/services/$$service wipe; done
	@rm -rf target var
