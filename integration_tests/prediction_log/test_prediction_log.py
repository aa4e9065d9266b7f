"""Each answered prediction is in PostgreSQL exactly once, whatever is killed or unreachable.

Real Gunicorn with two workers, the real forwarder and a real PostgreSQL behind a proxy that can
refuse connections or fall silent. `python -m benchmarks.prediction_log` is the same at full size.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from integration_tests.helpers.processes import ROOT
from integration_tests.helpers.service import HONDA, read_api_key
from integration_tests.helpers.waiting import wait_until
from integration_tests.prediction_log.database_proxy import OPEN, REFUSING, SILENT
from integration_tests.prediction_log.fault_injection import FaultPlan, run_with_faults
from integration_tests.prediction_log.harness import RUN_ID, prediction_log_harness
from service.forwarder.drain import Drain
from service.inference.model_holder import Served
from service.outbox import codec
from service.outbox.outbox import StoredAnswer
from service.outbox.records import Record
from unit_tests.helpers import tiny
from vehicle_price.estimate import Estimate
from vehicle_price.prediction_log.database import Address, connected
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.prediction_log.ids import new_id
from vehicle_price.prediction_log.migrations import schema
from vehicle_price.prediction_log.performance import errors_by_version, shadow_errors

SMALL = FaultPlan(predictions=3_000, kills=6, away_seconds=5, clients=4, per_second=250)


@pytest.fixture(name="harness", scope="module")
def _harness():
    with prediction_log_harness(tiny.valuation("xgboost")) as harness:
        yield harness


@pytest.fixture(name="outbox")
def _outbox(harness):
    """The outbox that the service writes and the forwarder empties."""
    return harness.outbox()


def predict(harness, body=None, **headers):
    """The answer to POST /predict."""
    url = f"http://127.0.0.1:{harness.service_port}/predict"
    return requests.post(url, json=body or HONDA, headers=headers, timeout=30).json()


def lineage(harness, prediction_id):
    """The response to GET /lineage."""
    url = f"http://127.0.0.1:{harness.service_port}/lineage/{prediction_id}"
    return requests.get(url, headers={"X-API-Key": read_api_key(harness.folder)}, timeout=30)


def send_feedback(harness, prediction_id, price):
    """POST /feedback."""
    body = {"prediction_id": prediction_id, "price": price}
    url = f"http://127.0.0.1:{harness.service_port}/feedback"
    headers = {"X-API-Key": read_api_key(harness.folder)}
    answer = requests.post(url, json=body, headers=headers, timeout=30)
    assert answer.status_code == 202


def test_every_answer_is_in_the_table_once_whatever_is_killed_or_unreachable(harness):
    report = run_with_faults(harness, SMALL)
    assert report.answered >= SMALL.predictions
    assert (report.missing, report.doubled, report.keys_doubled) == (0, 0, 0)
    assert report.kills == SMALL.kills


def test_a_lists_predictions_arrive_in_order_and_once_when_repeated(harness):
    key = {"Idempotency-Key": new_id()}
    listings = [HONDA | {"year": 1990 + n % 30} for n in range(300)]
    first, repeated = predict(harness, listings, **key), predict(harness, listings, **key)
    assert first == repeated
    harness.drain(30)
    sql = "SELECT prediction_id::text, price FROM predictions WHERE idempotency_key = %s"
    rows = harness.query(sql + " ORDER BY position", key["Idempotency-Key"])
    assert rows == [(p["prediction_id"], p["price"]) for p in first["predictions"]]


def test_the_same_request_sent_to_both_workers_at_once_is_one_prediction(harness):
    keys = [new_id() for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        futures = [
            pool.submit(predict, harness, HONDA, **{"Idempotency-Key": key}) for key in keys * 4
        ]
        answers = [future.result() for future in futures]
    assert answers == answers[:20] * 4
    harness.drain(30)
    sql = "SELECT idempotency_key FROM predictions WHERE idempotency_key = ANY(%s)"
    assert sorted(harness.query(sql, keys)) == sorted((key,) for key in keys)


def test_the_lineage_is_the_same_from_the_outbox_and_from_postgresql(harness):
    harness.proxy.switch(REFUSING)
    prediction_id = predict(harness, HONDA | {"model": "civic\0"})["prediction_id"]
    before = lineage(harness, prediction_id).json()
    harness.proxy.switch(OPEN)
    harness.drain(30)
    after = lineage(harness, prediction_id).json()
    assert before["model"] == after["model"] and after["model"]["code_commit"] == "c" * 40
    assert before["created_at"] == after["created_at"]
    assert after["request"]["listing"]["model"].startswith("civic")
    assert lineage(harness, new_id()).status_code == 404


def test_a_silent_database_delays_the_lineage_and_not_the_prices(harness):
    harness.drain(30)
    harness.proxy.switch(SILENT)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(lineage, harness, new_id()) for _ in range(8)]
        wait_until(lambda: all(future.running() for future in futures))
        assert predict(harness)["price"] and not all(future.done() for future in futures)
        answers = [future.result() for future in futures]
    harness.proxy.switch(OPEN)
    assert {answer.status_code for answer in answers} == {503}
    assert all("log-away" in answer.json()["type"] for answer in answers)


def test_feedback_may_come_before_its_prediction_late_and_twice(harness, outbox):
    harness.proxy.switch(REFUSING)
    late = predict(harness)["prediction_id"]
    send_feedback(harness, late, 9_000)
    harness.proxy.switch(OPEN)
    early = new_id()
    send_feedback(harness, early, 5_000)
    for price in (9_000, 9_500):
        send_feedback(harness, late, price)
    old = codec.feedback_record(late, 7_000, "default")
    outbox.append(old._replace(body=old.body.replace(b'"20', b'"19')))  # received a century ago
    harness.drain(30)
    sql = "SELECT price FROM feedback WHERE prediction_id = %s"
    assert (harness.query(sql, late), harness.query(sql, early)) == ([(9_500,)], [])
    feedback = lineage(harness, late).json()["feedback"]
    assert (feedback["price"], feedback["key_name"]) == (9_500, "default")
    served = Served(None, "1", info={"run_id": RUN_ID, "tags": {}})
    estimate = Estimate(4_000, 1, 9_000, ())
    outbox.append(codec.prediction_record(early, [HONDA], [estimate], served.row, served.role))
    harness.drain(30)
    assert harness.query(sql, early) == [(5_000,)]


def test_a_second_key_neither_replaces_nor_hides_the_first_ones_feedback(harness, outbox):
    prediction_id = predict(harness)["prediction_id"]
    reports = [("anna", 9_000), ("bert", 1_000), ("anna", 9_500), ("bert", 1_500)]
    for key_name, price in reports:
        outbox.append(codec.feedback_record(prediction_id, price, key_name))
        harness.drain(30)
    sql = "SELECT key_name, price FROM {} WHERE prediction_id = %s ORDER BY received_at"
    assert harness.query(sql.format("feedback"), prediction_id) == [("anna", 9_500)]
    assert harness.query(sql.format("feedback_reports"), prediction_id) == reports


def test_a_prediction_says_how_it_came_and_who_asked(harness):
    ids = [
        predict(harness)["prediction_id"],
        predict(harness, **{"X-Channel": "form"})["prediction_id"],
        predict(harness, **{"X-API-Key": read_api_key(harness.folder)})["prediction_id"],
    ]
    harness.drain(30)
    sql = "SELECT channel, caller FROM predictions WHERE prediction_id = %s"
    rows = [row for prediction_id in ids for row in harness.query(sql, prediction_id)]
    local = "address 127.0.0.1"
    assert rows == [("api", local), ("form", local), ("api", "key default")]


def test_a_record_that_can_never_arrive_does_not_stop_the_others(harness, outbox):
    served = Served(None, "1", info={"run_id": RUN_ID, "tags": {}})

    def make_record(price=1, **changed):
        return codec.prediction_record(
            new_id(), [HONDA | changed], [Estimate(price, 1, 1, ())], served.row, served.role
        )

    good = [make_record(), make_record(), make_record(model="\0")]
    wrong = [
        make_record(price=2**40),
        make_record()._replace(body=b'{"half'),
        make_record()._replace(body=b"[]"),
        Record(new_id(), "feedback", b'{"prediction_id": "7", "price": 1, "received_at": "x"}'),
        make_record(price={"a": 1}),
    ]
    for appended in (good[0], *wrong[:3], good[1], *wrong[3:], good[2]):
        outbox.append(appended)
    unknown = make_record()._replace(
        kind="unknown"
    )  # for instance of a later version of the service
    outbox.append_once(unknown, StoredAnswer(unknown.id, b"", b""))
    harness.drain(30)
    sql = "SELECT count(*) FROM predictions WHERE prediction_id = ANY(%s::uuid[])"
    assert harness.query(sql, [record.id for record in good]) == [(3,)]
    assert outbox.fill().dead_letters == len(wrong) + 1


def test_errors_of_each_version_are_counted_since_a_time(harness, outbox):
    predictions = []
    for role, price in (("canary", 1_000), ("canary", 3_000), ("production", 2_000)):
        served = Served(None, role[:3], info={"run_id": f"run-{role}", "tags": {}}, role=role)
        estimate = Estimate(price, price, price, ())
        predictions.append(
            codec.prediction_record(new_id(), [HONDA], [estimate], served.row, served.role)
        )
    shadow = Served(None, "sha", info={"run_id": "run-shadow", "tags": {}}, role="shadow")
    shadow_record = codec.shadow_record(
        predictions[2].id, [Estimate(4_000, 1, 9_000, ())], shadow.row, shadow.role
    )
    for record in (*predictions, shadow_record):
        outbox.append(record)
    for record in predictions:
        outbox.append(codec.feedback_record(record.id, 2_000, "default"))
    harness.drain(30)
    since = datetime.now(UTC) - timedelta(minutes=1)
    with connected(harness.database, 5) as connection:
        errors = {e.run_id: e for e in errors_by_version(connection, since)}
        future_errors = errors_by_version(connection, since + timedelta(hours=1))
        shadows = {e.run_id: e for e in shadow_errors(connection, since)}
    assert errors["run-canary"][3:] == (2, 2, 0.5) and errors["run-canary"].role == "canary"
    assert errors["run-production"][3:] == (1, 1, 0.0)
    assert shadows["run-shadow"] == ("shadow", "sha", "run-shadow", 1, 1, 1.0)
    assert future_errors == []


def test_three_processes_may_migrate_at_once(harness):
    harness.query("SELECT 1")
    with connected(harness.database, 5) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE migrated_at_once")
    url = harness.database.url.replace("/vehicle_price", "/migrated_at_once")
    package = "vehicle_price.prediction_log.migrations.schema"
    code = f"import sys; from {package} import Address, migrate; migrate(Address(sys.argv[1]))"
    command = [sys.executable, "-c", code, url]
    # pylint: disable-next=consider-using-with
    migrations = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [migration.wait(60) for migration in migrations] == [0, 0, 0]
    with connected(Address(url), 5) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT version_num FROM alembic_version")
        assert cursor.fetchall() == [(schema.latest_revision(),)]


def test_a_silent_database_counts_as_away_after_the_patience(harness, monkeypatch):
    harness.drain(30)
    harness.proxy.switch(SILENT)
    silent = Address(harness.environ["PREDICTION_DATABASE_URL"])
    with pytest.raises(DatabaseUnavailable, match="no answer in time"):
        with connected(silent, 0.5):
            pass
    monkeypatch.setattr(schema, "CONNECT_SECONDS", 0.5)
    with pytest.raises(DatabaseUnavailable, match="no answer in time"):
        schema.migrate(silent)
    harness.proxy.switch(OPEN)


def test_the_service_starts_and_answers_without_the_database(harness):
    harness.drain(30)
    harness.proxy.switch(REFUSING)
    harness.kill("master")
    harness.wait_for_service()
    assert predict(harness)["price"] > 0
    assert len(Drain(harness.outbox()).batch()) == 1
    harness.proxy.switch(OPEN)
    harness.drain(30)
