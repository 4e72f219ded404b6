# `make` lists what there is.

.DEFAULT_GOAL := help
.PHONY: help run test gate soak bench fmt

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="	" read -r name what; do printf "  make %-6s %s\n" "$$name" "$$what"; done

run: ## starts the service on SQLite with a simulated gateway beside it, and prints what to try
	@cargo run -q -p api -- local

test: ## format, lints, dependencies, and all tests on SQLite and on a real PostgreSQL
	@tools/test

gate: ## the longer figures: seeds, states, kills, stops, races, fuzzing (how many: the variables in tools/gate)
	@tools/gate

soak: ## the same for half an hour and more
	@tools/soak

bench: ## how fast it is, beside yardsticks measured in the same run
	@tools/bench

fmt: ## formats the code
	@cargo fmt --all
	@cargo fmt --manifest-path fuzz/Cargo.toml
