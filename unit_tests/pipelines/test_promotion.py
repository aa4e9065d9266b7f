"""The promotion gate over a real MLflow: who is promoted, who is refused before an alias moves."""

from pathlib import Path

import pytest

from unit_tests.helpers.main_job import aliases, copy_mlflow
from vehicle_price.model import artifact, golden_set, trial
from vehicle_price.pipelines import promotion
from vehicle_price.registry import runs
from vehicle_price.registry.client import Registry
from vehicle_price.registry.names import (
    PRICE_JUMP_ACCEPTED,
    PRICE_JUMP_TAG,
    PRODUCTION,
)


@pytest.fixture(name="settings")
def _settings(main_job, mlflow_folder, tmp_path, monkeypatch):
    """A copy of the main job's MLflow. Nothing is written to its artifacts: tests share them."""
    del mlflow_folder
    monkeypatch.setattr(runs, "record_decision", lambda *_: None)
    return copy_mlflow(main_job, tmp_path)


@pytest.fixture(name="registry")
def _registry(settings):
    return Registry(settings.mlflow_tracking_uri)


@pytest.fixture(name="worse_serves")
def _worse_serves(main_job, registry):
    """The family that lost in the main job is in production; returns (its number, the winner's)."""
    winner = main_job.decision["version"]
    loser = next(t["version"] for t in main_job.trained.values() if t["version"] != winner)
    registry.promote(loser)
    return loser, winner


def test_the_better_family_is_promoted_first(main_job):
    maes = {t["version"]: t["metrics"]["mae"] for t in main_job.trained.values()}
    assert main_job.decision["promoted"] and main_job.decision["production"] is None
    assert main_job.decision["version"] == min(maes, key=maes.get)


def test_the_gate_measures_what_training_reported(main_job):
    for trained in main_job.trained.values():
        measured = main_job.decision["measured"][trained["version"]]
        assert measured["mae"] == trained["metrics"]["mae"]
        assert measured["coverage"] == trained["metrics"]["interval_coverage"]
        assert trained["metrics"]["test_cars"] == main_job.decision["cars"]
    baseline = main_job.decision["measured"]["baseline"]["mae"]
    assert main_job.trained["xgboost"]["metrics"]["baseline_mae"] == baseline


def test_the_second_challenger_is_not_promoted(main_job, second_job):
    decision = second_job.decision
    assert not decision["promoted"] and decision["production"] == main_job.decision["version"]
    assert decision["measured"]["3"] == decision["measured"]["production"]
    assert [r for r in decision["reasons"] if r.startswith("refused: MAE")]
    serving = Registry(second_job.settings.mlflow_tracking_uri).version(PRODUCTION)
    assert serving.version == main_job.decision["version"]


def test_a_gate_that_runs_again_after_promoting_decides_the_same(main_job, settings, registry):
    """Airflow retries a task whose answer was lost."""
    versions = [t["version"] for t in main_job.trained.values()]
    retried = promotion.run_gate(settings, main_job.dataset["uri"], versions)
    assert retried == main_job.decision
    promoted = registry.version(PRODUCTION)
    assert promoted.version == retried["version"] and promoted.tags["gate"] == "promoted"


def test_a_model_is_tried_in_a_child_before_it_is_loaded(main_job, registry, tmp_path, monkeypatch):
    def refuse(folder: Path, *_: object) -> None:
        assert (folder / "price.ubj").is_file()
        raise artifact.ArtifactError("crashed")

    monkeypatch.setattr(trial, "try_out", refuse)
    monkeypatch.setattr(artifact, "load", lambda *_: pytest.fail("loaded all the same"))
    version = registry.version_by_number(main_job.decision["version"])
    with pytest.raises(artifact.ArtifactError, match="crashed"):
        promotion.fetch_checked(registry, version, tmp_path)


