"""What was answered is in PostgreSQL exactly once, whatever is killed or away meanwhile.

Real Gunicorn with two workers, the real forwarder and a real PostgreSQL behind a proxy that can
refuse or swallow everything. `python -m benchmarks.prediction_log` is the same at full size.
"""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from integration_tests.prediction_log.programs import ROOT
from integration_tests.prediction_log.proof import Plan, prove
from integration_tests.prediction_log.rig import rig_with
from service.forwarder.drain import Drain
from service.inference.model_holder import Served
from service.outbox import codec
from service.outbox.outbox import Answered, Outbox
from service.outbox.records import Record
from unit_tests.helpers import tiny
from vehicle_price.estimate import Estimate
from vehicle_price.prediction_log import database
from vehicle_price.prediction_log.database import Address, DatabaseAway, connected
from vehicle_price.prediction_log.ids import new_id
from vehicle_price.prediction_log.writer import errors_by_version, shadow_errors

HONDA = {"year": 2014, "manufacturer": "honda", "odometer": 88_000}
SMALL = Plan(predictions=3_000, kills=6, away_seconds=5, clients=4, per_second=250)


@pytest.fixture(name="rig", scope="module")
def _rig():
    with rig_with(tiny.valuation("xgboost")) as rig:
        yield rig


@pytest.fixture(name="outbox")
def _outbox(rig):
    """The outbox that the service writes and the forwarder empties."""
    return Outbox(rig.folder / "outbox" / "outbox.sqlite", 2**28)


def predict(rig, body=None, **headers):
    """POST /predict."""
    url = f"http://127.0.0.1:{rig.service_port}/predict"
    return requests.post(url, json=body or HONDA, headers=headers, timeout=30).json()


def lineage(rig, prediction_id):
    """GET /lineage."""
    key = (rig.folder / "secrets" / "api_key").read_text("ascii").strip()
    url = f"http://127.0.0.1:{rig.service_port}/lineage/{prediction_id}"
    return requests.get(url, headers={"X-API-Key": key}, timeout=30)


def feedback(rig, prediction_id, price):
    """POST /feedback."""
    key = (rig.folder / "secrets" / "api_key").read_text("ascii").strip()
    body = {"prediction_id": prediction_id, "price": price}
    url = f"http://127.0.0.1:{rig.service_port}/feedback"
    answer = requests.post(url, json=body, headers={"X-API-Key": key}, timeout=30)
    assert answer.status_code == 202


def test_every_answer_is_in_the_table_once_whatever_is_killed_or_away(rig):
    found = prove(rig, SMALL)
    assert found.answered >= SMALL.predictions
    assert (found.missing, found.doubled, found.keys_doubled) == (0, 0, 0)
    assert found.kills == SMALL.kills


def test_a_lists_predictions_arrive_in_order_and_once_when_repeated(rig):
    key = {"Idempotency-Key": new_id()}
    cars = [HONDA | {"year": 1990 + n % 30} for n in range(300)]
    first, again = predict(rig, cars, **key), predict(rig, cars, **key)
    assert first == again
    rig.drain(30)
    sql = "SELECT prediction_id::text, price FROM predictions WHERE idempotency_key = %s"
    found = rig.query(sql + " ORDER BY position", key["Idempotency-Key"])
    assert found == [(p["prediction_id"], p["price"]) for p in first["predictions"]]


def test_the_same_request_sent_to_both_workers_at_once_is_one_prediction(rig):
    keys = [new_id() for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(predict, rig, HONDA, **{"Idempotency-Key": key}) for key in keys * 4]
        answers = [one.result() for one in sent]
    assert answers == answers[:20] * 4
    rig.drain(30)
    sql = "SELECT idempotency_key FROM predictions WHERE idempotency_key = ANY(%s)"
    assert sorted(rig.query(sql, keys)) == sorted((key,) for key in keys)


def test_the_lineage_is_the_same_before_and_after_the_forwarder_has_been(rig):
    rig.proxy.switch("refusing")
    answered = predict(rig, HONDA | {"model": "civic\0"})["prediction_id"]
    before = lineage(rig, answered).json()
    rig.proxy.switch("open")
    rig.drain(30)
    after = lineage(rig, answered).json()
    assert before["model"] == after["model"] and after["model"]["code_commit"] == "c" * 40
    assert before["created_at"] == after["created_at"]
    assert after["request"]["listing"]["model"].startswith("civic")
    assert lineage(rig, new_id()).status_code == 404


def test_a_silent_database_delays_the_lineage_and_not_the_prices(rig):
    rig.drain(30)
    rig.proxy.switch("silent")
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(lineage, rig, new_id()) for _ in range(8)]
        time.sleep(0.3)
        assert predict(rig)["price"] and not all(one.done() for one in asked)
        answers = [one.result() for one in asked]
    rig.proxy.switch("open")
    assert {one.status_code for one in answers} == {503}
    assert all("log-away" in one.json()["type"] for one in answers)


