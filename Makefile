# Two commands: `make run` starts everything, `make test` checks it. `make` alone lists the rest.

HOST ?= 127.0.0.1
PORT ?= 8000
PROVIDER_PORT ?= 8010
PROVIDER_CONSOLE_PORT ?= $(shell expr $(PROVIDER_PORT) + 1 2>/dev/null)
VALKEY_PORT ?= $(shell expr $(PORT) + 20 2>/dev/null)

BIND = $(HOST):$(PORT)
PROVIDER_BIND = 127.0.0.1:$(PROVIDER_PORT)
PROVIDER_CONSOLE_BIND = 127.0.0.1:$(PROVIDER_CONSOLE_PORT)
HERE = http://127.0.0.1:$(PORT)/
PANEL_URL ?= $(HERE)

# 0 for a start without the demo: see `manage.py create_owner`.
DEMO ?= 1

VAR_DIR ?= $(CURDIR)/var

# 1 for real guests, on the hypervisor of this machine that `make hypervisor` starts. 0 skips their tests.
HYPERVISOR ?=
REAL_GUESTS = $(filter-out 0,$(HYPERVISOR))
HYPERVISOR_PACKAGES = libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 qemu-utils libvirt-dev \
  pkg-config gcc libc6-dev python3-dev genisoimage openssl iproute2 ebtables iptables procps xfsprogs e2fsprogs jfsutils \
  reiserfsprogs openssh-client kmod fdisk mtools dosfstools syslinux syslinux-common cpio binutils

