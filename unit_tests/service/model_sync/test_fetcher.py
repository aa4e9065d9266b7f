"""Taking a version: whatever the storage does, what lies under a version's name is whole."""

import threading

import pytest

from service.json_files import read_json
from service.model_sync import fetcher
from service.model_sync.fetcher import Errors, FetchTimeout, ModelChecks, ModelFetcher, Superseded
from service.model_sync.reconciler import RETRY_SECONDS, Reconciler, earlier_versions
from unit_tests.service.model_sync.test_reconciler import (
    Check,
    FakeRegistry,
    Refused,
    Unreachable,
    Version,
)

ERRORS = Errors((Unreachable,))


class Storage(FakeRegistry):
    """A registry whose storage can refuse, or hang until it is let go."""

    def __init__(self, production=None):
        super().__init__(production)
        self.refuses, self.hangs, self.go_on = False, False, threading.Event()

    def fetch(self, version, folder):
        """Write half, then wait or refuse."""
        folder.mkdir(parents=True)
        (folder / "half").write_text("half", encoding="utf-8")
        if self.hangs:
            self.go_on.wait(30)
        if self.refuses:
            raise Unreachable("500 from the storage")
        return super().fetch(version, folder)


class Golden:
    """Compares as golden.compare does: by what it was asked with."""

    def __init__(self):
        self.asked = []

    def __call__(self, new, old):
        self.asked.append((new, old))
        if new[0] > 2 * old[0]:
            raise Refused("prices have jumped")


@pytest.fixture(name="storage")
def _storage():
    storage = Storage(Version("1"))
    yield storage
    storage.go_on.set()


@pytest.fixture(name="check")
def _check():
    return Check()


def intact(folder, _manifest):
    """Whether the file is there, and not damaged."""
    path = folder / "data.json"
    return path.exists() and path.read_text(encoding="utf-8") != "damaged"


def sync_of(storage, folder, check, compare=lambda new, old: None, changed=lambda: False):
    """A sidecar on this storage."""
    model = ModelChecks(check, compare, intact, 1)
    return Reconciler(ModelFetcher(storage, folder, model), ERRORS, changed)


def left_over(folder):
    """What lies in versions/ besides whole versions."""
    return [path.name for path in (folder / "versions").glob(".*")]


def test_a_refusing_storage_leaves_the_old_version_and_nothing_half_done(storage, tmp_path, check):
    sync = sync_of(storage, tmp_path, check)
    sync.step(0)
    storage.production, storage.refuses = Version("2", "2" * 16), True
    assert sync.step(1) == "refused"
    assert "500 from the storage" in read_json(tmp_path / "status.json")["detail"]
    assert read_json(tmp_path / "current.json")["version"] == "1" and not left_over(tmp_path)


def test_a_hanging_storage_is_given_up(storage, tmp_path, check, monkeypatch):
    monkeypatch.setattr(fetcher, "TIMEOUT_SECONDS", 0.3)
    sync = sync_of(storage, tmp_path, check)
    sync.step(0)
    storage.production, storage.hangs = Version("2", "2" * 16), True
    assert sync.step(1) == "refused"
    assert "has not delivered" in read_json(tmp_path / "status.json")["detail"]
    assert read_json(tmp_path / "current.json")["version"] == "1"


def test_a_hanging_storage_does_not_hold_up_a_rollback(storage, tmp_path, check):
    changes = iter([False, True])

    def changed():
        if changed_now := next(changes, False):
            storage.production = Version("1")
        return changed_now

    sync = sync_of(storage, tmp_path, check, changed=changed)
    sync.step(0)
    storage.production, storage.hangs = Version("2", "2" * 16), True
    assert sync.step(1) == "superseded"
    assert sync.step(2) == "same" and read_json(tmp_path / "current.json")["version"] == "1"


def test_an_event_about_something_else_does_not_break_the_taking_off(storage, tmp_path, check):
    storage.hangs = True
    threading.Timer(0.5, storage.go_on.set).start()
    assert sync_of(storage, tmp_path, check, changed=lambda: True).step(0) == "loaded"


def test_what_is_slow_is_reported_before_it_is_given_up(storage, tmp_path, check, monkeypatch):
    monkeypatch.setattr("service.model_sync.reconciler.SLOW_SECONDS", 0.0)
    seen = []
    storage.hangs = True

    def changed():
        seen.append(read_json(tmp_path / "status.json").get("state"))
        storage.go_on.set()
        return False

    assert sync_of(storage, tmp_path, check, changed=changed).step(0) == "loaded"
    assert seen[0] == "refused" and read_json(tmp_path / "status.json")["state"] == "ok"


def test_a_rollback_needs_no_storage(storage, tmp_path, check):
    sync = sync_of(storage, tmp_path, check)
    sync.step(0)
    storage.production = Version("2", "2" * 16)
    sync.step(1)
    storage.production, storage.refuses = Version("1"), True
    assert sync.step(2) == "loaded" and storage.fetched == 2
    assert read_json(tmp_path / "current.json")["version"] == "1"