def test_feedback_may_come_before_its_prediction_late_and_twice(rig, outbox):
    rig.proxy.switch("refusing")
    answered = predict(rig)["prediction_id"]
    feedback(rig, answered, 9_000)
    rig.proxy.switch("open")
    early = new_id()
    feedback(rig, early, 5_000)
    for price in (9_000, 9_500):
        feedback(rig, answered, price)
    old = codec.feedback(answered, 7_000)
    outbox.append(old._replace(body=old.body.replace(b'"20', b'"19')))  # from another time
    rig.drain(30)
    sql = "SELECT price FROM feedback WHERE prediction_id = %s"
    assert (rig.query(sql, answered), rig.query(sql, early)) == ([(9_500,)], [(5_000,)])
    assert lineage(rig, answered).json()["feedback"]["price"] == 9_500


def test_a_record_that_can_never_arrive_does_not_stop_the_others(rig, outbox):
    served = Served(None, "1", info={"run_id": "rig", "tags": {}})

    def record(price=1, **changed):
        return codec.priced(
            new_id(), [HONDA | changed], [Estimate(price, 1, 1, ())], served.row, served.role
        )

    good = [record(), record(), record(model="\0")]
    wrong = [
        record(price=2**40),
        record()._replace(body=b'{"half'),
        record()._replace(body=b"[]"),
        Record(new_id(), "feedback", b'{"prediction_id": "7", "price": 1, "received_at": "x"}'),
        record(price={"a": 1}),
    ]
    for one in (good[0], *wrong[:3], good[1], *wrong[3:], good[2]):
        outbox.append(one)
    other = record()._replace(kind="other")  # of a later version, say
    outbox.append_once(other, Answered(other.id, b"", b""))
    rig.drain(30)
    sql = "SELECT count(*) FROM predictions WHERE prediction_id = ANY(%s::uuid[])"
    assert rig.query(sql, [one.id for one in good]) == [(3,)]
    assert outbox.fill().dead_letters == len(wrong) + 1


def test_errors_of_each_version_are_counted_since_a_time(rig, outbox):
    made = []
    for role, price in (("canary", 1_000), ("canary", 3_000), ("production", 2_000)):
        served = Served(None, role[:3], info={"run_id": f"run-{role}", "tags": {}}, role=role)
        estimate = Estimate(price, price, price, ())
        made.append(codec.priced(new_id(), [HONDA], [estimate], served.row, served.role))
    shadow = Served(None, "sha", info={"run_id": "run-shadow", "tags": {}}, role="shadow")
    watched = codec.shadowed(made[2].id, [Estimate(4_000, 1, 9_000, ())], shadow.row, shadow.role)
    for one in (*made, watched, *(codec.feedback(one.id, 2_000) for one in made)):
        outbox.append(one)
    rig.drain(30)
    since = datetime.now(UTC) - timedelta(minutes=1)
    with connected(rig.database, 5) as connection:
        found = {e.run_id: e for e in errors_by_version(connection, since)}
        later = errors_by_version(connection, since + timedelta(hours=1))
        shadows = {e.run_id: e for e in shadow_errors(connection, since)}
    assert found["run-canary"][3:] == (2, 2, 0.5) and found["run-canary"].role == "canary"
    assert found["run-production"][3:] == (1, 1, 0.0)
    assert shadows["run-shadow"] == ("shadow", "sha", "run-shadow", 1, 1, 1.0)
    assert later == []


def test_two_processes_may_migrate_at_once(rig):
    rig.query("SELECT 1")
    with connected(rig.database, 5) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE twice")
    url = rig.database.url.replace("/vehicle_price", "/twice")
    package = "vehicle_price.prediction_log.database"
    code = f"import sys; from {package} import *; migrate(Address(sys.argv[1]))"
    command = [sys.executable, "-c", code, url]
    # pylint: disable-next=consider-using-with
    both = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [one.wait(60) for one in both] == [0, 0, 0]
    with connected(Address(url), 5) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT version_num FROM alembic_version")
        assert cursor.fetchall() == [("0001",)]


def test_a_silent_database_counts_as_away_after_the_patience(rig, monkeypatch):
    rig.drain(30)
    rig.proxy.switch("silent")
    away = Address(rig.environ["PREDICTION_DATABASE_URL"])
    with pytest.raises(DatabaseAway, match="no answer in time"):
        with connected(away, 0.5):
            pass
    monkeypatch.setattr(database, "CONNECT_SECONDS", 0.5)
    with pytest.raises(DatabaseAway, match="no answer in time"):
        database.migrate(away)
    rig.proxy.switch("open")


def test_the_service_starts_and_answers_without_the_database(rig):
    rig.drain(30)
    rig.proxy.switch("refusing")
    rig.kill("master")
    rig.wait_for_service()
    assert predict(rig)["price"] > 0
    assert len(Drain(Outbox(rig.folder / "outbox" / "outbox.sqlite", 2**28)).batch()) == 1
    rig.proxy.switch("open")
    rig.drain(30)
