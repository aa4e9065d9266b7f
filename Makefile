# `make help` lists the targets. Settings are environment variables: make build SERVICE_PORT=5050

PYTHON ?= $(or $(shell for p in python3.11 python3 /usr/bin/python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && \
	command -v "$$p" && break; done),python3)
BIN := .venv/bin
# RUNTIME=docker|native; by default Docker where an engine answers and every image can be had.
export RUNTIME
PLATFORM := "$(PYTHON)" -m setup.runtime
# Files, not folders: Pylint would take the folder streamlit for the installed package.
CHECKED = $(shell find $(wildcard src service airflow/dags streamlit evidently_service \
	unit_tests integration_tests benchmarks setup) -name '*.py')
# SOURCE or DATA on the command line ask for training even if a model is in production.
TRAIN := $(if $(filter command,$(origin SOURCE) $(origin DATA)),--train)
# A room is a folder of unit_tests or of unit_tests/service; its doctests are in the code's folder.
ROOMS = $(sort $(filter-out helpers __pycache__,$(notdir $(patsubst %/.,%,$(wildcard \
	unit_tests/*/. unit_tests/service/*/.)))))
ROOM_FOLDERS = $(wildcard $(addsuffix /$(ROOM),unit_tests unit_tests/service src/vehicle_price service))
# MAKE is a variable of make itself: only the command line makes it a fault.
REHEARSAL = $(if $(SHOCK),--shock "$(SHOCK)") $(if $(UNIT),--unit "$(UNIT)") \
	$(if $(BLANK),--blank "$(BLANK)") $(if $(filter command,$(origin MAKE)),--make "$(MAKE)") \
	$(if $(DAY_SECONDS),--day-seconds "$(DAY_SECONDS)")
UNIT_TESTS := $(BIN)/pytest -q --disable-socket --allow-unix-socket
IN_TWO_PROCESSES := -n 2 --dist loadfile

# Each of the many processes would compile every library again, which takes longer than their work.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: build preflight install scale retrain status logs stop clean backup backups restore restore_test \
	images push deploy rollback deploy_test docker_test first_boot_test terraform_test rehearse \
	test unit integration lint secrets supply_chain vulnerabilities docs format lock help

build: python ## Start everything, train, ask for a price [SOURCE=file DATA=path RUNTIME=docker|native]
	@$(PLATFORM) build $(TRAIN)

preflight: python ## Check Python, ports, memory and disk; changes nothing
	@$(PLATFORM) preflight

python:
	@command -v "$(PYTHON)" >/dev/null || { echo "Python 3.11 is missing. Install it:" \
		"apt-get install python3.11 python3.11-venv, or pyenv install 3.11" >&2; exit 1; }

install: ## Make .venv from Pipfile.lock, hashes enforced
	@"$(PYTHON)" -m setup.native.install

scale: ## Add Dask to .venv, for setup/scale.md, until lock or project file change
	@"$(PYTHON)" -m setup.native.install scale

retrain: ## Train again through Airflow [SOURCE=file DATA=path]
	@$(PLATFORM) retrain

status: install ## What runs, and where
	@$(PLATFORM) status

logs: ## Follow all logs (Ctrl-C ends it)
	@$(PLATFORM) logs

stop: ## End every process or container; data, models and logs stay
	@$(PLATFORM) stop

backup: install ## Save databases, models, listings [TO=folder|s3://bucket/prefix KEEP=14 keeps 14]
	@$(BIN)/python -m setup.backup save "$(TO)" --keep "$(or $(KEEP),0)"

backups: install ## The backups of a place [FROM=folder|s3://bucket/prefix]
	@$(BIN)/python -m setup.backup list "$(FROM)"

restore: install ## Restore a backup into an empty installation, start it [FROM=folder/backup|s3://…]
	@$(BIN)/python -m setup.backup restore "$(FROM)"
	@$(PLATFORM) build

restore_test: install ## Backup, restore into an empty installation, equal prices; with Docker, if it answers
	@$(BIN)/pytest -q integration_tests/backup

images: install ## Build the five Docker images; prints their sizes and build times
	@$(BIN)/python -m setup.docker images

