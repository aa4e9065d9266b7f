"""The files of a deployment: release, state, `.env`; and the lists of what belongs to it."""

import doctest
import stat

import pytest
import yaml

from setup.deployment import probes, push, release, rollout, state
from setup.deployment.files import read_lines, replace_lines
from setup.deployment.installation import FILES, Installation
from setup.deployment.release import PARTS, ROOT, DeploymentError, Release
from setup.docker.images import OWN

DIGEST = "sha256:" + "5" * 64
RELEASE = Release("a" * 40, {v: f"127.0.0.1:5000/p/{part}@{DIGEST}" for part, v in PARTS.items()})


def test_a_release_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "below" / "release.env"
    release.write(path, RELEASE)
    assert release.read(path) == RELEASE


@pytest.mark.parametrize(
    "old, new, word",
    [
        ("@sha256:", ":", "only a digest"),
        (DIGEST, DIGEST[:-1], "only a digest"),
        ("MLFLOW_IMAGE", "OTHER_IMAGE", "MLFLOW_IMAGE"),
        ("a" * 40, "main", "RELEASE=main"),
    ],
)
def test_a_release_that_names_no_digest_or_no_commit_is_refused(tmp_path, old, new, word):
    path = tmp_path / "release.env"
    release.write(path, RELEASE)
    path.write_text(path.read_text("utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(DeploymentError, match=word):
        release.read(path)


def test_a_missing_release_names_the_command_that_writes_it(tmp_path):
    with pytest.raises(DeploymentError, match="make push writes it"):
        release.read(release.default_path({"LOCAL_DIR": str(tmp_path)}))


def test_the_state_is_read_as_it_was_written_and_is_empty_at_first(tmp_path):
    assert state.read(tmp_path) == state.State()
    written = state.State(RELEASE, RELEASE._replace(name="b" * 40), None)
    state.write(tmp_path, written)
    assert state.read(tmp_path) == written


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"serving": 1}'])
def test_a_damaged_state_says_what_to_do(tmp_path, content):
    (tmp_path / state.FILE).write_text(content, encoding="utf-8")
    with pytest.raises(DeploymentError, match="move it away"):
        state.read(tmp_path)


def test_two_deployments_at_once_are_refused(tmp_path):
    with state.only_one(tmp_path):
        with pytest.raises(DeploymentError, match="another deployment"):
            with state.only_one(tmp_path):
                pass
    with state.only_one(tmp_path):
        pass


def test_new_images_leave_the_other_lines_of_the_file_and_its_mode_alone(tmp_path):
    path = tmp_path / ".env"
    path.write_text("# mine\nAPI_KEY=x\nSERVICE_IMAGE='old'\n", encoding="utf-8")
    path.chmod(0o644)
    replace_lines(path, {"SERVICE_IMAGE": "new", "MLFLOW_IMAGE": "other"})
    assert path.read_text("utf-8") == "# mine\nAPI_KEY=x\nSERVICE_IMAGE=new\nMLFLOW_IMAGE=other\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_lines(path)["API_KEY"] == "x"


def test_a_host_without_an_installation_is_told_so(tmp_path):
    with pytest.raises(DeploymentError, match="make build"):
        Installation({"ENV_FILE": str(tmp_path / ".env")})


@pytest.mark.parametrize("side, sides", [("", 2), ("both", 2), ("serving", 1), ("training", 1)])
def test_a_host_needs_the_images_of_its_side_only(tmp_path, side, sides):
    (tmp_path / ".env").write_text(f"SIDE={side}\n", encoding="utf-8")
    here = Installation({"ENV_FILE": str(tmp_path / ".env")})
    assert len(here.sides) == sides
    assert set(here.images_of_host(RELEASE)) <= set(RELEASE.images.values())
    assert ("service@" in str(here.images_of_host(RELEASE))) == ("serving" in here.sides)
    assert ("airflow@" in str(here.images_of_host(RELEASE))) == ("training" in here.sides)


def test_an_unknown_side_is_refused(tmp_path):
    (tmp_path / ".env").write_text("SIDE=left\n", encoding="utf-8")
    with pytest.raises(DeploymentError, match="SIDE=left"):
        Installation({"ENV_FILE": str(tmp_path / ".env")})


def test_images_of_different_commits_or_of_changed_files_are_no_release():
    for revisions in (
        {"service": "a" * 40, "mlflow": "b" * 40},
        {"service": "a" * 40 + "-dirty", "mlflow": "a" * 40 + "-dirty"},
        {"service": "", "mlflow": ""},
    ):
        with pytest.raises(DeploymentError, match="make images"):
            push.common_commit(revisions)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"price": 5}',
        '{"price": 13, "interval": {"low": 5, "high": 12}, "model": {"version": "2"}}',
        '{"price": 0, "interval": {"low": 0, "high": 12}, "model": {"version": "2"}}',
        '{"price": "9", "interval": {"low": 5, "high": 12}, "model": {"version": "2"}}',
    ],
)
def test_an_answer_without_a_price_within_its_interval_is_refused(body):
    with pytest.raises(DeploymentError, match="/predict answers no price"):
        probes.price_of(body, "/predict")


@pytest.mark.parametrize("module", [probes, push])
def test_the_examples_in_the_code_are_right(module):
    tried = doctest.testmod(module)
    assert tried.attempted and not tried.failed


def test_a_release_has_every_image_of_the_project():
    assert {part: image.variable for part, image in OWN.items()} == PARTS


def test_a_rollout_brings_every_container_that_runs_an_image_of_ours():
    one_shot = {"database-roles", "mlflow-access", "airflow-migrate"}
    known = {"service", "service-standby", rollout.FORWARDER, rollout.MLFLOW[0], rollout.WORKER[0]}
    known |= {service for service, _ in (*rollout.BESIDE_SERVICE, *rollout.AIRFLOW)}
    found = {}
    for name in FILES.values():
        for service, content in yaml.safe_load((ROOT / name).read_text("utf-8"))[
            "services"
        ].items():
            variable = content["image"].partition("${")[2].partition(":-")[0]
            if variable in PARTS.values():
                found[service] = variable
    assert set(found) == known | one_shot
    for service, variable in (*rollout.BESIDE_SERVICE, *rollout.AIRFLOW, rollout.WORKER):
        assert found[service] == variable
