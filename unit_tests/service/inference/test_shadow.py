"""The shadow is scored off the request path; what it says is logged and never answered."""

# pylint: disable=protected-access

import threading

import pytest
from pydantic_core import from_json

from service.inference.model_holder import ModelHolder, Served
from service.inference.shadow import QUEUE_SIZE, Shadow
from service.observability.metrics import Metrics
from service.outbox import codec
from service.outbox.outbox import Outbox, OutboxUnavailable
from unit_tests.helpers.service_fakes import REQUIRED, FakeValuation, app_with
from unit_tests.service.inference.test_canary import Broken
from vehicle_price.prediction_log.ids import new_id


class Records(list):
    """As an outbox."""

    taken = 0.0

    def append(self, record):
        """Remember it."""
        super().append(record)

    def used(self):
        """How full it is."""
        return self.taken


def holder_with(valuation, role="shadow"):
    """Production 7, challenger 8."""
    holder = ModelHolder(Served(FakeValuation(), "7"))
    holder.set_challenger(Served(valuation, "8", role=role), 100)
    return holder


def outcomes(metrics):
    """The counts in /metrics."""
    lines = metrics.exposition().decode().splitlines()
    counters = [line for line in lines if line.startswith("vehicle_price_shadow_listings_total{")]
    return {line.split('"')[1]: float(line.split()[-1]) for line in counters}


@pytest.fixture(name="metrics")
def _metrics():
    return Metrics()


def test_what_the_shadow_says_is_logged_with_the_prediction_it_belongs_to(metrics):
    outbox = Records()
    shadow, first_id = Shadow(holder_with(FakeValuation(500)), outbox, metrics), new_id()
    shadow.offer(first_id, [REQUIRED, REQUIRED])
    shadow.join()
    assert [(record.id, record.kind) for record in outbox] == [(first_id, "shadow")]
    rows = codec.rows_of(outbox[0]).shadows
    assert [(row.price, row.model_version) for row in rows] == [(20_640, "8")] * 2
    assert outcomes(metrics) == {"scored": 2.0}


@pytest.mark.parametrize("role", ["canary", None])
def test_without_a_shadow_there_is_no_thread(metrics, role):
    holder = ModelHolder(Served(FakeValuation(), "7"))
    if role:
        holder = holder_with(FakeValuation(), role)
    before = threading.active_count()
    Shadow(holder, Records(), metrics).offer(new_id(), [REQUIRED])
    assert threading.active_count() == before


def test_a_full_queue_drops_and_counts(metrics):
    begun, go_on = threading.Event(), threading.Event()

    class Slow(FakeValuation):
        """Waits until it may go on."""

        def price_many(self, listings):
            """The prices, later."""
            begun.set()
            go_on.wait(30)
            return super().price_many(listings)

    outbox = Records()
    shadow = Shadow(holder_with(Slow()), outbox, metrics)
    shadow.offer(new_id(), [REQUIRED])
    assert begun.wait(30)
    for _ in range(QUEUE_SIZE + 5):
        shadow.offer(new_id(), [REQUIRED])
    go_on.set()
    shadow.join()
    assert outcomes(metrics) == {"dropped": 5.0, "scored": QUEUE_SIZE + 1.0}
    assert len(outbox) == QUEUE_SIZE + 1


@pytest.mark.parametrize("error", [ValueError("nan"), TypeError("x"), OutboxUnavailable("full")])
def test_a_shadow_that_fails_is_counted_and_the_next_listing_is_tried(metrics, error):
    outbox = Records()
    broken = Broken(error)
    shadow = Shadow(holder_with(broken), outbox, metrics)
    shadow.offer(new_id(), [REQUIRED])
    shadow.join()
    assert outcomes(metrics) == {"failed": 1.0} and not outbox
    broken.what = FakeValuation().price_one(REQUIRED)
    shadow.offer(new_id(), [REQUIRED])
    shadow.join()
    assert outcomes(metrics)["scored"] == 1.0 and len(outbox) == 1


def test_a_half_full_outbox_is_left_to_what_was_answered(metrics):
    outbox = Records()
    outbox.taken = 0.51
    shadow = Shadow(holder_with(FakeValuation()), outbox, metrics)
    shadow.offer(new_id(), [REQUIRED])
    shadow.join()
    assert outcomes(metrics) == {"dropped": 1.0} and not outbox


def test_a_client_gets_productions_answer_and_the_outbox_both(tmp_path):
    app = app_with(tmp_path)
    pricer_holder = app.extensions["shadow"]._holder
    pricer_holder.set_challenger(Served(FakeValuation(500), "8", role="shadow"), 100)
    answer = app.test_client().post("/predict", json=REQUIRED).get_json()
    app.extensions["shadow"].join()
    assert (answer["price"], answer["model"]["version"]) == (20_140, "7")
    outbox = Outbox(tmp_path / "outbox.sqlite", 2**24)
    kinds = {
        kind: from_json(outbox.find(answer["prediction_id"], kind))
        for kind in ("prediction", "shadow")
    }
    assert kinds["shadow"]["estimates"][0][0] == 20_640
    assert kinds["prediction"]["role"] == "production"
