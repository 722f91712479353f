# Every target sets up .venv itself. A machine needs only Python 3.11+ and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Twice the cores of a small machine: tests wait half of their time for processes and PostgreSQL.
WORKERS ?= 4
# Of `make soak`: it ends at the first of these two; FIRST is the round to begin with.
MUTATIONS ?= 200000
MINUTES   ?= 120
FIRST     ?= 1000

# Tests start hundreds of processes. Without bytecode each would compile the project again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help up load marts status test test-all soak check bench bench-peers mutants screenshots docs lock clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

# A lock file is complete, so pip resolves nothing. Resolving would fail when a package with extras has a newer release.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "backlog-elt needs Python 3.11, 3.12 or 3.13; set PYTHON=/path/to/python3.13")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

up: $(VENV)/.runtime  ## start everything; the Dagster UI is on http://127.0.0.1:3000
	@exec $(BIN)/backlog-elt up

load: $(VENV)/.runtime  ## load the space once and print a summary
	@exec $(BIN)/backlog-elt load

marts: $(VENV)/.runtime  ## build the tables for BI from what is loaded
	@exec $(BIN)/backlog-elt marts

status: $(VENV)/.runtime  ## connection, last syncs, rate limit
	@exec $(BIN)/backlog-elt status

test: $(VENV)/.dev  ## what every change must pass, in minutes: a real PostgreSQL and a simulated space; no network
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not full"

test-all: $(VENV)/.dev  ## all tests: properties, kills, faults, browsers, Celery, TLS, backup, Nulab's client (SEED= repeats a day)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
	@tests/compat/run

soak: $(VENV)/.dev  ## the random tests for up to two hours: changes, loads, kills, faults (MUTATIONS=, MINUTES=, FIRST=)
	@$(BIN)/python -m tests.integration.exactness.soak --mutations $(MUTATIONS) --minutes $(MINUTES) --first $(FIRST)

check: $(VENV)/.dev  ## formatting, lint, types, import contracts, definitions, generated docs, secrets, vulnerabilities
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -n 0 tests/test_house.py
	@$(BIN)/python -m resources.warehouse.document --check
	@$(BIN)/python docs/reference.py --check
	@$(BIN)/python -m tests.audit
	@home=$$(mktemp -d) && touch $$home/dagster.yaml && DAGSTER_HOME=$$home $(BIN)/dagster definitions validate -w workspace.yaml

# All are measured, also when one is over a bound; the last lets two days go by, takes half an hour on an idle machine and needs libfaketime.
BENCHMARKS := main_job exactness marts bloat operation service first_answer scale nothing_to_do two_days

bench: $(VENV)/.dev  ## measure speed, memory, requests and two days of schedules (three hours; needs faketime)
	@failed=; for one in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$one || failed="$$failed $$one"; done; \
	if [ -n "$$failed" ]; then echo "failed or over a bound:$$failed" >&2; exit 1; fi

# With PEERS="--full" at the sizes of 100,000 issues (hours); the rivals get environments of their own, never this one.
bench-peers: $(VENV)/.dev  ## measure other tools at the same work; writes docs/performance.md (an hour and a half)
	@$(BIN)/python -m benchmarks.peers --write $(PEERS)

mutants: $(VENV)/.dev  ## change the core in 300 small ways, one at a time: which do the tests not notice? (an hour)
	@$(BIN)/python -m tests.mutants

screenshots: $(VENV)/.dev  ## make the pictures of the README from the running UI
	@$(BIN)/python docs/screenshots.py

docs: $(VENV)/.dev  ## write docs/tables.md and docs/reference.md
	@$(BIN)/python -m resources.warehouse.document
	@$(BIN)/python docs/reference.py

lock: $(VENV)/.dev  ## resolve the lock files again (names, versions, hashes)
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-strip-extras --extra setup -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-strip-extras --extra setup --extra celery -c requirements.lock -o requirements-celery.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-strip-extras --extra setup --extra celery --extra dev -c requirements-celery.lock -o requirements-dev.lock pyproject.toml

clean:  ## remove what set-up and tests have made (never the data in .backlog-elt)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
