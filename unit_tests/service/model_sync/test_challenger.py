"""The sidecar's challenger: brought to the workers, judged, ended, and it does not come back."""

import json
from datetime import datetime

import pytest

from service.inference.canary_stats import CanaryStats
from service.json_files import read_json, write_json
from service.model_dir import canary_key
from service.model_sync.canary_feedback import READ_SECONDS, FeedbackReader
from service.model_sync.challenger import Challenger, ChallengerMode, worker_stats
from service.model_sync.fetcher import Errors, ModelChecks, ModelFetcher
from service.model_sync.reconciler import Reconciler
from service.model_sync.status_file import StatusFile
from unit_tests.service.model_sync.test_reconciler import Check, FakeRegistry, Unreachable, Version
from vehicle_price.monitoring.canary import CanaryFeedback
from vehicle_price.prediction_log.errors import DatabaseUnavailable

CANARY = ChallengerMode("canary", 10)


class Aliases(FakeRegistry):
    """A registry with both aliases."""

    def __init__(self):
        super().__init__(Version("1", run_id="1" * 16))
        self.challenger = Version("2", run_id="2" * 16)

    def version(self, alias):
        """The version with this alias."""
        version = super().version(alias)
        return self.challenger if alias == "challenger" else version


class Bench:
    """A sidecar with a challenger on fakes."""

    def __init__(self, folder, plan=CANARY, feedback=None):
        self.folder, self.check, self.registry = folder, Check(), Aliases()
        self.feedback = feedback
        self.sync = self.restarted(plan)

    def restarted(self, plan=CANARY):
        """A new sidecar on the same folder."""
        errors = Errors((Unreachable,))
        model = ModelChecks(self.check, lambda new, old: None, lambda f, _: f.is_dir(), 1)
        fetcher = ModelFetcher(self.registry, self.folder, model)
        status = StatusFile(self.folder)
        challenger = Challenger(fetcher, errors, plan, status, self.feedback)
        self.sync = Reconciler(fetcher, errors, lambda: False, challenger)
        return self.sync

    def steps(self, count=3, start=0.0):
        """Look some times."""
        for number in range(count):
            self.sync.step(start + number)

    def challenges(self):
        """Which version challenges now."""
        return read_json(self.folder / "challenger.json").get("version")

    def status(self):
        """The challenger's part of status.json."""
        return read_json(self.folder / "status.json")["challenger"]

    def workers_counted(self, failures=0, answers=1_000, worker="1-a"):
        """What one worker leaves."""
        tally = CanaryStats(canary_key(read_json(self.folder / "challenger.json")))
        tally.count("canary", answers - failures, None)
        tally.count("production", 9_000, None)
        for _ in range(failures):
            tally.count_failure(1)
        write_json(self.folder / "canary_stats" / f"{worker}.json", tally.as_dict())


@pytest.fixture(name="bench")
def _bench(tmp_path):
    bench = Bench(tmp_path)
    bench.steps()
    return bench


@pytest.mark.parametrize("mode", ["shadow", "canary"])
def test_the_challenger_is_brought_to_the_workers_with_its_plan(tmp_path, mode):
    bench = Bench(tmp_path, ChallengerMode(mode, 10))
    bench.steps()
    challenger = read_json(tmp_path / "challenger.json")
    assert (challenger["version"], challenger["mode"], challenger["share"]) == ("2", mode, 10)
    assert (bench.status()["state"], bench.status()["version"]) == (mode, "2")
    assert bench.registry.fetched == 2


def test_off_is_off(tmp_path):
    bench = Bench(tmp_path, ChallengerMode())
    bench.steps()
    assert bench.challenges() is None and bench.status()["state"] == "off"
    assert bench.registry.fetched == 1


@pytest.mark.parametrize(("mode", "share"), [("on", 5), ("canary", 0), ("canary", 101)])
def test_a_wrong_plan_names_the_setting(mode, share):
    with pytest.raises(ValueError, match="CHALLENGER_MODE|CANARY_PERCENT"):
        ChallengerMode.checked(mode, share)


def test_a_challenger_that_has_become_production_challenges_no_more(bench):
    bench.registry.production = bench.registry.challenger
    bench.steps()
    assert bench.challenges() is None and bench.status()["state"] == "none"


def test_an_alias_taken_away_ends_it(bench):
    bench.registry.challenger = None
    bench.steps()
    assert bench.challenges() is None


