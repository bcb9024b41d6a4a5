# `make demo` and `make test` need nothing but Python 3.11-3.13, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SBX := .venv-sbx
PEERS := .venv-peers
PYTHONS := .venv-pythons
CLIENTS := .venv-clients
# One thread per process: small networks lose time to any more.
export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-long soak test-sbx test-rliable test-browser test-python clients check format docs tuned learners generalisation setup speed bench bench-peers guard clean probes probes-ranges probes-dealt planted

# what one process has compiled to bytecode, others import
demo test test-long: export PYTHONDONTWRITEBYTECODE =

demo: $(VENV)/.runs
	$(BIN)/carousel demo

test: setup
	$(BIN)/python -m pytest -m "not slow and not soak and not browser and not rliable"

test-long: setup
	$(BIN)/python -m pytest -m "(slow or properties) and not soak and not browser and not rliable" \
		--hypothesis-profile=long

# Kills, interrupts, full disks, damaged files and random populations, in numbers: many hours.
# CAROUSEL_POPULATIONS (10000 through wrappers, and through solvers), CAROUSEL_MUTATIONS (5000 for each
# kind of file) and CAROUSEL_ENDINGS (150 for each command) say how many.
soak: setup
	$(BIN)/python -m pytest -m soak tests/soak

# The algorithms that need the extra `sbx`, in an environment of their own: JAX is large, and
# constraints.txt names no version of it.
test-sbx: $(SBX)/.installed
	$(SBX)/bin/python -m pytest -n 0 tests/agents/learning/test_extras.py tests/agents/learning/test_sbx.py

# Statistics beside those of rliable.
test-rliable: $(VENV)/.rliable
	$(BIN)/python -m pytest -n 0 -m rliable tests/agents/generalisation/test_rliable.py

$(VENV)/.rliable: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[rliable]"
	touch $@

# The core and the command line on every Python, with the lowest versions that pyproject.toml allows
# and with the newest; run it before a release. One alone: make test-python-3.12-highest. uv looks
# for the interpreters, and fetches those that are missing.
test-python: $(foreach python,3.11 3.12 3.13,$(foreach versions,lowest-direct highest,test-python-$(python)-$(versions)))

UV = PATH="$$PATH:$$(echo $$HOME/.pyenv/versions/*/bin | tr ' ' :)" $(PYTHONS)/uv/bin/uv
# what the command line needs of the extra `agents`, without what brings torch
LIGHT = $(shell grep -oE '"(typer|rich|polars|safetensors|plotly|jinja2)>[^"]*' pyproject.toml | tr -d '"')

test-python-%: $(PYTHONS)/uv/.installed
	$(UV) venv --quiet --clear --python $(firstword $(subst -, ,$*)) $(PYTHONS)/$*
	$(UV) pip install --quiet --python $(PYTHONS)/$* --resolution $(patsubst $(firstword $(subst -, ,$*))-%,%,$*) \
		".[dev]" $(foreach package,$(LIGHT),"$(package)")
	$(PYTHONS)/$*/bin/python -m pytest -n 0 -q -m "not slow" tests/envs tests/agents/commands/test_usage.py tests/agents/system/test_console.py

$(PYTHONS)/uv/.installed:
	$(PYTHON) -m venv $(PYTHONS)/uv
	$(PYTHONS)/uv/bin/python -m pip install --quiet uv
	touch $@

# The report page in a real browser. pip brings what drives it, Debian the browser itself.
test-browser: $(VENV)/.browser
	@command -v chromium >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
		then apt-get update -q && apt-get install -q -y --no-install-recommends chromium; \
		else echo "these tests need chromium; install it first (on Debian: apt-get install chromium)" >&2; exit 1; fi; }
	$(BIN)/python -m pytest -n 0 -m browser tests/agents/report/test_browser.py

$(VENV)/.browser: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[browser]"
	touch $@

