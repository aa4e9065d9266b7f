"""What `make build` makes of a production model that the service refuses."""

import json
from dataclasses import replace

import pytest

from setup.native import report
from vehicle_price.settings import Settings


@pytest.fixture(name="settings")
def _settings(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "production_version", lambda _: "3")
    return replace(Settings(), model_dir=str(tmp_path))


def said(settings: Settings, state: str, version: str) -> str:
    """The refusal when the sidecar has left this."""
    status = {"state": state, "version": version, "detail": "format 1, need 2"}
    with open(f"{settings.model_dir}/status.json", "w", encoding="utf-8") as file:
        json.dump(status, file)
    return report.refusal(settings)


def test_a_refused_production_model_is_told_with_the_reason(settings):
    assert said(settings, "refused", "3") == "format 1, need 2"


def test_what_is_served_or_was_refused_before_is_no_refusal(settings):
    assert report.refusal(settings) == ""
    assert said(settings, "ok", "3") == "" == said(settings, "refused", "2")