def test_a_challenger_that_fails_its_trial_never_takes_part(tmp_path):
    bench = Bench(tmp_path)
    bench.check.bad = {"2"}
    bench.steps()
    assert bench.challenges() is None
    assert bench.status()["state"] == "refused" and "a hash is wrong" in bench.status()["detail"]
    assert read_json(tmp_path / "status.json")["refused_total"] == {"challenger": 1}
    assert read_json(tmp_path / "current.json")["version"] == "1"


def test_a_canary_that_fails_is_rolled_back_and_does_not_come_back(bench):
    bench.workers_counted(failures=20)
    bench.steps()
    assert bench.challenges() is None
    assert bench.status()["state"] == "rolled back" and "20 of 1000" in bench.status()["detail"]
    bench.restarted()
    bench.steps(5)
    assert bench.challenges() is None and bench.status()["state"] == "rolled back"
    assert bench.registry.fetched == 2
    refusals = read_json(bench.folder / "status.json")["refusals"]
    assert [r["version"] for r in refusals] == ["2"]


def test_a_refusal_that_was_lifted_is_not_repeated_from_old_counts(bench, monkeypatch):
    bench.workers_counted(failures=20)
    bench.steps()
    assert bench.challenges() is None
    (bench.folder / "refused.json").unlink()
    # A period of serving is known by the second in which it began.
    monkeypatch.setattr("service.model_sync.fetcher.now", lambda: "2031-01-01T00:00:00+00:00")
    bench.steps(5)
    assert bench.challenges() == "2"


def test_the_next_challenger_gets_its_chance(bench):
    bench.workers_counted(failures=20)
    bench.steps()
    bench.registry.challenger = Version("3", run_id="3" * 16)
    bench.steps()
    assert bench.challenges() == "3"
    bench.registry.challenger = Version("2", run_id="2" * 16)
    bench.steps()
    assert bench.challenges() is None


def test_a_canary_is_ended_also_while_mlflow_is_away(bench):
    bench.registry.down = True
    bench.workers_counted(failures=20)
    bench.steps()
    assert bench.challenges() is None and bench.status()["state"] == "rolled back"


def test_all_workers_are_counted_also_those_that_ended(bench):
    for worker in ("1-a", "2-b", "3-c"):
        bench.workers_counted(failures=4, worker=worker)
    key = canary_key(read_json(bench.folder / "challenger.json"))
    canary, production = worker_stats(bench.folder, key)
    assert (canary.answers, canary.failures, production.answers) == (3_000, 12, 27_000)
    assert worker_stats(bench.folder, "versions/another")[0].answers == 0
    assert not list((bench.folder / "canary_stats").iterdir())


def test_a_damaged_tally_counts_as_nothing(bench):
    bench.workers_counted()
    (bench.folder / "canary_stats" / "9-z.json").write_text("{half", "utf-8")
    bench.steps()
    assert bench.challenges() == "2"


FEEDBACK = CanaryFeedback(400, 60, 55, 50, 10)


def test_a_canary_that_is_worse_by_feedback_is_rolled_back(tmp_path):
    asked = []
    bench = Bench(tmp_path, feedback=FeedbackReader(lambda *of: asked.append(of) or FEEDBACK))
    bench.steps()
    assert bench.status()["state"] == "rolled back" and "of 60 reports" in bench.status()["detail"]
    assert len(asked) == 1
    since, canary_run, production_run = asked[0]
    assert since.tzinfo and (canary_run, production_run) == ("2" * 16, "1" * 16)


def test_while_the_database_is_away_the_rule_for_feedback_is_paused_and_the_status_says_so(
    tmp_path,
):
    away = [True]

    def read(since: datetime, *_runs: str):
        assert since
        if away[0]:
            raise DatabaseUnavailable("PostgreSQL does not answer")
        return FEEDBACK

    bench = Bench(tmp_path, feedback=FeedbackReader(read))
    bench.steps()
    assert bench.challenges() == "2" and "not judged: PostgreSQL" in bench.status()["detail"]
    away[0] = False
    bench.steps(start=READ_SECONDS + 10)
    assert bench.challenges() is None and bench.status()["state"] == "rolled back"


def test_what_is_remembered_survives_a_damaged_file(bench):
    bench.workers_counted(failures=20)
    bench.steps()
    (bench.folder / "challenger.json").write_text("", "utf-8")
    bench.steps()
    assert json.loads((bench.folder / "refused.json").read_text("utf-8"))
    assert bench.status()["state"] == "rolled back"