# Our own Valkey and provider start unless the environment names others.
OUR_REDIS = $(if $(REDIS_URL)$(REDIS_URL_FILE),,redis)
OUR_PROVIDER = $(if $(API_ENDPOINTS),,provider providerworker providerconsole)
OUR_PORTS = PORT $(if $(OUR_REDIS),VALKEY_PORT) $(if $(API_ENDPOINTS),,PROVIDER_PORT PROVIDER_CONSOLE_PORT)
READY_URLS = $(HERE)health $(if $(API_ENDPOINTS),,http://$(PROVIDER_BIND)/health http://$(PROVIDER_CONSOLE_BIND)/health)

# Tests wait as much as they work.
JOBS ?= $(shell expr $$(nproc) + 4)

# The system's own Python is a fifth quicker than one that was built without optimisation, as pyenv does.
PYTHON3 ?= $(shell /usr/bin/python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
  echo /usr/bin/python3 || echo python3)
PYTHON = .venv/bin/python
PREPARE_PROVIDER = $(PYTHON) manage.py prepare_provider --settings hosting.provider.settings
ON_PATH = PATH="$(CURDIR)/.venv/bin:$$PATH"
PIP_INSTALL = .venv/bin/pip install --disable-pip-version-check --progress-bar off --require-hashes
TABLER = node_modules/@tabler/core/dist
XTERM = node_modules/@xterm
SHELL = /bin/bash

# Our processes would compile every module anew at each start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run provider hypervisor hypervisor-stop guest check test test-stack test-postgres test-hypervisor coverage fuzz chaos \
  bench docs screenshots lint format clean install assets environment
.NOTPARALLEL:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run provider: export VAR_DIR := $(VAR_DIR)
run provider: export PROVIDER_VAR_DIR := $(VAR_DIR)
run provider: export PORT := $(PORT)
run provider: export PROVIDER_PORT := $(PROVIDER_PORT)
run provider: export PROVIDER_CONSOLE_PORT := $(PROVIDER_CONSOLE_PORT)
run provider: export VALKEY_PORT := $(VALKEY_PORT)
run provider: export BIND := $(BIND)
run provider: export PROVIDER_BIND := $(PROVIDER_BIND)
run provider: export PROVIDER_CONSOLE_BIND := $(PROVIDER_CONSOLE_BIND)
run provider: export PANEL_URL := $(PANEL_URL)
run provider: export READY_URLS := $(READY_URLS)
run provider: export PYTHONUNBUFFERED := 1
# Celery prints a warning at every start when root runs it.
run provider: export PYTHONWARNINGS := ignore:You're running the worker

ifneq ($(REAL_GUESTS),)
run provider: hypervisor
run provider hypervisor: export PROVIDER_DRIVER := hosting.provider.drivers.libvirt.LibvirtDriver
endif

run: install assets ## Start everything: the panel, its workers, Valkey and the bundled provider
	@$(ON_PATH) tools/quietly $(PYTHON) -m panel.directory_lock $(HERE) sh -ec '$(PYTHON) -m panel.environment $(OUR_PORTS); \
	  $(if $(OUR_PROVIDER),$(PREPARE_PROVIDER) & provider=$$!;) \
	  $(PYTHON) manage.py prepare $(if $(filter-out 0,$(DEMO)),--demo); $(if $(OUR_PROVIDER),wait $$provider;) \
	  exec honcho start --env /dev/null $(OUR_REDIS) $(OUR_PROVIDER) web console worker background listener beat ready'

provider: install ## Start the bundled provider alone
	@$(ON_PATH) tools/quietly $(PYTHON) -m panel.directory_lock http://$(PROVIDER_BIND)/xmlrpc/ sh -ec '\
	  $(PYTHON) -m panel.environment PROVIDER_PORT PROVIDER_CONSOLE_PORT $(if $(OUR_REDIS),VALKEY_PORT); $(PREPARE_PROVIDER); \
	  echo "The Hosting API answers at http://$(PROVIDER_BIND)/xmlrpc/ (Ctrl-C stops it)"; \
	  exec honcho start --env /dev/null $(OUR_REDIS) provider providerworker providerconsole'

hypervisor hypervisor-stop guest: export VAR_DIR := $(VAR_DIR)
hypervisor hypervisor-stop guest: export PROVIDER_VAR_DIR := $(VAR_DIR)
hypervisor: export PROVIDER_DRIVER := hosting.provider.drivers.libvirt.LibvirtDriver
# As they were given: in passwords and commands, a dollar sign is none of make's.
guest: export COMMAND := $(value CMD)
guest: override export GUEST_USER := $(value GUEST_USER)
guest: override export GUEST_PASSWORD := $(value GUEST_PASSWORD)

hypervisor: .venv/libvirt environment ## Start a hypervisor for real guests on this machine: make run HYPERVISOR=1 uses it
	@tools/hypervisor start
	@$(PREPARE_PROVIDER)
	@image=$$(tools/guest-image/build $(CURDIR)/var/guest-image) && $(PYTHON) manage.py register_host "this machine" "$$(tools/hypervisor uri)" \
	  --bridge sd0 --overcommit 8 $$(tools/hypervisor has-kvm || echo --emulated) --image "$$image" --settings hosting.provider.settings
	@echo "Log in to a server with: make guest VM=ID GUEST_USER=root (with GUEST_PASSWORD=… and CMD='…' without questions)"

hypervisor-stop: ## Stop the hypervisor and its guests, as if the power failed
	@tools/hypervisor stop

guest: install ## Log in to a server on this machine's hypervisor: VM=456 GUEST_USER= GUEST_PASSWORD= CMD=
	@address=$$($(PYTHON) manage.py guest_address "$(VM)" --settings hosting.provider.settings) && \
	  exec tools/guest "$$address" $${COMMAND:+"$$COMMAND"}

ifeq ($(HYPERVISOR),0)
test-hypervisor:
	@echo "HYPERVISOR=0: the tests with real guests are skipped."
else
test-hypervisor: install assets environment .venv/libvirt .venv/browser ## Check real guests, some twelve minutes
	@$(PYTHON) -m pytest -n 2 --no-loadscope-reorder --durations 10 tests/hypervisor
endif

check: install assets environment format lint ## Quick check: format, lint, types, layers, tests without other processes
	@$(PYTHON) -m pytest -q -n $(shell nproc) -m "not processes"

test: install assets environment ## Check the code: style, types, layers, every rule against a running provider
	@$(MAKE) --no-print-directory lint >var/lint.log 2>&1 & lint=$$!; \
	  $(PYTHON) -m pytest -n $(JOBS) --no-loadscope-reorder -m "not stack"; tests=$$?; \
	  wait $$lint || { cat var/lint.log; exit 1; }; \
	  exit $$tests

test-stack: install assets environment .venv/browser ## Check the running product: in a browser, and while processes die
	@$(PYTHON) -m pytest -n $(JOBS) --no-loadscope-reorder -m stack

test-postgres: install assets environment .venv/browser .venv/postgresql .venv/redis ## Check on PostgreSQL and Redis what depends on them
	@$(PYTHON) -m tests.postgresql -n $(JOBS) --no-loadscope-reorder

coverage: install assets environment .venv/browser ## Measure branch coverage of hosting by all tests, servers included
	@rm -rf var/coverage && mkdir -p var/coverage
	@$(PYTHON) -m coverage run -m pytest -q -n $(JOBS) --no-loadscope-reorder
	@$(PYTHON) -m coverage combine --quiet && $(PYTHON) -m coverage report --skip-covered --skip-empty

fuzz: install environment ## Try properties with many more examples: FUZZ=25
	@FUZZ=$(or $(FUZZ),25) $(PYTHON) -m pytest -q -n $(shell nproc) --timeout 1800 tests/api

chaos: install assets environment ## Kill, drop and delay a thousand times: ROUNDS=1000 SEED=
	@CHAOS_ROUNDS=$(or $(ROUNDS),1000) CHAOS_SEED=$(SEED) $(PYTHON) -m pytest tests/chaos -q -s

lint: install environment ## Style, types, layer contracts, missing migrations, templates
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -m mypy --config-file hosting/provider/mypy.ini -p hosting.provider -p tests.provider
	@.venv/bin/lint-imports
	@$(PYTHON) manage.py makemigrations --check --dry-run
	@$(PYTHON) manage.py makemigrations --check --dry-run --settings hosting.provider.settings
	@.venv/bin/djlint templates --check --lint --quiet

format: install ## Format the code and the templates
	@$(PYTHON) -m ruff check --fix --quiet .
	@$(PYTHON) -m ruff format .
	@.venv/bin/djlint templates --reformat --quiet || true

docs: install environment ## Write docs/api-coverage.md and docs/permissions.md from what the code says
	@$(PYTHON) -m tests.api_coverage
	@$(PYTHON) -m tests.permissions

screenshots: install assets environment .venv/browser ## Take the pictures in docs/screenshots of a running demo
	@$(PYTHON) -m tests.screenshots

bench: install assets environment ## Measure what matters against the naive way, in the same run
	@$(PYTHON) -m tests.bench

clean: ## Remove what was installed and built; var/ with your data stays
	rm -rf .venv node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache var/assets var/static

environment: install
	@$(PYTHON) -m panel.environment

install: .venv/installed

.venv/installed: requirements-dev.lock
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Sharedeck needs Python 3.11 or newer." >&2; exit 1; }
	@$(PYTHON3) -c 'import ensurepip' 2>/dev/null || tools/need python3-venv
	@tools/quietly tools/logged "Installing packages (about 30 s)…" \
	  "$(PYTHON3) -m venv .venv && $(PIP_INSTALL) -r requirements-dev.lock && touch $@"

assets: var/assets/installed

var/assets/installed: package-lock.json | .venv/installed
	@command -v npm >/dev/null || test -x .venv/bin/npm || \
	  tools/quietly tools/logged "Installing npm…" "$(PIP_INSTALL) -r requirements-node.lock"
	@$(ON_PATH) tools/quietly tools/logged "Fetching front-end assets…" \
	  "npm ci --ignore-scripts --no-audit --no-fund && mkdir -p var/assets/tabler var/assets/xterm && \
	  cp $(TABLER)/css/tabler.min.css* $(TABLER)/js/tabler.min.js* var/assets/tabler/ && \
	  cp $(XTERM)/xterm/css/xterm.css $(XTERM)/xterm/lib/xterm.js* $(XTERM)/addon-fit/lib/addon-fit.js* var/assets/xterm/ && \
	  touch $@"

.venv/libvirt: requirements-libvirt.lock | .venv/installed
	@dpkg -s $(HYPERVISOR_PACKAGES) >/dev/null 2>&1 || tools/need $(HYPERVISOR_PACKAGES)
	@tools/quietly tools/logged "Installing libvirt's package for Python…" "$(PIP_INSTALL) -r requirements-libvirt.lock && touch $@"

.venv/browser: | .venv/installed
	@command -v chromium-headless-shell >/dev/null || tools/need chromium-headless-shell
	@touch $@

# Only the programs are used, not the services that Debian starts with them.
.venv/postgresql: | .venv/installed
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || tools/need postgresql
	@touch $@

.venv/redis: | .venv/installed
	@command -v redis-server >/dev/null || tools/need redis-server
	@touch $@
