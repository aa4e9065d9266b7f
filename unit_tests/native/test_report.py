"""`make build` reports why the service refuses the production model."""

import json
from dataclasses import replace

import pytest

from setup.native import report
from vehicle_price.settings import Settings


@pytest.fixture(name="settings")
def _settings(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "production_version", lambda _: "3")
    return replace(Settings(), model_dir=str(tmp_path))


def refusal_of(settings: Settings, state: str, version: str) -> str:
    """The refusal that is read from a status.json with these values."""
    status = {"state": state, "version": version, "detail": "format 1, need 2"}
    with open(f"{settings.model_dir}/status.json", "w", encoding="utf-8") as file:
        json.dump(status, file)
    return report.refusal(settings)


def test_a_refused_production_model_is_reported_with_the_reason(settings):
    assert refusal_of(settings, "refused", "3") == "format 1, need 2"


def test_a_served_or_earlier_refused_version_is_no_refusal(settings):
    assert report.refusal(settings) == ""
    assert refusal_of(settings, "ok", "3") == "" == refusal_of(settings, "refused", "2")
