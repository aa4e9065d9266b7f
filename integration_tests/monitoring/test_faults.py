"""Windows hold the same rows, whatever is killed, stopped or away while they close."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from integration_tests.helpers.ports import free_ports
from integration_tests.helpers.service import HONDA
from integration_tests.helpers.waiting import wait_until
from integration_tests.prediction_log.database_proxy import OPEN, REFUSING
from integration_tests.prediction_log.harness import prediction_log_harness
from unit_tests.helpers import tiny

WINDOW = 3  # seconds
KILLS, SECONDS_BETWEEN, AWAY_SECONDS = 10, 1.7, 2 * WINDOW + 1
RESULTS = """
SELECT window_start, model_version, channel, metric, column_name, status, rows, details
FROM monitoring_results WHERE metric NOT LIKE 'performance%%' ORDER BY 1, 2, 3, 4, 5
"""
PROFILES = """
SELECT window_start, model_version, channel, profile FROM monitoring_profiles ORDER BY 1, 2, 3
"""
TABLES = "monitoring_results, monitoring_profiles, monitoring_references, incidents"


@pytest.fixture(name="harness", scope="module")
def _harness():
    with prediction_log_harness(tiny.valuation("xgboost")) as harness:
        (closed_port,) = free_ports(1)
        harness.environ |= {
            "MONITORING_WINDOW_SECONDS": str(WINDOW),
            "MONITORING_GRACE_SECONDS": "1",
            "MONITORING_POLL_SECONDS": "1",
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{closed_port}",  # away all the time
        }
        yield harness


def ask(harness, until):
    """Ask for prices until that moment; how many were answered."""
    url, answered = f"http://127.0.0.1:{harness.service_port}/predict", 0
    with requests.Session() as session:
        while time.monotonic() < until:
            listing = HONDA | {"odometer": 20_000 + answered % 500}
            answered += session.post(url, json=listing, timeout=30).status_code == 200
            time.sleep(0.02)
    return answered


def closed_rows(harness):
    """The number of predictions in closed windows."""
    sql = "SELECT coalesce(sum(rows), 0) FROM monitoring_results WHERE metric = 'windows_closed'"
    return harness.query(sql)[0][0]


def monitored(harness, expected):
    """Results and profiles, once all predictions are in closed windows."""
    wait_until(lambda: closed_rows(harness) >= expected)
    return harness.query(RESULTS), harness.query(PROFILES)


def until_the_last(rows, last):
    """The rows of windows with predictions; later ones are empty, and come as time goes on."""
    return [[row for row in part if row[0] <= last] for part in rows]


def test_kills_a_database_that_is_away_and_a_stopped_forwarder_change_no_row(harness):
    monitor = harness.program("monitor", "evidently_service")
    seconds = KILLS * SECONDS_BETWEEN + 2 * AWAY_SECONDS
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask, harness, time.monotonic() + seconds)
        monitor.start()
        for _ in range(KILLS):
            time.sleep(SECONDS_BETWEEN)
            monitor.kill()
        harness.proxy.switch(REFUSING)
        time.sleep(AWAY_SECONDS)
        harness.proxy.switch(OPEN)
        harness.forwarder.stop()
        time.sleep(AWAY_SECONDS)
        harness.forwarder.start()
        answered = asking.result()
    assert answered
    with_faults = monitored(harness, answered)
    monitor.stop()
    ((last,),) = harness.query(
        "SELECT max(window_start) FROM monitoring_results "
        "WHERE metric = 'windows_closed' AND rows > 0"
    )
    harness.query(f"TRUNCATE {TABLES}; SELECT 1")
    again = harness.program("monitor-again", "evidently_service")
    again.start()
    without_faults = monitored(harness, answered)
    again.stop()
    assert until_the_last(with_faults, last) == until_the_last(without_faults, last)
    assert closed_rows(harness) == answered
