"""The course of a deployment: what is tried, what is restored, what the state says afterwards."""

import pytest

from setup.deployment import deploy as module
from setup.deployment import release, state
from setup.deployment.deploy import Deployment
from setup.deployment.files import read_lines
from setup.deployment.release import PARTS, DeploymentError, Release
from setup.docker import engine


def a_release(letter: str) -> Release:
    """A release whose commit is one letter."""
    images = {v: f"registry/{part}@sha256:{letter * 64}" for part, v in PARTS.items()}
    return Release(letter * 40, images)


OLD, NEW, NEXT = a_release("a"), a_release("b"), a_release("c")


class Steps:
    """In place of a rollout: writes down what is asked for, and fails where it is told to."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fails: dict[str, BaseException] = {}

    def migrate(self, wanted):
        """Roles and schema."""
        self._do("migrate", wanted)

    def bring(self, wanted, same_prices):
        """All containers."""
        self._do("bring" if same_prices else "bring whatever its prices", wanted)

    def restore(self, wanted):
        """Back."""
        self._do("restore", wanted)

    def _do(self, step, wanted):
        self.calls.append(f"{step} {wanted.name[0]}")
        if error := self.fails.pop(step, None):
            raise error


class Host:
    """A folder with `.env`, and releases that can be deployed."""

    def __init__(self, folder, steps):
        self.folder, self.steps, self.said = folder, steps, []
        self.environ = {"ENV_FILE": str(folder / ".env")}
        (folder / ".env").write_text("API_KEY=x\n", encoding="utf-8")

    def deployment(self, wanted=NEW, **environ):
        """A deployment of this release."""
        release.write(self.folder / "release.env", wanted)
        named = {"RELEASE_ENV": str(self.folder / "release.env")}
        return Deployment(self.environ | named | environ, self.said.append)

    def images(self):
        """The images that a boot starts."""
        return {n: v for n, v in read_lines(self.folder / ".env").items() if n.endswith("_IMAGE")}


@pytest.fixture(name="host")
def fixture_host(tmp_path, monkeypatch):
    """A host on which OLD serves, every image is here, and steps are written down."""
    steps = Steps()
    monkeypatch.setattr(module, "Rollout", lambda *_: steps)
    monkeypatch.setattr(module, "running_release", lambda _: OLD)
    monkeypatch.setattr(engine, "run", lambda *_, **__: "")
    return Host(tmp_path, steps)


def test_a_deployment_migrates_then_brings_then_is_what_a_boot_starts(host):
    assert host.deployment().deploy() == 0
    assert host.steps.calls == ["migrate b", "bring b"]
    assert state.read(host.folder) == state.State(serving=NEW, before=OLD)
    assert host.images() == NEW.images


@pytest.mark.parametrize("step", ["migrate", "bring"])
@pytest.mark.parametrize(
    "error", [DeploymentError("no price"), engine.EngineError("no"), KeyboardInterrupt()]
)
def test_a_failure_restores_the_release_before_and_the_code_is_1(host, step, error):
    host.steps.fails[step] = error
    assert host.deployment().deploy() == 1
    assert host.steps.calls[-1] == "restore a"
    assert state.read(host.folder) == state.State(serving=OLD)
    assert host.images() == {}


def test_an_image_that_cannot_be_pulled_changes_nothing(host, monkeypatch):
    def refuse(*command, **_):
        raise engine.EngineError(f"{' '.join(command[:2])}: denied")

    monkeypatch.setattr(engine, "run", refuse)
    with pytest.raises(DeploymentError, match="docker pull: denied.*Nothing was changed"):
        host.deployment().deploy()
    assert host.steps.calls == [] and state.read(host.folder).under_way is None


def test_what_a_killed_deployment_has_left_is_put_right_first(host):
    state.write(host.folder, state.State(serving=OLD, under_way=NEXT))
    assert host.deployment().deploy() == 0
    assert host.steps.calls == ["restore a", "migrate b", "bring b"]


def test_a_rollback_of_a_killed_deployment_ends_with_what_served(host):
    state.write(host.folder, state.State(serving=NEW, before=OLD, under_way=NEXT))
    assert host.deployment().rollback() == 0
    assert host.steps.calls == ["restore b"]
    assert state.read(host.folder) == state.State(serving=NEW, before=OLD)


def test_a_return_that_fails_is_tried_again_by_the_next_command(host):
    host.steps.fails |= {"bring": DeploymentError("no price"), "restore": DeploymentError("full")}
    with pytest.raises(DeploymentError, match="(?s)full.*make rollback"):
        host.deployment().deploy()
    assert host.deployment().rollback() == 0
    assert host.steps.calls[-2:] == ["restore a", "restore a"]
    assert state.read(host.folder) == state.State(serving=OLD)


def test_a_rollback_does_not_migrate_and_takes_the_prices_of_the_release_before(host):
    state.write(host.folder, state.State(serving=NEW, before=OLD))
    assert host.deployment().rollback() == 0
    assert host.steps.calls == ["bring whatever its prices a"]
    assert state.read(host.folder) == state.State(serving=OLD, before=NEW)
    assert host.images() == OLD.images


def test_without_a_release_before_a_rollback_is_refused(host):
    with pytest.raises(DeploymentError, match="nothing was deployed"):
        host.deployment().rollback()


def test_other_prices_are_accepted_where_that_is_said(host):
    assert host.deployment(ACCEPT_OTHER_PRICES="1").deploy() == 0
    assert host.steps.calls == ["migrate b", "bring whatever its prices b"]


def test_a_host_of_aws_needs_the_parameter_that_it_boots_from(host):
    (host.folder / ".env").write_text(f"COMMIT='{OLD.name}'\n", encoding="utf-8")
    with pytest.raises(DeploymentError, match="RELEASE_PARAMETER"):
        host.deployment()
    assert host.deployment(RELEASE_PARAMETER="/p/release/COMMIT").deploy() == 0
    assert read_lines(host.folder / ".env")["COMMIT"] == NEW.name


def test_a_parameter_that_cannot_be_written_is_told_and_the_release_serves(host, monkeypatch):
    def refuse(*command, **_):
        if command[0] == "aws":
            raise engine.EngineError("AccessDenied")
        return ""

    monkeypatch.setattr(engine, "run", refuse)
    deployment = host.deployment(RELEASE_PARAMETER="/p/release/COMMIT")
    assert deployment.deploy() == 3
    assert "AccessDenied" in host.said[-1] and "put-parameter" in host.said[-1]
    assert state.read(host.folder).serving == NEW
