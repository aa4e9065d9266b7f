"""Every answer passes one function: its record is kept, then it is counted, then shadowed."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.forwarder.drain import Drain
from service.inference.model_holder import Served
from service.outbox.outbox import Outbox, OutboxFull
from unit_tests.helpers.service_fakes import (
    REQUIRED,
    FakeValuation,
    app_with,
    components_with,
)

CSV = "year,manufacturer,odometer\n2014,honda,88000\n2015,honda,90000\n"


def one_listing(client):
    """A listing as JSON."""
    return client.post("/predict", json=REQUIRED)


def one_listing_through_flask(client):
    """A listing that the fast path leaves to Flask."""
    return client.post("/predict", json=REQUIRED, content_type="application/json; charset=utf-8")


def a_list(client):
    """Two listings as JSON."""
    return client.post("/predict", json=[REQUIRED, REQUIRED])


def a_file(client):
    """Two listings as CSV."""
    return client.post("/predict/batch", data=io.BytesIO(CSV.encode()), content_type="text/csv")


def a_repeated_key(client):
    """A listing with an Idempotency-Key, sent twice."""
    headers = {"Idempotency-Key": "key"}
    client.post("/predict", json=REQUIRED, headers=headers)
    return client.post("/predict", json=REQUIRED, headers=headers)


def the_form(client):
    """A listing in the query of the HTML form."""
    return client.get("/?year=2014&manufacturer=honda&odometer=88000")


WAYS = [
    (one_listing, 1),
    (one_listing_through_flask, 1),
    (a_list, 2),
    (a_file, 2),
    (a_repeated_key, 1),
    (the_form, 1),
]


@pytest.fixture(name="app")
def _app(tmp_path):
    """The application with a shadow model."""
    components = components_with(tmp_path)
    components.holder.set_challenger(Served(FakeValuation(500), "8", role="shadow"))
    return app_with(tmp_path, components)


def counted(client):
    """The number of prices in /metrics, by role."""
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    counts = [line for line in lines if line.startswith("vehicle_price_predictions_total{")]
    return {line.split('role="')[1].split('"')[0]: float(line.split()[-1]) for line in counts}


def kept_kinds(app, folder):
    """The kinds of the records in the outbox, once the shadow model has priced all listings."""
    app.extensions["shadow"].join()
    return sorted(queued.record.kind for queued in outbox_drain(folder).batch())


def outbox_drain(folder):
    """The outbox as the forwarder reads it."""
    return Drain(Outbox(folder / "outbox.sqlite", 2**24))


@pytest.mark.parametrize(("ask", "prices"), WAYS)
def test_an_answer_is_kept_counted_and_shadowed_once(app, tmp_path, ask, prices):
    client = app.test_client()
    assert ask(client).status_code == 200
    assert kept_kinds(app, tmp_path) == ["prediction", "shadow"]
    assert counted(client) == {"production": prices}


@pytest.mark.parametrize(("ask", "_"), WAYS)
def test_an_answer_that_cannot_be_kept_is_neither_counted_nor_shadowed(
    app, tmp_path, monkeypatch, ask, _
):
    def refuse(*_):
        raise OutboxFull("the disk is full")

    monkeypatch.setattr(Outbox, "keep", refuse)
    client = app.test_client()
    assert ask(client).status_code == 503
    assert kept_kinds(app, tmp_path) == [] and counted(client) == {}


def test_a_price_that_lost_the_race_for_its_key_is_neither_counted_nor_shadowed(tmp_path):
    workers = []
    for _ in range(2):
        components = components_with(tmp_path)
        components.holder.set_challenger(Served(FakeValuation(500), "8", role="shadow"))
        workers.append(app_with(tmp_path, components))

    def ask(number):
        headers = {"Idempotency-Key": f"key-{number // 8}"}
        return workers[number % 2].test_client().post("/predict", json=REQUIRED, headers=headers)

    with ThreadPoolExecutor(8) as pool:
        answers = {response.data for response in pool.map(ask, range(160))}
    for app in workers:
        app.extensions["shadow"].join()
    kinds = kept_kinds(workers[0], tmp_path)
    counts = sum(counted(app.test_client())["production"] for app in workers)
    assert len(answers) == kinds.count("prediction") == kinds.count("shadow") == counts == 20


def test_the_order_is_keep_count_offer(app, monkeypatch):
    steps = []
    keep = Outbox.keep
    monkeypatch.setattr(Outbox, "keep", lambda *args: (steps.append("keep"), keep(*args))[1])
    monkeypatch.setattr(
        "service.observability.metrics.Metrics.predicted", lambda *_: steps.append("count")
    )
    monkeypatch.setattr("service.inference.shadow.Shadow.offer", lambda *_: steps.append("offer"))
    assert one_listing(app.test_client()).status_code == 200
    assert steps == ["keep", "count", "offer"]
