# Everything a contributor runs. Each target sets up what it needs; repeated calls cost nothing.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
EDITOR_TOOLS := tests/editors/setup-vscode.sh
# Node comes from .tools, where the set-up script put it; the extension packs the server with this tree's Python.
WITH_NODE := PATH="$(CURDIR)/.tools/bin:$$PATH"
NPM := $(WITH_NODE) PYTHON="$(CURDIR)/$(BIN)/python" npm --silent --prefix extension run
CHECK_TOOLS := tests/tools/node_modules/.ready
MCP_TOOLS := tests/tools/mcp/node_modules/.ready
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 2) # much of the tests is waiting
PYTEST := $(BIN)/pytest

.PHONY: help setup demo test test-editors conformance lint format bench soak constraints clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

setup: $(READY) ## the virtual environment with everything in it
	@:

$(READY): pyproject.toml constraints.txt
	@python=$$(for name in $${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3 python; do \
	  if command -v "$$name" >/dev/null && "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then command -v "$$name"; break; fi; done); \
	if [ -z "$$python" ]; then \
	  echo "noclobber needs Python 3.11 or newer with venv (Debian: apt-get install python3 python3-venv); set PYTHON=… to name one" >&2; exit 1; fi; \
	$(BIN)/python -c '' 2>/dev/null || "$$python" -m venv --clear $(VENV); \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,mcp,examples]'; \
	touch $@

demo: $(READY) ## a race in which nothing is lost, and a lesson from a failed check
	@$(BIN)/noclobber demo

test: $(READY) $(CHECK_TOOLS) ## all tests but the long runs and the editors
	@$(WITH_NODE) $(PYTEST) -n $(WORKERS) -m 'not soak and not editors' tests

# eslint, pyright, tsc and vitest, whose real reports the tests of the checks read.
$(CHECK_TOOLS): tests/tools/package-lock.json
	@$(EDITOR_TOOLS) extension
	@$(WITH_NODE) npm install --silent --no-save --no-fund --no-audit --ignore-scripts --prefix tests/tools
	@touch $@

# pytest's status 5 says that nothing was collected.
test-editors: $(READY) $(MCP_TOOLS) ## the tests that drive a real editor, and what conformance runs
	@$(EDITOR_TOOLS) all
	@tests/editors/setup-terminal-editors.sh
	@$(PYTEST) -m editors tests || { status=$$?; [ $$status -eq 5 ] || exit $$status; }

conformance: $(READY) $(MCP_TOOLS) ## the MCP server against the protocol's own suite (two revisions) and the inspector
	@$(BIN)/python tests/server/mcp/conformance.py
	@$(BIN)/python tests/server/mcp/inspector.py

$(MCP_TOOLS): tests/tools/mcp/package-lock.json
	@$(EDITOR_TOOLS) extension
	@$(WITH_NODE) npm install --silent --no-save --no-fund --no-audit --ignore-scripts --prefix tests/tools/mcp
	@touch $@

extension/noclobber.vsix: pyproject.toml constraints.txt $(shell find core server extension/src extension/scripts extension/media extension/package.json -type f -not -name '*.pyc')
	@$(EDITOR_TOOLS) extension
	@$(NPM) package

lint: $(READY) ## ruff, mypy --strict, and the extension's own checks
	@$(BIN)/ruff check core server tests
	@$(BIN)/ruff format --check core server tests
	@$(BIN)/mypy
	@$(EDITOR_TOOLS) extension
	@$(NPM) check
	@$(NPM) lint

format: $(READY) ## put the sources into their form
	@$(BIN)/ruff check --fix core server tests
	@$(BIN)/ruff format core server tests

bench: $(READY) ## every figure beside its floor, measured in one run; build/bench.json
	@$(BIN)/python -m compileall -q core server # as an installation does
	@$(BIN)/python tests/benchmarks

soak: $(READY) ## the long races and crash runs
	@$(PYTEST) -m soak -s --timeout=3600 tests || { status=$$?; [ $$status -eq 5 ] || exit $$status; }

constraints: $(READY) ## pin what is now installed
	@{ echo '# Every Python package, pinned; make constraints writes this anew from the virtual environment.'; \
	  $(BIN)/python -m pip freeze --exclude-editable; } > constraints.new
	@mv constraints.new constraints.txt && touch $(READY)

clean: ## everything that was made here, the virtual environment included
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis extension/node_modules extension/out extension/bundled extension/noclobber.vsix .tools tests/tools/node_modules tests/tools/mcp/node_modules
	find core server tests -name __pycache__ -type d -prune -exec rm -rf {} +
