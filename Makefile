# Everything a person does with a clone. `make run` and `make test` need Python 3.11+ and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHOTS ?= screenshots

.PHONY: setup run test test-servers check bench bench-rest bench-pages bench-engine bench-live chaos screenshots schema migration lock fuzz-planner mutate-planner bench-graphql

.DEFAULT_GOAL := run

$(VENV)/run.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Sluice needs Python 3.11 or newer; set PYTHON to one (make PYTHON=python3.12 …).")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Sluice into $(VENV) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp requirements-dev.lock
	@echo "Installing the test tools into $(VENV) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/test.stamp ## install everything a developer needs

run: $(VENV)/run.stamp ## set up, then serve the embedded product on 127.0.0.1:8000
	@exec $(BIN)/sluice up

test: setup ## set up, then run the tests on whatever of PostgreSQL, Redis and RabbitMQ is reachable
	@$(BIN)/pytest -n auto $(ARGS)

FUZZ_BATCHES ?= 20
FUZZ_CASES ?= 1000
fuzz-planner: setup ## planned against ordinary answers: FUZZ_BATCHES times FUZZ_CASES on SQLite, a quarter on PostgreSQL
	@for seed in $$(seq 1 $(FUZZ_BATCHES)); do \
		SLUICE_FUZZ_SEED=$$seed SLUICE_FUZZ_CASES=$(FUZZ_CASES) \
		$(BIN)/pytest -q -s -n 0 -p no:randomly tests/graph/test_planner_differential.py $(ARGS) || exit 1; \
	done

mutate-planner: setup ## break the planner on purpose, and see that the comparison notices each time
	@$(BIN)/python -m tests.graph.mutants

test-servers: setup ## the tests against real social servers; SLUICE_TEST_SERVERS names their folder
	@$(BIN)/pytest -m servers $(ARGS)

check: setup ## what CI checks before the tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@$(BIN)/deptry .

bench: bench-graphql bench-rest bench-pages bench-engine bench-live ## every benchmark

bench-engine: setup ## tasks, claims and posts a second, beside procrastinate and bare Dramatiq
	@$(BIN)/python -m bench.engine $(ARGS)

chaos: setup ## ten minutes of killed processes and servers; prints what was checked
	@$(BIN)/python -m tests.chaos $(ARGS)

bench-graphql: setup ## GraphQL, beside Mercurius, Yoga, PostGraphile, Strawberry and Ariadne
	@$(BIN)/python -m bench.graphql $(ARGS)

bench-rest: setup ## REST reads, beside FastAPI + SQLModel + AsyncSession
	@$(BIN)/python bench/rest/run.py

bench-pages: setup ## deep pages of a list of 1,000,000 tasks
	@$(BIN)/python bench/rest/pages.py

bench-live: setup ## 10,000 live subscriptions, and one task with 1,000, beside graphql-yoga
	@$(BIN)/python -m bench.live $(ARGS)

screenshots: setup ## pictures of every page, light and dark, phone and desktop, in SHOTS
	@$(BIN)/python -m tests.screenshots $(SHOTS)

schema: setup ## write the GraphQL schema to schema.graphql, and say what it breaks of the last release
	@$(BIN)/sluice schema > schema.graphql
	@$(BIN)/sluice schema --check > /dev/null

migration: setup ## make a migration from the models: make migration NAME="add a column"
	@$(BIN)/python -m tasks.migrations "$(NAME)"

COMPILE := $(BIN)/uv pip compile --quiet --universal --no-header --no-annotate --no-strip-extras --generate-hashes --upgrade --group pyproject.toml:build pyproject.toml

lock: setup ## pin the newest versions that work together
	@$(COMPILE) -o requirements.lock
	@$(COMPILE) -c requirements.lock --group pyproject.toml:dev -o requirements-dev.lock
