# Every target is one line over .ci/run, uv or npm. `make` alone lists them.
# `make up ARGS="--port 9000"` hands arguments on; .ci/run does the work also where make is missing.
.DEFAULT_GOAL := help
.PHONY: help setup up demo test slow check fix web web-types e2e bench conformance wheel docs pictures lock clean
PYTHON := .venv/bin/python

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install everything the tests need (Debian: PostgreSQL, Chromium and Slurm too)
	@.ci/run setup

up: ## start the server (installs and builds what is missing) on http://localhost:8080
	@.ci/run up $(ARGS)

demo: ## log thirty small scikit-learn trainings and a pipeline, to have something to look at
	@$(PYTHON) examples/demo.py $(ARGS)

test: ## everything a change must pass: check, Python, web, built wheel, browser (under 25 minutes)
	@.ci/run test

slow: ## tests that take long: kill -9 again and again, full disks, the official client's `verify`
	@.ci/run slow

check: ## lint, types and import rules of Python and web
	@.ci/run check

fix: ## format and repair what tools can repair
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format . ; npm --prefix web run format

web: ## build the web UI into the Python package
	@.ci/run web

web-types: ## write web/src/api/schema.d.ts from the server's OpenAPI document
	@npm --prefix web run web-types

e2e: ## browser tests against the built wheel
	@.ci/run e2e $(ARGS)

bench: ## measure, and compare with the budgets (ARGS=ingest for one of them)
	@$(PYTHON) -m bench $(ARGS)

conformance: ## the official client's own tests: make conformance WANDB_REPO=path/of/a/clone
	@$(PYTHON) -m conformance $(if $(WANDB_REPO),--wandb-repo "$(WANDB_REPO)") $(ARGS)

wheel: ## build dist/steelyard-*.whl with the web UI inside
	@.ci/run wheel

docs: ## write the reference pages from the code
	@$(PYTHON) docs/generate.py

pictures: ## take the pictures of the README from the running product
	@$(PYTHON) -m docs.pictures

lock: ## resolve requirements.lock anew from pyproject.toml
	@python3 .ci/lock.py write $(ARGS)

clean: ## remove what was built; keeps data directories
	@rm -rf dist build .venv .tools web/node_modules web/dist .mypy_cache .ruff_cache .pytest_cache
