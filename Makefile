# `make demo` and `make test` need no other setup: the first run makes .venv, later runs use it again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RELEASES ?= debian-13 debian-12
VM_IMAGES := $(BIN)/python -m upcloud_sdk.simulator.images --offer-deb buildbot-worker --offer-wheel buildbot-worker
CROSSBAR := .venv-crossbar/bin/crossbar

# The tests start several hundred processes. Without .pyc files, each would compile everything that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help check format test test-worker coverage demo vm-image test-vm test-multimaster test-page cutpoints sigkill programs soak storm connections shipped races changes fuzz-worker replay replay-day docs dist test-lowest test-bench bench clean

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

$(READY): pyproject.toml upcloud_sdk/_version.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "upcloud-sdk needs Python 3.11 or newer; say: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[simulator,buildbot,aiohttp,keyring]' --group dev
	@touch $@

## make demo         run six builds of a real Buildbot master on simulated servers, and draw them (KEEP=1 leaves it running)
## make demo GUESTS=vm  the same with two builds, each in a real Debian in qemu
demo: $(READY)
	@$(if $(filter vm,$(GUESTS)),$(VM_IMAGES) debian-13+buildbot-worker)
	@$(BIN)/python -m examples.buildbot.demo $(if $(KEEP),--keep) $(if $(GUESTS),--guests $(GUESTS))

## make check        run ruff, mypy --strict, pyright strict, ty on the types of the API, and import-linter
check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/ty check --python $(VENV) --error unused-ignore-comment tests/types
	$(BIN)/lint-imports --no-cache

## make format       apply ruff's automatic fixes and its formatter
format: $(READY)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

## make test         run the tests (ARGS="-k name" for some of them)
test: $(READY)
	$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),--numprocesses 4 --dist worksteal --durations 10)

## make test-worker  test what the Buildbot worker does in a real master; `make test` runs only the usual builds of these
##                   (minutes; ARGS="-k name" for some of them)
test-worker: $(READY)
	$(BIN)/python -m pytest -m "master and not full and not usual" tests/buildbot $(if $(ARGS),$(ARGS),--numprocesses 4 --dist worksteal --durations 10)

## make coverage     run the tests with a branch coverage gate (twice as long)
coverage: $(READY)
	$(BIN)/python -m pytest -m "not full" --numprocesses 4 --dist worksteal --durations 10 --cov --cov-report=term

## make test-lowest  test the SDK, the simulator and the command line with the lowest supported versions of their dependencies
LOWEST := .venv-lowest
test-lowest:
	@test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	@$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(LOWEST)/bin/python -m tests.lowest > $(LOWEST)/constraints.txt
	@$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(LOWEST)/constraints.txt \
		--editable '.[cli,simulator,aiohttp,keyring]' --group lowest
	$(LOWEST)/bin/python -m pytest --numprocesses 4 --dist worksteal tests/sdk tests/fleet tests/simulator tests/cli \
		--ignore tests/simulator/test_shipped_worker.py

## make cutpoints    try each kind of fault at each request of a server's life, and leave out each field of an answer:
##                   nothing may be left, nothing may be made twice
cutpoints: $(READY)
	$(BIN)/python -m pytest -m full -o faulthandler_timeout=1800 --numprocesses 2 tests/reliability/test_cut_points.py tests/fleet/programs/test_missing_fields.py

## make cutpoints-images  try each kind of fault at each request of a bake, end it at each second by Ctrl-C and SIGKILL while
##                   lists lag, lose each answer and leave out each field: complete images or nothing is left after one
##                   reap (many minutes; with STEP=20, one of twenty)
cutpoints-images: $(READY)
	$(if $(STEP),,$(BIN)/python -m pytest -m full -o faulthandler_timeout=1800 tests/images/test_whatever_dies.py --numprocesses $(or $(PROCESSES),4))
	CUTPOINTS_STEP=$(or $(STEP),1) $(BIN)/python -m pytest -m full -o faulthandler_timeout=1800 --numprocesses $(or $(PROCESSES),4) tests/images/test_lagging_lists.py tests/images/test_missing_fields_of_a_bake.py

## make sigkill      kill a process, or press Ctrl-C, at each request: nothing may be left after one `reap`
sigkill: $(READY)
	$(BIN)/python -m pytest -m full -o faulthandler_timeout=1800 --numprocesses 2 tests/reliability/test_sigkill.py tests/reliability/test_interrupts.py tests/fleet/programs/test_endings.py tests/ci/record

## make programs     run random programs of calls, faults, cancellations and kills, 200 on each event loop (minutes)
programs: $(READY)
	$(BIN)/python -m pytest -m full -o faulthandler_timeout=1800 --numprocesses 2 tests/reliability/test_programs.py

## make mutants      change the lines that keep the promises, one at a time: each time, a test must fail
##                   (ARGS=reap: only changes with this word)
.PHONY: mutants
mutants: $(READY)
	$(BIN)/python -m tests.mutants $(ARGS)

## make contract     send thousands of requests to the simulator that Hypothesis generates from UpCloud's contract (minutes)
.PHONY: contract
contract: $(READY)
	$(BIN)/python -m pytest -m full -o faulthandler_timeout=1800 --numprocesses 2 tests/contract/test_generated.py

## make soak         hold 2,000 leases, 50 at once, while a fifth of all requests fails
soak: $(READY)
	$(BIN)/python -m tests.reliability.soak