def test_a_damaged_copy_is_fetched_again(storage, tmp_path, check):
    sync = sync_of(storage, tmp_path, check)
    sync.step(0)
    (path,) = (tmp_path / "versions").glob("*/data.json")
    path.write_text("damaged", encoding="utf-8")
    check.bad = {"damaged"}
    assert sync.step(1) == "same"  # compared with its hashes once a minute
    assert sync.step(100) == "loaded" and intact(path.parent, None)


def test_a_damaged_copy_of_the_version_before_is_fetched_again(storage, tmp_path, check):
    sync = sync_of(storage, tmp_path, check)
    sync.step(0)
    storage.production = Version("2", "2" * 16)
    sync.step(1)
    check.bad = {"damaged"}
    (path,) = (tmp_path / "versions").glob("1-*/data.json")
    path.write_text("damaged", encoding="utf-8")
    storage.production = Version("1")
    assert sync.step(2) == "loaded" and storage.fetched == 3 and intact(path.parent, None)


def test_what_a_killed_sidecar_left_is_deleted(storage, tmp_path, check):
    (tmp_path / "versions" / ".1-aaaa.half").mkdir(parents=True)
    sync_of(storage, tmp_path, check).step(0)
    assert not left_over(tmp_path)


def test_a_damaged_current_json_is_replaced(storage, tmp_path, check):
    sync = sync_of(storage, tmp_path, check)
    sync.step(0)
    (tmp_path / "current.json").write_text("{half", encoding="utf-8")
    assert sync.step(1) == "loaded"
    assert read_json(tmp_path / "current.json")["version"] == "1"


def test_prices_are_compared_with_those_of_the_model_that_serves(storage, tmp_path):
    prices, golden = {"1": [100], "2": [190], "3": [500]}, Golden()

    def trial(folder, *_):
        return prices[(folder / "data.json").read_text(encoding="utf-8")]

    sync = sync_of(storage, tmp_path, trial, golden)
    sync.step(0)
    assert not golden.asked
    storage.production = Version("2", "2" * 16)
    assert sync.step(1) == "loaded" and golden.asked == [([190], [100])]
    storage.production = Version("3", "3" * 16)
    assert sync.step(2) == "refused"
    assert "jumped" in read_json(tmp_path / "status.json")["detail"]
    assert read_json(tmp_path / "current.json")["version"] == "2"
    storage.production = Version("3", "3" * 16, tags={"price_jump": "accepted"})
    assert sync.step(RETRY_SECONDS + 2) == "loaded"


def test_a_rollback_is_not_asked_how_far_its_prices_are(storage, tmp_path):
    prices = {"1": [1_000], "2": [100]}

    def trial(folder, *_):
        return prices[(folder / "data.json").read_text(encoding="utf-8")]

    sync = sync_of(storage, tmp_path, trial, Golden())
    sync.step(0)
    storage.production = Version("2", "2" * 16)
    sync.step(1)
    storage.production = Version("1")
    assert sync.step(2) == "loaded"


def test_each_refusal_of_a_version_waits_twice_as_long(storage, tmp_path, check):
    check.bad = {"1"}
    sync = sync_of(storage, tmp_path, check)
    sync.step(0)
    sync.step(RETRY_SECONDS)
    assert storage.fetched == 2
    sync.step(2 * RETRY_SECONDS)
    assert storage.fetched == 2
    sync.step(3 * RETRY_SECONDS)
    assert storage.fetched == 3


def test_refusals_are_counted_and_listed(storage, tmp_path, check):
    check.bad = {"1"}
    sync = sync_of(storage, tmp_path, check)
    for clock in (0, 1, RETRY_SECONDS):
        sync.step(clock)
    status = read_json(tmp_path / "status.json")
    assert status["refused_total"] == {"production": 2}
    assert [r["version"] for r in status["refusals"]] == ["1", "1"]
    restarted = sync_of(storage, tmp_path, check)
    restarted.step(0)
    assert read_json(tmp_path / "status.json")["refused_total"] == {"production": 3}


def test_what_served_before_is_kept_in_order_and_a_rollback_forgets_what_it_left(
    storage, tmp_path, check
):
    sync = sync_of(storage, tmp_path, check)
    for clock, version in enumerate(["1", "2", "3", "2"]):
        storage.production = Version(version, version * 16)
        sync.step(clock)
    current = read_json(tmp_path / "current.json")
    assert current["version"] == "2" and [e["version"] for e in current["before"]] == ["1"]


def test_the_stack_holds_no_version_twice():
    served = {}
    for folder in "1 2 3 2 3 1 4 1".split():
        served = {"folder": folder, "before": earlier_versions({"folder": folder}, served)}
        folders = [served["folder"], *(entry["folder"] for entry in served["before"])]
        assert len(set(folders)) == len(folders)


def test_slow_and_superseded_are_told_apart(storage, tmp_path, monkeypatch):
    storage.hangs = True
    model_fetcher = ModelFetcher(
        storage, tmp_path, ModelChecks(Check(), lambda new, old: None, intact, 1)
    )
    with pytest.raises(Superseded):
        model_fetcher.fetch(Version("1"), {}, lambda: False)
    monkeypatch.setattr(fetcher, "TIMEOUT_SECONDS", 0.2)
    with pytest.raises(FetchTimeout):
        model_fetcher.fetch(Version("1"), {}, lambda: True)
