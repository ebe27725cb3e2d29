# Candour, from a fresh clone: `make demo` shows it, `make test` tests it, `make` lists the rest.
# Needs git, make and Python 3.11 or newer with venv; everything else comes pinned and hashed into .venv.

PYTHON  ?= python3
BIN     := .venv/bin
OUT     ?= dist
# One worker a core, four at most: beyond that the tests' servers and databases crowd each other.
# A file stays on one worker, so that what it starts once is started once.
PYTEST  := $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup spark native demo run test test-all lint typecheck proto proto-check chaos soak ha-test restore-drill migrate audit doctor manifests-check sbom release lock bench clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

setup: .venv/.stamp ## Make .venv with everything pinned; again only when a pin changes; PYTHON=python3.12

spark: setup ## Add the extra [spark] to .venv: the audit of a ledger beyond one machine
	$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements/spark.txt

# In Rust, by maturin from a lock of its own; without it everything works, reports more slowly.
native: setup ## Build the native path of reports into .venv: three times the uses a second; needs cargo
	@command -v cargo >/dev/null || { echo "No cargo here. The native path needs Rust 1.83 or newer: https://rustup.rs" >&2; exit 1; }
	$(BIN)/uv venv -q --clear --python $(BIN)/python .venv/native
	$(BIN)/uv pip sync -q --python .venv/native/bin/python --require-hashes requirements/native.txt
	.venv/native/bin/maturin build -q --release --locked -m services/runtime/native/Cargo.toml --target-dir build/native/target -o build/native
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --reinstall build/native/candour_native-*.whl

demo: setup ## Run a ledger, fill it with a story, ask it, check the answers offline
	$(BIN)/candour demo

run: setup ## Serve a ledger on this machine until Ctrl-C
	$(BIN)/candour serve

test: setup ## Run the whole suite; T="tests/tidy -k imports" for a part
	$(PYTEST) $(T)

test-all: setup ## The suite with ten times the examples, and the tests that take minutes
	$(PYTEST) --hypothesis-profile=thorough $(T)

chaos: setup ## Break everything on purpose, hundreds of times, for half an hour; a table says what came of it: dist/faults.md
	mkdir -p $(OUT)
	CANDOUR_CHAOS=1 CANDOUR_FAULTS_REPORT=$(OUT)/faults.md $(PYTEST) --timeout 3600 tests/faults $(T)

soak: setup ## Half load on each store for M=30 minutes: does memory stay flat? Page and curves: dist/soak
	$(BIN)/python -m tests.faults.servers.soak --minutes $(or $(M),30) --out $(OUT)/soak

lint: setup ## Is it formatted, and free of known mistakes?
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: setup ## mypy --strict over all Python
	$(BIN)/mypy
	$(BIN)/mypy proto/generate.py
	$(BIN)/mypy --strict deploy/release.py

proto: setup ## Make services/pb anew from proto/
	$(BIN)/python proto/generate.py

proto-check: setup ## Are the contracts clean, unbroken since the last tag, and services/pb theirs? AGAINST=revision
	proto/check.sh

ha-test: setup ## Three database nodes fail over under load, by Patroni; a table says what was lost (nothing); D="--events crash"
	$(BIN)/python -m tests.ha.run $(D)

restore-drill: setup ## Back ledgers up, lose them, restore them, on both stores and from a WAL archive; a table says how it went
	$(BIN)/python -m tests.e2e.run_restore_drill

audit: setup ## Does a ledger follow from its entries? A="--data DIR --ledger NAME", from outside A="--url URL --trust FILE"
	$(BIN)/candour audit $(A)

migrate: setup ## Bring ledgers' databases to this release's schema, beside their servers; D="--data DIR --dry-run" or CANDOUR_… say which
	$(BIN)/candour db migrate $(D)

doctor: setup ## Is this deployment well? In words; D="--data DIR --backups DIR" or CANDOUR_… say which
	$(BIN)/candour doctor $(D)

manifests-check: setup ## Lint deploy/ and try it, without a container engine; says which tools it lacks
	CANDOUR_REQUIRE_DEPLOY_TOOLS=1 $(PYTEST) tests/deploy $(T)

# By CycloneDX's own tool, from a lock of its own: thirty packages that nothing else here needs.
sbom: setup ## List what a server consists of, with hashes (CycloneDX): dist/candour.cdx.json
	$(BIN)/uv venv -q --clear --python $(BIN)/python .venv/sbom
	$(BIN)/uv pip sync -q --python .venv/sbom/bin/python --require-hashes requirements/sbom.txt
	mkdir -p $(OUT)
	.venv/sbom/bin/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application --output-reproducible --of JSON --output-file $(OUT)/candour.cdx.json requirements/server.txt

release: setup ## Build wheel and source twice, compare, hash: dist/; uploads nothing; D=--draft for any state
	$(BIN)/python deploy/release.py --out $(OUT) $(D)

lock: setup ## Pin and hash what pyproject.toml asks for; U=--upgrade for newer versions
	$(BIN)/uv pip compile -q $(U) --universal --python-version 3.11 --generate-hashes --extra server --extra dev pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile -q $(U) --universal --python-version 3.11 --generate-hashes --extra spark -c requirements/dev.txt pyproject.toml -o requirements/spark.txt
	$(BIN)/uv pip compile -q $(U) --universal --python-version 3.11 --generate-hashes --extra nats -c requirements/dev.txt pyproject.toml -o requirements/nats.txt
	$(BIN)/uv pip compile -q $(U) --universal --python-version 3.11 --generate-hashes --extra server -c requirements/dev.txt pyproject.toml -o requirements/server.txt
	echo cyclonedx-bom | $(BIN)/uv pip compile -q $(U) --universal --python-version 3.11 --generate-hashes - -o requirements/sbom.txt
	echo 'maturin>=1.9,<2' | $(BIN)/uv pip compile -q $(U) --universal --python-version 3.11 --generate-hashes - -o requirements/native.txt
	echo uv | $(BIN)/uv pip compile -q $(U) --universal --python-version 3.11 --generate-hashes - -o requirements/uv.txt

bench: setup ## What is fast, how it grows, against what: bench/results/latest.md, in an hour; B=--quick: two minutes
	$(BIN)/python -m bench $(B)

clean: ## Remove all that make made, .venv too; never your ledgers
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv comes by pip at a hashed version, and installs the rest in seconds. setuptools is among the pins,
# so that building ourselves needs nothing from outside either.
.venv/.stamp: pyproject.toml $(wildcard requirements/*.txt)
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) here. Candour needs Python 3.11 or newer (Debian: apt-get install python3 python3-venv); name another by: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version 2>&1) is too old. Candour needs Python 3.11 or newer; name one by: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) lacks venv or pip. Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install -q --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes requirements/dev.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
