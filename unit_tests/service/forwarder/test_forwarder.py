"""How much of the processors the forwarder takes from the workers."""

# pylint: disable=protected-access

from service.forwarder.drain import Drain
from service.forwarder.forwarder import MAX_REST_SECONDS, REST, Forwarder
from service.outbox.outbox import Outbox
from unit_tests.service.outbox.test_outbox import record
from vehicle_price.prediction_log.database import Address


def test_the_forwarder_rests_until_the_outbox_fills(tmp_path):
    outbox = Outbox(tmp_path / "outbox.sqlite", 400_000)
    forwarder = Forwarder(Drain(outbox), Address("postgresql://nobody@localhost/none"))
    outbox.append(record(b"x" * 100))
    outbox.collect()
    assert forwarder._rest(0.1) == REST * 0.1
    assert forwarder._rest(10) == MAX_REST_SECONDS
    outbox.append(record(b"x" * 200_000))
    outbox.collect()
    assert forwarder._rest(0.1) == 0
