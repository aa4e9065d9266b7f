"""POST /webhooks/mlflow: only what the registry signed, and only once, makes the sidecar look."""

# pylint: disable=protected-access

import base64
import hashlib
import hmac
import time
import uuid

import pytest
from flask import Flask
from mlflow.webhooks import delivery as mlflow_delivery
from requests import Response as SentResponse

from service.auth.webhook_signature import FRESH_SECONDS
from service.http.problem import register_problems
from service.model_dir import SyncRequests
from service.routes import webhook

SECRET = "a secret of the registry"
BODY = b'{"entity": "model_version_alias", "action": "created", "data": {"alias": "production"}}'


@pytest.fixture(name="clock")
def _clock():
    """What time the service thinks it is; tests change it."""
    return [time.time()]


@pytest.fixture(name="app")
def _app(tmp_path, clock):
    app = Flask(__name__)
    register_problems(app)
    app.register_blueprint(webhook.blueprint(SECRET, tmp_path, lambda: clock[0]))
    return app


@pytest.fixture(name="poked")
def _poked(tmp_path):
    return SyncRequests(tmp_path)


def signed(body=BODY, secret=SECRET, stamp=None, delivery=None):
    """Headers as MLflow makes them."""
    delivery = delivery or str(uuid.uuid4())
    stamp = str(int(time.time() if stamp is None else stamp))
    content = f"{delivery}.{stamp}.".encode() + body
    signature = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": stamp,
        "X-MLflow-Signature": "v1," + base64.b64encode(signature).decode(),
    }


def post(app, headers, body=BODY):
    """What is answered."""
    return app.test_client().post("/webhooks/mlflow", data=body, headers=headers)


def test_a_signed_event_makes_the_sidecar_look(app, poked):
    assert post(app, signed()).status_code == 202
    assert poked.pending() and not poked.pending()


def test_our_signature_is_the_one_that_the_installed_mlflow_makes():
    headers, body = signed(), BODY.decode()
    made = mlflow_delivery._generate_hmac_signature(
        SECRET, headers["X-MLflow-Delivery-Id"], headers["X-MLflow-Timestamp"], body
    )
    assert headers["X-MLflow-Signature"] == made


def test_what_mlflow_really_sends_is_taken(app, poked):
    """Its own delivery code, with our application at the other end."""
    from mlflow.entities.webhook import Webhook, WebhookEvent, WebhookStatus

    class Session:
        """As requests.Session."""

        def post(self, url, data, headers, timeout):
            """Hand the request to the application."""
            assert url.endswith("/webhooks/mlflow") and timeout
            answer = SentResponse()
            answer.status_code = post(app, headers, data).status_code
            return answer

    event = WebhookEvent.from_str("model_version_alias.created")
    hook = Webhook(
        "1",
        "x",
        "https://example.com/webhooks/mlflow",
        [event],
        0,
        0,
        secret=SECRET,
        status=WebhookStatus.ACTIVE,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlflow_delivery, "_validate_webhook_url", lambda url: None)
        payload = {"name": "vehicle-price", "alias": "production", "version": "2"}
        sent = mlflow_delivery._send_webhook_request(hook, payload, event, Session())
    assert sent.status_code == 202 and poked.pending()


def refused(answer, kind):
    """Whether it is this problem."""
    body = answer.get_json(force=True)
    return body["type"].endswith(kind) and answer.content_type == "application/problem+json"


def test_a_wrong_or_missing_signature_is_refused(app, poked):
    good = signed()
    wrong = [
        {},
        signed(secret="another"),
        good | {"X-MLflow-Signature": ""},
        good | {"X-MLflow-Signature": good["X-MLflow-Signature"][3:]},
        good | {"X-MLflow-Signature": "v2" + good["X-MLflow-Signature"][2:]},
        good | {"X-MLflow-Signature": "v1,\xff"},
        good | {"X-MLflow-Timestamp": str(int(good["X-MLflow-Timestamp"]) + 1)},
        good | {"X-MLflow-Timestamp": "now"},
        good | {"X-MLflow-Timestamp": "9" * 5_000},
        good | {"X-MLflow-Delivery-Id": str(uuid.uuid4())},
        {k: v for k, v in good.items() if k != "X-MLflow-Delivery-Id"},
        signed(stamp=-5),
    ]
    for headers in wrong:
        answer = post(app, headers)
        assert answer.status_code == 401 and refused(answer, "wrong-signature"), headers
    assert refused(post(app, good, BODY + b" "), "wrong-signature")
    assert not poked.pending()


def test_an_event_counts_once_in_every_worker(app, poked, tmp_path, clock):
    headers = signed()
    other_worker = Flask("other")
    register_problems(other_worker)
    other_worker.register_blueprint(webhook.blueprint(SECRET, tmp_path, lambda: clock[0]))
    assert post(app, headers).status_code == 202 and poked.pending()
    for worker in (app, other_worker):
        answer = post(worker, headers)
        assert answer.status_code == 409 and refused(answer, "replayed")
    assert not poked.pending()


@pytest.mark.parametrize("off", [-FRESH_SECONDS - 5, FRESH_SECONDS + 5, -86_400 * 365])
def test_an_old_event_and_one_from_the_future_are_refused(app, poked, off):
    answer = post(app, signed(stamp=time.time() + off))
    assert answer.status_code == 401 and refused(answer, "stale")
    assert not poked.pending()


def test_a_replay_is_refused_also_when_its_memory_has_been_tidied(app, clock, tmp_path):
    first = signed()
    assert post(app, first).status_code == 202
    clock[0] += FRESH_SECONDS - 5
    assert post(app, signed(stamp=clock[0])).status_code == 202
    assert refused(post(app, first), "replayed")
    clock[0] += 3 * FRESH_SECONDS
    assert refused(post(app, first), "stale")
    assert post(app, signed(stamp=clock[0])).status_code == 202
    assert len(list((tmp_path / "deliveries").iterdir())) <= 2


def test_without_a_secret_nothing_is_taken(tmp_path):
    app = Flask(__name__)
    register_problems(app)
    app.register_blueprint(webhook.blueprint("", tmp_path))
    assert refused(post(app, signed(secret="")), "wrong-signature")


def test_a_delivery_id_names_no_file(app, tmp_path):
    assert post(app, signed(delivery="../../../etc/x")).status_code == 202
    names = [path.name for path in (tmp_path / "deliveries").iterdir()]
    assert len(names) == 1 and len(names[0]) == 64


def test_a_body_too_large_is_refused_before_it_is_hashed(app):
    assert post(app, signed(), b"x" * 3_000_000).status_code == 413


def test_a_delivery_that_could_not_be_acted_on_may_come_again(app, poked, monkeypatch):
    headers = signed()

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as change:
        change.setattr(webhook, "request_sync", full)
        assert post(app, headers).status_code == 503
    assert post(app, headers).status_code == 202 and poked.pending()
    assert post(app, headers).status_code == 409
