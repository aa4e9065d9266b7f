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


def versions(*tags: dict[str, str]) -> dict:
    """MLflow's answer about versions 1, 2, … with these tags, the newest first."""
    described = [
        {"version": str(number), "tags": [{"key": k, "value": v} for k, v in of.items()]}
        for number, of in enumerate(tags, 1)
    ]
    return {"model_versions": described[::-1]}


def test_the_status_shows_what_serves_and_why_the_last_one_was_refused(settings, monkeypatch):
    real = {"family": "xgboost", "market": "real"}
    answer = versions(
        real,
        real,
        real | {"gate": "promoted", "gate_reasons": "[]", "promoted_by": "the gate (run 1)"},
        {"family": "random_forest", "market": "sample", "gate": "refused"}
        | {"gate_reasons": json.dumps(["ok: a", "refused: it is of the sample"])},
        {"family": "xgboost", "market": "sample", "gate": "not the best"},
    )
    answer["registered_model"] = {"tags": [{"key": "production_moved_to", "value": "3"}]}
    monkeypatch.setattr(report, "_from_mlflow", lambda *_: answer)
    assert [line.strip() for line in report.models(settings).splitlines()] == [
        "Production       version 3, xgboost, learnt from real listings; by the gate (run 1)",
        "Last decision    version 4, random_forest, learnt from sample listings: refused",
        "refused: it is of the sample",
    ]


def test_the_status_names_a_move_that_is_not_ours(settings, monkeypatch):
    answer = versions({}, {}, {"promoted_by": "anna"})
    answer["registered_model"] = {"tags": [{"key": "production_moved_to", "value": "2"}]}
    monkeypatch.setattr(report, "_from_mlflow", lambda *_: answer)
    assert report.models(settings).endswith("such as MLflow's own page")


def test_the_status_without_a_model_says_so(settings, monkeypatch):
    monkeypatch.setattr(report, "production_version", lambda _: None)
    monkeypatch.setattr(report, "_from_mlflow", lambda *_: {})
    assert "No model" in report.models(settings)
