.DEFAULT_GOAL := help
# Compiled modules are kept, whatever the environment says: each process that a test starts would compile them anew.
export PYTHONDONTWRITEBYTECODE :=
.PHONY: help setup run test torture bench audit format lock

help:  ## Show what can be made
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile

setup:  ## Install what Sluice needs into this folder (instant when nothing changed)
	@tools/setup

run: setup  ## Start Sluice: the sandbox in your browser, or your bots when .env has their tokens
	@.venv/bin/sluice run

test: ## Run every check: format, lint, types, import contracts, tests
	@tools/setup --browser
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

torture: setup  ## Kill, stop, trouble and wear out the real process (ARGS="kill --times 100" for one part)
	@.venv/bin/python -m tests.torture $(or $(ARGS),all)

bench: setup  ## Measure freshness, CPU, growth and the store (ARGS="freshness --quick" for less)
	@.venv/bin/sluice bench $(ARGS)

audit: setup  ## Look through the locked packages: known weaknesses, licences
	@tools/audit

format: setup  ## Format the code and repair what ruff can repair
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

lock: setup  ## Bring requirements.lock up to date with pyproject.toml (ARGS=--upgrade renews all)
	PATH="$$PATH:.uv/bin" UV_SYSTEM_CERTS=true uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --group dev $(ARGS) --output-file requirements.lock pyproject.toml
	PATH="$$PATH:.uv/bin" UV_SYSTEM_CERTS=true uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate $(ARGS) --output-file tools/audit.txt tools/audit.in
