"""The prediction log on what ships: a price's way into PostgreSQL, its lineage, its feedback."""

import time
from contextlib import closing

import psycopg2
import requests

from setup.native.environment import settings_from
from vehicle_price.prediction_log.database import address_of
from vehicle_price.registry.client import Registry
from vehicle_price.schema import EXAMPLE

PATIENCE = 60  # seconds


def in_the_table(stack, prediction_id):
    """The price and the later feedback of a prediction, once the forwarder has been."""
    settings = settings_from(stack.environ)
    password = (stack.local_dir / "secrets" / "postgres_password").read_text("utf-8").strip()
    sql = "SELECT p.price, f.price FROM predictions p JOIN feedback f USING (prediction_id)"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with closing(psycopg2.connect(address_of(settings).url, password=password)) as connection:
            with connection, connection.cursor() as cursor:
                cursor.execute(f"{sql} WHERE prediction_id = %s", (prediction_id,))
                if found := cursor.fetchall():
                    return found
        time.sleep(0.2)
    return []


def test_a_price_and_its_feedback_reach_postgresql_and_the_lineage_names_the_run(stack):
    answered = requests.post(f"{stack.service_url}/predict", json=EXAMPLE, timeout=30).json()
    body = {"prediction_id": answered["prediction_id"], "price": 14_500}
    key = {"X-API-Key": stack.api_key}
    assert (
        requests.post(f"{stack.service_url}/feedback", json=body, headers=key, timeout=30)
    ).status_code == 202
    assert in_the_table(stack, answered["prediction_id"]) == [(answered["price"], 14_500)]
    address = f"{stack.service_url}/lineage/{answered['prediction_id']}"
    known = requests.get(address, headers=key, timeout=30).json()
    production = Registry(stack.mlflow_url).version("production")
    assert known["model"]["run_id"] == production.run_id
    assert known["model"]["data_sha256"] == production.tags["data_sha256"]
    assert known["request"]["listing"]["odometer"] == EXAMPLE["odometer"]
    assert known["feedback"]["price"] == 14_500