push: python ## Push the images to IMAGE_REGISTRY, tagged with their commit; writes .local/release.env
	@"$(PYTHON)" -m setup.deployment push

deploy: python ## The release of make push on this host, without a failed request [RELEASE_ENV=path]
	@"$(PYTHON)" -m setup.deployment deploy

rollback: python ## Back to the release before, or from a deployment that was killed
	@"$(PYTHON)" -m setup.deployment rollback

deploy_test: install ## Deploy, refuse, kill and roll back under load; needs a Docker engine, 20 minutes
	@$(BIN)/pytest -q integration_tests/docker/deployment

docker_test: install ## Both compose files up, trained and serving; needs a Docker engine, 20 minutes
	@$(BIN)/pytest -q integration_tests/docker/one_host
	@$(BIN)/pytest -q integration_tests/docker/two_hosts

first_boot_test: install ## The first boot of an AWS host with real containers; needs a Docker engine
	@$(BIN)/pytest -q integration_tests/docker/first_boot

terraform_test: install ## Check, apply and destroy terraform/ on a local AWS stand-in [TF_PLUGIN_DIR=folder]
	@$(BIN)/python -m setup.terraform_checks

secrets: install ## Passwords and keys in files of the project
	@$(BIN)/python -m setup.supply_chain secrets

supply_chain: install ## Bills of materials (SBOM) and licences of the lock and of the images that are here
	@$(BIN)/python -m setup.supply_chain sbom

vulnerabilities: install ## Known vulnerabilities of the lock and the images here [ADVISORIES=folder]
	@$(BIN)/python -m setup.supply_chain vulnerabilities

rehearse: install ## Replay days with a fault, all parts at work [SHOCK=+25% UNIT=km BLANK=condition MAKE=ford]
	@$(BIN)/python -m setup.rehearsal $(REHEARSAL)

test: unit integration ## All tests: make unit, then make integration

unit: install ## Unit tests and doctests, without network [ROOM=storage: those of one room]
ifdef ROOM
	$(if $(filter $(ROOM),$(ROOMS)),,$(error There is no room "$(ROOM)". The rooms: $(ROOMS)))
	@$(UNIT_TESTS) $(ROOM_FOLDERS)
else
	@$(UNIT_TESTS) $(IN_TWO_PROCESSES) unit_tests src service
endif

integration: install ## The real parts together: one platform, and what each stand needs
	@$(BIN)/pytest -q $(IN_TWO_PROCESSES) --no-loadscope-reorder --ignore=integration_tests/docker --ignore=integration_tests/backup integration_tests

lint: install ## Code, layers, size of rooms, dashboards, lock, Dockerfiles, scripts, workflows: changes nothing
	@$(BIN)/black --check --quiet $(CHECKED) || { echo "run make format" >&2; exit 1; }
	@$(BIN)/isort --check --quiet $(CHECKED)
	@PYTHONPATH=.:streamlit $(BIN)/lint-imports --no-cache
	@$(BIN)/python -m setup.check_rooms
	@$(BIN)/python -m setup.dashboards
	@$(BIN)/python -m setup.lock --check
	@$(BIN)/python -m setup.supply_chain lint
	@PYTHONPATH=src:.:airflow/dags:streamlit $(BIN)/pylint --score=n $(CHECKED)

docs: install ## Rewrite .env.example and the table of settings from settings.py
	@$(BIN)/python -m setup.settings_docs

format: install ## Black and isort, in place
	@$(BIN)/isort --quiet $(CHECKED)
	@$(BIN)/black --quiet $(CHECKED)

lock: install ## Resolve the Pipfile into Pipfile.lock [UPGRADE=1 takes the newest versions]
	@$(BIN)/python -m setup.lock $(if $(UPGRADE),--upgrade)

clean: stop ## Delete the environment and everything a run wrote, models and data included
	rm -rf .venv .local .pytest_cache .hypothesis .import_linter_cache

help: ## This list
	@grep -E '^[a-z_]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13
	@echo "Rooms: $(ROOMS)" | fold -s -w 100
