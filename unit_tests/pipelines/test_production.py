"""Moves of `production` over a real MLflow: once, on record, and only under the lock."""

import pytest

from unit_tests.helpers.main_job import aliases
from vehicle_price.pipelines import production, promotion
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.registry.names import MODEL_NAME, PREVIOUS, PRODUCTION


def test_a_rollback_is_done_once_and_never_over_a_later_decision(settings, registry, worse_serves):
    worse, better = worse_serves
    plan = production.planned_rollback(settings)
    assert plan == {"serving": worse, "previous": better}
    for _ in range(2):  # Airflow tries a task again whose answer was lost
        production.roll_back_as_planned(settings, **plan, by="anna", reason="too dear")
        assert aliases(registry) == {PRODUCTION: better, PREVIOUS: worse}
    registry.promote(worse, "bert", "a later decision")
    late = {"serving": "99", "previous": better}
    with pytest.raises(production.ProductionMoved, match=f"from version 99 to version {worse}"):
        production.roll_back_as_planned(settings, **late, by="anna", reason="too dear")
    assert registry.version(PRODUCTION).tags["promoted_by"] == "bert"


def test_without_the_lock_nothing_moves(settings, main_job, registry, worse_serves, monkeypatch):
    before = aliases(registry)

    def unavailable(*_):
        raise DatabaseUnavailable("PostgreSQL (port=1): refused")

    monkeypatch.setattr(production, "advisory_lock", unavailable)
    with pytest.raises(DatabaseUnavailable):
        promotion.run_gate(settings, main_job.dataset["uri"], [worse_serves[1]])
    for move in (
        lambda: production.promote(settings, worse_serves[1], "anna", "why"),
        lambda: production.roll_back(settings, "anna", "why"),
    ):
        with pytest.raises(DatabaseUnavailable):
            move()
    assert aliases(registry) == before


def test_a_move_in_mlflows_own_page_is_noticed_and_one_of_ours_is_not(registry, worse_serves):
    serving, other = worse_serves
    assert not registry.was_moved_by_others(registry.version(PRODUCTION))
    set_alias = registry.client.set_registered_model_alias
    looked = []

    def set_and_look(*arguments):  # as model-sync does when the webhook comes
        set_alias(*arguments)
        looked.append(registry.was_moved_by_others(registry.version(PRODUCTION)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry.client, "set_registered_model_alias", set_and_look)
        registry.promote(other, "anna", "to see it")
        registry.promote(serving, "anna", "back")
    assert looked == [False] * 4
    registry.client.set_registered_model_alias(MODEL_NAME, PRODUCTION, other)
    assert registry.was_moved_by_others(registry.version(PRODUCTION))
    registry.promote(serving, "anna", "back")
    assert not registry.was_moved_by_others(registry.version(PRODUCTION))
