"""The sidecar's entry point: its parts, and the registration of the webhook."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from service.model_dir import SyncRequests, request_sync
from service.model_sync.__main__ import reconciler_from
from service.model_sync.canary_feedback import read_feedback
from service.model_sync.fetcher import Errors
from service.model_sync.webhook_registration import WebhookRegistration
from unit_tests.service.model_sync.test_reconciler import Unreachable
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.registry.client import Registry, RegistryError
from vehicle_price.registry.names import WEBHOOK_NAME
from vehicle_price.settings import Settings

URL = "http://127.0.0.1:5000/webhooks/mlflow"


@dataclass
class Hooks:
    """A registry that remembers what was registered, or refuses."""

    refuses: bool = False
    registered: list[tuple[str, str]] = field(default_factory=list)

    def ensure_webhook(self, url, secret):
        """Remember it."""
        if self.refuses:
            raise Unreachable("Invalid webhook URL scheme: 'http'")
        self.registered.append((url, secret))


def hook_in(folder):
    """The registration with a secret of its own."""
    return WebhookRegistration(Settings(webhook_secret_file=str(folder / "secret")))


def sidecar_of(registry):
    """What the registration needs of a sidecar."""
    return SimpleNamespace(registry=registry, errors=Errors((Unreachable,)))


def test_the_webhook_is_registered_once_and_again_when_the_registry_came_back(tmp_path):
    hook, registry = hook_in(tmp_path), Hooks()
    for _ in range(3):
        hook.ensure(sidecar_of(registry))
    hook.registered = False
    hook.ensure(sidecar_of(registry))
    secret = (tmp_path / "secret").read_text("ascii").strip()
    assert registry.registered == [(URL, secret)] * 2 and len(secret) >= 32
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_registry_that_takes_no_webhook_is_polled_and_the_log_says_so(tmp_path, caplog):
    hook_in(tmp_path).ensure(sidecar_of(Hooks(refuses=True)))
    assert "only polled" in caplog.text and "Invalid webhook URL scheme" in caplog.text


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


def test_a_real_registry_holds_one_webhook_however_often_it_is_registered(
    mlflow_folder, monkeypatch
):
    registry = Registry(f"sqlite:///{mlflow_folder}/hooks.db")
    with pytest.raises(RegistryError, match="scheme"):
        registry.ensure_webhook(URL, "secret")
    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "http,https")
    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")
    for port in (5000, 5000, 6000):
        registry.ensure_webhook(URL.replace("5000", str(port)), "secret")
    (hook,) = registry.client.list_webhooks()
    assert (hook.name, hook.url) == (WEBHOOK_NAME, URL.replace("5000", "6000"))
    assert {str(event) for event in hook.events} == {
        "model_version_alias.created",
        "model_version_alias.deleted",
    }