## make storm        run 100 builds of a real master while 15 % of all requests fail; start 100 workers at once
storm: $(READY)
	$(BIN)/python -m tests.buildbot.storm
	$(BIN)/python -m pytest -m full -o faulthandler_timeout=1800 tests/buildbot/worker/test_many.py

## make replay       compute the paid hours and waits of a month of builds under each policy of the worker
replay: $(READY)
	$(BIN)/python -m tests.replay

## make replay-day   play hours of a busy day in a real master under each policy, with faults and without (45 minutes, on
##                   two quiet cores; TRACE=builds.csv, HOURS=2, FAULT_HOURS=1, FIRST_HOUR=n)
replay-day: $(READY)
	$(BIN)/python -m tests.replay.report $(TRACE) $(if $(FIRST_HOUR),--first-hour $(FIRST_HOUR)) --hours $(or $(HOURS),2) --fault-hours $(or $(FAULT_HOURS),1)

## make connections  attach guests by each of Buildbot's protocols, with and without TLS
connections: $(READY)
	$(BIN)/python -m pytest -m full -o faulthandler_timeout=1800 --numprocesses 2 tests/buildbot/servers/test_connections.py

## make shipped      show what goes wrong with the worker that ships with Buildbot, and that ours does it right
shipped: $(READY)
	$(BIN)/python -m pytest -m full -o faulthandler_timeout=1800 --numprocesses 2 tests/buildbot/test_shipped.py tests/simulator/test_shipped_worker.py

## make races        let two events of a worker happen at once: a cancel and an attach, a new configuration and a start
races: $(READY)
	$(BIN)/python -m pytest -m full -o faulthandler_timeout=1800 --numprocesses 2 tests/buildbot/worker/test_races.py tests/buildbot/worker/test_signals.py tests/buildbot/master/test_killed_master.py tests/buildbot/worker/test_clocks.py tests/buildbot/worker/test_locks.py tests/buildbot/master/test_image_servers.py tests/buildbot/servers/test_lost_leases.py tests/buildbot/servers/test_frozen_guests.py

## make changes      change each argument of a worker, and its builders, at each stage of a server: a table, a build each
changes: $(READY)
	$(BIN)/python -m pytest -m full -o faulthandler_timeout=1800 --numprocesses 2 tests/buildbot/worker/test_changes.py tests/buildbot/worker/test_beside.py tests/buildbot/worker/test_try.py

## make fuzz-worker  run 50 masters with random cancels, lost connections, dying guests, faults, SIGHUPs and removed builders
##                   (SEED=n: this one again; SEEDS=n, SECONDS=n)
fuzz-worker: $(READY)
	$(BIN)/python -m tests.buildbot.fuzz --seconds $(or $(SECONDS),25) $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),50))

## make dist         build and check wheel and sdist, install them into empty environments, and use them
dist: $(READY)
	$(BIN)/python -m pytest tests/packaging
	$(BIN)/python -m build --no-isolation --outdir dist

## make vm-image     build the images for simulated servers that are real machines (needs mmdebstrap, e2fsprogs)
vm-image: $(READY)
	@$(VM_IMAGES) $(foreach release,$(RELEASES),$(release) $(release)+buildbot-worker)

## make test-vm      build these images and test the machines that boot from them (minutes; skipped without qemu;
##                   RELEASES=debian-13: only one of the two; ARGS=tests/vm/test_guests.py: only these tests)
test-vm: $(READY)
	@PATH="$$PATH:/usr/sbin:/sbin"; for program in qemu-system-x86_64 qemu-img mmdebstrap mke2fs; do command -v $$program > /dev/null || missing=1; done; \
	if [ -n "$$missing" ]; then \
		echo "test-vm: skipped: apt-get install qemu-system-x86 qemu-utils mmdebstrap e2fsprogs"; \
	else \
		$(MAKE) vm-image && $(BIN)/python -m pytest -p no:cacheprovider -o faulthandler_timeout=7200 --durations=0 --durations-min=1 -rP --numprocesses 3 --dist worksteal \
			$(if $(filter debian-12,$(RELEASES)),,-k 'not debian-12') $(or $(ARGS),tests/vm); \
	fi

## make test-multimaster  test two masters on one database, one of which dies, and that race for a limit (minutes; needs
##                   PostgreSQL, installs crossbar; RACES=n builds for each limit, 16 by default)
test-multimaster: $(READY) $(CROSSBAR)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group multimaster
	$(BIN)/python -m pytest -p no:cacheprovider -o faulthandler_timeout=900 tests/multimaster tests/ci/record

## make test-page    test the page of a real master in chromium (skipped without it; SCREENSHOTS=folder keeps pictures)
test-page: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group page
	$(BIN)/python -m pytest -m full -o faulthandler_timeout=1800 -p no:cacheprovider tests/buildbot/www/test_page.py

# In its own environment, because it has 140 dependencies.
$(CROSSBAR):
	$(PYTHON) -m venv .venv-crossbar
	.venv-crossbar/bin/python -m pip install --quiet --disable-pip-version-check 'crossbar>=26'

## make docs         build the site into site/, with warnings as errors
docs: $(READY)
	$(BIN)/zensical build --clean --strict

## make test-bench   test that the benchmarks run, whatever they measure
test-bench: $(READY)
	$(BIN)/python -m pytest -m full tests/benchmarks

## make bench        measure calls, decoding, waiting and imports, and write docs/performance.md (minutes)
bench: $(READY)
	$(BIN)/python -m tests.benchmarks

## make clean        delete everything that git ignores here
clean:
	git clean -fdX