@pytest.mark.parametrize("error", [artifact.ArtifactError, trial.TrialTimeout])
def test_a_production_model_that_cannot_be_used_does_not_stop_the_gate(
    main_job, settings, monkeypatch, error
):
    serving = main_job.decision["version"]
    loser = next(t["version"] for t in main_job.trained.values() if t["version"] != serving)
    fetch_checked = promotion.fetch_checked

    def fetch(registry, version, folder):
        if version.version == serving:
            raise error("made for other inputs")
        return fetch_checked(registry, version, folder)

    monkeypatch.setattr(promotion, "fetch_checked", fetch)
    decision = promotion.run_gate(settings, main_job.dataset["uri"], [loser])
    assert decision["promoted"] and decision["version"] == loser
    assert f"version {serving} cannot be used: made for other inputs" in decision["reasons"]
    broken = promotion.run_gate(settings, main_job.dataset["uri"], [serving])
    assert not broken["promoted"] and broken["version"] == serving
    assert broken["reasons"][-1] == "refused: there is no challenger to measure"


def test_a_better_challenger_is_promoted(main_job, settings, registry, worse_serves):
    serving, challenger = worse_serves
    decision = promotion.run_gate(settings, main_job.dataset["uri"], [challenger])
    assert decision["promoted"], decision["reasons"]
    assert aliases(registry)[PRODUCTION] == challenger != serving


def test_a_better_challenger_that_fails_a_golden_listing_is_not_promoted(
    main_job, settings, registry, worse_serves, monkeypatch
):
    """It loads and prices the example: only the golden listings tell."""
    before, challenger = aliases(registry), worse_serves[1]
    golden_prices = trial.golden_prices

    def fail_the_first(folder: Path, manifest_sha256: str | None) -> list[int]:
        with monkeypatch.context() as patch:
            if folder.name == challenger:
                first_listing, *unchanged = golden_set.LISTINGS
                dear_listing = first_listing._replace(
                    typical_price=100 * first_listing.typical_price
                )
                patch.setattr(golden_set, "LISTINGS", (dear_listing, *unchanged))
            return golden_prices(folder, manifest_sha256)

    monkeypatch.setattr(trial, "golden_prices", fail_the_first)
    decision = promotion.run_gate(settings, main_job.dataset["uri"], [challenger])
    assert not decision["promoted"]
    (reason,) = [r for r in decision["reasons"] if f"version {challenger} cannot be used" in r]
    assert "golden listing 2014 honda civic" in reason
    assert aliases(registry) == before


@pytest.fixture(name="doubled")
def _doubled(worse_serves, monkeypatch):
    """The better version's golden prices are twice what they are."""
    try_out = trial.try_out

    def doubled(folder: Path, manifest_sha256: str | None, timeout: float) -> list[int]:
        factor = 2 if folder.name == worse_serves[1] else 1
        return [price * factor for price in try_out(folder, manifest_sha256, timeout)]

    monkeypatch.setattr(trial, "try_out", doubled)
    return worse_serves[1]


def test_a_better_challenger_whose_golden_prices_jump_is_not_promoted(
    main_job, settings, registry, doubled
):
    """The service would refuse it; then `production` would name a version that does not serve."""
    before = aliases(registry)
    decision = promotion.run_gate(settings, main_job.dataset["uri"], [doubled])
    assert not decision["promoted"] and decision["version"] == doubled
    assert decision["reasons"][-1].startswith("refused: half of the golden prices are ")
    assert [r.split(":")[0] for r in decision["reasons"][:-1]] == ["ok"] * 3
    assert aliases(registry) == before


def test_a_price_jump_that_was_accepted_is_promoted(main_job, settings, registry, doubled):
    tag = (PRICE_JUMP_TAG, PRICE_JUMP_ACCEPTED)
    registry.client.set_model_version_tag("vehicle-price", doubled, *tag)
    decision = promotion.run_gate(settings, main_job.dataset["uri"], [doubled])
    assert decision["promoted"] and aliases(registry)[PRODUCTION] == doubled


def test_prices_cannot_jump_away_from_a_model_that_cannot_be_tried(
    main_job, settings, registry, doubled, monkeypatch
):
    fetch_checked = promotion.fetch_checked

    def fetch(registry, version, folder):
        if version.version != doubled:
            raise artifact.ArtifactError("damaged")
        return fetch_checked(registry, version, folder)

    monkeypatch.setattr(promotion, "fetch_checked", fetch)
    decision = promotion.run_gate(settings, main_job.dataset["uri"], [doubled])
    assert decision["promoted"] and aliases(registry)[PRODUCTION] == doubled