# The examples that say what they need at their head, each in an environment of its own, which pip
# fills from there; docs/clients.md tells what they found. `make client-skrl_ppo` runs one.
EXAMPLES := $(basename $(notdir $(shell grep -l '^# /// script' examples/clients/*.py)))
clients: $(EXAMPLES:%=client-%)

client-%: $(CLIENTS)/%/.installed
	$(CLIENTS)/$*/bin/python examples/clients/$*.py

.PRECIOUS: $(CLIENTS)/%/.installed
$(CLIENTS)/%/.installed: examples/clients/%.py pyproject.toml
	$(PYTHON) -m venv $(@D)
	for part in torch packages no-deps; do \
		$(PYTHON) examples/requirements.py $< $$part > $(@D)/$$part.txt || exit 1; \
	done
	$(@D)/bin/python -m pip install --quiet --requirement $(@D)/torch.txt
	$(@D)/bin/python -m pip install --quiet --editable . --requirement $(@D)/torch.txt --requirement $(@D)/packages.txt
	if grep -q . $(@D)/no-deps.txt; then \
		$(@D)/bin/python -m pip install --quiet --no-deps --no-build-isolation --requirement $(@D)/no-deps.txt; fi
	touch $@

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy benchmarks
	$(BIN)/lint-imports --no-logo --no-cache

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup
	$(BIN)/python docs/render.py

# Trains what is missing in benchmarks/learners.tar, packs it again, and writes docs/results/learners.md.
learners: setup
	$(BIN)/carousel grid benchmarks/learners.toml --out benchmarks/learners --pack
	$(BIN)/carousel table benchmarks/learners --json > docs/results/.learners.json
	mv docs/results/.learners.json docs/results/learners.json
	$(BIN)/python docs/render.py

# Settings of the algorithms of the study: equal effort for each, on the training users of each
# environment, with seeds that nothing else uses. Hours; `make -j2 tuned` searches for two at a time.
# What is there is not searched for again.
STUDIED := Boredom Taste Satiation Welfare Unmask Recall
tuned: $(foreach env,$(STUDIED),$(foreach algo,ppo dqn recurrent-ppo,benchmarks/tuned/$(env)/$(algo).toml))

benchmarks/tuned/%.toml: | $(VENV)/.installed
	mkdir -p $(@D) runs/tuned
	$(BIN)/carousel tune $(*D) --algo $(*F) --trials 12 --steps 500000 --seeds 2 --out $@ \
		--storage runs/tuned/$(*D)-$(*F).sqlite

# Trains what is missing in benchmarks/generalisation.tar and packs it again, trains the controls, which
# no archive keeps, takes all policies through the shifts, and writes
# docs/results/generalisation.md, its tables and its figures. Rows of another study are replaced; what
# an interrupted run has played is not played again.
STUDY := docs/results/generalisation
RANGES := --set 'boredom_hazard=[0.02, 0.06, 0.10, 0.14]' --set 'engagement_bored=[0.1, 0.35]' \
	--set 'pair=["boredom_hazard", "engagement_bored"]' --set pair_share=0
generalisation: $(VENV)/.docs tuned
	$(BIN)/carousel grid benchmarks/generalisation.toml --out benchmarks/generalisation --pack
	$(BIN)/carousel grid benchmarks/controls.toml --out benchmarks/controls
	for env in $(STUDIED); do \
		$(BIN)/carousel generalise benchmarks/generalisation/$$env $$env \
			$$(printf -- '--control %s ' benchmarks/controls/$$env@*) \
			--users 5000 --seed 1 --out $(STUDY)/$$env --force || exit 1; \
	done
	$(BIN)/carousel generalise benchmarks/generalisation/Boredom@ranges Boredom $(RANGES) --users 20000 --seed 1 \
		--axis inside-hole --axis unseen-corner --axis beyond-ranges --out $(STUDY)/ranges --force
	$(BIN)/carousel users-seen benchmarks/generalisation/Boredom@*-users Boredom --users 20000 --seed 1 \
		--set 'boredom_hazard=[0.02, 0.16]' --set 'engagement_bored=[0.1, 0.35]' --out $(STUDY)/users --force
	$(BIN)/carousel report $(STUDIED:%=$(STUDY)/%) $(STUDY)/ranges $(STUDY)/users --out $(STUDY)/report.html
	$(BIN)/python docs/figures.py
	$(BIN)/python docs/render.py

# Asks the policies of the study, and routers beside them, all that probes ask, and writes the tables in
# docs/results/probes, and the figures of docs/results/probes.md where there is that page. What was asked
# is not asked again; `make -j2 probes` asks two environments at a time.
ASKED := Boredom Taste Unmask Recall
POLICIES = $(foreach algo,ppo dqn recurrent-ppo,benchmarks/generalisation/$(1)/$(algo)-tuned)
PROBED_Boredom = $(call POLICIES,Boredom)
PROBED_Taste = $(call POLICIES,Taste) benchmarks/learners/Taste/ppo-history8
PROBED_Unmask = $(call POLICIES,Unmask) benchmarks/dealt/Unmask/ppo-dealt masked-planner
PROBED_Recall = $(call POLICIES,Recall) frozen-optimal frozen-operating-system
BESIDE_USERS := frozen-optimal frozen-loop frozen-tally frozen-operating-system
PROBES := docs/results/probes
probes: $(ASKED:%=probes-%) probes-ranges
	$(BIN)/python docs/render.py

probes-ranges: setup
	mkdir -p $(PROBES)
	$(BIN)/carousel probe $(foreach view,ppo-tuned ppo-tuned-context,benchmarks/generalisation/Boredom@ranges/$(view)) \
		Boredom $(RANGES) --only drive,psychometric,adaptivity,guarantee --sessions 1000 --out runs/probes/ranges
	cp runs/probes/ranges/summary.json $(PROBES)/ranges.json

probes-Unmask: probes-dealt
probes-dealt: setup
	$(BIN)/carousel grid benchmarks/dealt.toml --out benchmarks/dealt

probes-%: setup
	mkdir -p $(PROBES)
	$(BIN)/carousel probe $(PROBED_$*) $(if $(filter Recall,$*),--only forecast,$(BESIDE_USERS)) $* --sessions 1000 --out runs/probes/$*
	cp runs/probes/$*/summary.json $(PROBES)/$*.json

# The known answers of the probes at full budget: routers of known making, and the long tests of probes.
planted: setup
	$(BIN)/python -m pytest -m slow tests/agents/probes
	$(BIN)/python benchmarks/planted.py

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@

speed: setup
	$(BIN)/carousel speed

# Every claim of speed in one table; what an interrupted run has measured is not measured again.
bench: setup
	$(BIN)/python benchmarks/bench.py --page docs/results/speed.md

# gymnax, in an environment of its own: JAX is large, and it asks for another gymnasium than constraints.txt.
bench-peers: setup $(PEERS)/.installed
	$(BIN)/python benchmarks/bench.py --only peers_gymnax

# Whether stepping has become slower than benchmarks/guard.json says; half a minute.
guard: setup
	$(BIN)/python benchmarks/guard.py

setup: $(VENV)/.installed

# Installs again only when the list of dependencies has changed. torch goes first and alone: asked
# for exactly, pip takes a CPU build that lies at hand instead of the newest one. Modules are
# compiled when they are imported: most never are, and to compile all takes half of the time.
$(VENV)/.runs: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable ".[agents]"
	touch $@

# The demo needs none of what tests need, and whoever tries it waits for nothing else.
$(VENV)/.installed: $(VENV)/.runs
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable ".[agents,dev]"
	touch $@

$(SBX)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(SBX)
	$(SBX)/bin/python -m pip install --quiet --constraint constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(SBX)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[agents,sbx,dev]"
	touch $@

$(PEERS)/.installed: pyproject.toml
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --editable ".[peers]"
	touch $@

clean:
	rm -rf $(VENV) $(SBX) $(PEERS) $(PYTHONS) $(CLIENTS) runs .mypy_cache .ruff_cache .pytest_cache .hypothesis
