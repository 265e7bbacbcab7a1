# One word for each thing that is done here.  `make` alone prints the list.

PYTHON ?= python3
PORT ?= 8000
KILLS ?= 30
VENV := .venv/bin
PREPARE := $(PYTHON) scripts/prepare.py

.DEFAULT_GOAL := help
.PHONY: help setup run test e2e drill check fix bench bench-send bench-import bench-pages messages screenshots

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install the locked packages, build the front end (only what changed)
	@$(PREPARE) --groups main test lint

run: ## Set up what is missing, start everything, print the address (PORT=8000)
	@$(PYTHON) scripts/run.py --port $(PORT)

test: ## Run all tests that need no browser, on SQLite and on PostgreSQL
	@$(PREPARE) --groups main test
	@$(VENV)/python scripts/run_tests.py

e2e: ## Go the whole way in Chromium against the real processes
	@$(PREPARE) --groups main test
	@$(VENV)/python scripts/e2e.py

drill: ## Kill workers, mail server and database while mailings run (KILLS=30 on each)
	@$(PREPARE) --groups main test --no-frontend
	@$(VENV)/python scripts/drill.py --kills $(KILLS)

check: ## Format, lint, types, imports, templates, migrations, translations, docs
	@$(PREPARE) --groups main test lint
	@$(VENV)/python scripts/check.py

fix: ## Mend what a tool can mend: format, import order, old idioms
	@$(PREPARE) --groups main test lint --no-frontend
	@$(VENV)/python scripts/check.py --fix

bench: ## Measure: print `name: value` lines of every program in bench/
	@$(PREPARE) --groups main test --no-frontend
	@$(VENV)/python scripts/bench.py

bench-send: ## Measure sending alone, beside others (OPTIONS="--recipients 20000")
	@$(PREPARE) --groups main test --no-frontend
	@$(VENV)/python bench/send.py $(OPTIONS)

bench-import: ## Measure imports alone, beside row-by-row upserts (OPTIONS="--rows 100000")
	@$(PREPARE) --groups main test --no-frontend
	@$(VENV)/python bench/imports.py $(OPTIONS)

bench-pages: ## Measure the pages of a business with a million recipients (OPTIONS=…)
	@$(PREPARE) --groups main test --no-frontend
	@$(VENV)/python bench/pages.py $(OPTIONS)

messages: ## Collect the strings to translate and compile the translations (gettext)
	@$(PREPARE) --groups main --no-frontend
	@$(VENV)/python scripts/messages.py

screenshots: ## Take the pictures of the README anew (Chromium)
	@$(PREPARE) --groups main test
	@$(VENV)/python scripts/screenshots.py
