"""The promotion gate over a real MLflow: who is promoted, who is refused before an alias moves."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Lock

import pytest

from unit_tests.helpers.main_job import aliases
from vehicle_price.model import artifact, golden_set, trial
from vehicle_price.names import REAL, SAMPLE
from vehicle_price.pipelines import candidates, production, promotion
from vehicle_price.registry import runs
from vehicle_price.registry.client import SERVING, TWIN, Registry
from vehicle_price.registry.names import (
    MODEL_NAME,
    PREVIOUS,
    PRICE_JUMP_ACCEPTED,
    PRICE_JUMP_TAG,
    PRODUCTION,
)


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


def test_a_family_without_a_version_is_named_and_the_others_are_decided_on(
    main_job, settings, registry
):
    registry.client.delete_registered_model_alias(MODEL_NAME, PRODUCTION)
    xgboost = main_job.trained["xgboost"]["version"]
    families = ["xgboost", "random_forest"]
    decision = promotion.run_gate(settings, main_job.dataset["uri"], [xgboost], families=families)
    assert decision["promoted"] and decision["not_trained"] == ["random_forest"]
    assert decision["reasons"][-1] == "random_forest took no part: it could not be trained"
    assert main_job.decision["not_trained"] == []


def test_without_any_version_there_is_nothing_to_decide(settings, main_job):
    with pytest.raises(promotion.NothingTrained, match="none of xgboost was trained"):
        promotion.run_gate(settings, main_job.dataset["uri"], [], families=["xgboost"])


def test_a_model_is_tried_in_a_child_before_it_is_loaded(main_job, registry, tmp_path, monkeypatch):
    def refuse(folder: Path, *_: object) -> None:
        assert (folder / "price.ubj").is_file()
        raise artifact.ArtifactError("crashed")

    monkeypatch.setattr(trial, "try_out", refuse)
    monkeypatch.setattr(artifact, "load", lambda *_: pytest.fail("loaded all the same"))
    version = registry.version_by_number(main_job.decision["version"])
    with pytest.raises(artifact.ArtifactError, match="crashed"):
        candidates.fetch_checked(registry, version, tmp_path)


@pytest.mark.parametrize("fault", [(SERVING, artifact.ArtifactError), (TWIN, trial.TrialTimeout)])
def test_nothing_is_promoted_while_production_cannot_be_measured(
    settings, main_job, registry, worse_serves, monkeypatch, fault
):
    broken, error = fault
    serving, challenger = worse_serves
    before, fetch_checked = aliases(registry), candidates.fetch_checked

    def fetch(registry, version, folder, part=SERVING):
        if version.version == serving and part == broken:
            raise error("made for other inputs")
        return fetch_checked(registry, version, folder, part)

    monkeypatch.setattr(candidates, "fetch_checked", fetch)
    decision = promotion.run_gate(settings, main_job.dataset["uri"], [challenger])
    assert not decision["promoted"] and not decision["harmless"]
    assert decision["reasons"][0] == f"version {serving} cannot be used: made for other inputs"
    assert decision["reasons"][1].startswith("refused: production cannot be measured")
    assert "vehicle-price promote" in decision["reasons"][1]
    assert aliases(registry) == before


def test_a_challenger_that_cannot_be_used_leaves_none_to_measure(
    settings, main_job, registry, monkeypatch
):
    def fetch(*_):
        raise artifact.ArtifactError("damaged")

    monkeypatch.setattr(candidates, "fetch_checked", fetch)
    registry.client.delete_registered_model_alias(MODEL_NAME, PRODUCTION)
    decision = promotion.run_gate(settings, main_job.dataset["uri"], ["1"])
    assert not decision["promoted"] and decision["version"] == "1"
    assert decision["reasons"] == [
        "version 1 cannot be used: damaged",
        "refused: there is no challenger to measure",
    ]


@pytest.fixture(name="markets")
def _markets(monkeypatch):
    """Number of a version → the market that it has learnt from; tests fill it in."""
    markets: dict[str, str] = {}
    market = property(lambda checked: markets[checked.version.version])
    monkeypatch.setattr(candidates.CheckedVersion, "market", market)
    return markets


@pytest.mark.parametrize("learnt_from", [SAMPLE, ""])
def test_a_better_model_of_the_sample_never_replaces_one_of_real_cars(
    settings, main_job, registry, worse_serves, markets, learnt_from
):
    serving, challenger = worse_serves
    before = aliases(registry)
    markets |= {serving: REAL, challenger: learnt_from}
    decision = promotion.run_gate(settings, main_job.dataset["uri"], [challenger])
    assert not decision["promoted"] and not decision["harmless"]
    assert "has not learnt from real listings" in decision["reasons"][0]
    assert aliases(registry) == before


def test_a_model_of_real_cars_replaces_one_of_the_sample_if_it_beats_the_baseline(
    settings, main_job, registry, worse_serves, markets
):
    """Even a worse one: an error on made-up cars is no error on real ones."""
    worse, better = worse_serves
    registry.promote(better, "a test", "to test")
    markets |= {better: SAMPLE, worse: REAL}
    decision = promotion.run_gate(settings, main_job.dataset["uri"], [worse])
    assert decision["promoted"] and "baseline" in decision["measured"], decision["reasons"]
    assert "has learnt from the sample" in decision["reasons"][-1]
    promoted = registry.version(PRODUCTION)
    assert promoted.version == worse and promoted.tags[PRICE_JUMP_TAG] == PRICE_JUMP_ACCEPTED


def test_between_real_sources_models_are_compared(
    settings, main_job, registry, worse_serves, markets
):
    worse, better = worse_serves
    registry.promote(better, "a test", "to test")
    markets |= {better: REAL, worse: REAL}
    decision = promotion.run_gate(settings, main_job.dataset["uri"], [worse])
    assert not decision["promoted"] and decision["rival"] == "production"
    assert [r for r in decision["reasons"] if r.startswith("refused: MAE")]


def test_a_model_knows_its_market(main_job, registry, tmp_path):
    version = registry.version_by_number(main_job.decision["version"])
    assert candidates.fetch_version(registry, version, tmp_path).market == SAMPLE
    tags = {"market": "sample", "source": "sample"}
    assert version.tags.items() >= tags.items() and "/samples/" in version.tags["store"]


def test_a_promotion_is_recorded_with_who_and_why(settings, main_job, registry, worse_serves):
    promotion.run_gate(settings, main_job.dataset["uri"], [worse_serves[1]])
    tags = registry.version(PRODUCTION).tags
    assert tags["promoted_by"] == "the gate (command line)"
    assert tags["promotion_reason"].startswith("ok: MAE ")


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
            if folder.parent.name == challenger:
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
        factor = 2 if folder.parent.name == worse_serves[1] else 1
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
    assert {r.split(":")[0] for r in decision["reasons"][:-1]} == {"ok"}
    assert aliases(registry) == before


def test_a_price_jump_that_was_accepted_is_promoted(main_job, settings, registry, doubled):
    tag = (PRICE_JUMP_TAG, PRICE_JUMP_ACCEPTED)
    registry.client.set_model_version_tag("vehicle-price", doubled, *tag)
    decision = promotion.run_gate(settings, main_job.dataset["uri"], [doubled])
    assert decision["promoted"] and aliases(registry)[PRODUCTION] == doubled


def test_a_decision_that_another_one_overtook_moves_nothing(
    settings, main_job, registry, worse_serves, monkeypatch
):
    """A person rolls back while the gate measures, just before it takes the lock."""
    serving, challenger = worse_serves

    @contextmanager
    def rolled_back_meanwhile(*_):
        registry.promote(challenger, "anna", "rollback")
        yield

    monkeypatch.setattr(production, "advisory_lock", rolled_back_meanwhile)
    recorded = []
    monkeypatch.setattr(runs, "record_decision", lambda *call: recorded.append(call))
    with pytest.raises(
        production.ProductionMoved, match=f"from version {serving} to version {challenger}"
    ):
        promotion.run_gate(settings, main_job.dataset["uri"], [challenger])
    assert not recorded
    assert registry.version(PRODUCTION).tags["promoted_by"] == "anna"


def test_of_two_trainings_that_end_at_once_one_decides_and_the_other_measures_again(
    settings, main_job, registry, worse_serves, monkeypatch
):
    serving, better = worse_serves
    both_measured, lock = Barrier(2), Lock()

    @contextmanager
    def one_at_a_time(*_):
        both_measured.wait(timeout=120)
        with lock:
            yield

    monkeypatch.setattr(production, "advisory_lock", one_at_a_time)
    arguments = settings, main_job.dataset["uri"], [better]
    with ThreadPoolExecutor(2) as pool:
        gates = [pool.submit(promotion.run_gate, *arguments) for _ in range(2)]
    errors = [error for gate in gates if (error := gate.exception())]
    assert [type(error) for error in errors] == [production.ProductionMoved]
    assert aliases(registry) == {PRODUCTION: better, PREVIOUS: serving}
