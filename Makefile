# Targets a person types. What they set up lies in deploy/install.py; nothing here runs the network on its own.

PYTHON ?= python3.11
PY := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help setup setup-tests run test test-long check format bench lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing to run
	@$(PYTHON) deploy/install.py run

run: setup ## set up, then serve the demo shop on http://localhost:8080/
	@exec $(PY) server.py all

setup-tests:
	@$(PYTHON) deploy/install.py test

test: setup-tests ## set up, then every test but the long ones
	$(PY) -m pytest -m "not long" --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
	npm --prefix web/client run --silent test

test-long: setup-tests ## the tests that take many minutes: soak, fuzz, endurance
	$(PY) -m pytest -m long

check: setup-tests ## lint, format, types, import contracts, file lengths, known vulnerabilities
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy .
	.venv/bin/lint-imports
	$(PY) deploy/lengths.py
	$(PY) deploy/audit.py
	npm --prefix web/client run --silent check

format: ## let ruff rewrite what it can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: setup-tests ## measure the live path against its goals
	$(PY) -m bench.live

lock: ## write the pins of what is installed now
	$(PY) deploy/lock.py

clean: ## throw away what setup made, and the local data
	rm -rf .venv models var web/static/app web/client/node_modules
