"""Each linter finds a planted defect, says nothing about the project, and fails without a file."""

from typing import NamedTuple

import pytest

from integration_tests.supply_chain.project import needs_go, project
from setup.native.environment import ROOT
from setup.supply_chain.linters import LINTERS, lint
from setup.supply_chain.programs import CheckFailed

WORKFLOW = """
on: push
permissions: {{}}
jobs:
  test:
    name: Test
    runs-on: {runner}
    timeout-minutes: 5
    steps:
      - run: {command}
"""
COMPOSE = (
    "services:\n  service:\n    image: vehicle-price/service:local\n    {key}: unless-stopped\n"
)


class Case(NamedTuple):
    """A file, the defect in it, the same without the defect, and what the linter says."""

    file: str
    planted: str
    clean: str
    finding: str


CASES = {
    "hadolint": Case(
        "service/Dockerfile", "FROM python:latest\n", "FROM python:3.11-slim-bookworm\n", "DL3007"
    ),
    "shellcheck": Case("run", "#!/bin/bash\nrm $1\n", '#!/bin/bash\nrm "$1"\n', "SC2086"),
    "actionlint": Case(
        ".github/workflows/ci.yml",
        WORKFLOW.format(runner="ubuntu-24.04", command="echo ${{ github.evnt }}"),
        WORKFLOW.format(runner="ubuntu-24.04", command="echo"),
        "evnt",
    ),
    "zizmor": Case(
        ".github/workflows/ci.yml",
        WORKFLOW.format(runner="ubuntu-24.04", command="echo ${{ github.head_ref }}"),
        WORKFLOW.format(runner="ubuntu-24.04", command="echo"),
        "template-injection",
    ),
    "check-jsonschema": Case(
        "docker-compose-service.yml",
        COMPOSE.format(key="restrat"),
        COMPOSE.format(key="restart"),
        "restrat",
    ),
}
each_linter = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs_go if name == "actionlint" else ()) for name in LINTERS]
)


def test_every_linter_has_a_case():
    assert set(CASES) == set(LINTERS)


@each_linter
def test_the_planted_defect_is_found(name, tmp_path):
    case = CASES[name]
    with pytest.raises(CheckFailed, match=case.finding):
        lint(name, project(tmp_path, {case.file: case.planted}))


@each_linter
def test_the_same_file_without_it_is_clean(name, tmp_path):
    case = CASES[name]
    assert lint(name, project(tmp_path, {case.file: case.clean})) == 1


@each_linter
def test_without_a_file_it_fails(name, tmp_path):
    with pytest.raises(CheckFailed, match="no file to examine"):
        lint(name, project(tmp_path, {"README.md": "nothing"}))


@each_linter
def test_the_project_is_clean(name):
    assert lint(name, ROOT) > 0


@pytest.mark.parametrize("name", ["zizmor", "check-jsonschema", "hadolint"])
def test_a_file_that_cannot_be_read_fails(name, tmp_path):
    case = CASES[name]
    with pytest.raises(CheckFailed, match=name):
        lint(name, project(tmp_path, {case.file: "a: [\n"}))


@needs_go
def test_commands_of_workflows_reach_shellcheck(tmp_path):
    text = WORKFLOW.format(runner="ubuntu-24.04", command="rm $HOME/$1")
    with pytest.raises(CheckFailed, match="SC2086"):
        lint("actionlint", project(tmp_path, {".github/workflows/ci.yml": text}))
