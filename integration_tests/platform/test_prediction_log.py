"""The prediction log on what ships: a price's way into PostgreSQL, its lineage, its feedback."""

from contextlib import closing

import psycopg2
import requests

from integration_tests.helpers.waiting import wait_until
from setup.native.environment import settings_from
from vehicle_price.prediction_log.database import address_of
from vehicle_price.registry.client import Registry
from vehicle_price.schema import EXAMPLE


def logged_prices(platform, prediction_id):
    """(price, later feedback) of a prediction in PostgreSQL; [] while it has not arrived."""
    settings = settings_from(platform.environ)
    password = platform.secret("vehicle_price_service_password")
    sql = "SELECT p.price, f.price FROM predictions p JOIN feedback f USING (prediction_id)"
    with closing(psycopg2.connect(address_of(settings).url, password=password)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute(f"{sql} WHERE prediction_id = %s", (prediction_id,))
            return cursor.fetchall()


def test_a_price_and_its_feedback_reach_postgresql_and_the_lineage_names_the_run(platform):
    prediction = requests.post(f"{platform.service_url}/predict", json=EXAMPLE, timeout=30).json()
    prediction_id = prediction["prediction_id"]
    body = {"prediction_id": prediction_id, "price": 14_500}
    headers = {"X-API-Key": platform.api_key}
    answer = requests.post(
        f"{platform.service_url}/feedback", json=body, headers=headers, timeout=30
    )
    assert answer.status_code == 202
    wait_until(lambda: logged_prices(platform, prediction_id))
    assert logged_prices(platform, prediction_id) == [(prediction["price"], 14_500)]
    address = f"{platform.service_url}/lineage/{prediction_id}"
    lineage = requests.get(address, headers=headers, timeout=30).json()
    production = Registry(platform.mlflow_url).version("production")
    assert lineage["model"]["run_id"] == production.run_id
    assert lineage["model"]["data_sha256"] == production.tags["data_sha256"]
    assert lineage["request"]["listing"]["odometer"] == EXAMPLE["odometer"]
    assert lineage["feedback"]["price"] == 14_500
