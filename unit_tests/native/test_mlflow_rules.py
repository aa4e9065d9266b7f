"""What MLflow's server refuses besides its own permissions."""

import pytest

from setup.mlflow_access.rules import refusal, webhook_refusal

API = "/api/2.0/mlflow"
SERVICE = {"WEBHOOK_URL": "http://127.0.0.1:5000/webhooks/mlflow"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{API}/registered-models/alias"),
        ("POST", f"{API}/runs/search"),
        ("POST", f"{API}/experiments/search"),
    ],
)
def test_serving_reads(method, path):
    assert refusal("serving", method, path) == ""


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{API}/registered-models/alias"),
        ("DELETE", f"{API}/registered-models/alias"),
        ("POST", f"{API}/experiments/create"),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/search"),
        ("PATCH", f"{API}/users/update-password"),
    ],
)
def test_serving_changes_nothing_and_others_are_left_to_mlflow(method, path):
    assert "only reads" in refusal("serving", method, path)
    assert refusal("training", method, path) == refusal("admin", method, path) == ""


def test_a_webhook_goes_to_the_service():
    assert webhook_refusal({"url": SERVICE["WEBHOOK_URL"]}, f"{API}/webhooks", SERVICE) == ""
    assert webhook_refusal(None, f"{API}/webhooks/1/test", SERVICE) == ""
    for body in ({"url": "http://10.0.0.1/"}, {}, None, [], {"url": None}):
        assert "only" in webhook_refusal(body, f"{API}/webhooks", SERVICE)


def test_without_an_address_no_webhook_is_registered():
    for environ in ({}, {"WEBHOOK_URL": ""}):
        assert "WEBHOOK_URL" in webhook_refusal({"url": ""}, f"{API}/webhooks", environ)
