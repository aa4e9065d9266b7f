"""The sidecar's entry point: its parts, and the requests to look at once."""

from datetime import UTC, datetime

import pytest

from service.model_dir import SyncRequests, request_sync
from service.model_sync.__main__ import reconciler_from
from service.model_sync.canary_feedback import read_feedback
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.settings import Settings


def test_each_poke_is_noticed_once_and_at_once(tmp_path):
    poked = SyncRequests(tmp_path / "model")
    assert not poked.pending() and not poked.wait(0.05)
    for _ in range(3):
        request_sync(tmp_path / "model")
        assert poked.wait(60) and not poked.pending()


def test_a_sidecar_with_wrong_settings_does_not_start(tmp_path):
    settings = Settings(
        model_dir=str(tmp_path),
        mlflow_tracking_uri=f"sqlite:///{tmp_path}/x.db",
        challenger_mode="on",
    )
    with pytest.raises(ValueError, match="CHALLENGER_MODE"):
        reconciler_from(settings, lambda: False)


def test_a_sidecar_of_a_missing_mlflow_says_so_and_does_not_wait_long(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    settings = Settings(model_dir=str(tmp_path), mlflow_tracking_uri="http://127.0.0.1:9")
    sidecar = reconciler_from(settings, lambda: False)
    assert sidecar.step(0) == "unreachable"
    assert "127.0.0.1:9" in (tmp_path / "status.json").read_text("utf-8")


def test_while_the_prediction_log_is_away_it_is_called_away():
    away = Settings(prediction_database_url="postgresql://nobody@127.0.0.1:9/vehicle_price")
    with pytest.raises(DatabaseUnavailable, match="127.0.0.1"):
        read_feedback(away, datetime.now(UTC), "2", "1")
