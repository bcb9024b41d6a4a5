# `make demo` and `make test` need nothing but Python 3.11-3.13, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SBX := .venv-sbx
# One thread per process: small networks lose time to any more.
export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-long test-sbx test-browser check format docs learners setup speed clean

demo: setup
	$(BIN)/carousel demo

test: setup
	$(BIN)/python -m pytest -m "not slow and not browser"

test-long: setup
	$(BIN)/python -m pytest -m "slow and not browser"

# The algorithms that need the extra `sbx`, in an environment of their own: JAX is large, and
# constraints.txt names no version of it.
test-sbx: $(SBX)/.installed
	$(SBX)/bin/python -m pytest -n 0 tests/agents/test_extras.py tests/agents/test_sbx.py

# The report page in a real browser. pip brings what drives it, Debian the browser itself.
test-browser: $(VENV)/.browser
	@command -v chromium >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
		then apt-get update -q && apt-get install -q -y --no-install-recommends chromium; \
		else echo "these tests need chromium; install it first (on Debian: apt-get install chromium)" >&2; exit 1; fi; }
	$(BIN)/python -m pytest -n 0 -m browser tests/report/test_browser.py

$(VENV)/.browser: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[browser]"
	touch $@

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup
	$(BIN)/python docs/render.py

# Trains what is missing in benchmarks/learners and writes docs/results/learners.md.
learners: setup
	$(BIN)/carousel grid benchmarks/learners.toml --out benchmarks/learners
	$(BIN)/carousel table benchmarks/learners --json > docs/results/.learners.json
	mv docs/results/.learners.json docs/results/learners.json
	$(BIN)/python docs/render.py

speed: setup
	$(BIN)/carousel speed

setup: $(VENV)/.installed

# Installs again only when the list of dependencies has changed. torch goes first and alone: asked
# for exactly, pip takes a CPU build that lies at hand instead of the newest one.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[agents,dev]"
	touch $@

$(SBX)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(SBX)
	$(SBX)/bin/python -m pip install --quiet --constraint constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(SBX)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[agents,sbx,dev]"
	touch $@

clean:
	rm -rf $(VENV) $(SBX) runs .mypy_cache .ruff_cache .pytest_cache .hypothesis
