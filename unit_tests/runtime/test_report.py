"""`make build` reports why the service refuses the production model."""

import json

import pytest

from setup.native import addresses, variables
from setup.runtime import report
from vehicle_price.settings import Settings


@pytest.fixture(name="settings")
def _settings(monkeypatch):
    monkeypatch.setattr(report, "production_version", lambda _: "3")
    return Settings()


def refusal_of(settings: Settings, state: str, version: str) -> str:
    """The refusal that is read from a status.json with these values."""
    status = {"state": state, "version": version, "detail": "format 1, need 2"}
    return report.refusal(settings, json.dumps(status))


def test_a_refused_production_model_is_reported_with_the_reason(settings):
    assert refusal_of(settings, "refused", "3") == "format 1, need 2"


def test_a_served_or_earlier_refused_version_is_no_refusal(settings):
    assert report.refusal(settings, "") == ""
    assert refusal_of(settings, "ok", "3") == "" == refusal_of(settings, "refused", "2")


def test_a_build_whose_first_model_was_refused_says_what_to_do(settings, monkeypatch):
    monkeypatch.setattr(report, "production_version", lambda _: None)
    with pytest.raises(report.NoPrice, match="the gate refused what was trained"):
        report.first_price(settings, print)


def described(number: str, **tags: str) -> dict:
    """A version as MLflow's API describes it."""
    return {"version": number, "tags": [{"key": k, "value": v} for k, v in tags.items()]}


def status_of(monkeypatch, settings, production: dict | None, moved_to: str, *newest: dict) -> str:
    """The status of a registry with these versions, the newest first."""
    answer = {
        "registered_model": {"tags": [{"key": "production_moved_to", "value": moved_to}]},
        "model_versions": newest,
    }
    monkeypatch.setattr(report, "_production", lambda _: production)
    monkeypatch.setattr(report, "_from_mlflow", lambda *_: answer)
    return report.models(settings)


def test_the_status_shows_what_serves_and_why_the_last_one_was_refused(settings, monkeypatch):
    serving = described("3", family="xgboost", market="real", promoted_by="the gate (run 1)")
    reasons = json.dumps(["ok: a", "refused: it is of the sample"])
    sample = {"market": "sample", "gate_reasons": reasons}
    text = status_of(
        monkeypatch,
        settings,
        serving,
        "3",
        described("5", family="xgboost", market="sample", gate="not the best"),
        described("4", family="random_forest", gate="refused", **sample),
        described("3", family="xgboost", gate="promoted", gate_reasons="[]"),
    )
    assert [line.strip() for line in text.splitlines()] == [
        "Production       version 3, xgboost, learnt from real listings; by the gate (run 1)",
        "Last decision    version 4, random_forest, learnt from sample listings: refused",
        "refused: it is of the sample",
    ]


@pytest.mark.parametrize(("moved_to", "is_ours"), [("2", False), ("3", True), ("2,3", True)])
def test_the_status_names_a_move_that_is_not_ours(settings, monkeypatch, moved_to, is_ours):
    text = status_of(monkeypatch, settings, described("3", promoted_by="anna"), moved_to)
    assert text.endswith("by anna" if is_ours else "such as MLflow's own page")


def test_the_status_without_a_model_says_so(settings, monkeypatch):
    assert "No model" in status_of(monkeypatch, settings, None, "")


@pytest.mark.parametrize("hide", [True, False])
def test_a_ci_job_prints_where_the_password_is_and_not_the_password(tmp_path, hide):
    settings = Settings.from_environment({"LOCAL_DIR": str(tmp_path)})
    password = variables.airflow_password(settings)
    table = addresses.summary(settings, hide_passwords=hide)
    assert (password in table) != hide
    assert (settings.airflow_password_file in table) == hide
    assert settings.local_dir in table  # the other secrets are named by their files in any case
