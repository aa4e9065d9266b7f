"""GitHub's workflows: they call what exists, pin what they use, and ask for what is documented."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from setup.native.environment import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z_]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
DOCUMENT = (ROOT / "setup" / "github_actions.md").read_text(encoding="utf-8")


@pytest.fixture(name="text", params=WORKFLOWS, ids=lambda path: path.name)
def fixture_text(request: pytest.FixtureRequest) -> str:
    """A workflow as it is written."""
    return request.param.read_text(encoding="utf-8")


@pytest.fixture(name="workflow")
def fixture_workflow(text: str) -> dict:
    """A workflow as YAML."""
    return yaml.safe_load(text)


def steps(workflow: dict) -> Iterator[tuple[dict, dict]]:
    """Each step with its job."""
    for job in workflow["jobs"].values():
        for step in job.get("steps", ()):
            yield job, step


def make_targets(workflow: dict) -> Iterator[str]:
    """The targets that the workflow's commands name, those of a matrix included."""
    for job, step in steps(workflow):
        for word in re.findall(r"\bmake (\S+)", step.get("run", "")):
            if word == '"$TARGET"':
                yield from job["strategy"]["matrix"]["target"]
            else:
                yield word


def test_both_workflows_are_examined():
    assert [path.name for path in WORKFLOWS] == ["cd.yml", "ci.yml"]


def test_every_make_target_of_a_workflow_exists(workflow):
    called = set(make_targets(workflow))
    assert called
    assert called <= TARGETS


def test_every_script_of_a_workflow_exists_and_can_be_run(workflow):
    scripts = [
        step["run"].split()[0]
        for _, step in steps(workflow)
        if "run" in step and not step["run"].startswith("make ")
    ]
    assert scripts
    for script in scripts:
        assert (ROOT / script).stat().st_mode & 0o111, script


def test_every_action_is_pinned_by_a_commit_and_says_its_version(text):
    used = re.findall(r"uses: (\S+)(.*)", text)
    actions = [(name, comment) for name, comment in used if not name.startswith("./")]
    assert actions
    for name, comment in actions:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", name), name
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), name


def test_an_action_has_one_version_in_all_workflows():
    pins = re.findall(r"uses: ([\w./-]+)@(\S+)", "".join(path.read_text() for path in WORKFLOWS))
    assert len({name for name, _ in pins}) == len(set(pins))


def test_a_checkout_keeps_no_token(workflow):
    checkouts = [s for _, s in steps(workflow) if s.get("uses", "").startswith("actions/checkout")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_permissions_are_named_by_job_and_nothing_may_be_written(workflow):
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert job["permissions"].items() <= {"contents": "read", "id-token": "write"}.items(), name


def test_only_the_deployment_gets_a_token_for_aws():
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert not [job for job in ci["jobs"].values() if "id-token" in job["permissions"]]
    assert "secrets." not in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


def test_every_job_ends(workflow):
    for name, job in workflow["jobs"].items():
        assert "uses" in job or job["timeout-minutes"] <= 75, name
    assert workflow["concurrency"]["group"]


def test_every_secret_and_variable_is_documented(text):
    for name in set(re.findall(r"(?:secrets|vars)\.([A-Z_]+)", text)):
        assert f"`{name}`" in DOCUMENT, name


def test_every_documented_secret_and_variable_is_used():
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    documented = re.findall(r"^\| `([A-Z_]+)` \|", DOCUMENT, re.M)
    assert documented
    assert [name for name in documented if not re.search(rf"(secrets|vars)\.{name}\b", text)] == []


def test_no_expression_stands_in_a_command(workflow):
    for _, step in steps(workflow):
        assert "${{" not in step.get("run", "")


def test_the_jobs_are_documented(workflow):
    for name in workflow["jobs"]:
        assert f"`{name}`" in DOCUMENT, name


def test_the_hosts_label_is_known_to_actionlint():
    config = yaml.safe_load(Path(ROOT, ".github", "actionlint.yaml").read_text(encoding="utf-8"))
    cd = yaml.safe_load((ROOT / ".github" / "workflows" / "cd.yml").read_text(encoding="utf-8"))
    _, label, _ = cd["jobs"]["deploy"]["runs-on"]
    assert config["self-hosted-runner"]["labels"] == [label]
