"""What the canary's rule reads of feedback, from a real PostgreSQL."""

from datetime import timedelta

import numpy as np
import pytest

from integration_tests.monitoring.made_up_log import FIRST_DAY, SERVING, running_log
from vehicle_price.monitoring.canary import Reports, canary_feedback
from vehicle_price.prediction_log import performance
from vehicle_price.prediction_log.ids import member_ids, new_id
from vehicle_price.prediction_log.performance import read_canary_feedback
from vehicle_price.prediction_log.rows import FeedbackRow, ModelRow, PredictionRow, Rows
from vehicle_price.prediction_log.writer import insert

CANARY = ModelRow("vehicle-price", "8", "run-8", "e" * 64, "c" * 40)


@pytest.fixture(name="log", scope="module")
def _log():
    with running_log() as (_, connection):
        yield connection


def add(connection, model, role, keys, prices, since=FIRST_DAY):
    """Predictions of a role, each reported as 10,000 by its key, in the order of `keys`."""
    ids = member_ids(new_id(), len(keys))
    moments = [(since + timedelta(seconds=n)).isoformat() for n in range(len(keys))]
    predictions = [
        PredictionRow(
            i, at, "r", n, None, model.run_id, model.version, role, {}, int(price), 1, 9, ()
        )
        for n, (i, at, price) in enumerate(zip(ids, moments, prices, strict=True))
    ]
    reports = [
        FeedbackRow(i, 10_000, at, f"key-{key}")
        for i, at, key in zip(ids, moments, keys, strict=True)
    ]
    insert(connection, Rows(models=[model], predictions=predictions, feedback=reports))


def test_the_rule_reads_what_was_reported_since_the_canary_serves(log, monkeypatch):
    random = np.random.default_rng(3)
    canary = random.choice(14, 300, p=[0.6, *[0.4 / 13] * 13]), random.integers(8_000, 14_000, 300)
    production = random.integers(0, 14, 900), random.integers(8_000, 12_000, 900)
    add(log, CANARY, "canary", *canary)
    add(log, SERVING, "production", *production)
    # None of these counts: another role, another run, and from before.
    add(log, CANARY, "fallback", [1] * 20, [99_000] * 20)
    add(log, ModelRow("vehicle-price", "9", "run-9", "e" * 64, "c"), "canary", [1] * 9, [1] * 9)
    add(log, CANARY, "canary", [1] * 20, [99_000] * 20, FIRST_DAY - timedelta(days=1))
    found = read_canary_feedback(log, FIRST_DAY, CANARY.run_id, SERVING.run_id)
    sides = [
        Reports(np.array([f"key-{key}" for key in keys]), prices / 10_000)
        for keys, prices in (canary, production)
    ]
    assert found == canary_feedback(*sides)
    assert (found.keys, found.production) == (14, 900) and found.left_out > 100
    monkeypatch.setattr(performance, "MOST_REPORTS", 250)
    newest = canary_feedback(sides[0].rows(slice(250)), sides[1].rows(slice(-250, None)))
    assert read_canary_feedback(log, FIRST_DAY, CANARY.run_id, SERVING.run_id) == newest
    nothing = read_canary_feedback(log, FIRST_DAY, "another", SERVING.run_id)
    assert (nothing.canary, nothing.production) == (0, 250)
