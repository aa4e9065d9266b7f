"""The sidecar: what it takes, what it refuses, and what it does while MLflow is away."""

import shutil
from dataclasses import dataclass, field

import pytest

from service.inference.model_holder import ModelHolder
from service.inference.model_watcher import ModelWatcher
from service.json_files import read_json
from service.model_sync.fetcher import Errors, ModelChecks, ModelFetcher
from service.model_sync.reconciler import KEPT_VERSIONS, RETRY_SECONDS, Reconciler
from unit_tests.helpers.service_fakes import FakeValuation


class Unreachable(Exception):
    """MLflow is down."""


class Refused(ValueError):
    """The artifact is not right."""


@dataclass
class Version:
    """As the registry's ModelVersion."""

    version: str
    run_id: str = "0123456789abcdef"
    name: str = "vehicle-price"
    tags: dict = field(default_factory=lambda: {"gate": "promoted"})
    metrics: dict = field(default_factory=lambda: {"mae": 2500.0})


class FakeRegistry:
    """A registry whose production version is an attribute."""

    def __init__(self, production=None):
        self.production, self.down, self.fetched = production, False, 0
        self.moved_by_others = False

    def version(self, _alias):
        """The production version."""
        if self.down:
            raise Unreachable("connection refused")
        return self.production

    def was_moved_by_others(self, _production):
        """What a test says."""
        return self.moved_by_others

    def fetch(self, version, folder):
        """Writes one file."""
        self.fetched += 1
        (folder / "model").mkdir(parents=True)
        (folder / "model" / "data.json").write_text(version.version, encoding="utf-8")
        return folder / "model"


class Check:
    """Refuses the versions in `bad`."""

    def __init__(self):
        self.bad = set()

    def __call__(self, folder, _manifest, _timeout, _is_current):
        if (version := (folder / "data.json").read_text(encoding="utf-8")) in self.bad:
            raise Refused(f"version {version}: a hash is wrong")
        return [10_000]


@pytest.fixture(name="check")
def _check():
    return Check()


def sync_of(registry, model_dir, check):
    """A sidecar as in production, with the fakes' errors."""
    errors = Errors((Unreachable,))
    model = ModelChecks(check, lambda new, old: None, lambda f, _: (f / "data.json").exists(), 1)
    return Reconciler(ModelFetcher(registry, model_dir, model), errors, lambda: False)


def test_a_promoted_version_is_loaded_once_and_served(tmp_path, check):
    registry = FakeRegistry(Version("1"))
    sync = sync_of(registry, tmp_path, check)
    assert [sync.step(n) for n in range(3)] == ["loaded", "same", "same"]
    assert registry.fetched == 1 and read_json(tmp_path / "status.json")["state"] == "ok"
    holder = ModelHolder()
    assert ModelWatcher(tmp_path, holder, lambda folder, _: FakeValuation()).refresh()
    served = holder.current()
    assert (served.version, served.info["tags"]) == ("1", {"gate": "promoted"})


def test_a_move_that_is_not_this_projects_is_served_logged_and_shown(tmp_path, check, caplog):
    registry = FakeRegistry(Version("1"))
    sync = sync_of(registry, tmp_path, check)
    sync.step(0)
    assert read_json(tmp_path / "status.json")["detail"] == ""
    registry.production, registry.moved_by_others = Version("2"), True
    assert [sync.step(1), sync.step(2)] == ["loaded", "same"]
    status = read_json(tmp_path / "status.json")
    assert (status["state"], status["version"]) == ("ok", "2")
    assert "MLflow's own page" in status["detail"]
    (warning,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert "version 2 moved by another program" in warning.getMessage()


def test_a_restarted_sidecar_does_not_fetch_again(tmp_path, check):
    registry = FakeRegistry(Version("1"))
    assert sync_of(registry, tmp_path, check).step(0) == "loaded"
    assert sync_of(registry, tmp_path, check).step(0) == "same"


def test_a_rollback_and_a_rebuilt_registry_are_followed(tmp_path, check):
    registry = FakeRegistry(Version("2"))
    sync = sync_of(registry, tmp_path, check)
    sync.step(0)
    registry.production = Version("1")
    assert sync.step(1) == "loaded"
    registry.production = Version("1", run_id="fedcba9876543210")
    assert sync.step(2) == "loaded"
    assert read_json(tmp_path / "current.json")["run_id"] == "fedcba9876543210"


def test_a_refused_version_leaves_the_old_one_and_says_why(tmp_path, check):
    registry = FakeRegistry(Version("1"))
    sync = sync_of(registry, tmp_path, check)
    sync.step(0)
    check.bad, registry.production = {"2"}, Version("2")
    assert sync.step(1) == "refused"
    assert read_json(tmp_path / "current.json")["version"] == "1"
    status = read_json(tmp_path / "status.json")
    assert (status["state"], status["version"]) == ("refused", "2")
    assert "a hash is wrong" in status["detail"]
    assert [p.name[0] for p in (tmp_path / "versions").iterdir()] == ["1"]


def test_a_refused_version_is_tried_again_after_a_while_but_not_at_once(tmp_path, check):
    registry = FakeRegistry(Version("1"))
    check.bad = {"1"}
    sync = sync_of(registry, tmp_path, check)
    assert [sync.step(0), sync.step(1)] == ["refused", "refused"]
    assert registry.fetched == 1
    check.bad = set()
    assert sync.step(RETRY_SECONDS + 1) == "loaded"


def test_mlflow_going_away_and_coming_back_is_reported_and_survived(tmp_path, check):
    registry = FakeRegistry(Version("1"))
    sync = sync_of(registry, tmp_path, check)
    sync.step(0)
    registry.down = True
    assert sync.step(1) == "unreachable"
    assert read_json(tmp_path / "status.json")["state"] == "unreachable"
    registry.down = False
    assert sync.step(2) == "same"
    assert read_json(tmp_path / "status.json")["state"] == "ok"


def test_a_refusal_is_still_reported_after_mlflow_was_away(tmp_path, check):
    registry, check.bad = FakeRegistry(Version("1")), {"1"}
    sync = sync_of(registry, tmp_path, check)
    sync.step(0)
    registry.down = True
    sync.step(1)
    registry.down = False
    sync.step(2)
    assert "a hash is wrong" in read_json(tmp_path / "status.json")["detail"]


def test_an_empty_registry_is_no_error(tmp_path, check):
    assert sync_of(FakeRegistry(), tmp_path, check).step(0) == "none"


def test_each_event_is_logged_once(tmp_path, check, caplog):
    caplog.set_level("INFO")
    sync = sync_of(FakeRegistry(Version("1")), tmp_path, check)
    sync.step(0)
    lines = len(caplog.records)
    for n in range(50):
        sync.step(n)
    assert len(caplog.records) == lines


def test_old_versions_are_deleted_but_never_the_served_one(tmp_path, check):
    registry = FakeRegistry()
    sync = sync_of(registry, tmp_path, check)
    for n in range(6):
        registry.production = Version(str(n))
        sync.step(n)
    versions = {p.name.split("-")[0] for p in (tmp_path / "versions").iterdir()}
    assert len(versions) == KEPT_VERSIONS and "5" in versions


def test_a_lost_model_folder_is_fetched_again(tmp_path, check):
    registry = FakeRegistry(Version("1"))
    sync = sync_of(registry, tmp_path, check)
    sync.step(0)
    shutil.rmtree(tmp_path / "versions")
    assert sync.step(1) == "loaded"
